//! The invariants of every decision.

use std::time::Duration;

use domain::api::email_view::EmailView;
use domain::delivery::record::{DueKind, EmailRecord, RecordStatus};
use domain::lifecycle::{self, Condition, Decision, SideEffect};
use domain::timestamp::Timestamp;

use crate::check::{check, check_eq};

/// A refusal or an uncertain outcome of an old or settled claim changes nothing.
pub(super) fn check_stale_result(record: &EmailRecord, claim_no: u32, decision: &Decision) {
    let holds = record.claim_no == claim_no && matches!(record.status, RecordStatus::Sending | RecordStatus::Uncertain);
    if let Decision::Write(transition) = decision {
        let evidence = transition.record.status == RecordStatus::Sent;
        check!(Truth, holds || evidence, "the result of a settled claim is written");
    }
}

/// A record with another status, claim or time is not written.
pub(super) fn names_what_it_must(record: &EmailRecord, condition: Condition) {
    if matches!(condition, Condition::DeliveryUnmoved { .. }) {
        return;
    }
    for status in RecordStatus::ALL
        .iter()
        .copied()
        .filter(|status| *status != record.status)
    {
        check!(
            Claims,
            !condition.holds(&EmailRecord {
                status,
                ..record.clone()
            }),
            "another status"
        );
    }
    for claim_no in [record.claim_no.wrapping_add(1), record.claim_no.wrapping_sub(1)] {
        check!(
            Claims,
            !condition.holds(&EmailRecord {
                claim_no,
                ..record.clone()
            }),
            "another claim"
        );
    }
    let not_before = Timestamp::from_millis(record.not_before.as_millis().wrapping_add(1));
    check!(
        Claims,
        !condition.holds(&EmailRecord {
            not_before,
            ..record.clone()
        }),
        "another time"
    );
}

/// Checks the invariants between a record and its successor.
pub(super) fn check_invariants(record: &EmailRecord, next: &EmailRecord, side_effect: SideEffect, now: Timestamp) {
    check!(
        Durability,
        next.is_in_its_place(),
        "{:?} in {:?}",
        next.status,
        next.due
    );
    check_eq!(
        Claims,
        next.lease.is_some(),
        next.status == RecordStatus::Sending,
        "{:?} and a lease",
        next.status
    );
    check_eq!(
        Claims,
        next.uncertain_since.is_some(),
        next.status == RecordStatus::Uncertain,
        "{:?} and its doubt",
        next.status
    );
    check!(Claims, next.claim_no >= record.claim_no, "a claim's number falls");
    check!(
        Duplicates,
        next.maybe_duplicate >= record.maybe_duplicate,
        "a flag is cleared"
    );
    check!(
        Duplicates,
        next.duplicate >= record.duplicate,
        "a known duplicate is forgotten"
    );
    check!(
        Truth,
        next.sent.is_some() >= record.sent.is_some(),
        "an acceptance is forgotten"
    );
    check!(
        Truth,
        next.delivery_version >= record.delivery_version,
        "delivery_version falls"
    );
    check_eq!(
        Truth,
        (next.status == RecordStatus::Sent),
        next.sent.is_some(),
        "sent without its acceptance"
    );
    if let Some(sent) = &next.sent {
        check!(
            Truth,
            (1..=next.claim_no).contains(&sent.claim_no),
            "sent by a claim that was never made"
        );
    }
    if record.status == RecordStatus::Sent {
        check_eq!(
            Truth,
            (next.status, &next.sent),
            (RecordStatus::Sent, &record.sent),
            "a sent email changes"
        );
    }
    if next.maybe_duplicate {
        let harmless = matches!(
            next.status,
            RecordStatus::Failing | RecordStatus::Failed | RecordStatus::Expired | RecordStatus::Canceled
        );
        check!(Duplicates, !harmless, "flagged, and {:?}", next.status);
    }
    if next.status == RecordStatus::Failed && record.status != RecordStatus::Failed {
        check_eq!(
            Transitions,
            record.status,
            RecordStatus::Failing,
            "failed without failing before"
        );
    }
    for (before, after) in [
        (record.tenant.as_str(), next.tenant.as_str()),
        (record.queue.as_str(), next.queue.as_str()),
    ] {
        check_eq!(Content, before, after);
    }
    check_eq!(
        Content,
        (record.id, record.born, &record.body, record.priority),
        (next.id, next.born, &next.body, next.priority)
    );
    check_eq!(
        Content,
        (record.recipients, record.on_uncertain),
        (next.recipients, next.on_uncertain)
    );
    if next.detail != record.detail {
        check!(
            Durability,
            next.detail.as_ref().is_none_or(|detail| detail.len() <= 256),
            "a detail is too long"
        );
    }
    if let SideEffect::EnqueueTask { delay } = side_effect {
        check!(
            Completion,
            delay <= Duration::from_secs(900),
            "a delay above SQS's limit"
        );
        check_eq!(
            Completion,
            next.status,
            RecordStatus::Queued,
            "a send task for an email that is not queued"
        );
    }
    if side_effect == SideEffect::DeadLetter {
        check_eq!(
            Transitions,
            next.status,
            RecordStatus::Failing,
            "a dead-letter message for an email that is not failing"
        );
    }
    if let Some(due) = next.due
        && next.due != record.due
        && due.kind == DueKind::Wake
    {
        check_eq!(
            Claims,
            (next.status, due.at),
            (RecordStatus::Queued, next.not_before),
            "due before its time"
        );
    }
    let view = serde_json::to_value(EmailView::new(next, None, "us-east-1", now));
    check!(
        Truth,
        view.is_ok_and(|view| view.is_object()),
        "the record cannot be shown"
    );
    check!(
        Truth,
        lifecycle::Condition::DeliveryUnmoved {
            delivery_version: next.delivery_version
        }
        .holds(next)
    );
}
