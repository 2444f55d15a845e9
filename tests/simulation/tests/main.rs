//! The tests of the simulation: no email is lost or duplicated without a flag, and the oracle notices defects.
//!
//! [`full_queues`] fills a priority queue; [`queues`] checks the effects of queues on each other. [`systematic`] puts
//! faults into every call and every pair; [`seeds`] draws random scenarios. [`bites`] plants defects that the oracle
//! must notice; [`doubt`] checks the exact ends of uncertain outcomes, [`hooks`] the events of webhooks, and
//! [`restore`] restores the table.

#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::indexing_slicing,
    reason = "a test fails by panicking, in its helpers too"
)]

mod bites;
mod doubt;
mod expiry;
mod full_queues;
mod hooks;
mod queues;
mod restore;
mod seeds;
mod systematic;
