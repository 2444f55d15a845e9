//! The machine with one mistake, which the checker has to catch.

use crate::property::Property;

/// A mistake.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mutant {
    /// A sender submits a queued email without claiming it.
    NoClaim,
    /// The SDK repeats `SendEmail` by itself.
    SdkRetry,
    /// No function reads the index.
    NoIndex,
    /// Every message in the dead-letter queue makes its email failed.
    BlindDeadLetter,
    /// A cancel is written without a condition.
    CancelUnconditioned,
    /// A lost answer counts as a temporary refusal.
    UncertainIsTransient,
    /// An email that is sent again without evidence is not flagged.
    NoFlag,
    /// An email that is retried by force is not flagged.
    ForceUnflagged,
    /// A flagged email ends as failed.
    FlaggedFails,
    /// A flagged email ends as expired.
    FlaggedExpires,
    /// An event does not change a finished record.
    EventCannotRevive,
    /// An acceptance counts only while the sender's claim is the newest and valid.
    OldOkDropped,
    /// An early send task permits a claim.
    EarlySendTask,
    /// No function waits for feedback to catch up.
    EvidenceIgnored,
    /// The progress of feedback was read before the window had passed.
    EvidenceReadEarly,
    /// A condition names the claim and not the status.
    StatusNotInCondition,
    /// A condition names the status and not the claim.
    ClaimNotInCondition,
    /// A condition names claim and status, and not the time.
    TimeNotInCondition,
    /// An attempt that is given back also gives back its claim number.
    ClaimNoReset,
    /// A failure is moved to the dead-letter queue without a write.
    DeadLetterWithoutFailing,
    /// SQS's receive count replaces the record's attempts.
    AttemptsByReceives,
    /// Contents are stored under the email's id alone.
    BodyNotByHash,
    /// A claim with a valid lease counts as dead.
    LeaseIgnored,
    /// An email that SES may have accepted is retried without `force`.
    UnknownRetriedUnforced,
    /// A flagged email can be canceled.
    FlaggedCanceled,
    /// A lost answer counts as an acceptance.
    LostAnswerIsSent,
    /// An email that cannot be claimed, or is due, counts as expired.
    ExpiresEarly,
    /// A temporary refusal counts as permanent.
    GivesUpEarly,
    /// A cancel is answered 200 but not written.
    CancelUnwritten,
    /// A finished email stays in the index.
    EndedStaysIndexed,
    /// A client is answered before the content is stored.
    AnsweredEarly,
    /// A waiting email is parked without a condition on its queue.
    HeldUnconditioned,
    /// A release releases every email, parked or not.
    ReleasesAnything,
    /// A purge ends a flagged email as canceled.
    PurgedUnflagged,
    /// An email that a caller canceled is restored.
    CanceledRestored,
    /// A purge drops an email that was retried after it.
    PurgesRetried,
    /// An email is dropped without a condition on its queue.
    DroppedUnconditioned,
    /// An unfinished email is erased, too.
    ErasesAnything,
    /// An email is erased without a condition.
    ErasesUnconditioned,
    /// No record of an erasure is kept.
    TombstoneForgotten,
    /// A repeated request leaves the content that it stored again.
    ErasedContentKept,
    /// An email of a restored table is claimed.
    ClaimsRestored,
    /// An email of a restored table is released without a flag.
    ReleaseUnflagged,
    /// A release leaves the email's time as it is.
    ReleaseKeepsTime,
    /// A write drops the facts that it overwrites.
    PastForgotten,
    /// A retry or a restore begins no turn.
    TurnNotCounted,
    /// `notify` does not look at the record after it stored a payload.
    TellerLooksOnce,
    /// `feedback` does not look at the record after a fact without a write.
    FactWriterLooksOnce,
    /// An erasure deletes facts and payloads before it writes the tombstone.
    EventsErasedFirst,
    /// `notify` finds no record for a fact, and erases nothing.
    OthersNotErased,
    /// `feedback` receives an event again, finds no record, and leaves its fact.
    RetryLeavesFact,
    /// `notify` ends without a look at the record when no webhook asks for the event any more.
    NoLookWithoutWebhook,
    /// A page of a recovery is done again without the emails that were erased meanwhile.
    RecoveryForgotten,
}

impl Mutant {
    /// All mutants, each with a configuration that catches it, and the property that it breaks first there.
    pub const CAUGHT: [(Self, &'static str, Property); 53] = [
        (Self::NoClaim, "two attempts, held", Property::AttemptLimit),
        (Self::SdkRetry, "two attempts, held", Property::Flagged),
        (Self::NoIndex, "two attempts, held", Property::Ends),
        (Self::BlindDeadLetter, "two attempts, held", Property::AllowedTransition),
        (Self::CancelUnconditioned, "a caller, held", Property::UnsentIsTrue),
        (Self::UncertainIsTransient, "two attempts", Property::UnsentIsTrue),
        (Self::NoFlag, "two attempts", Property::Flagged),
        (Self::ForceUnflagged, "a caller, held", Property::Flagged),
        (Self::FlaggedFails, "two attempts", Property::AllowedTransition),
        (Self::FlaggedExpires, "two attempts", Property::FlagStays),
        (Self::EventCannotRevive, "two attempts, held", Property::AcceptanceStays),
        (Self::OldOkDropped, "two attempts, held", Property::AcceptanceStays),
        (Self::EarlySendTask, "two attempts, held", Property::ClaimedInTime),
        (Self::EvidenceIgnored, "two attempts, held", Property::EvidenceAwaited),
        (Self::EvidenceReadEarly, "two attempts, held", Property::EvidenceAwaited),
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
        (Self::FlaggedCanceled, "flagged, a caller", Property::FlagStays),
        (Self::LostAnswerIsSent, "two attempts, held", Property::SentIsTrue),
        (Self::ExpiresEarly, "two attempts, held", Property::NotGivenUpEarly),
        (Self::GivesUpEarly, "two attempts, held", Property::NotGivenUpEarly),
        (Self::CancelUnwritten, "a caller, held", Property::NothingAfterCancel),
        (Self::EndedStaysIndexed, "two attempts, held", Property::InDueIndex),
        (Self::AnsweredEarly, "accepting", Property::Stored),
        (Self::HeldUnconditioned, "a queue", Property::Ends),
        (Self::ReleasesAnything, "a queue", Property::AttemptLimit),
        (Self::PurgedUnflagged, "flagged, a queue", Property::FlagStays),
        (Self::CanceledRestored, "purged, a caller", Property::AllowedTransition),
        (Self::PurgesRetried, "purged, a caller", Property::PurgeOnlyItsOwn),
        (Self::DroppedUnconditioned, "a queue", Property::PurgeOnlyItsOwn),
        (Self::ErasesAnything, "erased, and requested again", Property::Stored),
        (Self::ErasesUnconditioned, "erased, a caller", Property::Stored),
        (
            Self::TombstoneForgotten,
            "erased, and requested again",
            Property::ErasedForGood,
        ),
        (
            Self::ErasedContentKept,
            "erased, and requested again",
            Property::ErasedForGood,
        ),
        (Self::ClaimsRestored, "restored, a caller", Property::HeldAfterRestore),
        (Self::ReleaseUnflagged, "restored, a caller", Property::HeldAfterRestore),
        (Self::ReleaseKeepsTime, "restored, a caller", Property::Ends),
        (Self::PastForgotten, "purged, a caller", Property::FactsStay),
        (Self::TurnNotCounted, "purged, a caller", Property::EndIsTold),
        (Self::TellerLooksOnce, "erased, and told", Property::NothingAfterErasure),
        (
            Self::FactWriterLooksOnce,
            "erased, and told",
            Property::NothingAfterErasure,
        ),
        (
            Self::EventsErasedFirst,
            "erased, and told",
            Property::NothingAfterErasure,
        ),
        (Self::OthersNotErased, "erased, and told", Property::NothingAfterErasure),
        (Self::RetryLeavesFact, "erased, and told", Property::NothingAfterErasure),
        (
            Self::NoLookWithoutWebhook,
            "erased, and told",
            Property::NothingAfterErasure,
        ),
        (
            Self::RecoveryForgotten,
            "erased, and recovered",
            Property::NothingAfterErasure,
        ),
    ];
}
