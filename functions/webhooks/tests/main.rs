//! The tests of `webhooks`.

mod changes;
mod common;
mod creation;
mod events;
mod lists;
mod recovery;
mod sending;
mod tenants;
