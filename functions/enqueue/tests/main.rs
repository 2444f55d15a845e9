//! The tests of `enqueue`.

mod acceptance;
mod common;
mod dry_run;
mod empty_texts;
mod generations;
mod interrupted_batches;
mod quotas;
mod rate_limited_queues;
mod repeated_requests;
mod responses;
mod schedule;
mod senders;
mod uploads;
mod webhooks;
