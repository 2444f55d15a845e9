//! What no input may do: each target takes any bytes, makes something of them, and asserts what
//! is promised about it.
//!
//! **Role:** a coverage-guided engine (`local/fuzz`) runs a target on bytes that it invents;
//! `cargo test` runs all of them on the bytes that are kept (`corpus`, `regressions`).
//! **Invariant:** a target has an oracle of its own, which shares no code with what it judges:
//! another parser, another way to the same result, or the promise written out once more. The
//! same bytes always do the same: no clock, no randomness, no environment.
//! **Start reading at** [`TARGETS`], then [`promises`].

#![expect(
    clippy::indexing_slicing,
    reason = "a target is a test: what is not there ends it, with the input at hand"
)]

mod addresses;
mod contents;
mod decisions;
mod given;
mod guidance;
mod headers;
mod managing;
mod mime;
mod poison;
mod promises;
mod records;
mod requests;
mod send_tasks;
mod ses_events;

/// Something that is run on any bytes, and panics where a promise does not hold.
#[derive(Debug, Clone, Copy)]
pub struct Target {
    /// Its name, and that of its directories.
    pub name: &'static str,
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

const fn target(name: &'static str, run: fn(&[u8])) -> Target {
    Target { name, run }
}

/// All of them.
pub const TARGETS: [Target; 9] = [
    target("requests", requests::run),
    target("managing", managing::run),
    target("addresses", addresses::run),
    target("headers", headers::run),
    target("send_tasks", send_tasks::run),
    target("ses_events", ses_events::run),
    target("records", records::run),
    target("contents", contents::run),
    target("decisions", decisions::run),
];

/// The one that fails: what finds its defect is guided by coverage.
pub const GUIDANCE: Target = target("guidance", guidance::run);
