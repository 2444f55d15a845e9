//! The transitions between the statuses of a record, as the design has them.
//!
//! **Role:** [`crate::Invariant::Transitions`] is about this table. The simulation compares each write with it, and
//! the checker each write that it finds. docs/STATES.md is its diagram ([`diagram`]).

use std::fmt::Write as _;

use domain::delivery::record::RecordStatus;

/// A change of a record's status. No status at the start means that the record is new.
pub type Edge = (Option<RecordStatus>, RecordStatus);

/// A transition of the design.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Transition {
    /// The status before; none for a new record.
    pub from: Option<RecordStatus>,
    /// The status after.
    pub to: RecordStatus,
    /// The cause, as the diagram shows it.
    pub cause: &'static str,
    /// Only a sender that outlives its lease, and then reads a late refusal, takes this transition.
    pub is_rare: bool,
}

impl Transition {
    /// The two statuses.
    #[must_use]
    pub fn edge(&self) -> Edge {
        (self.from, self.to)
    }
}

const fn new(to: RecordStatus, cause: &'static str) -> Transition {
    Transition {
        from: None,
        to,
        cause,
        is_rare: false,
    }
}

const fn edge(from: RecordStatus, to: RecordStatus, cause: &'static str) -> Transition {
    Transition {
        from: Some(from),
        ..new(to, cause)
    }
}

const fn rare(from: RecordStatus, to: RecordStatus, cause: &'static str) -> Transition {
    Transition {
        is_rare: true,
        ..edge(from, to, cause)
    }
}

/// Every transition. A run of seeds must take each one that is not rare.
pub const TRANSITIONS: [Transition; 25] = [
    new(RecordStatus::Queued, "enqueue accepts the email"),
    edge(
        RecordStatus::Queued,
        RecordStatus::Queued,
        "a caller reschedules it, or its queue holds or releases it",
    ),
    edge(RecordStatus::Queued, RecordStatus::Sending, "send claims it"),
    edge(
        RecordStatus::Queued,
        RecordStatus::Canceled,
        "a caller cancels it or purges its queue",
    ),
    edge(RecordStatus::Queued, RecordStatus::Expired, "its time is over"),
    edge(
        RecordStatus::Queued,
        RecordStatus::Unknown,
        "flagged, and its time is over, or its queue is purged, or it is canceled after a restore",
    ),
    edge(
        RecordStatus::Queued,
        RecordStatus::Sent,
        "an event proves an earlier submission",
    ),
    edge(RecordStatus::Sending, RecordStatus::Sent, "SES accepts it"),
    edge(RecordStatus::Sending, RecordStatus::Queued, "SES refuses it for now"),
    edge(
        RecordStatus::Sending,
        RecordStatus::Failing,
        "SES refuses it for good, or the attempts are spent",
    ),
    edge(
        RecordStatus::Sending,
        RecordStatus::Uncertain,
        "the answer is lost, or the lease runs out",
    ),
    edge(
        RecordStatus::Sending,
        RecordStatus::Unknown,
        "flagged, and given up or purged",
    ),
    edge(
        RecordStatus::Sending,
        RecordStatus::Expired,
        "its time ends before the next attempt",
    ),
    edge(
        RecordStatus::Sending,
        RecordStatus::Canceled,
        "its queue is purged before the submission",
    ),
    edge(
        RecordStatus::Failing,
        RecordStatus::Failed,
        "dead_letter records the failure",
    ),
    edge(
        RecordStatus::Uncertain,
        RecordStatus::Sent,
        "an event proves the acceptance",
    ),
    edge(
        RecordStatus::Uncertain,
        RecordStatus::Queued,
        "no event in the window, so it is sent again, flagged",
    ),
    edge(
        RecordStatus::Uncertain,
        RecordStatus::Unknown,
        "no event, and on_uncertain is hold, or attempts or time are over",
    ),
    rare(
        RecordStatus::Uncertain,
        RecordStatus::Failing,
        "a late refusal for good",
    ),
    rare(
        RecordStatus::Uncertain,
        RecordStatus::Expired,
        "a late refusal, and its time is over",
    ),
    edge(RecordStatus::Failed, RecordStatus::Queued, "a caller retries it"),
    edge(
        RecordStatus::Unknown,
        RecordStatus::Queued,
        "a caller forces a retry or restores its queue",
    ),
    edge(
        RecordStatus::Unknown,
        RecordStatus::Sent,
        "a late event proves the acceptance",
    ),
    edge(
        RecordStatus::Canceled,
        RecordStatus::Queued,
        "a caller retries it or restores its queue",
    ),
    edge(RecordStatus::Expired, RecordStatus::Queued, "a caller retries it"),
];

/// Whether the design has this change of a status. A write that leaves the status as it was is always allowed.
#[must_use]
pub fn is_allowed(edge: Edge) -> bool {
    edge.0 == Some(edge.1) || TRANSITIONS.iter().any(|transition| transition.edge() == edge)
}

/// The page docs/STATES.md, with the table as a Mermaid diagram.
#[must_use]
pub fn page() -> String {
    format!("{BEFORE}```mermaid\n{}```\n{AFTER}", diagram())
}

/// The table as a Mermaid state diagram.
#[must_use]
pub fn diagram() -> String {
    let mut lines = "stateDiagram-v2\n    direction LR\n".to_owned();
    for transition in &TRANSITIONS {
        let from = transition.from.map_or_else(|| "[*]".to_owned(), name);
        let rarely = if transition.is_rare { " (rare)" } else { "" };
        let (to, cause) = (name(transition.to), transition.cause);
        // A string takes every line.
        writeln!(lines, "    {from} --> {to}: {cause}{rarely}").unwrap_or_default();
    }
    for status in RecordStatus::ALL.iter().copied().filter(|status| status.is_final()) {
        writeln!(lines, "    {} --> [*]", name(status)).unwrap_or_default();
    }
    lines
}

fn name(status: RecordStatus) -> String {
    format!("{status:?}").to_lowercase()
}

const BEFORE: &str = "\
<!-- `make states` makes this page of tests/invariants/src/transitions.rs. Do not edit it by hand. -->

# States of an email

This diagram has every transition between the stored statuses of an email.
The API shows an email that is `queued` before its time as `scheduled`, or as `retry` after its first claim.

";

const AFTER: &str = "
- `sent`, `failed`, `unknown`, `canceled` and `expired` are final: only a caller, or a late event of SES, changes them.
  A final email ends for good when its retention is over or a caller erases it.
- \"Flagged\" means `maybe_duplicate`: SES may have a copy already.
  A flagged email never ends as `failed`, `canceled` or `expired`.
- \"Rare\" transitions need a sender that outlives its lease and then reads a late refusal.

Three checks keep the diagram true ([I9](INVARIANTS.md#i9-transitions)).
The simulation compares every write with the table, and its run of seeds must take every transition that is not rare.
The checker compares every write that it finds in all states of one email.
A test (`the_page_of_the_states_is_current`) compares this page with the table.
";
