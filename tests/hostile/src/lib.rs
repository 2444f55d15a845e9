//! Hostile input: what published attacks and the grammars' corners look like as requests, which rule of ours
//! each is about, and what it is answered.
//!
//! **Role:** the tests give every class to the real readers of requests; `make hostile` writes
//! docs/HOSTILE_INPUT.md. Nothing of this crate is deployed.
//! **Invariant:** beside each request that is refused stands one that differs from it in what is refused only,
//! and is accepted: a rule that refuses too much is found like one that is gone. Every [`Rule`] has a class
//! that fails without it.
//! **Start reading at** [`classes`].

mod answer;
mod class;
mod classes;
mod document;
mod request;
mod rule;

pub use answer::Answer;
pub use class::{Class, Door};
pub use classes::classes;
pub use document::document;
pub use rule::Rule;
