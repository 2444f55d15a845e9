use super::*;
use crate::delivery::record::{BodyPlace, BodyRef};
use crate::id::{EmailId, KeyId, QueueKey, QueueName, TenantId};
use crate::queue::hold::{Hold, Holds};
use crate::queue::{Common, Pause};

const TWO_WEEKS: Duration = Duration::from_secs(14 * 86_400);

fn at(secs: i64) -> Timestamp {
    Timestamp::from_millis(secs * 1000)
}

fn policy() -> Policy {
    Policy::standard()
}

fn queue() -> Queue {
    let key = QueueKey {
        tenant: TenantId::main(),
        name: QueueName::default(),
    };
    Queue {
        version: 7,
        ..Queue::plain(key, at(0))
    }
}

fn paused() -> Queue {
    queue().after_pause(Pause {
        since: at(0),
        reason: None,
        until: None,
    })
}

fn due(kind: DueKind, secs: i64) -> Option<Due> {
    Some(Due { kind, at: at(secs) })
}

/// Accepted at 1000 for 1500, tried twice, expires at 9000.
fn record(status: RecordStatus) -> EmailRecord {
    let body = BodyRef {
        sha256: "00".repeat(32),
        place: BodyPlace::Table,
        bytes: 1,
    };
    EmailRecord {
        status,
        not_before: at(1_500),
        expires_at: at(9_000),
        claim_no: 2,
        attempts: 2,
        cause: Some(Cause::Unavailable),
        due: due(DueKind::Check, 2_400),
        ..EmailRecord::new(TenantId::main(), EmailId::from_random([1; 16]), body, 1, at(1_000))
    }
}

fn written(decision: &Decision) -> &Transition {
    match decision {
        Decision::Write(transition) => transition,
        Decision::Only(_) | Decision::Forget => panic!("nothing is written: {decision:?}"),
    }
}

#[test]
fn a_paused_queue_parks_its_emails() {
    let now = at(2_000);
    assert_eq!(reconcile(&record(RecordStatus::Queued), &queue(), now), None);
    let decision = reconcile(&record(RecordStatus::Queued), &paused(), now).unwrap();
    let moved = written(&decision);
    assert_eq!(moved.record.due, due(DueKind::Held, 1_500));
    assert_eq!(
        (moved.record.status, moved.record.attempts, moved.side_effect),
        (RecordStatus::Queued, 2, SideEffect::Nothing)
    );
    assert_eq!(moved.condition.queue_version(), Some(8), "not if a resume comes first");
    assert_eq!(
        reconcile(&moved.record, &paused(), now),
        Some(Decision::Forget),
        "it is parked already"
    );
    assert_eq!(
        reconcile(&record(RecordStatus::Queued), &paused(), at(9_000)),
        None,
        "it still expires"
    );
    for status in RecordStatus::ALL
        .iter()
        .copied()
        .filter(|status| *status != RecordStatus::Queued)
    {
        assert_eq!(reconcile(&record(status), &paused(), now), None, "{status:?}");
    }
}

#[test]
fn a_purged_email_is_canceled_unless_maybe_sent() {
    let (purged, now) = (queue().after_purge(at(1_000)), at(2_000));
    let decision = reconcile(&record(RecordStatus::Queued), &purged, now).unwrap();
    let ended = written(&decision);
    assert_eq!(
        (ended.record.status, ended.record.cause),
        (RecordStatus::Canceled, Some(Cause::Purged))
    );
    assert_eq!(
        (ended.record.due, ended.condition.queue_version()),
        (due(DueKind::Ended, 2_000), Some(8))
    );
    let maybe_out = EmailRecord {
        maybe_duplicate: true,
        ..record(RecordStatus::Queued)
    };
    let decision = reconcile(&maybe_out, &purged, now).unwrap();
    assert_eq!(written(&decision).record.status, RecordStatus::Unknown);
    assert_eq!(
        reconcile(&record(RecordStatus::Queued), &purged.after_restore(), now),
        None
    );
}

#[test]
fn a_sender_drops_only_its_own_claim() {
    let (purged, now) = (queue().after_purge(at(1_000)), at(2_000));
    for &status in RecordStatus::ALL {
        for claim_no in [1, 2] {
            let decision = drop_unwanted(&record(status), &purged, DropStage::InHand { claim_no }, now);
            if (status, claim_no) == (RecordStatus::Sending, 2) {
                let dropped = &written(&decision).record;
                assert_eq!(dropped.status, RecordStatus::Canceled);
                assert_eq!(dropped.attempts, record(status).attempts - 1, "SES was not called");
            } else {
                assert_eq!(decision, Decision::Forget, "{status:?} {claim_no}");
            }
        }
    }
    let in_hand = DropStage::InHand { claim_no: 2 };
    assert_eq!(
        drop_unwanted(&record(RecordStatus::Sending), &queue(), in_hand, now),
        Decision::Forget
    );
}

#[test]
fn a_held_key_parks_emails_from_everywhere() {
    let (key, now) = (KeyId::from_bytes([1; 16]), at(2_000));
    let held = queue().with_common(&Common {
        holds: Holds::default().with(Hold::of_revoked_key(key)).unwrap(),
        ..Common::default()
    });
    for kind in [DueKind::Wake, DueKind::Check, DueKind::RateLimited, DueKind::Held] {
        let waiting = EmailRecord {
            key: Some(key),
            due: due(kind, 1_500),
            ..record(RecordStatus::Queued)
        };
        let decision = reconcile(&waiting, &held, now).unwrap();
        if kind == DueKind::Held {
            assert_eq!(decision, Decision::Forget);
            assert_eq!(release(&waiting, &held, &policy(), now), Decision::Forget);
        } else {
            let moved = written(&decision);
            assert_eq!(moved.record.due, due(DueKind::Held, 1_500), "{kind:?}");
            let (claim_no, status, not_before, queue_version) = (2, RecordStatus::Queued, at(1_500), held.version);
            let condition = Condition::UnmovedIn {
                claim_no,
                status,
                not_before,
                queue_version,
            };
            assert_eq!(moved.condition, condition, "an earlier release wins");
        }
        let other = EmailRecord { key: None, ..waiting };
        assert_eq!(reconcile(&other, &held, now), None);
    }
}

#[test]
fn a_released_email_returns_to_its_place() {
    let held = |not_before| EmailRecord {
        not_before: at(not_before),
        due: due(DueKind::Held, not_before),
        ..record(RecordStatus::Queued)
    };
    let now = at(2_000);
    let decision = release(&held(1_500), &queue(), &policy(), now);
    let near = written(&decision);
    assert_eq!(near.record.due, due(DueKind::Check, 2_900));
    assert_eq!(near.side_effect, SideEffect::EnqueueTask { delay: Duration::ZERO });
    let decision = release(&held(8_000), &queue(), &policy(), now);
    let far = written(&decision);
    assert_eq!(
        (far.record.due, far.side_effect),
        (due(DueKind::Wake, 8_000), SideEffect::Nothing)
    );
    let decision = release(&held(1_500), &queue(), &policy(), at(9_000));
    assert_eq!(written(&decision).record.status, RecordStatus::Expired);
    assert_eq!(
        release(&record(RecordStatus::Queued), &queue(), &policy(), now),
        Decision::Forget,
        "not held"
    );
    for status in RecordStatus::ALL
        .iter()
        .copied()
        .filter(|status| *status != RecordStatus::Queued)
    {
        assert_eq!(release(&record(status), &queue(), &policy(), now), Decision::Forget);
    }
}

#[test]
fn only_purged_emails_are_restored() {
    let now = at(2_000);
    for &status in RecordStatus::ALL {
        let purged = EmailRecord {
            cause: Some(Cause::Purged),
            maybe_duplicate: status == RecordStatus::Unknown,
            ..record(status)
        };
        let decision = restore(&purged, &policy(), now);
        if matches!(status, RecordStatus::Canceled | RecordStatus::Unknown) {
            let restored = written(&decision);
            assert_eq!(
                (restored.record.status, restored.record.cause),
                (RecordStatus::Queued, None)
            );
            assert_eq!((restored.record.not_before, restored.record.attempts), (at(1_500), 2));
            assert_eq!(
                restored.record.maybe_duplicate,
                status == RecordStatus::Unknown,
                "never cleared"
            );
            assert_eq!(restored.side_effect, SideEffect::EnqueueTask { delay: Duration::ZERO });
        } else {
            assert_eq!(decision, Decision::Forget, "{status:?}");
        }
        assert_eq!(restore(&record(status), &policy(), now), Decision::Forget, "{status:?}");
    }
}

#[test]
fn an_email_that_may_be_sent_is_not_redriven() {
    for &status in RecordStatus::ALL {
        let decision = redrive(&record(status), &queue(), TWO_WEEKS, &policy(), at(2_000));
        match status {
            RecordStatus::Failed | RecordStatus::Expired | RecordStatus::Canceled => {
                let again = written(&decision);
                assert_eq!((again.record.status, again.record.attempts), (RecordStatus::Queued, 0));
            }
            RecordStatus::Queued
            | RecordStatus::Sending
            | RecordStatus::Failing
            | RecordStatus::Uncertain
            | RecordStatus::Sent
            | RecordStatus::Unknown => {
                assert_eq!(decision, Decision::Forget, "{status:?}")
            }
        }
    }
}

/// Otherwise a restore would send an email that its caller knows as canceled.
#[test]
fn a_canceled_email_is_not_restored() {
    let purged = EmailRecord {
        cause: Some(Cause::Purged),
        ..record(RecordStatus::Canceled)
    };
    let canceled = commands::cancel(&purged, &policy(), at(2_000)).unwrap();
    let canceled = &written(&canceled).record;
    assert_eq!((canceled.status, canceled.cause), (RecordStatus::Canceled, None));
    assert_eq!(restore(canceled, &policy(), at(3_000)), Decision::Forget);
    let before = restore(&purged, &policy(), at(1_999));
    assert!(!written(&before).condition.holds(canceled), "an earlier decision");
}
