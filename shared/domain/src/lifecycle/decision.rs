//! A decision about a record, and the condition for writing it.
//!
//! **Invariant:** a condition that names a claim also names the status.

use std::time::Duration;

use crate::delivery::life::keep_past;
use crate::delivery::record::{EmailRecord, RecordStatus};
use crate::timestamp::Timestamp;

/// Tolerance for early send tasks. A task within it is not sent back: clocks differ, and SQS has whole seconds.
pub const EARLY: Duration = Duration::from_secs(1);

/// The condition on the stored record at the moment of writing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Condition {
    /// Queued, due, not expired, and not restored. It is checked while writing, so that a claim needs no read before
    /// it.
    Claimable {
        /// The claimer's clock.
        now: Timestamp,
        /// The restore epoch ([`EmailRecord::is_restored`]).
        epoch: Option<Timestamp>,
    },
    /// The record is unchanged since the decision.
    Unmoved {
        /// The claim that the decision saw.
        claim_no: u32,
        /// The status that the decision saw.
        status: RecordStatus,
        /// The time that the decision saw. A rescheduled email needs a new decision.
        not_before: Timestamp,
    },
    /// The record and its queue are unchanged since the decision.
    UnmovedIn {
        /// The claim that the decision saw.
        claim_no: u32,
        /// The status that the decision saw.
        status: RecordStatus,
        /// The time that the decision saw.
        not_before: Timestamp,
        /// The state of the queue that the decision saw ([`crate::queue::Queue::version`]).
        queue_version: u64,
    },
    /// No other event has changed the delivery statuses of the recipients. The record's own status may change.
    DeliveryUnmoved {
        /// The count that the decision saw.
        delivery_version: u32,
    },
}

impl Condition {
    /// True if the condition holds for a stored record, apart from its queue ([`Self::queue_version`]).
    /// Adapters translate it; in-memory backends call it.
    #[must_use]
    pub fn holds(self, record: &EmailRecord) -> bool {
        match self {
            Self::Claimable { now, epoch } => {
                record.status == RecordStatus::Queued
                    && record.not_before <= now.after(EARLY)
                    && record.expires_at > now
                    && !record.is_restored(epoch)
            }
            Self::Unmoved {
                claim_no,
                status,
                not_before,
            }
            | Self::UnmovedIn {
                claim_no,
                status,
                not_before,
                ..
            } => record.claim_no == claim_no && record.status == status && record.not_before == not_before,
            Self::DeliveryUnmoved { delivery_version } => record.delivery_version == delivery_version,
        }
    }

    /// The required version of the record's queue, if the condition names one.
    #[must_use]
    pub const fn queue_version(self) -> Option<u64> {
        match self {
            Self::UnmovedIn { queue_version, .. } => Some(queue_version),
            Self::Claimable { .. } | Self::Unmoved { .. } | Self::DeliveryUnmoved { .. } => None,
        }
    }

    /// The condition that a record is unchanged.
    #[must_use]
    pub fn if_unchanged(record: &EmailRecord) -> Self {
        Self::Unmoved {
            claim_no: record.claim_no,
            status: record.status,
            not_before: record.not_before,
        }
    }
}

/// The action that follows a written transition.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SideEffect {
    /// Nothing.
    Nothing,
    /// Send a send task with this delay.
    EnqueueTask {
        /// Delay from now.
        delay: Duration,
    },
    /// Move the email to the dead-letter queue.
    DeadLetter,
}

/// A write of the record, and the action after it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Transition {
    /// The condition for the write.
    pub condition: Condition,
    /// The new record. Adapters write the fields that differ.
    pub record: EmailRecord,
    /// The action after the write.
    pub side_effect: SideEffect,
}

/// A function's decision about a record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Decision {
    /// Write this. If the condition no longer holds, read the record and decide again.
    Write(Box<Transition>),
    /// Write nothing, and run this action.
    Only(SideEffect),
    /// Do nothing: the record needs no change, or another writer has already changed it.
    Forget,
}

pub(super) fn write(before: &EmailRecord, mut record: EmailRecord, side_effect: SideEffect) -> Decision {
    keep_past(before, &mut record);
    Decision::Write(Box::new(Transition {
        condition: Condition::if_unchanged(before),
        record,
        side_effect,
    }))
}
