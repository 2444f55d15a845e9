//! A broken invariant, as a harness reports it.

use std::fmt;

use crate::Invariant;

/// A broken invariant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Violation<Id = String> {
    /// The invariant.
    pub invariant: Invariant,
    /// The broken part of the invariant, with the values that the harness saw.
    pub detail: String,
    /// The id of the email, where the violation is about one email.
    pub email: Option<Id>,
}

impl<Id> Violation<Id> {
    /// A violation that is not about one email.
    #[must_use]
    pub fn new(invariant: Invariant, detail: impl Into<String>) -> Self {
        Self {
            invariant,
            detail: detail.into(),
            email: None,
        }
    }
}

impl<Id: fmt::Display> fmt::Display for Violation<Id> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            invariant,
            detail,
            email,
        } = self;
        match email {
            Some(email) => write!(f, "{invariant} is broken (email {email}): {detail}"),
            None => write!(f, "{invariant} is broken: {detail}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_violation_names_its_invariant() {
        let violation = Violation {
            invariant: Invariant::Duplicates,
            detail: "SES accepts copy 2".to_owned(),
            email: Some(7),
        };
        assert_eq!(
            violation.to_string(),
            "I3 Duplicates is broken (email 7): SES accepts copy 2"
        );
    }
}
