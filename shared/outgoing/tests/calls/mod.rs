//! Whole calls: with certificates of an own authority, against the fake DNS server, and beyond every limit.
//!
//! Most calls go through a network in memory, where public addresses lead to the servers of a test, and where the time
//! can be paused: a wait of 15 seconds takes none.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "the helpers beside the tests may fail a test too"
)]

mod certificates;
mod limits;
mod names;
mod net;
mod proxies;
mod wire;
