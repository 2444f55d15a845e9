//! Reserves slots of a queue's rate limit, and marks a queue whose emails wait for slots.
//!
//! **Role:** the one loop between [`domain::queue::rate_limit`] and [`RateLimits`].
//! **Lost answers:** slots that are reserved twice stay unused; a queue that is marked twice is checked once more.

use std::time::Duration;

use domain::delivery::policy::Turn;
use domain::id::QueueKey;
use domain::ports::rate_limits::{RateLimitOutcome, RateLimits};
use domain::ports::{PortError, Rounds};
use domain::queue::Queue;
use domain::queue::rate_limit::{RateLimit, RateLimitChange, SlotDecision, mark, request_slots};
use domain::timestamp::Timestamp;

/// Reserves slots for due emails of a queue, none further ahead than `ahead`; returns the turn of each, in order.
///
/// An email without a slot waits for `promote`; the queue is marked when this returns.
///
/// # Errors
/// The rate limit could not be changed, and no slot is known.
pub async fn reserve<R: RateLimits>(
    limits: &R,
    queue: &Queue,
    recipients: &[u32],
    ahead: Duration,
    now: Timestamp,
) -> Result<Vec<Turn>, PortError> {
    // A queue that was idle needs no read: a refusal returns the current rate limit.
    let mut limit = RateLimit {
        rate: queue.rate(),
        ..RateLimit::default()
    };
    let mut rounds = Rounds::of("reserving slots");
    loop {
        rounds.begin()?;
        let (change, offsets) = match request_slots(&limit, recipients, ahead, now) {
            SlotDecision::Free => return Ok(vec![Turn::Free; recipients.len()]),
            SlotDecision::Wait => return Ok(vec![Turn::Waits; recipients.len()]),
            SlotDecision::Mark(change) => (change, Vec::new()),
            SlotDecision::Reserve { change, offsets } => (change, offsets),
        };
        match limits.change_rate_limit(&queue.key, &change).await? {
            RateLimitOutcome::Refused(known) => limit = known,
            RateLimitOutcome::Done(after) => {
                let mut turns = Vec::with_capacity(recipients.len());
                if let (RateLimitChange::Reserve { span, .. }, Some(end)) = (change, after.free_at) {
                    let slot = |offset: &Duration| Turn::Slot(end.before(span).after(*offset).up());
                    turns.extend(offsets.iter().map(slot));
                }
                turns.resize(recipients.len(), Turn::Waits);
                return Ok(turns);
            }
        }
    }
}

/// Marks a queue before the record of an email due at `at` waits in the due index.
///
/// # Errors
/// Nobody knows whether the queue is marked: the record must not wait there.
pub async fn mark_queue<R: RateLimits>(
    limits: &R,
    queue: &QueueKey,
    at: Timestamp,
    now: Timestamp,
) -> Result<(), PortError> {
    let mut limit = limits.rate_limit(queue).await?;
    let mut rounds = Rounds::of("marking a queue");
    loop {
        rounds.begin()?;
        let Some(change) = mark(&limit, at, now) else {
            return Ok(());
        };
        match limits.change_rate_limit(queue, &change).await? {
            RateLimitOutcome::Done(_) => return Ok(()),
            RateLimitOutcome::Refused(known) => limit = known,
        }
    }
}
