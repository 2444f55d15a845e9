//! Rounds of reading, deciding and writing under a condition. Every such loop uses them.
//!
//! **Invariant:** a refused condition means that another writer was faster. The next round follows at once, because one
//! of the writers always succeeds. Waits after a failed call belong to the adapter.
//! **Start reading at** [`Rounds::begin`]. Why this way: docs/adr/0042.

use super::failure::{FailureKind, PortError};

/// Most rounds before the caller gives up. Our choice: few writers share an item, so eight lost rounds in a row hardly
/// happen.
const MOST: usize = 8;

/// The rounds of one conditional write.
#[derive(Debug)]
pub struct Rounds {
    what: &'static str,
    begun: usize,
}

impl Rounds {
    /// Returns the rounds of this work, described as in [`PortError::what`].
    #[must_use]
    pub const fn of(what: &'static str) -> Self {
        Self { what, begun: 0 }
    }

    /// Begins the next round.
    ///
    /// # Errors
    /// No round is left: see [`Self::contended`].
    pub fn begin(&mut self) -> Result<(), PortError> {
        if self.begun == MOST {
            return Err(self.contended());
        }
        self.begun += 1;
        Ok(())
    }

    /// Returns the failure of work whose item changed in every round: a [`FailureKind::Conflict`].
    #[must_use]
    pub fn contended(&self) -> PortError {
        PortError {
            what: self.what,
            kind: FailureKind::Conflict,
            source: format!("other writers changed the item {} times", self.begun).into(),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::error::Error;

    use super::*;

    /// Writes until `write` returns true; returns the number of writes, and the result.
    fn written(write: impl Fn(usize) -> Result<bool, PortError>) -> (usize, Result<(), PortError>) {
        let (mut writes, mut rounds) = (0, Rounds::of("changing a tenant"));
        let mut run = || {
            loop {
                rounds.begin()?;
                writes += 1;
                if write(writes)? {
                    return Ok(());
                }
            }
        };
        let result = run();
        (writes, result)
    }

    #[test]
    fn a_write_that_always_loses_ends_as_a_conflict() {
        let (writes, result) = written(|_| Ok(false));
        let error = result.unwrap_err();
        assert_eq!((writes, error.kind), (MOST, FailureKind::Conflict));
        assert_eq!(error.to_string(), "changing a tenant");
        let source = error.source().map(ToString::to_string);
        assert_eq!(source.as_deref(), Some("other writers changed the item 8 times"));
    }

    #[test]
    fn a_successful_write_ends_the_rounds() {
        for nth in 1..=MOST {
            let (writes, result) = written(|write| Ok(write == nth));
            assert!(result.is_ok(), "{nth}");
            assert_eq!(writes, nth);
        }
    }

    #[test]
    fn a_failed_write_ends_the_rounds() {
        let lost = || PortError {
            what: "writing",
            kind: FailureKind::Unknown,
            source: "no answer".into(),
        };
        let (writes, result) = written(|_| Err(lost()));
        assert_eq!((writes, result.unwrap_err().kind), (1, FailureKind::Unknown));
    }
}
