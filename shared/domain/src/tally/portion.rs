//! What is written together: some changes' counts, with the marks of the changes that are in them.
//!
//! **Invariant:** a change's counts are in its counters if, and only if, its mark is in a marker.
//! Both are written in one transaction, which holds only if every counter that it touches is of
//! the version that was read *before* the markers were. Two writers that count the same change
//! touch the same counters, for what a change counts follows from it alone: so the later one
//! either saw the marker, or is refused.
//! **Deliberately absent:** any trust in the order of changes, in the bounds of a batch, in how
//! often or to how many at once a change is delivered, and in knowing which shard it came from.
//! **Start reading at** [`Portion::tally`]. Why this way: docs/adr/0013.

use std::collections::{BTreeMap, BTreeSet};

use sha2::{Digest, Sha256};

use super::change::{Change, Deltas, counted};
use super::counter::{Counter, Delta, floor};
use crate::ports::EmailKey;
use crate::timestamp::Timestamp;

/// Counters and markers of one portion, at most. DynamoDB takes 100 items in a transaction.
/// Source: Amazon DynamoDB API reference, `TransactWriteItems`.
pub const ITEMS_MAX: usize = 90;

/// Changes of one portion, at most: their marks are one item of 8 KB.
pub const CHANGES_MAX: usize = 1000;

/// Milliseconds of the stretch of time whose markers are kept together.
const SPAN_MS: i64 = 60_000;

/// Digits of the longest sequence number of AWS. Source: Amazon DynamoDB API reference, `StreamRecord`.
const SEQUENCE_DIGITS: usize = 40;

/// Digits of the longest sequence number that is read: LocalStack's own stream gives 56 (measured with 4.14.0).
const LONG_SEQUENCE_DIGITS: usize = 64;

/// The prefix of a sequence number of more than [`SEQUENCE_DIGITS`]: it orders behind every digit.
const LONG: char = ':';

/// The place of a change in its shard of the stream: orders as the numbers do.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Sequence(String);

impl Sequence {
    /// Reads a sequence number: 1 to 64 digits.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let fits = (1..=LONG_SEQUENCE_DIGITS).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit());
        let digits = text.trim_start_matches('0');
        // The stored form of AWS's numbers stays as it was: markers of both forms are read side by side.
        fits.then(|| match digits.len() {
            ..=SEQUENCE_DIGITS => Self(format!("{digits:0>SEQUENCE_DIGITS$}")),
            _ => Self(format!("{LONG}{digits:0>LONG_SEQUENCE_DIGITS$}")),
        })
    }

    /// A text behind that of every sequence number.
    pub const END: &str = ";";

    /// The stored text: the number with all its digits, behind its prefix if it is a long one.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// By which a change is known among all others: 64 bits of a hash. Of the changes of one minute,
/// among which it is looked for, two are alike once in a hundred thousand years of a million an hour.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Fingerprint(pub u64);

/// By which a change is known again, however it is delivered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mark {
    /// The minute in which it was made.
    pub minute: Timestamp,
    /// Its place in the stream.
    pub sequence: Sequence,
    /// By which it is known.
    pub fingerprint: Fingerprint,
}

impl Mark {
    /// The mark of a change of an email. A sequence number alone is unique in its shard only; the
    /// changes of one email are all of one shard and of those that followed it.
    #[must_use]
    pub fn new(key: &EmailKey, sequence: Sequence, at: Timestamp) -> Self {
        let hash = Sha256::digest(format!("{}#{}#{}", key.tenant, key.id, sequence.0));
        let bits = hash.iter().take(8).fold(0, |bits, byte| bits << 8 | u64::from(*byte));
        Self {
            minute: floor(at, SPAN_MS),
            sequence,
            fingerprint: Fingerprint(bits),
        }
    }
}

/// Where the markers are to be looked for that may hold some changes' marks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Span {
    /// The minute.
    pub minute: Timestamp,
    /// The first of the changes: a marker whose last is before it holds none of them.
    pub first: Sequence,
}

/// The marks of one minute that were counted together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Marker {
    /// The minute.
    pub minute: Timestamp,
    /// The last of the changes.
    pub last: Sequence,
    /// All of them.
    pub fingerprints: Vec<Fingerprint>,
}

/// By how much a counter changes, and what it must be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// Which counter.
    pub counter: Counter,
    /// How often it was written, as it was read; 0 when it was not there.
    pub seen: u64,
    /// What is added; maybe nothing, but it is written all the same, for its version.
    pub delta: Delta,
}

/// All that is written in one transaction.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tally {
    /// The counters.
    pub steps: Vec<Step>,
    /// The markers.
    pub markers: Vec<Marker>,
}

/// How often each counter was written; one that is not there is missing.
pub type Versions = BTreeMap<Counter, u64>;

/// Changes that can be counted in one transaction.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Portion {
    changes: Vec<(Mark, Deltas)>,
    counters: BTreeSet<Counter>,
    minutes: BTreeSet<Timestamp>,
}

/// Divides changes into portions. What counts nothing is in none.
#[must_use]
pub fn portions(changes: &[Change]) -> Vec<Portion> {
    let mut portions = Vec::new();
    let mut portion = Portion::default();
    for change in changes {
        let deltas = counted(change);
        if deltas.is_empty() {
            continue;
        }
        if !portion.has_room_for(&change.mark, &deltas) {
            portions.push(std::mem::take(&mut portion));
        }
        portion.take(change.mark.clone(), deltas);
    }
    portions.extend(Some(portion).filter(|portion| !portion.changes.is_empty()));
    portions
}

impl Portion {
    fn has_room_for(&self, mark: &Mark, deltas: &Deltas) -> bool {
        let counters = deltas.keys().filter(|counter| !self.counters.contains(counter)).count();
        let minutes = usize::from(!self.minutes.contains(&mark.minute));
        let items = [self.counters.len(), self.minutes.len(), counters, minutes];
        self.changes.len() < CHANGES_MAX && items.iter().sum::<usize>() <= ITEMS_MAX
    }

    fn take(&mut self, mark: Mark, deltas: Deltas) {
        self.counters.extend(deltas.keys().cloned());
        self.minutes.insert(mark.minute);
        self.changes.push((mark, deltas));
    }

    /// How many changes it has.
    #[must_use]
    pub fn len(&self) -> usize {
        self.changes.len()
    }

    /// Whether it has none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.changes.is_empty()
    }

    /// The counters whose versions must be read, before anything else.
    #[must_use]
    pub fn counters(&self) -> &BTreeSet<Counter> {
        &self.counters
    }

    /// Where its changes' marks would be.
    #[must_use]
    pub fn spans(&self) -> Vec<Span> {
        let mut spans: BTreeMap<Timestamp, &Sequence> = BTreeMap::new();
        for (mark, _) in &self.changes {
            let first = spans.entry(mark.minute).or_insert(&mark.sequence);
            *first = (*first).min(&mark.sequence);
        }
        let span = |(minute, first): (Timestamp, &Sequence)| Span {
            minute,
            first: first.clone(),
        };
        spans.into_iter().map(span).collect()
    }

    /// What is to be written, if these versions were read first and these marks then; `None` when
    /// everything is counted already.
    #[must_use]
    pub fn tally(&self, versions: &Versions, marked: &BTreeSet<Fingerprint>) -> Option<Tally> {
        let mut seen = marked.clone();
        let mut deltas: BTreeMap<&Counter, Delta> = BTreeMap::new();
        let mut markers: BTreeMap<Timestamp, Marker> = BTreeMap::new();
        for (mark, counted) in &self.changes {
            if !seen.insert(mark.fingerprint) {
                continue;
            }
            for (counter, delta) in counted {
                deltas.entry(counter).or_default().merge(delta);
            }
            let marker = markers.entry(mark.minute).or_insert_with(|| Marker {
                minute: mark.minute,
                last: mark.sequence.clone(),
                fingerprints: Vec::new(),
            });
            marker.last = marker.last.clone().max(mark.sequence.clone());
            marker.fingerprints.push(mark.fingerprint);
        }
        let step = |(counter, delta): (&Counter, Delta)| Step {
            counter: counter.clone(),
            seen: versions.get(counter).copied().unwrap_or(0),
            delta,
        };
        (!markers.is_empty()).then(|| Tally {
            steps: deltas.into_iter().map(step).collect(),
            markers: markers.into_values().collect(),
        })
    }
}

#[cfg(test)]
#[path = "portion_tests.rs"]
mod tests;
