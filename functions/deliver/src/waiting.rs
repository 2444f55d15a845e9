//! Tasks without a permit: first they return to the queue, then to the due index.
//!
//! **Invariant:** a task that waits for a permit is no broken one, so it never reaches the queue of leftovers. Its message
//! returns a few times, which costs no write. Then one write returns its delivery to the index, and the message ends.

use std::time::Duration;

use domain::ports::{Clock, PortError, Random};
use domain::webhook::delivery::Delivery;

use crate::saving::Work;
use crate::{DeliverFunction, EndpointTasks, Ports, Worked};

/// Receives after which a task without a permit returns to the index. Our choice: together the waits before are about
/// as long as the lease of a permit.
const RECEIVES_MAX: u32 = 5;

/// Shortest wait of a message that was received once. Each further wait doubles.
const BUSY_SECS: u64 = 2;

/// Number of seconds over which such messages spread. Our choice: a call usually takes less than a second.
const BUSY_SPREAD_SECS: u64 = 9;

/// The wait of a message in the queue; `None` for a task that returns to the index.
fn wait_in_queue(receives: u32, spread: u64) -> Option<Duration> {
    let times = 1_u64.checked_shl(receives.saturating_sub(1)).unwrap_or(u64::MAX);
    let secs = BUSY_SECS
        .saturating_mul(times)
        .saturating_add(spread % BUSY_SPREAD_SECS);
    (receives < RECEIVES_MAX).then(|| Duration::from_secs(secs))
}

impl<P: Ports> DeliverFunction<P> {
    /// Puts tasks off until a permit may be free.
    ///
    /// # Errors
    /// The deliveries could not be read. Their messages come again.
    pub(crate) async fn wait_for_permit(&self, all: &EndpointTasks) -> Result<Worked, PortError> {
        let EndpointTasks { key, tasks } = all;
        let mut work = Work::on(tasks.len());
        let spread = self.system.nonce().unwrap_or_default() % BUSY_SPREAD_SECS;
        let (mut places, mut events) = (Vec::new(), Vec::new());
        for ((place, task), spread) in tasks.iter().enumerate().zip(spread..) {
            match wait_in_queue(task.receives, spread) {
                Some(wait) => work.later(place, wait),
                None => {
                    places.push(place);
                    events.push(task.event.clone());
                }
            }
        }
        if events.is_empty() {
            return Ok(work.done());
        }
        let mut waiting = self.wanted(key, &events).await?;
        for waiting in &mut waiting {
            waiting.place = places.get(waiting.place).copied().unwrap_or(waiting.place);
        }
        let now = self.system.now();
        let decide = |delivery: &Delivery| delivery.after_busy(self.system.jitter(), now);
        let returned = self.rewrite(key, &waiting, decide, &mut work).await;
        work.counts.returned += returned;
        Ok(work.done())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_waits_for_a_permit_grow_and_end() {
        let waits = [1, 2, 3, 4, 5, 250].map(|receives| wait_in_queue(receives, 9).map(|wait| wait.as_secs()));
        assert_eq!(waits, [Some(2), Some(4), Some(8), Some(16), None, None]);
        assert_eq!(wait_in_queue(1, 8), Some(Duration::from_secs(10)));
    }
}
