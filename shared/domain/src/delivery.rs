//! The record of one email, its statuses and policies, SES's events, the account's rate and suppression.
//!
//! **May import:** `message` and the values at the root of the crate.
//! **Imported by:** `tenant`, `queue`, `lifecycle`, `webhook`, `reporting`, `api`, `ports`.
//! **Start reading at** [`record`].

pub mod account_rate;
pub mod attempt;
pub mod batch;
pub mod breaker;
pub mod cause;
pub mod dead_letter_message;
pub mod delivery_status;
pub mod email_status;
pub mod history;
pub mod hook;
pub mod index;
pub mod life;
pub mod life_fact;
pub mod message_id;
pub mod policy;
pub mod priority_queue;
pub mod rate;
pub mod recipient;
pub mod record;
pub mod retry;
pub mod send_task;
pub mod ses_event;
pub mod suppression;
