//! The rate limits of queues over [`State`], and the emails that wait for slots.

use domain::delivery::index;
use domain::delivery::index::DueCursor;
use domain::delivery::record::{DueKind, EmailRecord};
use domain::delivery::send_task::SendTask;
use domain::id::{EmailKey, QueueKey};
use domain::ports::rate_limits::{IndexRange, RateLimitOutcome, RateLimits, WaitingEmail};
use domain::ports::{DueEmail, DuePage, PortError};
use domain::queue::rate_limit::{RateLimit, RateLimitChange};
use domain::timestamp::Timestamp;

use crate::fault_model::{Broken, FaultModel};
use crate::{Call, MemoryBackend, State};

/// The kind of a late release in [`crate::fault_model::FaultModel::struck`].
pub const RELEASE_REFUSED: &str = "release refused";

/// The place of a record that waits for a slot: its partition, and its key in it.
fn place(record: &EmailRecord) -> Option<((QueueKey, u16), String)> {
    let due = record.due.filter(|due| due.kind == DueKind::RateLimited)?;
    let shard = index::shard(due.kind, record.id, 0);
    let key = format!("{:015}#{}", due.at.as_millis(), record.id);
    Some(((record.queue_key(), shard), key))
}

impl State {
    /// Moves a record in the partitions of emails that wait for slots.
    pub(crate) fn line_up(&mut self, before: Option<&EmailRecord>, after: &EmailRecord) {
        if let Some((partition, key)) = before.and_then(place) {
            self.in_line.entry(partition).or_default().remove(&key);
        }
        if let Some((partition, key)) = place(after) {
            let email = after.email_key();
            self.in_line.entry(partition).or_default().insert(key, email);
        }
    }

    fn limit_of(&mut self, queue: &QueueKey) -> &mut RateLimit {
        self.rate_limits.entry(queue.clone()).or_default()
    }

    /// The places in a shard with their emails, within a range.
    fn places(&mut self, partition: &(QueueKey, u16), range: &IndexRange, count: usize) -> Vec<(String, EmailKey)> {
        let is_in = |key: &String| {
            range.after.as_ref().is_none_or(|after| *key > after.0)
                && range.until.as_ref().is_none_or(|until| *key <= until.0)
        };
        // Without a delay the index has the same places as the records.
        let is_behind = self.fault_model.as_mut().is_some_and(FaultModel::is_behind);
        if let Some(fault_model) = self.fault_model.as_mut().filter(|_| is_behind) {
            let mut places: Vec<_> = fault_model
                .indexed_records()
                .filter_map(|record| place(record).map(|(of, key)| (of, key, record.email_key())))
                .filter(|(of, key, _)| of == partition && is_in(key))
                .map(|(_, key, email)| (key, email))
                .collect();
            places.sort();
            places.truncate(count);
            return places;
        }
        let Some(line) = self.in_line.get(partition) else {
            return Vec::new();
        };
        let from = range
            .after
            .as_ref()
            .map_or(String::new(), |after| format!("{}\u{1}", after.0));
        let places = line.range(from..).take_while(|(key, _)| is_in(key)).take(count);
        places.map(|(key, email)| (key.clone(), email.clone())).collect()
    }
}

fn to_waiting_email((key, record): (String, &EmailRecord)) -> WaitingEmail {
    WaitingEmail {
        due_email: DueEmail {
            not_before: record.due.map_or(record.not_before, |due| due.at),
            priority: record.priority,
            send_task: SendTask::of(record),
            cursor: DueCursor(key),
        },
        expires_at: record.expires_at,
    }
}

impl RateLimits for MemoryBackend {
    async fn rate_limit(&self, queue: &QueueKey) -> Result<RateLimit, PortError> {
        let queue = queue.clone();
        self.call(Call::reads("rate_limit", None), move |state| {
            state.limit_of(&queue).clone()
        })
        .await
    }

    async fn change_rate_limit(
        &self,
        queue: &QueueKey,
        change: &RateLimitChange,
    ) -> Result<RateLimitOutcome, PortError> {
        let (queue, change) = (queue.clone(), change.clone());
        let any = self.is(Broken::RateLimitsIgnored);
        self.writer();
        self.call(Call::writes("change_rate_limit", None), move |state| {
            let limit = state.limit_of(&queue);
            if any || change.holds(limit) {
                *limit = change.on(limit.clone());
                RateLimitOutcome::Done(limit.clone())
            } else {
                let known = limit.clone();
                if let (Some(fault_model), RateLimitChange::Check { .. }) = (&mut state.fault_model, &change) {
                    fault_model.count_fault(RELEASE_REFUSED);
                }
                RateLimitOutcome::Refused(known)
            }
        })
        .await
    }

    async fn queues_to_check(&self, until: Timestamp) -> Result<Vec<QueueKey>, PortError> {
        let forgotten = self.is(Broken::MarksOfQueuesForgotten);
        self.call(Call::reads("queues_to_look_at", None), move |state| {
            let all = state.rate_limits.iter();
            let due = all.filter(|(_, limit)| limit.check_at.is_some_and(|at| at <= until) && !forgotten);
            due.map(|(queue, _)| queue.clone()).collect()
        })
        .await
    }

    async fn waiting_emails(
        &self,
        queue: &QueueKey,
        shard: u16,
        range: &IndexRange,
        count: usize,
    ) -> Result<DuePage<WaitingEmail>, PortError> {
        let (partition, range) = ((queue.clone(), shard), range.clone());
        self.call(Call::reads("waiting_emails", None), move |state| {
            let mut places = state.places(&partition, &range, count.saturating_add(1));
            let more = places.len() > count;
            places.truncate(count);
            let next = places.last().filter(|_| more).map(|(key, _)| DueCursor(key.clone()));
            state.in_line_read += places.len();
            let items = places.into_iter().filter_map(|(key, email)| {
                // In production the index holds these fields; here the record does.
                state.records.get(&email).map(|record| to_waiting_email((key, record)))
            });
            DuePage {
                items: items.collect(),
                next,
            }
        })
        .await
    }
}
