//! Webhooks: the events that they tell, and the delivery of each event.
//!
//! **Role:** `notify` derives events from the changes of stored items, and `deliver` decides after each attempt.
//! **Invariant:** pure. An event's identity, time and rank come from stored facts alone. So each look at the same fact
//! gives the same event, and a lost look can be repeated later.
//! **May import:** `message`, `delivery`, `tenant` and the values at the root of the crate.
//! **Imported by:** `api`, `ports`.
//! **Start reading at** [`telling`], then [`delivery`].

pub mod delivery;
pub mod event_type;
pub mod fact;
pub mod health;
pub mod identity;
pub mod outcome;
pub mod payload;
pub mod permits;
pub mod rank;
pub mod recovery;
pub mod secret;
pub mod settings;
pub mod task;
pub mod telling;
