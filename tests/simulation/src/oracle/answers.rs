//! The requests of callers, and their answers.
//!
//! **Invariant:** a guarantee holds from its answer until the next request that concerns the same email or queue.

use std::collections::BTreeSet;
use std::time::Duration;

use domain::id::EmailId;
use domain::timestamp::Timestamp;
use invariants::Invariant;
use memory::MemoryBackend;
use serde_json::Value;

use super::{Oracle, queue_of};
use crate::scenario::QueueCommand;

impl Oracle {
    /// Records that a request for an email of this content begins; `id` is its id, if a key determines it.
    pub fn record_request(&self, id: Option<EmailId>, content: String) {
        let mut seen = self.observations();
        match id {
            Some(id) => seen.known.entry(id).or_default().contents.insert(content),
            None => seen.nameless.insert(content),
        };
    }

    /// Records that a request was answered 200 with these emails. `request` names it; `contents` are those of the
    /// emails. After its time a key may begin another request.
    pub fn record_answer(
        &self,
        backend: &MemoryBackend,
        key: Option<&str>,
        request: &str,
        (ids, contents): (&[EmailId], &[String]),
        now: Timestamp,
    ) {
        let records: Vec<bool> = ids.iter().map(|id| is_durable(backend, *id)).collect();
        let mut seen = self.observations();
        if ids.len() != contents.len() {
            seen.broken(
                Invariant::Idempotency,
                None,
                format!("{} emails for {} requested", ids.len(), contents.len()),
            );
        }
        if let Some(key) = key {
            let key_lives = seen.bounds.map_or(Duration::MAX, |bounds| bounds.key_lives);
            seen.keys
                .retain(|_, (answered_at, _)| now.since(*answered_at) <= key_lives);
            let answer = (request.to_owned(), ids.to_vec());
            let first = seen.keys.entry(key.to_owned()).or_insert_with(|| (now, answer.clone()));
            let before = first.1.clone();
            if before != answer {
                seen.broken(
                    Invariant::Idempotency,
                    ids.first().copied(),
                    format!("key {key} was answered {before:?} and then {answer:?}"),
                );
            }
        }
        for ((id, content), durable) in ids.iter().zip(contents).zip(records) {
            let erase_begun = seen.known.get(id).is_some_and(|known| known.erase_begun);
            if !durable && !erase_begun {
                seen.broken(
                    Invariant::Durability,
                    Some(*id),
                    "answered 200 before record and content were durable".to_owned(),
                );
            }
            let owner = seen.owners.entry(*id).or_insert_with(|| request.to_owned()).clone();
            if owner != request {
                seen.broken(
                    Invariant::Idempotency,
                    Some(*id),
                    format!("the email of {owner} was given to {request}, too"),
                );
            }
            let known = seen.known.entry(*id).or_default();
            known.answered = true;
            known.contents = BTreeSet::from([content.clone()]);
        }
    }

    /// Records a refusal. The only valid reason is another request with its key, and only until the request itself
    /// was answered. `wanted` are the emails that it would have created, with their hashes.
    pub fn record_refusal(
        &self,
        backend: &MemoryBackend,
        (key, has_concurrent_client, request): (Option<&str>, bool, &str),
        wanted: &[(EmailId, String)],
        (status, text): (u16, &str),
    ) {
        let left = wanted.iter().find(|(id, hash)| {
            let state = backend.state();
            let mut records = state.records.values();
            records.any(|record| record.id == *id && record.body.sha256 == *hash)
        });
        let mut seen = self.observations();
        let owner = key
            .and_then(|key| seen.keys.get(key))
            .map(|(_, (owner, _))| owner.clone());
        let is_own = owner.as_deref() == Some(request);
        if let (Some((id, _)), false) = (left, is_own) {
            let what = format!("{request} was refused, and an email of it is stored");
            seen.broken(Invariant::Idempotency, Some(*id), what);
        }
        if status != 409 || !has_concurrent_client || is_own {
            seen.broken(
                Invariant::Idempotency,
                None,
                format!("{request} was refused, the key is {owner:?}'s: {status} {text}"),
            );
        }
    }

    /// Records that a cancel begins. Returns the argument for its answer, or nothing if an earlier retry may still be
    /// written after it.
    #[must_use]
    pub fn cancel_begins(&self, id: EmailId, now: Timestamp) -> Option<u32> {
        let mut seen = self.observations();
        let known = seen.known.entry(id).or_default();
        let settled = known.retries_open == 0 && known.retry_until < Some(now);
        settled.then_some(known.retries_begun)
    }

    /// Records that a cancel was answered 200.
    pub fn record_cancel(&self, id: EmailId, begun: Option<u32>) {
        let mut seen = self.observations();
        let known = seen.known.entry(id).or_default();
        known.canceled = begun == Some(known.retries_begun);
    }

    /// Records that a reschedule begins. Returns the argument for its answer, or nothing if an earlier retry may
    /// still be written after it.
    #[must_use]
    pub fn reschedule_begins(&self, id: EmailId, now: Timestamp) -> Option<u32> {
        let mut seen = self.observations();
        let known = seen.known.entry(id).or_default();
        known.reschedules_begun += 1;
        known.promised = None;
        let settled = known.retries_open == 0 && known.retry_until < Some(now);
        settled.then_some(known.reschedules_begun + known.retries_begun)
    }

    /// Records that a reschedule to this time or later was answered 200.
    pub fn record_reschedule(&self, id: EmailId, begun: Option<u32>, at: Timestamp) {
        let mut seen = self.observations();
        let known = seen.known.entry(id).or_default();
        // If two are in progress at once, either may have been written last.
        let alone = begun == Some(known.reschedules_begun + known.retries_begun) && known.reschedules_begun == 1;
        known.promised = alone.then_some(at);
    }

    /// Records that a retry begins.
    pub fn retry_begins(&self, id: EmailId, force: bool) {
        let mut seen = self.observations();
        let known = seen.known.entry(id).or_default();
        known.retries_begun += 1;
        known.retries_open += 1;
        known.canceled = false;
        known.promised = None;
        known.forced |= force;
    }

    /// Records that a retry was answered, or that its caller gave up.
    pub fn retry_ends(&self, id: EmailId, answered: bool, now: Timestamp) {
        let mut seen = self.observations();
        let bounds = seen.bounds;
        let known = seen.known.entry(id).or_default();
        known.retries_open = known.retries_open.saturating_sub(1);
        if let (false, Some(bounds)) = (answered, bounds) {
            known.retry_until = known.retry_until.max(Some(now.after(bounds.under_way)));
        }
    }

    /// Records that a request for these emails is in progress.
    pub fn record_post(&self, ids: &[EmailId], now: Timestamp) {
        let mut seen = self.observations();
        for id in ids {
            seen.known.entry(*id).or_default().posted_at = Some(now);
        }
    }

    /// Records that an erasure begins.
    pub fn erase_begins(&self, id: EmailId) {
        self.observations().known.entry(id).or_default().erase_begun = true;
    }

    /// Records that an erasure was answered 200.
    pub fn record_erasure(&self, id: EmailId, now: Timestamp) {
        let mut seen = self.observations();
        let known = seen.known.entry(id).or_default();
        known.erased_at.get_or_insert(now);
    }

    /// Tells whether an email may have disappeared.
    #[must_use]
    pub fn may_be_erased(&self, id: EmailId) -> bool {
        let seen = self.observations();
        let known = seen.known.get(&id);
        known.is_some_and(|known| known.erase_begun || known.forgotten)
    }

    /// Tells whether a queue of this name may have disappeared.
    #[must_use]
    pub fn may_be_deleted(&self, queue: &str) -> bool {
        self.observations()
            .queues
            .get(queue)
            .is_some_and(|queue| queue.delete_begun)
    }

    /// Records that a command for a queue begins. Returns the argument for [`Self::queue_ends`], or nothing if an
    /// earlier command may still be written after it.
    #[must_use]
    pub fn queue_begins(&self, name: &str, command: QueueCommand, now: Timestamp) -> Option<u64> {
        let mut seen = self.observations();
        let queue = seen.queues.entry(name.to_owned()).or_default();
        let alone = queue.open == 0 && queue.doubt_until < Some(now);
        queue.begun += 1;
        queue.open += 1;
        match command {
            QueueCommand::Pause | QueueCommand::Redrive => {}
            QueueCommand::PauseFor(_) | QueueCommand::Resume => queue.paused_at = None,
            QueueCommand::Purge => queue.restored = false,
            QueueCommand::Restore => queue.purged = None,
            QueueCommand::Delete | QueueCommand::Make => {
                queue.delete_begun |= command == QueueCommand::Delete;
                (queue.paused_at, queue.purged, queue.restored) = (None, None, false);
            }
        }
        alone.then_some(queue.begun)
    }

    /// Records that the command was answered and done, or that its caller gave up.
    pub fn queue_ends(
        &self,
        name: &str,
        command: QueueCommand,
        begun: Option<u64>,
        (answered, done): (bool, bool),
        (requested_at, now): (Timestamp, Timestamp),
    ) {
        let mut seen = self.observations();
        let under_way = seen.bounds.map(|bounds| bounds.under_way).unwrap_or_default();
        let queue = seen.queues.entry(name.to_owned()).or_default();
        queue.open = queue.open.saturating_sub(1);
        if !answered {
            queue.doubt_until = queue.doubt_until.max(Some(now.after(under_way)));
        }
        // If two are in progress at once, either may have been written last.
        if !done || begun != Some(queue.begun) {
            return;
        }
        match command {
            QueueCommand::Pause => queue.paused_at = Some(now),
            QueueCommand::Purge => queue.purged = Some((requested_at, now)),
            QueueCommand::Restore => queue.restored = true,
            QueueCommand::PauseFor(_)
            | QueueCommand::Resume
            | QueueCommand::Redrive
            | QueueCommand::Delete
            | QueueCommand::Make => {}
        }
    }

    /// Records the answer to a read that was requested at `requested_at`.
    pub fn read(&self, backend: &MemoryBackend, id: EmailId, shown: &Value, requested_at: Timestamp) {
        let record = backend.state().records.values().find(|record| record.id == id).cloned();
        let (Some(record), Some(status)) = (record, shown["status"].as_str()) else {
            return;
        };
        let mut seen = self.observations();
        let waits = ["queued", "scheduled", "retry"].contains(&status);
        let purged = queue_of(&seen.queues, &record).and_then(|queue| queue.purged);
        let skew = seen.bounds.map(|bounds| bounds.skew).unwrap_or_default();
        let stored_at = seen.stored_at.get(&id).copied();
        if let Some((before, answered_at)) = purged
            && waits
            && answered_at <= requested_at
            && stored_at.is_some_and(|stored_at| stored_at.after(skew * 2) < before)
        {
            seen.broken(
                Invariant::QueueCommands,
                Some(id),
                format!("its queue was purged, and it is shown as {status}"),
            );
        }
    }
}

/// Tells whether an email survives a crash: its record exists, and its content until it expires. An email that a
/// paused queue holds for one retention longer keeps its record, but its content is no longer needed.
fn is_durable(backend: &MemoryBackend, id: EmailId) -> bool {
    let state = backend.state();
    let record = state.records.values().find(|record| record.id == id);
    record.is_some_and(|record| {
        let content = (record.email_key(), record.body.sha256.clone());
        record.expires_at <= state.now() || state.bodies.contains_key(&content)
    })
}
