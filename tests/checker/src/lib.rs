//! An exhaustive checker of the state machine: every state that one email and all that deals
//! with it can come to, within stated bounds.
//!
//! **What is checked** are the functions of [`domain::delivery::lifecycle`] themselves, under
//! [`domain::delivery::lifecycle::Condition::holds`], and what a write leaves is [`memory::overlay`]; around them stand two senders, `promote`,
//! `feedback`, `dead_letter`, callers and clients, who may stand still or die between any two
//! steps, and messages and events that are lost, doubled and out of order.
//! **What must hold** is [`promise`]: in every state, at every step, and to the end.
//! **What shows that it can fail** is [`mutant`]: the same with one mistake, each of which it has
//! to catch.
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
pub mod promise;
mod records;
pub mod state;
mod steps;
