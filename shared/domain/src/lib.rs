//! The pure core of mailqueue: emails, their states, and the rules for each change of state.
//!
//! **Role:** every function decides with this crate; adapters carry out the decisions.
//! **Invariant:** no AWS SDK, no Lambda, no clock, no randomness, no environment. `now` and `jitter` are arguments;
//! the crate's dependencies enforce the rest.
//! **Start reading at** [`lifecycle`], the state machine, then [`record`].

pub mod access;
pub mod account_rate;
pub mod address;
mod admission;
pub mod api_error;
pub mod apply;
pub mod attachment;
pub mod batch;
pub mod cause;
pub mod cost;
pub mod delivery_status;
pub mod email;
pub mod email_status;
pub mod forecast;
pub mod held_emails;
pub mod history;
pub mod id;
pub mod index;
pub mod lifecycle;
pub mod limits;
pub mod listing;
pub mod ports;
pub mod priority_queue;
pub mod queue;
pub mod rate_limit;
pub mod record;
pub mod retention;
pub mod retry;
pub mod slots;
pub mod suppression;
pub mod tally;
pub mod timestamp;
pub mod wire;
