//! The functions that process emails, on one in-memory backend, in which every possible fault happens.
//!
//! **Role:** the code under test is the code that Lambda runs, from each event to its answer. The backend
//! ([`memory`]) has the ports, the clock, SQS, SES and DynamoDB with all their faults.
//! **Invariant:** the scenario determines the run: the same scenario makes the same calls in the same order.
//! **Map:** [`scenario`] describes a run; [`system`] is the deployment; [`oracle`] checks the invariants.
//! [`run`] is one run; [`systematic`] puts faults into every call and every pair; [`seeds`] draws random scenarios.
//! **Start reading at** [`oracle`].

#![expect(
    clippy::indexing_slicing,
    reason = "random indices are within their lists, and JSON objects have their fields"
)]

mod client;
mod hooks;
pub mod oracle;
mod restore;
pub mod run;
pub mod scenario;
pub mod seeds;
pub mod system;
pub mod systematic;
pub mod tenants;
