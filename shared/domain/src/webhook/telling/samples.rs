//! Sample records and events for tests.

use std::collections::{BTreeMap, BTreeSet};

use super::{Telling, told};
use crate::delivery::delivery_status::DeliveryStatus;
use crate::delivery::hook::{Hook, RecipientKey};
use crate::delivery::record::{Acceptance, BodyPlace, BodyRef, Due, DueKind, EmailRecord, RecordStatus};
use crate::delivery::ses_event::{SesDetails, SesEvent, SesEventKind};
use crate::id::{EmailId, TenantId};
use crate::lifecycle::Decision;
use crate::timestamp::Timestamp;
use crate::webhook::identity::EventId;

pub(super) const ANN: &str = "ann@x.example";
pub(super) const BOB: &str = "bob@x.example";

pub(super) fn at(secs: i64) -> Timestamp {
    Timestamp::from_millis(secs * 1000)
}

pub(super) fn key(address: &str) -> RecipientKey {
    RecipientKey::of(address)
}

/// A record to two recipients in a status, as the state machine leaves it.
pub(super) fn record(status: RecordStatus) -> EmailRecord {
    let body = BodyRef {
        sha256: "00".repeat(32),
        place: BodyPlace::Table,
        bytes: 1,
    };
    let ended = status.is_final() && status != RecordStatus::Sent;
    EmailRecord {
        status,
        claim_no: 1,
        attempts: 1,
        expires_at: at(1_000_000),
        sent: (status == RecordStatus::Sent).then(|| acceptance(1)),
        due: (status != RecordStatus::Sent).then(|| Due {
            kind: if ended { DueKind::Ended } else { DueKind::Check },
            at: at(500),
        }),
        hook: Some(Hook::new([ANN, BOB], None)),
        ..EmailRecord::new(TenantId::main(), EmailId::from_random([1; 16]), body, 2, at(100))
    }
}

pub(super) fn acceptance(claim_no: u32) -> Acceptance {
    Acceptance {
        claim_no,
        message_id: format!("m{claim_no}"),
        at: at(300),
    }
}

pub(super) fn event(kind: SesEventKind, secs: i64) -> SesEvent {
    SesEvent {
        tenant: TenantId::main(),
        id: record(RecordStatus::Sent).id,
        claim_no: 1,
        born: at(100),
        message_id: "m1".to_owned(),
        accepted_at: at(300),
        at: at(secs),
        kind,
        suppresses: Vec::new(),
        suspected: false,
        on_account_list: Vec::new(),
        diagnostics: BTreeMap::new(),
        details: SesDetails::default(),
    }
}

pub(super) fn status_event(address: &str, status: DeliveryStatus, secs: i64) -> SesEvent {
    let statuses = BTreeMap::from([(key(address).to_string(), status)]);
    event(SesEventKind::DeliveryStatuses(statuses), secs)
}

pub(super) fn written(decision: Decision) -> EmailRecord {
    match decision {
        Decision::Write(transition) => transition.record,
        Decision::Only(_) | Decision::Forget => panic!("nothing is written"),
    }
}

/// The events in short: type and recipient.
pub(super) fn short(tellings: &[Telling]) -> Vec<String> {
    let name = |key: RecipientKey| if key == RecipientKey::of(ANN) { "ann" } else { "bob" };
    let one = |telling: &Telling| {
        let recipient = telling.recipient.map_or("-", name);
        format!("{} {recipient}", telling.event_type.as_str())
    };
    tellings.iter().map(one).collect()
}

pub(super) fn of_change(before: &EmailRecord, after: &EmailRecord) -> Vec<String> {
    short(&told(Some(before), Some(after)))
}

pub(super) fn ids(tellings: &[Telling]) -> BTreeSet<EventId> {
    tellings.iter().map(|telling| telling.id.clone()).collect()
}
