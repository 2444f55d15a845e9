//! The invariants of the queue: one list for the checker, the simulation, the fault run and fuzzing.
//!
//! **Role:** each harness reports a broken invariant as a [`Violation`], and lists the invariants that it checks.
//! docs/INVARIANTS.md has the same list for readers; a test compares the two.
//! **Invariant:** an id is never given to another invariant: README, documents and logs quote it.
//! **Start reading at** [`Invariant`].

mod invariant;
pub mod transitions;
mod violation;

use strum::EnumMessage;

pub use invariant::Invariant;
pub use violation::Violation;

/// The first line of a variant's doc comment: the sentence that reports and documents show.
#[must_use]
pub fn first_line(variant: &impl EnumMessage) -> &'static str {
    let documentation = variant.get_documentation().unwrap_or_default();
    documentation.lines().next().unwrap_or_default()
}
