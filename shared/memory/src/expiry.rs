//! DynamoDB's TTL and S3's lifecycle: the expiry of items and objects.
//!
//! **Invariant:** an expired item does not exist for any reader, even before its deletion.
//! **Start reading at** [`State::expire`].

use domain::delivery::record::EmailRecord;
use domain::id::EmailKey;
use domain::timestamp::Timestamp;
use domain::webhook::delivery::KEPT_AT_LEAST;

use crate::{State, is_over};

impl State {
    /// The record of an email, unless it has expired.
    pub(crate) fn living(&self, key: &EmailKey, now: Timestamp) -> Option<&EmailRecord> {
        self.records.get(key).filter(|_| !self.is_forgotten(key, now))
    }

    /// True if an email's record or tombstone has expired.
    pub(crate) fn is_forgotten(&self, key: &EmailKey, now: Timestamp) -> bool {
        self.forgotten_at.get(key).is_some_and(|ttl| is_over(*ttl, now))
    }

    /// Sets the expiry of a record as the adapter does: when its status becomes final, or changes to another final
    /// one.
    pub(crate) fn set_ttl(&mut self, before: Option<&EmailRecord>, record: &EmailRecord, now: Timestamp) {
        let key = record.email_key();
        if !record.status.is_final() {
            self.forgotten_at.remove(&key);
        } else if before.is_none_or(|before| before.status != record.status) {
            self.forget_later(key, now);
        }
    }

    pub(crate) fn forget_later(&mut self, key: EmailKey, now: Timestamp) {
        if let Some(retention) = self.retention {
            self.forgotten_at.insert(key, now.after(retention));
        }
    }

    /// Deletes everything that has expired: records, tombstones, records of batches, contents and files.
    pub fn expire(&mut self) {
        let now = self.now();
        let forgotten: Vec<EmailKey> = self.forgotten_at.keys().cloned().collect();
        for key in forgotten
            .into_iter()
            .filter(|key| self.is_forgotten(key, now))
            .collect::<Vec<_>>()
        {
            self.forgotten_at.remove(&key);
            self.erased.remove(&key);
            let Some(record) = self.records.remove(&key) else {
                continue;
            };
            self.tally.add_to_stream(now, Some(&record), None);
            let Some(fault_model) = &mut self.fault_model else {
                continue;
            };
            fault_model.count_fault("deleted by TTL");
            fault_model.index(&EmailRecord {
                due: None,
                ..record.clone()
            });
            if let Some(observer) = &mut fault_model.observer {
                observer.on_expiry(&record);
            }
        }
        if let Some(retention) = self.retention {
            let is_kept = |from: Timestamp, retention| !is_over(from.after(retention), now);
            let of_events = retention.max(KEPT_AT_LEAST);
            self.hooks
                .expire(|from| is_kept(from, retention), |from| is_kept(from, of_events));
        }
        self.batches.retain(|_, (_, until)| !is_over(*until, now));
        let is_kept = |until: Timestamp| until >= now;
        self.kept_until.retain(|_, until| is_kept(*until));
        let kept_until = &self.kept_until;
        self.bodies.retain(|name, _| kept_until.contains_key(name));
        self.files.retain(|_, (_, until)| is_kept(*until));
    }
}
