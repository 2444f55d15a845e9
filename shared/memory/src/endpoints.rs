//! The health of endpoints with their permits, and the permits for slow ones, over [`State`](crate::State).

use domain::ports::webhooks::{
    Endpoint, EndpointHealth, Endpoints, HealthChange, PermitChange, SlowPermits, WebhookKey,
};
use domain::ports::{FailureKind, PortError};
use domain::timestamp::Timestamp;
use domain::webhook::health::Health;
use domain::webhook::permits::CallPermits;

use crate::{Call, MemoryBackend};

/// A health without its permits.
fn plain(health: &Health) -> Health {
    Health {
        permits: CallPermits::default(),
        ..health.clone()
    }
}

/// True if the places that a change writes are stored as in `other`.
fn are_as(stored: &CallPermits, other: &CallPermits, (before, after): (&CallPermits, &CallPermits)) -> bool {
    let changes = before.0.iter().zip(&after.0);
    let mut places = stored.0.iter().zip(&other.0).zip(changes);
    places.all(|((stored, other), (before, after))| before == after || stored == other)
}

/// Writes the places that a change writes.
fn write(stored: &mut CallPermits, (before, after): (&CallPermits, &CallPermits)) {
    for (stored, (before, after)) in stored.0.iter_mut().zip(before.0.iter().zip(&after.0)) {
        if before != after {
            *stored = *after;
        }
    }
}

impl SlowPermits for MemoryBackend {
    async fn change_slow_permits(&self, before: &CallPermits, after: &CallPermits) -> Result<PermitChange, PortError> {
        if before == after {
            return Ok(PermitChange::Done);
        }
        let (before, after) = (*before, *after);
        self.call(Call::writes("change_slow_permits", None), move |state| {
            let (stored, change) = (&mut state.hooks.slow_permits, (&before, &after));
            if are_as(stored, &after, change) {
                return PermitChange::Done;
            }
            if !are_as(stored, &before, change) {
                return PermitChange::Moved(Box::new(*stored));
            }
            write(stored, change);
            PermitChange::Done
        })
        .await
    }
}

impl EndpointHealth for MemoryBackend {
    async fn health(&self, key: &WebhookKey) -> Result<Health, PortError> {
        let key = key.clone();
        self.call(Call::reads("health", None), move |state| {
            state.hooks.health.get(&key).cloned().unwrap_or_default()
        })
        .await
    }

    async fn change_health(
        &self,
        key: &WebhookKey,
        before: &Health,
        after: &Health,
    ) -> Result<HealthChange, PortError> {
        let (key, before, after) = (key.clone(), before.clone(), after.clone());
        if before == after {
            return Ok(HealthChange::Done);
        }
        self.call(Call::writes("change_health", None), move |state| {
            let stored = state.hooks.health.entry(key.clone()).or_default();
            let change = (&before.permits, &after.permits);
            let is_as = |stored: &Health, other: &Health| {
                plain(stored) == plain(other) && are_as(&stored.permits, &other.permits, change)
            };
            if is_as(stored, &after) {
                return HealthChange::Done;
            }
            if !is_as(stored, &before) {
                return HealthChange::Moved(Box::new(stored.clone()));
            }
            let mut permits = stored.permits;
            write(&mut permits, change);
            *stored = Health {
                permits,
                ..after.clone()
            };
            HealthChange::Done
        })
        .await
    }

    async fn reset_health(&self, key: &WebhookKey) -> Result<(), PortError> {
        let key = key.clone();
        self.call(Call::writes("reset_health", None), move |state| {
            if let Some(health) = state.hooks.health.get_mut(&key) {
                *health = Health {
                    slow_until: health.slow_until,
                    permits: health.permits,
                    ..Health::default()
                };
            }
        })
        .await
    }
}

impl Endpoints for MemoryBackend {
    async fn endpoint(&self, key: &WebhookKey, now: Timestamp) -> Result<Endpoint, PortError> {
        const WHAT: &str = "endpoint";
        let key = key.clone();
        let endpoint = self.call(Call::reads(WHAT, None), move |state| {
            (!state.hooks.sealed.contains(&key)).then(|| Endpoint {
                webhook: state.hooks.webhook(&key, now),
                secrets: state.hooks.secrets.get(&key).cloned(),
                health: state.hooks.health.get(&key).cloned().unwrap_or_default(),
                slow_permits: state.hooks.slow_permits,
            })
        });
        endpoint.await?.ok_or_else(|| PortError {
            what: WHAT,
            kind: FailureKind::Permanent,
            source: "the secrets cannot be decrypted".into(),
        })
    }
}
