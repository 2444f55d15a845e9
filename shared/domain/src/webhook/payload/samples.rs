//! Sample records and payloads for tests.

use serde_json::Value;

use super::{Context, of_email};
use crate::delivery::delivery_status::DeliveryStatus;
use crate::delivery::hook::{Hook, RecipientKey};
use crate::delivery::record::{Acceptance, BodyPlace, BodyRef, Due, DueKind, EmailRecord, RecordStatus};
use crate::delivery::ses_event::BounceType;
use crate::delivery::suppression::Origin;
use crate::id::{EmailId, TenantId};
use crate::message::email::{Addresses, Draft, EmailContent};
use crate::timestamp::Timestamp;
use crate::webhook::fact::{EmailFact, FactKind, RecipientFact};
use crate::webhook::telling::{Telling, of_fact, told};

pub(super) const ANN: &str = "ann@x.example";
pub(super) const BOB: &str = "bob@x.example";

pub(super) fn at(millis: i64) -> Timestamp {
    Timestamp::from_millis(1_764_000_000_000 + millis)
}

pub(super) fn content() -> EmailContent {
    let many = |texts: &[&str]| Addresses::Many(texts.iter().map(|text| (*text).to_owned()).collect());
    let draft = Draft {
        from: Some("Acme <news@acme.example>".to_owned()),
        to: many(&["Ann <ann@x.example>"]),
        cc: many(&["ANN@x.example"]),
        bcc: many(&["bob@x.example"]),
        subject: Some("Hello \"you\"".to_owned()),
        text: Some("Hi".to_owned()),
        headers: vec![("X-Order".to_owned(), "7".to_owned())],
        tags: vec![("kind".to_owned(), "welcome".to_owned())],
        ..Draft::default()
    };
    draft.check().unwrap()
}

pub(super) fn record(status: RecordStatus) -> EmailRecord {
    let body = BodyRef {
        sha256: "00".repeat(32),
        place: BodyPlace::Table,
        bytes: 1,
    };
    EmailRecord {
        status,
        claim_no: 2,
        sent: (status == RecordStatus::Sent).then(|| Acceptance {
            claim_no: 2,
            message_id: "0100-x".to_owned(),
            at: at(300),
        }),
        due: (status.is_final() && status != RecordStatus::Sent).then(|| Due {
            kind: DueKind::Ended,
            at: at(500),
        }),
        hook: Some(Hook::new([ANN, BOB], Some("order-7".to_owned()))),
        ..EmailRecord::new(TenantId::main(), EmailId::from_random([1; 16]), body, 3, at(100))
    }
}

pub(super) fn payload(telling: &Telling, record: &EmailRecord, content: Option<&EmailContent>) -> Value {
    let context = Context {
        content,
        listed_by: Some(Origin::Complaint),
        region: "eu-west-1",
    };
    serde_json::from_str(&of_email(telling, record, context)).unwrap()
}

pub(super) fn first(record: &EmailRecord) -> Telling {
    told(None, Some(record)).remove(0)
}

pub(super) fn of_kind(record: &EmailRecord, kind: FactKind) -> Value {
    let fact = EmailFact {
        v: EmailFact::VERSION,
        claim_no: 2,
        message_id: "0100-y".to_owned(),
        at: at(400),
        kind,
    };
    let telling = of_fact(record, &fact).remove(0);
    payload(&telling, record, Some(&content()))
}

pub(super) fn statuses(address: &str, status: DeliveryStatus, words: &str, bounce: Option<(&str, &str)>) -> FactKind {
    FactKind::Recipients {
        recipients: vec![RecipientFact {
            key: RecipientKey::of(address).to_string(),
            status,
            words: words.to_owned(),
        }],
        bounce: bounce.map(|(bounce_type, sub_type)| BounceType {
            bounce_type: bounce_type.to_owned(),
            sub_type: sub_type.to_owned(),
        }),
        complaint: Some("abuse".to_owned()),
        suspected: false,
    }
}
