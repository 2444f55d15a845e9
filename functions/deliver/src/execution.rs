//! One invocation, and its permit for slow endpoints.
//!
//! **Invariant:** an execution without slow endpoints neither takes nor returns such a permit. Otherwise one
//! conditional write takes it for all slow endpoints of the batch, and one returns it. A holder that is killed frees
//! its permit by the end of the lease.
//! **Start reading at** [`DeliverFunction::admit_slow`]; [`domain::webhook::permits`] decides.

use aws::runtime::telemetry;
use domain::ports::webhooks::{PermitChange, SlowPermits};
use domain::ports::{Clock, PortError, Random, Rounds};
use domain::webhook::permits::CallPermits;
use tokio::sync::OnceCell;
use tokio::time::Instant;

use crate::{DeliverFunction, Ports};

/// The permit for slow endpoints.
#[derive(Debug)]
struct HeldPermit {
    /// Random number of this execution.
    nonce: u64,
    /// The permits of all executions, with this one.
    permits: CallPermits,
}

/// One invocation.
#[derive(Debug)]
pub struct Execution {
    /// The end of its time.
    pub(crate) end: Instant,
    /// The permit for slow endpoints, once one of them needs it; `None` inside if others have all of them.
    slow: OnceCell<Option<HeldPermit>>,
}

impl Execution {
    /// An invocation until `end`.
    #[must_use]
    pub fn new(end: Instant) -> Self {
        Self {
            end,
            slow: OnceCell::new(),
        }
    }

    /// True if it has the permit for slow endpoints.
    pub(crate) fn may_call_slow(&self) -> bool {
        self.slow.get().is_some_and(Option::is_some)
    }
}

impl<P: Ports> DeliverFunction<P> {
    /// Takes the permit for slow endpoints, or finds it taken by this execution; `false` if others have all of them.
    /// `read`: the permits that were read before.
    pub(crate) async fn admit_slow(&self, execution: &Execution, read: CallPermits) -> Result<bool, PortError> {
        let held = execution.slow.get_or_try_init(|| self.take_slow(read)).await?;
        Ok(held.is_some())
    }

    async fn take_slow(&self, read: CallPermits) -> Result<Option<HeldPermit>, PortError> {
        let nonce = self.system.nonce()?;
        let (mut before, mut rounds) = (read, Rounds::of("taking a permit for slow endpoints"));
        loop {
            rounds.begin()?;
            if before.has(nonce) {
                // Its own write, whose answer was lost.
                return Ok(Some(HeldPermit { nonce, permits: before }));
            }
            let Some(permits) = before.with(self.permits, nonce, self.system.now()) else {
                return Ok(None);
            };
            match self.endpoints.change_slow_permits(&before, &permits).await? {
                PermitChange::Done => return Ok(Some(HeldPermit { nonce, permits })),
                PermitChange::Moved(found) => before = *found,
            }
        }
    }

    /// Ends an invocation: returns its permit for slow endpoints. A failure is only a warning, because the lease ends.
    pub async fn end(&self, execution: Execution) {
        let Some(Some(HeldPermit { nonce, permits })) = execution.slow.into_inner() else {
            return;
        };
        // If its place has changed, the lease has ended, and another execution has the place.
        let without = permits.without(nonce);
        if let Err(error) = self.endpoints.change_slow_permits(&permits, &without).await {
            let error = telemetry::chain(&error);
            tracing::warn!(
                error,
                "the permit for slow endpoints could not be returned; it ends by itself"
            );
        }
    }
}
