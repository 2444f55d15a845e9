//! The state machine: the events of an email, and the condition for writing each change.
//!
//! | Status | Event | Decided by | Next status |
//! |---|---|---|---|
//! | queued | `send` claims it | [`claim_record`] | sending |
//! | sending, uncertain | SES does not take it now | [`record_attempt`] | queued |
//! | sending, uncertain | SES refuses it, or its attempts are used up | [`record_attempt`] | failing |
//! | sending | SES's answer is lost, or the lease ends | [`record_attempt`], [`overdue`] | uncertain |
//! | any | SES accepted it | [`record_acceptance`] | sent |
//! | uncertain | no evidence came, and it is to be sent again | [`overdue`] | queued |
//! | uncertain | no evidence came, and it is not to be sent again | [`overdue`] | unknown |
//! | failing | its dead-letter message arrives | [`fail`] | failed |
//! | queued | its time is over | [`not_claimable`], [`overdue`] | expired |
//! | queued | a caller cancels it | [`commands::cancel`] | canceled |
//! | queued | a purge of its queue | [`queue_control::purge`] | canceled |
//! | queued | a person cancels it in a restored table | [`restoration::cancel`] | unknown |
//! | failed, unknown, canceled, expired | a caller retries it | [`commands::retry`] | queued |
//! | canceled, unknown | a restore of its purged queue | [`queue_control::restore`] | queued |
//!
//! An email that SES may have accepted under an earlier claim becomes unknown instead of failing, expired or canceled.
//!
//! **Role:** every function loads a record, asks here, and carries out the [`Decision`].
//! **Invariant:** pure. A [`Transition`] is written only if its [`Condition`] still holds. A condition that names a
//! claim also names the status.
//! **After a crash** anywhere, the record is still in the due index, and [`overdue`] continues from there.
//! **May import:** `delivery`, `queue` and the values at the root of the crate.
//! **Imported by:** `ports`.
//! **Start reading at** [`record_attempt`].

mod change;
mod claim;
pub mod commands;
mod decision;
mod evidence;
pub mod full_queue;
pub mod queue_control;
mod recovery;
pub mod restoration;
mod restored;
#[cfg(test)]
mod samples;

pub use change::DEAD_LETTER_RETRY;
pub use claim::{claim_record, fail, leave_out, not_claimable, record_attempt};
pub use decision::{Condition, Decision, EARLY, SideEffect, Transition};
pub use evidence::{handle_event, record_acceptance, update_recipients};
pub use recovery::{Feedback, LONGEST_UNCERTAINTY, Outlook, PriorityQueueState, overdue};
