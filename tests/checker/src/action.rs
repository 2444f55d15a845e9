//! The possible actions, and their names.

use std::fmt;

use crate::state::{CallerCommand, QueueChange, QueueLoad, Sweep};

/// A function that reads, decides and writes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Process {
    /// `send`.
    Sender,
    /// `promote`, which sees the priority queue in this state.
    Promoter(QueueLoad),
    /// `promote`, with a job of the email's queue.
    Job(Sweep),
    /// `feedback`.
    Feedback,
    /// `dead_letter`.
    DeadLetter,
    /// `manage`, with a caller's command.
    Caller(CallerCommand),
    /// `manage`, with a request to erase the email.
    Eraser,
}

/// A step in reading, deciding and writing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Operation {
    /// Reads the record, and decides to write.
    Reads,
    /// Writes.
    Writes,
    /// Dies, and its write takes effect later.
    LeavesWrite,
    /// Finds that the record has changed, and decides again.
    FindsMoved,
    /// Decides to write nothing.
    Ends,
    /// Dies before its write.
    Dies,
}

/// SES's reaction to a submission.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Ses {
    /// Accepts it.
    Accepts,
    /// Accepts it, and the answer is lost.
    AcceptsUnheard,
    /// Refuses it; the attempt is given back.
    GivesBack,
    /// Refuses it for now.
    RefusesForNow,
    /// Refuses it for good.
    RefusesForGood,
    /// Does not answer in time: the submission is lost, or SES may still accept it.
    Hangs,
}

/// A function that stores facts or events for webhooks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum HookFunction {
    /// `notify`, with changes of the stream.
    Notify,
    /// `notify`, with a page of a recovery job.
    Recovery,
    /// `feedback`, with an event that is a fact.
    Feedback,
}

/// A step of such a function.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum HookStep {
    /// Begins.
    Begins,
    /// Stores its item.
    Stores,
    /// Writes the record.
    Writes,
    /// Writes no record: there is nothing new, or the record is gone.
    WritesNothing,
    /// Reads the record, and finds it.
    FindsRecord,
    /// Reads the record, and finds none.
    FindsNoRecord,
    /// Deletes its item.
    Withdraws,
    /// Deletes the facts.
    ErasesFacts,
    /// Deletes the payloads.
    ErasesPayloads,
    /// Dies.
    Dies,
}

/// An action.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Action {
    /// A client requests the email.
    Asks(usize),
    /// The content of the email is stored.
    StoresContent(usize),
    /// The record of the email is stored, or another record is found.
    StoresRecord(usize),
    /// The client is answered.
    IsAnswered(usize),
    /// The client's request breaks off.
    BreaksOff(usize),
    /// A sender receives a send task and claims.
    Claims,
    /// The same, while another sender is active.
    ClaimsBeside,
    /// A sender receives a send task, is refused the claim, and decides to write.
    IsRefused,
    /// A sender receives a send task, and knows the queue as it was before its last change.
    MeetsStale,
    /// A caller changes the email's queue.
    Changes(QueueChange),
    /// A job of the queue has nothing left to do.
    JobEnds(Sweep),
    /// A sender dies with its claim.
    DiesHolding,
    /// A sender dies before it records its knowledge.
    DiesBeforeRecording,
    /// A sender does not find the content.
    MissesContent,
    /// A sender submits.
    Submits(Ses),
    /// SES accepts a pending submission.
    AcceptsLate,
    /// An event arrives.
    EventArrives,
    /// A run of `promote` asks for the progress of feedback, and learns that no event waits.
    AsksFeedback,
    /// A run of `promote` ends.
    RunEnds,
    /// A function takes a step.
    Does(Process, Operation),
    /// The tenant deletes its webhook.
    DeletesWebhook,
    /// A function of webhooks takes a step.
    Tells(HookFunction, HookStep),
    /// The facts of an erased email are deleted.
    ErasesFacts,
    /// The payloads of events of an erased email are deleted.
    ErasesPayloads,
    /// The contents of an erased email are deleted, and the erasure is answered.
    Empties,
    /// A function looks for the record of an erased email, and ends.
    FindsNothing,
    /// A dead function's write takes effect, or is refused.
    LateWrite,
    /// Time passes until the next due time.
    TimePasses,
    /// Six hours pass.
    HoursPass,
    /// Days pass.
    DaysPass,
}

impl Action {
    /// Tells whether only time passes.
    #[must_use]
    pub fn is_time(self) -> bool {
        matches!(self, Self::TimePasses | Self::HoursPass | Self::DaysPass)
    }

    /// Returns the name under which the action is counted.
    #[must_use]
    pub fn name(self) -> String {
        match self {
            Self::Asks(_) => "a client requests the email".to_owned(),
            Self::StoresContent(_) => "a content is stored".to_owned(),
            Self::StoresRecord(_) => "a record is stored".to_owned(),
            Self::IsAnswered(_) => "a client is answered".to_owned(),
            Self::BreaksOff(_) => "a request breaks off".to_owned(),
            Self::Claims => "send claims".to_owned(),
            Self::ClaimsBeside => "a second send claims".to_owned(),
            Self::IsRefused => "send is refused a claim".to_owned(),
            Self::MeetsStale => "send receives a send task, and knows an old state of its queue".to_owned(),
            Self::Changes(QueueChange::Pause) => "the queue is paused".to_owned(),
            Self::Changes(QueueChange::Resume) => "the queue is resumed".to_owned(),
            Self::Changes(QueueChange::Purge) => "the queue is purged".to_owned(),
            Self::Changes(QueueChange::Restore) => "the queue is restored".to_owned(),
            Self::JobEnds(sweep) => format!("{} is done", Process::Job(sweep).name()),
            Self::DiesHolding => "send crashes with its claim".to_owned(),
            Self::DiesBeforeRecording => "send crashes before it records the answer".to_owned(),
            Self::MissesContent => "send does not find the content".to_owned(),
            Self::Submits(ses) => format!("send submits; SES {}", ses.name()),
            Self::AcceptsLate => "SES accepts a submission after its sender stopped waiting".to_owned(),
            Self::EventArrives => "an event arrives".to_owned(),
            Self::AsksFeedback => "promote learns that feedback has processed all events".to_owned(),
            Self::RunEnds => "a run of promote ends".to_owned(),
            Self::Does(who, operation) => format!("{} {}", who.name(), operation.name()),
            Self::DeletesWebhook => "the tenant deletes its webhook".to_owned(),
            Self::Tells(function, step) => format!("{} {}", function.name(), step.name()),
            Self::ErasesFacts => "manage (erase) erases the facts".to_owned(),
            Self::ErasesPayloads => "manage (erase) erases the payloads".to_owned(),
            Self::Empties => "manage (erase) erases the contents, and answers".to_owned(),
            Self::FindsNothing => "a function finds no record of an erased email".to_owned(),
            Self::LateWrite => "a crashed function's write takes effect or is refused".to_owned(),
            Self::TimePasses => "time passes".to_owned(),
            Self::HoursPass => "six hours pass".to_owned(),
            Self::DaysPass => "days pass".to_owned(),
        }
    }
}

impl Process {
    /// Returns the name.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Sender => "send",
            Self::Promoter(QueueLoad::Flowing) => "promote",
            Self::Promoter(QueueLoad::Backlog) => "promote (backlog)",
            Self::Promoter(QueueLoad::Shut) => "promote (shut)",
            Self::Job(Sweep::Release) => "the release",
            Self::Job(Sweep::Purge) => "the purge",
            Self::Job(Sweep::Restore) => "the restore",
            Self::Feedback => "feedback",
            Self::DeadLetter => "dead_letter",
            Self::Eraser => "manage (erase)",
            Self::Caller(CallerCommand::Cancel) => "manage (cancel)",
            Self::Caller(CallerCommand::Soon) => "manage (in a minute)",
            Self::Caller(CallerCommand::Later) => "manage (in an hour)",
            Self::Caller(CallerCommand::AtOnce) => "manage (at once or not at all)",
            Self::Caller(CallerCommand::Retry) => "manage (retry)",
            Self::Caller(CallerCommand::Force) => "manage (retry by force)",
            Self::Caller(CallerCommand::Release) => "manage (release after a restore)",
            Self::Caller(CallerCommand::CancelRestored) => "manage (cancel after a restore)",
        }
    }
}

impl Operation {
    fn name(self) -> &'static str {
        match self {
            Self::Reads => "reads the record, and has something to write",
            Self::Writes => "writes",
            Self::LeavesWrite => "crashes while its write is under way",
            Self::FindsMoved => "finds that the record has changed",
            Self::Ends => "has nothing to write",
            Self::Dies => "crashes",
        }
    }
}

impl HookFunction {
    fn name(self) -> &'static str {
        match self {
            Self::Notify => "notify",
            Self::Recovery => "notify (recovery)",
            Self::Feedback => "feedback (fact)",
        }
    }
}

impl HookStep {
    fn name(self) -> &'static str {
        match self {
            Self::Begins => "begins",
            Self::Stores => "stores its item",
            Self::Writes => "writes the record",
            Self::WritesNothing => "writes no record",
            Self::FindsRecord => "finds the record",
            Self::FindsNoRecord => "finds no record",
            Self::Withdraws => "deletes its item",
            Self::ErasesFacts => "erases the facts",
            Self::ErasesPayloads => "erases the payloads",
            Self::Dies => "crashes",
        }
    }
}

impl Ses {
    fn name(self) -> &'static str {
        match self {
            Self::Accepts => "accepts",
            Self::AcceptsUnheard => "accepts, and the answer is lost",
            Self::GivesBack => "is throttling",
            Self::RefusesForNow => "refuses for now",
            Self::RefusesForGood => "refuses for good",
            Self::Hangs => "does not answer in time",
        }
    }
}

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name())
    }
}
