//! SQS: batches of messages in; send tasks, dead-letter messages and tasks of webhooks out.
//!
//! **May import:** `runtime`.
//! **Imported by:** no other folder of this crate.
//! **Start reading at** [`batch`].

pub mod batch;
pub mod delivery_tasks;
pub mod priority_queues;
mod queue;
