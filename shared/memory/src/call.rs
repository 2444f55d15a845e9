//! A call to the backend, and its result.

use domain::id::EmailId;
use domain::ports::FailureKind;

/// The name of the call that submits an email to SES.
pub const SUBMIT: &str = "submit";

/// A call to the backend.
#[derive(Debug, Clone, Copy)]
pub struct Call {
    /// Name of the port's method.
    pub what: &'static str,
    /// Id of the email, if the call is about one.
    pub email: Option<EmailId>,
    /// True if it changes anything.
    pub writes: bool,
}

impl Call {
    /// True if the call of this name writes an item of the table, so that another write of the item can conflict.
    /// SQS, SES and the bucket have no conflicts.
    #[must_use]
    pub fn can_conflict(what: &str, writes: bool) -> bool {
        writes
            && ![
                "enqueue",
                "move_to_dead_letter",
                "send_deliveries",
                "attach",
                "keep_file",
                SUBMIT,
            ]
            .contains(&what)
    }

    pub(crate) const fn reads(what: &'static str, email: Option<EmailId>) -> Self {
        Self {
            what,
            email,
            writes: false,
        }
    }

    pub(crate) const fn writes(what: &'static str, email: Option<EmailId>) -> Self {
        Self {
            what,
            email,
            writes: true,
        }
    }
}

/// The result of a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Fault {
    /// The call succeeds.
    None,
    /// The call fails without an effect.
    Before,
    /// The call takes effect, and its answer is lost.
    After,
    /// The caller crashes before the call takes effect: a panic, for the test to catch. With a fault model, the whole
    /// environment ends.
    DieBefore,
    /// The caller crashes after the call took effect.
    DieAfter,
    /// The call takes effect, its answer is lost, and the adapter or the SDK repeats the call.
    Repeated,
    /// The call fails, and takes effect later.
    Late,
    /// The call is refused without an effect: another write of the same item is under way, as in DynamoDB's
    /// `TransactionConflict`.
    Conflict,
    /// The call is refused without an effect, because of too many requests.
    Throttled,
    /// The stored item cannot be decoded, and no retry helps.
    Garbled,
    /// A part of the deployment is missing, such as an index of the table or the bucket, and no retry helps.
    MissingPart,
}

impl Fault {
    /// The kind of failure that the caller sees.
    #[must_use]
    pub const fn failure(self) -> FailureKind {
        match self {
            Self::Conflict => FailureKind::Conflict,
            Self::Throttled => FailureKind::Throttled,
            Self::Garbled => FailureKind::Permanent,
            Self::MissingPart => FailureKind::Incomplete,
            Self::None
            | Self::Before
            | Self::After
            | Self::DieBefore
            | Self::DieAfter
            | Self::Repeated
            | Self::Late => FailureKind::Unknown,
        }
    }

    /// The name of the fault; `None` without one.
    #[must_use]
    pub const fn kind(self) -> Option<&'static str> {
        match self {
            Self::None => None,
            Self::Before => Some("error before"),
            Self::After => Some("error after"),
            Self::DieBefore => Some("death before"),
            Self::DieAfter => Some("death after"),
            Self::Repeated => Some("repeated by the SDK"),
            Self::Late => Some("effect later"),
            Self::Conflict => Some("transaction conflict"),
            Self::Throttled => Some("throttled"),
            Self::Garbled => Some("garbled item"),
            Self::MissingPart => Some("missing part"),
        }
    }
}
