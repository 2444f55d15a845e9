//! The state machine: what may happen to an email, and under which condition it is written.
//!
//! **Role:** every function loads a row, asks here, and carries out the [`Decision`].
//! **Invariant:** pure. A [`Transition`] is written only if its [`Condition`] still holds, and
//! a condition that names a claim names the status *beside* it.
//! **After a crash** anywhere: the row is still in the index, and [`overdue`] goes on from it.
//! **Start reading at** [`record`].

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
use crate::retry::{Jitter, Next, RetryPolicy};
use crate::row::{Acceptance, Due, DueKind, Lease, OnUncertain, Row, Status};
use crate::timestamp::Timestamp;
use crate::wire::ses_event::{Said, SesEvent};

/// A wake-up that comes this early is not sent back: clocks differ, and SQS has whole seconds.
pub const EARLY: Duration = Duration::from_secs(1);

/// An email in `failing` is handed to the dead-letter queue again after this.
pub const HAND_OVER_AGAIN: Duration = Duration::from_secs(60);

/// Evidence is awaited no longer than this, however late feedback is.
pub const LONGEST_UNCERTAINTY: Duration = Duration::from_secs(6 * 3600);

/// The timings of a deployment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Policy {
    /// How long a woken email may stay queued before it is looked at again.
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

/// What must still be so in the stored row at the moment of writing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Condition {
    /// Queued, due, and not expired: read at the moment of writing, so that a claim needs no
    /// read before it.
    Claimable {
        /// The claimer's clock.
        now: Timestamp,
    },
    /// The row is where the decision found it.
    Unmoved {
        /// The claim that the decision saw.
        claim_no: u32,
        /// The status that the decision saw.
        status: Status,
        /// The time that the decision saw: what was rescheduled meanwhile is decided on anew.
        not_before: Timestamp,
    },
    /// The row is where the decision found it, and so is its queue.
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
    /// Whether the condition holds for a stored row; what it says of the queue is
    /// [`Self::queue_no`]. Adapters translate it; worlds in memory call it.
    #[must_use]
    pub fn holds(self, row: &Row) -> bool {
        match self {
            Self::Claimable { now } => {
                row.status == Status::Queued && row.not_before <= now.after(EARLY) && row.expires_at > now
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
            } => row.claim_no == claim_no && row.status == status && row.not_before == not_before,
            Self::FatesUnmoved { fate_no } => row.fate_no == fate_no,
        }
    }

    /// The state that the row's queue must be in, where it matters.
    #[must_use]
    pub const fn queue_no(self) -> Option<u64> {
        match self {
            Self::UnmovedIn { queue_no, .. } => Some(queue_no),
            Self::Claimable { .. } | Self::Unmoved { .. } | Self::FatesUnmoved { .. } => None,
        }
    }

    /// That a row is where it was found.
    #[must_use]
    pub fn unmoved(row: &Row) -> Self {
        Self::Unmoved {
            claim_no: row.claim_no,
            status: row.status,
            not_before: row.not_before,
        }
    }
}

/// What is to be done once a transition is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Then {
    /// Nothing.
    Nothing,
    /// Send the wake-up, delayed so.
    WakeUp {
        /// How long from now.
        delay: Duration,
    },
    /// Hand the email to the dead-letter queue.
    HandOver,
}

/// A write of the row, and what follows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Transition {
    /// What must still be so.
    pub condition: Condition,
    /// The row afterwards. Adapters write the fields that differ.
    pub row: Row,
    /// What follows.
    pub then: Then,
}

/// What a function does about a row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Decision {
    /// Write this; when the condition no longer holds, read the row and decide again.
    Write(Box<Transition>),
    /// Write nothing, but do this.
    Only(Then),
    /// Somebody else has moved the row on: what was known is no longer of use.
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

/// The row after a claim that succeeded, as [`Condition::Claimable`] allows it.
#[must_use]
pub fn claimed(mut row: Row, policy: &Policy, nonce: u64, now: Timestamp) -> Row {
    let until = now.after(policy.lease);
    row.status = Status::Sending;
    row.claim_no = row.claim_no.saturating_add(1);
    row.attempts = row.attempts.saturating_add(1);
    row.lease = Some(Lease { until, nonce });
    row.due = Some(Due {
        kind: DueKind::Check,
        at: until,
    });
    row
}

/// What `send` writes after its attempt with claim `claim_no`.
#[must_use]
pub fn record(row: &Row, claim_no: u32, attempt: Attempt, policy: &Policy, jitter: Jitter, now: Timestamp) -> Decision {
    match attempt {
        Attempt::Accepted { message_id } => accepted(
            row,
            Acceptance {
                claim_no,
                message_id,
                at: now,
            },
        ),
        Attempt::NotAccepted { cause, detail } => not_accepted(row, claim_no, cause, detail, policy, jitter, now),
        Attempt::Ambiguous => {
            if holds_claim(row, claim_no) && row.status == Status::Sending {
                let mut next = row.clone();
                remember(&mut next, Cause::AnswerLost, "", now);
                doubt(row, next, policy, now)
            } else {
                Decision::Forget
            }
        }
    }
}

/// Takes an acceptance by SES, from its answer or from an event: whoever brings it, in any
/// status, also while a newer claim is sending.
#[must_use]
pub fn accepted(row: &Row, acceptance: Acceptance) -> Decision {
    if acceptance.claim_no == 0 || acceptance.claim_no > row.claim_no {
        return Decision::Forget;
    }
    let mut next = row.clone();
    match (row.status, &row.sent) {
        (Status::Sent, Some(known)) if known.claim_no == acceptance.claim_no || row.duplicate => {
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
    write(row, next, Then::Nothing)
}

/// Whether an event is about this row, and a claim of it that was made.
///
/// An event of an erased and re-used id carries another birth and says nothing about this row.
#[must_use]
pub fn concerns(row: &Row, event: &SesEvent) -> bool {
    row.born == event.born
        && row.id == event.id
        && row.tenant == event.tenant
        && (1..=row.claim_no).contains(&event.claim_no)
}

/// What `feedback` writes about an event: the acceptance it proves, if that is news.
#[must_use]
pub fn heard(row: &Row, event: &SesEvent) -> Decision {
    if !concerns(row, event) {
        return Decision::Forget;
    }
    accepted(
        row,
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
pub fn learned(row: &Row, events: &[SesEvent]) -> Decision {
    let mut next = row.clone();
    for event in events.iter().filter(|event| concerns(row, event)) {
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
    fates(row, next)
}

/// Takes what an event says of one recipient. Of two events that say the same, the first one counts, whatever
/// order they come in; what is not the worst is kept as a fact.
fn learn(next: &mut Row, recipient: &str, fate: Fate, event: &SesEvent) {
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
fn keep(next: &mut Row, recipient: &str, fact: Fact, said: Diagnostic) {
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
pub fn left_out(row: &Row, claim_no: u32, recipients: &[String]) -> Decision {
    if row.claim_no != claim_no || row.status != Status::Sending {
        return Decision::Forget;
    }
    let mut next = row.clone();
    next.fates
        .retain(|recipient, fate| *fate != Fate::Suppressed || recipients.contains(recipient));
    for recipient in recipients {
        next.fates.entry(recipient.clone()).or_insert(Fate::Suppressed);
    }
    fates(row, next)
}

/// Writes the fates, if any of them differs.
fn fates(row: &Row, mut next: Row) -> Decision {
    if next == *row {
        return Decision::Forget;
    }
    next.fate_no = next.fate_no.saturating_add(1);
    Decision::Write(Box::new(Transition {
        condition: Condition::FatesUnmoved { fate_no: row.fate_no },
        row: next,
        then: Then::Nothing,
    }))
}

fn not_accepted(
    row: &Row,
    claim_no: u32,
    cause: Cause,
    detail: String,
    policy: &Policy,
    jitter: Jitter,
    now: Timestamp,
) -> Decision {
    if !holds_claim(row, claim_no) {
        return Decision::Forget;
    }
    let mut next = row.clone();
    remember(&mut next, cause, &detail, now);
    next.cause = Some(cause);
    next.detail = Some(clipped(detail));
    match policy.retry.after(cause.class(), row.attempts, row.claim_no, jitter) {
        Next::GivenBack(wait) => {
            next.attempts = next.attempts.saturating_sub(1);
            requeue(row, next, policy, now.after(wait), now)
        }
        Next::Again(wait) => requeue(row, next, policy, now.after(wait), now),
        Next::Spent => {
            next.cause = Some(Cause::BudgetSpent);
            give_up(row, next, now)
        }
        Next::Never => give_up(row, next, now),
        Next::Evidence => doubt(row, next, policy, now),
    }
}

/// What is written about a wake-up for a row that cannot be claimed.
#[must_use]
pub fn not_claimable(row: &Row, now: Timestamp) -> Decision {
    match row.status {
        Status::Queued if row.expires_at <= now => expire(row, now),
        Status::Queued => {
            let delay = row.not_before.since(now);
            if delay > Duration::ZERO && delay <= index::LONGEST_DELAY {
                Decision::Only(Then::WakeUp { delay })
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
pub fn handed_over(row: &Row, claim_no: u32, now: Timestamp) -> Decision {
    if row.status != Status::Failing || row.claim_no != claim_no {
        return Decision::Forget;
    }
    let mut next = row.clone();
    end(&mut next, Status::Failed, now);
    write(row, next, Then::Nothing)
}

/// What `promote` knows beside the row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Outlook {
    /// How far feedback is.
    pub feedback: Feedback,
    /// How full the email's lane is: its wake-up may still be in there.
    pub lane: LaneState,
}

/// What is known of a lane.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LaneState {
    /// It was empty a while ago: a wake-up that is older was lost.
    Flowing,
    /// It has not been empty for long.
    Backlog,
    /// Nothing is woken: the breaker is open, or the lane is full ([`crate::lane`]).
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

/// What `promote` does about a row whose time in the index has come.
#[must_use]
pub fn overdue(row: &Row, outlook: Outlook, policy: &Policy, now: Timestamp) -> Decision {
    if row.due.is_none_or(|due| due.at > now) {
        // The index is read without consistency: somebody has looked at this row since.
        return Decision::Forget;
    }
    match row.status {
        Status::Queued if row.expires_at <= now => expire(row, now),
        Status::Queued => {
            let waited = now.since(row.not_before);
            let mut next = row.clone();
            let (due, delay) = index::queued(row.not_before, row.expires_at, policy.turn, policy.guard, now);
            next.due = Some(due);
            if policy.turn == Turn::Waits {
                return write(row, next, Then::Nothing);
            }
            let (again, wake) = match outlook.lane {
                _ if waited == Duration::ZERO => (None, true),
                LaneState::Flowing => (None, true),
                // To wake a backlog again makes it longer. It is looked at after as long as it
                // has waited so far, which doubles each time, and woken from an hour on: a
                // wake-up that was lost in it is found so.
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
                    at: now.after(again).min(row.expires_at),
                });
            }
            let then = delay.filter(|_| wake).map(|delay| Then::WakeUp { delay });
            write(row, next, then.unwrap_or(Then::Nothing))
        }
        Status::Sending => match &row.lease {
            Some(lease) if lease.until > now => Decision::Forget,
            Some(_) | None => {
                let mut next = row.clone();
                remember(&mut next, Cause::Crashed, "", now);
                next.cause = Some(Cause::Crashed);
                next.detail = None;
                doubt(row, next, policy, now)
            }
        },
        Status::Failing => {
            let mut next = row.clone();
            next.due = Some(Due {
                kind: DueKind::Check,
                at: now.after(HAND_OVER_AGAIN),
            });
            write(row, next, Then::HandOver)
        }
        Status::Uncertain => settle(row, outlook.feedback, policy, now),
        Status::Sent | Status::Failed | Status::Unknown | Status::Canceled | Status::Expired => Decision::Forget,
    }
}

fn settle(row: &Row, feedback: Feedback, policy: &Policy, now: Timestamp) -> Decision {
    let since = row.uncertain_since.unwrap_or(now);
    let (waited, over) = (now.since(since), since.after(policy.evidence_window));
    let mut next = row.clone();
    let caught_up = feedback.caught_up(over, policy.evidence_window);
    if waited < policy.evidence_window || (!caught_up && waited < LONGEST_UNCERTAINTY) {
        next.due = Some(Due {
            kind: DueKind::Check,
            at: now.after(policy.evidence_window),
        });
        return write(row, next, Then::Nothing);
    }
    match row.on_uncertain {
        OnUncertain::Resend if policy.retry.allows_more_than(row.attempts) && row.expires_at > now => {
            next.maybe_duplicate = true;
            requeue(row, next, policy, now, now)
        }
        OnUncertain::Resend | OnUncertain::Hold => {
            next.cause = Some(Cause::AnswerLost);
            end(&mut next, Status::Unknown, now);
            write(row, next, Then::Nothing)
        }
    }
}

/// The provider's words, as far as a row has room for them.
fn clipped(mut detail: String) -> String {
    past::clip(&mut detail, limits::DETAIL_MAX);
    detail
}

/// Keeps how the newest claim ended.
fn remember(next: &mut Row, cause: Cause, words: &str, at: Timestamp) {
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

/// Only the newest claim's holder speaks for the row, and only until someone else settled it.
fn holds_claim(row: &Row, claim_no: u32) -> bool {
    row.claim_no == claim_no && matches!(row.status, Status::Sending | Status::Uncertain)
}

fn doubt(row: &Row, mut next: Row, policy: &Policy, now: Timestamp) -> Decision {
    next.status = Status::Uncertain;
    next.lease = None;
    next.uncertain_since = Some(now);
    next.due = Some(Due {
        kind: DueKind::Check,
        at: now.after(policy.evidence_window),
    });
    write(row, next, Then::Nothing)
}

fn requeue(row: &Row, mut next: Row, policy: &Policy, not_before: Timestamp, now: Timestamp) -> Decision {
    if next.expires_at <= not_before {
        // It would expire while it waits: say so now rather than then.
        return end_unsent(row, next, now);
    }
    let (due, delay) = index::queued(not_before, next.expires_at, policy.turn, policy.guard, now);
    next.status = Status::Queued;
    next.not_before = not_before;
    next.lease = None;
    next.uncertain_since = None;
    next.due = Some(due);
    write(row, next, delay.map_or(Then::Nothing, |delay| Then::WakeUp { delay }))
}

fn give_up(row: &Row, mut next: Row, now: Timestamp) -> Decision {
    if row.maybe_duplicate {
        // The refusal's own advice, to send it anew, would be wrong: a copy may be out.
        next.cause = Some(Cause::AnswerLost);
        end(&mut next, Status::Unknown, now);
        return write(row, next, Then::Nothing);
    }
    next.status = Status::Failing;
    next.lease = None;
    next.uncertain_since = None;
    next.due = Some(Due {
        kind: DueKind::Check,
        at: now.after(HAND_OVER_AGAIN),
    });
    write(row, next, Then::HandOver)
}

fn expire(row: &Row, now: Timestamp) -> Decision {
    end_unsent(row, row.clone(), now)
}

/// Ends a row whose time ran out, as unsent unless SES may have accepted an earlier claim of it.
fn end_unsent(row: &Row, mut next: Row, now: Timestamp) -> Decision {
    // Its own mark, which may be new: a retry by force marks what was unknown.
    let (status, cause) = if next.maybe_duplicate {
        (Status::Unknown, Cause::AnswerLost)
    } else {
        (Status::Expired, Cause::Expired)
    };
    next.cause = Some(cause);
    end(&mut next, status, now);
    write(row, next, Then::Nothing)
}

/// Ends a row that was not sent, as far as is known: it is put where it is found again.
fn end(next: &mut Row, status: Status, now: Timestamp) {
    settled(next, status);
    next.due = Some(Due {
        kind: DueKind::Ended,
        at: now,
    });
}

fn settled(next: &mut Row, status: Status) {
    next.status = status;
    next.lease = None;
    next.uncertain_since = None;
    next.due = None;
}

fn write(before: &Row, row: Row, then: Then) -> Decision {
    Decision::Write(Box::new(Transition {
        condition: Condition::unmoved(before),
        row,
        then,
    }))
}

#[cfg(test)]
#[path = "lifecycle_tests.rs"]
mod tests;
