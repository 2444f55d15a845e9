//! Ports: the interfaces of the functions to their backends, in the domain's words.
//!
//! **Invariant:** a port describes a need of the functions, never a call of a backend. In-memory backends and adapters
//! to AWS implement the same traits.
//! **May import:** `message`, `delivery`, `tenant`, `queue`, `lifecycle`, `webhook`, `reporting` and the values at the
//! crate's root.
//! **Imported by:** no other folder of this crate.

pub mod access;
mod backoff;
mod contents;
mod counts;
pub mod domains;
mod due_index;
pub mod erasure;
mod failure;
mod queues;
pub mod rate_limits;
mod records;
mod rounds;
mod sending;
mod suppressions;
mod system;
pub mod temporary;
mod throttles;
pub mod webhook_events;
pub mod webhooks;

pub use backoff::Backoff;
pub use contents::{Batches, Bodies, Download, Files, Invitation, Packed, Put};
pub use counts::{Counted, Counts, Tallies};
pub use due_index::{Bookmarks, DueEmail, DueIndex, DuePage, IndexedEmail};
pub use failure::{FailureKind, PortError};
pub use queues::{Jobs, QueueChange, Queues};
pub use records::{Claimed, Created, EmailRecords, Listing, RecordWrite, WRITES_AT_ONCE, Written};
pub use rounds::Rounds;
pub use sending::{
    AccountQuotas, AccountRateOutcome, AccountRates, Accounts, Backlog, DeadLetters, Evidence, PriorityQueues,
    Provider, QueuedMessages, SendTaskRequest, Watermark,
};
pub use suppressions::{AccountList, ListReason, Suppressions};
pub use system::{Clock, Random};
pub use throttles::TableThrottles;
