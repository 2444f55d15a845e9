//! The responses, byte for byte.

use std::time::Duration;

use serde_json::{Value, to_string, to_value};

use super::*;
use crate::api::requests::parse_email;
use crate::delivery::delivery_status::DeliveryStatus;
use crate::delivery::email_status::tests::{BORN, NOW, record};
use crate::delivery::record::{Acceptance, RecordStatus, recipient_key};
use crate::message::dropped_header::DroppedHeader;

const REGION: &str = "eu-west-1";

fn email(json: &str) -> EmailContent {
    parse_email(json.as_bytes()).unwrap().email
}

fn full() -> EmailContent {
    email(
        r#"{"from":"Ada <a@example.com>","to":["b@example.com","Cy <c@example.com>"],"cc":"d@example.com",
        "bcc":["e@example.com"],"reply_to":"r@example.com","subject":"Hello","html":"<p>\"Hi\"</p>",
        "tags":[{"name":"kind","value":"welcome"}],"headers":{"X-Order":"7"}}"#,
    )
}

#[test]
fn a_new_email_has_resends_order_and_nulls() {
    let email = email(r#"{"from":"a@example.com","to":"b@example.com","subject":"Hello","text":"Hi"}"#);
    assert_eq!(
        to_string(&EmailView::new(&record(), Some(&email), REGION, NOW)).unwrap(),
        concat!(
            r#"{"object":"email","id":"01010101-0101-4101-8101-010101010101","to":["b@example.com"],"#,
            r#""from":"a@example.com","created_at":"2026-11-24T09:30:00.000Z","subject":"Hello","html":null,"#,
            r#""text":"Hi","bcc":null,"cc":null,"reply_to":null,"last_event":"queued","scheduled_at":null,"#,
            r#""status":"queued","attempts":0,"cause":null,"detail":null,"advice":null,"#,
            r#""next_attempt_at":"2026-11-24T09:30:00.000Z","expires_at":"2026-12-08T09:30:00.000Z","#,
            r#""on_uncertain":"resend","maybe_duplicate":false,"duplicate":false,"queue":"default","sent_at":null,"delivered_at":null,"ses_message_id":null,"#,
            r#""message_id":null,"#,
            r#""recipients":[{"address":"b@example.com","last_event":"queued"}]}"#,
        )
    );
}

#[test]
fn dropped_headers_are_warnings() {
    let record = EmailRecord {
        dropped_headers: vec![DroppedHeader::MessageId],
        ..record()
    };
    let view = to_value(EmailView::new(&record, None, REGION, NOW)).unwrap();
    let path = "headers.Message-ID";
    let message = "The value of this header is not sent: mailqueue, Amazon SES or the receiver sets it.";
    assert_eq!(
        view["warnings"],
        serde_json::json!([{"path": path, "message": message}])
    );
}

#[test]
fn a_sent_email_shows_its_recipients_and_times() {
    let at = |secs| BORN.after(Duration::from_secs(secs));
    let record = EmailRecord {
        status: RecordStatus::Sent,
        claim_no: 2,
        attempts: 2,
        duplicate: true,
        sent: Some(Acceptance {
            claim_no: 2,
            message_id: "0100-x".to_owned(),
            at: at(1),
        }),
        delivered_at: Some(at(2)),
        delivery_statuses: [
            ("b@example.com", DeliveryStatus::Delivered),
            ("e@example.com", DeliveryStatus::Bounced),
        ]
        .map(|(address, delivery_status)| (recipient_key(address), delivery_status))
        .into(),
        ..record()
    };
    let json = to_value(EmailView::new(&record, Some(&full()), REGION, NOW)).unwrap();
    for (pointer, value) in [
        ("/from", Value::from("Ada <a@example.com>")),
        ("/to/1", "Cy <c@example.com>".into()),
        ("/cc/0", "d@example.com".into()),
        ("/bcc/0", "e@example.com".into()),
        ("/reply_to/0", "r@example.com".into()),
        ("/html", "<p>\"Hi\"</p>".into()),
        ("/text", Value::Null),
        ("/tags/0/name", "kind".into()),
        ("/tags/0/value", "welcome".into()),
        ("/status", "sent".into()),
        ("/last_event", "bounced".into()),
        ("/sent_at", "2026-11-24T09:30:01.000Z".into()),
        ("/delivered_at", "2026-11-24T09:30:02.000Z".into()),
        ("/next_attempt_at", Value::Null),
        ("/maybe_duplicate", true.into()),
        ("/ses_message_id", "0100-x".into()),
        ("/message_id", "<0100-x@eu-west-1.amazonses.com>".into()),
        ("/recipients/0/last_event", "delivered".into()),
        ("/recipients/1/address", "c@example.com".into()),
        ("/recipients/1/last_event", "sent".into()),
        ("/recipients/2/last_event", "sent".into()),
        ("/recipients/3/last_event", "bounced".into()),
    ] {
        assert_eq!(json.pointer(pointer), Some(&value), "{pointer}");
    }
}

#[test]
fn a_failure_shows_its_cause_and_advice() {
    let record = EmailRecord {
        status: RecordStatus::Failed,
        cause: Some(Cause::UnverifiedSender),
        detail: Some("Email address is not verified.".to_owned()),
        attempts: 1,
        claim_no: 1,
        ..record()
    };
    let json = to_value(ItemView::new(&record, Some(&full()), REGION, NOW)).unwrap();
    assert_eq!(json["cause"], "unverified_sender");
    assert_eq!(json["detail"], "Email address is not verified.");
    assert_eq!(json["advice"], Cause::UnverifiedSender.advice());
    assert_eq!(
        (&json["status"], &json["last_event"]),
        (&"failed".into(), &"failed".into())
    );
}

#[test]
fn a_view_without_content_keeps_resends_types() {
    let json = to_value(EmailView::new(&record(), None, REGION, NOW)).unwrap();
    for (field, value) in [
        ("from", Value::from("")),
        ("subject", "".into()),
        ("to", Value::Array(Vec::new())),
        ("recipients", Value::Array(Vec::new())),
        ("html", Value::Null),
        ("text", Value::Null),
        ("cc", Value::Null),
        ("status", "queued".into()),
        ("created_at", "2026-11-24T09:30:00.000Z".into()),
    ] {
        assert_eq!(json[field], value, "{field}");
    }
    assert_eq!((json.get("tags"), json.get("headers")), (None, None));
}

#[test]
fn an_email_has_the_headers_of_its_request() {
    let view = to_value(EmailView::new(&record(), Some(&full()), REGION, NOW)).unwrap();
    assert_eq!(view["headers"], serde_json::json!([{"name": "X-Order", "value": "7"}]));
}

#[test]
fn a_list_item_is_the_email_without_content() {
    let whole = to_value(EmailView::new(&record(), Some(&full()), REGION, NOW)).unwrap();
    let item = to_value(ItemView::new(&record(), Some(&full()), REGION, NOW)).unwrap();
    let fields = |json: &Value| json.as_object().unwrap().clone();
    let mut expected = fields(&whole);
    expected.retain(|field, _| !["object", "html", "text", "tags", "headers", "recipients"].contains(&field.as_str()));
    assert_eq!(fields(&item), expected);
    let id = record().id;
    let page = to_string(&PageView::new(Vec::new(), Some(id))).unwrap();
    let more = format!(r#"{{"object":"list","has_more":true,"next":"{id}","data":[]}}"#);
    assert_eq!(page, more);
    let page = to_string(&PageView::new(Vec::new(), None)).unwrap();
    assert_eq!(page, r#"{"object":"list","has_more":false,"data":[]}"#);
}
