//! The ports over [`State`].

use std::collections::BTreeMap;
use std::time::Duration;

use domain::email::Email;
use domain::id::{EmailId, TenantId};
use domain::lifecycle::{Attempt, Condition, Feedback, Policy, Transition, claimed};
use domain::pacing::{Account, Change, Pace};
use domain::ports::{
    Accounts, Backlog, BatchRecord, Batches, Bodies, Bookmarks, Claimed, Clock, Coming, Created, DeadLetters,
    DueCursor, DueIndex, DuePage, EmailKey, Evidence, Lanes, Paced, Paces, Packed, PortError, Provider, Put, Random,
    Rows, Waiting, Wake, Watermark, Written,
};
use domain::retry::Jitter;
use domain::row::{BodyPlace, BodyRef, DueKind, Lane, Row};
use domain::timestamp::Timestamp;
use domain::wire::api::IdempotencyKey;
use domain::wire::hand_over::HandOver;
use domain::wire::wake_up::WakeUp;

use crate::{Fault, State, World};

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
        keep_until: Timestamp,
        _now: Timestamp,
    ) -> Result<Put, PortError> {
        let name = (key.clone(), body.sha256.clone());
        let place = packed.place;
        self.call("put", |state| {
            let kept = state.kept_until.get(&name).copied();
            // In the table one that is to stay for less is written anew.
            let stays = place == BodyPlace::Bucket || kept >= Some(keep_until);
            if state.bodies.contains_key(&name) && stays {
                return Put::There;
            }
            state.bodies.insert(name.clone(), packed.bytes);
            state.kept_until.insert(name, keep_until);
            Put::New
        })
    }

    async fn keep(
        &self,
        key: &EmailKey,
        body: &BodyRef,
        keep_until: Timestamp,
        _now: Timestamp,
    ) -> Result<bool, PortError> {
        let name = (key.clone(), body.sha256.clone());
        self.call("keep", |state| {
            let known = state.bodies.contains_key(&name);
            if known {
                let kept = state.kept_until.entry(name).or_insert(keep_until);
                *kept = keep_until.max(*kept);
            }
            known
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
    async fn recall(
        &self,
        tenant: &TenantId,
        key: &IdempotencyKey,
        _now: Timestamp,
    ) -> Result<Option<BatchRecord>, PortError> {
        let name = (tenant.clone(), key.as_str().to_owned());
        self.call("recall", |state| state.batches.get(&name).cloned())
    }

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
    #[expect(clippy::panic, reason = "a death that a test asked for")]
    async fn submit(&self, claimed: &Row, _email: &Email, _timeout: Duration) -> Attempt {
        let mut state = self.state();
        state.submitted.push((claimed.id, claimed.claim_no));
        let accepted = Attempt::Accepted {
            message_id: format!("ses-{}", state.submitted.len()),
        };
        let answer = state.answers.pop_front().unwrap_or(accepted);
        let poisoned = state.panics.contains(&claimed.id);
        let fault = state.fault_of_ses();
        if matches!(answer, Attempt::Accepted { .. }) && !matches!(fault, Fault::Before | Fault::DieBefore) {
            state.accepted.push((claimed.id, claimed.claim_no));
        }
        drop(state);
        assert!(!poisoned, "the world was told to panic");
        match fault {
            Fault::None => answer,
            Fault::Before | Fault::After => Attempt::Ambiguous,
            Fault::DieBefore | Fault::DieAfter => panic!("died while SES was asked"),
        }
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

    async fn bookmarks(&self) -> Result<Bookmarks, PortError> {
        self.call("bookmarks", |state| Bookmarks {
            cursors: state.cursors.clone(),
            busy_since: state.busy_since.clone(),
        })
    }

    async fn save_busy_since(&self, lane: Lane, since: Option<Timestamp>) -> Result<(), PortError> {
        self.call("save_busy_since", |state| {
            match since {
                Some(since) => state.busy_since.insert(lane, since),
                None => state.busy_since.remove(&lane),
            };
        })
    }

    async fn save_cursor(&self, shard: u16, cursor: &DueCursor) -> Result<(), PortError> {
        self.call("save_cursor", |state| {
            state.cursors.insert(shard, cursor.clone());
        })
    }
}

impl Evidence for World {
    async fn feedback(&self, now: Timestamp) -> Result<Feedback, PortError> {
        self.call("feedback", |state| Feedback {
            empty_at: (state.events_waiting == 0).then_some(now),
            newest: state.newest_event,
        })
    }
}

impl Watermark for World {
    async fn raise_watermark(&self, newest: Timestamp) -> Result<(), PortError> {
        self.call("raise_watermark", |state| {
            state.newest_event = state.newest_event.max(Some(newest));
        })
    }
}

impl Backlog for World {
    async fn waiting(&self) -> Result<Waiting, PortError> {
        self.call("waiting", |state| state.waiting)
    }
}

impl Paces for World {
    async fn pace(&self) -> Result<Pace, PortError> {
        self.call("pace", |state| state.pace)
    }

    async fn change_pace(&self, change: &Change) -> Result<Paced, PortError> {
        self.call("change_pace", |state| {
            if change.holds(&state.pace) {
                state.pace = change.on(state.pace);
                Paced::Done(state.pace)
            } else {
                Paced::Refused(state.pace)
            }
        })
    }
}

impl Accounts for World {
    async fn account(&self) -> Result<Account, PortError> {
        let unlimited = Account {
            rate: None,
            quota_spent: false,
            paused: false,
        };
        self.call("account", |state| state.account.unwrap_or(unlimited))
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
