//! The ports over [`State`].

use std::collections::BTreeMap;
use std::time::Duration;

use domain::delivery::account_rate::{AccountRate, AccountRateChange, AccountState};
use domain::delivery::batch::{BatchId, BatchRecord};
use domain::delivery::cause::Cause;
use domain::delivery::dead_letter_message::DeadLetterMessage;
use domain::delivery::policy::Policy;
use domain::delivery::priority_queue::Messages;
use domain::delivery::record::{BodyPlace, BodyRef, EmailRecord, Priority, RecordStatus};
use domain::delivery::retry::Jitter;
use domain::id::{EmailId, EmailKey, QueueKey, TenantId};
use domain::lifecycle::{Condition, Feedback, Transition, claimed};
use domain::ports::{
    AccountRateOutcome, AccountRates, Accounts, Backlog, Batches, Bodies, Claimed, Clock, Created, DeadLetters,
    EmailRecords, Evidence, FailureKind, Packed, PortError, PriorityQueues, Put, Random, RecordWrite, SendTaskRequest,
    WRITES_AT_ONCE, Waiting, Watermark, Written,
};
use domain::tenant::token::SECRET_BYTES;
use domain::timestamp::Timestamp;

use crate::fault_model::{Broken, Destination};
use crate::overlay::overlaid;
use crate::{Call, MemoryBackend, State, is_over};

/// Largest content, in bytes, that goes to the table instead of the bucket.
const NEAR_MAX: usize = 1000;

impl EmailRecords for MemoryBackend {
    async fn load_many(&self, keys: &[EmailKey], now: Timestamp) -> Result<Vec<EmailRecord>, PortError> {
        let keys = keys.to_vec();
        self.call(Call::reads("load_many", None), move |state| {
            keys.iter().filter_map(|key| state.living(key, now).cloned()).collect()
        })
        .await
    }

    async fn load(&self, key: &EmailKey, now: Timestamp) -> Result<Option<EmailRecord>, PortError> {
        let key = key.clone();
        self.call(Call::reads("load", Some(key.id)), move |state| {
            state.living(&key, now).cloned()
        })
        .await
    }

    async fn create(&self, record: &EmailRecord, now: Timestamp) -> Result<Created, PortError> {
        let (record, repeats) = (record.clone(), self.has_fault_model());
        let (forgets, revives) = (self.is(Broken::AnsweredTooEarly), self.is(Broken::TombstonesForgotten));
        self.call(Call::writes("create", Some(record.id)), move |state| {
            let key = record.email_key();
            if state.is_forgotten(&key, now) {
                state.forgotten_at.remove(&key);
                state.erased.remove(&key);
                state.records.remove(&key);
            }
            let erased = state.erased.get(&key).filter(|_| !revives);
            if let Some(sha256) = erased.cloned() {
                return Created::Erased { sha256 };
            }
            match state.records.get(&key) {
                // As the adapter treats a record equal to the one to write.
                Some(known) if repeats && *known == record => Created::New,
                Some(known) => Created::Exists(Box::new(known.clone())),
                None if forgets => Created::New,
                None => {
                    state.store(record.clone());
                    Created::New
                }
            }
        })
        .await
    }

    async fn claim(&self, key: &EmailKey, nonce: u64, policy: &Policy, now: Timestamp) -> Result<Claimed, PortError> {
        let (key, policy) = (key.clone(), policy.clone());
        let any = self.is(Broken::Claims);
        self.call(Call::writes("claim", Some(key.id)), move |state| {
            match state.records.get(&key).cloned() {
                Some(record) if any || (Condition::Claimable { now }).holds(&record) => {
                    let record = claimed(record, &policy, nonce, now);
                    state.store(record.clone());
                    Claimed::Granted(Box::new(record))
                }
                // As the adapter recognises its own call, which the SDK has repeated.
                Some(record)
                    if record.status == RecordStatus::Sending
                        && record.lease.as_ref().is_some_and(|l| l.nonce == nonce) =>
                {
                    Claimed::Granted(Box::new(record))
                }
                other => Claimed::Refused(other.map(Box::new)),
            }
        })
        .await
    }

    async fn write(
        &self,
        before: &EmailRecord,
        transition: &Transition,
        _now: Timestamp,
    ) -> Result<Written, PortError> {
        let write = RecordWrite {
            before: before.clone(),
            transition: transition.clone(),
        };
        let how = self.writing();
        self.writer();
        self.call(Call::writes("write", Some(before.id)), move |state| {
            match how.refusal(state, &write) {
                None => {
                    how.carry_out(state, &write);
                    Written::Done
                }
                Some(refusal) => refusal,
            }
        })
        .await
    }

    async fn write_many(&self, writes: &[RecordWrite], now: Timestamp) -> Vec<Result<Written, PortError>> {
        let mut results: Vec<Result<Written, PortError>> = Vec::new();
        let mut groups: BTreeMap<(QueueKey, u64), Vec<usize>> = BTreeMap::new();
        for (place, write) in writes.iter().enumerate() {
            results.push(Ok(Written::QueueMoved));
            if let Some(state) = write.queue_state() {
                groups.entry(state).or_default().push(place);
            }
        }
        let alone = writes.iter().zip(&mut results);
        let alone = alone.filter(|(write, _)| write.queue_state().is_none());
        let alone =
            alone.map(async |(write, result)| *result = self.write(&write.before, &write.transition, now).await);
        futures::future::join_all(alone).await;
        for places in groups.values().flat_map(|places| places.chunks(WRITES_AT_ONCE)) {
            let group = places.iter().filter_map(|place| writes.get(*place)).cloned().collect();
            for (place, written) in places.iter().zip(self.transact(group).await) {
                if let Some(result) = results.get_mut(*place) {
                    *result = written;
                }
            }
        }
        results
    }
}

/// The deliberate defects in writing records.
#[derive(Debug, Clone, Copy)]
struct Writing {
    any: bool,
    forgets: bool,
    unmarks: bool,
    repeats: bool,
}

impl Writing {
    /// The result of a write without an effect; `None` to carry it out.
    fn refusal(self, state: &State, RecordWrite { before, transition }: &RecordWrite) -> Option<Written> {
        match state.records.get(&before.email_key()) {
            Some(_) if self.forgets && transition.record.status == RecordStatus::Canceled => Some(Written::Done),
            Some(record) if !self.any && !state.queue_is_at(record, transition.condition) => Some(Written::QueueMoved),
            Some(record) if self.any || transition.condition.holds(record) => None,
            // As the adapter recognises its own write, which was repeated.
            Some(record) if self.repeats && *record == transition.record => Some(Written::Done),
            other => Some(Written::Moved(other.cloned().map(Box::new))),
        }
    }

    fn carry_out(self, state: &mut State, RecordWrite { before, transition }: &RecordWrite) {
        if let Some(record) = state.records.get(&before.email_key()).cloned() {
            let mut written = overlaid(record, before, &transition.record);
            written.maybe_duplicate &= !self.unmarks;
            state.store(written);
        }
    }
}

impl MemoryBackend {
    fn writing(&self) -> Writing {
        Writing {
            any: self.is(Broken::Conditions),
            forgets: self.is(Broken::CancelNotWritten),
            unmarks: self.is(Broken::MarksLost),
            repeats: self.has_fault_model(),
        }
    }

    /// Writes a group that shares a queue: all of it or nothing. Like the adapter, it removes refused writes and
    /// tries the rest again.
    async fn transact(&self, group: Vec<RecordWrite>) -> Vec<Result<Written, PortError>> {
        let mut results: Vec<Option<Result<Written, PortError>>> = group.iter().map(|_| None).collect();
        let how = self.writing();
        loop {
            let open: Vec<usize> = (0..group.len())
                .filter(|place| results.get(*place).is_some_and(Option::is_none))
                .collect();
            if open.is_empty() {
                break;
            }
            let writes: Vec<RecordWrite> = open.iter().filter_map(|place| group.get(*place)).cloned().collect();
            let email = match writes.as_slice() {
                [only] => Some(only.before.id),
                _ => None,
            };
            self.writer();
            let answer = self
                .call(Call::writes("write_many", email), move |state| {
                    let refusals: Vec<_> = writes.iter().map(|write| how.refusal(state, write)).collect();
                    if refusals.iter().all(Option::is_none) {
                        for write in &writes {
                            how.carry_out(state, write);
                        }
                        return Vec::new();
                    }
                    refusals
                })
                .await;
            match answer {
                Ok(refusals) => {
                    let done = refusals.is_empty();
                    let refusals = refusals.into_iter().map(Some).chain(std::iter::repeat(None));
                    for (place, refusal) in open.into_iter().zip(refusals) {
                        if let Some(result) = results.get_mut(place) {
                            *result = if done {
                                Some(Ok(Written::Done))
                            } else {
                                refusal.flatten().map(Ok)
                            };
                        }
                    }
                }
                Err(error) => {
                    for place in open {
                        if let Some(result) = results.get_mut(place) {
                            *result = Some(Err(error.for_another()));
                        }
                    }
                }
            }
        }
        results.into_iter().flatten().collect()
    }
}

impl Bodies for MemoryBackend {
    fn pack(&self, content: &[u8]) -> Result<Packed, PortError> {
        let place = if content.len() <= NEAR_MAX {
            BodyPlace::Table
        } else {
            BodyPlace::Bucket
        };
        Ok(Packed {
            place,
            bytes: content.to_vec(),
        })
    }

    async fn put(
        &self,
        key: &EmailKey,
        body: &BodyRef,
        packed: Packed,
        keep_until: Timestamp,
        _now: Timestamp,
    ) -> Result<Put, PortError> {
        let name = (key.clone(), body.sha256.clone());
        let (place, bytes) = (packed.place, packed.bytes);
        self.call(Call::writes("put", Some(key.id)), move |state| {
            let kept = state.kept_until.get(&name).copied();
            // In the table, an existing content with a shorter retention is written again.
            let stays = place == BodyPlace::Bucket || kept >= Some(keep_until);
            if state.bodies.contains_key(&name) && stays {
                return Put::There;
            }
            state.bodies.insert(name.clone(), bytes.clone());
            state.kept_until.insert(name.clone(), keep_until);
            Put::New
        })
        .await
    }

    async fn keep(
        &self,
        key: &EmailKey,
        body: &BodyRef,
        keep_until: Timestamp,
        _now: Timestamp,
    ) -> Result<bool, PortError> {
        let name = (key.clone(), body.sha256.clone());
        if body.place == BodyPlace::Table {
            let kept = self.call(Call::writes("keep", Some(key.id)), move |state| {
                let known = state.bodies.contains_key(&name);
                if known {
                    let kept = state.kept_until.entry(name.clone()).or_insert(keep_until);
                    *kept = keep_until.max(*kept);
                }
                known
            });
            return kept.await;
        }
        // S3 has no such write: a read, then a copy of the object that was read.
        loop {
            let looked = name.clone();
            let look = self.call(Call::reads("keep", Some(key.id)), move |state| {
                let known = state.bodies.contains_key(&looked);
                let copies = state.copies.get(&looked).copied().unwrap_or_default();
                known.then(|| (state.kept_until.get(&looked).copied(), copies))
            });
            let Some((kept_until, copies)) = look.await? else {
                return Ok(false);
            };
            if kept_until >= Some(keep_until) {
                return Ok(true);
            }
            self.writer();
            let copied = name.clone();
            let copy = self.call(Call::writes("keep_copy", Some(key.id)), move |state| {
                let now = state.copies.entry(copied.clone()).or_default();
                if *now != copies {
                    return false;
                }
                *now += 1;
                state.kept_until.insert(copied.clone(), keep_until);
                true
            });
            if copy.await? {
                return Ok(true);
            }
        }
    }

    async fn load_near(&self, key: &EmailKey) -> Result<BTreeMap<String, Vec<u8>>, PortError> {
        let key = key.clone();
        let mixes = self.is(Broken::ContentsMixedUp);
        self.call(Call::reads("load_near", Some(key.id)), move |state| {
            let near = state
                .bodies
                .iter()
                .filter(|((email, _), content)| *email == key && content.len() <= NEAR_MAX);
            let any = state.bodies.values().next().filter(|_| mixes);
            near.map(|((_, hash), content)| (hash.clone(), any.unwrap_or(content).clone()))
                .collect()
        })
        .await
    }

    async fn load(&self, key: &EmailKey, body: &BodyRef) -> Result<Option<Vec<u8>>, PortError> {
        let name = (key.clone(), body.sha256.clone());
        self.call(Call::reads("load_body", Some(key.id)), move |state| {
            state.bodies.get(&name).cloned()
        })
        .await
    }
}

impl Batches for MemoryBackend {
    async fn recall(
        &self,
        tenant: &TenantId,
        batch: &BatchId,
        now: Timestamp,
    ) -> Result<Option<BatchRecord>, PortError> {
        let name = (tenant.clone(), *batch);
        self.call(Call::reads("recall", None), move |state| {
            let known = state.batches.get(&name).filter(|(_, until)| !is_over(*until, now));
            known.map(|(record, _)| record.clone())
        })
        .await
    }

    async fn remember(
        &self,
        tenant: &TenantId,
        batch: &BatchId,
        record: &BatchRecord,
        keep_until: Timestamp,
        now: Timestamp,
    ) -> Result<BatchRecord, PortError> {
        let name = (tenant.clone(), *batch);
        let record = record.clone();
        let keep_until = self.short_record().map_or(keep_until, |short| now.after(short));
        self.call(Call::writes("remember", None), move |state| {
            state
                .batches
                .retain(|known, (_, until)| *known != name || !is_over(*until, now));
            let known = state.batches.entry(name.clone());
            known.or_insert_with(|| (record.clone(), keep_until)).0.clone()
        })
        .await
    }

    async fn keep_batch(&self, tenant: &TenantId, batch: &BatchId, keep_until: Timestamp) -> Result<(), PortError> {
        let name = (tenant.clone(), *batch);
        let keep_until = if self.short_record().is_some() {
            Timestamp::from_millis(0)
        } else {
            keep_until
        };
        self.call(Call::writes("keep_batch", None), move |state| {
            if let Some((_, until)) = state.batches.get_mut(&name) {
                *until = keep_until.max(*until);
            }
        })
        .await
    }
}

/// Most messages in one call of SQS.
const BATCH: usize = 10;

impl MemoryBackend {
    fn has_fault_model(&self) -> bool {
        self.state().fault_model.is_some()
    }

    /// The lifetime of batch records, if that is the deliberate defect.
    fn short_record(&self) -> Option<Duration> {
        let broken = self.state().fault_model.as_ref()?.broken;
        if let Broken::RecordsShort(seconds) = broken {
            Some(Duration::from_secs(seconds))
        } else {
            None
        }
    }

    /// True if this is the deliberate defect.
    pub(crate) fn is(&self, broken: Broken) -> bool {
        self.state()
            .fault_model
            .as_ref()
            .is_some_and(|fault_model| fault_model.broken == broken)
    }

    /// Sends messages to a queue, as many per call as SQS takes; one result for each.
    async fn send(
        &self,
        what: &'static str,
        to: Destination,
        messages: &[(EmailId, String, Duration)],
    ) -> Vec<Result<(), PortError>> {
        let mut results = Vec::new();
        for batch in messages.chunks(BATCH) {
            let sent = batch.to_vec();
            let email = batch.first().map(|(email, ..)| *email).filter(|_| batch.len() == 1);
            let down = |what| PortError {
                what,
                kind: FailureKind::Unknown,
                source: "the world is down".into(),
            };
            let call = self.call(Call::writes(what, email), move |state| {
                let Some(fault_model) = &mut state.fault_model else {
                    return None;
                };
                let lost = fault_model
                    .happens(fault_model.odds.partly)
                    .then(|| fault_model.rng.usize(0..sent.len()));
                for (at, (_, body, delay)) in sent.iter().enumerate() {
                    if Some(at) != lost {
                        fault_model.send(to, body, *delay);
                    }
                }
                if lost.is_some() {
                    fault_model.strike("batch call failed in part");
                }
                lost
            });
            match call.await {
                Ok(lost) => {
                    results.extend((0..batch.len()).map(|at| if Some(at) == lost { Err(down(what)) } else { Ok(()) }))
                }
                Err(_) => results.extend(batch.iter().map(|_| Err(down(what)))),
            }
        }
        results
    }
}

impl PriorityQueues for MemoryBackend {
    async fn enqueue(&self, send_tasks: &[SendTaskRequest]) -> Vec<Result<(), PortError>> {
        let mut results: Vec<_> = send_tasks.iter().map(|_| Ok(())).collect();
        if !self.has_fault_model() {
            for (request, result) in send_tasks.iter().zip(&mut results) {
                let request = request.clone();
                *result = self
                    .call(Call::writes("enqueue", Some(request.send_task.id)), move |state| {
                        state.send_tasks.push(request.clone());
                    })
                    .await;
            }
            return results;
        }
        for &priority in Priority::ALL {
            let ours = |request: &&SendTaskRequest| request.priority == priority;
            let message =
                |request: &SendTaskRequest| (request.send_task.id, request.send_task.to_json(), request.delay);
            let messages: Vec<_> = send_tasks.iter().filter(ours).map(message).collect();
            let fared = self
                .send("enqueue", Destination::PriorityQueue(priority), &messages)
                .await;
            let places = send_tasks
                .iter()
                .zip(&mut results)
                .filter(|(request, _)| request.priority == priority);
            for ((_, result), fared) in places.zip(fared) {
                *result = fared;
            }
        }
        results
    }
}

impl DeadLetters for MemoryBackend {
    async fn move_to_dead_letter(&self, emails: &[DeadLetterMessage]) -> Vec<Result<(), PortError>> {
        if self.has_fault_model() {
            let message = |email: &DeadLetterMessage| (email.id, email.to_json(), Duration::ZERO);
            let messages: Vec<_> = emails.iter().map(message).collect();
            return self
                .send("move_to_dead_letter", Destination::DeadLetters, &messages)
                .await;
        }
        let mut results = Vec::new();
        for email in emails.iter().cloned() {
            let call = self.call(Call::writes("move_to_dead_letter", Some(email.id)), move |state| {
                state.dead_letters.push(email.clone());
            });
            results.push(call.await);
        }
        results
    }
}

impl Evidence for MemoryBackend {
    async fn feedback(&self, now: Timestamp) -> Result<Feedback, PortError> {
        self.call(Call::reads("feedback", None), move |state| Feedback {
            empty_at: match &mut state.fault_model {
                Some(fault_model) => {
                    fault_model.arrive();
                    fault_model.events.is_empty()
                }
                None => state.events_waiting == 0,
            }
            .then_some(now),
            newest: state.newest_event,
        })
        .await
    }
}

impl Watermark for MemoryBackend {
    async fn raise_watermark(&self, newest: Timestamp) -> Result<(), PortError> {
        self.call(Call::writes("raise_watermark", None), move |state| {
            state.newest_event = state.newest_event.max(Some(newest));
        })
        .await
    }
}

impl Backlog for MemoryBackend {
    async fn waiting(&self) -> Result<Waiting, PortError> {
        self.call(Call::reads("waiting", None), |state| {
            let Some(fault_model) = &state.fault_model else {
                return state.waiting;
            };
            let now = fault_model.now_ms();
            let number = |count: usize| u64::try_from(count).unwrap_or(u64::MAX);
            let [high, normal, low] = fault_model.priority_queues.each_ref().map(|priority| Messages {
                visible: number(priority.visible(now)),
                in_flight: number(priority.in_flight(now)),
                delayed: number(priority.delayed(now)),
            });
            Waiting { high, normal, low }
        })
        .await
    }
}

impl AccountRates for MemoryBackend {
    async fn account_rate(&self) -> Result<AccountRate, PortError> {
        self.call(Call::reads("account_rate", None), |state| state.account_rate)
            .await
    }

    async fn change_account_rate(&self, change: &AccountRateChange) -> Result<AccountRateOutcome, PortError> {
        let change = *change;
        self.call(Call::writes("change_account_rate", None), move |state| {
            let account_rate = &mut state.account_rate;
            if change.holds(account_rate) {
                *account_rate = change.on(*account_rate);
                AccountRateOutcome::Done(*account_rate)
            } else {
                AccountRateOutcome::Refused(*account_rate)
            }
        })
        .await
    }
}

impl Accounts for MemoryBackend {
    async fn account(&self) -> Result<AccountState, PortError> {
        let unlimited = AccountState {
            rate: None,
            quota_spent: false,
            paused: false,
        };
        self.call(Call::reads("account", None), move |state| {
            let account = state.account.unwrap_or(unlimited);
            let Some(fault_model) = &state.fault_model else {
                return account;
            };
            let obstacle = fault_model
                .obstacle
                .filter(|(_, until)| *until > fault_model.now_ms() && !fault_model.calm);
            AccountState {
                quota_spent: matches!(obstacle, Some((Cause::QuotaExceeded, _))),
                paused: matches!(obstacle, Some((Cause::AccountPaused, _))),
                ..account
            }
        })
        .await
    }
}

impl Clock for MemoryBackend {
    fn now(&self) -> Timestamp {
        Timestamp::from_millis(self.state().now().as_millis().saturating_add(self.ahead_ms()))
    }
}

impl Random for MemoryBackend {
    fn nonce(&self) -> Result<u64, PortError> {
        let mut state = self.state();
        state.nonces += 1;
        Ok(state.nonces)
    }

    fn jitter(&self) -> Jitter {
        match &mut self.state().fault_model {
            Some(fault_model) => Jitter::from_random(fault_model.rng.u16(..)),
            None => Jitter::NONE,
        }
    }

    fn id(&self) -> Result<EmailId, PortError> {
        if let Some(fault_model) = &mut self.state().fault_model {
            return Ok(EmailId::from_random(fault_model.rng.u128(..).to_be_bytes()));
        }
        self.nonce()
            .map(|nonce| EmailId::from_random(u128::from(nonce).to_be_bytes()))
    }

    fn secret(&self) -> Result<[u8; SECRET_BYTES], PortError> {
        let mut secret = [0; SECRET_BYTES];
        for (byte, of_nonce) in secret.iter_mut().zip(self.nonce()?.to_be_bytes()) {
            *byte = of_nonce;
        }
        Ok(secret)
    }
}
