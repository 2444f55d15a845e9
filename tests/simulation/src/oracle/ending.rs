//! The state at the end of a run.

use std::collections::{BTreeMap, BTreeSet};

use domain::delivery::cause::Cause;
use domain::delivery::record::{EmailRecord, RecordStatus};
use domain::id::EmailId;
use invariants::Invariant;
use memory::MemoryBackend;

use super::{ObservedEmail, Oracle, queue_of};

impl Oracle {
    /// Checks the end of a run. `waits` tells whether a record may still wait.
    pub fn end(&self, backend: &MemoryBackend, waits: impl Fn(&EmailRecord) -> bool) {
        let (records, contents) = {
            let state = backend.state();
            let contents: BTreeSet<EmailId> = state.bodies.keys().map(|(key, _)| key.id).collect();
            (state.records.clone(), contents)
        };
        let mut seen = self.observations();
        for record in records.values() {
            let restored = queue_of(&seen.queues, record).is_some_and(|queue| queue.restored);
            // An email without an answer may have nothing to send.
            let answered = seen.known.get(&record.id).is_some_and(|known| known.answered);
            if restored && answered && record.cause == Some(Cause::Purged) {
                let what = "its queue was restored, and it is still purged".to_owned();
                seen.broken(Invariant::QueueCommands, Some(record.id), what);
            }
        }
        let known = seen.known.clone();
        let records = records.values().filter(|record| known.contains_key(&record.id));
        let records: BTreeMap<EmailId, &EmailRecord> = records.map(|record| (record.id, record)).collect();
        for (id, known) in &known {
            let record = records.get(id).copied();
            if let Some(at) = known.erased_at {
                let settled = seen.bounds.map(|bounds| at.before(bounds.under_way));
                let is_alone = known.posted_at.is_none_or(|posted| Some(posted) < settled);
                if record.is_some() || (is_alone && contents.contains(id)) {
                    seen.broken(
                        Invariant::Erasure,
                        Some(*id),
                        "it was erased, and something is left".to_owned(),
                    );
                }
                continue;
            }
            let Some(record) = record else {
                if known.answered && !known.erase_begun && !known.forgotten {
                    seen.broken(
                        Invariant::Durability,
                        Some(*id),
                        "it was accepted, and there is no record".to_owned(),
                    );
                }
                continue;
            };
            if waits(record) {
                continue;
            }
            for (invariant, what) in ends_badly(record, known) {
                seen.broken(invariant, Some(*id), what);
            }
        }
    }
}

/// Returns the faults of an email at the end.
pub(super) fn ends_badly(record: &EmailRecord, known: &ObservedEmail) -> Vec<(Invariant, String)> {
    let mut wrong = Vec::new();
    let accepted: Vec<u32> = known
        .submissions
        .iter()
        .filter(|s| s.accepted)
        .map(|s| s.claim_no)
        .collect();
    if !record.status.is_final() {
        wrong.push((Invariant::Completion, format!("it has not ended: {:?}", record.status)));
    }
    if known.proven_claims.len() > 1 && !record.duplicate {
        wrong.push((
            Invariant::Duplicates,
            format!(
                "events prove claims {:?}, and the record has no duplicate",
                known.proven_claims
            ),
        ));
    }
    let copies = accepted.len() + known.earlier_copies;
    if copies > 1 && !record.maybe_duplicate && !record.duplicate {
        wrong.push((
            Invariant::Duplicates,
            format!("SES accepted {copies} copies, and the record is not flagged"),
        ));
    }
    match record.status {
        RecordStatus::Sent if accepted.is_empty() => {
            wrong.push((Invariant::Truth, "it is sent, and SES accepted nothing".to_owned()))
        }
        RecordStatus::Failed | RecordStatus::Canceled | RecordStatus::Expired if copies > 0 => {
            wrong.push((
                Invariant::Truth,
                format!("SES accepted it, and it is {:?}", record.status),
            ));
        }
        RecordStatus::Sent => {
            let said = record.sent.as_ref().map(|sent| sent.claim_no);
            if !said.is_some_and(|claim| accepted.contains(&claim)) {
                wrong.push((
                    Invariant::Truth,
                    format!("it is sent by claim {said:?}, and SES accepted {accepted:?}"),
                ));
            }
        }
        status if known.events > 0 => wrong.push((
            Invariant::Truth,
            format!("events say that it was sent, and it is {status:?}"),
        )),
        RecordStatus::Queued
        | RecordStatus::Sending
        | RecordStatus::Failing
        | RecordStatus::Uncertain
        | RecordStatus::Failed
        | RecordStatus::Unknown
        | RecordStatus::Canceled
        | RecordStatus::Expired => {}
    }
    let said = (
        &known.delivery_statuses,
        known.delivered_at,
        known.opened_at,
        known.clicked_at,
    );
    let stored = (
        &record.delivery_statuses,
        record.delivered_at,
        record.opened_at,
        record.clicked_at,
    );
    if said != stored {
        wrong.push((
            Invariant::Truth,
            format!("events said {said:?}, and the record says {stored:?}"),
        ));
    }
    if known.canceled && record.status != RecordStatus::Canceled {
        wrong.push((
            Invariant::Cancellation,
            format!("it was answered that it is canceled, and it is {:?}", record.status),
        ));
    }
    wrong
}
