//! Counts the outcomes of emails from the changes of their records in the table's stream.
//!
//! **Role:** `tally` uses it to compute its writes, `reports` and `manage` to interpret the figures.
//! **Invariant:** pure. The counts of a change depend on the change alone. Repeated, late or regrouped deliveries of
//! a change therefore give the same counts.
//! **Map:** [`change`] computes the counts of one change. [`counter`] defines the counters. [`portion`] groups the
//! counts of one transaction. [`queue_counts`] shows the current state of a queue.
//! **Start reading at** [`portion`], which makes the counting exact. Why this way: docs/adr/0013.

pub mod change;
pub mod change_id;
pub mod counter;
pub mod portion;
pub mod queue_counts;

#[cfg(test)]
mod samples;
