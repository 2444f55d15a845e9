//! SES's events: the parsed event agrees with the text, and it changes only its own record.

use domain::delivery::delivery_status::DeliveryStatus;
use domain::delivery::history::Fact;
use domain::delivery::record::{Acceptance, BodyPlace, BodyRef, EmailRecord, RecordStatus};
use domain::delivery::ses_event::{SesEvent, SesEventKind};
use domain::id::{EmailId, TenantId};
use domain::lifecycle::{Decision, handle_event, update_recipients};
use domain::timestamp::Timestamp;
use serde_json::{Value, json};

use crate::check::{check, check_eq, violated};

/// Reads the bytes as a message of the feedback queue.
pub(crate) fn run(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else {
        return;
    };
    // SNS without raw delivery wraps the event in an envelope, which has no tags of ours.
    let envelope = json!({"Type": "Notification", "MessageId": "1", "Message": text});
    check!(
        Refusal,
        SesEvent::parse(&envelope.to_string()).is_err(),
        "an envelope is no event"
    );
    match SesEvent::parse(text) {
        Ok(event) => {
            check_content(&event, &serde_json::from_str(text).unwrap_or_default());
            moves_its_own_record_only(&event);
        }
        // The error goes into a log.
        Err(error) => check!(Refusal, !error.to_string().contains("canary"), "{error}"),
    }
}

fn check_content(event: &SesEvent, text: &Value) {
    let mail = &text["mail"];
    let tag = |name: &str| match mail["tags"][name].as_array().map(Vec::as_slice) {
        Some([value]) => value.as_str(),
        _ => None,
    };
    check_eq!(Truth, tag("mq_tenant"), Some(event.tenant.as_str()));
    check_eq!(
        Truth,
        tag("mq_id").map(str::to_ascii_lowercase),
        Some(event.id.to_string()),
        "one id"
    );
    check_eq!(
        Truth,
        tag("mq_claim").and_then(|text| text.parse().ok()),
        Some(event.claim_no)
    );
    let born = tag("mq_born").and_then(|text| text.parse().ok());
    check_eq!(Truth, born, Some(event.born.as_millis()));
    check_eq!(Truth, mail["messageId"].as_str(), Some(event.message_id.as_str()));
    let time = |value: &Value| value.as_str().and_then(Timestamp::parse_rfc3339);
    check_eq!(Truth, time(&mail["timestamp"]), Some(event.accepted_at));
    let listed = |part: &str, list: &str| text[part][list].as_array().map(Vec::len);
    let (when, count) = match text["eventType"].as_str().unwrap_or_default() {
        "Send" => (time(&mail["timestamp"]), None),
        "Reject" | "Rendering Failure" => (
            time(&mail["timestamp"]),
            Some(mail["destination"].as_array().map_or(0, Vec::len)),
        ),
        "Delivery" => (time(&text["delivery"]["timestamp"]), listed("delivery", "recipients")),
        "Bounce" => (
            time(&text["bounce"]["timestamp"]),
            // A bounce may come without the list, and names no recipient then.
            Some(listed("bounce", "bouncedRecipients").unwrap_or(0)),
        ),
        "Complaint" => (
            time(&text["complaint"]["timestamp"]),
            listed("complaint", "complainedRecipients"),
        ),
        "DeliveryDelay" => (
            time(&text["deliveryDelay"]["timestamp"]),
            listed("deliveryDelay", "delayedRecipients"),
        ),
        "Open" => (time(&text["open"]["timestamp"]), None),
        "Click" => (time(&text["click"]["timestamp"]), None),
        other => violated!(Truth, "an event of type {other} is read"),
    };
    check_eq!(Truth, when, Some(event.at), "when it happened");
    match &event.kind {
        SesEventKind::Accepted => check_eq!(Truth, text["eventType"], "Send"),
        SesEventKind::Opened => check_eq!(Truth, text["eventType"], "Open"),
        SesEventKind::Clicked => check_eq!(Truth, text["eventType"], "Click"),
        SesEventKind::Reported { recipients, fact } => {
            check_eq!(Truth, text["eventType"], "Complaint");
            let kind = text["complaint"]["complaintFeedbackType"].as_str().unwrap_or_default();
            let named = if *fact == Fact::NotSpam {
                "not-spam"
            } else {
                "auth-failure"
            };
            check_eq!(Truth, kind, named);
            check!(
                Refusal,
                Some(recipients.len()) <= count,
                "more recipients than the event names"
            );
            check!(Truth, event.suppresses.is_empty(), "no complaint");
        }
        SesEventKind::DeliveryStatuses(delivery_statuses) => {
            check!(
                Refusal,
                Some(delivery_statuses.len()) <= count,
                "more recipients than the event names"
            );
            check_eq!(
                Truth,
                delivery_statuses.is_empty(),
                count == Some(0),
                "every named recipient has a status"
            );
            for (key, delivery_status) in delivery_statuses {
                let hex = key.len() == 12 && key.bytes().all(|b| b.is_ascii_hexdigit());
                check!(Refusal, hex, "the key is no hash: {key}");
                let named = match delivery_status {
                    DeliveryStatus::Delivered => ["Delivery", "Delivery"],
                    DeliveryStatus::Bounced
                    | DeliveryStatus::SoftBounced
                    | DeliveryStatus::Absence
                    | DeliveryStatus::OnGlobalList => ["Bounce", "Bounce"],
                    DeliveryStatus::OnAccountList => ["Bounce", "Complaint"],
                    DeliveryStatus::Complained => ["Complaint", "Complaint"],
                    DeliveryStatus::DeliveryDelayed => ["DeliveryDelay", "DeliveryDelay"],
                    DeliveryStatus::Rejected => ["Reject", "Rendering Failure"],
                    DeliveryStatus::Suppressed => violated!(Truth, "suppressed is no status of an event"),
                };
                check!(
                    Truth,
                    named.iter().any(|name| text["eventType"] == *name),
                    "{delivery_status:?}"
                );
                if text["bounce"]["bounceType"] == "Permanent" && text["eventType"] == "Bounce" {
                    check!(
                        Truth,
                        *delivery_status >= DeliveryStatus::OnGlobalList,
                        "a permanent bounce with a lower status"
                    );
                }
            }
            let suppresses = delivery_statuses
                .values()
                .any(|delivery_status| matches!(delivery_status, DeliveryStatus::Bounced | DeliveryStatus::Complained));
            check!(
                Refusal,
                suppresses || event.suppresses.is_empty(),
                "only bounces and complaints suppress"
            );
        }
    }
}

/// A record with another tenant, id or time of acceptance, or without such a claim, stays unchanged.
fn moves_its_own_record_only(event: &SesEvent) {
    for &status in RecordStatus::ALL {
        let own = record(event, status);
        let others = [
            EmailRecord {
                tenant: TenantId::parse("somebody-else-0").unwrap_or_else(TenantId::main),
                ..own.clone()
            },
            EmailRecord {
                id: EmailId::from_random([0xa5; 16]),
                ..own.clone()
            },
            EmailRecord {
                born: Timestamp::from_millis(event.born.as_millis().wrapping_add(1)),
                ..own.clone()
            },
            EmailRecord {
                claim_no: event.claim_no.saturating_sub(1),
                ..own.clone()
            },
        ];
        for other in others.iter().filter(|other| **other != own) {
            check_eq!(
                Refusal,
                handle_event(other, event),
                Decision::Forget,
                "another email's record changes"
            );
            check_eq!(
                Refusal,
                update_recipients(other, std::slice::from_ref(event)),
                Decision::Forget,
                "another email's recipients change"
            );
        }
        if let Decision::Write(transition) = handle_event(&own, event) {
            check_eq!(
                Truth,
                transition.record.status,
                RecordStatus::Sent,
                "an event is evidence of one thing"
            );
            check!(
                Truth,
                transition.record.sent.is_some() && transition.record.due.is_none()
            );
        } else {
            let known = own.sent.as_ref().is_some_and(|sent| sent.claim_no == event.claim_no);
            check!(Truth, event.claim_no == 0 || known, "evidence is forgotten");
        }
    }
}

/// Returns the record of the event.
fn record(event: &SesEvent, status: RecordStatus) -> EmailRecord {
    let body = BodyRef {
        sha256: String::new(),
        place: BodyPlace::Table,
        bytes: 1,
    };
    let sent = (status == RecordStatus::Sent).then(|| Acceptance {
        claim_no: 1,
        message_id: String::new(),
        at: event.born,
    });
    EmailRecord {
        status,
        claim_no: event.claim_no,
        sent,
        ..EmailRecord::new(event.tenant.clone(), event.id, body, 1, event.born)
    }
}
