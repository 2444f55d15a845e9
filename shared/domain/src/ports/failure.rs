//! A failed call to a port.

use std::error::Error;

/// The kind of a failed call: whether it may have taken effect, and whether a retry can help.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum FailureKind {
    /// Refused because of another write of the same item. It had no effect.
    Conflict,
    /// Refused because of too many requests. It had no effect.
    Throttled,
    /// The answer is lost, or the service failed. The call may have taken effect.
    Unknown,
    /// Refused for a reason that stays. A retry fails in the same way.
    Permanent,
    /// Refused because a part of the deployment is missing: the table, one of its indexes, or the bucket. A retry fails
    /// until a person restores it.
    Incomplete,
}

impl FailureKind {
    /// True if the same call can succeed a moment later.
    #[must_use]
    pub const fn is_passing(self) -> bool {
        match self {
            Self::Conflict | Self::Throttled | Self::Unknown => true,
            Self::Permanent | Self::Incomplete => false,
        }
    }

    /// True if a service was busy: the call had no effect, and can succeed later.
    #[must_use]
    pub const fn is_overload(self) -> bool {
        self.is_passing() && !self.may_have_taken_effect()
    }

    /// True if the call may have taken effect although it failed.
    #[must_use]
    pub const fn may_have_taken_effect(self) -> bool {
        match self {
            Self::Unknown => true,
            Self::Conflict | Self::Throttled | Self::Permanent | Self::Incomplete => false,
        }
    }
}

/// A failed call to a port. [`PortError::kind`] says whether it may have taken effect.
#[derive(Debug, thiserror::Error)]
#[error("{what}")]
pub struct PortError {
    /// The call in words, without addresses or content.
    pub what: &'static str,
    /// The kind of failure.
    pub kind: FailureKind,
    /// The adapter's error.
    #[source]
    pub source: Box<dyn Error + Send + Sync>,
}

impl PortError {
    /// The same failure, for another caller that waited for this call.
    #[must_use]
    pub fn for_another(&self) -> Self {
        Self {
            what: self.what,
            kind: self.kind,
            source: self.source.to_string().into(),
        }
    }
}
