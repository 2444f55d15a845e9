//! The cause and the advice of each event that has one.

use serde_json::{Value, json};

use super::samples::{ANN, content, first, of_kind, payload, record, statuses};
use super::*;
use crate::delivery::email_status::{ON_ACCOUNT_LIST, ON_GLOBAL_LIST};
use crate::delivery::record::RecordStatus;

/// The type, the cause and the advice of a payload.
fn advised(payload: &Value) -> (&str, &Value, &Value) {
    let data = &payload["data"];
    (payload["type"].as_str().unwrap(), &data["cause"], &data["advice"])
}

/// The payload of the end of an email.
fn end(status: RecordStatus, cause: Option<Cause>) -> Value {
    let record = EmailRecord {
        cause,
        ..record(status)
    };
    payload(&first(&record), &record, Some(&content()))
}

#[test]
fn each_end_has_its_cause_and_its_advice() {
    for (status, cause, event_type, name) in [
        (RecordStatus::Expired, Cause::Expired, "email.expired", "expired"),
        (RecordStatus::Canceled, Cause::Purged, "email.canceled", "purged"),
        (RecordStatus::Failed, Cause::Rejected, "email.failed", "rejected"),
        (RecordStatus::Unknown, Cause::AnswerLost, "email.failed", "answer_lost"),
    ] {
        let found = end(status, Some(cause));
        assert_eq!(advised(&found), (event_type, &json!(name), &json!(cause.advice())));
    }
}

/// A record of an earlier version may have no cause.
#[test]
fn an_expired_email_always_has_its_cause() {
    assert_eq!(
        end(RecordStatus::Expired, None),
        end(RecordStatus::Expired, Some(Cause::Expired))
    );
}

/// The caller knows why.
#[test]
fn a_cancel_by_a_caller_has_no_cause() {
    let found = end(RecordStatus::Canceled, None);
    assert_eq!(advised(&found), ("email.canceled", &Value::Null, &Value::Null));
}

#[test]
fn a_left_out_recipient_has_advice_about_itself() {
    let sent = record(RecordStatus::Sent);
    let left_out = EmailRecord {
        hook: sent.hook.clone().map(|mut hook| {
            hook.leave_out(2, [RecipientKey::of(ANN)]);
            hook
        }),
        ..sent
    };
    let alone = payload(&first(&left_out), &left_out, Some(&content()));
    let all = end(RecordStatus::Failed, Some(Cause::Suppressed));
    for found in [&alone, &all] {
        let advice = json!(parts::LEFT_OUT);
        assert_eq!(advised(found), ("email.suppressed", &json!("suppressed"), &advice));
    }
    assert!(!parts::LEFT_OUT.contains("Every recipient"), "Bob got the email");
}

#[test]
fn each_list_of_ses_has_its_own_advice() {
    let sent = record(RecordStatus::Sent);
    for (status, advice) in [
        (DeliveryStatus::OnGlobalList, ON_GLOBAL_LIST),
        (DeliveryStatus::OnAccountList, ON_ACCOUNT_LIST),
    ] {
        let found = of_kind(&sent, statuses(ANN, status, "smtp; 550", None));
        let expected = ("email.suppressed", &json!("suppressed"), &json!(advice));
        assert_eq!(advised(&found), expected);
    }
}

#[test]
fn a_rejection_after_the_acceptance_has_advice() {
    let sent = record(RecordStatus::Sent);
    let found = of_kind(&sent, statuses(ANN, DeliveryStatus::Rejected, "Bad content", None));
    let advice = json!(Cause::Rejected.advice());
    assert_eq!(advised(&found), ("email.failed", &json!("rejected"), &advice));
    assert_eq!(found["data"]["detail"], "Bad content");
}

#[test]
fn an_address_on_a_list_has_a_reason_if_it_is_known() {
    let sent = record(RecordStatus::Sent);
    let reason = |status| of_kind(&sent, statuses(ANN, status, "", None))["data"]["suppressed"]["reason"].clone();
    assert_eq!(reason(DeliveryStatus::OnGlobalList), "previous_bounce");
    assert_eq!(reason(DeliveryStatus::OnAccountList), Value::Null);
}
