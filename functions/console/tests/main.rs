//! The tests of `console`.

mod comments;
mod files;
mod responses;
