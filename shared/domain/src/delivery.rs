//! The way of one email: its record, the state machine, retries, evidence, the account's rate and suppression.
//!
//! **May import:** `message`, `queue`, `ports` and the values at the root of the crate.
//! **Start reading at** [`lifecycle`], then [`record`].

pub mod account_rate;
pub mod apply;
pub mod cause;
pub mod dead_letter_message;
pub mod delivery_status;
pub mod email_status;
pub mod forecast;
pub mod history;
pub mod index;
pub mod lifecycle;
pub mod priority_queue;
pub mod record;
pub mod retention;
pub mod retry;
pub mod send_task;
pub mod ses_event;
pub mod suppression;
