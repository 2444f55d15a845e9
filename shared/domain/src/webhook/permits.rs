//! Permits: places for the executions of `deliver`, of one endpoint or of all slow endpoints.
//!
//! An endpoint has fewer places than there are executions, so that it never takes all of them. The endpoints that were
//! slow a short time ago also share such places, whoever owns them. A permit has a lease, so that a killed holder frees
//! it.
//!
//! **Role:** called by `deliver`, before its first call and after the last one.
//! **Invariant:** pure. No two holders have one place, and nobody returns a permit of another.
//! **Start reading at** [`CallPermits::with`].

use std::time::Duration;

use crate::timestamp::Timestamp;

/// The lease of a permit: the time limit of `deliver`.
pub const LEASE: Duration = Duration::from_secs(60);

/// Most permits of an endpoint, and of all slow ones: an item has room for so many.
pub const PLACES: usize = 10;

/// A permit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CallPermit {
    /// Random number of the holder.
    pub nonce: u64,
    /// End of the lease.
    pub until: Timestamp,
}

impl CallPermit {
    /// A permit from `now` on.
    #[must_use]
    pub fn new(nonce: u64, now: Timestamp) -> Self {
        Self {
            nonce,
            until: now.after(LEASE),
        }
    }

    /// True until the lease ends.
    #[must_use]
    pub fn is_held(&self, now: Timestamp) -> bool {
        self.until > now
    }
}

/// The permits of an endpoint, or of all slow ones, by place.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct CallPermits(pub [Option<CallPermit>; PLACES]);

impl CallPermits {
    /// The permits with one more for `nonce`, if fewer than `count` are held.
    ///
    /// The first free place is one of the first `count`. So two executions that take the last permit write one place, and
    /// the second write is refused.
    #[must_use]
    pub fn with(&self, count: usize, nonce: u64, now: Timestamp) -> Option<Self> {
        let is_held = |place: Option<CallPermit>| place.is_some_and(|permit| permit.is_held(now));
        let held = self.0.iter().filter(|place| is_held(**place)).count();
        if held >= count.max(1) {
            return None;
        }
        let mut next = *self;
        let free = next.0.iter_mut().find(|place| !is_held(**place))?;
        *free = Some(CallPermit::new(nonce, now));
        Some(next)
    }

    /// The permits without that of `nonce`.
    #[must_use]
    pub fn without(&self, nonce: u64) -> Self {
        Self(self.0.map(|place| place.filter(|permit| permit.nonce != nonce)))
    }

    /// True if `nonce` has a permit.
    #[must_use]
    pub fn has(&self, nonce: u64) -> bool {
        self.0.iter().flatten().any(|permit| permit.nonce == nonce)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(secs: u64) -> Timestamp {
        Timestamp::from_millis(1_764_000_000_000).after(Duration::from_secs(secs))
    }

    fn held(nonces: &[u64]) -> CallPermits {
        let take = |permits: CallPermits, nonce: &u64| permits.with(PLACES, *nonce, at(0)).unwrap();
        nonces.iter().fold(CallPermits::default(), take)
    }

    #[test]
    fn the_number_of_permits_is_bounded() {
        let one = held(&[1]);
        assert_eq!(one.with(1, 2, at(0)), None);
        let two = one.with(2, 2, at(0)).unwrap();
        assert_eq!(two, held(&[1, 2]));
        assert_eq!(two.with(2, 3, at(59)), None);
        assert_eq!(two.without(1).with(1, 3, at(0)), None, "the second place is held");
        assert!(two.has(1) && two.has(2) && !two.has(3));
        let ten = held(&[1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
        assert_eq!(ten.with(1_000, 11, at(0)), None);
    }

    #[test]
    fn a_killed_holder_frees_its_permit() {
        let one = held(&[1]);
        assert_eq!(one.with(1, 2, at(59)), None);
        let next = one.with(1, 2, at(60)).unwrap();
        assert_eq!(next.0.first(), Some(&Some(CallPermit::new(2, at(60)))));
        assert!(!next.has(1));
    }

    #[test]
    fn a_holder_returns_only_its_own_permit() {
        let both = held(&[1, 2]);
        let after = both.without(1);
        assert_eq!((after.0.first(), after.0.get(1)), (Some(&None), both.0.get(1)));
        assert_eq!(
            both.without(9),
            both,
            "its lease had ended, and others hold the permits"
        );
    }
}
