//! The records of emails.
//!
//! **Invariant:** a write takes effect only under its condition, except under a deliberate defect ([`Writing`]).

use std::collections::BTreeMap;

use domain::delivery::policy::Policy;
use domain::delivery::record::{EmailRecord, RecordStatus};
use domain::id::{EmailKey, QueueKey};
use domain::lifecycle::{Condition, Transition, claim_record};
use domain::ports::{Claimed, Created, EmailRecords, PortError, RecordWrite, WRITES_AT_ONCE, Written};
use domain::timestamp::Timestamp;

use crate::fault_model::Broken;
use crate::overlay::overlaid;
use crate::{Call, MemoryBackend, State};

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
                // The adapter too takes an equal record for its own write, repeated after a lost answer.
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
        let epoch = policy.restore_epoch;
        let claimable = Condition::Claimable { now, epoch };
        self.call(Call::writes("claim", Some(key.id)), move |state| {
            match state.records.get(&key).cloned() {
                Some(record) if any || claimable.holds(&record) => {
                    let record = claim_record(record, &policy, nonce, now);
                    state.store(record.clone());
                    Claimed::Granted(Box::new(record))
                }
                // The adapter too recognises its own claim by the nonce, repeated after a lost answer.
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
            // The adapter too takes an equal record for its own write, repeated after a lost answer.
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
