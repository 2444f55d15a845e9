//! What is explored: who takes part, and how often what may go wrong.

use std::time::Duration;

use domain::lifecycle::Policy;
use domain::record::OnUncertain;
use domain::retry::RetryPolicy;

pub(crate) const GUARD: Duration = Duration::from_secs(900);
pub(crate) const WINDOW: Duration = Duration::from_secs(300);

/// Who takes part beside the two senders.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Actor {
    /// `promote`.
    Promoter,
    /// `feedback`.
    Feedback,
    /// `dead_letter`.
    DeadLetter,
    /// Callers of `manage`, who cancel, reschedule, retry.
    Caller,
    /// A second sender.
    SecondSender,
    /// Time.
    Time,
    /// The jobs of the email's queue.
    Jobs,
    /// Callers of `manage` who want the email erased.
    Eraser,
}

impl Actor {
    /// All of them.
    pub const ALL: [Self; 8] = [
        Self::Promoter,
        Self::Feedback,
        Self::DeadLetter,
        Self::Caller,
        Self::SecondSender,
        Self::Time,
        Self::Jobs,
        Self::Eraser,
    ];
}

/// Where a configuration begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Begin {
    /// Two clients are about to use one key for different requests.
    Asked,
    /// The email was accepted.
    Accepted,
    /// SES has accepted its first claim, the answer was lost, and the event is on its way.
    Uncertain,
    /// The same, and a caller has insisted: it is queued with a new budget, and marked.
    Marked,
    /// The email was accepted, and its queue has just been purged.
    Purged,
    /// SES has refused its only attempt for good.
    Failed,
    /// The email was accepted, and its client, who was not answered, is about to repeat the request.
    Repeated,
}

/// A bounded configuration.
#[derive(Debug, Clone)]
pub struct Config {
    /// Its name.
    pub name: &'static str,
    /// The machine's timings and budget of attempts.
    pub policy: Policy,
    /// What to do without evidence.
    pub on_uncertain: OnUncertain,
    /// Who does not take part.
    pub without: Option<Actor>,
    /// How often callers ask for something.
    pub wishes: u8,
    /// How often the email's queue is paused, resumed, purged, restored.
    pub changes: u8,
    /// How often somebody asks for the email to be erased.
    pub erasures: u8,
    /// How often SES refuses so that the attempt is given back.
    pub given_back: u8,
    /// How many of `promote`, `feedback`, `dead_letter` and `manage` may be between their read
    /// and their write at the same time: one or two.
    pub readers: usize,
    /// Whether writes may take effect after their writer has died.
    pub late_writes: bool,
    /// Where it begins.
    pub begin: Begin,
}

impl Config {
    /// One attempt, and nothing that goes beyond what every configuration has: two senders,
    /// `promote`, `feedback`, `dead_letter`, one of which may stand between its read and its
    /// write; deaths; lost answers; lost, doubled, late and reordered messages and events.
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
            wishes: 0,
            changes: 0,
            erasures: 0,
            given_back: 0,
            readers: 1,
            late_writes: false,
            begin: Begin::Accepted,
        }
    }

    /// The same, with one attempt more.
    fn with_another_attempt(mut self) -> Self {
        self.policy.retry.waits.push(Duration::from_secs(60));
        self
    }

    /// What is explored each time.
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
                wishes: 1,
                ..Self::least("a caller", Resend)
            },
            Self {
                wishes: 1,
                ..Self::least("a caller, held", Hold)
            },
            Self {
                late_writes: true,
                ..Self::least("writes of the dead", Resend)
            },
            Self {
                late_writes: true,
                begin: Begin::Uncertain,
                ..Self::least("uncertain, writes of the dead", Resend).with_another_attempt()
            },
            Self {
                readers: 2,
                begin: Begin::Uncertain,
                ..Self::least("uncertain, two readers", Resend).with_another_attempt()
            },
            Self {
                wishes: 1,
                begin: Begin::Marked,
                ..Self::least("marked, a caller", Resend)
            },
            Self {
                begin: Begin::Asked,
                ..Self::least("accepting", Resend)
            },
            Self {
                changes: 2,
                ..Self::least("a queue", Resend)
            },
            Self {
                changes: 1,
                wishes: 1,
                without: Some(Actor::SecondSender),
                begin: Begin::Purged,
                ..Self::least("purged, a caller", Resend)
            },
            Self {
                changes: 2,
                begin: Begin::Marked,
                ..Self::least("marked, a queue", Resend)
            },
            Self {
                erasures: 2,
                begin: Begin::Repeated,
                ..Self::least("erased, and asked for again", Hold)
            },
            Self {
                erasures: 1,
                wishes: 1,
                readers: 2,
                begin: Begin::Failed,
                without: Some(Actor::SecondSender),
                ..Self::least("erased, a caller", Hold)
            },
        ]
    }

    /// What is explored by hand, the smaller ones first: minutes to hours, and gigabytes.
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
                wishes: 1,
                ..Self::least("a queue, a caller", Resend)
            },
            Self {
                erasures: 1,
                wishes: 1,
                readers: 2,
                without: Some(Actor::SecondSender),
                ..Self::least("erased, a caller, from the beginning", Hold)
            },
            Self {
                wishes: 1,
                late_writes: true,
                ..Self::least("a caller, writes of the dead, held", Hold)
            },
            Self {
                readers: 2,
                ..Self::least("two attempts, two readers", Resend).with_another_attempt()
            },
            Self {
                late_writes: true,
                ..Self::least("two attempts, writes of the dead", Resend).with_another_attempt()
            },
            Self {
                wishes: 2,
                ..Self::least("two callers", Resend)
            },
            Self {
                wishes: 2,
                ..Self::least("two callers, held", Hold)
            },
            Self {
                wishes: 1,
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
                wishes: 1,
                ..Self::least("two attempts, a caller", Resend).with_another_attempt()
            },
        ]
    }

    /// Whether an actor takes part.
    #[must_use]
    pub fn has(&self, actor: Actor) -> bool {
        self.without != Some(actor)
    }
}
