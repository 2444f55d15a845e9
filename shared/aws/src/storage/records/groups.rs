//! Transitions that depend on the state of one queue: one check of the queue for up to 99 records.
//!
//! **Rule:** a refused record is removed by its entry in the reasons, and the rest is tried again. A
//! permanently failing group is halved until only the failing record is left.
//! **Why one at a time:** see [`super::gates`].

use std::collections::BTreeMap;

use domain::delivery::record::EmailRecord;
use domain::id::QueueKey;
use domain::lifecycle::Transition;
use domain::ports::{FailureKind, PortError, RecordWrite, Written};
use domain::timestamp::Timestamp;

use super::{Table, maybe_record};
use crate::storage::table::{Check, Expression, Transacted, Write, keys};

const WHAT: &str = "writing transitions together with their queue";

/// Returns the condition that a queue is in a state. It is a write of a transaction that changes nothing.
pub(crate) fn queue_is_at(queue: &QueueKey, queue_version: u64) -> Write {
    let change = Expression::condition("#no = :no")
        .with_name("#no", "no")
        .with_value(":no", queue_version);
    let key = keys::queue(queue);
    Write::Update { key, change }
}

impl Table {
    /// Writes one transition that depends on its queue's state.
    pub(super) async fn write_grouped(
        &self,
        before: &EmailRecord,
        transition: &Transition,
        queue_version: u64,
        now: Timestamp,
    ) -> Result<Written, PortError> {
        let write = RecordWrite {
            before: before.clone(),
            transition: transition.clone(),
        };
        let queue = before.queue_key();
        let mut written = self.write_group(&queue, queue_version, &[&write], now).await;
        written.pop().unwrap_or(Ok(Written::QueueMoved))
    }

    /// Writes up to 99 transitions that depend on one state of one queue; one result for each, in order.
    pub(super) async fn write_group(
        &self,
        queue: &QueueKey,
        queue_version: u64,
        writes: &[&RecordWrite],
        now: Timestamp,
    ) -> Vec<Result<Written, PortError>> {
        let _gate = self.gates.pass(queue).await;
        let mut results = BTreeMap::new();
        let mut groups: Vec<Vec<(usize, &RecordWrite)>> = vec![writes.iter().copied().enumerate().collect()];
        while let Some(mut group) = groups.pop() {
            if group.is_empty() {
                continue;
            }
            let mut transaction = vec![queue_is_at(queue, queue_version)];
            transaction.extend(group.iter().map(|(_, write)| Write::Update {
                key: keys::email(&write.before.email_key()),
                change: self.expression(&write.before, &write.transition, now),
            }));
            match self.transact(transaction, WHAT).await {
                Ok(Transacted::Done) => results.extend(group.iter().map(|(place, _)| (*place, Ok(Written::Done)))),
                Ok(Transacted::Refused(checks)) => {
                    let mut checks = checks.into_iter();
                    if checks.next() != Some(Check::Held) {
                        results.extend(group.iter().map(|(place, _)| (*place, Ok(Written::QueueMoved))));
                        continue;
                    }
                    let mut left = Vec::new();
                    for ((place, write), check) in group.into_iter().zip(checks) {
                        match check {
                            Check::Held => left.push((place, write)),
                            Check::Failed(stored) => {
                                let stored = maybe_record(stored, now, WHAT);
                                results.insert(
                                    place,
                                    stored.map(|stored| outcome_of_refusal(stored, &write.transition)),
                                );
                            }
                        }
                    }
                    groups.push(left);
                }
                Err(error) if error.kind == FailureKind::Permanent && group.len() > 1 => {
                    let second = group.split_off(group.len() / 2);
                    groups.extend([group, second]);
                }
                Err(error) => {
                    results.extend(group.iter().map(|(place, _)| (*place, Err(error.for_another()))));
                }
            }
        }
        results.into_values().collect()
    }
}

/// Returns the outcome of a write that found this stored record.
fn outcome_of_refusal(stored: Option<Box<EmailRecord>>, transition: &Transition) -> Written {
    match stored {
        // The stored record is this call's own write, whose answer was lost.
        Some(stored) if *stored == transition.record => Written::Done,
        stored => Written::Moved(stored),
    }
}

#[cfg(test)]
#[path = "groups_tests.rs"]
mod tests;

#[cfg(test)]
#[path = "busy_tests.rs"]
mod busy_tests;
