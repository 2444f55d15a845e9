//! The tests of `deliver`.

mod answers;
mod batches;
mod common;
mod costs;
mod disabling;
mod duplicates;
mod endpoints;
mod outgoing_calls;
mod slow;
