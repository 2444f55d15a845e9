//! The answers to hostile input, and the arrival of accepted emails.
//!
//! **Map:** [`answered`]: the answer of the real readers to each class. [`kept`]: the document is up to date.
//! [`carried`]: accepted emails, written by one library and read by another. [`invented`]: the same for generated
//! emails. [`message`] writes, [`receiver`] reads.
#![expect(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a failing test panics with its reason"
)]

mod answered;
mod carried;
mod invented;
mod kept;
mod message;
mod receiver;
