//! The tests of the whole: the template, the documents, the supply chain, and the stack end to end.
//! `tests/simulation` runs the functions together on the in-memory backend.
//!
//! [`end_to_end`] needs the stack that `make test` starts.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking, in its helpers too"
)]

mod deploying;
mod documents;
mod end_to_end;
mod folders;
mod lengths;
mod links;
mod privileges;
mod runbook;
mod scripts;
mod supply_chain;
mod template;
