//! The tests of `promote`.

mod common;
mod concurrent_writers;
mod domains;
mod due_emails;
mod jobs;
mod lost_domains;
mod queues;
mod slot_release;
mod webhooks;
