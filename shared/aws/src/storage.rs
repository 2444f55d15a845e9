//! DynamoDB and S3: records, contents, queues, keys, tenants and counts behind the ports.
//!
//! **May import:** `runtime`.
//! **Imported by:** no other folder of this crate. [`table`] alone calls DynamoDB; every other module maps items.
//! **Start reading at** [`table`], then [`records`].

pub(crate) mod account_rate;
pub mod attributes;
pub(crate) mod batches;
pub mod bodies;
pub mod changes;
pub(crate) mod checked_change;
pub(crate) mod deliveries;
pub(crate) mod domains;
mod downloads;
pub mod due_index;
pub(crate) mod email_facts;
pub(crate) mod endpoints;
pub(crate) mod erasing;
pub mod evidence;
pub mod files;
#[cfg(test)]
pub(crate) mod golden;
pub mod hook_changes;
pub(crate) mod keys;
pub mod list;
pub(crate) mod mapping;
pub(crate) mod payloads;
pub(crate) mod permits;
pub(crate) mod queues;
pub(crate) mod rate_limits;
pub mod records;
pub(crate) mod recover_jobs;
pub(crate) mod suppressions;
pub mod table;
pub(crate) mod tallies;
pub(crate) mod temporary;
pub(crate) mod tenants;
#[cfg(test)]
mod webhook_costs;
pub mod webhook_secrets;
pub(crate) mod webhooks;
