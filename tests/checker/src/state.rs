//! The state of everything that concerns one email.

use strum::VariantArray;

use crate::machine::Question;
use crate::records::RecordId;

mod claims;
mod telling;

pub use claims::Claims;
pub use telling::{Changes, Erasing, FactWriter, Page, Stage, Telling};

/// The email's queue, in its current or in an older state.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct QueueState {
    /// Version: the number of its changes.
    pub version: u8,
    /// Whether it is paused.
    pub paused: bool,
    /// The number of its purges.
    pub generation: u8,
    /// Whether its last purge is in force.
    pub purged: bool,
}

/// A change of a queue.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, VariantArray)]
pub enum QueueChange {
    /// The queue is paused.
    Pause,
    /// The queue is resumed.
    Resume,
    /// The queue is purged.
    Purge,
    /// The purges of the queue are undone.
    Restore,
}

/// A job's effect on the emails of a queue.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, VariantArray)]
pub enum Sweep {
    /// Releases parked emails.
    Release,
    /// Drops parked emails that the purge covers.
    Purge,
    /// Restores purged emails.
    Restore,
}

/// SES's answer, as far as the sender knows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum SesAnswer {
    /// An acceptance.
    Accepted,
    /// A refusal that does not count as an attempt.
    GivenBack,
    /// A temporary refusal.
    ForNow,
    /// A permanent refusal.
    ForGood,
    /// No answer.
    Lost,
}

/// A sender. It may stop between any two steps for any time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Sender {
    /// Idle.
    Idle,
    /// Refused a claim, with the current record.
    Refused {
        /// The record.
        seen: RecordId,
        /// The queue as the sender knows it.
        queue: QueueState,
    },
    /// Has a claim, and has not called SES.
    Holding {
        /// The claimed record.
        seen: RecordId,
        /// The queue as the sender knows it. If the email is not dropped, it is a plain queue.
        queue: QueueState,
    },
    /// Has called SES, and will record the answer.
    Submitted {
        /// The record as the sender knows it.
        seen: RecordId,
        /// The sender's claim.
        claim_no: u8,
        /// The answer.
        answer: SesAnswer,
    },
}

/// A caller's command.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, VariantArray)]
pub enum CallerCommand {
    /// Cancels.
    Cancel,
    /// Reschedules to a minute from now.
    Soon,
    /// Reschedules to hours from now.
    Later,
    /// Reschedules to now, with an early expiry.
    AtOnce,
    /// Retries.
    Retry,
    /// Retries by force.
    Force,
    /// Releases the emails of a restored table.
    Release,
    /// Cancels the emails of a restored table.
    CancelRestored,
}

/// The knowledge of a `promote` run about feedback.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum FeedbackProgress {
    /// Feedback is late, or could not be read.
    Behind,
    /// Feedback had processed all events, but the email's window had not passed then.
    EmptyEarly,
    /// Feedback had processed all events.
    Empty,
    /// Events wait, but an event from a whole window after the email's was processed.
    Newer,
}

/// The state of the priority queue, as `promote` sees it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, VariantArray)]
pub enum QueueLoad {
    /// The priority queue was empty recently.
    Flowing,
    /// The priority queue was last empty a long time ago.
    Backlog,
    /// The breaker is open.
    Shut,
}

/// A function that reads a record, decides, and writes. It may stop in between.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Reader {
    /// None.
    Nobody,
    /// A run of `promote` that has read the progress of feedback.
    Run {
        /// The answer.
        feedback: FeedbackProgress,
    },
    /// `promote`, with an overdue record.
    Promoter {
        /// The record.
        seen: RecordId,
        /// See [`Reader::Run`].
        feedback: FeedbackProgress,
        /// The email's queue as `promote` knows it.
        queue: QueueState,
    },
    /// `promote`, with a record for a job of its queue.
    Job {
        /// The record.
        seen: RecordId,
        /// The job.
        sweep: Sweep,
        /// The queue as the job knows it.
        queue: QueueState,
    },
    /// `feedback`, with an event.
    Feedback {
        /// The record.
        seen: RecordId,
        /// The claim whose acceptance the event reports.
        claim_no: u8,
    },
    /// `dead_letter`, with a dead-letter message, or with a send task that SQS moved there.
    DeadLetter {
        /// The record.
        seen: RecordId,
        /// The dead-letter message's claim; 0 for a send task.
        claim_no: u8,
    },
    /// `manage`.
    Caller {
        /// The record.
        seen: RecordId,
        /// The command.
        command: CallerCommand,
        /// The remaining commands.
        left: u8,
        /// The generation of the queue that was read.
        generation: u8,
    },
    /// `manage`, before it replaces the record by a tombstone.
    Eraser {
        /// The record.
        seen: RecordId,
    },
    /// `manage`, before it deletes facts or payloads of webhooks; only in a configuration with them.
    EventEraser(Erasing),
    /// `manage`, with a tombstone, before it deletes the contents.
    Emptier,
}

impl Reader {
    /// Returns the same reader with another record.
    pub(crate) fn with(self, seen: RecordId) -> Self {
        match self {
            Self::Nobody | Self::Run { .. } | Self::EventEraser(_) | Self::Emptier => self,
            Self::Eraser { .. } => Self::Eraser { seen },
            Self::Promoter { feedback, queue, .. } => Self::Promoter { seen, feedback, queue },
            Self::Job { sweep, queue, .. } => Self::Job { seen, sweep, queue },
            Self::Feedback { claim_no, .. } => Self::Feedback { seen, claim_no },
            Self::DeadLetter { claim_no, .. } => Self::DeadLetter { seen, claim_no },
            Self::Caller {
                command,
                left,
                generation,
                ..
            } => Self::Caller {
                seen,
                command,
                left,
                generation,
            },
        }
    }
}

/// A client that posts the email.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Client {
    /// Makes no more requests.
    Gone,
    /// Will make a request.
    Asking {
        /// The remaining requests.
        left: u8,
    },
    /// The client's request is being stored.
    Storing {
        /// The remaining requests.
        left: u8,
        /// Whether the content is stored.
        content: bool,
        /// Whether the record exists and belongs to this request.
        record: Option<bool>,
    },
}

/// A write of a dead function.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Late {
    /// The record that it read.
    pub before: RecordId,
    /// The record that it decided to write.
    pub after: RecordId,
    /// The question that it decided.
    pub(crate) question: Question,
}

/// A state.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct State {
    /// The stored record.
    pub record: Option<RecordId>,
    /// The senders.
    pub senders: [Sender; 2],
    /// The functions that have read and not yet written.
    pub readers: [Reader; 2],
    /// A write in transit whose writer has died.
    pub late: Option<Late>,
    /// The two clients.
    pub clients: [Client; 2],
    /// The stored contents, under their hashes, as two bits.
    pub contents: u8,
    /// Whether a send task was sent. From then on one may be received at any time, duplicated, early, or months old.
    /// SQS may also move it to the dead-letter queue.
    pub send_task: bool,
    /// Dead-letter messages that were sent; each may be received at any time, and more than once.
    pub dead_letters: Claims,
    /// Unanswered submissions that SES may still accept.
    pub pending: Claims,
    /// The number of copies that SES accepted; more than two count as two.
    pub copies: u8,
    /// Events of acceptances that have not arrived, and may never arrive.
    pub on_the_way: Claims,
    /// Events that wait for feedback.
    pub events: Claims,
    /// Waiting events that arrived before the window had passed.
    pub in_time: Claims,
    /// Claims that SES received and did not refuse; only for a held email.
    pub doubtful: Claims,
    /// Whether an answer or an event reported an acceptance, and was processed.
    pub known: bool,
    /// Whether a client was answered 2xx.
    pub accepted: bool,
    /// Whether a cancel was answered, and no retry was requested since.
    pub canceled: bool,
    /// Whether a caller forced another copy.
    pub forced: bool,
    /// Claims since the budget was renewed, without those given back.
    pub spent: u8,
    /// The remaining commands.
    pub commands: u8,
    /// The email's queue.
    pub queue: QueueState,
    /// The queue before its last change, as some functions may still know it.
    pub former: QueueState,
    /// The remaining changes of the queue.
    pub changes: u8,
    /// Unfinished jobs of the queue: release, purge, restore.
    pub jobs: [bool; 3],
    /// The remaining refusals that do not count as an attempt.
    pub given_back: u8,
    /// The remaining requests to erase the email.
    pub erasures: u8,
    /// The progress of the erasure.
    pub erasure: ErasureState,
    /// The facts and events for webhooks.
    pub telling: Telling,
}

/// The progress of an erasure.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum ErasureState {
    /// No erasure.
    None,
    /// The record was replaced by a tombstone.
    Replaced,
    /// The erasure was answered.
    Answered,
    /// The erasure was answered; since then a repeated request has died and left a content.
    ContentLeft,
}

impl State {
    /// Returns the state after a change of the queue.
    pub(crate) fn changed(mut self, change: QueueChange) -> Self {
        self.former = self.queue;
        self.queue.version = self.queue.version.saturating_add(1);
        match change {
            QueueChange::Pause => self.queue.paused = true,
            QueueChange::Resume => {
                self.queue.paused = false;
                self.jobs[0] = true;
            }
            QueueChange::Purge => {
                self.queue.generation = self.queue.generation.saturating_add(1);
                self.queue.purged = true;
                self.jobs[1] = true;
            }
            QueueChange::Restore => {
                self.queue.purged = false;
                self.jobs[2] = true;
            }
        }
        self
    }

    /// Returns the state with sorted senders and readers: their order makes no difference.
    pub(crate) fn sorted(mut self) -> Self {
        self.senders.sort_unstable();
        self.readers.sort_unstable();
        self
    }
}
