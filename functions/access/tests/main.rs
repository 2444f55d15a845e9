//! The tests of `access`.

mod authentication;
mod common;
mod console_codes;
mod key_holds;
mod suspension;
