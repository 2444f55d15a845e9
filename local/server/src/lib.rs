//! The HTTP server of the local programs: the fake SES, the fake DNS server and the fault proxy.
//!
//! **Role:** local stack and tests only; nothing of it is ever deployed.
//! **Map:** [`program`] starts a program and ends it at a signal. [`settings`] reads its environment. [`server`] owns
//! the sockets. [`json`] reads and answers JSON. [`client`] is a client for tests that hides nothing.
//! **Start reading at** [`server::Program`].

pub mod client;
pub mod json;
pub mod program;
pub mod server;
pub mod settings;
