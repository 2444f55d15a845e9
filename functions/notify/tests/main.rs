//! The tests of `notify`.

mod common;
mod costs;
mod emails;
mod erasure;
mod permanent;
mod recovery;
mod resend;
mod stream;
mod tenants;
mod timeouts;
