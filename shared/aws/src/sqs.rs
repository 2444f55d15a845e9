//! SQS: batches of messages in, send tasks and dead-letter messages out.
//!
//! **May import:** `runtime`.
//! **Imported by:** no other folder of this crate.
//! **Start reading at** [`batch`].

pub mod batch;
pub mod priority_queues;
