//! Values derived from bytes: a changed byte changes one value.
//!
//! **Invariant:** without bytes each value is the simplest of its kind; unusual values need bytes.

pub(crate) mod records;
pub(crate) mod requests;
pub(crate) mod texts;
