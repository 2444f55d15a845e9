//! The tests of `access`.

mod authentication;
mod common;
mod key_holds;
mod suspension;
