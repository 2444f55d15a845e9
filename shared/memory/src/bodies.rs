//! The contents of emails, in the table or in the bucket.

use std::collections::BTreeMap;

use domain::delivery::record::{BodyPlace, BodyRef};
use domain::id::EmailKey;
use domain::ports::{Bodies, Packed, PortError, Put};
use domain::timestamp::Timestamp;

use crate::fault_model::Broken;
use crate::{Call, MemoryBackend};

/// Largest content, in bytes, that goes to the table instead of the bucket.
const NEAR_MAX: usize = 1000;

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

    async fn extend_retention(
        &self,
        key: &EmailKey,
        body: &BodyRef,
        keep_until: Timestamp,
        _now: Timestamp,
    ) -> Result<bool, PortError> {
        let name = (key.clone(), body.sha256.clone());
        if body.place == BodyPlace::Table {
            let kept = self.call(Call::writes("extend_retention", Some(key.id)), move |state| {
                let known = state.bodies.contains_key(&name);
                if known {
                    let kept = state.kept_until.entry(name.clone()).or_insert(keep_until);
                    *kept = keep_until.max(*kept);
                }
                known
            });
            return kept.await;
        }
        // S3 cannot extend a retention in one call: a read comes first, and then a copy of the object that was read.
        loop {
            let looked = name.clone();
            let look = self.call(Call::reads("extend_retention", Some(key.id)), move |state| {
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
