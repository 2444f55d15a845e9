//! The fake SES over real sockets.
//!
//! Most tests write and read bytes: a client library would hide a dropped connection behind its own retries. [`sdk`]
//! then shows that the official SDK understands every answer.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "the helpers beside the tests may fail a test too"
)]

mod api_state;
mod control;
mod events;
mod fake;
mod faults;
mod identities;
mod inbox;
mod messages;
mod page;
mod reports;
mod sdk;
mod webhooks;
