//! All functions over one backend in memory, in which everything goes wrong that can.
//!
//! **Role:** the code under test is the code that Lambda runs, from each event to its answer. The
//! backend ([`backend`]) has the ports, the clock, SQS, SES and DynamoDB with all their misbehaviour.
//! **Invariant:** a run is its scenario: the same one makes the same calls in the same order, always.
//! **Map:** [`scenario`] has the events of a run; [`system`] is the deployment; [`oracle`] checks the invariants;
//! [`run`] is one run; [`systematic`] strikes every call, and every two; [`seeds`] draws.
//! **Start reading at** [`oracle`].

#![expect(
    clippy::indexing_slicing,
    reason = "a die thrown within the bounds of what it chooses from, and objects of JSON"
)]

mod client;
pub mod oracle;
pub mod run;
pub mod scenario;
pub mod seeds;
pub mod system;
pub mod systematic;
