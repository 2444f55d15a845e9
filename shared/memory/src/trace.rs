//! The steps of a run in order: for comparison, and for reading after a failure.

use std::fmt;
use std::hash::{DefaultHasher, Hash, Hasher};

use domain::delivery::record::RecordStatus;
use domain::id::EmailId;

use crate::Fault;

/// One step.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum TraceStep {
    /// A call of a port.
    Call {
        /// The true time.
        at_ms: i64,
        /// The number of the call, from 1.
        number: u64,
        /// The calling function; empty without one.
        function: &'static str,
        /// The number of its environment.
        environment: u32,
        /// The name of the call.
        what: &'static str,
        /// True if it changes anything.
        writes: bool,
        /// The id of the email, if it is about one.
        email: Option<EmailId>,
        /// The result of the call.
        fault: Fault,
    },
    /// A record was written.
    EmailRecord {
        /// The true time.
        at_ms: i64,
        /// The id of its email.
        email: EmailId,
        /// The status before; `None` for a new one.
        from: Option<RecordStatus>,
        /// The status now.
        to: RecordStatus,
        /// The newest claim.
        claim_no: u32,
        /// Used attempts.
        attempts: u32,
        /// True if it is flagged `maybe_duplicate`.
        flagged: bool,
    },
    /// Another step.
    Event {
        /// The true time.
        at_ms: i64,
        /// The name of the step.
        what: &'static str,
        /// The id of the email, if it is about one.
        email: Option<EmailId>,
        /// The number of the claim; 0 for none.
        claim_no: u32,
    },
}

impl TraceStep {
    /// The id of its email.
    #[must_use]
    pub const fn email(&self) -> Option<EmailId> {
        match self {
            Self::Call { email, .. } | Self::Event { email, .. } => *email,
            Self::EmailRecord { email, .. } => Some(*email),
        }
    }
}

impl fmt::Display for TraceStep {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Call {
                number,
                function,
                environment,
                what,
                fault,
                ..
            } => {
                write!(f, "call {number}: {function} {environment}: {what}")?;
                match fault.kind() {
                    Some(kind) => write!(f, " <-- {kind}"),
                    None => Ok(()),
                }
            }
            Self::EmailRecord {
                from,
                to,
                claim_no,
                attempts,
                flagged,
                ..
            } => {
                let from = from.map_or("-".to_owned(), |from| format!("{from:?}"));
                let flag = if *flagged { ", flagged" } else { "" };
                write!(
                    f,
                    "    record: {from} -> {to:?}, claim {claim_no}, attempts {attempts}{flag}"
                )
            }
            Self::Event { what, claim_no: 0, .. } => write!(f, "  {what}"),
            Self::Event { what, claim_no, .. } => write!(f, "  {what} (claim {claim_no})"),
        }
    }
}

/// All steps of a run.
#[derive(Debug, Clone, Default)]
pub struct Trace {
    /// The steps, in order.
    pub steps: Vec<TraceStep>,
}

impl Trace {
    pub(crate) fn note_step(&mut self, step: TraceStep) {
        self.steps.push(step);
    }

    /// A number that changes if any step changes.
    #[must_use]
    pub fn hash(&self) -> u64 {
        let mut hasher = DefaultHasher::new();
        self.steps.hash(&mut hasher);
        hasher.finish()
    }

    /// The steps of one email, the writes of queues and jobs, and the faults of other calls, as lines. Times are in
    /// seconds since `start_ms`.
    #[must_use]
    pub fn of(&self, email: EmailId, start_ms: i64) -> String {
        let concerns = |step: &&TraceStep| {
            step.email() == Some(email)
                || matches!(step, TraceStep::Call { fault, email: None, .. } if *fault != Fault::None)
                || matches!(
                    step,
                    TraceStep::Call {
                        what: "save_queue" | "save_job",
                        ..
                    }
                )
        };
        self.steps
            .iter()
            .filter(concerns)
            .map(|step| line(step, start_ms))
            .collect()
    }

    /// All steps as lines.
    #[must_use]
    pub fn all(&self, start_ms: i64) -> String {
        let named = |step: &TraceStep| match step.email() {
            Some(email) => format!("{email} {}", line(step, start_ms)),
            None => format!("{:36} {}", "", line(step, start_ms)),
        };
        self.steps.iter().map(named).collect()
    }
}

fn line(step: &TraceStep, start_ms: i64) -> String {
    let (TraceStep::Call { at_ms, .. } | TraceStep::EmailRecord { at_ms, .. } | TraceStep::Event { at_ms, .. }) = step;
    let ms = at_ms.saturating_sub(start_ms);
    format!("{:>7}.{:03} s  {step}\n", ms / 1000, ms % 1000)
}
