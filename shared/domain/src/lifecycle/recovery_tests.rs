//! Overdue records of every status.

use super::super::claim::{fail, not_claimable};
use super::super::decision::Condition;
use super::super::evidence::record_acceptance;
use super::super::samples::{acceptance, at, decided, leads_to, outlook, policy, record, refused, written};
use super::*;
use crate::delivery::attempt::Attempt;

#[test]
fn an_overdue_record_moves_on_by_its_status() {
    let now = at(1300);
    let wake = SideEffect::EnqueueTask { delay: Duration::ZERO };
    for (status, caught_up, expected) in [
        (RecordStatus::Queued, false, Some((RecordStatus::Queued, wake))),
        (
            RecordStatus::Sending,
            false,
            Some((RecordStatus::Uncertain, SideEffect::Nothing)),
        ),
        (
            RecordStatus::Failing,
            false,
            Some((RecordStatus::Failing, SideEffect::DeadLetter)),
        ),
        (
            RecordStatus::Uncertain,
            false,
            Some((RecordStatus::Uncertain, SideEffect::Nothing)),
        ),
        (RecordStatus::Uncertain, true, Some((RecordStatus::Queued, wake))),
        (RecordStatus::Sent, true, None),
        (RecordStatus::Failed, true, None),
        (RecordStatus::Unknown, true, None),
        (RecordStatus::Canceled, true, None),
        (RecordStatus::Expired, true, None),
    ] {
        let decision = overdue(&record(status), outlook(caught_up), &policy(), now);
        assert_eq!(leads_to(&decision), expected, "{status:?} {caught_up}");
    }
}

#[test]
fn a_running_lease_is_not_ended() {
    assert_eq!(
        overdue(&record(RecordStatus::Sending), outlook(true), &policy(), at(1179)),
        Decision::Forget
    );
}

#[test]
fn an_early_index_entry_is_ignored() {
    for status in RecordStatus::ALL.iter().copied().filter(|status| !status.is_final()) {
        assert_eq!(
            overdue(&record(status), outlook(true), &policy(), at(1179)),
            Decision::Forget,
            "{status:?}"
        );
    }
}

#[test]
fn uncertainty_ends_after_the_evidence_window() {
    let uncertain = record(RecordStatus::Uncertain);
    let settled = |record: &EmailRecord, secs, caught_up| {
        let next = written(overdue(record, outlook(caught_up), &policy(), at(secs)));
        (next.status, next.maybe_duplicate)
    };
    assert_eq!(
        settled(&uncertain, 1299, true),
        (RecordStatus::Uncertain, false),
        "the window is open"
    );
    assert_eq!(settled(&uncertain, 1300, true), (RecordStatus::Queued, true));
    assert_eq!(
        settled(&uncertain, 22_599, false),
        (RecordStatus::Uncertain, false),
        "feedback is late"
    );
    assert_eq!(
        settled(&uncertain, 22_600, false),
        (RecordStatus::Queued, true),
        "six hours are enough"
    );

    let mut hold = record(RecordStatus::Uncertain);
    hold.on_uncertain = OnUncertain::Hold;
    assert_eq!(settled(&hold, 1300, true), (RecordStatus::Unknown, false));

    let mut spent = record(RecordStatus::Uncertain);
    spent.attempts = 6;
    assert_eq!(settled(&spent, 1300, true), (RecordStatus::Unknown, false));
}

/// The look at the queue does not include events that arrive afterwards, before the end of the window.
#[test]
fn an_empty_queue_counts_only_after_the_window() {
    let uncertain = record(RecordStatus::Uncertain);
    for (empty_at, expected) in [
        (1000, RecordStatus::Uncertain),
        (1299, RecordStatus::Uncertain),
        (1300, RecordStatus::Queued),
    ] {
        let feedback = Feedback {
            empty_at: Some(at(empty_at)),
            newest: None,
        };
        let outlook = Outlook {
            feedback,
            priority_queue: PriorityQueueState::Flowing,
        };
        let next = written(overdue(&uncertain, outlook, &policy(), at(1310)));
        assert_eq!(next.status, expected, "{empty_at}");
    }
}

/// Under constant traffic the queue of events is never empty.
#[test]
fn a_later_event_replaces_an_empty_queue() {
    let uncertain = record(RecordStatus::Uncertain);
    for (newest, expected) in [
        (None, RecordStatus::Uncertain),
        (Some(at(1300)), RecordStatus::Uncertain),
        (Some(at(1599)), RecordStatus::Uncertain),
        (Some(at(1600)), RecordStatus::Queued),
    ] {
        let feedback = Feedback { empty_at: None, newest };
        let outlook = Outlook {
            feedback,
            priority_queue: PriorityQueueState::Flowing,
        };
        let next = written(overdue(&uncertain, outlook, &policy(), at(1900)));
        assert_eq!(next.status, expected, "{newest:?}");
    }
}

/// The checks of a record, in minutes after it was due, with their side effects.
fn looked_at(priority_queue: PriorityQueueState, times: usize) -> Vec<(u64, SideEffect)> {
    let outlook = Outlook {
        priority_queue,
        ..outlook(true)
    };
    let mut record = EmailRecord {
        due: Some(Due {
            kind: DueKind::Check,
            at: at(990 + 900),
        }),
        ..record(RecordStatus::Queued)
    };
    let mut looked = Vec::new();
    for _ in 0..times {
        let due = record.due.unwrap().at;
        let decision = overdue(&record, outlook, &policy(), due);
        looked.push((
            due.since(record.not_before).as_secs() / 60,
            leads_to(&decision).unwrap().1,
        ));
        record = written(decision);
    }
    looked
}

#[test]
fn a_backlog_is_checked_less_often_over_time() {
    let wake = SideEffect::EnqueueTask { delay: Duration::ZERO };
    let not = SideEffect::Nothing;
    assert_eq!(
        looked_at(PriorityQueueState::Flowing, 3),
        [(15, wake), (30, wake), (45, wake)]
    );
    assert_eq!(
        looked_at(PriorityQueueState::Backlog, 7),
        [
            (15, not),
            (30, not),
            (60, wake),
            (120, wake),
            (240, wake),
            (480, wake),
            (960, wake)
        ]
    );
    assert_eq!(
        looked_at(PriorityQueueState::Shut, 7),
        [
            (15, not),
            (30, not),
            (60, not),
            (120, not),
            (180, not),
            (240, not),
            (300, not)
        ],
        "an email behind an open breaker is found within an hour"
    );

    // An email that is not due is no backlog: it is enqueued as usual.
    let mut early = record(RecordStatus::Queued);
    early.not_before = at(10_000);
    early.due = Some(Due {
        kind: DueKind::Check,
        at: at(9_999),
    });
    let backlog = Outlook {
        priority_queue: PriorityQueueState::Backlog,
        ..outlook(true)
    };
    let delay = Duration::from_secs(1);
    assert_eq!(
        leads_to(&overdue(&early, backlog, &policy(), at(9_999))),
        Some((RecordStatus::Queued, SideEffect::EnqueueTask { delay }))
    );
}

/// The check ends the record, which must not be called queued for hours after its expiry.
#[test]
fn an_email_is_checked_when_it_expires() {
    let mut record = record(RecordStatus::Queued);
    record.expires_at = at(2_000);
    for priority_queue in [
        PriorityQueueState::Flowing,
        PriorityQueueState::Backlog,
        PriorityQueueState::Shut,
    ] {
        let outlook = Outlook {
            priority_queue,
            ..outlook(true)
        };
        let next = written(overdue(&record, outlook, &policy(), at(1_890)));
        assert_eq!(next.due.map(|due| due.at), Some(at(2_000)), "{priority_queue:?}");
        assert_eq!(
            leads_to(&overdue(&next, outlook, &policy(), at(2_000))),
            Some((RecordStatus::Expired, SideEffect::Nothing))
        );
    }
}

#[test]
fn expiry_is_unknown_if_a_copy_may_be_sent() {
    let mut late = record(RecordStatus::Queued);
    late.expires_at = at(1200);
    assert_eq!(
        leads_to(&not_claimable(&late, at(1200))),
        Some((RecordStatus::Expired, SideEffect::Nothing))
    );
    assert_eq!(
        leads_to(&overdue(&late, outlook(false), &policy(), at(1200))),
        Some((RecordStatus::Expired, SideEffect::Nothing))
    );
    late.maybe_duplicate = true;
    assert_eq!(
        leads_to(&not_claimable(&late, at(1200))),
        Some((RecordStatus::Unknown, SideEffect::Nothing))
    );
}

#[test]
fn a_record_is_due_exactly_while_unfinished() {
    for &status in RecordStatus::ALL {
        let record = record(status);
        let decisions = [
            record_acceptance(&record, acceptance(1)),
            decided(&record, refused(Cause::Throttled)),
            decided(&record, refused(Cause::Unavailable)),
            decided(&record, refused(Cause::Rejected)),
            decided(&record, Attempt::Ambiguous),
            fail(&record, 1, at(1000)),
            overdue(&record, outlook(false), &policy(), at(5000)),
            overdue(&record, outlook(true), &policy(), at(5000)),
            overdue(&record, outlook(true), &policy(), at(2_000_000)),
        ];
        for decision in decisions {
            if let Decision::Write(transition) = decision {
                let next = &transition.record;
                assert!(next.is_in_its_place(), "{status:?} -> {next:?}");
                assert_eq!(
                    next.lease.is_some(),
                    next.status == RecordStatus::Sending,
                    "{status:?} -> {next:?}"
                );
                assert!(next.claim_no >= record.claim_no && (next.maybe_duplicate || !record.maybe_duplicate));
                assert_eq!(transition.condition, Condition::if_unchanged(&record));
            }
        }
    }
}
