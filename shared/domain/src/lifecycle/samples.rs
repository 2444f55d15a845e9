//! Sample records, events and decisions for tests.

use std::collections::BTreeMap;

use super::claim::record_attempt;
use super::decision::{Decision, SideEffect};
use super::recovery::{Feedback, Outlook, PriorityQueueState};
use crate::delivery::attempt::Attempt;
use crate::delivery::cause::Cause;
use crate::delivery::delivery_status::DeliveryStatus;
use crate::delivery::policy::Policy;
use crate::delivery::record::{
    Acceptance, BodyPlace, BodyRef, Due, DueKind, EmailRecord, Lease, RecordStatus, recipient_key,
};
use crate::delivery::retry::Jitter;
use crate::delivery::ses_event::{SesEvent, SesEventKind};
use crate::id::{EmailId, TenantId};
use crate::timestamp::Timestamp;

pub(super) fn at(secs: i64) -> Timestamp {
    Timestamp::from_millis(secs * 1000)
}

pub(super) fn policy() -> Policy {
    Policy::standard()
}

/// A record in `status`, with claim 1 made at second 1000.
pub(super) fn record(status: RecordStatus) -> EmailRecord {
    let sending = status == RecordStatus::Sending;
    let body = BodyRef {
        sha256: "00".repeat(32),
        place: BodyPlace::Table,
        bytes: 2048,
    };
    EmailRecord {
        status,
        expires_at: at(1_000_000),
        claim_no: 1,
        attempts: 1,
        lease: sending.then(|| Lease {
            until: at(1180),
            nonce: 7,
        }),
        uncertain_since: (status == RecordStatus::Uncertain).then(|| at(1000)),
        sent: (status == RecordStatus::Sent).then(|| acceptance(1)),
        due: (!status.is_final()).then(|| Due {
            kind: DueKind::Check,
            at: at(1180),
        }),
        ..EmailRecord::new(TenantId::main(), EmailId::from_random([1; 16]), body, 1, at(990))
    }
}

pub(super) fn acceptance(claim_no: u32) -> Acceptance {
    Acceptance {
        claim_no,
        message_id: format!("m{claim_no}"),
        at: at(1001),
    }
}

pub(super) fn refused(cause: Cause) -> Attempt {
    Attempt::NotAccepted {
        cause,
        detail: "said so".to_owned(),
    }
}

/// The result of a decision: the status and the side effect, or nothing.
pub(super) fn leads_to(decision: &Decision) -> Option<(RecordStatus, SideEffect)> {
    match decision {
        Decision::Write(transition) => Some((transition.record.status, transition.side_effect)),
        Decision::Only(_) | Decision::Forget => None,
    }
}

pub(super) fn written(decision: Decision) -> EmailRecord {
    match decision {
        Decision::Write(transition) => transition.record,
        Decision::Only(_) | Decision::Forget => panic!("nothing is written: {decision:?}"),
    }
}

/// No backlog; feedback has processed all events, or none.
pub(super) fn outlook(caught_up: bool) -> Outlook {
    Outlook {
        feedback: Feedback {
            empty_at: caught_up.then_some(at(1_000_000)),
            newest: None,
        },
        priority_queue: PriorityQueueState::Flowing,
    }
}

pub(super) fn decided(record: &EmailRecord, attempt: Attempt) -> Decision {
    record_attempt(record, 1, attempt, &policy(), Jitter::NONE, at(1010))
}

pub(super) fn event(kind: SesEventKind) -> SesEvent {
    SesEvent {
        tenant: TenantId::main(),
        id: EmailId::from_random([1; 16]),
        claim_no: 1,
        born: at(990),
        message_id: "m1".to_owned(),
        accepted_at: at(1001),
        at: at(1002),
        kind,
        suppresses: Vec::new(),
        suspected: false,
        on_account_list: Vec::new(),
        diagnostics: BTreeMap::new(),
        details: crate::delivery::ses_event::SesDetails::default(),
    }
}

pub(super) fn status_event(address: &str, delivery_status: DeliveryStatus) -> SesEvent {
    event(SesEventKind::DeliveryStatuses(
        [(recipient_key(address), delivery_status)].into(),
    ))
}
