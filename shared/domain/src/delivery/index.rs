//! The partitions of the sparse due index, `due`, and the time of a record's next check.
//!
//! Every unfinished record is in exactly one kind of partition. A sent record is in none. A record that ended unsent
//! stays in its queue's partition, where a retry or a restore finds it.

use std::time::Duration;

use crate::delivery::policy::Turn;
use crate::delivery::record::{Due, DueKind};
use crate::id::{EmailId, QueueKey};
use crate::limits;
use crate::timestamp::Timestamp;

/// Longest delay of a message in SQS; later emails wait in the due index.
/// Source: Amazon SQS message quotas ("Message timer"), read 2026-11-24.
pub const LONGEST_DELAY: Duration = Duration::from_secs(limits::SQS_DELAY_MAX_SECS);

/// Shards of the partitions in which emails wait for a slot. One takes 1,000 writes a second, a new table 4,000.
/// Source: Amazon DynamoDB Developer Guide, "Read/write capacity mode", read 2026-11-28.
pub const RATE_LIMITED_SHARDS: u16 = 4;

/// The horizon of `promote`: nine of its runs may fail and nothing is late.
pub const LOOK_AHEAD: Duration = Duration::from_secs(600);

/// A place in one shard of the index: after this email.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct DueCursor(pub String);

/// The place of a queued record in the index, and the delay of the send task that its writer sends now, if any.
///
/// The writer enqueues an email that is due within [`LONGEST_DELAY`], and `check` guards it. Later emails wait in
/// `wake` until `promote` enqueues them. If an email expires before its guard time ends, the check comes at its expiry.
/// An email that still needs a slot waits in `paced` until `promote` has one for it; an email with a slot is enqueued
/// at its slot.
#[must_use]
pub fn queued(
    not_before: Timestamp,
    expires_at: Timestamp,
    turn: Turn,
    guard: Duration,
    now: Timestamp,
) -> (Due, Option<Duration>) {
    let not_before = match turn {
        Turn::Free => not_before,
        Turn::Slot(slot) => not_before.max(slot),
        Turn::Waits => {
            let (kind, at) = (DueKind::RateLimited, not_before);
            return (Due { kind, at }, None);
        }
    };
    let delay = not_before.since(now);
    if delay <= LONGEST_DELAY {
        (
            Due {
                kind: DueKind::Check,
                at: not_before.max(now).after(guard).min(expires_at.max(now)),
            },
            Some(delay),
        )
    } else {
        (
            Due {
                kind: DueKind::Wake,
                at: not_before,
            },
            None,
        )
    }
}

/// Whole seconds for SQS, rounded up so that a send task is not early, and never above SQS's limit.
#[must_use]
pub fn delay_seconds(delay: Duration) -> u16 {
    let whole = delay.as_secs().saturating_add(u64::from(delay.subsec_nanos() > 0));
    u16::try_from(whole.min(LONGEST_DELAY.as_secs())).unwrap_or(900)
}

/// The shard of an email; each kind of partition except `paced` has `shards` shards.
#[must_use]
pub fn shard(kind: DueKind, id: EmailId, shards: u16) -> u16 {
    match kind {
        DueKind::RateLimited => id.shard(RATE_LIMITED_SHARDS),
        DueKind::Wake | DueKind::Check | DueKind::Held | DueKind::Ended => id.shard(shards),
    }
}

/// The partition key of `shard`: `wake#03`, `check#15`. Partitions of held, paced and ended records are per queue:
/// `held#main#news#03`.
#[must_use]
pub fn partition(kind: DueKind, queue: &QueueKey, shard: u16) -> String {
    let QueueKey { tenant, name } = queue;
    match kind {
        DueKind::Wake => format!("wake#{shard:02}"),
        DueKind::Check => format!("check#{shard:02}"),
        DueKind::Held => format!("held#{tenant}#{name}#{shard:02}"),
        DueKind::RateLimited => format!("paced#{tenant}#{name}#{shard:02}"),
        DueKind::Ended => format!("ended#{tenant}#{name}#{shard:02}"),
    }
}

/// The kind of a partition key.
#[must_use]
pub fn kind(partition: &str) -> Option<DueKind> {
    match partition.split_once('#')?.0 {
        "wake" => Some(DueKind::Wake),
        "check" => Some(DueKind::Check),
        "held" => Some(DueKind::Held),
        "paced" => Some(DueKind::RateLimited),
        "ended" => Some(DueKind::Ended),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::id::{QueueName, TenantId};

    const GUARD: Duration = Duration::from_secs(900);

    fn at(secs: i64) -> Timestamp {
        Timestamp::from_millis(secs * 1000)
    }

    #[test]
    fn near_emails_are_enqueued_and_far_ones_wait() {
        let now = at(1000);
        let near = |not_before: i64, due: i64, delay: u64| {
            assert_eq!(
                queued(at(not_before), at(5000), Turn::Free, GUARD, now),
                (
                    Due {
                        kind: DueKind::Check,
                        at: at(due)
                    },
                    Some(Duration::from_secs(delay))
                )
            );
        };
        near(1000, 1900, 0);
        near(10, 1900, 0); // overdue: guarded from now, or its check would come at once
        near(1900, 2800, 900);
        let (due, _) = queued(at(1000), at(1200), Turn::Free, GUARD, now);
        assert_eq!(due.at, at(1200), "it expires before");
        assert_eq!(
            queued(at(1901), at(5000), Turn::Free, GUARD, now),
            (
                Due {
                    kind: DueKind::Wake,
                    at: at(1901)
                },
                None
            )
        );
    }

    #[test]
    fn an_email_waits_for_its_slot() {
        let now = at(1000);
        let due = |kind, secs| Due { kind, at: at(secs) };
        let queued = |not_before, turn| queued(at(not_before), at(5000), turn, GUARD, now);
        let at_slot = (due(DueKind::Check, 1950), Some(Duration::from_secs(50)));
        assert_eq!(queued(1000, Turn::Slot(at(1050))), at_slot);
        assert_eq!(queued(1000, Turn::Waits), (due(DueKind::RateLimited, 1000), None));
        assert_eq!(
            queued(4000, Turn::Waits),
            (due(DueKind::RateLimited, 4000), None),
            "scheduled, too"
        );
    }

    #[test]
    fn delays_are_whole_seconds_within_sqs_limit() {
        let delays = [0, 1, 999, 1000, 1001, 900_000, 900_001].map(|ms| delay_seconds(Duration::from_millis(ms)));
        assert_eq!(delays, [0, 1, 1, 1, 2, 900, 900]);
    }

    #[test]
    fn partitions_have_two_digits() {
        let queue = QueueKey {
            tenant: TenantId::main(),
            name: QueueName::default(),
        };
        for (kind_of, key) in [
            (DueKind::Wake, "wake#03"),
            (DueKind::Check, "check#03"),
            (DueKind::Held, "held#main#default#03"),
            (DueKind::RateLimited, "paced#main#default#03"),
            (DueKind::Ended, "ended#main#default#03"),
        ] {
            assert_eq!(partition(kind_of, &queue, 3), key);
            assert_eq!(kind(key), Some(kind_of));
        }
        assert_eq!([kind("job#"), kind("wake")], [None, None]);
    }
}
