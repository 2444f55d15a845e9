//! The tests of the simulation: that nothing is lost and nothing doubled unmarked, and that it would say so.
//!
//! [`full_lanes`] fills a priority queue; [`queues`] tests the guarantees of queues and priority queues; [`systematic`] strikes every call, and every two; [`seeds`] draws; [`bites`] makes defects on purpose
//! and sees that the oracle notices them; [`doubt`] has the exact ends of uncertain emails.

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
mod queues;
mod seeds;
mod systematic;
