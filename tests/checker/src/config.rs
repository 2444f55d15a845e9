//! The explored configurations: the functions that take part, and the number of times that each fault may happen.

use std::time::Duration;

use domain::delivery::policy::Policy;
use domain::delivery::record::OnUncertain;
use domain::delivery::retry::RetryPolicy;
use strum::VariantArray;

use crate::clock::{MOMENT, NOW};

pub(crate) const GUARD: Duration = Duration::from_secs(900);
pub(crate) const WINDOW: Duration = Duration::from_secs(300);

/// A participant beside the two senders.
#[derive(Debug, Clone, Copy, PartialEq, Eq, VariantArray)]
pub enum Actor {
    /// `promote`.
    Promoter,
    /// `feedback`.
    Feedback,
    /// `dead_letter`.
    DeadLetter,
    /// Callers of `manage` that cancel, reschedule or retry.
    Caller,
    /// A second sender.
    SecondSender,
    /// Time.
    Time,
    /// The jobs of the email's queue.
    Jobs,
    /// Callers of `manage` that erase the email.
    Eraser,
    /// `notify`, which stores events for webhooks.
    Teller,
    /// `feedback`, which stores facts for webhooks.
    FactWriter,
}

impl Actor {
    /// All participants.
    pub const ALL: &'static [Self] = Self::VARIANTS;
}

/// The first state of a configuration.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Begin {
    /// Two clients will use one key for different requests.
    Requested,
    /// The email was accepted.
    Accepted,
    /// SES accepted its first claim, the answer was lost, and the event is in transit.
    Uncertain,
    /// The same, and a caller forced a retry: it is queued with a new budget, and flagged.
    Flagged,
    /// The email was accepted, and its queue has just been purged.
    Purged,
    /// SES refused its only attempt permanently.
    Failed,
    /// The email was accepted, and its unanswered client will repeat the request.
    Repeated,
    /// The table was restored as of a time before SES accepted the email. The record lacks the claim, so that its event
    /// proves nothing.
    Restored,
}

/// A bounded configuration.
#[derive(Debug, Clone)]
pub struct Config {
    /// The name.
    pub name: &'static str,
    /// The timings and the budget of attempts.
    pub policy: Policy,
    /// The reaction to missing evidence.
    pub on_uncertain: OnUncertain,
    /// A participant that is left out.
    pub without: Option<Actor>,
    /// The number of callers' commands.
    pub commands: u8,
    /// The number of pauses, resumes, purges and restores of the email's queue.
    pub changes: u8,
    /// The number of requests to erase the email.
    pub erasures: u8,
    /// Whether a webhook is told about the email. The tenant may delete it at any time.
    pub is_told: bool,
    /// Whether a recovery job computes the events of the email again.
    pub is_recovered: bool,
    /// The number of refusals by SES that do not count as an attempt.
    pub given_back: u8,
    /// The number of `promote`, `feedback`, `dead_letter` and `manage` that may be between their read and their write
    /// at the same time: one or two.
    pub readers: usize,
    /// Whether writes may take effect after their writer has died.
    pub late_writes: bool,
    /// The first state.
    pub begin: Begin,
}

impl Config {
    /// Returns the smallest configuration, with one attempt and the common parts: two senders, `promote`, `feedback`,
    /// and `dead_letter`. One of the latter may be between its read and its write. Functions die, answers are lost,
    /// and messages and events are lost, duplicated, late and reordered.
    fn least(name: &'static str, on_uncertain: OnUncertain) -> Self {
        Self {
            name,
            policy: Policy {
                guard: GUARD,
                evidence_window: WINDOW,
                retry: RetryPolicy {
                    waits: Vec::new(),
                    ..RetryPolicy::standard()
                },
                ..Policy::standard()
            },
            on_uncertain,
            without: None,
            commands: 0,
            changes: 0,
            erasures: 0,
            is_told: false,
            is_recovered: false,
            given_back: 0,
            readers: 1,
            late_writes: false,
            begin: Begin::Accepted,
        }
    }

    /// Adds an attempt.
    fn with_another_attempt(mut self) -> Self {
        self.policy.retry.waits.push(Duration::from_secs(60));
        self
    }

    /// Restores the table after the acceptance of the first email.
    fn with_epoch(mut self) -> Self {
        self.policy.restore_epoch = Some(NOW.before(MOMENT));
        self
    }

    /// Returns the configurations that are explored each time.
    #[must_use]
    pub fn usual() -> Vec<Self> {
        use OnUncertain::{Hold, Resend};
        vec![
            Self {
                given_back: 1,
                ..Self::least("two attempts", Resend).with_another_attempt()
            },
            Self {
                given_back: 1,
                ..Self::least("two attempts, held", Hold).with_another_attempt()
            },
            Self {
                commands: 1,
                ..Self::least("a caller", Resend)
            },
            Self {
                commands: 1,
                ..Self::least("a caller, held", Hold)
            },
            Self {
                late_writes: true,
                ..Self::least("late writes", Resend)
            },
            Self {
                late_writes: true,
                begin: Begin::Uncertain,
                ..Self::least("uncertain, late writes", Resend).with_another_attempt()
            },
            Self {
                readers: 2,
                begin: Begin::Uncertain,
                ..Self::least("uncertain, two readers", Resend).with_another_attempt()
            },
            Self {
                commands: 1,
                begin: Begin::Flagged,
                ..Self::least("flagged, a caller", Resend)
            },
            Self {
                begin: Begin::Requested,
                ..Self::least("accepting", Resend)
            },
            Self {
                changes: 2,
                ..Self::least("a queue", Resend)
            },
            Self {
                changes: 1,
                commands: 1,
                without: Some(Actor::SecondSender),
                begin: Begin::Purged,
                ..Self::least("purged, a caller", Resend)
            },
            Self {
                changes: 2,
                begin: Begin::Flagged,
                ..Self::least("flagged, a queue", Resend)
            },
            Self {
                erasures: 2,
                begin: Begin::Repeated,
                ..Self::least("erased, and requested again", Hold)
            },
            Self {
                erasures: 1,
                commands: 1,
                readers: 2,
                begin: Begin::Failed,
                without: Some(Actor::SecondSender),
                ..Self::least("erased, a caller", Hold)
            },
            Self {
                erasures: 2,
                readers: 2,
                is_told: true,
                begin: Begin::Failed,
                without: Some(Actor::SecondSender),
                ..Self::least("erased, and told", Hold)
            },
            Self {
                erasures: 2,
                is_told: true,
                is_recovered: true,
                begin: Begin::Failed,
                without: Some(Actor::SecondSender),
                ..Self::least("erased, and recovered", Hold)
            },
            Self {
                changes: 1,
                commands: 1,
                begin: Begin::Restored,
                without: Some(Actor::SecondSender),
                ..Self::least("restored, a caller", Resend).with_epoch()
            },
        ]
    }

    /// Returns the configurations that are explored by hand, the smaller ones first: minutes to hours, and gigabytes.
    #[must_use]
    pub fn long() -> Vec<Self> {
        use OnUncertain::{Hold, Resend};
        vec![
            Self {
                changes: 3,
                ..Self::least("a queue, three changes", Resend)
            },
            Self {
                changes: 2,
                commands: 1,
                ..Self::least("a queue, a caller", Resend)
            },
            Self {
                erasures: 1,
                commands: 1,
                readers: 2,
                without: Some(Actor::SecondSender),
                ..Self::least("erased, a caller, from the beginning", Hold)
            },
            Self {
                commands: 1,
                late_writes: true,
                ..Self::least("a caller, late writes, held", Hold)
            },
            Self {
                readers: 2,
                ..Self::least("two attempts, two readers", Resend).with_another_attempt()
            },
            Self {
                late_writes: true,
                ..Self::least("two attempts, late writes", Resend).with_another_attempt()
            },
            Self {
                commands: 2,
                ..Self::least("two callers", Resend)
            },
            Self {
                commands: 2,
                ..Self::least("two callers, held", Hold)
            },
            Self {
                commands: 1,
                readers: 2,
                ..Self::least("a caller, two readers", Resend)
            },
            Self {
                given_back: 1,
                ..Self::least("three attempts", Resend)
                    .with_another_attempt()
                    .with_another_attempt()
            },
            Self {
                commands: 1,
                ..Self::least("two attempts, a caller", Resend).with_another_attempt()
            },
        ]
    }

    /// Tells whether a participant takes part.
    #[must_use]
    pub fn has(&self, actor: Actor) -> bool {
        self.without != Some(actor)
    }
}
