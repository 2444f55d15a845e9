//! The state machine: any transitions, in any order, on a new record or on any other.

use std::time::Duration;

use arbitrary::{Result, Unstructured};
use domain::api::email_view::EmailView;
use domain::delivery::attempt::Attempt;
use domain::delivery::policy::{Policy, Turn};
use domain::delivery::record::{DueKind, EmailRecord, OnUncertain, RecordStatus};
use domain::delivery::retry::{Jitter, RetryPolicy};
use domain::lifecycle::commands::{self, Times};
use domain::lifecycle::{
    self, Condition, Decision, EARLY, Feedback, Outlook, PriorityQueueState, SideEffect, claimed, fail, heard, learned,
    not_claimable, overdue, record_attempt,
};
use domain::queue::Queue;
use domain::timestamp::Timestamp;

use crate::check::{check, check_eq};
use crate::given::records::{self, NOW};
use crate::given::texts;

/// Derives a record and transitions from the bytes.
pub(crate) fn run(data: &[u8]) {
    // Too few bytes for a record: there is nothing to check.
    lived(&mut Unstructured::new(data)).unwrap_or_default();
}

fn lived(u: &mut Unstructured<'_>) -> Result<()> {
    let policy = policy(u)?;
    let mut now = Timestamp::from_millis(NOW);
    let mut record = records::whole(u)?;
    if u.arbitrary()? {
        record = accepted(&record, &policy, now);
    }
    for _ in 0..64 {
        if u.is_empty() {
            break;
        }
        now = later(u, &record, now)?;
        let (next, side_effect) = moved(u, &record, &policy, now)?;
        promised(&record, &next, side_effect, now);
        record = next;
    }
    Ok(())
}

fn policy(u: &mut Unstructured<'_>) -> Result<Policy> {
    Ok(if u.arbitrary()? {
        Policy::standard()
    } else {
        let seconds = |u: &mut Unstructured<'_>| Ok(Duration::from_secs(u.int_in_range(0..=4000)?));
        Policy {
            guard: seconds(u)?,
            lease: seconds(u)?,
            evidence_window: seconds(u)?,
            retry: RetryPolicy::beginning_with(seconds(u)?),
            turn: *u.choose(&[Turn::Free, Turn::Waits])?,
        }
    })
}

/// Returns the record as `enqueue` writes it.
fn accepted(any: &EmailRecord, policy: &Policy, now: Timestamp) -> EmailRecord {
    let fresh = EmailRecord::new(any.tenant.clone(), any.id, any.body.clone(), any.recipients, now);
    let expires_at = now.after(Duration::from_secs(14 * 86_400));
    let (due, _) = domain::delivery::index::queued(now, expires_at, policy.turn, policy.guard, now);
    EmailRecord {
        on_uncertain: any.on_uncertain,
        due: Some(due),
        expires_at,
        ..fresh
    }
}

/// Advances the time, sometimes to just before or after a time in the record.
fn later(u: &mut Unstructured<'_>, record: &EmailRecord, now: Timestamp) -> Result<Timestamp> {
    let marks = [
        record.due.map(|due| due.at),
        Some(record.not_before),
        Some(record.expires_at),
    ];
    Ok(match u.int_in_range(0..=4)? {
        0 | 1 => now.after(Duration::from_millis(u.arbitrary::<u16>()?.into())),
        2 => now.after(Duration::from_secs(u.arbitrary::<u16>()?.into())),
        3 => u.choose(&marks)?.unwrap_or(now).max(now),
        // A machine whose clock is behind.
        _ => u.choose(&marks)?.unwrap_or(now).before(EARLY),
    })
}

/// Makes one transition of one of the functions; returns the next record and the side effect.
fn moved(
    u: &mut Unstructured<'_>,
    record: &EmailRecord,
    policy: &Policy,
    now: Timestamp,
) -> Result<(EmailRecord, SideEffect)> {
    let fortnight = Duration::from_secs(14 * 86_400);
    let decision = match u.int_in_range(0..=9)? {
        0 | 1 => {
            if !(Condition::Claimable { now }).holds(record) {
                return Ok(written(record, not_claimable(record, now)));
            }
            let next = claimed(record.clone(), policy, u.arbitrary()?, now);
            check_eq!(Claims, next.status, RecordStatus::Sending);
            check!(
                Claims,
                record.claim_no == u32::MAX || next.claim_no == record.claim_no + 1,
                "a claim has a number of its own"
            );
            return Ok((next, SideEffect::Nothing));
        }
        2 | 3 => {
            let claim_no = claim(u, record)?;
            let decision = record_attempt(
                record,
                claim_no,
                attempt(u)?,
                policy,
                Jitter::from_random(u.arbitrary()?),
                now,
            );
            speaks_for_its_claim(record, claim_no, &decision);
            decision
        }
        4 => heard(record, &records::event(u, record)?),
        5 => told(u, record)?,
        6 => {
            let decision = overdue(record, outlook(u)?, policy, now);
            if record.due.is_none_or(|due| due.at > now) {
                check_eq!(Claims, decision, Decision::Forget, "nothing is done before its time");
            }
            if let Decision::Write(transition) = &decision
                && (record.status, transition.record.status) == (RecordStatus::Uncertain, RecordStatus::Queued)
            {
                check!(
                    Duplicates,
                    transition.record.maybe_duplicate,
                    "sent again, and not marked"
                );
                check_eq!(
                    Hold,
                    record.on_uncertain,
                    OnUncertain::Resend,
                    "what is held is not sent again"
                );
            }
            decision
        }
        7 => {
            let claim_no = claim(u, record)?;
            let decision = fail(record, claim_no, now);
            let forgets = record.status != RecordStatus::Failing || record.claim_no != claim_no;
            check_eq!(
                Transitions,
                decision == Decision::Forget,
                forgets,
                "the only way to failed"
            );
            decision
        }
        8 => commands::cancel(record, now).unwrap_or(Decision::Forget),
        _ if u.arbitrary()? => {
            let force = u.arbitrary()?;
            let mut queue = Queue::plain(record.queue_key(), now);
            queue.generation = u.arbitrary()?;
            commands::retry(record, force, &queue, fortnight, policy, now).unwrap_or(Decision::Forget)
        }
        _ => {
            let expires_at = if u.arbitrary()? { Some(records::time(u)?) } else { None };
            let times = Times {
                scheduled_at: records::time(u)?,
                expires_at,
            };
            commands::reschedule(record, times, fortnight, policy, now).unwrap_or(Decision::Forget)
        }
    };
    Ok(written(record, decision))
}

fn claim(u: &mut Unstructured<'_>, record: &EmailRecord) -> Result<u32> {
    Ok(if u.ratio(3, 4)? {
        record.claim_no
    } else {
        u.int_in_range(0..=record.claim_no.saturating_add(1))?
    })
}

fn attempt(u: &mut Unstructured<'_>) -> Result<Attempt> {
    Ok(match u.int_in_range(0..=3)? {
        0 => Attempt::Accepted {
            message_id: texts::word(u, &["0100-x", ""])?,
        },
        1 | 2 => Attempt::NotAccepted {
            cause: *u.choose(domain::delivery::cause::Cause::ALL)?,
            detail: texts::text(u)?,
        },
        _ => Attempt::Ambiguous,
    })
}

fn outlook(u: &mut Unstructured<'_>) -> Result<Outlook> {
    let empty_at = if u.arbitrary()? { Some(records::time(u)?) } else { None };
    let newest = if u.arbitrary()? { Some(records::time(u)?) } else { None };
    Ok(Outlook {
        feedback: Feedback { empty_at, newest },
        priority_queue: *u.choose(&[
            PriorityQueueState::Flowing,
            PriorityQueueState::Backlog,
            PriorityQueueState::Shut,
        ])?,
    })
}

/// A refusal or an uncertain outcome of an old or settled claim changes nothing.
fn speaks_for_its_claim(record: &EmailRecord, claim_no: u32, decision: &Decision) {
    let holds = record.claim_no == claim_no && matches!(record.status, RecordStatus::Sending | RecordStatus::Uncertain);
    if let Decision::Write(transition) = decision {
        let evidence = transition.record.status == RecordStatus::Sent;
        check!(Truth, holds || evidence, "a claim speaks that holds nothing");
    }
}

/// Events about the recipients: neither their order nor a repetition changes the result.
fn told(u: &mut Unstructured<'_>, record: &EmailRecord) -> Result<Decision> {
    let mut events = Vec::new();
    for _ in 0..=u.int_in_range(0..=3)? {
        events.push(records::event(u, record)?);
    }
    let decision = learned(record, &events);
    events.reverse();
    check_eq!(Truth, decision, learned(record, &events), "the order means nothing");
    if let Decision::Write(transition) = &decision {
        let next = &transition.record;
        check_eq!(
            Truth,
            learned(next, &events),
            Decision::Forget,
            "a second time means nothing"
        );
        check!(
            Truth,
            record
                .delivery_statuses
                .iter()
                .all(|(key, delivery_status)| next.delivery_statuses.get(key) >= Some(delivery_status)),
            "a fate falls"
        );
        check!(
            Truth,
            next.delivered_at >= record.delivered_at && next.opened_at >= record.opened_at,
            "a time falls"
        );
        check!(Truth, next.clicked_at >= record.clicked_at, "a time falls");
        let life = EmailRecord {
            delivery_statuses: record.delivery_statuses.clone(),
            diagnostics: record.diagnostics.clone(),
            facts: record.facts.clone(),
            delivery_version: record.delivery_version,
            delivered_at: record.delivered_at,
            opened_at: record.opened_at,
            clicked_at: record.clicked_at,
            ..next.clone()
        };
        check_eq!(Truth, life, *record, "what becomes of recipients moves the email");
    }
    Ok(decision)
}

fn written(record: &EmailRecord, decision: Decision) -> (EmailRecord, SideEffect) {
    match decision {
        Decision::Write(transition) => {
            check!(
                Claims,
                transition.condition.holds(record),
                "a condition that does not hold where it was decided"
            );
            names_what_it_must(record, transition.condition);
            (transition.record, transition.side_effect)
        }
        Decision::Only(side_effect) => (record.clone(), side_effect),
        Decision::Forget => (record.clone(), SideEffect::Nothing),
    }
}

/// A record with another status, claim or time is not written.
fn names_what_it_must(record: &EmailRecord, condition: Condition) {
    if matches!(condition, Condition::DeliveryUnmoved { .. }) {
        return;
    }
    for status in RecordStatus::ALL
        .iter()
        .copied()
        .filter(|status| *status != record.status)
    {
        check!(
            Claims,
            !condition.holds(&EmailRecord {
                status,
                ..record.clone()
            }),
            "another status"
        );
    }
    for claim_no in [record.claim_no.wrapping_add(1), record.claim_no.wrapping_sub(1)] {
        check!(
            Claims,
            !condition.holds(&EmailRecord {
                claim_no,
                ..record.clone()
            }),
            "another claim"
        );
    }
    let not_before = Timestamp::from_millis(record.not_before.as_millis().wrapping_add(1));
    check!(
        Claims,
        !condition.holds(&EmailRecord {
            not_before,
            ..record.clone()
        }),
        "another time"
    );
}

/// Checks the invariants between a record and its successor.
fn promised(record: &EmailRecord, next: &EmailRecord, side_effect: SideEffect, now: Timestamp) {
    check!(
        Durability,
        next.is_in_its_place(),
        "{:?} in {:?}",
        next.status,
        next.due
    );
    check_eq!(
        Claims,
        next.lease.is_some(),
        next.status == RecordStatus::Sending,
        "{:?} and a lease",
        next.status
    );
    check_eq!(
        Claims,
        next.uncertain_since.is_some(),
        next.status == RecordStatus::Uncertain,
        "{:?} and its doubt",
        next.status
    );
    check!(Claims, next.claim_no >= record.claim_no, "a claim's number falls");
    check!(
        Duplicates,
        next.maybe_duplicate >= record.maybe_duplicate,
        "a mark is cleared"
    );
    check!(
        Duplicates,
        next.duplicate >= record.duplicate,
        "a known duplicate is forgotten"
    );
    check!(
        Truth,
        next.sent.is_some() >= record.sent.is_some(),
        "an acceptance is forgotten"
    );
    check!(
        Truth,
        next.delivery_version >= record.delivery_version,
        "fates are uncounted"
    );
    check_eq!(
        Truth,
        (next.status == RecordStatus::Sent),
        next.sent.is_some(),
        "sent, and by what"
    );
    if let Some(sent) = &next.sent {
        check!(
            Truth,
            (1..=next.claim_no).contains(&sent.claim_no),
            "sent by a claim that was made"
        );
    }
    if record.status == RecordStatus::Sent {
        check_eq!(
            Truth,
            (next.status, &next.sent),
            (RecordStatus::Sent, &record.sent),
            "what was sent stays so"
        );
    }
    if next.maybe_duplicate {
        let harmless = matches!(
            next.status,
            RecordStatus::Failing | RecordStatus::Failed | RecordStatus::Expired | RecordStatus::Canceled
        );
        check!(Duplicates, !harmless, "marked, and {:?}", next.status);
    }
    if next.status == RecordStatus::Failed && record.status != RecordStatus::Failed {
        check_eq!(
            Transitions,
            record.status,
            RecordStatus::Failing,
            "failed comes from failing"
        );
    }
    for (before, after) in [
        (record.tenant.as_str(), next.tenant.as_str()),
        (record.queue.as_str(), next.queue.as_str()),
    ] {
        check_eq!(Content, before, after);
    }
    check_eq!(
        Content,
        (record.id, record.born, &record.body, record.priority),
        (next.id, next.born, &next.body, next.priority)
    );
    check_eq!(
        Content,
        (record.recipients, record.on_uncertain),
        (next.recipients, next.on_uncertain)
    );
    if next.detail != record.detail {
        check!(
            Durability,
            next.detail.as_ref().is_none_or(|detail| detail.len() <= 256),
            "a row stays small"
        );
    }
    if let SideEffect::EnqueueTask { delay } = side_effect {
        check!(Completion, delay <= Duration::from_secs(900), "SQS delays no longer");
        check_eq!(
            Completion,
            next.status,
            RecordStatus::Queued,
            "only what waits is woken"
        );
    }
    if side_effect == SideEffect::DeadLetter {
        check_eq!(
            Transitions,
            next.status,
            RecordStatus::Failing,
            "only what fails is handed over"
        );
    }
    if let Some(due) = next.due
        && next.due != record.due
        && due.kind == DueKind::Wake
    {
        check_eq!(
            Claims,
            (next.status, due.at),
            (RecordStatus::Queued, next.not_before),
            "what waits for its time"
        );
    }
    let view = serde_json::to_value(EmailView::new(next, None, now));
    check!(Truth, view.is_ok_and(|view| view.is_object()), "it can be shown");
    check!(
        Truth,
        lifecycle::Condition::DeliveryUnmoved {
            delivery_version: next.delivery_version
        }
        .holds(next)
    );
}
