//! Rows to begin a test with.

use std::collections::BTreeMap;
use std::time::Duration;

use domain::cause::Cause;
use domain::fate::Fate;
use domain::id::{EmailId, TenantId};
use domain::lifecycle::Policy;
use domain::retry::RetryPolicy;
use domain::row::{Acceptance, BodyPlace, BodyRef, Due, DueKind, Lane, Lease, OnUncertain, Row, Status};
use domain::timestamp::Timestamp;

pub(crate) fn at(millis: i64) -> Timestamp {
    Timestamp::from_millis(millis)
}

/// A row as it is accepted.
pub(crate) fn row() -> Row {
    Row {
        tenant: TenantId::main(),
        id: EmailId::from_random([0; 16]),
        born: at(1_000),
        queue: "default".to_owned(),
        lane: Lane::Normal,
        recipients: 1,
        body: BodyRef {
            sha256: "ab".repeat(32),
            place: BodyPlace::Table,
            bytes: 2048,
        },
        on_uncertain: OnUncertain::Resend,
        status: Status::Queued,
        not_before: at(2_000),
        expires_at: at(9_000_000),
        claim_no: 0,
        attempts: 0,
        lease: None,
        maybe_duplicate: false,
        duplicate: false,
        uncertain_since: None,
        cause: None,
        detail: None,
        sent: None,
        due: Some(Due {
            kind: DueKind::Check,
            at: at(902_000),
        }),
        fates: BTreeMap::new(),
        fate_no: 0,
        delivered_at: None,
        opened_at: None,
        clicked_at: None,
    }
}

/// A row in which everything is said.
pub(crate) fn full() -> Row {
    Row {
        status: Status::Sending,
        claim_no: 3,
        attempts: 2,
        lease: Some(Lease {
            until: at(5_000),
            nonce: u64::MAX,
        }),
        maybe_duplicate: true,
        duplicate: true,
        uncertain_since: Some(at(4_000)),
        cause: Some(Cause::Throttled),
        detail: Some("Maximum sending rate exceeded.".to_owned()),
        sent: Some(Acceptance {
            claim_no: 1,
            message_id: "0100-x".to_owned(),
            at: at(6_000),
        }),
        due: Some(Due {
            kind: DueKind::Wake,
            at: at(7_000),
        }),
        fates: BTreeMap::from([("0123456789ab".to_owned(), Fate::SoftBounced)]),
        fate_no: 4,
        delivered_at: Some(at(8_000)),
        opened_at: Some(at(8_001)),
        clicked_at: Some(at(8_002)),
        ..row()
    }
}

/// The timings of production.
pub(crate) fn policy() -> Policy {
    Policy {
        guard: Duration::from_secs(900),
        lease: Duration::from_secs(180),
        evidence_window: Duration::from_secs(300),
        retry: RetryPolicy::standard(),
    }
}
