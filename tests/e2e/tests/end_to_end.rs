//! Tests with real clients, the real functions on the local stack, and an SES that can fail.

mod attachments;
mod clients;
mod commands;
mod content;
mod crash;
mod domains;
mod dry_run;
mod emails;
mod erasure;
mod evidence;
mod faults;
mod feedback;
mod gateway;
mod holds;
mod idempotency;
mod listing;
mod outcomes;
mod privacy;
mod queues;
mod rates;
mod refusals;
mod reports;
mod schedule;
mod send_tasks;
mod suppressions;
mod tenants;
