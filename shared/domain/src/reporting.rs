//! Lists, counts and costs for people.
//!
//! **May import:** `delivery`, `ports` and the values at the root of the crate. No decision about an email reads it.
//! **Start reading at** [`tally`].

pub mod cost;
pub mod listing;
pub mod tally;
