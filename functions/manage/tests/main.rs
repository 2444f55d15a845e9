//! The tests of `manage`.

mod by_key;
mod commands;
mod common;
mod downloads;
mod erasure;
mod filters;
mod paging;
mod previews;
mod queues;
mod rate_limits;
mod responses;
mod search;
mod tenant_binding;
