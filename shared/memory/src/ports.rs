//! The other ports over [`State`]: batches, queues, evidence, the account, time and randomness.

use std::time::Duration;

use domain::delivery::account_rate::{AccountRate, AccountRateChange, AccountState};
use domain::delivery::batch::{BatchId, BatchRecord};
use domain::delivery::cause::Cause;
use domain::delivery::dead_letter_message::DeadLetterMessage;
use domain::delivery::priority_queue::Messages;
use domain::delivery::record::Priority;
use domain::delivery::retry::Jitter;
use domain::id::{EmailId, TenantId};
use domain::lifecycle::Feedback;
use domain::ports::{
    AccountQuotas, AccountRateOutcome, AccountRates, Accounts, Backlog, Batches, Clock, DeadLetters, Evidence,
    FailureKind, PortError, PriorityQueues, QueuedMessages, Random, SendTaskRequest, TableThrottles, Watermark,
};
use domain::reporting::account::AccountQuota;
use domain::tenant::temporary::TEMPORARY_BYTES;
use domain::tenant::token::SECRET_BYTES;
use domain::timestamp::Timestamp;

use crate::fault_model::{Broken, Destination};
use crate::{Call, MemoryBackend, is_over};

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
    pub(crate) fn has_fault_model(&self) -> bool {
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
    pub(crate) async fn send(
        &self,
        what: &'static str,
        to: Destination,
        messages: &[(Option<EmailId>, String, Duration)],
    ) -> Vec<Result<(), PortError>> {
        let mut results = Vec::new();
        for batch in messages.chunks(BATCH) {
            let sent = batch.to_vec();
            let email = batch
                .first()
                .and_then(|(email, ..)| *email)
                .filter(|_| batch.len() == 1);
            let down = |what| PortError {
                what,
                kind: FailureKind::Unknown,
                source: "the backend is down".into(),
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
                    fault_model.count_fault("batch call failed in part");
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
                |request: &SendTaskRequest| (Some(request.send_task.id), request.send_task.to_json(), request.delay);
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
            let message = |email: &DeadLetterMessage| (Some(email.id), email.to_json(), Duration::ZERO);
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

    async fn watermark(&self) -> Result<Option<Timestamp>, PortError> {
        self.call(Call::reads("watermark", None), |state| state.newest_event)
            .await
    }
}

impl Backlog for MemoryBackend {
    async fn waiting(&self) -> Result<QueuedMessages, PortError> {
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
            QueuedMessages { high, normal, low }
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

impl AccountQuotas for MemoryBackend {
    async fn quota(&self) -> Result<AccountQuota, PortError> {
        self.call(Call::reads("quota", None), |state| state.quota).await
    }
}

impl TableThrottles for MemoryBackend {
    async fn throttles_of_last_hour(&self, _: Timestamp) -> Result<u64, PortError> {
        self.call(Call::reads("throttles_of_last_hour", None), |state| {
            state.table_throttles
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

    fn temporary(&self) -> Result<[u8; TEMPORARY_BYTES], PortError> {
        let mut token = [0xAB; TEMPORARY_BYTES];
        for (byte, of_nonce) in token.iter_mut().zip(self.nonce()?.to_be_bytes()) {
            *byte = of_nonce;
        }
        Ok(token)
    }
}
