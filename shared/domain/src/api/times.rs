//! Times in requests: the caller's text, and its meaning at the moment of the request.
//!
//! **Role:** read by [`super::requests`]; resolved by the functions, which have a clock.
//! **Invariant:** pure. The caller's text is kept apart from its meaning, so that the same request, repeated a minute
//! later, has the same identity.
//! **Start reading at** [`SendOptions::wanted`].

use std::time::Duration;

use jiff::civil::Date;
use jiff::fmt::temporal::Pieces;
use jiff::{Span, SpanRelativeTo};

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
}

impl TimeInput {
    /// Reads a time or a wait. Days have 24 hours.
    ///
    /// # Errors
    /// [`Problem::Bad`] if it is neither. Months and years are refused, because their length varies.
    ///
    /// Source: Resend's API reference, "Schedule Email": ISO 8601 or natural language, with the example `in 1 min`.
    pub fn parse(path: &str, text: &str) -> Result<Self, EmailError> {
        const WHY: &str =
            "must be a time with its offset, such as 2026-11-24T09:30:00Z, or a wait, such as in 5 minutes";
        let bad = || EmailError::at(path, Problem::Bad(WHY));
        if text.len() > limits::TIME_MAX {
            return Err(bad());
        }
        let text = text.trim();
        let Some(wait) = text.strip_prefix("in ") else {
            let at = Timestamp::parse_rfc3339(text).or_else(|| beyond_all_times(text));
            return at.map(Self::At).ok_or_else(bad);
        };
        let wait = wait.trim();
        let span = match wait.parse::<Span>() {
            Ok(span) => span,
            // Too long to count, and too long for every use.
            Err(error) if error.is_range() && !wait.contains('-') && !wait.ends_with("ago") => {
                return Ok(Self::In(Duration::MAX));
            }
            Err(_) => return Err(bad()),
        };
        let wait = span
            .to_duration(SpanRelativeTo::days_are_24_hours())
            .ok()
            .and_then(|wait| Duration::try_from(wait).ok());
        wait.map(Self::In).ok_or_else(bad)
    }

    /// The time that it means at `now`.
    #[must_use]
    pub fn at(self, now: Timestamp) -> Timestamp {
        match self {
            Self::At(at) => at,
            Self::In(wait) => now.after(wait),
        }
    }

    fn canonical(self) -> String {
        match self {
            Self::At(at) => at.to_string(),
            Self::In(wait) => format!("in {} ms", wait.as_millis()),
        }
    }

    /// The time that it means, checked as a time of sending: not past, within ten years.
    ///
    /// # Errors
    /// [`Problem::Bad`] with the path.
    pub fn schedule(self, path: &str, now: Timestamp) -> Result<Timestamp, EmailError> {
        let at = self.at(now);
        let bad = |why| Err(EmailError::at(path, Problem::Bad(why)));
        if at < now.before(limits::CLOCKS_APART) {
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
        let at = self.at(now);
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

/// The latest representable time, for a well-formed later one: the last days of the year 9999. It is too far away for
/// every use.
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
    /// The action if SES may have accepted it and no evidence came.
    pub on_uncertain: OnUncertain,
    /// Its queue.
    pub queue: QueueName,
    /// Its priority; absent for its queue's.
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
    pub fn wanted(&self, expires_after: Duration, now: Timestamp) -> Result<EmailTimes, EmailError> {
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
    pub fn wanted_late(&self, expires_after: Duration, now: Timestamp) -> EmailTimes {
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
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::from_millis(1_795_512_600_000);
    const DAY: Duration = Duration::from_secs(86_400);

    fn parse(text: &str) -> Option<TimeInput> {
        TimeInput::parse("scheduled_at", text).ok()
    }

    fn secs(secs: u64) -> Duration {
        Duration::from_secs(secs)
    }

    #[test]
    fn a_time_is_rfc_3339_or_a_wait() {
        let at = Timestamp::parse_rfc3339("2026-11-24T09:30:00Z").map(TimeInput::At);
        for same in [
            "2026-11-24T09:30:00Z",
            "2026-11-24T09:30:00.000Z",
            "2026-11-24T10:30:00+01:00",
            "2026-11-24 09:30:00+00",
            " 2026-11-24T09:30:00Z ",
        ] {
            assert_eq!(parse(same), at, "{same}");
        }
        for (text, wait) in [
            ("in 1 min", 60),
            ("in 5 minutes", 300),
            ("in 1 hour", 3600),
            ("in 2 days", 172_800),
            ("in 1h 30m", 5400),
            ("in 1 week", 604_800),
            ("in 0 seconds", 0),
        ] {
            assert_eq!(parse(text), Some(TimeInput::In(secs(wait))), "{text}");
        }
        for bad in [
            "",
            "tomorrow",
            "in",
            "in ",
            "in five minutes",
            "in 1 month",
            "in -5 minutes",
            "in 5 minutes ago",
            "5 minutes",
            "2026-11-24",
            "2026-11-24T09:30:00",
            "2026-13-24T09:30:00Z",
            "1795512600",
            "in -99999999 days",
            "in 99999999 days ago",
            "9999-12-31T23:59:59",
            "9999-12-31",
            "9999-13-31T23:59:59Z",
            "10000-01-01T00:00:00Z",
            "2026-11-24T09:30:00Z\0",
            &"9".repeat(10_000),
        ] {
            assert_eq!(parse(bad), None, "{bad}");
        }
    }

    fn wanted(scheduled_at: Option<&str>, expires_at: Option<&str>) -> Result<EmailTimes, String> {
        let options = SendOptions {
            scheduled_at: scheduled_at.map(|text| parse(text).unwrap()),
            expires_at: expires_at.map(|text| parse(text).unwrap()),
            ..SendOptions::default()
        };
        options.wanted(DAY, NOW).map_err(|error| error.to_string())
    }

    #[test]
    fn without_options_an_email_is_due_at_once() {
        assert_eq!(
            wanted(None, None),
            Ok(EmailTimes {
                scheduled_at: None,
                not_before: NOW,
                expires_at: NOW.after(DAY),
                expires_given: false,
            })
        );
    }

    #[test]
    fn the_default_expiry_follows_the_schedule() {
        let later = NOW.after(DAY * 10);
        assert_eq!(
            wanted(Some("in 10 days"), None),
            Ok(EmailTimes {
                scheduled_at: Some(later),
                not_before: later,
                expires_at: later.after(DAY),
                expires_given: false,
            })
        );
        let given = wanted(Some("in 1 hour"), Some("in 2 hours")).unwrap();
        assert_eq!((given.expires_at, given.expires_given), (NOW.after(secs(7200)), true));
    }

    #[test]
    fn a_past_time_is_refused_beyond_a_minute() {
        let just_over = NOW.before(secs(60)).to_string();
        let now = wanted(Some(&just_over), None).unwrap();
        assert_eq!((now.scheduled_at, now.not_before), (None, NOW));
        let over = NOW.before(secs(61)).to_string();
        for (scheduled_at, expires_at, why) in [
            (Some(over.as_str()), None, "scheduled_at: is in the past"),
            (
                Some("in 3654 days"),
                None,
                "scheduled_at: must be within the next 10 years",
            ),
            (
                Some("9999-12-31T23:59:59Z"),
                None,
                "scheduled_at: must be within the next 10 years",
            ),
            (
                Some("9999-12-31T23:59:59-23:00"),
                None,
                "scheduled_at: must be within the next 10 years",
            ),
            (
                Some("in 10000000 days"),
                None,
                "scheduled_at: must be within the next 10 years",
            ),
            (
                None,
                Some("9999-12-31T23:59:59Z"),
                "expires_at: must be within 10 years after the email is due",
            ),
            (None, Some(over.as_str()), "expires_at: is in the past"),
            (
                Some("in 1 hour"),
                Some("in 1 hour"),
                "expires_at: must be after scheduled_at",
            ),
            (
                None,
                Some("in 3654 days"),
                "expires_at: must be within 10 years after the email is due",
            ),
        ] {
            assert_eq!(wanted(scheduled_at, expires_at), Err(why.to_owned()));
        }
        assert!(wanted(Some("in 3653 days"), None).is_ok());
    }

    #[test]
    fn a_late_request_is_due_or_expired_at_once() {
        let over = NOW.before(DAY);
        let options = SendOptions {
            scheduled_at: Some(TimeInput::At(over)),
            expires_at: Some(TimeInput::At(over.after(secs(60)))),
            ..SendOptions::default()
        };
        assert!(options.wanted(DAY, NOW).is_err());
        let late = options.wanted_late(DAY, NOW);
        assert_eq!((late.scheduled_at, late.not_before), (Some(over), NOW));
        assert_eq!((late.expires_at, late.expires_given), (over.after(secs(60)), true));
        let in_time = SendOptions {
            scheduled_at: Some(TimeInput::In(secs(60))),
            ..SendOptions::default()
        };
        assert_eq!(Ok(in_time.wanted_late(DAY, NOW)), in_time.wanted(DAY, NOW));
    }

    #[test]
    fn options_are_compared_as_written() {
        let canonical = |scheduled_at: &str, on_uncertain| {
            let options = SendOptions {
                scheduled_at: parse(scheduled_at),
                expires_at: None,
                on_uncertain,
                ..SendOptions::default()
            };
            options.canonical()
        };
        assert_eq!(SendOptions::default().canonical(), "");
        assert_eq!(canonical("", OnUncertain::Hold), "\non_uncertain: hold");
        assert_eq!(
            canonical("in 1 min", OnUncertain::Resend),
            canonical("in 60 s", OnUncertain::Resend)
        );
        assert_eq!(
            canonical("2026-11-24T10:30:00+01:00", OnUncertain::Resend),
            "\nscheduled_at: 2026-11-24T09:30:00.000Z"
        );
    }
}
