//! The work that several functions share and that takes several calls to the backends.
//!
//! **Role:** functions call it between a decision of the domain and the calls that carry it out.
//! **Invariant:** no AWS SDK, no clock, no randomness. Every decision is the domain's; a loop here only repeats it when
//! another writer came first.
//! **May import:** `domain` only.
//! **Start reading at** [`apply`].

pub mod apply;
pub mod domains;
pub mod held_emails;
pub mod retention;
pub mod slots;
pub mod suppressions;
