//! The facts of an email's life that webhooks tell: scheduled, sent, and the ends without an acceptance.
//!
//! **Invariant:** pure, and of the record alone. No write takes a fact from the set of a record
//! ([`keep_past`]); only an erasure does. So the facts of a change are those of the record after it, without those
//! of the record before it, and a lost change can be found again later.
//! A fact's time is stored with it, so that it is the same at each look.
//! **Start reading at** [`life`].

pub use crate::delivery::life_fact::{End, LifeFact, LifeKind};
use crate::delivery::record::{DueKind, EmailRecord, RecordStatus};

/// The facts of a record's life, the past ones first. A record without [`EmailRecord::hook`] has none.
#[must_use]
pub fn life(record: &EmailRecord) -> Vec<LifeFact> {
    let past = record.hook.iter().flat_map(|hook| &hook.past).copied();
    past.chain(present(record)).collect()
}

/// The facts that the record shows now.
fn present(record: &EmailRecord) -> impl Iterator<Item = LifeFact> {
    let hook = record.hook.as_ref();
    let scheduled = hook.and_then(|hook| {
        let until = record.scheduled_at?;
        let (turn, at) = hook
            .schedule
            .map_or((0, record.born), |schedule| (schedule.turn, schedule.at));
        // A request for a time in the past is sent at once.
        let waits = hook.schedule.is_some() || until > record.born;
        let kind = LifeKind::Scheduled { turn, until };
        waits.then_some(LifeFact { kind, at })
    });
    let outcome = hook.and_then(|hook| {
        let end = match record.status {
            RecordStatus::Queued | RecordStatus::Sending | RecordStatus::Failing | RecordStatus::Uncertain => {
                return None;
            }
            RecordStatus::Sent => {
                let sent = record.sent.as_ref()?;
                let claim_no = sent.claim_no;
                let kind = LifeKind::Sent { claim_no };
                return Some(LifeFact { kind, at: sent.at });
            }
            RecordStatus::Failed => End::Failed,
            RecordStatus::Unknown => End::Unknown,
            RecordStatus::Canceled => End::Canceled,
            RecordStatus::Expired => End::Expired,
        };
        let at = record.due.filter(|due| due.kind == DueKind::Ended).map(|due| due.at);
        let kind = LifeKind::Ended {
            end,
            claim_no: record.claim_no,
            turn: hook.turn,
            cause: record.cause,
        };
        Some(LifeFact {
            kind,
            at: at.unwrap_or(record.not_before),
        })
    });
    scheduled.into_iter().chain(outcome)
}

/// Moves the facts that `next` no longer shows to its past.
pub(crate) fn keep_past(before: &EmailRecord, next: &mut EmailRecord) {
    if next.hook.is_none() || before.hook.is_none() {
        return;
    }
    let shown: Vec<_> = present(next).collect();
    let is_shown = |fact: &LifeFact| shown.iter().any(|other| other.kind.is_same(fact.kind));
    let gone: Vec<_> = present(before).filter(|fact| !is_shown(fact)).collect();
    if let Some(hook) = &mut next.hook {
        for fact in gone {
            hook.keep(fact);
        }
    }
}

#[cfg(test)]
#[path = "life_tests.rs"]
mod tests;
