//! The invariants of the queue: one list for the checker, the simulation, the fault run and fuzzing.
//!
//! **Role:** each harness reports a broken invariant as a [`Violation`], and lists the invariants that it checks.
//! docs/INVARIANTS.md has the same list for readers; a test compares the two.
//! **Invariant:** an id is never given to another invariant: README, documents and logs quote it.
//! **Start reading at** [`Invariant`].

mod invariant;
mod violation;

pub use invariant::Invariant;
pub use violation::Violation;
