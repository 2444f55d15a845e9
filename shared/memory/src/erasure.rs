//! Erasure over [`crate::State`].

use domain::delivery::record::EmailRecord;
use domain::id::EmailKey;
use domain::lifecycle::Condition;
use domain::ports::erasure::{Erasing, Tombstones};
use domain::ports::{PortError, Written};
use domain::timestamp::Timestamp;

use crate::{Call, MemoryBackend};

impl Tombstones for MemoryBackend {
    async fn replace_with_tombstone(&self, before: &EmailRecord, _now: Timestamp) -> Result<Written, PortError> {
        let (key, before) = (before.email_key(), before.clone());
        self.writer();
        self.call(Call::writes("replace_with_tombstone", Some(key.id)), move |state| {
            match state.records.get(&key).cloned() {
                Some(record) if Condition::if_unchanged(&before).holds(&record) => {
                    state.erase(&record);
                    Written::Done
                }
                // The adapter too takes an earlier tombstone for a success.
                None if state.erased.contains_key(&key) => Written::Done,
                other => Written::Moved(other.map(Box::new)),
            }
        })
        .await
    }

    async fn tombstone(&self, key: &EmailKey, now: Timestamp) -> Result<Option<String>, PortError> {
        let key = key.clone();
        self.writer();
        self.call(Call::reads("tombstone", Some(key.id)), move |state| {
            let erased = state.erased.get(&key).filter(|_| !state.is_forgotten(&key, now));
            erased.cloned()
        })
        .await
    }
}

impl Erasing for MemoryBackend {
    async fn erase(&self, key: &EmailKey) -> Result<(), PortError> {
        let key = key.clone();
        self.call(Call::writes("erase", Some(key.id)), move |state| {
            state.bodies.retain(|(email, _), _| *email != key);
            state.kept_until.retain(|(email, _), _| *email != key);
            state.files.retain(|(email, ..), _| *email != key);
            state.downloads.retain(|(email, _), _| *email != key);
        })
        .await
    }
}
