//! The content of an email: addresses, headers, body, attachments, and the rules that hostile input breaks.
//!
//! **May import:** the values at the root of the crate.
//! **Imported by:** `delivery`, `tenant`, `webhook`, `api`, `ports`.
//! **Start reading at** [`email`].

pub mod address;
pub(crate) mod admission;
pub mod attachment;
pub mod dropped_header;
pub mod email;
pub(crate) mod entity;
pub mod mailbox;
mod plain_text;
pub mod problem;
pub(crate) mod quoted_string;
pub mod test_address;
