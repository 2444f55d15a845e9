//! The state machine: any moves, in any order, on a row as it is accepted or on any other.

use std::time::Duration;

use arbitrary::{Result, Unstructured};
use domain::lifecycle::asked::{self, Times};
use domain::lifecycle::{
    self, Attempt, Condition, Decision, EARLY, Feedback, LaneState, Outlook, Policy, Then, claimed, handed_over, heard,
    learned, not_claimable, overdue, record,
};
use domain::queue::{Queue, QueueKey};
use domain::rate_limit::Turn;
use domain::retry::{Jitter, RetryPolicy};
use domain::row::{DueKind, OnUncertain, Row, Status};
use domain::timestamp::Timestamp;
use domain::wire::email_view::EmailView;

use crate::given::rows::{self, NOW};
use crate::given::texts;

/// Makes a row and moves of the bytes.
pub(crate) fn run(data: &[u8]) {
    // Too few bytes for a row: nothing to be seen.
    lived(&mut Unstructured::new(data)).unwrap_or_default();
}

fn lived(u: &mut Unstructured<'_>) -> Result<()> {
    let policy = policy(u)?;
    let mut now = Timestamp::from_millis(NOW);
    let mut row = rows::whole(u)?;
    if u.arbitrary()? {
        row = accepted(&row, &policy, now);
    }
    for _ in 0..64 {
        if u.is_empty() {
            break;
        }
        now = later(u, &row, now)?;
        let (next, then) = moved(u, &row, &policy, now)?;
        promised(&row, &next, then, now);
        row = next;
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

/// The row as `enqueue` writes it.
fn accepted(any: &Row, policy: &Policy, now: Timestamp) -> Row {
    let fresh = Row::new(any.tenant.clone(), any.id, any.body.clone(), any.recipients, now);
    let expires_at = now.after(Duration::from_secs(14 * 86_400));
    let (due, _) = domain::index::queued(now, expires_at, policy.turn, policy.guard, now);
    Row {
        on_uncertain: any.on_uncertain,
        due: Some(due),
        expires_at,
        ..fresh
    }
}

/// Time goes on, at times to just before or behind what the row waits for.
fn later(u: &mut Unstructured<'_>, row: &Row, now: Timestamp) -> Result<Timestamp> {
    let marks = [row.due.map(|due| due.at), Some(row.not_before), Some(row.expires_at)];
    Ok(match u.int_in_range(0..=4)? {
        0 | 1 => now.after(Duration::from_millis(u.arbitrary::<u16>()?.into())),
        2 => now.after(Duration::from_secs(u.arbitrary::<u16>()?.into())),
        3 => u.choose(&marks)?.unwrap_or(now).max(now),
        // Another machine's clock.
        _ => u.choose(&marks)?.unwrap_or(now).before(EARLY),
    })
}

/// One move of one of the functions; the row afterwards, and what follows it.
fn moved(u: &mut Unstructured<'_>, row: &Row, policy: &Policy, now: Timestamp) -> Result<(Row, Then)> {
    let fortnight = Duration::from_secs(14 * 86_400);
    let decision = match u.int_in_range(0..=9)? {
        0 | 1 => {
            if !(Condition::Claimable { now }).holds(row) {
                return Ok(written(row, not_claimable(row, now)));
            }
            let next = claimed(row.clone(), policy, u.arbitrary()?, now);
            assert_eq!(next.status, Status::Sending);
            assert!(
                row.claim_no == u32::MAX || next.claim_no == row.claim_no + 1,
                "a claim has a number of its own"
            );
            return Ok((next, Then::Nothing));
        }
        2 | 3 => {
            let claim_no = claim(u, row)?;
            let decision = record(
                row,
                claim_no,
                attempt(u)?,
                policy,
                Jitter::from_random(u.arbitrary()?),
                now,
            );
            speaks_for_its_claim(row, claim_no, &decision);
            decision
        }
        4 => heard(row, &rows::event(u, row)?),
        5 => told(u, row)?,
        6 => {
            let decision = overdue(row, outlook(u)?, policy, now);
            if row.due.is_none_or(|due| due.at > now) {
                assert_eq!(decision, Decision::Forget, "nothing is done before its time");
            }
            if let Decision::Write(transition) = &decision
                && (row.status, transition.row.status) == (Status::Uncertain, Status::Queued)
            {
                assert!(transition.row.maybe_duplicate, "sent again, and not marked");
                assert_eq!(row.on_uncertain, OnUncertain::Resend, "what is held is not sent again");
            }
            decision
        }
        7 => {
            let claim_no = claim(u, row)?;
            let decision = handed_over(row, claim_no, now);
            let forgets = row.status != Status::Failing || row.claim_no != claim_no;
            assert_eq!(decision == Decision::Forget, forgets, "the only way to failed");
            decision
        }
        8 => asked::cancel(row, now).unwrap_or(Decision::Forget),
        _ if u.arbitrary()? => {
            let force = u.arbitrary()?;
            let mut queue = Queue::plain(QueueKey::of(row), now);
            queue.generation = u.arbitrary()?;
            asked::retry(row, force, &queue, fortnight, policy, now).unwrap_or(Decision::Forget)
        }
        _ => {
            let expires_at = if u.arbitrary()? { Some(rows::time(u)?) } else { None };
            let times = Times {
                scheduled_at: rows::time(u)?,
                expires_at,
            };
            asked::reschedule(row, times, fortnight, policy, now).unwrap_or(Decision::Forget)
        }
    };
    Ok(written(row, decision))
}

fn claim(u: &mut Unstructured<'_>, row: &Row) -> Result<u32> {
    Ok(if u.ratio(3, 4)? {
        row.claim_no
    } else {
        u.int_in_range(0..=row.claim_no.saturating_add(1))?
    })
}

fn attempt(u: &mut Unstructured<'_>) -> Result<Attempt> {
    Ok(match u.int_in_range(0..=3)? {
        0 => Attempt::Accepted {
            message_id: texts::word(u, &["0100-x", ""])?,
        },
        1 | 2 => Attempt::NotAccepted {
            cause: *u.choose(&domain::cause::Cause::ALL)?,
            detail: texts::text(u)?,
        },
        _ => Attempt::Ambiguous,
    })
}

fn outlook(u: &mut Unstructured<'_>) -> Result<Outlook> {
    let empty_at = if u.arbitrary()? { Some(rows::time(u)?) } else { None };
    let newest = if u.arbitrary()? { Some(rows::time(u)?) } else { None };
    Ok(Outlook {
        feedback: Feedback { empty_at, newest },
        lane: *u.choose(&[LaneState::Flowing, LaneState::Backlog, LaneState::Shut])?,
    })
}

/// A refusal or a doubt of a claim that is not the newest, or was settled, changes nothing.
fn speaks_for_its_claim(row: &Row, claim_no: u32, decision: &Decision) {
    let holds = row.claim_no == claim_no && matches!(row.status, Status::Sending | Status::Uncertain);
    if let Decision::Write(transition) = decision {
        let evidence = transition.row.status == Status::Sent;
        assert!(holds || evidence, "a claim speaks that holds nothing");
    }
}

/// Events about the recipients: their order means nothing, and neither does a second time.
fn told(u: &mut Unstructured<'_>, row: &Row) -> Result<Decision> {
    let mut events = Vec::new();
    for _ in 0..=u.int_in_range(0..=3)? {
        events.push(rows::event(u, row)?);
    }
    let decision = learned(row, &events);
    events.reverse();
    assert_eq!(decision, learned(row, &events), "the order means nothing");
    if let Decision::Write(transition) = &decision {
        let next = &transition.row;
        assert_eq!(learned(next, &events), Decision::Forget, "a second time means nothing");
        assert!(
            row.fates.iter().all(|(key, fate)| next.fates.get(key) >= Some(fate)),
            "a fate falls"
        );
        assert!(
            next.delivered_at >= row.delivered_at && next.opened_at >= row.opened_at,
            "a time falls"
        );
        assert!(next.clicked_at >= row.clicked_at, "a time falls");
        let life = Row {
            fates: row.fates.clone(),
            diagnostics: row.diagnostics.clone(),
            facts: row.facts.clone(),
            fate_no: row.fate_no,
            delivered_at: row.delivered_at,
            opened_at: row.opened_at,
            clicked_at: row.clicked_at,
            ..next.clone()
        };
        assert_eq!(life, *row, "what becomes of recipients moves the email");
    }
    Ok(decision)
}

fn written(row: &Row, decision: Decision) -> (Row, Then) {
    match decision {
        Decision::Write(transition) => {
            assert!(
                transition.condition.holds(row),
                "a condition that does not hold where it was decided"
            );
            names_what_it_must(row, transition.condition);
            (transition.row, transition.then)
        }
        Decision::Only(then) => (row.clone(), then),
        Decision::Forget => (row.clone(), Then::Nothing),
    }
}

/// A row that has moved on in status, claim or time is not written.
fn names_what_it_must(row: &Row, condition: Condition) {
    if matches!(condition, Condition::FatesUnmoved { .. }) {
        return;
    }
    for status in Status::ALL.into_iter().filter(|status| *status != row.status) {
        assert!(!condition.holds(&Row { status, ..row.clone() }), "another status");
    }
    for claim_no in [row.claim_no.wrapping_add(1), row.claim_no.wrapping_sub(1)] {
        assert!(
            !condition.holds(&Row {
                claim_no,
                ..row.clone()
            }),
            "another claim"
        );
    }
    let not_before = Timestamp::from_millis(row.not_before.as_millis().wrapping_add(1));
    assert!(
        !condition.holds(&Row {
            not_before,
            ..row.clone()
        }),
        "another time"
    );
}

/// What holds between a row and the next.
fn promised(row: &Row, next: &Row, then: Then, now: Timestamp) {
    assert!(next.is_in_its_place(), "{:?} in {:?}", next.status, next.due);
    assert_eq!(
        next.lease.is_some(),
        next.status == Status::Sending,
        "{:?} and a lease",
        next.status
    );
    assert_eq!(
        next.uncertain_since.is_some(),
        next.status == Status::Uncertain,
        "{:?} and its doubt",
        next.status
    );
    assert!(next.claim_no >= row.claim_no, "a claim's number falls");
    assert!(next.maybe_duplicate >= row.maybe_duplicate, "a mark is cleared");
    assert!(next.duplicate >= row.duplicate, "a known duplicate is forgotten");
    assert!(next.sent.is_some() >= row.sent.is_some(), "an acceptance is forgotten");
    assert!(next.fate_no >= row.fate_no, "fates are uncounted");
    assert_eq!((next.status == Status::Sent), next.sent.is_some(), "sent, and by what");
    if let Some(sent) = &next.sent {
        assert!(
            (1..=next.claim_no).contains(&sent.claim_no),
            "sent by a claim that was made"
        );
    }
    if row.status == Status::Sent {
        assert_eq!(
            (next.status, &next.sent),
            (Status::Sent, &row.sent),
            "what was sent stays so"
        );
    }
    if next.maybe_duplicate {
        let harmless = matches!(
            next.status,
            Status::Failing | Status::Failed | Status::Expired | Status::Canceled
        );
        assert!(!harmless, "marked, and {:?}", next.status);
    }
    if next.status == Status::Failed && row.status != Status::Failed {
        assert_eq!(row.status, Status::Failing, "failed comes from failing");
    }
    for (before, after) in [
        (row.tenant.as_str(), next.tenant.as_str()),
        (row.queue.as_str(), next.queue.as_str()),
    ] {
        assert_eq!(before, after);
    }
    assert_eq!(
        (row.id, row.born, &row.body, row.lane),
        (next.id, next.born, &next.body, next.lane)
    );
    assert_eq!((row.recipients, row.on_uncertain), (next.recipients, next.on_uncertain));
    if next.detail != row.detail {
        assert!(
            next.detail.as_ref().is_none_or(|detail| detail.len() <= 256),
            "a row stays small"
        );
    }
    if let Then::WakeUp { delay } = then {
        assert!(delay <= Duration::from_secs(900), "SQS delays no longer");
        assert_eq!(next.status, Status::Queued, "only what waits is woken");
    }
    if then == Then::HandOver {
        assert_eq!(next.status, Status::Failing, "only what fails is handed over");
    }
    if let Some(due) = next.due
        && next.due != row.due
        && due.kind == DueKind::Wake
    {
        assert_eq!(
            (next.status, due.at),
            (Status::Queued, next.not_before),
            "what waits for its time"
        );
    }
    let view = serde_json::to_value(EmailView::new(next, None, now));
    assert!(view.is_ok_and(|view| view.is_object()), "it can be shown");
    assert!(lifecycle::Condition::FatesUnmoved { fate_no: next.fate_no }.holds(next));
}
