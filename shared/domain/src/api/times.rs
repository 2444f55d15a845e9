//! Times in requests: the caller's text, and its meaning at the moment of the request.
//!
//! **Role:** read by [`super::requests`] and the other readers of requests; resolved by the functions, which have a
//! clock.
//! **Invariant:** pure. The caller's text is kept apart from its meaning, so that the same request, repeated a minute
//! later, has the same identity.
//! **Start reading at** [`SendOptions::resolve`].

use std::time::Duration;

use jiff::civil::Date;
use jiff::fmt::temporal::Pieces;

use super::phrases::{self, LocalTime};
use crate::delivery::record::{OnUncertain, Priority};
use crate::id::QueueName;
use crate::limits;
use crate::message::problem::{EmailError, Problem};
use crate::timestamp::Timestamp;

/// A point in time as a caller gives it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TimeInput {
    /// RFC 3339.
    At(Timestamp),
    /// A wait after the request: `in 5 minutes`.
    In(Duration),
    /// A time on a named day: `tomorrow at 9am`.
    Local(LocalTime),
}

impl TimeInput {
    /// Reads a time, a wait or a phrase. Days have 24 hours.
    ///
    /// # Errors
    /// [`Problem::Bad`] if the text is none of them. Months and years are refused, because their length varies.
    ///
    /// Source: Resend's API reference, "Schedule Email": ISO 8601 or natural language, with the examples `in 1 min`,
    /// `tomorrow at 9am` and `Friday at 3pm ET`.
    pub fn parse(path: &str, text: &str) -> Result<Self, EmailError> {
        const WHY: &str = "must be a time with its offset (2026-11-24T09:30:00Z), a wait (in 5 minutes), or a day with a time (Friday at 3pm ET)";
        const PLACE: &str = "must be without a slash: names such as Europe/Berlin are not supported. Write a time with its offset, such as 2026-11-24T09:30:00+01:00, or a zone such as ET or CET";
        let why = if text.contains('/') { PLACE } else { WHY };
        let bad = || EmailError::at(path, Problem::Bad(why));
        if text.len() > limits::TIME_MAX {
            return Err(bad());
        }
        let text = text.trim();
        if let Some(at) = Timestamp::parse_rfc3339(text).or_else(|| beyond_all_times(text)) {
            return Ok(Self::At(at));
        }
        let read = match text.split_at_checked("in ".len()) {
            Some((begun, wait)) if begun.eq_ignore_ascii_case("in ") => phrases::wait(wait).map(Self::In),
            _ => LocalTime::parse(text).map(Self::Local),
        };
        read.ok_or_else(bad)
    }

    /// The time that it means at `now`.
    #[must_use]
    pub fn at(self, now: Timestamp) -> Timestamp {
        match self {
            Self::At(at) => at,
            Self::In(wait) => now.after(wait),
            Self::Local(local) => local.at(now),
        }
    }

    /// [`Self::at`], unless daylight saving skips or repeats the time.
    fn certain(self, path: &str, now: Timestamp) -> Result<Timestamp, EmailError> {
        match self {
            Self::Local(local) if local.is_ambiguous(now) => {
                let why = "daylight saving skips or repeats this time: give a time with its offset";
                Err(EmailError::at(path, Problem::Bad(why)))
            }
            Self::At(_) | Self::In(_) | Self::Local(_) => Ok(self.at(now)),
        }
    }

    fn canonical(self) -> String {
        match self {
            Self::At(at) => at.to_string(),
            Self::In(wait) => format!("in {} ms", wait.as_millis()),
            Self::Local(local) => local.to_string(),
        }
    }

    /// The time that it means, checked as a time of sending: at most five minutes past, and within ten years.
    ///
    /// # Errors
    /// [`Problem::Bad`] with the path.
    pub fn schedule(self, path: &str, now: Timestamp) -> Result<Timestamp, EmailError> {
        let at = self.certain(path, now)?;
        let bad = |why| Err(EmailError::at(path, Problem::Bad(why)));
        if at < now.before(limits::SCHEDULE_LATE) {
            bad("is in the past")
        } else if at > now.after(limits::SCHEDULE_MAX) {
            bad("must be within the next 10 years")
        } else {
            Ok(at)
        }
    }

    /// The time that it means, checked as an expiry of an email that is due at `due`.
    ///
    /// # Errors
    /// [`Problem::Bad`] with the path.
    pub fn expiry(self, path: &str, due: Timestamp, now: Timestamp) -> Result<Timestamp, EmailError> {
        let at = self.certain(path, now)?;
        let bad = |why| Err(EmailError::at(path, Problem::Bad(why)));
        if at <= now {
            bad("is in the past")
        } else if at <= due {
            bad("must be after scheduled_at")
        } else if at > due.after(limits::SCHEDULE_MAX) {
            bad("must be within 10 years after the email is due")
        } else {
            Ok(at)
        }
    }
}

/// Returns the latest representable time for a well-formed later one, in the last days of the year 9999; `None` for any
/// other text. That time is too far away for every use.
fn beyond_all_times(text: &str) -> Option<Timestamp> {
    let pieces = Pieces::parse(text).ok()?;
    let is_whole = pieces.time().is_some() && pieces.to_numeric_offset().is_some();
    (is_whole && pieces.date().year() == Date::MAX.year())
        .then(|| Timestamp::from_millis(jiff::Timestamp::MAX.as_millisecond()))
}

/// Options of a request besides the email's content.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SendOptions {
    /// Earliest time of sending; absent for at once.
    pub scheduled_at: Option<TimeInput>,
    /// Time of expiry; absent for the deployment's default.
    pub expires_at: Option<TimeInput>,
    /// The action if SES may have accepted the email and no evidence came.
    pub on_uncertain: OnUncertain,
    /// The queue of the email.
    pub queue: QueueName,
    /// The priority of the email; absent for the priority of its queue.
    pub priority: Option<Priority>,
}

impl Default for SendOptions {
    fn default() -> Self {
        Self {
            scheduled_at: None,
            expires_at: None,
            on_uncertain: OnUncertain::Resend,
            queue: QueueName::default(),
            priority: None,
        }
    }
}

/// The times of an email in its record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EmailTimes {
    /// The time that the caller requested; `None` for at once.
    pub scheduled_at: Option<Timestamp>,
    /// Earliest time of submission.
    pub not_before: Timestamp,
    /// Time of expiry, from which on it is not submitted.
    pub expires_at: Timestamp,
    /// True if the caller gave `expires_at`.
    pub expires_given: bool,
}

impl SendOptions {
    /// The times that the options mean at `now`.
    ///
    /// # Errors
    /// They are past, too far away, or in the wrong order.
    pub fn resolve(&self, expires_after: Duration, now: Timestamp) -> Result<EmailTimes, EmailError> {
        let scheduled_at = self
            .scheduled_at
            .map(|when| when.schedule("scheduled_at", now))
            .transpose()?;
        let not_before = scheduled_at.map_or(now, |at| at.max(now));
        let given = self
            .expires_at
            .map(|when| when.expiry("expires_at", not_before, now))
            .transpose()?;
        Ok(EmailTimes {
            scheduled_at: scheduled_at.filter(|at| *at > now),
            not_before,
            expires_at: given.unwrap_or_else(|| not_before.after(expires_after)),
            expires_given: given.is_some(),
        })
    }

    /// The times of a request that was valid when it was first made, and is completed only now. A past time means due
    /// at once, or expired at once.
    #[must_use]
    pub fn resolve_late(&self, expires_after: Duration, now: Timestamp) -> EmailTimes {
        let scheduled_at = self.scheduled_at.map(|when| when.at(now));
        let not_before = scheduled_at.map_or(now, |at| at.max(now));
        let given = self.expires_at.map(|when| when.at(now));
        EmailTimes {
            scheduled_at,
            not_before,
            expires_at: given.unwrap_or_else(|| not_before.after(expires_after)),
            expires_given: given.is_some(),
        }
    }

    /// The options as text. No options are the empty text, so that the identity of a request without options never
    /// changed.
    pub(super) fn canonical(&self) -> String {
        let time = |name: &str, when: Option<TimeInput>| when.map(|when| format!("\n{name}: {}", when.canonical()));
        let hold = (self.on_uncertain == OnUncertain::Hold).then(|| "\non_uncertain: hold".to_owned());
        let queue = (!self.queue.is_default()).then(|| format!("\nqueue: {}", self.queue));
        let priority = self
            .priority
            .map(|priority| format!("\npriority: {}", priority.as_str()));
        [
            time("scheduled_at", self.scheduled_at),
            time("expires_at", self.expires_at),
            hold,
            queue,
            priority,
        ]
        .into_iter()
        .flatten()
        .collect()
    }
}

#[cfg(test)]
#[path = "times_tests.rs"]
mod tests;
