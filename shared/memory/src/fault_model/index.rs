//! The index of due emails, which receives each write later.

use std::collections::BTreeMap;
use std::time::Duration;

use domain::delivery::index::LOOK_AHEAD;
use domain::delivery::record::{DueKind, EmailRecord};
use domain::id::EmailKey;

use super::FaultModel;
use crate::queue::millis;

impl FaultModel {
    /// The index receives a record, now or later, and the writes of each record in their order.
    pub(crate) fn index(&mut self, record: &EmailRecord) {
        if self.odds.stale_ms == 0 || self.calm {
            let now = i64::MAX;
            self.catch_up(now);
            self.index.insert(record.email_key(), record.clone());
            return;
        }
        let at = self.now_ms().saturating_add(millis(self.up_to(self.odds.stale_ms)));
        let of_record = self
            .underway
            .iter()
            .filter(|(_, other)| other.id == record.id)
            .map(|((at, _), _)| *at);
        let at = of_record.max().map_or(at, |before| before.max(at));
        let number = self.number();
        self.underway.insert((at, number), record.clone());
    }

    /// Replaces the index by the one of another table, which is complete from the beginning.
    pub(crate) fn index_anew(&mut self, records: &BTreeMap<EmailKey, EmailRecord>) {
        self.underway.clear();
        self.index.clone_from(records);
    }

    fn catch_up(&mut self, now: i64) {
        while let Some(next) = self.underway.first_entry()
            && next.key().0 <= now
        {
            let record = next.remove();
            self.index.insert(record.email_key(), record);
        }
    }

    /// True if the index has not received every write.
    pub(crate) fn is_behind(&mut self) -> bool {
        self.catch_up(self.now_ms());
        !self.underway.is_empty()
    }

    /// The records in the index's current state.
    pub(crate) fn indexed_records(&mut self) -> impl Iterator<Item = &EmailRecord> {
        self.catch_up(self.now_ms());
        if !self.underway.is_empty() {
            self.count_fault("index read stale");
        }
        self.index.values()
    }

    /// True if the index has an entry that is due now.
    #[must_use]
    pub fn anything_due(&self) -> bool {
        let now = self.now().after(Duration::from_secs(2));
        let records = self.index.values().chain(self.underway.values());
        records.filter_map(|record| record.due).any(|due| match due.kind {
            DueKind::Check => due.at <= now,
            DueKind::Wake => due.at <= now.after(LOOK_AHEAD),
            // `promote` finds these through a job or a look at their queue, not by their own times.
            DueKind::Held | DueKind::RateLimited | DueKind::Ended => false,
        })
    }
}
