//! The facts and events for webhooks, and the functions that store them.
//!
//! There is one fact, and one event with its payload. The model has no deliveries: `deliver` ends one without a payload.

use crate::config::Config;

/// The items that `erase_events` deletes next: first the facts, then the payloads.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Erasing {
    /// The facts.
    Facts,
    /// The payloads.
    Payloads,
}

/// Changes of the table's stream that concern the email.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Changes {
    /// A write of the record.
    pub record: bool,
    /// A new fact.
    pub fact: bool,
}

impl Changes {
    pub(crate) fn and(self, other: Self) -> Self {
        Self {
            record: self.record || other.record,
            fact: self.fact || other.fact,
        }
    }

    pub(crate) fn without(self, other: Self) -> Self {
        Self {
            record: self.record && !other.record,
            fact: self.fact && !other.fact,
        }
    }

    pub(crate) fn is_empty(self) -> bool {
        self == Self::default()
    }
}

/// The next step of `notify`. It may stop before any of them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Stage {
    /// None: it is not at work.
    #[default]
    Idle,
    /// Reads the record.
    Reading {
        /// Whether it knows a webhook.
        webhook: bool,
    },
    /// Stores the payload.
    Storing,
    /// Looks at the record again.
    Looking,
    /// Deletes the payload that it stored.
    Withdrawing,
    /// Deletes facts or payloads of an erased email.
    Erasing {
        /// The items.
        next: Erasing,
        /// Whether it stores the payload afterwards, for a change of the record in the same batch.
        stores: bool,
    },
}

/// The next step of `feedback` with an event that is a fact. It may stop before any of them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum FactWriter {
    /// None: it is not at work.
    #[default]
    Idle,
    /// Stores the fact.
    Storing,
    /// Writes the record.
    Writing,
    /// Looks at the record again.
    Looking,
    /// Deletes the fact.
    Withdrawing,
}

/// The page of a recovery job that has the email.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Page {
    /// There is none, or it is done.
    #[default]
    Done,
    /// It is due.
    Due,
    /// A run has begun with it. It is due until a run ends.
    Begun,
}

/// The facts and events for webhooks.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Telling {
    /// Whether the tenant has a webhook.
    pub webhook: bool,
    /// Whether the fact is stored.
    pub fact: bool,
    /// Whether the payload is stored.
    pub payload: bool,
    /// Changes in the stream. It delivers each at any time, and any number of times.
    pub changes: Changes,
    /// Changes of runs that died. The stream delivers them again, before any other.
    pub retried: Changes,
    /// Changes that `notify` tells.
    pub batch: Changes,
    /// `notify`, with these changes. The stream has one batch of an email at a time.
    pub teller: Stage,
    /// `notify`, with a page of a recovery job.
    pub recovery: Stage,
    /// The page.
    pub page: Page,
    /// `feedback`, with an event. SQS delivers the event at any time, and any number of times.
    pub writer: FactWriter,
    /// Whether SQS has to deliver the event again, because `feedback` died.
    pub event_retried: bool,
}

impl Telling {
    /// Returns the first state. The stream has the write that ended the email.
    pub(crate) fn first(config: &Config) -> Self {
        Self {
            webhook: config.is_told,
            changes: Changes {
                record: config.is_told,
                fact: false,
            },
            page: if config.is_recovered { Page::Due } else { Page::Done },
            ..Self::default()
        }
    }

    /// Tells whether a fact or a payload is stored, and no function that stores them is at work or is retried.
    pub(crate) fn is_left(self) -> bool {
        let idle = self.teller == Stage::Idle && self.recovery == Stage::Idle && self.writer == FactWriter::Idle;
        let retried = !self.retried.is_empty() || self.page == Page::Begun || self.event_retried;
        idle && !retried && (self.fact || self.payload)
    }
}
