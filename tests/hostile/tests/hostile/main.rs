//! What hostile input is answered, and how what is accepted arrives.
//!
//! **Map:** [`answered`]: each class by the real readers. [`kept`]: the document is the one that is made.
//! [`carried`]: what is accepted, written by one library and read by another. [`invented`]: the same of
//! emails that nobody wrote by hand. [`message`] writes, [`receiver`] reads.
#![expect(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test that cannot go on says why"
)]

mod answered;
mod carried;
mod invented;
mod kept;
mod message;
mod receiver;
