//! API keys, tenants, permissions and quotas.
//!
//! **Role:** decides here; every function behind the HTTP API asks during authentication.
//! **Invariant:** the key alone determines the tenant; no part of a request does. A key can do no more than the key
//! that created it.
//! **Start reading at** [`key::ApiKey`], then [`tenant::Tenant`] and [`quota`].

pub mod key;
pub mod quota;
pub mod sender;
pub mod tenant;
pub mod token;
