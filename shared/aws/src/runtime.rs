//! The start of every function: settings, AWS clients, clock and randomness, logs, invocations, caches.
//!
//! **May import:** no other folder of this crate.
//! **Imported by:** `storage`, `sqs`, `ses`, `cloudwatch`, `http`.
//! **Start reading at** [`settings`].

pub mod cache;
pub mod clients;
pub(crate) mod failure;
pub mod invocation;
pub mod metrics;
#[cfg(test)]
pub(crate) mod replay;
pub mod settings;
pub mod system;
pub mod telemetry;
