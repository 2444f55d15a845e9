//! One moment of everything that has to do with one email.

use std::fmt;

use crate::machine::Question;
use crate::records::RecordId;

/// Claims of the email, by number: 1 to 7.
#[derive(Clone, Copy, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Claims(u8);

impl Claims {
    pub(crate) fn with(self, claim_no: u8) -> Self {
        assert!((1..8).contains(&claim_no), "a bounded configuration has few claims");
        Self(self.0 | 1 << (claim_no & 7))
    }

    pub(crate) fn without(self, claim_no: u8) -> Self {
        Self(self.0 & !(1 << (claim_no & 7)))
    }

    pub(crate) fn has(self, claim_no: u8) -> bool {
        self.0 >> (claim_no & 7) & 1 == 1
    }

    pub(crate) fn is_empty(self) -> bool {
        self.0 == 0
    }

    pub(crate) fn and(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }

    pub(crate) fn each(self) -> impl Iterator<Item = u8> {
        (0..8).filter(move |claim_no| self.has(*claim_no))
    }
}

impl fmt::Debug for Claims {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.each()).finish()
    }
}

/// The email's queue, as it is or as an actor knows it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Line {
    /// How often it was changed.
    pub no: u8,
    /// It is paused.
    pub paused: bool,
    /// The number of its purges.
    pub generation: u8,
    /// Its last purge stands.
    pub purged: bool,
}

/// A command to a queue.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Change {
    /// It is paused.
    Pause,
    /// It is resumed.
    Resume,
    /// It is purged.
    Purge,
    /// Its purges are undone.
    Restore,
}

impl Change {
    pub(crate) const ALL: [Self; 4] = [Self::Pause, Self::Resume, Self::Purge, Self::Restore];
}

/// A job for the emails of a queue.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Sweep {
    /// Releases the held emails.
    Release,
    /// Drops the held emails that a purge covers.
    Purge,
    /// Restores the purged emails.
    Restore,
}

impl Sweep {
    pub(crate) const ALL: [Self; 3] = [Self::Release, Self::Purge, Self::Restore];
}

/// How SES answered, as far as the sender knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Answer {
    /// OK.
    Accepted,
    /// A refusal that gives the attempt back.
    GivenBack,
    /// A refusal for now.
    ForNow,
    /// A refusal for good.
    ForGood,
    /// None.
    Lost,
}

/// A sender. It may stand still between any two steps for as long as it likes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Sender {
    /// Has nothing.
    Idle,
    /// Was refused a claim, and was shown this record.
    Refused {
        /// The record.
        seen: RecordId,
        /// Its queue, as it knows it.
        line: Line,
    },
    /// Has a claim, and has not asked SES.
    Holding {
        /// The record as it was claimed.
        seen: RecordId,
        /// Its queue, as it knows it. A claimed email that is wanted counts as one of a plain queue.
        line: Line,
    },
    /// Has asked SES, and is about to record.
    Asked {
        /// The record as it knows it.
        seen: RecordId,
        /// Its claim.
        claim_no: u8,
        /// The answer.
        answer: Answer,
    },
}

/// A command of a caller.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Wish {
    /// Not to be sent.
    Cancel,
    /// To be sent in a minute.
    Soon,
    /// To be sent in hours.
    Later,
    /// To be sent at once or not at all.
    AtOnce,
    /// To be sent after all.
    Retry,
    /// To be sent after all, by force.
    Force,
}

impl Wish {
    pub(crate) const ALL: [Self; 6] = [
        Self::Cancel,
        Self::Soon,
        Self::Later,
        Self::AtOnce,
        Self::Retry,
        Self::Force,
    ];
}

/// The knowledge of a run of `promote` about feedback.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Asked {
    /// It is behind, or could not be asked.
    Behind,
    /// It had worked everything off, but the email's window had not passed then.
    EmptyEarly,
    /// It had worked everything off.
    Empty,
    /// Something waits, but an event of a whole window after the email's was worked off.
    Newer,
}

/// How full the priority queue is, as `promote` sees it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Lane {
    /// It was empty a while ago.
    Flowing,
    /// It has not been empty for long.
    Backlog,
    /// The breaker is open.
    Shut,
}

impl Lane {
    pub(crate) const ALL: [Self; 3] = [Self::Flowing, Self::Backlog, Self::Shut];
}

/// A function that reads a record, decides, and writes. It may stand still in between.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Reader {
    /// No reader.
    Nobody,
    /// A run of `promote` that has asked how far feedback is.
    Run {
        /// The answer.
        feedback: Asked,
    },
    /// `promote`, with a record that is overdue.
    Promoter {
        /// The record.
        seen: RecordId,
        /// See [`Reader::Run`].
        feedback: Asked,
        /// The email's queue, as it knows it.
        line: Line,
    },
    /// `promote`, with a record that a job of its queue is about.
    Job {
        /// The record.
        seen: RecordId,
        /// The job.
        sweep: Sweep,
        /// The queue, as it knows it.
        line: Line,
    },
    /// `feedback`, with an event.
    Feedback {
        /// The record.
        seen: RecordId,
        /// The claim whose acceptance the event tells.
        claim_no: u8,
    },
    /// `dead_letter`, with a dead-letter message, or with a send task that SQS has moved there.
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
        wish: Wish,
        /// Wishes that are left after this one.
        left: u8,
        /// The generation of the queue that was read.
        generation: u8,
    },
    /// `manage`, which is about to replace the record by a tombstone.
    Eraser {
        /// The record.
        seen: RecordId,
    },
    /// `manage`, which has found or made a tombstone, and is about to erase the contents.
    Emptier,
}

impl Reader {
    /// The same reader with another record.
    pub(crate) fn with(self, seen: RecordId) -> Self {
        match self {
            Self::Nobody | Self::Run { .. } | Self::Emptier => self,
            Self::Eraser { .. } => Self::Eraser { seen },
            Self::Promoter { feedback, line, .. } => Self::Promoter { seen, feedback, line },
            Self::Job { sweep, line, .. } => Self::Job { seen, sweep, line },
            Self::Feedback { claim_no, .. } => Self::Feedback { seen, claim_no },
            Self::DeadLetter { claim_no, .. } => Self::DeadLetter { seen, claim_no },
            Self::Caller {
                wish, left, generation, ..
            } => Self::Caller {
                seen,
                wish,
                left,
                generation,
            },
        }
    }
}

/// A client who posts the email.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Client {
    /// Asks no more, or has never asked.
    Gone,
    /// Is about to ask, so often at most.
    Asking {
        /// Requests that are left.
        left: u8,
    },
    /// Its request is being stored.
    Storing {
        /// Requests that are left afterwards.
        left: u8,
        /// The content is stored.
        content: bool,
        /// The record is there: whether it is of this request.
        record: Option<bool>,
    },
}

/// A write of a dead writer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Late {
    /// The record that was read.
    pub before: RecordId,
    /// The record that was decided.
    pub after: RecordId,
    /// The decision.
    pub(crate) question: Question,
}

/// A moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct State {
    /// The stored record.
    pub record: Option<RecordId>,
    /// The senders.
    pub senders: [Sender; 2],
    /// The readers that have not written yet.
    pub readers: [Reader; 2],
    /// A write that is under way although its writer has died.
    pub late: Option<Late>,
    /// The two clients.
    pub clients: [Client; 2],
    /// The stored contents of the two clients, each under its hash: two bits.
    pub contents: u8,
    /// A send task was sent. From then on one may be received at any time: it may be doubled,
    /// early, or months old, and SQS may move it to the dead-letter queue.
    pub send_task: bool,
    /// Sent dead-letter messages; each may be received at any time, and more than once.
    pub dead_letters: Claims,
    /// Submissions without an answer that SES may still accept.
    pub pending: Claims,
    /// How many copies SES has accepted; more than two count as two.
    pub copies: u8,
    /// Events of acceptances that have not arrived, and perhaps never will.
    pub on_the_way: Claims,
    /// Events that wait for feedback.
    pub events: Claims,
    /// Those of them that came before the window had passed.
    pub in_time: Claims,
    /// Claims of a held email that SES got and did not refuse.
    pub doubtful: Claims,
    /// An acceptance was told to us, by an answer or an event, and worked off.
    pub known: bool,
    /// A client was answered 2xx.
    pub accepted: bool,
    /// A cancel was answered with 200, and no caller asked for a retry since.
    pub canceled: bool,
    /// A caller has insisted on another copy.
    pub forced: bool,
    /// Claims since the budget was new, without those given back.
    pub spent: u8,
    /// Wishes that are left.
    pub wishes: u8,
    /// The email's queue.
    pub line: Line,
    /// The queue before its last change, as some may still know it.
    pub former: Line,
    /// Changes of the queue that are left.
    pub changes: u8,
    /// Unfinished jobs of the queue: release, purge, restore.
    pub jobs: [bool; 3],
    /// Refusals that are left which give an attempt back.
    pub given_back: u8,
    /// Erasures that are left.
    pub erasures: u8,
    /// Whether it was erased.
    pub grave: Grave,
}

/// How far the erasure of the email is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Grave {
    /// Nothing was erased.
    None,
    /// The record was replaced by a tombstone.
    Buried,
    /// It was answered that nothing is left.
    Closed,
    /// The same; and a request that was repeated has died since, and left a content.
    Littered,
}

impl State {
    /// The same moment, when the queue has just been changed so.
    pub(crate) fn changed(mut self, change: Change) -> Self {
        self.former = self.line;
        self.line.no = self.line.no.saturating_add(1);
        match change {
            Change::Pause => self.line.paused = true,
            Change::Resume => {
                self.line.paused = false;
                self.jobs[0] = true;
            }
            Change::Purge => {
                self.line.generation = self.line.generation.saturating_add(1);
                self.line.purged = true;
                self.jobs[1] = true;
            }
            Change::Restore => {
                self.line.purged = false;
                self.jobs[2] = true;
            }
        }
        self
    }

    /// The same moment with its actors sorted: the order of two senders makes no difference.
    pub(crate) fn sorted(mut self) -> Self {
        self.senders.sort_unstable();
        self.readers.sort_unstable();
        self
    }
}
