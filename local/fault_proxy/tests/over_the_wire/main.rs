//! The fault proxy over real sockets, in front of an upstream that counts the calls that reach it.
//!
//! The tests write and read bytes: a client library would hide a dropped connection behind its own retries.

#![expect(clippy::unwrap_used, reason = "the helpers beside the tests may fail a test too")]

mod caller;
mod faults;
mod passing;
mod proxy;
mod record;
mod upstream;
