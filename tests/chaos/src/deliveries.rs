//! Waits until the receiver has every event, after its faults were lifted.
//!
//! An answer of 410 has disabled the webhook meanwhile, and a failed attempt may wait for hours. So the run replays the
//! open events. In a large run thousands have never been tried and come by themselves, so it first replays only the
//! failed ones.
//!
//! **Invariant:** the wait has no fixed length, because a large run has many open events. It ends early only if no
//! event has arrived for longer than any pause of an endpoint. The oracle finds the missing ones afterwards.
//! **Start reading at** [`deliver_all`], or at [`next_step`], which decides and is pure.

use std::time::Duration;

use futures::stream::{self, StreamExt, TryStreamExt};
use tokio::time::Instant;

use crate::Trouble;
use crate::stack::Stack;

/// Replays at the same time.
const REPLAYS: usize = 8;

/// Open events of a large run: their replays take longer than their arrival.
const MANY: usize = 2_000;

/// The pause between two looks. An event of a living endpoint that nothing delays arrives in less.
const BETWEEN_LOOKS: Duration = Duration::from_secs(20);

/// The time without an arrival after which no more is expected. The longest pause of a closed endpoint is five minutes,
/// and its events return at whole minutes.
const STALLED: Duration = Duration::from_secs(420);

/// The words of an attempt that nobody listened to.
const REFUSED: &str = "connection refused";

/// A stored delivery of an event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredDelivery {
    /// The id of the event.
    pub event: String,
    /// Whether the receiver has the event.
    pub received: bool,
    /// The newest attempts.
    pub attempts: Vec<StoredAttempt>,
}

/// A stored attempt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredAttempt {
    /// The status of the answer; 0 without one.
    pub status: u64,
    /// The answer, or the reason why there is none.
    pub words: String,
}

/// Returns the number of attempts that met no listener, as `deliver` has recorded them.
#[must_use]
pub fn count_refused(deliveries: &[StoredDelivery]) -> usize {
    let attempts = deliveries.iter().flat_map(|delivery| &delivery.attempts);
    let refused = attempts.filter(|attempt| attempt.status == 0 && attempt.words.contains(REFUSED));
    refused.count()
}

/// The numbers of a look.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Sight {
    /// All events.
    stored: usize,
    /// Those that the receiver has.
    received: usize,
}

impl Sight {
    fn of(deliveries: &[StoredDelivery]) -> Self {
        Self {
            stored: deliveries.len(),
            received: deliveries.iter().filter(|delivery| delivery.received).count(),
        }
    }
}

/// The step after a look.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Step {
    /// The receiver has all events, and no new one was stored.
    Done,
    /// Nothing has arrived for too long.
    GiveUp,
    /// The open events that an attempt has failed for are replayed.
    ReplayFailed,
    /// All open events are replayed.
    Replay,
    /// Events arrive: another replay would only send them twice.
    Wait,
}

/// Decides the step. `quiet` is the time since the last news.
fn next_step(before: Option<Sight>, now: Sight, quiet: Duration) -> Step {
    let has_all = now.received == now.stored;
    match before {
        Some(before) if before == now && has_all => Step::Done,
        Some(before) if before == now && quiet > STALLED => Step::GiveUp,
        Some(before) if before == now => Step::Replay,
        Some(_) => Step::Wait,
        None if has_all => Step::Wait,
        None if now.stored.saturating_sub(now.received) > MANY => Step::ReplayFailed,
        None => Step::Replay,
    }
}

/// Waits until the receiver has every event; returns the deliveries at the end. `say` receives the progress.
///
/// # Errors
/// When the stack cannot be read, or refuses a replay.
pub async fn deliver_all(
    stack: &Stack,
    webhook: &str,
    mut say: impl FnMut(&str),
) -> Result<Vec<StoredDelivery>, Trouble> {
    let mut last: Option<Sight> = None;
    let mut news = Instant::now();
    loop {
        // The last answer of 410 may take effect late.
        stack.keep_enabled(webhook).await?;
        let deliveries = stack.deliveries(webhook).await?;
        let now = Sight::of(&deliveries);
        if last != Some(now) {
            news = Instant::now();
            say(&format!("{} of {} events received", now.received, now.stored));
        }
        match next_step(last, now, news.elapsed()) {
            Step::Done => return Ok(deliveries),
            Step::GiveUp => {
                say(&format!("no event has arrived for {} s", STALLED.as_secs()));
                return Ok(deliveries);
            }
            Step::ReplayFailed => {
                let failed = deliveries.iter().filter(|delivery| !delivery.attempts.is_empty());
                replay_open(stack, webhook, failed).await?;
            }
            Step::Replay => replay_open(stack, webhook, deliveries.iter()).await?,
            Step::Wait => {}
        }
        last = Some(now);
        tokio::time::sleep(BETWEEN_LOOKS).await;
    }
}

async fn replay_open(
    stack: &Stack,
    webhook: &str,
    deliveries: impl Iterator<Item = &StoredDelivery>,
) -> Result<(), Trouble> {
    stream::iter(deliveries.filter(|delivery| !delivery.received))
        .map(|delivery| stack.replay(webhook, &delivery.event))
        .buffer_unordered(REPLAYS)
        .try_collect()
        .await
}

#[cfg(test)]
mod tests {
    use super::*;

    const SOON: Duration = Duration::from_secs(20);

    fn step(before: Option<(usize, usize)>, now: (usize, usize), quiet: Duration) -> Step {
        let sight = |(received, stored)| Sight { stored, received };
        next_step(before.map(sight), sight(now), quiet)
    }

    #[test]
    fn open_events_are_replayed_when_none_arrives() {
        assert_eq!(step(None, (1, 9), SOON), Step::Replay, "at once");
        assert_eq!(step(None, (9, 9_000), SOON), Step::ReplayFailed, "a large run");
        assert_eq!(step(Some((1, 9)), (2, 9), SOON), Step::Wait, "they arrive");
        assert_eq!(step(Some((2, 9)), (2, 9), SOON), Step::Replay);
    }

    #[test]
    fn the_end_needs_two_equal_looks() {
        assert_eq!(step(None, (9, 9), SOON), Step::Wait);
        assert_eq!(step(Some((9, 9)), (10, 10), SOON), Step::Wait, "a new one was stored");
        assert_eq!(step(Some((10, 10)), (10, 10), SOON), Step::Done);
    }

    #[test]
    fn the_run_never_gives_up_while_events_arrive() {
        let long = STALLED.saturating_mul(9);
        assert_eq!(step(Some((1, 9)), (2, 9), long), Step::Wait);
        assert_eq!(step(Some((2, 9)), (2, 9), long), Step::GiveUp);
        assert_eq!(step(Some((9, 9)), (9, 9), long), Step::Done);
    }

    #[test]
    fn only_attempts_without_a_listener_are_refused() {
        let attempt = |status, words: &str| StoredAttempt {
            status,
            words: words.to_owned(),
        };
        let delivery = StoredDelivery {
            event: "msg_1".to_owned(),
            received: true,
            attempts: vec![
                attempt(
                    0,
                    "The connection failed: connection refused. Check that the server listens",
                ),
                attempt(0, "After 15 seconds the server did not answer the request."),
                attempt(500, "connection refused"),
                attempt(200, ""),
            ],
        };
        assert_eq!(count_refused(&[delivery.clone(), delivery]), 2);
        assert_eq!(count_refused(&[]), 0);
    }
}
