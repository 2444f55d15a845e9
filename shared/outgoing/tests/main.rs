//! The tests of `outgoing` from outside.

mod calls;
mod hostile_urls;
mod signatures;
