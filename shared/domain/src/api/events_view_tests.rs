use std::time::Duration;

use serde_json::{Value, json, to_value};

use super::*;
use crate::api::requests::parse_email;
use crate::delivery::email_status::tests::{BORN, record};
use crate::delivery::history::{AttemptOutcome, Diagnostic};
use crate::delivery::record::{Acceptance, Due};

fn at(secs: u64) -> Timestamp {
    BORN.after(Duration::from_secs(secs))
}

fn email() -> EmailContent {
    let json = r#"{"from":"a@example.com","to":["b@example.com","c@example.com"],"cc":"d@example.com",
        "bcc":"e@example.com","subject":"Hello","text":"Hi"}"#;
    parse_email(json.as_bytes()).unwrap().email
}

fn shown(record: &EmailRecord, email: Option<&EmailContent>) -> Vec<Value> {
    let mut list = to_value(EventsView::new(record, email, at(100))).unwrap();
    assert_eq!(list["object"], "list");
    let events = list["data"].as_array_mut().unwrap();
    for event in &mut *events {
        let created_at = event["created_at"].as_str().unwrap();
        let since = Timestamp::parse_rfc3339(created_at).unwrap().since(BORN);
        event["created_at"] = since.as_secs().into();
    }
    std::mem::take(events)
}

#[test]
fn events_are_in_order_with_all_messages() {
    let said = |secs, words: &str| Diagnostic {
        at: at(secs),
        words: words.to_owned(),
    };
    let outcome = |claim_no, secs, cause, words: &str| AttemptOutcome {
        claim_no,
        at: at(secs),
        cause,
        words: words.to_owned(),
    };
    let delivery_statuses = [
        ("b@example.com", DeliveryStatus::Delivered),
        ("c@example.com", DeliveryStatus::Bounced),
        ("d@example.com", DeliveryStatus::SoftBounced),
        ("e@example.com", DeliveryStatus::Suppressed),
    ];
    let record = EmailRecord {
        status: RecordStatus::Sent,
        claim_no: 3,
        attempts: 3,
        scheduled_at: Some(at(1)),
        retried_at: Some(at(2)),
        outcomes: vec![
            outcome(1, 3, Cause::Throttled, "slow down"),
            outcome(2, 4, Cause::Crashed, ""),
        ],
        sent: Some(Acceptance {
            claim_no: 3,
            message_id: "0100-x".to_owned(),
            at: at(5),
        }),
        delivery_statuses: delivery_statuses
            .map(|(address, delivery_status)| (recipient_key(address), delivery_status))
            .into(),
        diagnostics: [
            ("b@example.com", said(6, "250 OK")),
            ("c@example.com", said(7, "550 5.1.1 unknown")),
            ("d@example.com", said(8, "")),
        ]
        .map(|(address, said)| (recipient_key(address), said))
        .into(),
        opened_at: Some(at(9)),
        clicked_at: Some(at(9)),
        ..record()
    };
    assert_eq!(
        Value::from(shown(&record, Some(&email()))),
        json!([
            {"type": "accepted", "created_at": 0, "scheduled_at": at(1).to_string()},
            {"type": "retried", "created_at": 2},
            {"type": "attempt_failed", "created_at": 3, "attempt": 1, "cause": "throttled", "diagnostic": "slow down"},
            {"type": "attempt_uncertain", "created_at": 4, "attempt": 2, "cause": "crashed"},
            {"type": "sent", "created_at": 5, "attempt": 3, "ses_message_id": "0100-x"},
            {"type": "suppressed", "created_at": 5, "recipient": "e@example.com"},
            {"type": "delivered", "created_at": 6, "recipient": "b@example.com", "diagnostic": "250 OK"},
            {"type": "bounced", "created_at": 7, "recipient": "c@example.com", "bounce_type": "permanent",
             "diagnostic": "550 5.1.1 unknown"},
            {"type": "bounced", "created_at": 8, "recipient": "d@example.com", "bounce_type": "transient"},
            {"type": "opened", "created_at": 9},
            {"type": "clicked", "created_at": 9},
        ])
    );
    let unnamed = shown(&record, None);
    assert_eq!(unnamed.len(), 11, "the events outlive the content");
    assert!(unnamed.iter().all(|event| event.get("recipient").is_none()));
}

/// The sender got SES's answer after the first event, and stored that later time as the time of acceptance.
#[test]
fn delivery_events_come_after_the_acceptance() {
    let key = recipient_key("b@example.com");
    let said = Diagnostic {
        at: at(5),
        words: String::new(),
    };
    let record = EmailRecord {
        status: RecordStatus::Sent,
        sent: Some(Acceptance {
            claim_no: 1,
            message_id: "0100-x".to_owned(),
            at: at(6),
        }),
        delivery_statuses: [(key.clone(), DeliveryStatus::Delivered)].into(),
        diagnostics: [(key, said)].into(),
        ..record()
    };
    let timeline: Vec<_> = shown(&record, None).iter().map(|event| event["type"].clone()).collect();
    assert_eq!(timeline, ["accepted", "sent", "delivered"]);
}

#[test]
fn every_end_has_its_cause_and_time() {
    for (status, cause, name) in [
        (RecordStatus::Failed, Some(Cause::UnverifiedSender), "failed"),
        (RecordStatus::Unknown, Some(Cause::AnswerLost), "unknown"),
        (RecordStatus::Canceled, Some(Cause::Purged), "canceled"),
        (RecordStatus::Canceled, None, "canceled"),
        (RecordStatus::Expired, Some(Cause::Expired), "expired"),
    ] {
        let record = EmailRecord {
            status,
            cause,
            due: Some(Due {
                kind: DueKind::Ended,
                at: at(50),
            }),
            ..record()
        };
        let events = shown(&record, None);
        let end = events.last().unwrap();
        assert_eq!((&end["type"], &end["created_at"]), (&name.into(), &50.into()));
        let cause = cause.map(|cause| to_value(cause).unwrap());
        assert_eq!(end.get("cause"), cause.as_ref(), "{name}");
    }
    // No write has ended it yet.
    let record = EmailRecord {
        expires_at: at(60),
        ..record()
    };
    let events = shown(&record, None);
    assert_eq!(
        events.last(),
        Some(&json!({"type": "expired", "created_at": 60, "cause": "expired"}))
    );
}

#[test]
fn a_new_email_has_one_event() {
    let record = EmailRecord {
        expires_at: at(1000),
        ..record()
    };
    assert_eq!(
        shown(&record, Some(&email())),
        [json!({"type": "accepted", "created_at": 0})]
    );
}

#[test]
fn earlier_events_stay_in_the_timeline() {
    let said = |secs, words: &str| Diagnostic {
        at: at(secs),
        words: words.to_owned(),
    };
    let key = || recipient_key("b@example.com");
    let record = EmailRecord {
        status: RecordStatus::Sent,
        delivery_statuses: [(key(), DeliveryStatus::SoftBounced)].into(),
        diagnostics: [(key(), said(5, "452 4.2.2 full"))].into(),
        facts: [
            ((key(), Fact::Delivered), said(4, "250 OK")),
            ((key(), Fact::NotSpam), said(6, "not-spam")),
            ((key(), Fact::AuthFailure), said(7, "auth-failure")),
        ]
        .into(),
        ..record()
    };
    let timeline = shown(&record, Some(&email()));
    let types: Vec<_> = timeline.iter().map(|event| event["type"].as_str().unwrap()).collect();
    assert_eq!(types, ["accepted", "delivered", "bounced", "not_spam", "auth_failure"]);
    assert!(timeline[1..].iter().all(|event| event["recipient"] == "b@example.com"));
    assert_eq!(
        (&timeline[2]["bounce_type"], &timeline[2]["diagnostic"]),
        (&json!("transient"), &json!("452 4.2.2 full"))
    );
}
