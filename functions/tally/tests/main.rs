//! The tests of `tally`.

mod batches;
mod common;
mod exactness;
mod lives;
