//! Applies the state of an email's queue: returns emails without a slot to the due index, parks held ones (moves them
//! to their queue's partition of the index), and drops unwanted ones. It never waits for a queue's rate limit.
//!
//! **Invariant:** right before the claim, the pause or purge of a queue is known with a few seconds' delay. In
//! a steady flow that costs no call ([`crate::cache`]). An email is parked or dropped only if its queue
//! still demands it at the write.
//! **Start reading at** [`SendFunction::permits`].

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::time::Duration;

use domain::delivery::account_rate::PermitRequest;
use domain::delivery::policy::Turn;
use domain::delivery::record::{EmailRecord, Priority, RecordStatus};
use domain::delivery::send_task::SendTask;
use domain::id::{EmailKey, QueueKey};
use domain::lifecycle::queue_control::{DropStage, drop_unwanted, is_parked, reconcile, wait_for_slot};
use domain::lifecycle::{EARLY, SideEffect, not_claimable};
use domain::ports::{Clock, EmailRecords, PortError, Queues, Rounds};
use domain::queue::rate_limit::is_usable;
use domain::queue::{Disposition, Queue};
use domain::timestamp::Timestamp;
use workflow::apply::{apply, apply_many};
use workflow::slots;

use crate::cache::SettingsCache;
use crate::rate_limiter::Permit;
use crate::{Ports, SendFunction, TaskError, TaskOutcome};

/// Delay of a send task whose queue differs from the cached one.
const AGAIN: Duration = Duration::from_secs(1);

/// Cached queues of an environment.
pub type QueueCache = SettingsCache<QueueKey, Queue>;

fn queue_of(send_task: &SendTask) -> QueueKey {
    QueueKey {
        tenant: send_task.tenant.clone(),
        name: send_task.queue.clone(),
    }
}

impl<P: Ports> SendFunction<P> {
    /// Requests permits for a batch. Queues with a rate limit come first, so that their refusals use nothing of
    /// the account's rate.
    pub(crate) async fn permits(
        &self,
        priority: Priority,
        send_tasks: &[SendTask],
        recipients: &[u32],
        patience: Duration,
    ) -> Vec<Permit> {
        let now = self.system.now();
        let mut permits: Vec<Option<Permit>> = vec![None; send_tasks.len()];
        let mut in_turn: HashSet<usize> = HashSet::new();
        let mut limited: HashMap<QueueKey, (Queue, Vec<usize>)> = HashMap::new();
        for (index, (send_task, permit)) in send_tasks.iter().zip(&mut permits).enumerate() {
            let key = queue_of(send_task);
            match self.known.last(&key) {
                Some(queue) if queue.is_paused(now) => *permit = Some(Permit::Unreserved),
                Some(queue) if queue.rate().is_some() => match send_task.slot {
                    Some(slot) if slot > now.after(EARLY) => *permit = Some(Permit::Later(slot.since(now))),
                    Some(slot) if is_usable(slot, now) => drop(in_turn.insert(index)),
                    Some(_) => *permit = Some(Permit::NoSlot),
                    None => limited.entry(key).or_insert_with(|| (queue, Vec::new())).1.push(index),
                },
                Some(_) | None => {}
            }
        }
        let of = |indexes: &[usize]| -> Vec<u32> {
            let one = |index: &usize| recipients.get(*index).copied().unwrap_or(1);
            indexes.iter().map(one).collect()
        };
        for (queue, indexes) in limited.into_values() {
            // A slot for right now, or none: nothing waits here.
            let reserved = slots::reserve(&self.records, &queue, &of(&indexes), Duration::ZERO, now).await;
            let turns = reserved.unwrap_or_else(|error| {
                let error = aws::runtime::telemetry::chain(&error);
                tracing::warn!(
                    error,
                    "no send slot could be reserved; the emails return to the due index"
                );
                vec![Turn::Waits; indexes.len()]
            });
            for (index, turn) in indexes.into_iter().zip(turns) {
                match turn {
                    Turn::Slot(_) => drop(in_turn.insert(index)),
                    Turn::Waits => set(&mut permits, index, Permit::NoSlot),
                    Turn::Free => {}
                }
            }
        }
        let open: Vec<usize> = (0..permits.len())
            .filter(|index| permits.get(*index) == Some(&None))
            .collect();
        let granted = self.account_permits(priority, &of(&open), patience).await;
        for (index, permit) in open.into_iter().zip(granted) {
            let permit = match permit {
                Permit::At(time) if in_turn.contains(&index) => Permit::InTurn(time),
                Permit::At(_)
                | Permit::InTurn(_)
                | Permit::NoSlot
                | Permit::Unreserved
                | Permit::Probe(_)
                | Permit::Later(_) => permit,
            };
            set(&mut permits, index, permit);
        }
        permits
            .into_iter()
            .map(|permit| permit.unwrap_or(Permit::Later(AGAIN)))
            .collect()
    }

    async fn account_permits(&self, priority: Priority, recipients: &[u32], patience: Duration) -> Vec<Permit> {
        let batch = PermitRequest {
            priority,
            recipients,
            patience,
        };
        let base = self.with.policy.retry.no_permit;
        let granted = self
            .rate_limiter
            .reserve(&self.records, &self.system, batch, base)
            .await;
        granted.unwrap_or_else(|error| {
            let error = aws::runtime::telemetry::chain(&error);
            tracing::warn!(error, "the account's rate is unknown; SQS delivers the batch again");
            crate::rate_limiter::unknown(recipients.len())
        })
    }

    /// Returns the queue of a send task, at most a few seconds old.
    ///
    /// # Errors
    /// A necessary read failed: nothing is claimed then.
    pub(crate) async fn queue(&self, send_task: &SendTask, now: Timestamp) -> Result<Queue, PortError> {
        let key = queue_of(send_task);
        let version = self.rate_limiter.settings_version(&self.records, now).await?;
        if version == 0 {
            // No queue has ever changed.
            return Ok(Queue::plain(key, now).restored_at(self.with.policy.restore_epoch));
        }
        let read = self.read_queue(&key, now);
        self.known.get(key.clone(), version, read).await
    }

    async fn read_queue(&self, key: &QueueKey, now: Timestamp) -> Result<Queue, PortError> {
        let queue = self.records.queue(key).await?;
        let queue = queue.unwrap_or_else(|| Queue::plain(key.clone(), now));
        Ok(queue.restored_at(self.with.policy.restore_epoch))
    }

    /// Returns the outcome that the queue dictates for a send task; `None`: the email is claimed.
    pub(crate) async fn queue_outcome(
        &self,
        key: &EmailKey,
        queue: &Queue,
        (slot, permit): (Option<Timestamp>, Permit),
        now: Timestamp,
    ) -> Result<Option<TaskOutcome>, TaskError> {
        if queue.is_paused(now) {
            return match self.records.load(key, now).await? {
                Some(record) => self.apply_disposition(record, queue, now).await.map(Some),
                None => Ok(Some(TaskOutcome::Done)),
            };
        }
        // Only the record names the API key and the From domain of the email. The record is read before the claim while
        // the queue may hold emails.
        if queue.may_hold_some()
            && let Some(record) = self.records.load(key, now).await?
            && queue.disposition(&record, now) == Disposition::Hold
        {
            return self.apply_disposition(record, queue, now).await.map(Some);
        }
        let is_limited = queue.rate().is_some();
        let too_late = slot.is_some_and(|slot| !is_usable(slot, now));
        if is_limited && (too_late || permit == Permit::NoSlot) {
            return self.return_to_index(key, queue, now).await.map(Some);
        }
        Ok(match permit {
            Permit::NoSlot | Permit::Unreserved => Some(TaskOutcome::Later(AGAIN)),
            // The rate limit was not known when the batch got its permits.
            Permit::At(_) if is_limited && slot.is_none() => Some(TaskOutcome::Later(AGAIN)),
            Permit::At(_) | Permit::InTurn(_) | Permit::Probe(_) | Permit::Later(_) => None,
        })
    }

    /// Parks the emails of a batch whose queues are known to be paused, in few calls. Returns one result for
    /// each, in order.
    pub async fn park(&self, send_tasks: &[SendTask]) -> Vec<Result<TaskOutcome, TaskError>> {
        let now = self.system.now();
        let mut results: BTreeMap<usize, Result<TaskOutcome, TaskError>> = BTreeMap::new();
        let mut paused: BTreeMap<QueueKey, (Queue, Vec<(usize, EmailKey)>)> = BTreeMap::new();
        for (place, send_task) in send_tasks.iter().enumerate() {
            match self.queue(send_task, now).await {
                Ok(queue) if queue.is_paused(now) => {
                    let (tenant, id) = (send_task.tenant.clone(), send_task.id);
                    let (_, emails) = paused.entry(queue.key.clone()).or_insert((queue, Vec::new()));
                    emails.push((place, EmailKey { tenant, id }));
                }
                Ok(_) => drop(results.insert(place, Ok(TaskOutcome::Later(AGAIN)))),
                Err(error) => drop(results.insert(place, Err(error.into()))),
            }
        }
        for (queue, emails) in paused.into_values() {
            let keys: BTreeSet<EmailKey> = emails.iter().map(|(_, key)| key.clone()).collect();
            let keys: Vec<EmailKey> = keys.into_iter().collect();
            let records = match self.records.load_many(&keys, now).await {
                Ok(records) => records,
                Err(error) => {
                    results.extend(
                        emails
                            .iter()
                            .map(|(place, _)| (*place, Err(error.for_another().into()))),
                    );
                    continue;
                }
            };
            let loaded: Vec<EmailKey> = records.iter().map(EmailRecord::email_key).collect();
            let decide =
                |record: &EmailRecord| reconcile(record, &queue, now).unwrap_or_else(|| not_claimable(record, now));
            let decided = apply_many(&self.records, records, now, decide).await;
            let mut decided: BTreeMap<EmailKey, _> = loaded.into_iter().zip(decided).collect();
            for (place, key) in emails {
                let outcome = match decided.remove(&key) {
                    Some(Ok(done)) => Ok(self
                        .after_reconciling(&done.record, &queue, done.side_effect, now)
                        .await),
                    Some(Err(error)) => Err(error.into()),
                    // The email no longer exists, or its other send task in this batch has it.
                    None => Ok(TaskOutcome::Done),
                };
                results.insert(place, outcome);
            }
        }
        results.into_values().collect()
    }

    /// Returns an email to the index, where it waits for a slot. An email that already waits there costs no
    /// write.
    async fn return_to_index(&self, key: &EmailKey, queue: &Queue, now: Timestamp) -> Result<TaskOutcome, TaskError> {
        if let Some(record) = self.records.load(key, now).await? {
            if record.is_restored(queue.restore_epoch) {
                // A restored email gets no slot before its release.
                return self.apply_disposition(record, queue, now).await;
            }
            apply(&self.records, record, now, |record| wait_for_slot(record, now)).await?;
        }
        Ok(TaskOutcome::Done)
    }

    /// Applies the queue's disposition to an email that is not claimed.
    pub(crate) async fn apply_disposition(
        &self,
        record: EmailRecord,
        queue: &Queue,
        now: Timestamp,
    ) -> Result<TaskOutcome, TaskError> {
        let decide = |record: &EmailRecord| reconcile(record, queue, now).unwrap_or_else(|| not_claimable(record, now));
        let (side_effect, record) = apply(&self.records, record, now, decide).await?;
        Ok(self.after_reconciling(&record, queue, side_effect, now).await)
    }

    async fn after_reconciling(
        &self,
        record: &EmailRecord,
        queue: &Queue,
        side_effect: SideEffect,
        now: Timestamp,
    ) -> TaskOutcome {
        if record.status == RecordStatus::Queued && !is_parked(record) && reconcile(record, queue, now).is_some() {
            // The queue changed concurrently.
            return TaskOutcome::Later(AGAIN);
        }
        self.apply_side_effect(record, side_effect).await
    }

    /// Drops a claimed email that its queue no longer wants; `Some`: the record, which is still wanted.
    pub(crate) async fn drop_if_unwanted(
        &self,
        claimed: EmailRecord,
        mut queue: Queue,
        now: Timestamp,
    ) -> Result<Option<EmailRecord>, TaskError> {
        let place = DropStage::InHand {
            claim_no: claimed.claim_no,
        };
        let mut record = claimed;
        let mut rounds = Rounds::of("applying a queue to a claimed email");
        while rounds.begin().is_ok() {
            if queue.wants(&record) {
                return Ok(Some(record));
            }
            let decide = |record: &EmailRecord| drop_unwanted(record, &queue, place, now);
            (_, record) = apply(&self.records, record, now, decide).await?;
            if record.status != RecordStatus::Sending
                || place
                    != (DropStage::InHand {
                        claim_no: record.claim_no,
                    })
            {
                // Only the owner of a claim may submit.
                return Ok(None);
            }
            queue = self.read_queue(&queue.key, now).await?;
        }
        Ok(Some(record))
    }
}

fn set(permits: &mut [Option<Permit>], index: usize, permit: Permit) {
    if let Some(place) = permits.get_mut(index) {
        *place = Some(permit);
    }
}
