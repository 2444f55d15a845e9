//! What binds the description of the API to the code that answers.
//!
//! **Map:** [`kept`]: the file in the repository is the one that is made. [`routes`]: what is
//! described is there, and what is there is described. [`fields`]: the same of requests' fields,
//! and of what they may hold. [`answers`]: what is answered is as described. [`tenants`]:
//! nothing of a tenant is there for another, and no key gets through a gate that is not its own.
#![expect(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test that cannot go on says why"
)]

mod answers;
mod caller;
mod fields;
mod kept;
mod routes;
mod schema;
mod tenants;
