//! Mistakes that the checker has to catch: the machine with one of them.

use crate::property::Property;

/// A mistake.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mutant {
    /// A sender submits a queued email without a claim.
    NoClaim,
    /// The SDK repeats `SendEmail` by itself.
    SdkRetry,
    /// `promote` never reads the due index.
    NoIndex,
    /// Every message in the dead-letter queue makes its email failed.
    BlindDeadLetter,
    /// A cancel is written without a condition.
    CancelUnconditioned,
    /// A lost answer is taken for a refusal for now.
    UncertainIsTransient,
    /// An email that is sent again without evidence is not flagged.
    NoMark,
    /// An email that is retried by force is not flagged.
    ForceUnmarked,
    /// A flagged email ends as failed.
    MarkedFails,
    /// A flagged email ends as expired.
    MarkedExpires,
    /// An event does not change a finished record.
    EventCannotRevive,
    /// A sender's OK counts only while its claim is the newest, and holds.
    OldOkDropped,
    /// A send task that comes too early is good for a claim.
    EarlySendTask,
    /// `promote` does not wait until feedback has caught up.
    EvidenceIgnored,
    /// `promote` reads the progress of feedback before the end of the window.
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
    /// An email that SES may have accepted is retried without force.
    UnknownRetriedUnforced,
    /// A flagged email can be canceled.
    MarkedCanceled,
    /// A lost answer is taken for an OK.
    LostAnswerIsSent,
    /// An email that is read or cannot be claimed counts as expired.
    ExpiresEarly,
    /// A refusal for now is taken for one for good.
    GivesUpEarly,
    /// A cancel is answered 200 and not written.
    CancelUnwritten,
    /// A finished email stays in the due index.
    EndedStaysIndexed,
    /// A client is answered before the content is stored.
    AnsweredEarly,
    /// A waiting email is parked without a condition on its queue.
    HeldUnconditioned,
    /// A release lets every email go, held or not.
    ReleasesAnything,
    /// A purge ends a flagged email as canceled.
    PurgedUnmarked,
    /// A restore brings back an email that its caller canceled.
    CanceledRestored,
    /// A purge drops an email that was retried after it.
    PurgesRetried,
    /// An email is dropped without a condition on its queue.
    DroppedUnconditioned,
    /// An unfinished email is erased, too.
    ErasesAnything,
    /// An email is erased without a condition.
    BuriesAnything,
    /// An erasure leaves no tombstone.
    TombstoneForgotten,
    /// A repeated request leaves the content that it brought again.
    ErasedContentKept,
}

impl Mutant {
    /// Every mutant, with a configuration that catches it and the property that it breaks first there.
    pub const CAUGHT: [(Self, &'static str, Property); 41] = [
        (Self::NoClaim, "two attempts, held", Property::AttemptLimit),
        (Self::SdkRetry, "two attempts, held", Property::Flagged),
        (Self::NoIndex, "two attempts, held", Property::Ends),
        (Self::BlindDeadLetter, "two attempts, held", Property::AllowedTransition),
        (Self::CancelUnconditioned, "a caller, held", Property::UnsentIsTrue),
        (Self::UncertainIsTransient, "two attempts", Property::UnsentIsTrue),
        (Self::NoMark, "two attempts", Property::Flagged),
        (Self::ForceUnmarked, "a caller, held", Property::Flagged),
        (Self::MarkedFails, "two attempts", Property::AllowedTransition),
        (Self::MarkedExpires, "two attempts", Property::FlagStays),
        (Self::EventCannotRevive, "two attempts, held", Property::AcceptanceStays),
        (Self::OldOkDropped, "two attempts, held", Property::AcceptanceStays),
        (Self::EarlySendTask, "two attempts, held", Property::ClaimedInTime),
        (Self::EvidenceIgnored, "two attempts, held", Property::EvidenceAwaited),
        (
            Self::EvidenceAskedEarly,
            "two attempts, held",
            Property::EvidenceAwaited,
        ),
        (
            Self::StatusNotInCondition,
            "two attempts, held",
            Property::AcceptanceStays,
        ),
        (Self::ClaimNotInCondition, "two attempts", Property::LeaseRespected),
        (Self::TimeNotInCondition, "a caller, held", Property::NotGivenUpEarly),
        (Self::ClaimNoReset, "two attempts, held", Property::ClaimNumberRises),
        (
            Self::DeadLetterWithoutFailing,
            "two attempts, held",
            Property::AllowedTransition,
        ),
        (Self::AttemptsByReceives, "two attempts", Property::AttemptLimit),
        (Self::BodyNotByHash, "accepting", Property::SameContent),
        (Self::LeaseIgnored, "two attempts, held", Property::LeaseRespected),
        (Self::UnknownRetriedUnforced, "a caller, held", Property::HeldNotResent),
        (Self::MarkedCanceled, "marked, a caller", Property::FlagStays),
        (Self::LostAnswerIsSent, "two attempts, held", Property::SentIsTrue),
        (Self::ExpiresEarly, "two attempts, held", Property::NotGivenUpEarly),
        (Self::GivesUpEarly, "two attempts, held", Property::NotGivenUpEarly),
        (Self::CancelUnwritten, "a caller, held", Property::NothingAfterCancel),
        (Self::EndedStaysIndexed, "two attempts, held", Property::InDueIndex),
        (Self::AnsweredEarly, "accepting", Property::Stored),
        (Self::HeldUnconditioned, "a queue", Property::Ends),
        (Self::ReleasesAnything, "a queue", Property::AttemptLimit),
        (Self::PurgedUnmarked, "marked, a queue", Property::FlagStays),
        (Self::CanceledRestored, "purged, a caller", Property::AllowedTransition),
        (Self::PurgesRetried, "purged, a caller", Property::PurgeOnlyItsOwn),
        (Self::DroppedUnconditioned, "a queue", Property::PurgeOnlyItsOwn),
        (Self::ErasesAnything, "erased, and asked for again", Property::Stored),
        (Self::BuriesAnything, "erased, a caller", Property::Stored),
        (
            Self::TombstoneForgotten,
            "erased, and asked for again",
            Property::ErasedForGood,
        ),
        (
            Self::ErasedContentKept,
            "erased, and asked for again",
            Property::ErasedForGood,
        ),
    ];
}
