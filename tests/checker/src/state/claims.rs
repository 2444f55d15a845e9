//! A set of claims of the email.

use std::fmt;

/// Claims of the email, by number: 1 to 7.
#[derive(Clone, Copy, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Claims(u8);

impl Claims {
    pub(crate) fn with(self, claim_no: u8) -> Self {
        assert!((1..8).contains(&claim_no), "a bounded configuration has few claims");
        Self(self.0 | 1 << (claim_no & 7))
    }

    pub(crate) fn without(self, claim_no: u8) -> Self {
        Self(self.0 & !(1 << (claim_no & 7)))
    }

    pub(crate) fn has(self, claim_no: u8) -> bool {
        self.0 >> (claim_no & 7) & 1 == 1
    }

    pub(crate) fn is_empty(self) -> bool {
        self.0 == 0
    }

    pub(crate) fn and(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }

    pub(crate) fn each(self) -> impl Iterator<Item = u8> {
        (0..8).filter(move |claim_no| self.has(*claim_no))
    }
}

impl fmt::Debug for Claims {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.each()).finish()
    }
}
