//! The state machine: what may happen to an email, and under which condition it is written.
//!
//! **Role:** every function loads a record, asks here, and carries out the [`Decision`].
//! **Invariant:** pure. A [`Transition`] is written only if its [`Condition`] still holds, and
//! a condition that names a claim names the status *beside* it.
//! **After a crash** anywhere: the record is still in the index, and [`overdue`] goes on from it.
//! **Start reading at** [`record_attempt`].

pub mod asked;
pub mod queued;
pub mod unhidden;

use std::time::Duration;

use crate::cause::Cause;
use crate::fate::Fate;
use crate::index;
use crate::limits;
use crate::past::{self, Diagnostic, Fact, Outcome};
use crate::rate_limit::Turn;
use crate::record::{Acceptance, Due, DueKind, EmailRecord, Lease, OnUncertain, Status};
use crate::retry::{Jitter, Next, RetryPolicy};
use crate::timestamp::Timestamp;
use crate::wire::ses_event::{Said, SesEvent};

/// A send task that comes this early is not sent back: clocks differ, and SQS has whole seconds.
pub const EARLY: Duration = Duration::from_secs(1);

/// An email in `failing` is handed to the dead-letter queue again after this.
pub const DEAD_LETTER_RETRY: Duration = Duration::from_secs(60);

/// Evidence is awaited no longer than this, however late feedback is.
pub const LONGEST_UNCERTAINTY: Duration = Duration::from_secs(6 * 3600);

/// The timings of a deployment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Policy {
    /// How long an enqueued email may stay queued before it is looked at again.
    pub guard: Duration,
    /// How long a claim is good for; longer than the sender's timeout.
    pub lease: Duration,
    /// How long evidence is awaited after an ambiguous answer.
    pub evidence_window: Duration,
    /// When it is tried again.
    pub retry: RetryPolicy,
    /// The turn of an email that is queued: [`Turn::Waits`] where its queue has a rate limit.
    pub turn: Turn,
}

impl Policy {
    /// The timings of production, as `template.yaml` has them by default.
    #[must_use]
    pub fn standard() -> Self {
        Self {
            guard: Duration::from_secs(900),
            lease: Duration::from_secs(180),
            evidence_window: Duration::from_secs(300),
            retry: RetryPolicy::standard(),
            turn: Turn::Free,
        }
    }
}

/// What must still be so in the stored record at the moment of writing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Condition {
    /// Queued, due, and not expired: read at the moment of writing, so that a claim needs no
    /// read before it.
    Claimable {
        /// The claimer's clock.
        now: Timestamp,
    },
    /// The record is where the decision found it.
    Unmoved {
        /// The claim that the decision saw.
        claim_no: u32,
        /// The status that the decision saw.
        status: Status,
        /// The time that the decision saw: what was rescheduled meanwhile is decided on anew.
        not_before: Timestamp,
    },
    /// The record is where the decision found it, and so is its queue.
    UnmovedIn {
        /// The claim that the decision saw.
        claim_no: u32,
        /// The status that the decision saw.
        status: Status,
        /// The time that the decision saw.
        not_before: Timestamp,
        /// The state of the queue that the decision saw ([`crate::queue::Queue::no`]).
        queue_no: u64,
    },
    /// No other event has changed what became of the recipients: the life goes its own way.
    FatesUnmoved {
        /// The count that the decision saw.
        fate_no: u32,
    },
}

impl Condition {
    /// Whether the condition holds for a stored record; what it says of the queue is
    /// [`Self::queue_no`]. Adapters translate it; worlds in memory call it.
    #[must_use]
    pub fn holds(self, record: &EmailRecord) -> bool {
        match self {
            Self::Claimable { now } => {
                record.status == Status::Queued && record.not_before <= now.after(EARLY) && record.expires_at > now
            }
            Self::Unmoved {
                claim_no,
                status,
                not_before,
            }
            | Self::UnmovedIn {
                claim_no,
                status,
                not_before,
                ..
            } => record.claim_no == claim_no && record.status == status && record.not_before == not_before,
            Self::FatesUnmoved { fate_no } => record.fate_no == fate_no,
        }
    }

    /// The state that the record's queue must be in, where it matters.
    #[must_use]
    pub const fn queue_no(self) -> Option<u64> {
        match self {
            Self::UnmovedIn { queue_no, .. } => Some(queue_no),
            Self::Claimable { .. } | Self::Unmoved { .. } | Self::FatesUnmoved { .. } => None,
        }
    }

    /// That a record is where it was found.
    #[must_use]
    pub fn unmoved(record: &EmailRecord) -> Self {
        Self::Unmoved {
            claim_no: record.claim_no,
            status: record.status,
            not_before: record.not_before,
        }
    }
}

/// What is to be done once a transition is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SideEffect {
    /// Nothing.
    Nothing,
    /// Send the send task, delayed so.
    EnqueueTask {
        /// How long from now.
        delay: Duration,
    },
    /// Hand the email to the dead-letter queue.
    DeadLetter,
}

/// A write of the record, and what follows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Transition {
    /// What must still be so.
    pub condition: Condition,
    /// The record afterwards. Adapters write the fields that differ.
    pub record: EmailRecord,
    /// What follows.
    pub side_effect: SideEffect,
}

/// What a function does about a record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Decision {
    /// Write this; when the condition no longer holds, read the record and decide again.
    Write(Box<Transition>),
    /// Write nothing, but do this.
    Only(SideEffect),
    /// Somebody else has moved the record on: what was known is no longer of use.
    Forget,
}

/// How an attempt at SES ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Attempt {
    /// SES said OK.
    Accepted {
        /// SES's `MessageId`.
        message_id: String,
    },
    /// SES definitely did not accept it.
    NotAccepted {
        /// Why.
        cause: Cause,
        /// The provider's words.
        detail: String,
    },
    /// SES may have accepted it: the answer was lost.
    Ambiguous,
}

/// The record after a claim that succeeded, as [`Condition::Claimable`] allows it.
#[must_use]
pub fn claimed(mut record: EmailRecord, policy: &Policy, nonce: u64, now: Timestamp) -> EmailRecord {
    let until = now.after(policy.lease);
    record.status = Status::Sending;
    record.claim_no = record.claim_no.saturating_add(1);
    record.attempts = record.attempts.saturating_add(1);
    record.lease = Some(Lease { until, nonce });
    record.due = Some(Due {
        kind: DueKind::Check,
        at: until,
    });
    record
}

/// What `send` writes after its attempt with claim `claim_no`.
#[must_use]
pub fn record_attempt(
    record: &EmailRecord,
    claim_no: u32,
    attempt: Attempt,
    policy: &Policy,
    jitter: Jitter,
    now: Timestamp,
) -> Decision {
    match attempt {
        Attempt::Accepted { message_id } => accepted(
            record,
            Acceptance {
                claim_no,
                message_id,
                at: now,
            },
        ),
        Attempt::NotAccepted { cause, detail } => not_accepted(record, claim_no, cause, detail, policy, jitter, now),
        Attempt::Ambiguous => {
            if holds_claim(record, claim_no) && record.status == Status::Sending {
                let mut next = record.clone();
                remember(&mut next, Cause::AnswerLost, "", now);
                doubt(record, next, policy, now)
            } else {
                Decision::Forget
            }
        }
    }
}

/// Takes an acceptance by SES, from its answer or from an event: whoever brings it, in any
/// status, also while a newer claim is sending.
#[must_use]
pub fn accepted(record: &EmailRecord, acceptance: Acceptance) -> Decision {
    if acceptance.claim_no == 0 || acceptance.claim_no > record.claim_no {
        return Decision::Forget;
    }
    let mut next = record.clone();
    match (record.status, &record.sent) {
        (Status::Sent, Some(known)) if known.claim_no == acceptance.claim_no || record.duplicate => {
            return Decision::Forget;
        }
        (Status::Sent, Some(_)) => next.duplicate = true,
        (
            Status::Queued
            | Status::Sending
            | Status::Failing
            | Status::Uncertain
            | Status::Sent
            | Status::Failed
            | Status::Unknown
            | Status::Canceled
            | Status::Expired,
            _,
        ) => {
            settled(&mut next, Status::Sent);
            next.cause = None;
            next.detail = None;
            next.sent = Some(acceptance);
        }
    }
    write(record, next, SideEffect::Nothing)
}

/// Whether an event is about this record, and a claim of it that was made.
///
/// An event of an erased and re-used id carries another birth and says nothing about this record.
#[must_use]
pub fn concerns(record: &EmailRecord, event: &SesEvent) -> bool {
    record.born == event.born
        && record.id == event.id
        && record.tenant == event.tenant
        && (1..=record.claim_no).contains(&event.claim_no)
}

/// What `feedback` writes about an event: the acceptance it proves, if that is news.
#[must_use]
pub fn heard(record: &EmailRecord, event: &SesEvent) -> Decision {
    if !concerns(record, event) {
        return Decision::Forget;
    }
    accepted(
        record,
        Acceptance {
            claim_no: event.claim_no,
            message_id: event.message_id.clone(),
            at: event.accepted_at,
        },
    )
}

/// What `feedback` writes about the recipients, if the events raise anything: all of them with
/// one write.
#[must_use]
pub fn learned(record: &EmailRecord, events: &[SesEvent]) -> Decision {
    let mut next = record.clone();
    for event in events.iter().filter(|event| concerns(record, event)) {
        match &event.said {
            Said::Accepted => {}
            Said::Opened => next.opened_at = next.opened_at.max(Some(event.at)),
            Said::Clicked => next.clicked_at = next.clicked_at.max(Some(event.at)),
            Said::Fates(said) => {
                for (recipient, fate) in said {
                    learn(&mut next, recipient, *fate, event);
                }
            }
            Said::Reported { recipients, fact } => {
                for recipient in recipients {
                    let said = Diagnostic {
                        at: event.at,
                        words: event.words(recipient),
                    };
                    keep(&mut next, recipient, *fact, said);
                }
            }
        }
    }
    fates(record, next)
}

/// Takes what an event says of one recipient. Of two events that say the same, the first one counts, whatever
/// order they come in; what is not the worst is kept as a fact.
fn learn(next: &mut EmailRecord, recipient: &str, fate: Fate, event: &SesEvent) {
    if fate == Fate::Delivered {
        next.delivered_at = next.delivered_at.max(Some(event.at));
    }
    let said = Diagnostic::of(fate, event.at, event.words(recipient), next.recipients);
    let known = next.fates.get(recipient).copied();
    if known == Some(fate) {
        let kept = next
            .diagnostics
            .entry(recipient.to_owned())
            .or_insert_with(|| said.clone());
        *kept = said.min(kept.clone());
        return;
    }
    let (lesser, about_it) = if Fate::raised(known, fate) == fate {
        next.fates.insert(recipient.to_owned(), fate);
        (known, next.diagnostics.insert(recipient.to_owned(), said))
    } else {
        (Some(fate), Some(said))
    };
    if let (Some(fact), Some(said)) = (lesser.and_then(Fact::of), about_it) {
        keep(next, recipient, fact, said);
    }
}

/// Keeps the first word about a fact.
fn keep(next: &mut EmailRecord, recipient: &str, fact: Fact, said: Diagnostic) {
    let said = said.of_fact(next.recipients);
    let kept = next
        .facts
        .entry((recipient.to_owned(), fact))
        .or_insert_with(|| said.clone());
    *kept = said.min(kept.clone());
}

/// What `send` writes before it submits with claim `claim_no`: whom it leaves out, for they are
/// suppressed. Whoever an earlier claim left out and this one does not is as if never left out.
#[must_use]
pub fn left_out(record: &EmailRecord, claim_no: u32, recipients: &[String]) -> Decision {
    if record.claim_no != claim_no || record.status != Status::Sending {
        return Decision::Forget;
    }
    let mut next = record.clone();
    next.fates
        .retain(|recipient, fate| *fate != Fate::Suppressed || recipients.contains(recipient));
    for recipient in recipients {
        next.fates.entry(recipient.clone()).or_insert(Fate::Suppressed);
    }
    fates(record, next)
}

/// Writes the fates, if any of them differs.
fn fates(record: &EmailRecord, mut next: EmailRecord) -> Decision {
    if next == *record {
        return Decision::Forget;
    }
    next.fate_no = next.fate_no.saturating_add(1);
    Decision::Write(Box::new(Transition {
        condition: Condition::FatesUnmoved {
            fate_no: record.fate_no,
        },
        record: next,
        side_effect: SideEffect::Nothing,
    }))
}

fn not_accepted(
    record: &EmailRecord,
    claim_no: u32,
    cause: Cause,
    detail: String,
    policy: &Policy,
    jitter: Jitter,
    now: Timestamp,
) -> Decision {
    if !holds_claim(record, claim_no) {
        return Decision::Forget;
    }
    let mut next = record.clone();
    remember(&mut next, cause, &detail, now);
    next.cause = Some(cause);
    next.detail = Some(clipped(detail));
    match policy
        .retry
        .after(cause.class(), record.attempts, record.claim_no, jitter)
    {
        Next::GivenBack(wait) => {
            next.attempts = next.attempts.saturating_sub(1);
            requeue(record, next, policy, now.after(wait), now)
        }
        Next::Again(wait) => requeue(record, next, policy, now.after(wait), now),
        Next::Spent => {
            next.cause = Some(Cause::BudgetSpent);
            give_up(record, next, now)
        }
        Next::Never => give_up(record, next, now),
        Next::Evidence => doubt(record, next, policy, now),
    }
}

/// What is written about a send task for a record that cannot be claimed.
#[must_use]
pub fn not_claimable(record: &EmailRecord, now: Timestamp) -> Decision {
    match record.status {
        Status::Queued if record.expires_at <= now => expire(record, now),
        Status::Queued => {
            let delay = record.not_before.since(now);
            if delay > Duration::ZERO && delay <= index::LONGEST_DELAY {
                Decision::Only(SideEffect::EnqueueTask { delay })
            } else {
                Decision::Forget
            }
        }
        Status::Sending
        | Status::Failing
        | Status::Uncertain
        | Status::Sent
        | Status::Failed
        | Status::Unknown
        | Status::Canceled
        | Status::Expired => Decision::Forget,
    }
}

/// What `dead_letter` writes about an email that was handed to it with claim `claim_no`.
#[must_use]
pub fn fail(record: &EmailRecord, claim_no: u32, now: Timestamp) -> Decision {
    if record.status != Status::Failing || record.claim_no != claim_no {
        return Decision::Forget;
    }
    let mut next = record.clone();
    end(&mut next, Status::Failed, now);
    write(record, next, SideEffect::Nothing)
}

/// What `promote` knows beside the record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Outlook {
    /// How far feedback is.
    pub feedback: Feedback,
    /// How full the email's lane is: its send task may still be in there.
    pub lane: LaneState,
}

/// What is known of a lane.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LaneState {
    /// It was empty a while ago: a send task that is older was lost.
    Flowing,
    /// It has not been empty for long.
    Backlog,
    /// Nothing is enqueued: the breaker is open, or the lane is full ([`crate::lane`]).
    Shut,
}

/// How far the working off of SES's events is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Feedback {
    /// When it was found that everything that had arrived was worked off; `None` when something
    /// waited.
    pub empty_at: Option<Timestamp>,
    /// The newest event that was worked off; `None` when none is known.
    pub newest: Option<Timestamp>,
}

impl Feedback {
    /// Whether what SES said until `end` was worked off.
    ///
    /// An empty queue proves it only if it was looked at after `end`: what came between is not
    /// in it. A queue that is never empty is not in order either, so that an event of just after
    /// `end` proves little: one of a whole `window` later does.
    fn caught_up(self, end: Timestamp, window: Duration) -> bool {
        self.empty_at >= Some(end) || self.newest >= Some(end.after(window))
    }
}

/// What `promote` does about a record whose time in the index has come.
#[must_use]
pub fn overdue(record: &EmailRecord, outlook: Outlook, policy: &Policy, now: Timestamp) -> Decision {
    if record.due.is_none_or(|due| due.at > now) {
        // The index is read without consistency: somebody has looked at this record since.
        return Decision::Forget;
    }
    match record.status {
        Status::Queued if record.expires_at <= now => expire(record, now),
        Status::Queued => {
            let waited = now.since(record.not_before);
            let mut next = record.clone();
            let (due, delay) = index::queued(record.not_before, record.expires_at, policy.turn, policy.guard, now);
            next.due = Some(due);
            if policy.turn == Turn::Waits {
                return write(record, next, SideEffect::Nothing);
            }
            let (again, wake) = match outlook.lane {
                _ if waited == Duration::ZERO => (None, true),
                LaneState::Flowing => (None, true),
                // To wake a backlog again makes it longer. It is looked at after as long as it
                // has waited so far, which doubles each time, and enqueued from an hour on: a
                // send task that was lost in it is found so.
                LaneState::Backlog => (Some(waited.max(policy.guard)), waited >= policy.guard.saturating_mul(4)),
                // Its message may be deleted meanwhile, when the lane is full: so it is never left for longer.
                LaneState::Shut => {
                    let longest = policy.guard.saturating_mul(unhidden::LONGEST);
                    (Some(waited.clamp(policy.guard, longest)), false)
                }
            };
            if let Some(again) = again {
                next.due = Some(Due {
                    kind: DueKind::Check,
                    at: now.after(again).min(record.expires_at),
                });
            }
            let side_effect = delay.filter(|_| wake).map(|delay| SideEffect::EnqueueTask { delay });
            write(record, next, side_effect.unwrap_or(SideEffect::Nothing))
        }
        Status::Sending => match &record.lease {
            Some(lease) if lease.until > now => Decision::Forget,
            Some(_) | None => {
                let mut next = record.clone();
                remember(&mut next, Cause::Crashed, "", now);
                next.cause = Some(Cause::Crashed);
                next.detail = None;
                doubt(record, next, policy, now)
            }
        },
        Status::Failing => {
            let mut next = record.clone();
            next.due = Some(Due {
                kind: DueKind::Check,
                at: now.after(DEAD_LETTER_RETRY),
            });
            write(record, next, SideEffect::DeadLetter)
        }
        Status::Uncertain => settle(record, outlook.feedback, policy, now),
        Status::Sent | Status::Failed | Status::Unknown | Status::Canceled | Status::Expired => Decision::Forget,
    }
}

fn settle(record: &EmailRecord, feedback: Feedback, policy: &Policy, now: Timestamp) -> Decision {
    let since = record.uncertain_since.unwrap_or(now);
    let (waited, over) = (now.since(since), since.after(policy.evidence_window));
    let mut next = record.clone();
    let caught_up = feedback.caught_up(over, policy.evidence_window);
    if waited < policy.evidence_window || (!caught_up && waited < LONGEST_UNCERTAINTY) {
        next.due = Some(Due {
            kind: DueKind::Check,
            at: now.after(policy.evidence_window),
        });
        return write(record, next, SideEffect::Nothing);
    }
    match record.on_uncertain {
        OnUncertain::Resend if policy.retry.allows_more_than(record.attempts) && record.expires_at > now => {
            next.maybe_duplicate = true;
            requeue(record, next, policy, now, now)
        }
        OnUncertain::Resend | OnUncertain::Hold => {
            next.cause = Some(Cause::AnswerLost);
            end(&mut next, Status::Unknown, now);
            write(record, next, SideEffect::Nothing)
        }
    }
}

/// The provider's words, as far as a record has room for them.
fn clipped(mut detail: String) -> String {
    past::clip(&mut detail, limits::DETAIL_MAX);
    detail
}

/// Keeps how the newest claim ended.
fn remember(next: &mut EmailRecord, cause: Cause, words: &str, at: Timestamp) {
    let claim_no = next.claim_no;
    let words = words.to_owned();
    past::remember(
        &mut next.outcomes,
        Outcome {
            claim_no,
            at,
            cause,
            words,
        },
    );
}

/// Only the newest claim's holder speaks for the record, and only until someone else settled it.
fn holds_claim(record: &EmailRecord, claim_no: u32) -> bool {
    record.claim_no == claim_no && matches!(record.status, Status::Sending | Status::Uncertain)
}

fn doubt(record: &EmailRecord, mut next: EmailRecord, policy: &Policy, now: Timestamp) -> Decision {
    next.status = Status::Uncertain;
    next.lease = None;
    next.uncertain_since = Some(now);
    next.due = Some(Due {
        kind: DueKind::Check,
        at: now.after(policy.evidence_window),
    });
    write(record, next, SideEffect::Nothing)
}

fn requeue(
    record: &EmailRecord,
    mut next: EmailRecord,
    policy: &Policy,
    not_before: Timestamp,
    now: Timestamp,
) -> Decision {
    if next.expires_at <= not_before {
        // It would expire while it waits: say so now rather than then.
        return end_unsent(record, next, now);
    }
    let (due, delay) = index::queued(not_before, next.expires_at, policy.turn, policy.guard, now);
    next.status = Status::Queued;
    next.not_before = not_before;
    next.lease = None;
    next.uncertain_since = None;
    next.due = Some(due);
    write(
        record,
        next,
        delay.map_or(SideEffect::Nothing, |delay| SideEffect::EnqueueTask { delay }),
    )
}

fn give_up(record: &EmailRecord, mut next: EmailRecord, now: Timestamp) -> Decision {
    if record.maybe_duplicate {
        // The refusal's own advice, to send it anew, would be wrong: a copy may be out.
        next.cause = Some(Cause::AnswerLost);
        end(&mut next, Status::Unknown, now);
        return write(record, next, SideEffect::Nothing);
    }
    next.status = Status::Failing;
    next.lease = None;
    next.uncertain_since = None;
    next.due = Some(Due {
        kind: DueKind::Check,
        at: now.after(DEAD_LETTER_RETRY),
    });
    write(record, next, SideEffect::DeadLetter)
}

fn expire(record: &EmailRecord, now: Timestamp) -> Decision {
    end_unsent(record, record.clone(), now)
}

/// Ends a record whose time ran out, as unsent unless SES may have accepted an earlier claim of it.
fn end_unsent(record: &EmailRecord, mut next: EmailRecord, now: Timestamp) -> Decision {
    // Its own mark, which may be new: a retry by force marks what was unknown.
    let (status, cause) = if next.maybe_duplicate {
        (Status::Unknown, Cause::AnswerLost)
    } else {
        (Status::Expired, Cause::Expired)
    };
    next.cause = Some(cause);
    end(&mut next, status, now);
    write(record, next, SideEffect::Nothing)
}

/// Ends a record that was not sent, as far as is known: it is put where it is found again.
fn end(next: &mut EmailRecord, status: Status, now: Timestamp) {
    settled(next, status);
    next.due = Some(Due {
        kind: DueKind::Ended,
        at: now,
    });
}

fn settled(next: &mut EmailRecord, status: Status) {
    next.status = status;
    next.lease = None;
    next.uncertain_since = None;
    next.due = None;
}

fn write(before: &EmailRecord, record: EmailRecord, side_effect: SideEffect) -> Decision {
    Decision::Write(Box::new(Transition {
        condition: Condition::unmoved(before),
        record,
        side_effect,
    }))
}

#[cfg(test)]
#[path = "lifecycle_tests.rs"]
mod tests;
