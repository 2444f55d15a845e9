//! The ports over [`State`].

use std::collections::BTreeMap;
use std::time::Duration;

use domain::email::Email;
use domain::id::{EmailId, TenantId};
use domain::lifecycle::{Attempt, Condition, Policy, Transition, claimed};
use domain::ports::{
    BatchRecord, Batches, Bodies, Claimed, Clock, Coming, Created, DeadLetters, DueCursor, DueIndex, DuePage, EmailKey,
    Evidence, Lanes, Packed, PortError, Provider, Random, Rows, Wake, Written,
};
use domain::retry::Jitter;
use domain::row::{BodyPlace, BodyRef, DueKind, Row};
use domain::timestamp::Timestamp;
use domain::wire::api::IdempotencyKey;
use domain::wire::hand_over::HandOver;
use domain::wire::wake_up::WakeUp;

use crate::{State, World};

/// Contents above this many bytes go to the bucket here.
const NEAR_MAX: usize = 1000;

/// Shards of the index here.
const SHARDS: u16 = 2;

impl Rows for World {
    async fn load_many(&self, keys: &[EmailKey], _now: Timestamp) -> Result<Vec<Row>, PortError> {
        self.call("load_many", |state| {
            keys.iter().filter_map(|key| state.rows.get(key).cloned()).collect()
        })
    }

    async fn load(&self, key: &EmailKey, _now: Timestamp) -> Result<Option<Row>, PortError> {
        self.call("load", |state| state.rows.get(key).cloned())
    }

    async fn create(&self, row: &Row, _now: Timestamp) -> Result<Created, PortError> {
        self.call("create", |state| match state.rows.get(&EmailKey::of(row)) {
            Some(known) => Created::Exists(Box::new(known.clone())),
            None => {
                state.rows.insert(EmailKey::of(row), row.clone());
                Created::New
            }
        })
    }

    async fn claim(&self, key: &EmailKey, nonce: u64, policy: &Policy, now: Timestamp) -> Result<Claimed, PortError> {
        self.call("claim", |state| match state.rows.get(key).cloned() {
            Some(row) if (Condition::Claimable { now }).holds(&row) => {
                let row = claimed(row, policy, nonce, now);
                state.rows.insert(key.clone(), row.clone());
                Claimed::Granted(Box::new(row))
            }
            other => Claimed::Refused(other.map(Box::new)),
        })
    }

    async fn write(&self, _before: &Row, transition: &Transition, _now: Timestamp) -> Result<Written, PortError> {
        let key = EmailKey::of(&transition.row);
        self.call("write", |state| match state.rows.get(&key).cloned() {
            Some(row) if transition.condition.holds(&row) => {
                state.rows.insert(key, transition.row.clone());
                Written::Done
            }
            other => Written::Moved(other.map(Box::new)),
        })
    }
}

impl Bodies for World {
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
        _keep_until: Timestamp,
        _now: Timestamp,
    ) -> Result<(), PortError> {
        let name = (key.clone(), body.sha256.clone());
        self.call("put", |state| {
            state.bodies.insert(name, packed.bytes);
        })
    }

    async fn load_near(&self, key: &EmailKey) -> Result<BTreeMap<String, Vec<u8>>, PortError> {
        self.call("load_near", |state| {
            let near = state
                .bodies
                .iter()
                .filter(|((email, _), content)| email == key && content.len() <= NEAR_MAX);
            near.map(|((_, hash), content)| (hash.clone(), content.clone()))
                .collect()
        })
    }

    async fn load(&self, key: &EmailKey, body: &BodyRef) -> Result<Option<Vec<u8>>, PortError> {
        let name = (key.clone(), body.sha256.clone());
        self.call("load_body", |state| state.bodies.get(&name).cloned())
    }
}

impl Batches for World {
    async fn remember(
        &self,
        tenant: &TenantId,
        key: &IdempotencyKey,
        record: &BatchRecord,
        _keep_until: Timestamp,
        _now: Timestamp,
    ) -> Result<BatchRecord, PortError> {
        let name = (tenant.clone(), key.as_str().to_owned());
        self.call("remember", |state| {
            state.batches.entry(name).or_insert_with(|| record.clone()).clone()
        })
    }
}

impl Lanes for World {
    async fn wake(&self, wakes: &[Wake]) -> Vec<Result<(), PortError>> {
        let wake = |wake: &Wake| self.call("wake", |state| state.wakes.push(wake.clone()));
        wakes.iter().map(wake).collect()
    }
}

impl DeadLetters for World {
    async fn hand_over(&self, emails: &[HandOver]) -> Vec<Result<(), PortError>> {
        let push = |email: &HandOver| self.call("hand_over", |state| state.handed_over.push(email.clone()));
        emails.iter().map(push).collect()
    }
}

impl Provider for World {
    async fn submit(&self, claimed: &Row, _email: &Email, _timeout: Duration) -> Attempt {
        let mut state = self.state();
        state.submitted.push((claimed.id, claimed.claim_no));
        let accepted = Attempt::Accepted {
            message_id: format!("ses-{}", state.submitted.len()),
        };
        let answer = state.answers.pop_front().unwrap_or(accepted);
        let poisoned = state.panics.contains(&claimed.id);
        drop(state);
        assert!(!poisoned, "the world was told to panic");
        answer
    }
}

/// What is in a partition: by time and email, as the index orders it.
fn partition(state: &State, kind: DueKind, shard: u16) -> BTreeMap<String, Row> {
    let waits = |row: &&Row| row.due.is_some_and(|due| due.kind == kind) && row.id.shard(SHARDS) == shard;
    let entry = |row: &Row| Some((format!("{:015}#{}", row.due?.at.as_millis(), row.id), row.clone()));
    state.rows.values().filter(waits).filter_map(entry).collect()
}

fn page<T>(
    state: &State,
    (kind, shard): (DueKind, u16),
    until: Timestamp,
    from: Option<&DueCursor>,
    read: impl Fn(String, Row) -> T,
) -> DuePage<T> {
    let entries: Vec<_> = partition(state, kind, shard)
        .into_iter()
        .filter(|(key, row)| from.is_none_or(|from| *key > from.0) && row.due.is_some_and(|due| due.at <= until))
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
        items: shown.into_iter().map(|(key, row)| read(key, row)).collect(),
        next,
    }
}

impl DueIndex for World {
    fn shards(&self) -> u16 {
        SHARDS
    }

    async fn coming(
        &self,
        shard: u16,
        until: Timestamp,
        from: Option<&DueCursor>,
    ) -> Result<DuePage<Coming>, PortError> {
        let read = |key, row: Row| Coming {
            not_before: row.not_before,
            lane: row.lane,
            wake_up: WakeUp::of(&row),
            cursor: DueCursor(key),
        };
        self.call("coming", |state| page(state, (DueKind::Wake, shard), until, from, read))
    }

    async fn overdue(
        &self,
        shard: u16,
        until: Timestamp,
        from: Option<&DueCursor>,
    ) -> Result<DuePage<EmailKey>, PortError> {
        self.call("overdue", |state| {
            page(state, (DueKind::Check, shard), until, from, |_, row| EmailKey::of(&row))
        })
    }

    async fn cursors(&self) -> Result<BTreeMap<u16, DueCursor>, PortError> {
        self.call("cursors", |state| state.cursors.clone())
    }

    async fn save_cursor(&self, shard: u16, cursor: &DueCursor) -> Result<(), PortError> {
        self.call("save_cursor", |state| {
            state.cursors.insert(shard, cursor.clone());
        })
    }
}

impl Evidence for World {
    async fn caught_up(&self) -> Result<bool, PortError> {
        self.call("caught_up", |state| state.events_waiting == 0)
    }
}

impl Clock for World {
    fn now(&self) -> Timestamp {
        Timestamp::from_millis(self.state().now_ms)
    }
}

impl Random for World {
    fn nonce(&self) -> Result<u64, PortError> {
        let mut state = self.state();
        state.nonces += 1;
        Ok(state.nonces)
    }

    fn jitter(&self) -> Jitter {
        Jitter::NONE
    }

    fn id(&self) -> Result<EmailId, PortError> {
        self.nonce()
            .map(|nonce| EmailId::from_random(u128::from(nonce).to_be_bytes()))
    }
}
