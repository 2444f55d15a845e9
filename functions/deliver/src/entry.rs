//! The entry to an endpoint, and the consequence of an execution's calls.
//!
//! **Invariant:** a permit of an endpoint is one conditional write, and so is its return, which has the results of
//! the calls. An endpoint that only fails is tried by one execution at a time. A holder that is killed frees its
//! permit by the end of the lease.
//! **Start reading at** [`DeliverFunction::admit`]; [`domain::webhook::health`] decides.

use aws::runtime::{metrics, telemetry};
use domain::ports::webhooks::{EndpointHealth, HealthChange, StoredWebhook, WebhookKey, Webhooks};
use domain::ports::{Clock, PortError, Random, Rounds};
use domain::timestamp::Timestamp;
use domain::webhook::health::{Admission, Calls, Consequence, Health};
use domain::webhook::permits::CallPermits;

use crate::{DeliverFunction, Execution, Ports};

/// The answer to an execution that wants to call an endpoint.
#[derive(Debug)]
pub(crate) enum Entry {
    /// The endpoint may be called.
    Granted(Box<Held>),
    /// Other executions have its permits, or those for slow endpoints.
    Busy,
    /// It is not called until this time.
    Closed(Timestamp),
}

/// An endpoint that this execution calls.
#[derive(Debug)]
pub(crate) struct Held {
    /// Random number of this execution.
    pub(crate) nonce: u64,
    /// The health of the endpoint.
    pub(crate) health: Health,
    /// True if one delivery must succeed before the others are tried.
    pub(crate) probes: bool,
}

impl Held {
    /// The health after calls.
    pub(crate) fn after(&self, calls: Calls, now: Timestamp) -> (Health, Consequence) {
        self.health.after_calls(self.nonce, calls, now)
    }
}

impl<P: Ports> DeliverFunction<P> {
    /// Takes a permit of an endpoint. Its health, and the permits for slow endpoints, were read before.
    pub(crate) async fn admit(
        &self,
        key: &WebhookKey,
        read: Health,
        slow_permits: CallPermits,
        execution: &Execution,
    ) -> Result<Entry, PortError> {
        let nonce = self.system.nonce()?;
        let (mut before, mut rounds) = (read, Rounds::of("taking a permit of an endpoint"));
        loop {
            rounds.begin()?;
            let now = self.system.now();
            let health = match before.admission(self.permits, nonce, now) {
                Admission::Granted(health) => *health,
                Admission::Busy => return Ok(Entry::Busy),
                Admission::Closed { until } => return Ok(Entry::Closed(until)),
            };
            if before.is_slow(now) && !self.admit_slow(execution, slow_permits).await? {
                return Ok(Entry::Busy);
            }
            match self.endpoints.change_health(key, &before, &health).await? {
                HealthChange::Done => {
                    let probes = health.is_tried();
                    return Ok(Entry::Granted(Box::new(Held { nonce, health, probes })));
                }
                HealthChange::Moved(found) => before = *found,
            }
        }
    }

    /// Returns the permit of an endpoint, and records the results of the calls.
    ///
    /// A failed write is only a warning: the lease ends, and later calls show the same health.
    pub(crate) async fn give_back(&self, key: &WebhookKey, held: Held, calls: Calls) -> Consequence {
        let Held {
            nonce,
            health: mut before,
            ..
        } = held;
        let mut rounds = Rounds::of("recording the health of an endpoint");
        loop {
            let (after, consequence) = before.after_calls(nonce, calls, self.system.now());
            if after == before {
                return consequence;
            }
            let changed = match rounds.begin() {
                Ok(()) => self.endpoints.change_health(key, &before, &after).await,
                Err(contended) => Err(contended),
            };
            match changed {
                Ok(HealthChange::Done) => return consequence,
                Ok(HealthChange::Moved(found)) => before = *found,
                Err(error) => {
                    let error = telemetry::chain(&error);
                    tracing::warn!(
                        error,
                        "the permit of an endpoint could not be returned; it ends by itself"
                    );
                    return consequence;
                }
            }
        }
    }

    /// Carries out the consequence of the calls for the webhook.
    pub(crate) async fn conclude(&self, stored: &StoredWebhook, consequence: Consequence) {
        let webhook = &stored.webhook;
        let by = match consequence {
            Consequence::Nothing => return,
            Consequence::Announce => return metrics::webhook_failing(&webhook.tenant, webhook.id),
            Consequence::Disable(by) => by,
        };
        let Some(disabled) = webhook.disabled(by, self.system.now()) else {
            return;
        };
        match self.endpoints.save_webhook(stored, &disabled).await {
            Ok(true) => metrics::webhook_disabled(&webhook.tenant, webhook.id, by),
            // A caller changed it, perhaps its endpoint: the next calls decide again.
            Ok(false) => {}
            Err(error) => {
                let error = telemetry::chain(&error);
                tracing::warn!(error, "a webhook could not be disabled; its next failure tries again");
            }
        }
    }
}
