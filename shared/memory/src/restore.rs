//! A copy of the table as of a time, and a restore from it.
//!
//! **Invariant:** the copy has what the table has: no messages, no objects of the bucket, and nothing of SES.

use std::collections::{BTreeMap, BTreeSet};

use domain::delivery::account_rate::AccountRate;
use domain::delivery::batch::{BatchId, BatchRecord};
use domain::delivery::record::{EmailRecord, Priority};
use domain::id::{EmailId, EmailKey, QueueKey, TenantId};
use domain::queue::Queue;
use domain::queue::job::Job;
use domain::timestamp::Timestamp;

use crate::State;

/// The table as of a time.
#[derive(Debug, Clone)]
pub struct TableCopy {
    /// The records.
    pub records: BTreeMap<EmailKey, EmailRecord>,
    batches: BTreeMap<(TenantId, BatchId), (BatchRecord, Timestamp)>,
    queues: BTreeMap<QueueKey, Queue>,
    jobs: BTreeMap<(QueueKey, EmailId), Job>,
    account_rate: AccountRate,
    busy_since: BTreeMap<Priority, Timestamp>,
    newest_event: Option<Timestamp>,
    forgotten_at: BTreeMap<EmailKey, Timestamp>,
}

impl State {
    /// Copies the table.
    #[must_use]
    pub fn copy_table(&self) -> TableCopy {
        TableCopy {
            records: self.records.clone(),
            batches: self.batches.clone(),
            queues: self.queues.clone(),
            jobs: self.jobs.clone(),
            account_rate: self.account_rate,
            busy_since: self.busy_since.clone(),
            newest_event: self.newest_event,
            forgotten_at: self.forgotten_at.clone(),
        }
    }

    /// Replaces the table by an earlier copy, with complete indexes. The observer sees no write. Queues with a rate
    /// limit and suppressions stay as they are: no scenario restores them.
    pub fn restore_table(&mut self, copy: TableCopy) {
        self.records = copy.records;
        self.batches = copy.batches;
        self.queues = copy.queues;
        self.jobs = copy.jobs;
        self.account_rate = copy.account_rate;
        self.busy_since = copy.busy_since;
        self.newest_event = copy.newest_event;
        self.forgotten_at = copy.forgotten_at;
        // `promote` reads every shard from its beginning.
        self.cursors.clear();
        self.late_in_index = BTreeSet::new();
        if let Some(fault_model) = &mut self.fault_model {
            fault_model.index_anew(&self.records);
        }
    }
}
