//! Counts what becomes of emails, by what the table's stream says of their records.
//!
//! **Role:** `tally` decides with it what to write, `manage` what the figures mean.
//! **Invariant:** pure. What a change counts follows from the change alone, so that it is the same
//! whenever, however often and in whatever company the change is delivered.
//! **Map:** [`change`] is what one change counts, [`counter`] what there is to be counted,
//! [`portion`] what is written together, [`queue_counts`] where a queue's emails are now.
//! **Start reading at** [`portion`], which makes the counting exact. Why this way: docs/adr/0013.

pub mod change;
pub mod counter;
pub mod portion;
pub mod queue_counts;

#[cfg(test)]
mod samples;
