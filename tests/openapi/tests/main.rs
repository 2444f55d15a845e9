//! Tests that bind the description of the API to the code that answers.
//!
//! **Map:** [`description`]: the file in the repository is up to date. [`routes`]: the described routes are exactly the
//! existing ones. [`error_names`]: every SDK knows the errors' names. [`resend`]: every difference from Resend's
//! document has a reason.
//! [`fields`]: the described fields and values of requests are exactly those that are read.
//! [`answers`]: the answers match the description; [`calls`] are the requests, and [`backend`] has their data;
//! [`webhook_calls`] has both for webhooks, and [`access_calls`] for keys, temporary tokens and tenants.
//! [`tenants`]: no tenant sees another's data, and no key gets more than its permission. [`operator`]: the deployer acts
//! for a tenant without its content.
#![expect(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a failing test panics with its reason"
)]

mod access_calls;
mod answers;
mod backend;
mod caller;
mod calls;
mod description;
mod error_names;
mod fields;
mod operator;
mod resend;
mod routes;
mod schema;
mod tenants;
mod webhook_calls;
