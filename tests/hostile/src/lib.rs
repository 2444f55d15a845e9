//! Hostile input: published attacks and corner cases of the grammars as requests. Each names the rule that it tests,
//! and its expected answer.
//!
//! **Role:** the tests pass every class to the real readers of requests; `make hostile` writes docs/HOSTILE_INPUT.md.
//! Nothing of this crate is deployed.
//! **Invariant:** every refused request has a twin that differs only in the refused part and is accepted. Thus a rule
//! that refuses too much is found like a missing rule. Every [`Rule`] has a class that fails without it.
//! **Start reading at** [`classes`].

mod answer;
mod class;
mod classes;
mod document;
mod request;
mod rule;

pub use answer::Expectation;
pub use class::{Class, Endpoint};
pub use classes::classes;
pub use document::document;
pub use rule::Rule;
