//! An exhaustive checker of the state machine: it explores every state of one email within stated bounds.
//!
//! **The checked code** is [`domain::delivery::lifecycle`] itself. [`domain::delivery::lifecycle::Condition::holds`] decides about each
//! write, and [`memory::overlay`] stores it.
//! **The environment** is played: two senders, `promote`, `feedback`, `dead_letter`, callers and clients. Each may
//! pause or die between any two steps. Messages and events are lost, doubled and reordered.
//! **The properties** are in [`property`]: they hold in every state, at every step, and on every path to the end.
//! **The mutants** are in [`mutant`]: the same machine with one mistake, which the checker has to catch.
//! **Start reading at** [`state`], then [`explore`].

#![expect(
    clippy::indexing_slicing,
    clippy::expect_used,
    clippy::arithmetic_side_effects,
    reason = "indices are those that the same file gave out; what cannot be explored has to stop"
)]

pub mod action;
mod clock;
pub mod config;
pub mod explore;
mod machine;
pub mod mutant;
mod orderly;
pub mod property;
mod records;
pub mod state;
mod steps;
