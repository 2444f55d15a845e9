//! Who may do what: API keys, tenants, and how much a tenant may use.
//!
//! **Role:** decided here; asked at the door of every function behind the HTTP API.
//! **Invariant:** a key says whose it is, and nothing in a request does: a tenant is never an argument of a
//! caller. A key can do no more than the one that made it.
//! **Start reading at** [`key::ApiKey`], then [`tenant::Tenant`] and [`allowance`].

pub mod allowance;
pub mod key;
pub mod sender;
pub mod tenant;
pub mod token;
