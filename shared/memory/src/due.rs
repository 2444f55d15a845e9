//! The due index over [`State`]: with a fault model it is behind the records.

use std::collections::BTreeMap;

use domain::delivery::index;
use domain::delivery::index::DueCursor;
use domain::delivery::record::{DueKind, EmailRecord, Priority};
use domain::delivery::send_task::SendTask;
use domain::id::{EmailKey, QueueKey};
use domain::ports::{Bookmarks, DueEmail, DueIndex, DuePage, IndexedEmail, PortError};
use domain::reporting::account::OldestDue;
use domain::timestamp::Timestamp;

use crate::{Call, MemoryBackend, State};

/// Number of shards of the index without a fault model.
const SHARDS: u16 = 2;

/// The due records of a partition, by time and email, in the order of the index.
fn partition(state: &mut State, kind: DueKind, shard: u16, until: Timestamp) -> BTreeMap<String, EmailRecord> {
    let (shards, late) = (shards(state), state.late_in_index.clone());
    let waits = |record: &&EmailRecord| {
        let due = record.due.is_some_and(|due| due.kind == kind && due.at <= until);
        due && index::shard(kind, record.id, shards) == shard && !late.contains(&record.id)
    };
    let entry = |record: &EmailRecord| {
        Some((
            format!("{:015}#{}", record.due?.at.as_millis(), record.id),
            record.clone(),
        ))
    };
    match &mut state.fault_model {
        Some(fault_model) => fault_model.indexed_records().filter(waits).filter_map(entry).collect(),
        None => state.records.values().filter(waits).filter_map(entry).collect(),
    }
}

fn shards(state: &State) -> u16 {
    state
        .fault_model
        .as_ref()
        .map_or(SHARDS, |fault_model| fault_model.shards)
}

fn page<T>(
    state: &mut State,
    (kind, shard): (DueKind, u16),
    until: Timestamp,
    from: Option<&DueCursor>,
    read: impl Fn(String, EmailRecord) -> T,
) -> DuePage<T> {
    let entries: Vec<_> = partition(state, kind, shard, until)
        .into_iter()
        .filter(|(key, _)| from.is_none_or(|from| *key > from.0))
        .collect();
    let size = if state.page_size == 0 {
        usize::MAX
    } else {
        state.page_size
    };
    let more = entries.len() > size;
    let shown: Vec<_> = entries.into_iter().take(size).collect();
    let next = shown.last().filter(|_| more).map(|(key, _)| DueCursor(key.clone()));
    DuePage {
        items: shown.into_iter().map(|(key, record)| read(key, record)).collect(),
        next,
    }
}

impl DueIndex for MemoryBackend {
    fn shards(&self) -> u16 {
        shards(&self.state())
    }

    async fn due_emails(
        &self,
        shard: u16,
        until: Timestamp,
        from: Option<&DueCursor>,
    ) -> Result<DuePage<DueEmail>, PortError> {
        let read = |key, record: EmailRecord| DueEmail {
            not_before: record.not_before,
            priority: record.priority,
            send_task: SendTask::of(&record),
            cursor: DueCursor(key),
        };
        let from = from.cloned();
        self.call(Call::reads("due_emails", None), move |state| {
            page(state, (DueKind::Wake, shard), until, from.as_ref(), read)
        })
        .await
    }

    async fn overdue(
        &self,
        shard: u16,
        until: Timestamp,
        from: Option<&DueCursor>,
    ) -> Result<DuePage<EmailKey>, PortError> {
        let from = from.cloned();
        self.call(Call::reads("overdue", None), move |state| {
            page(state, (DueKind::Check, shard), until, from.as_ref(), |_, record| {
                record.email_key()
            })
        })
        .await
    }

    async fn parked_emails(
        &self,
        kind: DueKind,
        queue: &QueueKey,
        shard: u16,
        from: Option<&DueCursor>,
    ) -> Result<DuePage<IndexedEmail>, PortError> {
        let (queue, from) = (queue.clone(), from.cloned());
        let read = |key, record: EmailRecord| IndexedEmail {
            key: record.email_key(),
            at: record.due.map_or(record.not_before, |due| due.at),
            status: record.status,
            cause: record.cause,
            cursor: DueCursor(key),
        };
        self.call(Call::reads("parked_emails", None), move |state| {
            let mut page = page(
                state,
                (kind, shard),
                Timestamp::from_millis(i64::MAX),
                from.as_ref(),
                |key, record| (record.queue_key() == queue).then(|| read(key, record)),
            );
            DuePage {
                items: page.items.drain(..).flatten().collect(),
                next: page.next,
            }
        })
        .await
    }

    async fn bookmarks(&self) -> Result<Bookmarks, PortError> {
        self.call(Call::reads("bookmarks", None), |state| Bookmarks {
            cursors: state.cursors.clone(),
            busy_since: state.busy_since.clone(),
            oldest_due: state.oldest_due,
            hook_places: state.hooks.due_places.clone(),
        })
        .await
    }

    async fn save_busy_since(&self, priority: Priority, since: Option<Timestamp>) -> Result<(), PortError> {
        self.call(Call::writes("save_busy_since", None), move |state| {
            match since {
                Some(since) => state.busy_since.insert(priority, since),
                None => state.busy_since.remove(&priority),
            };
        })
        .await
    }

    async fn save_oldest_due(&self, oldest: OldestDue) -> Result<(), PortError> {
        self.call(Call::writes("save_oldest_due", None), move |state| {
            state.oldest_due = Some(oldest);
        })
        .await
    }

    async fn save_cursor(&self, shard: u16, cursor: &DueCursor) -> Result<(), PortError> {
        let cursor = cursor.clone();
        self.call(Call::writes("save_cursor", None), move |state| {
            state.cursors.insert(shard, cursor.clone());
        })
        .await
    }
}
