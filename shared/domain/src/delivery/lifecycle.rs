//! The state machine: the events of an email, and the condition for writing each change.
//!
//! **Role:** every function loads a record, asks here, and carries out the [`Decision`].
//! **Invariant:** pure. A [`Transition`] is written only if its [`Condition`] still holds. A condition that names a
//! claim names the status *beside* it.
//! **After a crash** anywhere, the record is still in the due index, and [`overdue`] continues from there.
//! **Start reading at** [`record_attempt`].

pub mod commands;
pub mod full_queue;
pub mod queue_control;

use std::time::Duration;

use crate::delivery::cause::Cause;
use crate::delivery::delivery_status::DeliveryStatus;
use crate::delivery::history::{self, Diagnostic, Fact, Outcome};
use crate::delivery::index;
use crate::delivery::record::{Acceptance, Due, DueKind, EmailRecord, Lease, OnUncertain, RecordStatus};
use crate::delivery::retry::{Jitter, Next, RetryPolicy};
use crate::delivery::ses_event::{SesEvent, SesEventKind};
use crate::limits;
use crate::queue::rate_limit::Turn;
use crate::timestamp::Timestamp;

/// Tolerance for early send tasks. A task within it is not sent back: clocks differ, and SQS has whole seconds.
pub const EARLY: Duration = Duration::from_secs(1);

/// Wait before an email in `failing` goes to the dead-letter queue again.
pub const DEAD_LETTER_RETRY: Duration = Duration::from_secs(60);

/// Longest wait for evidence, even if feedback is late.
pub const LONGEST_UNCERTAINTY: Duration = Duration::from_secs(6 * 3600);

/// The timings of a deployment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Policy {
    /// Longest time in the queue before an enqueued email is checked again.
    pub guard: Duration,
    /// Duration of a claim; longer than the sender's timeout.
    pub lease: Duration,
    /// Wait for evidence after an ambiguous answer.
    pub evidence_window: Duration,
    /// Schedule of retries.
    pub retry: RetryPolicy,
    /// The turn of a queued email: [`Turn::Waits`] if its queue has a rate limit.
    pub turn: Turn,
}

impl Policy {
    /// The timings of production, the defaults of `template.yaml`.
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

/// The condition on the stored record at the moment of writing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Condition {
    /// Queued, due, and not expired. It is checked while writing, so that a claim needs no read before it.
    Claimable {
        /// The claimer's clock.
        now: Timestamp,
    },
    /// The record is unchanged since the decision.
    Unmoved {
        /// The claim that the decision saw.
        claim_no: u32,
        /// The status that the decision saw.
        status: RecordStatus,
        /// The time that the decision saw. A rescheduled email needs a new decision.
        not_before: Timestamp,
    },
    /// The record and its queue are unchanged since the decision.
    UnmovedIn {
        /// The claim that the decision saw.
        claim_no: u32,
        /// The status that the decision saw.
        status: RecordStatus,
        /// The time that the decision saw.
        not_before: Timestamp,
        /// The state of the queue that the decision saw ([`crate::queue::Queue::no`]).
        queue_version: u64,
    },
    /// No other event has changed the delivery statuses of the recipients. The record's own status may change.
    DeliveryUnmoved {
        /// The count that the decision saw.
        delivery_version: u32,
    },
}

impl Condition {
    /// True if the condition holds for a stored record, apart from its queue ([`Self::queue_version`]).
    /// Adapters translate it; in-memory backends call it.
    #[must_use]
    pub fn holds(self, record: &EmailRecord) -> bool {
        match self {
            Self::Claimable { now } => {
                record.status == RecordStatus::Queued
                    && record.not_before <= now.after(EARLY)
                    && record.expires_at > now
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
            Self::DeliveryUnmoved { delivery_version } => record.delivery_version == delivery_version,
        }
    }

    /// The required version of the record's queue, if the condition names one.
    #[must_use]
    pub const fn queue_version(self) -> Option<u64> {
        match self {
            Self::UnmovedIn { queue_version, .. } => Some(queue_version),
            Self::Claimable { .. } | Self::Unmoved { .. } | Self::DeliveryUnmoved { .. } => None,
        }
    }

    /// The condition that a record is unchanged.
    #[must_use]
    pub fn unmoved(record: &EmailRecord) -> Self {
        Self::Unmoved {
            claim_no: record.claim_no,
            status: record.status,
            not_before: record.not_before,
        }
    }
}

/// The action that follows a written transition.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SideEffect {
    /// Nothing.
    Nothing,
    /// Send a send task with this delay.
    EnqueueTask {
        /// Delay from now.
        delay: Duration,
    },
    /// Move the email to the dead-letter queue.
    DeadLetter,
}

/// A write of the record, and the action after it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Transition {
    /// The condition for the write.
    pub condition: Condition,
    /// The new record. Adapters write the fields that differ.
    pub record: EmailRecord,
    /// The action after the write.
    pub side_effect: SideEffect,
}

/// A function's decision about a record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Decision {
    /// Write this. If the condition no longer holds, read the record and decide again.
    Write(Box<Transition>),
    /// Write nothing, and run this action.
    Only(SideEffect),
    /// Do nothing: another writer has moved the record on.
    Forget,
}

/// The result of an attempt at SES.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Attempt {
    /// SES accepted it.
    Accepted {
        /// SES's `MessageId`.
        message_id: String,
    },
    /// SES definitely did not accept it.
    NotAccepted {
        /// The cause.
        cause: Cause,
        /// The provider's message.
        detail: String,
    },
    /// SES may have accepted it: the answer was lost.
    Ambiguous,
}

/// The record after a successful claim, as [`Condition::Claimable`] allows it.
#[must_use]
pub fn claimed(mut record: EmailRecord, policy: &Policy, nonce: u64, now: Timestamp) -> EmailRecord {
    let until = now.after(policy.lease);
    record.status = RecordStatus::Sending;
    record.claim_no = record.claim_no.saturating_add(1);
    record.attempts = record.attempts.saturating_add(1);
    record.lease = Some(Lease { until, nonce });
    record.due = Some(Due {
        kind: DueKind::Check,
        at: until,
    });
    record
}

/// The decision of `send` after its attempt with claim `claim_no`.
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
            if holds_claim(record, claim_no) && record.status == RecordStatus::Sending {
                let mut next = record.clone();
                remember(&mut next, Cause::AnswerLost, "", now);
                doubt(record, next, policy, now)
            } else {
                Decision::Forget
            }
        }
    }
}

/// Records an acceptance by SES, from its answer or from an event. It applies in every status, even while a newer
/// claim is sending.
#[must_use]
pub fn accepted(record: &EmailRecord, acceptance: Acceptance) -> Decision {
    if acceptance.claim_no == 0 || acceptance.claim_no > record.claim_no {
        return Decision::Forget;
    }
    let mut next = record.clone();
    match (record.status, &record.sent) {
        (RecordStatus::Sent, Some(known)) if known.claim_no == acceptance.claim_no || record.duplicate => {
            return Decision::Forget;
        }
        (RecordStatus::Sent, Some(_)) => next.duplicate = true,
        (
            RecordStatus::Queued
            | RecordStatus::Sending
            | RecordStatus::Failing
            | RecordStatus::Uncertain
            | RecordStatus::Sent
            | RecordStatus::Failed
            | RecordStatus::Unknown
            | RecordStatus::Canceled
            | RecordStatus::Expired,
            _,
        ) => {
            settled(&mut next, RecordStatus::Sent);
            next.cause = None;
            next.detail = None;
            next.sent = Some(acceptance);
        }
    }
    write(record, next, SideEffect::Nothing)
}

/// True if an event is about this record, and about one of its claims.
///
/// An event of an erased and re-used id has another birth and says nothing about this record.
#[must_use]
pub fn concerns(record: &EmailRecord, event: &SesEvent) -> bool {
    record.born == event.born
        && record.id == event.id
        && record.tenant == event.tenant
        && (1..=record.claim_no).contains(&event.claim_no)
}

/// The decision of `feedback` about an event: the acceptance that it proves, if that is new.
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

/// The decision of `feedback` about the recipients, if the events raise any delivery status: all with one write.
#[must_use]
pub fn learned(record: &EmailRecord, events: &[SesEvent]) -> Decision {
    let mut next = record.clone();
    for event in events.iter().filter(|event| concerns(record, event)) {
        match &event.said {
            SesEventKind::Accepted => {}
            SesEventKind::Opened => next.opened_at = next.opened_at.max(Some(event.at)),
            SesEventKind::Clicked => next.clicked_at = next.clicked_at.max(Some(event.at)),
            SesEventKind::DeliveryStatuses(said) => {
                for (recipient, delivery_status) in said {
                    learn(&mut next, recipient, *delivery_status, event);
                }
            }
            SesEventKind::Reported { recipients, fact } => {
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
    delivery_statuses(record, next)
}

/// Applies an event about one recipient. Of two equal events the first one counts, in any order. A delivery status
/// that is not the worst is kept as a fact.
fn learn(next: &mut EmailRecord, recipient: &str, delivery_status: DeliveryStatus, event: &SesEvent) {
    if delivery_status == DeliveryStatus::Delivered {
        next.delivered_at = next.delivered_at.max(Some(event.at));
    }
    let said = Diagnostic::of(delivery_status, event.at, event.words(recipient), next.recipients);
    let known = next.delivery_statuses.get(recipient).copied();
    if known == Some(delivery_status) {
        let kept = next
            .diagnostics
            .entry(recipient.to_owned())
            .or_insert_with(|| said.clone());
        *kept = said.min(kept.clone());
        return;
    }
    let (lesser, about_it) = if DeliveryStatus::raised(known, delivery_status) == delivery_status {
        next.delivery_statuses.insert(recipient.to_owned(), delivery_status);
        (known, next.diagnostics.insert(recipient.to_owned(), said))
    } else {
        (Some(delivery_status), Some(said))
    };
    if let (Some(fact), Some(said)) = (lesser.and_then(Fact::of), about_it) {
        keep(next, recipient, fact, said);
    }
}

/// Keeps the earliest diagnostic of a fact.
fn keep(next: &mut EmailRecord, recipient: &str, fact: Fact, said: Diagnostic) {
    let said = said.of_fact(next.recipients);
    let kept = next
        .facts
        .entry((recipient.to_owned(), fact))
        .or_insert_with(|| said.clone());
    *kept = said.min(kept.clone());
}

/// The decision of `send` before it submits with claim `claim_no`: it leaves out suppressed recipients. A recipient
/// that only an earlier claim left out loses that delivery status.
#[must_use]
pub fn left_out(record: &EmailRecord, claim_no: u32, recipients: &[String]) -> Decision {
    if record.claim_no != claim_no || record.status != RecordStatus::Sending {
        return Decision::Forget;
    }
    let mut next = record.clone();
    next.delivery_statuses.retain(|recipient, delivery_status| {
        *delivery_status != DeliveryStatus::Suppressed || recipients.contains(recipient)
    });
    for recipient in recipients {
        next.delivery_statuses
            .entry(recipient.clone())
            .or_insert(DeliveryStatus::Suppressed);
    }
    delivery_statuses(record, next)
}

/// Writes the delivery statuses if any of them differs.
fn delivery_statuses(record: &EmailRecord, mut next: EmailRecord) -> Decision {
    if next == *record {
        return Decision::Forget;
    }
    next.delivery_version = next.delivery_version.saturating_add(1);
    Decision::Write(Box::new(Transition {
        condition: Condition::DeliveryUnmoved {
            delivery_version: record.delivery_version,
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

/// The decision about a send task whose record cannot be claimed.
#[must_use]
pub fn not_claimable(record: &EmailRecord, now: Timestamp) -> Decision {
    match record.status {
        RecordStatus::Queued if record.expires_at <= now => expire(record, now),
        RecordStatus::Queued => {
            let delay = record.not_before.since(now);
            if delay > Duration::ZERO && delay <= index::LONGEST_DELAY {
                Decision::Only(SideEffect::EnqueueTask { delay })
            } else {
                Decision::Forget
            }
        }
        RecordStatus::Sending
        | RecordStatus::Failing
        | RecordStatus::Uncertain
        | RecordStatus::Sent
        | RecordStatus::Failed
        | RecordStatus::Unknown
        | RecordStatus::Canceled
        | RecordStatus::Expired => Decision::Forget,
    }
}

/// The decision of `dead_letter` about a dead-letter message with claim `claim_no`.
#[must_use]
pub fn fail(record: &EmailRecord, claim_no: u32, now: Timestamp) -> Decision {
    if record.status != RecordStatus::Failing || record.claim_no != claim_no {
        return Decision::Forget;
    }
    let mut next = record.clone();
    end(&mut next, RecordStatus::Failed, now);
    write(record, next, SideEffect::Nothing)
}

/// Facts that `promote` knows besides the record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Outlook {
    /// Progress of feedback.
    pub feedback: Feedback,
    /// Load of the email's priority queue, which may still hold its send task.
    pub priority_queue: PriorityQueueState,
}

/// The load of a priority queue.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PriorityQueueState {
    /// It was empty a while ago: an older send task was lost.
    Flowing,
    /// It has not been empty for long.
    Backlog,
    /// Nothing is enqueued: the breaker is open, or the priority queue is full ([`crate::delivery::priority_queue`]).
    Shut,
}

/// The progress of processing SES's events.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Feedback {
    /// Time at which the queue of events was found empty; `None` if something waited.
    pub empty_at: Option<Timestamp>,
    /// Time of the newest processed event; `None` if none is known.
    pub newest: Option<Timestamp>,
}

impl Feedback {
    /// True if all events of SES until `end` were processed.
    ///
    /// An empty queue proves it only if it was read after `end`: otherwise events may have arrived in between. A
    /// queue that is never empty is not in order either, so an event just after `end` proves little. An event a whole
    /// `window` later proves it.
    fn caught_up(self, end: Timestamp, window: Duration) -> bool {
        self.empty_at >= Some(end) || self.newest >= Some(end.after(window))
    }
}

/// The decision of `promote` about a record whose time in the due index has come.
#[must_use]
pub fn overdue(record: &EmailRecord, outlook: Outlook, policy: &Policy, now: Timestamp) -> Decision {
    if record.due.is_none_or(|due| due.at > now) {
        // The index is read without consistency: somebody has changed this record since.
        return Decision::Forget;
    }
    match record.status {
        RecordStatus::Queued if record.expires_at <= now => expire(record, now),
        RecordStatus::Queued => {
            let waited = now.since(record.not_before);
            let mut next = record.clone();
            let (due, delay) = index::queued(record.not_before, record.expires_at, policy.turn, policy.guard, now);
            next.due = Some(due);
            if policy.turn == Turn::Waits {
                return write(record, next, SideEffect::Nothing);
            }
            let (again, wake) = match outlook.priority_queue {
                _ if waited == Duration::ZERO => (None, true),
                PriorityQueueState::Flowing => (None, true),
                // A further send task makes a backlog longer. The next check comes after as long as it has waited so
                // far, which doubles each time. From four guard times on, it also enqueues a task, in case the old
                // one was lost.
                PriorityQueueState::Backlog => {
                    (Some(waited.max(policy.guard)), waited >= policy.guard.saturating_mul(4))
                }
                // Its send task may be deleted meanwhile if the priority queue is full, so the wait has a limit.
                PriorityQueueState::Shut => {
                    let longest = policy.guard.saturating_mul(full_queue::LONGEST);
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
        RecordStatus::Sending => match &record.lease {
            Some(lease) if lease.until > now => Decision::Forget,
            Some(_) | None => {
                let mut next = record.clone();
                remember(&mut next, Cause::Crashed, "", now);
                next.cause = Some(Cause::Crashed);
                next.detail = None;
                doubt(record, next, policy, now)
            }
        },
        RecordStatus::Failing => {
            let mut next = record.clone();
            next.due = Some(Due {
                kind: DueKind::Check,
                at: now.after(DEAD_LETTER_RETRY),
            });
            write(record, next, SideEffect::DeadLetter)
        }
        RecordStatus::Uncertain => settle(record, outlook.feedback, policy, now),
        RecordStatus::Sent
        | RecordStatus::Failed
        | RecordStatus::Unknown
        | RecordStatus::Canceled
        | RecordStatus::Expired => Decision::Forget,
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
            end(&mut next, RecordStatus::Unknown, now);
            write(record, next, SideEffect::Nothing)
        }
    }
}

/// The provider's message, cut to the room in a record.
fn clipped(mut detail: String) -> String {
    history::clip(&mut detail, limits::DETAIL_MAX);
    detail
}

/// Records the result of the newest claim.
fn remember(next: &mut EmailRecord, cause: Cause, words: &str, at: Timestamp) {
    let claim_no = next.claim_no;
    let words = words.to_owned();
    history::remember(
        &mut next.outcomes,
        Outcome {
            claim_no,
            at,
            cause,
            words,
        },
    );
}

/// Only the holder of the newest claim may change the record, and only until somebody else settles it.
fn holds_claim(record: &EmailRecord, claim_no: u32) -> bool {
    record.claim_no == claim_no && matches!(record.status, RecordStatus::Sending | RecordStatus::Uncertain)
}

fn doubt(record: &EmailRecord, mut next: EmailRecord, policy: &Policy, now: Timestamp) -> Decision {
    next.status = RecordStatus::Uncertain;
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
        // It would expire during the wait: end it now.
        return end_unsent(record, next, now);
    }
    let (due, delay) = index::queued(not_before, next.expires_at, policy.turn, policy.guard, now);
    next.status = RecordStatus::Queued;
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
        // The refusal's advice to send it again would be wrong: a copy may have been sent.
        next.cause = Some(Cause::AnswerLost);
        end(&mut next, RecordStatus::Unknown, now);
        return write(record, next, SideEffect::Nothing);
    }
    next.status = RecordStatus::Failing;
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

/// Ends an expired record: as unsent, or as unknown if SES may have accepted an earlier claim.
fn end_unsent(record: &EmailRecord, mut next: EmailRecord, now: Timestamp) -> Decision {
    // `next` may be marked where `record` is not: a forced retry marks an email of unknown outcome.
    let (status, cause) = if next.maybe_duplicate {
        (RecordStatus::Unknown, Cause::AnswerLost)
    } else {
        (RecordStatus::Expired, Cause::Expired)
    };
    next.cause = Some(cause);
    end(&mut next, status, now);
    write(record, next, SideEffect::Nothing)
}

/// Ends a record without an acceptance, and keeps it in the index of ended emails.
fn end(next: &mut EmailRecord, status: RecordStatus, now: Timestamp) {
    settled(next, status);
    next.due = Some(Due {
        kind: DueKind::Ended,
        at: now,
    });
}

fn settled(next: &mut EmailRecord, status: RecordStatus) {
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
