//! The properties that the checker looks at: in every state, at every step, on every path to the end.
//!
//! Each is a part of an [`Invariant`].

use domain::delivery::cause::Cause;
use domain::delivery::record::{EmailRecord, OnUncertain, RecordStatus};
use domain::lifecycle::{EARLY, LONGEST_UNCERTAINTY};
use domain::webhook::telling::{life_identities, told};
use invariants::{Invariant, Violation, first_line};
use strum::{EnumMessage, IntoStaticStr, VariantArray};

use crate::clock::{FAR, NOW};
use crate::machine::{Machine, Question};
use crate::mutant::Mutant;
use crate::state::{CallerCommand, Client, ErasureState, FeedbackProgress, Sender, SesAnswer, State};

/// A property of one email: a part of an invariant that a state, a step or a path can break.
///
/// The first line of each doc comment is the detail of a violation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, EnumMessage, IntoStaticStr, VariantArray)]
pub enum Property {
    /// A request that was answered with 2xx has a record and its content.
    Stored,
    /// An unfinished email is in the due index, and a finished one is not.
    InDueIndex,
    /// The email ends if nothing more goes wrong.
    Ends,
    /// An email is given up only when its attempts or its time are over, or when SES refuses it for good.
    NotGivenUpEarly,
    /// An email with more than one copy at SES is flagged.
    Flagged,
    /// A held email that SES may have accepted is not submitted again before a caller forces it.
    HeldNotResent,
    /// SES accepted no email that ended as failed, canceled or expired.
    UnsentIsTrue,
    /// SES accepted every email whose status is sent.
    SentIsTrue,
    /// An email whose acceptance is known is sent, for good.
    AcceptanceStays,
    /// No email is submitted after its cancel was answered with 200.
    NothingAfterCancel,
    /// The claims stay within the budget of attempts.
    AttemptLimit,
    /// A claim number is used once.
    ClaimNumberRises,
    /// The flag is never cleared, and a flagged email never ends as unsent.
    FlagStays,
    /// Only a failing email becomes failed, and a finished email goes on only when a caller asks.
    AllowedTransition,
    /// No email is claimed before its time or after its expiry.
    ClaimedInTime,
    /// The submitted content is the content of the accepted request.
    SameContent,
    /// No email is sent again while an event that came in time and proves its acceptance waits.
    ///
    /// An exception: under traffic that never ends, a newer event is the evidence.
    EvidenceAwaited,
    /// A claim belongs to its holder until its lease runs out.
    LeaseRespected,
    /// A purge cancels only the emails that it covers, and only while it stands.
    PurgeOnlyItsOwn,
    /// After an erasure was answered with 200 there is neither record nor content.
    ///
    /// An exception: a repeated request that dies leaves the content that it brought again.
    ErasedForGood,
    /// No email of a restored table is claimed before a person releases it, and then it is flagged.
    HeldAfterRestore,
    /// No write takes back an event of the life of an email.
    FactsStay,
    /// Each end of an email, and each acceptance, is a new fact.
    EndIsTold,
    /// After an erasure was answered with 200, no fact and no payload is left, unless a function is at work or is retried.
    NothingAfterErasure,
}

impl Property {
    /// Every property.
    pub const ALL: &'static [Self] = Self::VARIANTS;

    /// The invariant that the property is a part of.
    #[must_use]
    pub fn invariant(self) -> Invariant {
        match self {
            Self::Stored | Self::InDueIndex => Invariant::Durability,
            Self::Ends => Invariant::Completion,
            Self::Flagged | Self::FlagStays => Invariant::Duplicates,
            Self::HeldNotResent => Invariant::Hold,
            Self::EvidenceAwaited => Invariant::Evidence,
            Self::UnsentIsTrue | Self::SentIsTrue | Self::AcceptanceStays => Invariant::Truth,
            Self::NothingAfterCancel => Invariant::Cancellation,
            Self::AttemptLimit | Self::ClaimNumberRises | Self::ClaimedInTime | Self::LeaseRespected => {
                Invariant::Claims
            }
            Self::NotGivenUpEarly | Self::AllowedTransition => Invariant::Transitions,
            Self::SameContent => Invariant::Content,
            Self::PurgeOnlyItsOwn => Invariant::QueueCommands,
            Self::ErasedForGood => Invariant::Erasure,
            Self::HeldAfterRestore => Invariant::Restoration,
            Self::FactsStay | Self::EndIsTold => Invariant::Telling,
            Self::NothingAfterErasure => Invariant::EventErasure,
        }
    }

    /// The name, as docs/INVARIANTS.md lists it.
    #[must_use]
    pub fn name(self) -> &'static str {
        self.into()
    }

    /// The violation of this property.
    #[must_use]
    pub fn violation(self) -> Violation {
        Violation::new(self.invariant(), format!("{}: {}", self.name(), first_line(&self)))
    }
}

/// The property that a write of the record breaks for webhooks. [`Machine::broken_by_telling`] knows it for each pair.
pub(crate) fn broken_by_telling(before: &EmailRecord, after: &EmailRecord) -> Option<Property> {
    let after_it = life_identities(after);
    if !life_identities(before).iter().all(|event| after_it.contains(event)) {
        return Some(Property::FactsStay);
    }
    let ends = after.status.is_final() && before.status != after.status;
    (ends && told(Some(before), Some(after)).is_empty()).then_some(Property::EndIsTold)
}

/// The property that a write of the record breaks, apart from webhooks.
pub(crate) fn broken_by_write(
    machine: &Machine,
    state: &State,
    (before, after): (&EmailRecord, &EmailRecord),
    question: Question,
) -> Option<Property> {
    if after.claim_no < before.claim_no {
        return Some(Property::ClaimNumberRises);
    }
    if (before.maybe_duplicate && !after.maybe_duplicate) || (before.duplicate && !after.duplicate) {
        return Some(Property::FlagStays);
    }
    if let Question::Overdue { feedback, .. } = question
        && let Some(broken) = broken_by_promote(state, before, after, feedback)
    {
        return Some(broken);
    }
    if after.cause == Some(Cause::Purged) && before.cause != after.cause {
        let waits = matches!(before.status, RecordStatus::Queued | RecordStatus::Sending);
        let ends = matches!(after.status, RecordStatus::Canceled | RecordStatus::Unknown);
        let dropped = waits && ends && state.queue.drops(before);
        return (!dropped).then_some(Property::PurgeOnlyItsOwn);
    }
    let retried = matches!(
        question,
        Question::Caller {
            command: CallerCommand::Retry | CallerCommand::Force,
            ..
        }
    );
    let restored_canceled = matches!(
        question,
        Question::Caller {
            command: CallerCommand::CancelRestored,
            ..
        }
    );
    match (before.status, after.status) {
        (from, to) if from == to => None,
        (RecordStatus::Queued, RecordStatus::Unknown) if restored_canceled => None,
        (RecordStatus::Sent, _) => Some(Property::AcceptanceStays),
        (_, RecordStatus::Sent) | (RecordStatus::Failing, RecordStatus::Failed) => None,
        (_, RecordStatus::Failed) => Some(Property::AllowedTransition),
        (
            RecordStatus::Failed | RecordStatus::Unknown | RecordStatus::Canceled | RecordStatus::Expired,
            RecordStatus::Queued,
        ) if retried => None,
        (RecordStatus::Unknown | RecordStatus::Canceled, RecordStatus::Queued)
            if question.restores() && before.cause == Some(Cause::Purged) =>
        {
            None
        }
        (RecordStatus::Failed | RecordStatus::Unknown | RecordStatus::Canceled | RecordStatus::Expired, _) => {
            Some(Property::AllowedTransition)
        }
        (
            RecordStatus::Queued | RecordStatus::Sending | RecordStatus::Failing | RecordStatus::Uncertain,
            RecordStatus::Failing | RecordStatus::Unknown | RecordStatus::Expired,
        ) => {
            let reason = reason_to_give_up(machine, state, before, after.status, question);
            (!reason).then_some(Property::NotGivenUpEarly)
        }
        (RecordStatus::Queued | RecordStatus::Sending | RecordStatus::Failing | RecordStatus::Uncertain, _) => None,
    }
}

/// Whether there is a reason to give the email up.
///
/// The reasons: its time is over, SES refused it for good, its attempts are spent, or it is held in doubt.
fn reason_to_give_up(
    machine: &Machine,
    state: &State,
    before: &EmailRecord,
    to: RecordStatus,
    question: Question,
) -> bool {
    let budget = machine.config.policy.retry.waits.len() + 1;
    let spent = usize::from(state.spent) >= budget;
    let refused = match question {
        Question::Record { answer, .. } => answer == SesAnswer::ForGood || (answer == SesAnswer::ForNow && spent),
        Question::NotClaimable { .. }
        | Question::DropStage { .. }
        | Question::Job { .. }
        | Question::Overdue { .. }
        | Question::Heard { .. }
        | Question::DeadLetter { .. }
        | Question::Caller { .. } => false,
    };
    // The email would expire before its next attempt.
    let expires_soon = before.expires_at != NOW.after(FAR);
    match (before.status, to) {
        (RecordStatus::Queued, _) => before.expires_at <= NOW,
        (_, RecordStatus::Expired) => expires_soon,
        (_, RecordStatus::Failing) => refused,
        (RecordStatus::Uncertain, RecordStatus::Unknown) => {
            let held = before.on_uncertain == OnUncertain::Hold;
            held || spent || expires_soon || (before.maybe_duplicate && refused)
        }
        (_, RecordStatus::Unknown) => before.maybe_duplicate && (refused || expires_soon),
        _ => true,
    }
}

/// The property that a claim breaks: the record before it, and after it.
pub(crate) fn broken_by_claim(machine: &Machine, stored: &EmailRecord, claimed: &EmailRecord) -> Option<Property> {
    let epoch = machine.config.policy.restore_epoch;
    let is_older = epoch.is_some_and(|epoch| stored.born <= epoch);
    if is_older && (stored.is_restored(epoch) || !stored.maybe_duplicate) {
        return Some(Property::HeldAfterRestore);
    }
    if claimed.claim_no <= stored.claim_no {
        return Some(Property::ClaimNumberRises);
    }
    let in_time = stored.not_before <= NOW.after(EARLY) && stored.expires_at > NOW;
    (!in_time).then_some(Property::ClaimedInTime)
}

/// The property that a submission with this claim breaks.
pub(crate) fn broken_by_submission(state: &State, claimed: &EmailRecord) -> Option<Property> {
    let claim_no = u8::try_from(claimed.claim_no).unwrap_or(0);
    if state.canceled {
        return Some(Property::NothingAfterCancel);
    }
    let again = !state.doubtful.without(claim_no).is_empty();
    (claimed.on_uncertain == OnUncertain::Hold && again && !state.forced).then_some(Property::HeldNotResent)
}

/// The property that a write of `promote` breaks; `feedback` is its knowledge of the feedback queue.
fn broken_by_promote(
    state: &State,
    before: &EmailRecord,
    after: &EmailRecord,
    feedback: FeedbackProgress,
) -> Option<Property> {
    let held = before.lease.as_ref().is_some_and(|lease| lease.until > NOW);
    if before.status == RecordStatus::Sending && held {
        return Some(Property::LeaseRespected);
    }
    // Under traffic that never ends a newer event has to suffice: a processed event does not prove that another one
    // was processed.
    if feedback == FeedbackProgress::Newer {
        return None;
    }
    let settled = before.status == RecordStatus::Uncertain
        && matches!(after.status, RecordStatus::Queued | RecordStatus::Unknown);
    let waited = before.uncertain_since.map(|since| NOW.since(since));
    let proof = !state.events.and(state.in_time).is_empty();
    (settled && proof && waited < Some(LONGEST_UNCERTAINTY)).then_some(Property::EvidenceAwaited)
}

/// The property that a state breaks.
pub(crate) fn broken_by_state(machine: &Machine, state: &State) -> Option<Property> {
    if let Some(broken) = broken_by_grave(state) {
        return Some(broken);
    }
    let Some(record) = state.record.map(|id| machine.record(id)) else {
        return (state.accepted && state.erasure == ErasureState::None).then_some(Property::Stored);
    };
    let by_name = machine.is(Mutant::BodyNotByHash);
    let content = if by_name {
        state.contents
    } else {
        state.contents & content_of(record)
    };
    if state.accepted && content == 0 {
        return Some(Property::Stored);
    }
    if !record.is_in_its_place() {
        return Some(Property::InDueIndex);
    }
    if state.copies > 1 && !record.maybe_duplicate && !record.duplicate {
        return Some(Property::Flagged);
    }
    if record.status == RecordStatus::Sent && state.copies == 0 {
        return Some(Property::SentIsTrue);
    }
    if state.known && record.status != RecordStatus::Sent {
        return Some(Property::AcceptanceStays);
    }
    let unsent = matches!(
        record.status,
        RecordStatus::Failed | RecordStatus::Canceled | RecordStatus::Expired
    );
    if record.maybe_duplicate && (unsent || record.status == RecordStatus::Failing) {
        return Some(Property::FlagStays);
    }
    if unsent && state.copies > 0 && !will_be_known(machine, state) {
        return Some(Property::UnsentIsTrue);
    }
    (usize::from(state.spent) > machine.config.policy.retry.waits.len() + 1).then_some(Property::AttemptLimit)
}

/// The property that the remains of an erased email break.
fn broken_by_grave(state: &State) -> Option<Property> {
    let storing = state
        .clients
        .iter()
        .any(|client| matches!(client, Client::Storing { content: true, .. }));
    let (answered, left) = match state.erasure {
        ErasureState::None | ErasureState::Replaced => (false, false),
        ErasureState::ContentLeft => (true, state.record.is_some()),
        ErasureState::Answered => (true, state.record.is_some() || (state.contents != 0 && !storing)),
    };
    if left {
        return Some(Property::ErasedForGood);
    }
    (answered && state.telling.is_left()).then_some(Property::NothingAfterErasure)
}

/// Whether an acceptance will still become known. An event that has not arrived may never arrive.
fn will_be_known(machine: &Machine, state: &State) -> bool {
    let reported = |sender: &Sender| {
        matches!(
            sender,
            Sender::Submitted {
                answer: SesAnswer::Accepted,
                ..
            }
        )
    };
    let late = state
        .late
        .is_some_and(|late| machine.record(late.after).status == RecordStatus::Sent);
    late || !state.events.is_empty() || state.senders.iter().any(reported)
}

/// The content that a record names: one of those of the two clients.
pub(crate) fn content_of(record: &EmailRecord) -> u8 {
    if record.body.sha256 == "first" { 1 } else { 2 }
}
