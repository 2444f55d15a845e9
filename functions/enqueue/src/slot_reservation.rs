//! Slots of emails in queues with rate limits: one conditional write for each such queue of a request.
//!
//! **Invariant:** an email waits in the due index for a slot only if its queue is marked for `promote`
//! ([`domain::queue::rate_limit::RateLimit::check_at`]). Otherwise its send task has no slot, and `send` requests one.
//! **Start reading at** [`EnqueueFunction::reserve_turns`].

use std::collections::BTreeMap;

use domain::api::requests::EmailRequest;
use domain::delivery::policy::Turn;
use domain::id::{QueueName, TenantId};
use domain::ports::PortError;
use domain::queue::Queue;
use domain::queue::rate_limit::AHEAD;
use domain::timestamp::Timestamp;
use workflow::slots;

use crate::{EnqueueFunction, Ports};

/// The emails of a request for one queue with a rate limit.
struct OfQueue {
    queue: Queue,
    /// Indexes and recipients of the emails that are due.
    due: Vec<(usize, u32)>,
    /// Indexes and scheduled times of the later emails.
    later: Vec<(usize, Timestamp)>,
}

impl<P: Ports> EnqueueFunction<P> {
    /// Returns the turn of each email, in order. A failure is only a warning: `send` requests a slot then.
    pub(crate) async fn reserve_turns(
        &self,
        tenant: &TenantId,
        requests: &[&EmailRequest],
        now: Timestamp,
    ) -> Vec<Turn> {
        let mut turns = vec![Turn::Free; requests.len()];
        for of_queue in self.with_rate_limits(tenant, requests, now).await {
            if let Err(error) = self.take_turns(&of_queue, &mut turns, now).await {
                let error = aws::runtime::telemetry::chain(&error);
                tracing::warn!(
                    error,
                    "no send slots could be reserved; the emails are stored without one"
                );
            }
        }
        turns
    }

    /// Groups emails by queue, only for queues with a rate limit.
    async fn with_rate_limits(&self, tenant: &TenantId, requests: &[&EmailRequest], now: Timestamp) -> Vec<OfQueue> {
        let mut limited: BTreeMap<&QueueName, Option<OfQueue>> = BTreeMap::new();
        for (place, request) in requests.iter().enumerate() {
            let name = &request.options.queue;
            if !limited.contains_key(name) {
                // A queue that cannot be read here fails again when the email is stored.
                let queue = self.queues.get(&self.records, tenant, name, now).await.ok().flatten();
                let of_queue = queue.filter(|queue| queue.rate().is_some()).map(|queue| OfQueue {
                    queue,
                    due: Vec::new(),
                    later: Vec::new(),
                });
                limited.insert(name, of_queue);
            }
            let Some(Some(of_queue)) = limited.get_mut(name) else {
                continue;
            };
            let wanted = request.options.resolve_late(self.expires_after(&of_queue.queue), now);
            if wanted.not_before > now {
                of_queue.later.push((place, wanted.not_before));
            } else {
                let recipients = u32::try_from(request.email.recipients()).unwrap_or(u32::MAX);
                of_queue.due.push((place, recipients));
            }
        }
        limited.into_values().flatten().collect()
    }

    async fn take_turns(&self, of_queue: &OfQueue, turns: &mut [Turn], now: Timestamp) -> Result<(), PortError> {
        let OfQueue { queue, due, later } = of_queue;
        if !due.is_empty() {
            let recipients: Vec<u32> = due.iter().map(|(_, recipients)| *recipients).collect();
            let reserved = slots::reserve(&self.records, queue, &recipients, AHEAD, now).await?;
            for ((place, _), turn) in due.iter().zip(reserved) {
                set(turns, *place, turn);
            }
        }
        if let Some(first) = later.iter().map(|(_, at)| *at).min() {
            slots::mark_queue(&self.records, &queue.key, first, now).await?;
            for (place, _) in later {
                set(turns, *place, Turn::Waits);
            }
        }
        Ok(())
    }
}

fn set(turns: &mut [Turn], place: usize, turn: Turn) {
    if let Some(slot) = turns.get_mut(place) {
        *slot = turn;
    }
}
