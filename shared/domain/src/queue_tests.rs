use super::*;
use crate::delivery::record::{BodyPlace, BodyRef};
use crate::id::{EmailId, KeyId, QueueName, TenantId};
use crate::queue::hold::Hold;

pub(crate) fn at(secs: i64) -> Timestamp {
    Timestamp::from_millis(secs * 1000)
}

pub(crate) fn queue() -> Queue {
    let key = QueueKey {
        tenant: TenantId::main(),
        name: QueueName::default(),
    };
    Queue::plain(key, at(0))
}

fn pause(until: Option<i64>) -> Pause {
    Pause {
        since: at(100),
        reason: None,
        until: until.map(at),
    }
}

/// Accepted at 1000.
pub(crate) fn record(status: RecordStatus) -> EmailRecord {
    let body = BodyRef {
        sha256: "00".repeat(32),
        place: BodyPlace::Table,
        bytes: 1,
    };
    EmailRecord {
        status,
        expires_at: at(9_000),
        ..EmailRecord::new(TenantId::main(), EmailId::from_random([1; 16]), body, 1, at(1_000))
    }
}

#[test]
fn a_pause_ends_by_itself_or_by_hand() {
    let (plain, now) = (queue(), at(2_000));
    assert!(!plain.is_paused(now));
    let for_ever = plain.after_pause(pause(None));
    assert!(for_ever.is_paused(now));
    assert!(!for_ever.after_resume().is_paused(now));
    let until = plain.after_pause(pause(Some(2_000)));
    assert!(until.is_paused(at(1_999)));
    assert!(!until.is_paused(now), "it ends exactly at its time");
}

#[test]
fn a_suspension_is_independent_of_pauses() {
    let (suspended, now) = (queue().with_suspension(true), at(2_000));
    for queue in [
        suspended.clone(),
        suspended.after_pause(pause(Some(1_500))),
        suspended.after_pause(pause(None)).after_resume(),
        suspended.after_deletion(),
    ] {
        assert!(queue.is_paused(now) && queue.pause_at(now).is_none());
        assert_eq!(queue.disposition(&record(RecordStatus::Queued), now), Disposition::Hold);
    }
    let lifted = suspended.with_suspension(false);
    assert_eq!(lifted.disposition(&record(RecordStatus::Queued), now), Disposition::Go);
    assert!(
        suspended.after_pause(pause(None)).with_suspension(false).is_paused(now),
        "a pause stays"
    );
}

#[test]
fn a_hold_of_a_key_is_independent_of_a_pause() {
    let (key, now) = (KeyId::from_bytes([1; 16]), at(2_000));
    let held = queue().with_common(&Common {
        holds: Holds::default().with(Hold::of_revoked_key(key)).unwrap(),
        ..Common::default()
    });
    assert_eq!(held.version, queue().version + 1, "an earlier decision is not written");
    for &status in RecordStatus::ALL {
        let of_key = EmailRecord {
            key: Some(key),
            ..record(status)
        };
        let waits = status == RecordStatus::Queued;
        for queue in [
            held.clone(),
            held.after_pause(pause(None)).after_resume(),
            held.after_deletion(),
            held.with_suspension(false),
        ] {
            assert!(!queue.is_paused(now));
            assert_eq!(
                queue.disposition(&of_key, now),
                if waits { Disposition::Hold } else { Disposition::Go },
                "{status:?}"
            );
            assert_eq!(
                queue.disposition(&record(status), now),
                Disposition::Go,
                "without a key"
            );
        }
    }
    let of_key = EmailRecord {
        key: Some(key),
        ..record(RecordStatus::Queued)
    };
    assert_eq!(
        held.after_purge(at(1_000)).disposition(&of_key, now),
        Disposition::Drop,
        "a purge is stronger"
    );
}

#[test]
fn only_waiting_emails_are_held_or_dropped() {
    let now = at(2_000);
    let (held, purged) = (queue().after_pause(pause(None)), queue().after_purge(at(1_000)));
    for &status in RecordStatus::ALL {
        let record = record(status);
        assert_eq!(queue().disposition(&record, now), Disposition::Go);
        let waits = status == RecordStatus::Queued;
        assert_eq!(
            held.disposition(&record, now),
            if waits { Disposition::Hold } else { Disposition::Go }
        );
        assert_eq!(
            purged.disposition(&record, now),
            if waits { Disposition::Drop } else { Disposition::Go }
        );
        assert_eq!(
            held.after_purge(at(1_000)).disposition(&record, now) == Disposition::Drop,
            waits,
            "a purge is stronger"
        );
    }
    assert_eq!(
        queue()
            .after_purge(at(997))
            .disposition(&record(RecordStatus::Queued), now),
        Disposition::Go,
        "accepted after the purge"
    );
    assert_eq!(
        purged.after_restore().disposition(&record(RecordStatus::Queued), now),
        Disposition::Go
    );
}

#[test]
fn a_purge_compares_generations_not_clocks() {
    let of = |generation| EmailRecord {
        generation: Some(generation),
        ..record(RecordStatus::Queued)
    };
    // Every email was born at 1000, by any clock of the purges.
    for clock in [at(1), at(1_000), at(900_000)] {
        let once = queue().after_purge(clock);
        assert_eq!([0, 1].map(|generation| once.wants(&of(generation))), [false, true]);
        let twice = once.after_purge(clock);
        assert_eq!(
            [0, 1, 2].map(|generation| twice.wants(&of(generation))),
            [false, false, true]
        );
        let restored = twice.after_restore();
        assert_eq!([0, 1, 2].map(|generation| restored.wants(&of(generation))), [true; 3]);
        let again = restored.after_purge(clock);
        assert_eq!(
            [0, 2, 3].map(|generation| again.wants(&of(generation))),
            [false, false, true]
        );
        assert!([&once, &twice, &again].iter().all(|queue| queue.is_purged()));
        assert!(!restored.is_purged());
    }
}

#[test]
fn a_purge_by_time_allows_for_other_clocks() {
    let skew = BINDS_AFTER / 2;
    let purged = queue().after_purge(at(2_000));
    for (born, wanted) in [
        (at(2_000).after(skew), false),
        (at(2_000).after(skew).after(Duration::from_millis(1)), true),
        // Accepted when the purge was answered, by a clock that is behind.
        (
            at(2_000)
                .after(BINDS_AFTER)
                .before(skew)
                .after(Duration::from_millis(1)),
            true,
        ),
    ] {
        let record = EmailRecord {
            born,
            ..record(RecordStatus::Queued)
        };
        assert_eq!(purged.wants(&record), wanted, "{born}");
    }
}

#[test]
fn every_change_has_its_own_version() {
    let queue = queue();
    let changes = [
        queue.after_pause(pause(None)),
        queue.after_resume(),
        queue.after_purge(at(1)),
        queue.after_restore(),
        queue.after_deletion(),
        queue.with_suspension(true),
    ];
    for changed in changes {
        assert_eq!(changed.version, 1);
    }
    assert_eq!(
        queue.after_purge(at(5)).after_purge(at(3)).purged_before,
        Some(at(7)),
        "a late purge does not undo it"
    );
    assert!(!queue.after_pause(pause(None)).after_deletion().is_paused(at(2_000)));
}

#[test]
fn reads_show_a_purge_at_once() {
    let (purged, now) = (queue().after_purge(at(1_000)), at(2_000));
    let seen = purged.shows(record(RecordStatus::Queued), now);
    assert_eq!((seen.status, seen.cause), (RecordStatus::Canceled, Some(Cause::Purged)));
    let maybe_out = EmailRecord {
        maybe_duplicate: true,
        ..record(RecordStatus::Queued)
    };
    assert_eq!(purged.shows(maybe_out, now).status, RecordStatus::Unknown);
    let expired = purged.shows(record(RecordStatus::Queued), at(9_000));
    assert_eq!(
        expired.cause_at(at(9_000)),
        Some(Cause::Expired),
        "it had expired before"
    );
    for status in RecordStatus::ALL
        .iter()
        .copied()
        .filter(|status| *status != RecordStatus::Queued)
    {
        assert_eq!(purged.shows(record(status), now), record(status));
    }
}

#[test]
fn a_queues_waits_replace_the_deployments() {
    let standard = Policy::standard();
    assert_eq!(*queue().policy(&standard), standard);
    let own = Queue {
        retry_waits: Some(vec![Duration::from_secs(7)]),
        ..queue()
    };
    let policy = own.policy(&standard);
    assert_eq!(policy.retry.waits, [Duration::from_secs(7)]);
    assert_eq!(
        (policy.lease, policy.retry.no_permit),
        (standard.lease, standard.retry.no_permit)
    );
}
