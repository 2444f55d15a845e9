//! The current counts of a queue, computed from figures that were stored when emails changed.
//!
//! **Invariant:** pure. Nothing is written when the time of a waiting email comes. Waiting emails are counted by
//! their time; the reader separates past from future times.

use serde::Serialize;

use super::counter::{Figure, Figures, Level};
use crate::timestamp::Timestamp;

/// The numbers of a queue's or a tenant's emails by current state.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct QueueCounts {
    /// Emails that wait for their requested time, rounded to the minute.
    pub scheduled: u64,
    /// Due emails that wait for a sender.
    pub queued: u64,
    /// Emails that a sender has claimed and that have not ended.
    pub sending: u64,
    /// Emails that wait for the time of their next attempt, rounded to the minute.
    pub retry: u64,
    /// Emails kept waiting by a pause, a suspended tenant or a hold.
    pub held: u64,
}

/// The figures of one stretch of time for which emails wait.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WaitingFigures {
    /// Unit of its slots.
    pub level: Level,
    /// Start of the stretch.
    pub begin: Timestamp,
    /// The figures of the stretch.
    pub figures: Figures,
}

impl QueueCounts {
    /// The counts of a queue at `now`. Of the given stretches it uses the current hour's and day's, and those of days
    /// that are not over.
    #[must_use]
    pub fn at(now: Timestamp, email_status: &Figures, stretches: &[WaitingFigures]) -> Self {
        let of = |figure| email_status.get(&figure).copied().unwrap_or(0);
        let (mut scheduled, mut retry) = (0_i64, 0_i64);
        for stretch in stretches {
            let here = stretch.level.slot(now);
            if stretch.level != Level::Day && stretch.begin != here.0 {
                continue;
            }
            for (figure, number) in &stretch.figures {
                if let Figure::ScheduledIn(slot) = *figure
                    && (stretch.begin, slot) > here
                {
                    scheduled = scheduled.saturating_add(*number);
                }
                if let Figure::RetryIn(slot) = *figure
                    && (stretch.begin, slot) > here
                {
                    retry = retry.saturating_add(*number);
                }
            }
        }
        let have_come = [(Figure::Scheduled, scheduled), (Figure::Retry, retry)];
        let have_come = have_come.map(|(figure, ahead)| of(figure).saturating_sub(ahead).max(0));
        let queued = have_come.into_iter().fold(of(Figure::Queued), i64::saturating_add);
        // The figures are read one after the other, and may be of two moments.
        let number = |number: i64| u64::try_from(number).unwrap_or(0);
        Self {
            scheduled: number(scheduled),
            queued: number(queued),
            sending: number(of(Figure::Sending)),
            retry: number(retry),
            held: number(of(Figure::Held)),
        }
    }
}

impl std::ops::AddAssign for QueueCounts {
    fn add_assign(&mut self, other: Self) {
        let Self {
            scheduled,
            queued,
            sending,
            retry,
            held,
        } = other;
        self.scheduled = self.scheduled.saturating_add(scheduled);
        self.queued = self.queued.saturating_add(queued);
        self.sending = self.sending.saturating_add(sending);
        self.retry = self.retry.saturating_add(retry);
        self.held = self.held.saturating_add(held);
    }
}

#[cfg(test)]
#[path = "queue_counts_tests.rs"]
mod tests;
