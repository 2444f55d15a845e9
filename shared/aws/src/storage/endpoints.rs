//! The health of endpoints in DynamoDB: one item each.
//!
//! **Invariant:** a change is one write, under the condition that its numbers and the changed permits are as the caller
//! read them.
//! **Lost answers:** a permit's random number tells the own write from another one.

use domain::ports::PortError;
use domain::ports::webhooks::{EndpointHealth, HealthChange, WebhookKey};
use domain::timestamp::Timestamp;
use domain::webhook::health::Health;
use serde::Deserialize;

use crate::runtime::failure::port;
use crate::storage::attributes::{Item, ItemError};
use crate::storage::checked_change::Change;
use crate::storage::mapping::decode;
use crate::storage::permits::{self, to_permits};
use crate::storage::table::keys::webhooks as keys;
use crate::storage::table::{ConditionOutcome, Expression, Table};

/// Attributes that expressions name.
const FAILURES: &str = "f";
const FAILING_SINCE: &str = "fs";
const CLOSED_UNTIL: &str = "cu";
const PAUSES: &str = "tr";
const SLOW_UNTIL: &str = "su";

/// Stored form of the health without its permits. Only update expressions write it.
#[derive(Deserialize)]
struct StoredHealth {
    f: Option<u32>,
    fs: Option<Timestamp>,
    cu: Option<Timestamp>,
    tr: Option<u32>,
    su: Option<Timestamp>,
}

/// Reads the health; without an item it is new.
pub(crate) fn to_health(item: Option<&Item>) -> Result<Health, ItemError> {
    let Some(item) = item else {
        return Ok(Health::default());
    };
    let stored: StoredHealth = decode(item)?;
    Ok(Health {
        failures: stored.f.unwrap_or_default(),
        failing_since: stored.fs,
        closed_until: stored.cu,
        pauses: stored.tr.unwrap_or_default(),
        slow_until: stored.su,
        permits: to_permits(Some(item)),
    })
}

/// The numbers of a health besides its permits, by attribute; `None` for a missing one.
fn numbers(health: &Health) -> [(&'static str, Option<i64>); 5] {
    let count = |count: u32| (count > 0).then_some(i64::from(count));
    [
        (FAILURES, count(health.failures)),
        (FAILING_SINCE, health.failing_since.map(Timestamp::as_millis)),
        (CLOSED_UNTIL, health.closed_until.map(Timestamp::as_millis)),
        (PAUSES, count(health.pauses)),
        (SLOW_UNTIL, health.slow_until.map(Timestamp::as_millis)),
    ]
}

/// Returns the change from one health to another; `None` if they are equal.
fn change(before: &Health, after: &Health) -> Option<Expression> {
    let mut change = Change::default();
    for ((name, seen), (_, next)) in numbers(before).into_iter().zip(numbers(after)) {
        let (seen, next) = (seen.map(|n| n.to_string()), next.map(|n| n.to_string()));
        change.require(name, seen.as_deref());
        if seen != next {
            change.write(name, next.as_deref());
        }
    }
    permits::replace(&mut change, &before.permits, &after.permits);
    change.into_expression()
}

/// True if the stored health is the result of this change: its own write, whose answer was lost.
fn is_result(stored: &Health, before: &Health, after: &Health) -> bool {
    numbers(stored) == numbers(after) && permits::is_result(&stored.permits, &before.permits, &after.permits)
}

impl EndpointHealth for Table {
    async fn health(&self, key: &WebhookKey) -> Result<Health, PortError> {
        const WHAT: &str = "reading the health of an endpoint";
        let item = self.get(keys::health(key), WHAT).await?;
        to_health(item.as_ref()).map_err(|error| port(WHAT)(error.into()))
    }

    async fn change_health(
        &self,
        key: &WebhookKey,
        before: &Health,
        after: &Health,
    ) -> Result<HealthChange, PortError> {
        const WHAT: &str = "changing the health of an endpoint";
        let Some(change) = change(before, after) else {
            return Ok(HealthChange::Done);
        };
        match self.update_if(keys::health(key), change, None, WHAT).await? {
            ConditionOutcome::Done(_) => Ok(HealthChange::Done),
            ConditionOutcome::Refused(stored) => {
                let stored = to_health(stored.as_ref()).map_err(|error| port(WHAT)(error.into()))?;
                Ok(if is_result(&stored, before, after) {
                    HealthChange::Done
                } else {
                    HealthChange::Moved(Box::new(stored))
                })
            }
        }
    }

    async fn reset_health(&self, key: &WebhookKey) -> Result<(), PortError> {
        // Without an item nothing is to be forgotten. A new one would outlive a webhook that is only pulled.
        let change = Expression::update("REMOVE #f, #fs, #cu, #tr")
            .when("attribute_exists(pk)")
            .with_name("#f", FAILURES)
            .with_name("#fs", FAILING_SINCE)
            .with_name("#cu", CLOSED_UNTIL)
            .with_name("#tr", PAUSES);
        let reset = self.update_if(
            keys::health(key),
            change,
            None,
            "forgetting the failures of an endpoint",
        );
        reset.await.map(drop)
    }
}

#[cfg(test)]
#[path = "endpoints_tests.rs"]
mod tests;
