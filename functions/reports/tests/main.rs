//! The tests of `reports`.

mod account;
mod common;
mod figures;
