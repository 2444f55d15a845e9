//! Counters, each a few figures that change together.
//!
//! **Invariant:** a counter and a figure never change their names, because later versions add to the stored figures.

use std::collections::BTreeMap;

use strum::VariantArray;

use crate::delivery::cause::Cause;
use crate::id::{EmailId, TenantId};
use crate::timestamp::Timestamp;

/// Milliseconds of an hour.
pub const HOUR_MS: i64 = 3_600_000;

/// The figures of one item of the table.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Counter {
    /// Numbers of outcomes in an hour.
    Flow {
        /// The tenant.
        tenant: TenantId,
        /// The queue; `None` counts all queues together.
        queue: Option<String>,
        /// Start of the hour.
        hour: Timestamp,
    },
    /// Numbers of a queue's emails by current state.
    EmailStatus {
        /// The tenant.
        tenant: TenantId,
        /// The queue.
        queue: String,
    },
    /// Numbers of a queue's emails that wait, by time.
    Waiting {
        /// The tenant.
        tenant: TenantId,
        /// The queue.
        queue: String,
        /// Unit of the times.
        level: Level,
        /// Start of the interval.
        begin: Timestamp,
    },
    /// Number of a queue's emails that ended unsent for a cause in an hour.
    Failures {
        /// The tenant.
        tenant: TenantId,
        /// Start of the hour.
        hour: Timestamp,
        /// The queue.
        queue: String,
        /// The cause.
        cause: Cause,
    },
}

/// The unit in which waiting times are counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, VariantArray)]
pub enum Level {
    /// The minutes of an hour.
    Minute,
    /// The hours of a day.
    Hour,
    /// The days of a stretch of 32.
    Day,
}

impl Level {
    /// All three levels.
    pub const ALL: &'static [Self] = Self::VARIANTS;

    const fn unit_ms(self) -> i64 {
        match self {
            Self::Minute => 60_000,
            Self::Hour => HOUR_MS,
            Self::Day => 24 * HOUR_MS,
        }
    }

    const fn slots(self) -> i64 {
        match self {
            Self::Minute => 60,
            Self::Hour => 24,
            Self::Day => 32,
        }
    }

    /// The stretch that contains a time, and the time's slot in it.
    #[must_use]
    pub fn slot(self, at: Timestamp) -> (Timestamp, u8) {
        let ordinal = at.as_millis().div_euclid(self.unit_ms());
        let index = u8::try_from(ordinal.rem_euclid(self.slots())).unwrap_or(0);
        (floor(at, self.unit_ms().saturating_mul(self.slots())), index)
    }

    /// End of the stretch that starts at `begin`.
    #[must_use]
    pub fn end(self, begin: Timestamp) -> Timestamp {
        let span = self.unit_ms().saturating_mul(self.slots());
        Timestamp::from_millis(begin.as_millis().saturating_add(span))
    }
}

/// Start of the hour that contains a time.
#[must_use]
pub fn hour_of(at: Timestamp) -> Timestamp {
    floor(at, HOUR_MS)
}

/// The latest multiple of `unit_ms` that is not after a time.
#[must_use]
pub fn floor(at: Timestamp, unit_ms: i64) -> Timestamp {
    let past = at.as_millis().checked_rem_euclid(unit_ms).unwrap_or(0);
    Timestamp::from_millis(at.as_millis().saturating_sub(past))
}

/// One number of a counter.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Figure {
    /// Flow: accepted emails.
    Accepted,
    /// Flow: their recipients.
    AcceptedRecipients,
    /// Flow: emails that SES accepted.
    Sent,
    /// Flow: their recipients, except those left out as suppressed.
    SentRecipients,
    /// Flow: bytes of their attachments, for each recipient.
    SentAttachmentBytes,
    /// Flow: recipients whose server took the email.
    Delivered,
    /// Flow: recipients whose server has not taken the email yet.
    DeliveryDelayed,
    /// Flow: recipients for whom SES stopped trying.
    SoftBounced,
    /// Flow: recipients whose server refused the email for good.
    Bounced,
    /// Flow: recipients to whom SES did not send the email after its acceptance.
    Rejected,
    /// Flow: recipients that reported the email as spam.
    Complained,
    /// Flow: emails with another opening.
    Opened,
    /// Flow: emails that were opened for the first time.
    FirstOpened,
    /// Flow: emails with another click.
    Clicked,
    /// Flow: emails with a first click.
    FirstClicked,
    /// Flow: failed emails.
    Failed,
    /// Flow: their recipients except the first.
    FailedMore,
    /// Flow: failed emails whose recipients are all suppressed.
    Suppressed,
    /// Flow: their recipients except the first, and recipients left out of emails to others.
    SuppressedMore,
    /// Flow: canceled emails.
    Canceled,
    /// Flow: their recipients except the first.
    CanceledMore,
    /// Flow: expired emails.
    Expired,
    /// Flow: their recipients except the first.
    ExpiredMore,
    /// Flow: emails for which nobody could find out whether SES accepted them.
    Unknown,
    /// Flow: their recipients except the first.
    UnknownMore,
    /// Email status: emails that are due at once.
    Queued,
    /// Email status: emails with a requested time, past or future.
    Scheduled,
    /// Email status: emails after a failed attempt, whether the time of the next attempt has come or not.
    Retry,
    /// Email status: emails that a sender has claimed and that have not ended.
    Sending,
    /// Email status: emails that are held, such as the waiting emails of a paused queue.
    Held,
    /// Waiting: emails whose requested time is in this slot.
    ScheduledIn(u8),
    /// Waiting: emails whose next attempt is in this slot.
    RetryIn(u8),
    /// Failures: emails.
    Count,
}

impl Figure {
    /// All figures without a slot, with their stored names.
    const NAMED: [(Self, &'static str); 31] = [
        (Self::Accepted, "ac"),
        (Self::AcceptedRecipients, "ar"),
        (Self::Sent, "se"),
        (Self::SentRecipients, "sr"),
        (Self::SentAttachmentBytes, "sb"),
        (Self::Delivered, "de"),
        (Self::DeliveryDelayed, "dd"),
        (Self::SoftBounced, "bs"),
        (Self::Bounced, "bo"),
        (Self::Rejected, "re"),
        (Self::Complained, "co"),
        (Self::Opened, "op"),
        (Self::FirstOpened, "of"),
        (Self::Clicked, "cl"),
        (Self::FirstClicked, "cf"),
        (Self::Failed, "fa"),
        (Self::Suppressed, "su"),
        (Self::Canceled, "ca"),
        (Self::Expired, "ex"),
        (Self::Unknown, "un"),
        (Self::FailedMore, "fm"),
        (Self::SuppressedMore, "um"),
        (Self::CanceledMore, "cm"),
        (Self::ExpiredMore, "em"),
        (Self::UnknownMore, "nm"),
        (Self::Queued, "qu"),
        (Self::Scheduled, "sc"),
        (Self::Retry, "ry"),
        (Self::Sending, "sg"),
        (Self::Held, "he"),
        (Self::Count, "n"),
    ];

    /// The stored name.
    #[must_use]
    pub fn name(self) -> String {
        if let Self::ScheduledIn(slot) = self {
            return format!("s{slot}");
        }
        if let Self::RetryIn(slot) = self {
            return format!("r{slot}");
        }
        let named = Self::NAMED.iter().find(|(figure, _)| *figure == self);
        named.map_or_else(String::new, |(_, name)| (*name).to_owned())
    }

    /// Reads a stored name. `None` for an unknown name, which a newer version wrote.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        if let Some((figure, _)) = Self::NAMED.iter().find(|(_, known)| *known == name) {
            return Some(*figure);
        }
        let slot = |rest: &str| rest.parse().ok();
        match name.split_at_checked(1)? {
            ("s", rest) => slot(rest).map(Self::ScheduledIn),
            ("r", rest) => slot(rest).map(Self::RetryIn),
            _ => None,
        }
    }
}

/// Numbers by figure; a missing figure is 0.
pub type Figures = BTreeMap<Figure, i64>;

/// The amounts to add to a counter.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Delta {
    /// The amounts by figure.
    pub figures: Figures,
    /// The latest example, with its time.
    pub latest: Option<(Timestamp, EmailId)>,
}

impl Delta {
    /// Adds `by` to a figure.
    pub fn add(&mut self, figure: Figure, by: i64) {
        let known = self.figures.entry(figure).or_insert(0);
        *known = known.saturating_add(by);
    }

    /// Adds the amounts of `other`, and prefers its example.
    pub fn merge(&mut self, other: &Self) {
        for (figure, by) in &other.figures {
            self.add(*figure, *by);
        }
        self.latest = other.latest.or(self.latest);
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_figure_has_its_own_name() {
        let slots = (0..60).flat_map(|slot| [Figure::ScheduledIn(slot), Figure::RetryIn(slot)]);
        let all: Vec<Figure> = Figure::NAMED.iter().map(|(figure, _)| *figure).chain(slots).collect();
        let names: BTreeSet<String> = all.iter().map(|figure| figure.name()).collect();
        assert_eq!(names.len(), all.len());
        for figure in all {
            assert_eq!(Figure::parse(&figure.name()), Some(figure));
        }
        for none in ["", "v", "ttl", "s", "sx", "s-1", "s300", "é1", "pk"] {
            assert_eq!(Figure::parse(none), None, "{none}");
        }
    }

    #[test]
    fn slots_are_kept_by_the_hour_day_or_32_days() {
        let at = Timestamp::parse_rfc3339("2026-11-24T17:48:59.999Z").unwrap();
        let slot = |level: Level| {
            let (begin, index) = level.slot(at);
            (begin.to_string(), index, level.end(begin).to_string())
        };
        let expected =
            |begin: &str, index, end: &str| (format!("{begin}:00:00.000Z"), index, format!("{end}:00:00.000Z"));
        assert_eq!(slot(Level::Minute), expected("2026-11-24T17", 48, "2026-11-24T18"));
        assert_eq!(slot(Level::Hour), expected("2026-11-24T00", 17, "2026-11-25T00"));
        assert_eq!(slot(Level::Day), expected("2026-11-11T00", 13, "2026-12-13T00"));
        assert_eq!(hour_of(at).to_string(), "2026-11-24T17:00:00.000Z");
    }
}
