//! The machine with one mistake in it: what the checker has to catch.

use crate::promise::Promise;

/// A mistake.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mutant {
    /// A sender submits what is queued without claiming it.
    NoClaim,
    /// The SDK repeats `SendEmail` by itself.
    SdkRetry,
    /// Nobody looks at the index.
    NoIndex,
    /// Whatever arrives in the dead-letter queue makes the email failed.
    BlindDeadLetter,
    /// A cancel is written whatever the record is meanwhile.
    CancelUnconditioned,
    /// A lost answer is taken for a refusal for now.
    UncertainIsTransient,
    /// What is sent again without evidence is not marked.
    NoMark,
    /// What was retried by force is not marked.
    ForceUnmarked,
    /// What is marked ends as failed.
    MarkedFails,
    /// What is marked ends as expired.
    MarkedExpires,
    /// An event changes nothing about a record that has ended.
    EventCannotRevive,
    /// A sender's OK counts only while its claim is the newest, and holds.
    OldOkDropped,
    /// A send task that comes too early is good for a claim.
    EarlySendTask,
    /// Nobody waits for feedback to have caught up.
    EvidenceIgnored,
    /// How far feedback is was asked before the window had passed.
    EvidenceAskedEarly,
    /// A condition names the claim and not the status.
    StatusNotInCondition,
    /// A condition names the status and not the claim.
    ClaimNotInCondition,
    /// A condition names claim and status, and not the time.
    TimeNotInCondition,
    /// An attempt that is given back gives its claim's number back, too.
    ClaimNoReset,
    /// A failure is moved to the dead-letter queue without having been written.
    DeadLetterWithoutFailing,
    /// SQS's receive count takes the place of the record's attempts.
    AttemptsByReceives,
    /// Contents are stored under the email's name alone.
    BodyNotByHash,
    /// A claim whose lease has not run out counts as dead.
    LeaseIgnored,
    /// What SES may have accepted is retried without being told to insist.
    UnknownRetriedUnforced,
    /// What is marked can be canceled.
    MarkedCanceled,
    /// A lost answer is taken for an OK.
    LostAnswerIsSent,
    /// What cannot be claimed, or is looked at, has expired.
    ExpiresEarly,
    /// A refusal for now is taken for one for good.
    GivesUpEarly,
    /// A cancel is answered 200 and not written.
    CancelUnwritten,
    /// What has ended stays in the index.
    EndedStaysIndexed,
    /// A client is answered before the content is stored.
    AnsweredEarly,
    /// An email that waits is parked whatever its queue is meanwhile.
    HeldUnconditioned,
    /// A release lets go whatever it finds, held or not.
    ReleasesAnything,
    /// A purge ends what is marked as canceled.
    PurgedUnmarked,
    /// What was canceled by hand is restored.
    CanceledRestored,
    /// A purge drops what was retried after it.
    PurgesRetried,
    /// An email is dropped whatever its queue is meanwhile.
    DroppedUnconditioned,
    /// What has not ended is erased, too.
    ErasesAnything,
    /// An email is erased whatever it is meanwhile.
    BuriesAnything,
    /// Nobody remembers that an email was erased.
    TombstoneForgotten,
    /// A request that is repeated leaves the content that it has brought again.
    ErasedContentKept,
}

impl Mutant {
    /// All of them, each with a configuration in which it is caught, and the promise that it
    /// breaks there first.
    pub const CAUGHT: [(Self, &'static str, Promise); 41] = [
        (Self::NoClaim, "two attempts, held", Promise::Budget),
        (Self::SdkRetry, "two attempts, held", Promise::Marked),
        (Self::NoIndex, "two attempts, held", Promise::Ends),
        (Self::BlindDeadLetter, "two attempts, held", Promise::Order),
        (Self::CancelUnconditioned, "a caller, held", Promise::Unsent),
        (Self::UncertainIsTransient, "two attempts", Promise::Unsent),
        (Self::NoMark, "two attempts", Promise::Marked),
        (Self::ForceUnmarked, "a caller, held", Promise::Marked),
        (Self::MarkedFails, "two attempts", Promise::Order),
        (Self::MarkedExpires, "two attempts", Promise::MarkStays),
        (Self::EventCannotRevive, "two attempts, held", Promise::Known),
        (Self::OldOkDropped, "two attempts, held", Promise::Known),
        (Self::EarlySendTask, "two attempts, held", Promise::Timeliness),
        (Self::EvidenceIgnored, "two attempts, held", Promise::Evidence),
        (Self::EvidenceAskedEarly, "two attempts, held", Promise::Evidence),
        (Self::StatusNotInCondition, "two attempts, held", Promise::Known),
        (Self::ClaimNotInCondition, "two attempts", Promise::Lease),
        (Self::TimeNotInCondition, "a caller, held", Promise::Patience),
        (Self::ClaimNoReset, "two attempts, held", Promise::Fenced),
        (Self::DeadLetterWithoutFailing, "two attempts, held", Promise::Order),
        (Self::AttemptsByReceives, "two attempts", Promise::Budget),
        (Self::BodyNotByHash, "accepting", Promise::Content),
        (Self::LeaseIgnored, "two attempts, held", Promise::Lease),
        (Self::UnknownRetriedUnforced, "a caller, held", Promise::Held),
        (Self::MarkedCanceled, "marked, a caller", Promise::MarkStays),
        (Self::LostAnswerIsSent, "two attempts, held", Promise::Sent),
        (Self::ExpiresEarly, "two attempts, held", Promise::Patience),
        (Self::GivesUpEarly, "two attempts, held", Promise::Patience),
        (Self::CancelUnwritten, "a caller, held", Promise::Canceled),
        (Self::EndedStaysIndexed, "two attempts, held", Promise::Indexed),
        (Self::AnsweredEarly, "accepting", Promise::Kept),
        (Self::HeldUnconditioned, "a queue", Promise::Ends),
        (Self::ReleasesAnything, "a queue", Promise::Budget),
        (Self::PurgedUnmarked, "marked, a queue", Promise::MarkStays),
        (Self::CanceledRestored, "purged, a caller", Promise::Order),
        (Self::PurgesRetried, "purged, a caller", Promise::Wanted),
        (Self::DroppedUnconditioned, "a queue", Promise::Wanted),
        (Self::ErasesAnything, "erased, and asked for again", Promise::Kept),
        (Self::BuriesAnything, "erased, a caller", Promise::Kept),
        (Self::TombstoneForgotten, "erased, and asked for again", Promise::Erased),
        (Self::ErasedContentKept, "erased, and asked for again", Promise::Erased),
    ];
}
