//! Tests with real clients, the real functions on the local stack, and an SES that can fail.

mod asked;
mod attachments;
mod clients;
mod content;
mod crash;
mod dry_run;
mod emails;
mod erasing;
mod evidence;
mod faults;
mod feedback;
mod gateway;
mod holding;
mod idempotency;
mod listing;
mod outcomes;
mod pacing;
mod privacy;
mod queues;
mod refusals;
mod reports;
mod schedule;
mod send_tasks;
mod suppressions;
mod tenants;
