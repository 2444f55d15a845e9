//! The tests of the simulation: that nothing is lost and nothing doubled unmarked, and that it would say so.
//!
//! [`full_lanes`] fills a priority queue; [`queues`] has what queues and priority queues promise; [`systematic`] strikes every call, and every two; [`seeds`] draws; [`bites`] breaks things on purpose
//! and sees that the judge notices; [`doubt`] has the exact ends of what SES left in doubt.

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
