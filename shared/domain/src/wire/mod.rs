//! What crosses a boundary as text: the API's requests and answers, the queues' send tasks and
//! dead-letter messages, SES's events.
//!
//! **Invariant:** nothing from outside goes past these modules unchecked.

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
