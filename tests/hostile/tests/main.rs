//! The answers to hostile input, and the arrival of accepted emails.
//!
//! **Map:** [`answers`]: the answer of the real readers to each class. [`document`]: the document is up to date.
//! [`arrivals`]: accepted emails, written by one library and read by another. [`random_emails`]: the same for generated
//! emails. [`message`] writes, [`receiver`] reads.
#![expect(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a failing test panics with its reason"
)]

mod answers;
mod arrivals;
mod document;
mod message;
mod random_emails;
mod receiver;
