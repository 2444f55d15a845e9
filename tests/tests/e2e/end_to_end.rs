//! Real clients, the real functions on the local stack, and an SES that can fail.

mod clients;
mod content;
mod crash;
mod emails;
mod faults;
mod feedback;
mod idempotency;
mod listing;
mod outcomes;
mod refusals;
mod wake_ups;
