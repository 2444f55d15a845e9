//! The pure core of mailqueue: emails, their states, and the rules for each change of state.
//!
//! **Role:** every function decides with this crate; adapters carry out the decisions.
//! **Invariant:** no AWS SDK, no Lambda, no clock, no randomness, no environment. `now` and `jitter` are arguments;
//! the crate's dependencies enforce the rest.
//! **Order of the modules**, each of which imports only earlier ones:
//!
//! 1. [`id`], [`timestamp`] and [`limits`]: values.
//! 2. [`message`]: the content of an email.
//! 3. [`delivery`]: the record of an email, its statuses and policies, SES's events, the account's rate.
//! 4. [`tenant`]: tenants, API keys, quotas.
//! 5. [`queue`]: named queues, their holds, jobs and rate limits.
//! 6. [`lifecycle`]: the state machine.
//! 7. [`webhook`]: the events of webhooks, and their delivery.
//! 8. [`reporting`]: lists, counts, costs and forecasts.
//! 9. [`api`]: the requests and answers of the HTTP API.
//! 10. [`ports`]: the calls to the outside. Their types are records, never requests or responses of the API.
//!
//! **Start reading at** [`lifecycle`], then [`delivery::record`].

pub mod api;
pub mod delivery;
pub mod id;
pub mod lifecycle;
pub mod limits;
pub mod message;
pub mod ports;
pub mod queue;
pub mod reporting;
pub mod tenant;
pub mod timestamp;
pub mod webhook;

#[cfg(test)]
mod names_tests;
