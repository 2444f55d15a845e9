//! What is promised of every email, at every moment.

use domain::delivery::cause::Cause;
use domain::delivery::lifecycle::{EARLY, LONGEST_UNCERTAINTY};
use domain::delivery::record::{EmailRecord, OnUncertain, RecordStatus};

use crate::clock::{FAR, NOW};
use crate::machine::{Machine, Question};
use crate::mutant::Mutant;
use crate::state::{Answer, Asked, Client, Grave, Sender, State, Wish};

/// A promise.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Promise {
    /// What was answered 2xx has a record and its content.
    Kept,
    /// What has not ended is in the index, and what has ended is not.
    Indexed,
    /// From here on it ends, if nothing more goes wrong.
    Ends,
    /// Nothing is given up before its attempts or its time are spent, unless SES refuses it for
    /// good; and what waits is sent, if nothing more goes wrong.
    Patience,
    /// More than one copy at SES is marked.
    Marked,
    /// What is held is not submitted again when SES may have accepted it, until a caller insists.
    Held,
    /// What rests as failed, canceled or expired was not accepted by SES.
    Unsent,
    /// What is called sent was accepted by SES.
    Sent,
    /// What SES was known to have accepted is sent, for good.
    Known,
    /// Nothing is submitted after a cancel was answered 200.
    Canceled,
    /// Claims stay within the budget of attempts.
    Budget,
    /// A claim's number is given once.
    Fenced,
    /// A mark is never cleared, and what bears it never ends as unsent.
    MarkStays,
    /// Only what was failing becomes failed, and what has ended goes on only when a caller asks.
    Order,
    /// Nothing is claimed before its time, or after it has expired.
    Timeliness,
    /// What is submitted is what was accepted from the client.
    Content,
    /// Nothing is sent again while an event waits that came in time and tells of its acceptance,
    /// unless feedback is known by a newer event alone.
    Evidence,
    /// A claim is its holder's until its lease has run out.
    Lease,
    /// Only what a purge is about is dropped for it, and only while it stands.
    Wanted,
    /// After an erasure was answered 200 there is neither record nor content, but for what a request leaves that is
    /// repeated and dies.
    Erased,
}

impl Promise {
    /// All of them.
    pub const ALL: [Self; 20] = [
        Self::Kept,
        Self::Indexed,
        Self::Ends,
        Self::Patience,
        Self::Marked,
        Self::Held,
        Self::Unsent,
        Self::Sent,
        Self::Known,
        Self::Canceled,
        Self::Budget,
        Self::Fenced,
        Self::MarkStays,
        Self::Order,
        Self::Timeliness,
        Self::Content,
        Self::Evidence,
        Self::Lease,
        Self::Wanted,
        Self::Erased,
    ];
}

/// What a write of the record breaks.
pub(crate) fn broken_by_write(
    machine: &Machine,
    state: &State,
    (before, after): (&EmailRecord, &EmailRecord),
    question: Question,
) -> Option<Promise> {
    if after.claim_no < before.claim_no {
        return Some(Promise::Fenced);
    }
    if (before.maybe_duplicate && !after.maybe_duplicate) || (before.duplicate && !after.duplicate) {
        return Some(Promise::MarkStays);
    }
    if let Question::Overdue { feedback, .. } = question
        && let Some(broken) = broken_by_promote(state, before, after, feedback)
    {
        return Some(broken);
    }
    if after.cause == Some(Cause::Purged) && before.cause != after.cause {
        let waits = matches!(before.status, RecordStatus::Queued | RecordStatus::Sending);
        let ends = matches!(after.status, RecordStatus::Canceled | RecordStatus::Unknown);
        let dropped = waits && ends && state.line.drops(before);
        return (!dropped).then_some(Promise::Wanted);
    }
    let retried = matches!(
        question,
        Question::Caller {
            wish: Wish::Retry | Wish::Force,
            ..
        }
    );
    match (before.status, after.status) {
        (from, to) if from == to => None,
        (RecordStatus::Sent, _) => Some(Promise::Known),
        (_, RecordStatus::Sent) | (RecordStatus::Failing, RecordStatus::Failed) => None,
        (_, RecordStatus::Failed) => Some(Promise::Order),
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
            Some(Promise::Order)
        }
        (
            RecordStatus::Queued | RecordStatus::Sending | RecordStatus::Failing | RecordStatus::Uncertain,
            RecordStatus::Failing | RecordStatus::Unknown | RecordStatus::Expired,
        ) => {
            let reason = reason_to_give_up(machine, state, before, after.status, question);
            (!reason).then_some(Promise::Patience)
        }
        (RecordStatus::Queued | RecordStatus::Sending | RecordStatus::Failing | RecordStatus::Uncertain, _) => None,
    }
}

/// Whether an email may be given up so: its time is over, or SES has refused it for good, or every
/// attempt was made; or what is held is in doubt.
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
        Question::Record { answer, .. } => answer == Answer::ForGood || (answer == Answer::ForNow && spent),
        Question::NotClaimable { .. }
        | Question::DropStage { .. }
        | Question::Job { .. }
        | Question::Overdue { .. }
        | Question::Heard { .. }
        | Question::DeadLetter { .. }
        | Question::Caller { .. } => false,
    };
    // It would expire before its next attempt.
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

/// What a claim of this record breaks, which makes it that one.
pub(crate) fn broken_by_claim(stored: &EmailRecord, claimed: &EmailRecord) -> Option<Promise> {
    if claimed.claim_no <= stored.claim_no {
        return Some(Promise::Fenced);
    }
    let in_time = stored.not_before <= NOW.after(EARLY) && stored.expires_at > NOW;
    (!in_time).then_some(Promise::Timeliness)
}

/// What it breaks to submit with this claim now.
pub(crate) fn broken_by_submission(state: &State, claimed: &EmailRecord) -> Option<Promise> {
    let claim_no = u8::try_from(claimed.claim_no).unwrap_or(0);
    if state.canceled {
        return Some(Promise::Canceled);
    }
    let again = !state.doubtful.without(claim_no).is_empty();
    (claimed.on_uncertain == OnUncertain::Hold && again && !state.forced).then_some(Promise::Held)
}

/// What it breaks that `promote` writes this, which knows so much of feedback.
fn broken_by_promote(state: &State, before: &EmailRecord, after: &EmailRecord, feedback: Asked) -> Option<Promise> {
    let held = before.lease.as_ref().is_some_and(|lease| lease.until > NOW);
    if before.status == RecordStatus::Sending && held {
        return Some(Promise::Lease);
    }
    // Under traffic that never ends a newer event has to do: that one was worked off does not
    // prove that this one was.
    if feedback == Asked::Newer {
        return None;
    }
    let settled = before.status == RecordStatus::Uncertain
        && matches!(after.status, RecordStatus::Queued | RecordStatus::Unknown);
    let waited = before.uncertain_since.map(|since| NOW.since(since));
    let proof = !state.events.and(state.in_time).is_empty();
    (settled && proof && waited < Some(LONGEST_UNCERTAINTY)).then_some(Promise::Evidence)
}

/// What a moment breaks.
pub(crate) fn broken_by_state(machine: &Machine, state: &State) -> Option<Promise> {
    if let Some(broken) = broken_by_grave(state) {
        return Some(broken);
    }
    let Some(record) = state.record.map(|id| machine.record(id)) else {
        return (state.promised && state.grave == Grave::None).then_some(Promise::Kept);
    };
    let by_name = machine.is(Mutant::BodyNotByHash);
    let content = if by_name {
        state.contents
    } else {
        state.contents & content_of(record)
    };
    if state.promised && content == 0 {
        return Some(Promise::Kept);
    }
    if !record.is_in_its_place() {
        return Some(Promise::Indexed);
    }
    if state.copies > 1 && !record.maybe_duplicate && !record.duplicate {
        return Some(Promise::Marked);
    }
    if record.status == RecordStatus::Sent && state.copies == 0 {
        return Some(Promise::Sent);
    }
    if state.known && record.status != RecordStatus::Sent {
        return Some(Promise::Known);
    }
    let unsent = matches!(
        record.status,
        RecordStatus::Failed | RecordStatus::Canceled | RecordStatus::Expired
    );
    if record.maybe_duplicate && (unsent || record.status == RecordStatus::Failing) {
        return Some(Promise::MarkStays);
    }
    if unsent && state.copies > 0 && !will_be_known(machine, state) {
        return Some(Promise::Unsent);
    }
    (usize::from(state.spent) > machine.config.policy.retry.waits.len() + 1).then_some(Promise::Budget)
}

/// What it breaks that there is something of an erased email.
fn broken_by_grave(state: &State) -> Option<Promise> {
    let storing = state
        .clients
        .iter()
        .any(|client| matches!(client, Client::Storing { content: true, .. }));
    let left = match state.grave {
        Grave::None | Grave::Buried => false,
        Grave::Littered => state.record.is_some(),
        Grave::Closed => state.record.is_some() || (state.contents != 0 && !storing),
    };
    left.then_some(Promise::Erased)
}

/// Whether somebody still has to tell of an acceptance. An event that has not arrived may never.
fn will_be_known(machine: &Machine, state: &State) -> bool {
    let told = |sender: &Sender| {
        matches!(
            sender,
            Sender::Asked {
                answer: Answer::Accepted,
                ..
            }
        )
    };
    let late = state
        .late
        .is_some_and(|late| machine.record(late.after).status == RecordStatus::Sent);
    late || !state.events.is_empty() || state.senders.iter().any(told)
}

/// Which of the two clients' contents a record names.
pub(crate) fn content_of(record: &EmailRecord) -> u8 {
    if record.body.sha256 == "first" { 1 } else { 2 }
}
