//! Things made of bytes: what an engine changes in the bytes changes one thing here.
//!
//! **Invariant:** no bytes at all make the plainest thing of its kind; nasty ones take bytes.

pub(crate) mod records;
pub(crate) mod requests;
pub(crate) mod texts;
