//! Fuzz targets: each takes any bytes, makes an input of them, and checks the invariants of that input.
//!
//! **Role:** a coverage-guided engine (`local/fuzz`) runs a target on bytes that it invents;
//! `cargo test` runs all of them on the bytes that are kept (`corpus`, `regressions`).
//! **Invariant:** a target has an oracle of its own, which shares no code with the tested code.
//! It is another parser, another way to the same result, or the invariant in code once more.
//! The same bytes always do the same: no clock, no randomness, no environment.
//! **Start reading at** [`TARGETS`], then [`oracle`].

#![expect(
    clippy::indexing_slicing,
    reason = "a target is a test: what is not there ends it, with the input at hand"
)]

use invariants::Invariant::{
    self, Claims, Completion, Content, Duplicates, Durability, Hold, Idempotency, Refusal, Transitions, Truth,
};

mod addresses;
mod check;
mod contents;
mod decisions;
mod given;
mod guidance;
mod headers;
mod managing;
mod mime;
mod oracle;
mod poison;
mod records;
mod requests;
mod send_tasks;
mod ses_events;

/// A function that runs on any bytes, and panics where an invariant does not hold.
#[derive(Debug, Clone, Copy)]
pub struct Target {
    /// The name of the target and of its directories.
    pub name: &'static str,
    /// The invariants that it checks.
    pub invariants: &'static [Invariant],
    /// Runs it once.
    pub run: fn(&[u8]),
}

impl Target {
    /// The target of a name.
    #[must_use]
    pub fn find(name: &str) -> Option<Self> {
        let targets = TARGETS.into_iter().chain([GUIDANCE]);
        targets.into_iter().find(|target| target.name == name)
    }
}

const fn target(name: &'static str, invariants: &'static [Invariant], run: fn(&[u8])) -> Target {
    Target { name, invariants, run }
}

/// Every target.
pub const TARGETS: [Target; 9] = [
    target("requests", &[Refusal, Content, Claims, Idempotency], requests::run),
    target("managing", &[Refusal], managing::run),
    target("addresses", &[Refusal, Content], addresses::run),
    target("headers", &[Content, Truth, Refusal], headers::run),
    target("send_tasks", &[Refusal], send_tasks::run),
    target("ses_events", &[Truth, Refusal], ses_events::run),
    target("records", &[Durability, Refusal], records::run),
    target("contents", &[Content, Refusal], contents::run),
    target(
        "decisions",
        &[
            Durability,
            Completion,
            Duplicates,
            Hold,
            Truth,
            Claims,
            Transitions,
            Content,
        ],
        decisions::run,
    ),
];

/// A target with a planted defect, which the engine must find by coverage.
pub const GUIDANCE: Target = target("guidance", &[], guidance::run);
