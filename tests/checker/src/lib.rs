//! An exhaustive checker of the state machine: every state that one email and its environment can reach, within
//! stated bounds.
//!
//! **The checked code** is the functions of [`domain::lifecycle`] themselves, under
//! [`domain::lifecycle::Condition::holds`]; [`memory::overlay`] gives the result of a write. Around them are two
//! senders, `promote`, `feedback`, `dead_letter`, callers and clients. Each may stop or die between any two steps.
//! Messages and events are lost, duplicated and reordered.
//! **The properties** are in [`property`]: for every state, every step, and every path to the end.
//! **The proof that it can fail** is [`mutant`]: the same machine with one mistake, which it has to catch.
//! **Start reading at** [`state`], then [`explore`].

#![expect(
    clippy::indexing_slicing,
    clippy::expect_used,
    clippy::arithmetic_side_effects,
    reason = "each index comes from the same file, and an impossible state ends the exploration"
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
pub mod told;
