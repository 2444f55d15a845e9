//! A rate of recipients, and the reservation of its time.
//!
//! **Role:** shared by the rate limiter of the account and the rate limits of queues.
//! **Invariant:** pure.

use std::time::Duration;

use crate::delivery::record::Priority;
use crate::timestamp::Timestamp;

/// The burst after an idle time, as a duration: as many emails may go at once as the rate allows in this time. SES
/// itself accepts a burst of one second; a quarter of that keeps several environments within it.
pub(crate) const BURST: Duration = Duration::from_millis(250);

/// A time in microseconds since 1970: at 500 recipients a second a millisecond is too coarse.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Micros(pub i64);

impl Micros {
    /// Converts a time in milliseconds. Loses nothing.
    #[must_use]
    pub const fn of(at: Timestamp) -> Self {
        Self(at.as_millis().saturating_mul(1000))
    }

    /// Converts to milliseconds, rounded up.
    #[must_use]
    pub const fn up(self) -> Timestamp {
        Timestamp::from_millis(self.0.saturating_add(999).div_euclid(1000))
    }

    /// This time, `span` later.
    #[must_use]
    pub fn after(self, span: Duration) -> Self {
        Self(
            self.0
                .saturating_add(i64::try_from(span.as_micros()).unwrap_or(i64::MAX)),
        )
    }

    /// Time from `earlier` to this; zero if `earlier` is later.
    #[must_use]
    pub fn since(self, earlier: Self) -> Duration {
        Duration::from_micros(u64::try_from(self.0.saturating_sub(earlier.0)).unwrap_or(0))
    }

    /// This time, `span` earlier.
    #[must_use]
    pub fn before(self, span: Duration) -> Self {
        Self(
            self.0
                .saturating_sub(i64::try_from(span.as_micros()).unwrap_or(i64::MAX)),
        )
    }
}

/// Recipients in 1000 seconds: SES's rate, which it gives as a fraction.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Rate(u64);

impl Rate {
    /// A rate from recipients in 1000 seconds; `None` for zero.
    #[must_use]
    pub const fn from_millis(per_1000_s: u64) -> Option<Self> {
        if per_1000_s == 0 { None } else { Some(Self(per_1000_s)) }
    }

    /// Recipients in 1000 seconds.
    #[must_use]
    pub const fn as_millis(self) -> u64 {
        self.0
    }

    /// Recipients per second, for people.
    #[must_use]
    #[expect(
        clippy::cast_precision_loss,
        reason = "exact for every rate below 9 * 10^12 recipients per second"
    )]
    pub const fn per_second(self) -> f64 {
        self.0 as f64 / 1000.0
    }

    /// The rate to keep to, if this rate is the limit of the account: a twentieth less.
    ///
    /// Calls that are delayed on the way to SES arrive together with later ones, and would exceed the limit.
    #[must_use]
    pub fn kept_to(self) -> Self {
        Self((self.0.saturating_mul(19) / 20).max(1))
    }

    /// The time that `recipients` take at a priority; rounded up.
    pub(crate) fn time(self, recipients: u64, priority: Priority) -> Duration {
        let (share, whole) = match priority {
            Priority::High | Priority::Normal => (1, 1),
            Priority::Low => (9, 10),
        };
        let micros = recipients.saturating_mul(1_000_000_000).saturating_mul(whole);
        Duration::from_micros(micros.div_ceil(self.0.saturating_mul(share)))
    }
}

/// The start of a reserved interval.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Begin {
    /// At this time, if nothing is reserved from it on.
    Here(Micros),
    /// At the end of the reserved time, if that is between these two.
    AfterReserved {
        /// Not before this.
        earliest: Micros,
        /// Not after this.
        latest: Micros,
    },
}

impl Begin {
    /// True if a stretch can begin there, given the end of the reserved time.
    #[must_use]
    pub fn holds(self, reserved: Option<Micros>) -> bool {
        match (self, reserved) {
            (Self::Here(here), reserved) => reserved.is_none_or(|reserved| reserved < here),
            (Self::AfterReserved { earliest, latest }, Some(reserved)) => (earliest..=latest).contains(&reserved),
            (Self::AfterReserved { .. }, None) => false,
        }
    }

    /// The start, given the end of the reserved time.
    #[must_use]
    pub fn of(self, reserved: Option<Micros>) -> Micros {
        match self {
            Self::Here(here) => here,
            Self::AfterReserved { earliest, .. } => reserved.unwrap_or(earliest),
        }
    }
}
