//! Sample records for tests.

use std::collections::BTreeMap;

use domain::delivery::batch::BatchId;
use domain::delivery::cause::Cause;
use domain::delivery::delivery_status::DeliveryStatus;
use domain::delivery::history::{AttemptOutcome, Diagnostic, Fact};
use domain::delivery::hook::Hook;
use domain::delivery::policy::Policy;
use domain::delivery::record::{
    Acceptance, BodyPlace, BodyRef, Due, DueKind, EmailRecord, FROM_DOMAIN_MAX, Lease, RecordStatus,
};
use domain::id::{EmailId, KeyId, TenantId};
use domain::timestamp::Timestamp;

pub(crate) fn at(millis: i64) -> Timestamp {
    Timestamp::from_millis(millis)
}

/// Returns a newly accepted record.
pub(crate) fn record() -> EmailRecord {
    let body = BodyRef {
        sha256: "ab".repeat(32),
        place: BodyPlace::Table,
        bytes: 2048,
    };
    EmailRecord {
        not_before: at(2_000),
        expires_at: at(9_000_000),
        due: Some(Due {
            kind: DueKind::Check,
            at: at(902_000),
        }),
        ..EmailRecord::new(TenantId::main(), EmailId::from_random([0; 16]), body, 1, at(1_000))
    }
}

/// Returns a record with every field set.
pub(crate) fn full() -> EmailRecord {
    EmailRecord {
        status: RecordStatus::Sending,
        claim_no: 3,
        attempts: 2,
        lease: Some(Lease {
            until: at(5_000),
            nonce: u64::MAX,
        }),
        maybe_duplicate: true,
        duplicate: true,
        uncertain_since: Some(at(4_000)),
        batch: BatchId::from_bytes(&[7; 32]),
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
        delivery_statuses: BTreeMap::from([("0123456789ab".to_owned(), DeliveryStatus::SoftBounced)]),
        delivery_version: 4,
        delivered_at: Some(at(8_000)),
        opened_at: Some(at(8_001)),
        clicked_at: Some(at(8_002)),
        retried_at: Some(at(1_500)),
        generation: Some(2),
        key: Some(KeyId::from_bytes([7; 16])),
        from_domain: Some("x".repeat(FROM_DOMAIN_MAX)),
        outcomes: vec![AttemptOutcome {
            claim_no: 2,
            at: at(3_500),
            cause: Cause::Throttled,
            words: "Maximum sending rate exceeded.".to_owned(),
        }],
        hook: Some(Hook::new(["ann@example.com"], None)),
        facts: BTreeMap::from([(
            ("0123456789ab".to_owned(), Fact::Delivered),
            Diagnostic {
                at: at(8_000),
                words: "250 2.0.0 OK".to_owned(),
            },
        )]),
        diagnostics: BTreeMap::from([(
            "0123456789ab".to_owned(),
            Diagnostic {
                at: at(6_500),
                words: "452 4.2.2 mailbox full".to_owned(),
            },
        )]),
        scheduled_at: Some(at(1_999)),
        attachment_bytes: 5_000,
        expires_given: true,
        ..record()
    }
}

/// Returns the timings of production.
pub(crate) fn policy() -> Policy {
    Policy::standard()
}
