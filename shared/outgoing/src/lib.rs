//! Calls to HTTPS servers that tenants name, such as the endpoints of webhooks.
//!
//! **Role:** the API refuses URLs with [`Target::parse`], and a delivering function calls them with [`Caller::post`].
//! **Invariant:** a call reaches only public addresses. Each attempt resolves the host's name anew, checks every
//! address, and connects to one of the checked addresses itself. Nothing resolves the name a second time.
//! **Deliberately absent:** redirects, proxies, cookies, credentials, connection reuse, HTTP/2, and every setting from
//! the environment.
//!
//! | Module | Owns |
//! |---|---|
//! | [`rule`] | the rules that refuse a URL or an address, and their texts: pure |
//! | [`address`] | the networks that are not public: pure |
//! | [`host`] | the host of a URL: pure |
//! | [`target`] | a URL that may be called, and the policy of a deployment: pure |
//! | [`signature`] | secrets and signatures of webhooks: pure, apart from random secrets |
//! | [`answer`] | an answer and its headers: pure |
//! | [`failure`] | a call without an answer: pure |
//! | [`resolve`] | the addresses of a target, checked |
//! | [`dns`] | the resolver of the system |
//! | [`dial`] | connections by TCP |
//! | [`tls`] | root certificates and the settings of TLS |
//! | `exchange` | one request and its answer on an open connection |
//! | [`caller`] | one call, within a total time |
//!
//! **Start reading at** [`Caller::post`]. Why this way: docs/adr/0049.

pub mod address;
pub mod answer;
pub mod caller;
pub mod dial;
pub mod dns;
mod exchange;
pub mod failure;
pub mod host;
pub mod resolve;
pub mod rule;
pub mod signature;
pub mod target;
pub mod tls;

pub use answer::{Answer, RetryAfter};
pub use caller::{Caller, Limits, Outcome};
pub use failure::{Failure, Stage};
pub use rule::{Refusal, Rule};
pub use target::{Policy, Target};
