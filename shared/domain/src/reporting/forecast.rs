//! Estimates the sending time of an email, from its queue, the rates, and the waiting emails.
//!
//! **Role:** called by `enqueue` for a dry run; decides nothing.
//! **Invariant:** pure. An estimate: every waiting email counts as one with a single recipient, and with its queue's
//! own priority.
//! **Start reading at** [`forecast`].

use serde::Serialize;

use crate::delivery::account_rate::AccountRate;
use crate::delivery::rate::{Micros, Rate};
use crate::delivery::record::Priority;
use crate::queue::Queue;
use crate::timestamp::Timestamp;

/// The last condition that an email waits for before it is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum WaitsFor {
    /// The scheduled time.
    ScheduledAt,
    /// The end of its queue's pause.
    QueuePaused,
    /// A slot of its queue's rate limit.
    QueueRate,
    /// A permit of the account's rate limit.
    AccountRate,
    /// The end of a stop of all sending, after a spent quota, a pause by Amazon SES, or throttling.
    AccountPaused,
}

/// A queue with waiting emails.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QueueLoad {
    /// The priority of its emails.
    pub priority: Priority,
    /// The number of its due emails.
    pub due: u64,
}

/// The state of the deployment at this moment.
#[derive(Debug)]
pub struct Situation<'a> {
    /// The email's queue.
    pub queue: &'a Queue,
    /// The end of the reserved time of its rate limit.
    pub queue_free_at: Option<Micros>,
    /// The number of its due emails.
    pub queue_due: u64,
    /// The rate limiter of the account.
    pub account: AccountRate,
    /// Every queue that is not paused, including the email's own.
    pub queues: &'a [QueueLoad],
}

/// The request.
#[derive(Debug, Clone, Copy)]
pub struct ForecastRequest {
    /// The priority of the email.
    pub priority: Priority,
    /// Earliest time of sending, if it is scheduled.
    pub not_before: Option<Timestamp>,
}

/// The estimate for an email.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Forecast {
    /// Time of sending; `None` while its queue is paused without an end.
    pub at: Option<Timestamp>,
    /// The last obstacle of the email; `None` if it has none.
    pub waits_for: Option<WaitsFor>,
    /// The number of emails before it.
    pub ahead: u64,
}

/// Estimates the sending time of an email that is posted at `now`.
#[must_use]
pub fn forecast(situation: &Situation<'_>, requested: ForecastRequest, now: Timestamp) -> Forecast {
    let others = situation
        .queues
        .iter()
        .filter(|others| goes_first(others.priority, requested.priority));
    let ahead = others.fold(0_u64, |sum, others| sum.saturating_add(others.due));
    let queue = situation.queue;
    let paused = queue.pause_at(now);
    let resumed_at = match paused {
        Some(pause) if pause.until.is_none() => {
            return Forecast {
                at: None,
                waits_for: Some(WaitsFor::QueuePaused),
                ahead,
            };
        }
        Some(pause) => pause.until,
        None => None,
    };
    let account = situation.account;
    let turn = |free_at: Option<Micros>, rate: Rate, ahead: u64, priority: Priority| {
        let free_at = free_at.map_or(now, Micros::up).max(now);
        free_at.after(rate.time(ahead, priority))
    };
    let at_queue = |rate: Rate| turn(situation.queue_free_at, rate, situation.queue_due, Priority::Normal);
    let queue_rate = queue.rate_per_second.map(u64::from);
    let queue_rate = queue_rate.and_then(|rate| Rate::from_millis(rate.saturating_mul(1000)));
    let open_until = account.open.map(|open| open.until).filter(|until| *until > now);
    let waits = [
        (requested.not_before, WaitsFor::ScheduledAt),
        (resumed_at, WaitsFor::QueuePaused),
        (queue_rate.map(at_queue), WaitsFor::QueueRate),
        (
            account
                .rate
                .map(|rate| turn(account.free_at, rate, ahead, requested.priority)),
            WaitsFor::AccountRate,
        ),
        (open_until, WaitsFor::AccountPaused),
    ];
    let waits = waits.into_iter().filter_map(|(at, why)| Some((at?, why)));
    let last = waits.filter(|(at, _)| *at > now).max_by_key(|(at, _)| *at);
    Forecast {
        at: Some(last.map_or(now, |(at, _)| at)),
        waits_for: last.map(|(_, why)| why),
        ahead,
    }
}

/// True if emails of priority `theirs` go before a new one of priority `ours`.
const fn goes_first(theirs: Priority, ours: Priority) -> bool {
    match (theirs, ours) {
        (Priority::High, _) | (Priority::Normal, Priority::Normal | Priority::Low) | (Priority::Low, Priority::Low) => {
            true
        }
        (Priority::Normal | Priority::Low, Priority::High) | (Priority::Low, Priority::Normal) => false,
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::delivery::breaker::OpenBreaker;
    use crate::delivery::cause::Cause;
    use crate::id::{QueueKey, QueueName, TenantId};
    use crate::queue::Pause;

    const NOW: Timestamp = Timestamp::from_millis(1_000_000);

    fn later(seconds: u64) -> Timestamp {
        NOW.after(Duration::from_secs(seconds))
    }

    fn pause(until: Option<Timestamp>) -> Option<Pause> {
        let (since, reason) = (NOW, None);
        Some(Pause { since, reason, until })
    }

    /// One property beyond an empty deployment without a rate.
    type ForecastChange = fn(&mut Queue, &mut AccountRate, &mut ForecastRequest);

    /// The forecast, with 10 due emails in a queue of each priority, and 40 in the email's own queue.
    fn estimate(change: ForecastChange) -> (Option<u64>, Option<WaitsFor>, u64) {
        let key = QueueKey {
            tenant: TenantId::main(),
            name: QueueName::default(),
        };
        let (mut queue, mut account) = (Queue::plain(key, NOW), AccountRate::default());
        let mut requested = ForecastRequest {
            priority: Priority::Normal,
            not_before: None,
        };
        change(&mut queue, &mut account, &mut requested);
        let due = 10;
        let queues = [Priority::High, Priority::Normal, Priority::Low].map(|priority| QueueLoad { priority, due });
        let situation = Situation {
            queue: &queue,
            queue_free_at: None,
            queue_due: 40,
            account,
            queues: &queues,
        };
        let forecast = forecast(&situation, requested, NOW);
        let seconds = forecast.at.map(|at| at.since(NOW).as_secs());
        (seconds, forecast.waits_for, forecast.ahead)
    }

    const fn per_second(rate: u64) -> Option<Rate> {
        Rate::from_millis(rate * 1000)
    }

    #[test]
    fn a_forecast_names_the_last_obstacle() {
        let cases: [(ForecastChange, _); 12] = [
            (|_, _, _| (), (Some(0), None, 20)),
            (
                |_, _, requested| requested.not_before = Some(later(90)),
                (Some(90), Some(WaitsFor::ScheduledAt), 20),
            ),
            (
                |_, account, _| account.rate = per_second(2),
                (Some(10), Some(WaitsFor::AccountRate), 20),
            ),
            (
                |_, account, requested| (account.rate, requested.priority) = (per_second(2), Priority::High),
                (Some(5), Some(WaitsFor::AccountRate), 10),
            ),
            // The low priority leaves a tenth of the rate to the others.
            (
                |_, account, requested| (account.rate, requested.priority) = (per_second(2), Priority::Low),
                (Some(16), Some(WaitsFor::AccountRate), 30),
            ),
            (
                |_, account, _| (account.rate, account.free_at) = (per_second(2), Some(Micros::of(later(4)))),
                (Some(14), Some(WaitsFor::AccountRate), 20),
            ),
            // The reserved time is long over.
            (
                |_, account, _| (account.rate, account.free_at) = (per_second(20), Some(Micros(0))),
                (Some(1), Some(WaitsFor::AccountRate), 20),
            ),
            (
                |queue, account, _| (queue.rate_per_second, account.rate) = (Some(1), per_second(2)),
                (Some(40), Some(WaitsFor::QueueRate), 20),
            ),
            (
                |queue, _, _| queue.paused = pause(None),
                (None, Some(WaitsFor::QueuePaused), 20),
            ),
            (
                |queue, _, _| queue.paused = pause(Some(later(30))),
                (Some(30), Some(WaitsFor::QueuePaused), 20),
            ),
            (|queue, _, _| queue.paused = pause(Some(NOW)), (Some(0), None, 20)),
            (
                |_, account, _| {
                    let (cause, until, times) = (Cause::QuotaExceeded, later(600), 0);
                    account.open = Some(OpenBreaker { cause, until, times });
                },
                (Some(600), Some(WaitsFor::AccountPaused), 20),
            ),
        ];
        for (number, (change, expected)) in cases.into_iter().enumerate() {
            assert_eq!(estimate(change), expected, "case {number}");
        }
    }
}
