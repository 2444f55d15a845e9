//! SES's events, as event publishing sends them through SNS with raw delivery.
//!
//! **Invariant:** only necessary fields are read, and missing ones are never guessed. An event without a tenant, an
//! id, a claim and a birth changes nothing.
//! **Start reading at** [`SesEvent::parse`].
//!
//! Source: Amazon SES Developer Guide, "Contents of event data that Amazon SES publishes to Amazon SNS", read
//! 2026-11-24.

mod event;
mod format;

pub use event::{
    Agent, BounceType, GREETING, SesDetails, SesEvent, SesEventError, SesEventKind, TAG_BORN, TAG_CLAIM, TAG_ID,
    TAG_TENANT,
};
