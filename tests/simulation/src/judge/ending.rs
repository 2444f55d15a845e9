//! What is left at the end of a run.

use std::collections::{BTreeMap, BTreeSet};

use domain::cause::Cause;
use domain::id::EmailId;
use domain::row::{Row, Status};
use world::World;

use super::{Judge, Known};

impl Judge {
    /// Judges the end of a run. `waits`: whether a row may wait to the end.
    pub fn end(&self, world: &World, waits: impl Fn(&Row) -> bool) {
        let (rows, contents) = {
            let state = world.state();
            let contents: BTreeSet<EmailId> = state.bodies.keys().map(|(key, _)| key.id).collect();
            (state.rows.clone(), contents)
        };
        let mut seen = self.seen();
        for row in rows.values() {
            let restored = seen.queues.get(row.queue.as_str()).is_some_and(|queue| queue.restored);
            // What was never answered may have nothing to send.
            let answered = seen.known.get(&row.id).is_some_and(|known| known.answered);
            if restored && answered && row.cause == Some(Cause::Purged) {
                let what = "its queue was restored, and it is still purged".to_owned();
                seen.broken(9, Some(row.id), what);
            }
        }
        let known = seen.known.clone();
        let rows = rows.values().filter(|row| known.contains_key(&row.id));
        let rows: BTreeMap<EmailId, &Row> = rows.map(|row| (row.id, row)).collect();
        for (id, known) in &known {
            let row = rows.get(id).copied();
            if let Some(at) = known.erased_at {
                let settled = seen.bounds.map(|bounds| at.before(bounds.under_way));
                let is_alone = known.posted_at.is_none_or(|posted| Some(posted) < settled);
                if row.is_some() || (is_alone && contents.contains(id)) {
                    seen.broken(10, Some(*id), "it was erased, and something is left".to_owned());
                }
                continue;
            }
            let Some(row) = row else {
                if known.answered && !known.erase_begun && !known.forgotten {
                    seen.broken(1, Some(*id), "it was accepted, and there is no row".to_owned());
                }
                continue;
            };
            if waits(row) {
                continue;
            }
            for (rule, what) in ends_badly(row, known) {
                seen.broken(rule, Some(*id), what);
            }
        }
    }
}

/// What is wrong with an email at the end.
pub(super) fn ends_badly(row: &Row, known: &Known) -> Vec<(u8, String)> {
    let mut wrong = Vec::new();
    let accepted: Vec<u32> = known
        .submissions
        .iter()
        .filter(|s| s.accepted)
        .map(|s| s.claim_no)
        .collect();
    if !row.status.is_final() {
        wrong.push((1, format!("it has not ended: {:?}", row.status)));
    }
    if known.told_of.len() > 1 && !row.duplicate {
        wrong.push((
            4,
            format!("events tell of claims {:?}, and the row of no duplicate", known.told_of),
        ));
    }
    if accepted.len() > 1 && !row.maybe_duplicate && !row.duplicate {
        wrong.push((
            2,
            format!("SES accepted {} copies, and the row is not marked", accepted.len()),
        ));
    }
    match row.status {
        Status::Sent if accepted.is_empty() => wrong.push((4, "it is sent, and SES accepted nothing".to_owned())),
        Status::Failed | Status::Canceled | Status::Expired if !accepted.is_empty() => {
            wrong.push((4, format!("SES accepted it, and it is {:?}", row.status)));
        }
        Status::Sent => {
            let said = row.sent.as_ref().map(|sent| sent.claim_no);
            if !said.is_some_and(|claim| accepted.contains(&claim)) {
                wrong.push((
                    4,
                    format!("it is sent by claim {said:?}, and SES accepted {accepted:?}"),
                ));
            }
        }
        status if known.events > 0 => wrong.push((4, format!("events say that it was sent, and it is {status:?}"))),
        Status::Queued
        | Status::Sending
        | Status::Failing
        | Status::Uncertain
        | Status::Failed
        | Status::Unknown
        | Status::Canceled
        | Status::Expired => {}
    }
    let said = (&known.fates, known.delivered_at, known.opened_at, known.clicked_at);
    let stored = (&row.fates, row.delivered_at, row.opened_at, row.clicked_at);
    if said != stored {
        wrong.push((4, format!("events said {said:?}, and the row says {stored:?}")));
    }
    if known.canceled && row.status != Status::Canceled {
        wrong.push((
            5,
            format!("it was answered that it is canceled, and it is {:?}", row.status),
        ));
    }
    wrong
}
