//! The tests of `send`.

mod account_rate;
mod attempts;
mod common;
mod files;
mod full_queues;
mod held_keys;
mod lost_domains;
mod memory_budget;
mod paused_queues;
mod rate_limited_queues;
mod restored_tables;
mod suppressions;
