//! Where a queue's emails are now, made of figures that were counted when they came there.
//!
//! **Invariant:** pure. When an email's time comes nothing is written: who waits for a time is
//! counted by that time, and what is still ahead is told from what has come when it is read.

use serde::Serialize;

use super::counter::{Figure, Figures, Level};
use crate::timestamp::Timestamp;

/// How many emails of a queue are where.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct QueueCounts {
    /// Wait for the time they were asked for, to the minute.
    pub scheduled: u64,
    /// Are due, and wait for a sender.
    pub queued: u64,
    /// A sender has them, or had them last and they have not ended.
    pub sending: u64,
    /// Were tried, and wait for the time of their next attempt, to the minute.
    pub retry: u64,
    /// Wait in a queue that is paused.
    pub held: u64,
}

/// The figures of one stretch of time for which emails wait.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stretch {
    /// How finely it is told apart.
    pub level: Level,
    /// When it begins.
    pub begin: Timestamp,
    /// Its figures.
    pub figures: Figures,
}

impl QueueCounts {
    /// What the figures of a queue say at `now`. Of the stretches that are given, those count that
    /// have to: the hour's and the day's at `now`, and those of days that are not over.
    #[must_use]
    pub fn at(now: Timestamp, standing: &Figures, stretches: &[Stretch]) -> Self {
        let of = |figure| standing.get(&figure).copied().unwrap_or(0);
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

#[cfg(test)]
#[path = "queue_counts_tests.rs"]
mod tests;
