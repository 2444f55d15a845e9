//! The fault proxy over real sockets, before an upstream that counts what reaches it.
//!
//! Spoken to byte by byte: a client library would hide a dropped connection behind its own
//! retries.

#![expect(clippy::unwrap_used, reason = "the helpers beside the tests may fail a test too")]

mod caller;
mod faults;
mod passing;
mod proxy;
mod record;
mod upstream;
