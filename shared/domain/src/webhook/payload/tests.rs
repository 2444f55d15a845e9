use serde_json::{Value, json};

use super::samples::{ANN, BOB, at, content, first, of_kind, payload, record, statuses};
use super::*;
use crate::delivery::history::Diagnostic;
use crate::delivery::record::RecordStatus;
use crate::delivery::ses_event::Agent;
use crate::delivery::suppression::Entry;
use crate::id::{EmailId, TenantId};
use crate::message::address::EmailAddress;
use crate::webhook::fact::FactKind;
use crate::webhook::telling::{suppression_told, told};

#[test]
fn a_payload_has_resends_form() {
    let sent = record(RecordStatus::Sent);
    let found = payload(&first(&sent), &sent, Some(&content()));
    let expected = json!({
        "type": "email.sent",
        "created_at": at(300).to_string(),
        "data": {
            "email_id": sent.id.to_string(),
            "message_id": "<0100-x@eu-west-1.amazonses.com>",
            "created_at": at(100).to_string(),
            "from": "Acme <news@acme.example>",
            "to": [ANN],
            "subject": "Hello \"you\"",
            "tags": {"kind": "welcome"},
            "headers": [{"name": "X-Order", "value": "7"}],
            "idempotency_key": "order-7",
            "queue": "default",
            "attempt": 2,
            "maybe_duplicate": false,
            "duplicate": false,
            "rank": 1_000_000_000_000_u64,
        },
    });
    assert_eq!(found, expected);
}

/// The signature covers the bytes: their order must not change from one look to the next.
#[test]
fn the_same_event_has_the_same_bytes() {
    let sent = record(RecordStatus::Sent);
    let content = content();
    let context = Context {
        content: Some(&content),
        listed_by: None,
        region: "us-east-1",
    };
    let text = || of_email(&first(&sent), &sent, context);
    assert_eq!(text(), text());
    assert!(text().starts_with(r#"{"type":"email.sent","created_at":""#));
}

#[test]
fn each_event_names_its_own_recipient() {
    let sent = record(RecordStatus::Sent);
    let to = |telling: &Telling| payload(telling, &sent, Some(&content()))["data"]["to"].clone();
    let tellings: Vec<_> = told(None, Some(&sent)).iter().map(to).collect();
    assert_eq!(tellings, [json!([ANN]), json!([BOB])]);
}

#[test]
fn a_missing_content_leaves_out_its_fields() {
    let sent = record(RecordStatus::Sent);
    let found = payload(&first(&sent), &sent, None);
    let data = &found["data"];
    assert_eq!(data["to"], json!([]));
    assert_eq!(data["email_id"], sent.id.to_string());
    assert_eq!(data["idempotency_key"], "order-7");
    for field in ["from", "subject", "tags", "headers"] {
        assert_eq!(data.get(field), None, "{field}");
    }
}

#[test]
fn a_failure_has_its_cause_and_advice() {
    let failed = EmailRecord {
        cause: Some(Cause::UnverifiedSender),
        detail: Some("Email address is not verified.".to_owned()),
        ..record(RecordStatus::Failed)
    };
    let data = &payload(&first(&failed), &failed, Some(&content()))["data"];
    assert_eq!(data["failed"], json!({"reason": "unverified_sender"}));
    assert_eq!(
        (&data["status"], &data["cause"]),
        (&json!("failed"), &json!("unverified_sender"))
    );
    assert_eq!(data["detail"], "Email address is not verified.");
    assert_eq!(data["advice"], Cause::UnverifiedSender.advice());
}

#[test]
fn an_unknown_outcome_is_not_called_a_refusal() {
    let unknown = EmailRecord {
        maybe_duplicate: true,
        ..record(RecordStatus::Unknown)
    };
    let data = &payload(&first(&unknown), &unknown, None)["data"];
    assert_eq!(data["failed"], json!({"reason": "unknown"}));
    assert_eq!(
        (&data["cause"], &data["maybe_duplicate"]),
        (&json!("answer_lost"), &json!(true))
    );
    assert_eq!(data["advice"], Cause::AnswerLost.advice());
}

#[test]
fn the_detail_belongs_to_the_newest_end_only() {
    let failed = EmailRecord {
        cause: Some(Cause::Rejected),
        detail: Some("the second answer".to_owned()),
        ..record(RecordStatus::Failed)
    };
    let mut again = failed.clone();
    again.hook.as_mut().unwrap().turn = 1;
    let earlier = payload(&first(&failed), &again, None);
    assert_eq!(earlier["data"].get("detail"), None);
    assert_eq!(earlier["data"]["cause"], "rejected", "its own cause");
}

#[test]
fn a_schedule_has_its_time() {
    let scheduled = EmailRecord {
        scheduled_at: Some(at(9_000)),
        claim_no: 0,
        ..record(RecordStatus::Queued)
    };
    let found = payload(&first(&scheduled), &scheduled, None);
    assert_eq!(found["type"], "email.scheduled");
    assert_eq!(found["data"]["scheduled_at"], at(9_000).to_string());
    assert_eq!(found["data"].get("message_id"), None);
}

#[test]
fn a_bounce_has_resends_parts() {
    let sent = record(RecordStatus::Sent);
    let bounce = |status, known| {
        let kind = statuses(BOB, status, "smtp; 550 5.1.1 user unknown", known);
        of_kind(&sent, kind)
    };
    let found = bounce(DeliveryStatus::Bounced, Some(("Permanent", "NoEmail")));
    let expected = json!({
        "message": "The recipient's server rejected the email for good.",
        "type": "Permanent",
        "subType": "NoEmail",
        "diagnosticCode": ["smtp; 550 5.1.1 user unknown"],
    });
    assert_eq!(
        (&found["data"]["bounce"], &found["data"]["to"]),
        (&expected, &json!([BOB]))
    );
    assert_eq!(
        found["data"]["message_id"], "<0100-y@eu-west-1.amazonses.com>",
        "the copy's own"
    );
    let kind = |status, known| {
        let bounce = bounce(status, known)["data"]["bounce"].clone();
        (
            bounce["type"].clone(),
            bounce["subType"].clone(),
            bounce["absence"].clone(),
        )
    };
    let full = kind(DeliveryStatus::SoftBounced, Some(("Transient", "MailboxFull")));
    assert_eq!(full, (json!("Transient"), json!("MailboxFull"), Value::Null));
    let unclear = kind(DeliveryStatus::SoftBounced, Some(("Undetermined", "Undetermined")));
    assert_eq!(unclear, (json!("Undetermined"), json!("Undetermined"), Value::Null));
    let away = kind(DeliveryStatus::Absence, Some(("Transient", "General")));
    assert_eq!(away, (json!("Transient"), json!("General"), json!(true)));
    let bad = kind(DeliveryStatus::Bounced, Some(("Transient", "General")));
    assert_eq!(bad.0, "Permanent", "5.1.1 in a bounce that SES calls transient");
    let unknown = kind(DeliveryStatus::SoftBounced, None);
    assert_eq!((unknown.0, unknown.1), (json!("Transient"), json!("General")));
}

#[test]
fn a_click_and_an_opening_have_their_client() {
    let sent = record(RecordStatus::Sent);
    let agent = Agent {
        ip_address: "192.0.2.1".to_owned(),
        user_agent: "Mail/1".to_owned(),
    };
    let link = "https://x.example/a?b=c".to_owned();
    let click = of_kind(
        &sent,
        FactKind::Clicked {
            agent: agent.clone(),
            link: link.clone(),
        },
    );
    let time = at(400).to_string();
    let expected = json!({"ipAddress": "192.0.2.1", "link": link, "timestamp": time, "userAgent": "Mail/1"});
    assert_eq!(click["data"]["click"], expected);
    assert_eq!(click["data"]["to"], json!([ANN, BOB]), "SES does not say whose it is");
    let open = of_kind(&sent, FactKind::Opened(agent));
    let expected = json!({"ipAddress": "192.0.2.1", "timestamp": time, "userAgent": "Mail/1"});
    assert_eq!(
        (&open["type"], &open["data"]["open"]),
        (&json!("email.opened"), &expected)
    );
}

#[test]
fn a_suppressed_recipient_has_its_list_and_reason() {
    let sent = record(RecordStatus::Sent);
    let left_out = EmailRecord {
        delivery_statuses: [(RecipientKey::of(ANN).to_string(), DeliveryStatus::Suppressed)].into(),
        hook: sent.hook.clone().map(|mut hook| {
            hook.leave_out(2, [RecipientKey::of(ANN)]);
            hook
        }),
        ..sent.clone()
    };
    let found = payload(&first(&left_out), &left_out, Some(&content()));
    assert_eq!(found["type"], "email.suppressed");
    let suppressed = &found["data"]["suppressed"];
    assert_eq!(suppressed["type"], "OnAccountSuppressionList");
    assert_eq!(suppressed["reason"], "previous_complaint");
    let on_list = |status| of_kind(&sent, statuses(ANN, status, "smtp; 550", None))["data"]["suppressed"].clone();
    assert_eq!(on_list(DeliveryStatus::OnGlobalList)["type"], "Suppressed");
    let account = on_list(DeliveryStatus::OnAccountList);
    assert_eq!(account["type"], "OnAccountSuppressionList");
    assert_eq!(account["diagnosticCode"], json!(["smtp; 550"]));
}

#[test]
fn other_statuses_have_their_parts() {
    let sent = record(RecordStatus::Sent);
    let data = |status| of_kind(&sent, statuses(ANN, status, "250 OK", None))["data"].clone();
    assert_eq!(data(DeliveryStatus::Delivered)["detail"], "250 OK");
    assert_eq!(data(DeliveryStatus::DeliveryDelayed)["detail"], "250 OK");
    let complained = data(DeliveryStatus::Complained);
    assert_eq!(complained["complaint"], json!({"type": "abuse", "suspected": false}));
    let rejected = data(DeliveryStatus::Rejected);
    assert_eq!(rejected["failed"], json!({"reason": "rejected"}));
    assert_eq!(rejected["cause"], "rejected");
}

#[test]
fn a_suppression_and_a_domain_have_resends_form() {
    let suppression = Suppression {
        source: Some(EmailId::from_random([1; 16])),
        origin: Origin::Bounce,
        ..Suppression::manual(TenantId::main(), &EmailAddress::parse(ANN).unwrap(), at(10))
    };
    let entry = Entry::Suppressed {
        suppression: suppression.clone(),
        released_at: None,
    };
    let telling = suppression_told(None, Some(&entry)).unwrap();
    let found: Value = serde_json::from_str(&of_suppression(&telling, &suppression)).unwrap();
    let expected = json!({
        "type": "suppression.added",
        "created_at": at(10).to_string(),
        "data": {
            "id": suppression.id().to_string(),
            "email": ANN,
            "origin": "bounce",
            "source_id": EmailId::from_random([1; 16]).to_string(),
            "created_at": at(10).to_string(),
            "rank": at(10).as_millis(),
        },
    });
    assert_eq!(found, expected);
    let shown = json!({"id": "1", "name": "example.com"});
    let found: Value = serde_json::from_str(&of_domain(&telling, shown)).unwrap();
    assert_eq!(found["data"]["name"], "example.com");
    assert_eq!(found["data"]["rank"], at(10).as_millis());
}

#[test]
fn a_message_of_a_recovered_fact_is_shown() {
    let key = RecipientKey::of(ANN).to_string();
    let kept = EmailRecord {
        delivery_statuses: [(key.clone(), DeliveryStatus::Bounced)].into(),
        diagnostics: [(
            key,
            Diagnostic {
                at: at(400),
                words: "550 5.1.1".to_owned(),
            },
        )]
        .into(),
        ..record(RecordStatus::Sent)
    };
    let all = crate::webhook::telling::recovered(&kept, &[]);
    let bounced = all
        .iter()
        .find(|telling| telling.event_type.as_str() == "email.bounced")
        .unwrap();
    let found = payload(bounced, &kept, None);
    assert_eq!(found["data"]["bounce"]["diagnosticCode"], json!(["550 5.1.1"]));
    assert_eq!(found["data"]["message_id"], "<0100-x@eu-west-1.amazonses.com>");
}
