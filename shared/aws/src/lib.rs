//! Adapters of the ports of `domain`: DynamoDB, S3, SQS, SES, and the glue to Lambda.
//!
//! **Role:** every function connects here once, at its start, and passes the adapters to its use case.
//! **Invariant:** no decision is made here. An adapter translates: a condition to one condition expression, an
//! answer of SES to one of three outcomes.
//! **Deliberately absent:** SDK types in any public signature but the constructors'.
//! **Start reading at** [`records`], then [`ses::classify`].

pub mod account;
pub mod account_list;
mod account_rate;
pub mod attributes;
pub mod auth;
pub mod batch;
mod batches;
pub mod bodies;
pub mod changes;
pub mod clients;
pub mod due_index;
pub mod endpoint;
mod erasing;
pub mod evidence;
mod failure;
pub mod files;
pub mod gateway;
#[cfg(test)]
mod golden;
pub mod http;
mod keys;
pub mod list;
mod mapping;
pub mod priority_queues;
pub mod probe;
pub mod query;
mod queues;
mod rate_limits;
pub mod records;
#[cfg(test)]
mod replay;
pub mod routing;
pub mod ses;
pub mod settings;
mod suppressions;
pub mod system;
pub mod table;
mod tallies;
pub mod telemetry;
mod tenants;
