//! The HTTP API: reads requests, and shapes answers and errors.
//!
//! **Invariant:** any bytes end in a request or an [`error::ApiError`], in bounded memory.
//! **May import:** `message`, `delivery`, `tenant`, `queue`, `webhook`, `reporting` and the values at the root of the crate.
//! **Imported by:** no other folder of this crate.
//! **Start reading at** [`requests`].

pub mod access_api;
pub mod access_view;
pub mod account_view;
pub mod attachment_view;
pub mod attachments;
pub(crate) mod content_ids;
pub mod domain_api;
pub mod domain_view;
pub mod dry_run_view;
pub mod email_view;
pub mod error;
pub mod events_view;
pub mod failures_view;
pub mod fields;
pub mod headers;
pub mod idempotency_key;
pub(crate) mod inert_html;
pub(crate) mod json;
pub mod metadata_view;
pub mod metrics_view;
pub mod open_metrics;
pub mod phrases;
pub mod preview;
pub mod queue_api;
pub mod requests;
pub(crate) mod source;
pub mod spelling;
pub mod suppressions;
pub mod times;
pub mod usage_view;
pub mod webhook_api;
pub mod webhook_event_view;
pub mod webhook_view;

#[cfg(test)]
mod golden_hashes;
