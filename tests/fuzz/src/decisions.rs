//! The state machine: any transitions, in any order, on a new record or on any other.

mod oracle;

use std::time::Duration;

use arbitrary::{Result, Unstructured};
use domain::delivery::attempt::Attempt;
use domain::delivery::policy::{Policy, Turn};
use domain::delivery::record::{EmailRecord, OnUncertain, RecordStatus};
use domain::delivery::retry::{Jitter, RetryPolicy};
use domain::lifecycle::commands::{self, Times};
use domain::lifecycle::{
    Condition, Decision, EARLY, Feedback, Outlook, PriorityQueueState, SideEffect, claim_record, fail, handle_event,
    not_claimable, overdue, record_attempt, update_recipients,
};
use domain::queue::Queue;
use domain::timestamp::Timestamp;

use oracle::{check_invariants, check_stale_result, names_what_it_must};

use crate::check::{check, check_eq};
use crate::generators::records::{self, NOW};
use crate::generators::texts;

/// Derives a record and transitions from the bytes.
pub(crate) fn run(data: &[u8]) {
    // Too few bytes for a record: there is nothing to check.
    live_through(&mut Unstructured::new(data)).unwrap_or_default();
}

fn live_through(u: &mut Unstructured<'_>) -> Result<()> {
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
        let (next, side_effect) = move_once(u, &record, &policy, now)?;
        check_invariants(&record, &next, side_effect, now);
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
            restore_epoch: None,
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
fn move_once(
    u: &mut Unstructured<'_>,
    record: &EmailRecord,
    policy: &Policy,
    now: Timestamp,
) -> Result<(EmailRecord, SideEffect)> {
    let fortnight = Duration::from_secs(14 * 86_400);
    let decision = match u.int_in_range(0..=9)? {
        0 | 1 => {
            let epoch = policy.restore_epoch;
            if !(Condition::Claimable { now, epoch }).holds(record) {
                return Ok(written(record, not_claimable(record, now)));
            }
            let next = claim_record(record.clone(), policy, u.arbitrary()?, now);
            check_eq!(Claims, next.status, RecordStatus::Sending);
            check!(
                Claims,
                record.claim_no == u32::MAX || next.claim_no == record.claim_no + 1,
                "the claim number does not rise by one"
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
            check_stale_result(record, claim_no, &decision);
            decision
        }
        4 => handle_event(record, &records::event(u, record)?),
        5 => update_in_any_order(u, record)?,
        6 => {
            let decision = overdue(record, outlook(u)?, policy, now);
            if record.due.is_none_or(|due| due.at > now) {
                check_eq!(Claims, decision, Decision::Forget, "a record that is not due changes");
            }
            if let Decision::Write(transition) = &decision
                && (record.status, transition.record.status) == (RecordStatus::Uncertain, RecordStatus::Queued)
            {
                check!(
                    Duplicates,
                    transition.record.maybe_duplicate,
                    "sent again, and not flagged"
                );
                check_eq!(
                    Hold,
                    record.on_uncertain,
                    OnUncertain::Resend,
                    "a held email is sent again"
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
                "failed only from failing, under its claim"
            );
            decision
        }
        8 => commands::cancel(record, policy, now).unwrap_or(Decision::Forget),
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

/// Events about the recipients: neither their order nor a repetition changes the result.
fn update_in_any_order(u: &mut Unstructured<'_>, record: &EmailRecord) -> Result<Decision> {
    let mut events = Vec::new();
    for _ in 0..=u.int_in_range(0..=3)? {
        events.push(records::event(u, record)?);
    }
    let decision = update_recipients(record, &events);
    events.reverse();
    check_eq!(
        Truth,
        decision,
        update_recipients(record, &events),
        "the result in another order"
    );
    if let Decision::Write(transition) = &decision {
        let next = &transition.record;
        check_eq!(
            Truth,
            update_recipients(next, &events),
            Decision::Forget,
            "the result of repeated events"
        );
        check!(
            Truth,
            record
                .delivery_statuses
                .iter()
                .all(|(key, delivery_status)| next.delivery_statuses.get(key) >= Some(delivery_status)),
            "a delivery status falls"
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
        check_eq!(Truth, life, *record, "a delivery status changes the email's status");
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
