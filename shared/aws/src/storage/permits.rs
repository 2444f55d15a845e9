//! Permits in DynamoDB: those of an endpoint are in the item of its health, and all slow endpoints share an item.
//!
//! **Invariant:** a change is one write, under the condition that the changed places are as the caller read them. Each
//! place has attributes of its own, so that two holders do not stand in each other's way.
//! **Lost answers:** a permit's random number tells the own write from another one.

use domain::ports::PortError;
use domain::ports::webhooks::{PermitChange, SlowPermits};
use domain::timestamp::Timestamp;
use domain::webhook::permits::{CallPermit, CallPermits, PLACES};

use crate::storage::attributes::Item;
use crate::storage::checked_change::Change;
use crate::storage::mapping::known_attributes;
use crate::storage::table::keys::webhooks as keys;
use crate::storage::table::{ConditionOutcome, Table};

const WHAT: &str = "changing the permits of slow endpoints";

/// Reads the permits; an unreadable one counts as free.
pub(crate) fn to_permits(item: Option<&Item>) -> CallPermits {
    let Some(item) = item else {
        return CallPermits::default();
    };
    let place = |beginning: char| {
        move |name: &str| {
            let place = name.strip_prefix(beginning)?.parse::<usize>().ok()?;
            (place < PLACES).then_some(place)
        }
    };
    let ends = known_attributes::<usize, Timestamp>(item, place('l'));
    let nonces = known_attributes::<usize, u64>(item, place('n'));
    CallPermits(std::array::from_fn(|place| {
        let (until, nonce) = (*ends.get(&place)?, *nonces.get(&place)?);
        Some(CallPermit { nonce, until })
    }))
}

/// The places that differ, with the permits before and after.
fn changes(
    before: &CallPermits,
    after: &CallPermits,
) -> impl Iterator<Item = (usize, Option<CallPermit>, Option<CallPermit>)> {
    let both = before.0.into_iter().zip(after.0).enumerate();
    both.filter(|(_, (before, after))| before != after)
        .map(|(place, (before, after))| (place, before, after))
}

/// Replaces the places that differ.
pub(crate) fn replace(change: &mut Change, before: &CallPermits, after: &CallPermits) {
    for (place, before, after) in changes(before, after) {
        let names = [format!("l{place}"), format!("n{place}")];
        for ((name, seen), next) in names.iter().zip(numbers(before)).zip(numbers(after)) {
            change.require(name, seen.as_deref());
            change.write(name, next.as_deref());
        }
    }
}

/// The stored numbers of a place: the end of the lease, and the random number of the holder.
fn numbers(permit: Option<CallPermit>) -> [Option<String>; 2] {
    let until = permit.map(|permit| permit.until.as_millis().to_string());
    [until, permit.map(|permit| permit.nonce.to_string())]
}

/// True if each place that differs is stored as in `after`: the own write, whose answer was lost.
pub(crate) fn is_result(stored: &CallPermits, before: &CallPermits, after: &CallPermits) -> bool {
    changes(before, after).all(|(place, _, after)| stored.0.get(place) == Some(&after))
}

impl SlowPermits for Table {
    async fn change_slow_permits(&self, before: &CallPermits, after: &CallPermits) -> Result<PermitChange, PortError> {
        let mut change = Change::default();
        replace(&mut change, before, after);
        let Some(change) = change.into_expression() else {
            return Ok(PermitChange::Done);
        };
        match self.update_if(keys::slow_permits(), change, None, WHAT).await? {
            ConditionOutcome::Done(_) => Ok(PermitChange::Done),
            ConditionOutcome::Refused(stored) => {
                let stored = to_permits(stored.as_ref());
                Ok(if is_result(&stored, before, after) {
                    PermitChange::Done
                } else {
                    PermitChange::Moved(Box::new(stored))
                })
            }
        }
    }
}

#[cfg(test)]
#[path = "permits_tests.rs"]
mod tests;
