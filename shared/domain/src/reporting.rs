//! Lists, counts, costs, forecasts and the state of the account for people.
//!
//! **May import:** `delivery`, `queue` and the values at the root of the crate.
//! **Imported by:** `api`, `ports`. No decision about an email reads it.
//! **Start reading at** [`tally`].

pub mod account;
pub mod cost;
pub mod forecast;
pub mod hours;
pub mod listing;
pub mod tally;
