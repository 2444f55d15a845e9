//! Claims, attempts and their results in every status.

use std::collections::BTreeMap;

use super::super::decision::Condition;
use super::super::recovery::overdue;
use super::super::samples::{at, decided, leads_to, outlook, policy, record, refused, written};
use super::*;

#[test]
fn only_due_unexpired_queued_records_are_claimable() {
    let now = at(1000);
    for &status in RecordStatus::ALL {
        assert_eq!(
            Condition::Claimable { now, epoch: None }.holds(&record(status)),
            status == RecordStatus::Queued,
            "{status:?}"
        );
    }
    let mut early = record(RecordStatus::Queued);
    early.not_before = at(1001);
    assert!(
        Condition::Claimable { now, epoch: None }.holds(&early),
        "clocks differ by a second"
    );
    early.not_before = Timestamp::from_millis(1_001_001);
    assert!(!Condition::Claimable { now, epoch: None }.holds(&early));
    let mut expired = record(RecordStatus::Queued);
    expired.expires_at = now;
    assert!(!Condition::Claimable { now, epoch: None }.holds(&expired));
}

#[test]
fn a_claim_is_checked_when_its_lease_ends() {
    let record = claim_record(record(RecordStatus::Queued), &policy(), 9, at(2000));
    assert_eq!(
        (record.status, record.claim_no, record.attempts),
        (RecordStatus::Sending, 2, 2)
    );
    assert_eq!(
        record.lease,
        Some(Lease {
            until: at(2180),
            nonce: 9
        })
    );
    assert_eq!(
        record.due,
        Some(Due {
            kind: DueKind::Check,
            at: at(2180)
        })
    );
}

#[test]
fn a_refusal_counts_only_for_the_open_claim() {
    for &status in RecordStatus::ALL {
        let open = matches!(status, RecordStatus::Sending | RecordStatus::Uncertain);
        let decision = decided(&record(status), refused(Cause::Rejected));
        assert_eq!(
            leads_to(&decision),
            open.then_some((RecordStatus::Failing, SideEffect::DeadLetter)),
            "{status:?}"
        );
    }
    let mut newer = record(RecordStatus::Sending);
    newer.claim_no = 2;
    assert_eq!(decided(&newer, refused(Cause::Rejected)), Decision::Forget);
}

#[test]
fn a_refusal_after_a_possible_send_is_unknown() {
    let mut flagged = record(RecordStatus::Sending);
    flagged.maybe_duplicate = true;
    let decision = decided(&flagged, refused(Cause::Rejected));
    assert_eq!(leads_to(&decision), Some((RecordStatus::Unknown, SideEffect::Nothing)));
}

#[test]
fn transient_failures_retry_within_the_budget() {
    let mut record = record(RecordStatus::Sending);
    let mut waits = Vec::new();
    for attempt in 1..=6 {
        record.attempts = attempt;
        let next = written(decided(&record, refused(Cause::Unavailable)));
        waits.push((next.status, next.cause, next.not_before.since(at(1010)).as_secs()));
    }
    let again = |wait| (RecordStatus::Queued, Some(Cause::Unavailable), wait);
    assert_eq!(
        waits,
        [
            again(60),
            again(300),
            again(900),
            again(3600),
            again(14_400),
            (RecordStatus::Failing, Some(Cause::BudgetSpent), 0),
        ]
    );
}

#[test]
fn the_providers_message_is_cut_to_size() {
    let long = Attempt::NotAccepted {
        cause: Cause::Rejected,
        detail: "ä".repeat(200),
    };
    let next = written(decided(&record(RecordStatus::Sending), long));
    assert_eq!(next.detail, Some("ä".repeat(76)));
}

#[test]
fn throttling_returns_the_attempt_not_the_claim() {
    let next = written(decided(&record(RecordStatus::Sending), refused(Cause::Throttled)));
    assert_eq!(
        (next.status, next.attempts, next.claim_no),
        (RecordStatus::Queued, 0, 1)
    );
}

#[test]
fn a_lost_answer_is_no_refusal() {
    for &status in RecordStatus::ALL {
        let decision = decided(&record(status), Attempt::Ambiguous);
        let expected = (status == RecordStatus::Sending).then_some((RecordStatus::Uncertain, SideEffect::Nothing));
        assert_eq!(leads_to(&decision), expected, "{status:?}");
    }
}

#[test]
fn only_failing_becomes_failed_for_its_claim() {
    for &status in RecordStatus::ALL {
        let expected = (status == RecordStatus::Failing).then_some((RecordStatus::Failed, SideEffect::Nothing));
        assert_eq!(leads_to(&fail(&record(status), 1, at(1000))), expected, "{status:?}");
        assert_eq!(fail(&record(status), 2, at(1000)), Decision::Forget, "{status:?}");
    }
}

/// Otherwise the due index would have the record at its old time, and nobody would enqueue it.
#[test]
fn a_rescheduled_email_needs_a_new_decision() {
    let found = record(RecordStatus::Queued);
    let Decision::Write(transition) = overdue(&found, outlook(true), &policy(), at(1300)) else {
        panic!("it is overdue");
    };
    assert!(transition.condition.holds(&found));
    let rescheduled = EmailRecord {
        not_before: at(5000),
        ..found
    };
    assert!(!transition.condition.holds(&rescheduled));
}

#[test]
fn only_an_early_send_task_returns_to_sqs() {
    let mut early = record(RecordStatus::Queued);
    early.not_before = at(1030);
    let delay = Duration::from_secs(30);
    assert_eq!(
        not_claimable(&early, at(1000)),
        Decision::Only(SideEffect::EnqueueTask { delay })
    );
    early.not_before = at(1901);
    assert_eq!(not_claimable(&early, at(1000)), Decision::Forget, "the index has it");
    for status in RecordStatus::ALL
        .iter()
        .copied()
        .filter(|status| *status != RecordStatus::Queued)
    {
        assert_eq!(not_claimable(&record(status), at(1000)), Decision::Forget, "{status:?}");
    }
}

/// The history of a record, as (claim, cause).
fn past(record: &EmailRecord) -> Vec<(u32, Cause)> {
    record
        .outcomes
        .iter()
        .map(|outcome| (outcome.claim_no, outcome.cause))
        .collect()
}

#[test]
fn every_claims_outcome_is_recorded() {
    let sending = record(RecordStatus::Sending);
    let claim = sending.claim_no;
    let refused = written(record_attempt(
        &sending,
        claim,
        refused(Cause::Throttled),
        &policy(),
        Jitter::NONE,
        at(1000),
    ));
    assert_eq!(past(&refused), [(claim, Cause::Throttled)]);
    assert!(!refused.outcomes[0].words.is_empty());
    let lost = written(record_attempt(
        &sending,
        claim,
        Attempt::Ambiguous,
        &policy(),
        Jitter::NONE,
        at(1000),
    ));
    assert_eq!(past(&lost), [(claim, Cause::AnswerLost)]);
    assert_eq!(lost.outcomes[0].at, at(1000));
    let mut late = sending;
    late.lease = None;
    late.due = Some(Due {
        kind: DueKind::Check,
        at: at(1000),
    });
    let crashed = written(overdue(&late, outlook(false), &policy(), at(1000)));
    assert_eq!(past(&crashed), [(claim, Cause::Crashed)]);
    // A late definite answer replaces the unknown outcome.
    let after_all = written(record_attempt(
        &crashed,
        claim,
        self::refused(Cause::Unavailable),
        &policy(),
        Jitter::NONE,
        at(1001),
    ));
    assert_eq!(past(&after_all), [(claim, Cause::Unavailable)]);
}

/// The delivery statuses, the count of their writes, and the condition.
fn leaves_out(record: &EmailRecord, recipients: &[&str]) -> Option<(EmailRecord, Condition)> {
    let recipients: Vec<_> = recipients.iter().map(|recipient| (*recipient).to_owned()).collect();
    match leave_out(record, record.claim_no, &recipients) {
        Decision::Write(transition) => Some((transition.record, transition.condition)),
        Decision::Only(_) | Decision::Forget => None,
    }
}

#[test]
fn left_out_recipients_are_shown_per_claim() {
    let delivery_statuses = |delivery_statuses: &[(&str, DeliveryStatus)]| {
        delivery_statuses
            .iter()
            .map(|(who, delivery_status)| ((*who).to_owned(), *delivery_status))
            .collect()
    };
    let sending = record(RecordStatus::Sending);
    assert_eq!(leaves_out(&sending, &[]), None, "the happy path writes nothing");
    let (first, condition) = leaves_out(&sending, &["a"]).unwrap();
    assert_eq!(
        (&first.delivery_statuses, first.delivery_version),
        (&delivery_statuses(&[("a", DeliveryStatus::Suppressed)]), 1)
    );
    assert_eq!(condition, Condition::DeliveryUnmoved { delivery_version: 0 });
    assert_eq!(leaves_out(&first, &["a"]), None, "nothing new");
    let (second, _) = leaves_out(&first, &["b"]).unwrap();
    assert_eq!(
        (&second.delivery_statuses, second.delivery_version),
        (&delivery_statuses(&[("b", DeliveryStatus::Suppressed)]), 2)
    );
    let (none, _) = leaves_out(&second, &[]).unwrap();
    assert_eq!(none.delivery_statuses, BTreeMap::new());
    // SES's reports about an earlier copy stay.
    let bounced = EmailRecord {
        delivery_statuses: delivery_statuses(&[("a", DeliveryStatus::Bounced)]),
        ..sending.clone()
    };
    assert_eq!(leaves_out(&bounced, &["a"]), None);
    assert_eq!(leaves_out(&bounced, &[]), None);
    for other in RecordStatus::ALL
        .iter()
        .copied()
        .filter(|status| *status != RecordStatus::Sending)
    {
        assert_eq!(
            leaves_out(&record(other), &["a"]),
            None,
            "{other:?}: the claim is not held"
        );
    }
    assert_eq!(
        leave_out(&sending, sending.claim_no + 1, &["a".to_owned()]),
        Decision::Forget
    );
}
