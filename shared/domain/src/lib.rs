//! The pure core of mailqueue: emails, their states, and the rules for each change of state.
//!
//! **Role:** every function decides with this crate; adapters carry out the decisions.
//! **Invariant:** no AWS SDK, no Lambda, no clock, no randomness, no environment. `now` and `jitter` are arguments;
//! the crate's dependencies enforce the rest.
//! **Map:** [`message`] is the content of an email, [`delivery`] its way to SES, [`queue`] the named queues, [`tenant`] tenants
//! and API keys, [`reporting`] lists and counts, [`api`] the requests and answers of the HTTP API, [`ports`] the calls to the outside.
//! **Start reading at** [`delivery::lifecycle`], the state machine, then [`delivery::record`].

pub mod api;
pub mod delivery;
pub mod id;
pub mod limits;
pub mod message;
pub mod ports;
pub mod queue;
pub mod reporting;
pub mod tenant;
pub mod timestamp;

#[cfg(test)]
mod names_tests;
