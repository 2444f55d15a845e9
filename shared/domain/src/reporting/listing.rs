//! The list of a tenant's emails, and that of its suppressions: newest first, stored in shards, read in pages.
//!
//! **Role:** the order and the merging, for the adapters that store the shards.
//! **Invariant:** the order is total: by the time of acceptance, then by id. A page therefore begins exactly after
//! the previous one. That holds among emails of the same millisecond, and after new emails are accepted in between.

use crate::delivery::record::EmailRecord;
use crate::id::EmailId;
use crate::timestamp::Timestamp;

/// An entry's place in its list. Later is greater.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Place<I = EmailId> {
    /// Time of acceptance.
    pub born: Timestamp,
    /// The id of the entry.
    pub id: I,
}

impl Place {
    /// The place of a record.
    #[must_use]
    pub fn of(record: &EmailRecord) -> Self {
        Self {
            born: record.born,
            id: record.id,
        }
    }
}

/// The start of a page, and its direction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Start<I = EmailId> {
    /// From the newest, towards older ones.
    Newest,
    /// After this place, towards older ones.
    OlderThan(Place<I>),
    /// Before this place, towards newer ones.
    NewerThan(Place<I>),
}

impl<I: Clone + Ord> Start<I> {
    /// The start of the next page in the same direction, after `place`.
    #[must_use]
    pub fn behind(&self, place: Place<I>) -> Self {
        match self {
            Self::Newest | Self::OlderThan(_) => Self::OlderThan(place),
            Self::NewerThan(_) => Self::NewerThan(place),
        }
    }

    /// The `count` nearest of these places, nearest first. Merging the nearest places of each shard gives the nearest
    /// of all.
    #[must_use]
    pub fn nearest(&self, places: impl IntoIterator<Item = Place<I>>, count: usize) -> Vec<Place<I>> {
        let mut ahead: Vec<Place<I>> = places.into_iter().filter(|place| self.admits(place)).collect();
        match self {
            Self::Newest | Self::OlderThan(_) => ahead.sort_unstable_by(|one, other| other.cmp(one)),
            Self::NewerThan(_) => ahead.sort_unstable(),
        }
        ahead.truncate(count);
        ahead
    }

    fn admits(&self, place: &Place<I>) -> bool {
        match self {
            Self::Newest => true,
            Self::OlderThan(start) => place < start,
            Self::NewerThan(start) => place > start,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(millis: i64, id: u8) -> Place {
        Place {
            born: Timestamp::from_millis(millis),
            id: EmailId::from_random([id; 16]),
        }
    }

    #[test]
    fn the_nearest_come_first_both_ways() {
        let [a, b, c, d] = [place(1, 9), place(2, 1), place(2, 2), place(3, 0)];
        let all = [c, a, d, b];
        for (start, count, expected) in [
            (Start::Newest, 2, &[d, c][..]),
            (Start::Newest, 9, &[d, c, b, a]),
            // Emails of one millisecond are ordered by id, and none is left out or read twice.
            (Start::OlderThan(c), 2, &[b, a]),
            (Start::OlderThan(b), 2, &[a]),
            (Start::NewerThan(b), 1, &[c]),
            (Start::NewerThan(a), 9, &[b, c, d]),
            (Start::OlderThan(a), 9, &[]),
            (Start::NewerThan(d), 9, &[]),
            // A start need not be in the list.
            (Start::OlderThan(place(2, 0)), 9, &[a]),
        ] {
            assert_eq!(start.nearest(all, count), expected, "{start:?}");
        }
    }

    #[test]
    fn the_next_page_keeps_the_direction() {
        let (a, b) = (place(1, 0), place(2, 0));
        assert_eq!(Start::Newest.behind(a), Start::OlderThan(a));
        assert_eq!(Start::OlderThan(b).behind(a), Start::OlderThan(a));
        assert_eq!(Start::NewerThan(a).behind(b), Start::NewerThan(b));
    }
}
