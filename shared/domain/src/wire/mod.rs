//! Texts that cross a boundary: the API's requests and responses, send tasks, dead-letter messages, and SES's events.
//!
//! **Invariant:** these modules check every input from outside.

pub mod access_api;
pub mod api;
pub mod attachments;
pub mod dead_letter_message;
pub mod dry_run_view;
pub mod email_view;
pub mod events_view;
pub mod failures_view;
mod json;
pub mod metadata_view;
pub mod metrics_view;
pub mod queue_api;
pub mod send_task;
pub mod ses_event;
pub mod suppressions;
pub mod times;
