//! A portion: the counts of several changes that one transaction writes, with the fingerprints of those changes.
//!
//! **Invariant:** a change's counts are in its counters if, and only if, its fingerprint is in a marker. One
//! transaction writes both. It succeeds only if every counter still has the version that was read *before* the
//! markers. Two writers that count the same change touch the same counters, because the counts depend on the change
//! alone. The later writer therefore either saw the marker or is refused.
//! **Deliberately absent:** any reliance on the order of changes, the bounds of a batch, the number of deliveries, or
//! the shard.
//! **Start reading at** [`Portion::tally`]. Why this way: docs/adr/0013.

use std::collections::{BTreeMap, BTreeSet};

use super::change::{Change, Deltas, count_changes};
use super::change_id::{ChangeId, Fingerprint, Sequence};
use super::counter::{Counter, Delta};
use crate::timestamp::Timestamp;

/// Most counters and markers in one portion. DynamoDB takes 100 items in a transaction.
/// Source: Amazon DynamoDB API reference, `TransactWriteItems`.
pub const ITEMS_MAX: usize = 90;

/// Most changes in one portion: their fingerprints are one item of 8 KB.
pub const CHANGES_MAX: usize = 1000;

/// The range of markers that may hold some changes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Span {
    /// The minute.
    pub minute: Timestamp,
    /// The first of the changes. A marker whose last change is earlier holds none of them.
    pub first: Sequence,
}

/// The changes of one minute that one transaction counted together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Marker {
    /// The minute.
    pub minute: Timestamp,
    /// The last of the changes.
    pub last: Sequence,
    /// The identities of all the changes.
    pub fingerprints: Vec<Fingerprint>,
}

/// The amounts to add to one counter, and the version that it must have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CounterUpdate {
    /// The counter.
    pub counter: Counter,
    /// The number of writes when the counter was read; 0 for a missing counter.
    pub seen: u64,
    /// The amounts. Even an empty delta is written, because the write raises the version.
    pub delta: Delta,
}

/// All writes of one transaction.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tally {
    /// The counters.
    pub updates: Vec<CounterUpdate>,
    /// The markers.
    pub markers: Vec<Marker>,
}

/// The number of writes of each counter; missing counters have no entry.
pub type Versions = BTreeMap<Counter, u64>;

/// Changes that one transaction can count.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Portion {
    changes: Vec<(ChangeId, Deltas)>,
    counters: BTreeSet<Counter>,
    minutes: BTreeSet<Timestamp>,
}

/// Divides changes into portions. A change without counts is in none.
#[must_use]
pub fn portions(changes: &[Change]) -> Vec<Portion> {
    let mut portions = Vec::new();
    let mut portion = Portion::default();
    for change in changes {
        let deltas = count_changes(change);
        if deltas.is_empty() {
            continue;
        }
        if !portion.has_room_for(&change.change_id, &deltas) {
            portions.push(std::mem::take(&mut portion));
        }
        portion.take(change.change_id.clone(), deltas);
    }
    portions.extend(Some(portion).filter(|portion| !portion.changes.is_empty()));
    portions
}

impl Portion {
    fn has_room_for(&self, change_id: &ChangeId, deltas: &Deltas) -> bool {
        let counters = deltas.keys().filter(|counter| !self.counters.contains(counter)).count();
        let minutes = usize::from(!self.minutes.contains(&change_id.minute));
        let items = [self.counters.len(), self.minutes.len(), counters, minutes];
        self.changes.len() < CHANGES_MAX && items.iter().sum::<usize>() <= ITEMS_MAX
    }

    fn take(&mut self, change_id: ChangeId, deltas: Deltas) {
        self.counters.extend(deltas.keys().cloned());
        self.minutes.insert(change_id.minute);
        self.changes.push((change_id, deltas));
    }

    /// The number of changes.
    #[must_use]
    pub fn len(&self) -> usize {
        self.changes.len()
    }

    /// True if there are no changes.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.changes.is_empty()
    }

    /// The counters whose versions must be read first.
    #[must_use]
    pub fn counters(&self) -> &BTreeSet<Counter> {
        &self.counters
    }

    /// The ranges of markers that may hold its changes.
    #[must_use]
    pub fn spans(&self) -> Vec<Span> {
        let mut spans: BTreeMap<Timestamp, &Sequence> = BTreeMap::new();
        for (change_id, _) in &self.changes {
            let first = spans.entry(change_id.minute).or_insert(&change_id.sequence);
            *first = (*first).min(&change_id.sequence);
        }
        let span = |(minute, first): (Timestamp, &Sequence)| Span {
            minute,
            first: first.clone(),
        };
        spans.into_iter().map(span).collect()
    }

    /// The transaction to write, given versions that were read first and fingerprints that were read afterwards.
    /// `None` if everything is counted already.
    #[must_use]
    pub fn tally(&self, versions: &Versions, counted_before: &BTreeSet<Fingerprint>) -> Option<Tally> {
        let mut seen = counted_before.clone();
        let mut deltas: BTreeMap<&Counter, Delta> = BTreeMap::new();
        let mut markers: BTreeMap<Timestamp, Marker> = BTreeMap::new();
        for (change_id, counted) in &self.changes {
            if !seen.insert(change_id.fingerprint) {
                continue;
            }
            for (counter, delta) in counted {
                deltas.entry(counter).or_default().merge(delta);
            }
            let marker = markers.entry(change_id.minute).or_insert_with(|| Marker {
                minute: change_id.minute,
                last: change_id.sequence.clone(),
                fingerprints: Vec::new(),
            });
            marker.last = marker.last.clone().max(change_id.sequence.clone());
            marker.fingerprints.push(change_id.fingerprint);
        }
        let update = |(counter, delta): (&Counter, Delta)| CounterUpdate {
            counter: counter.clone(),
            seen: versions.get(counter).copied().unwrap_or(0),
            delta,
        };
        (!markers.is_empty()).then(|| Tally {
            updates: deltas.into_iter().map(update).collect(),
            markers: markers.into_values().collect(),
        })
    }
}

#[cfg(test)]
#[path = "portion_tests.rs"]
mod tests;
