//! Commands on many emails of a tenant, newest first: a cancellation, or a release after a restore of the table.
//!
//! **Invariant:** one request reads and changes a bounded number of emails, and reports where to continue. It can be
//! repeated at any time.
//! **After a crash** that follows a write, `promote` finds the email in the due index, and enqueues its send task.
//! **Start reading at** [`ManageFunction::carry_out_on_many`].

use std::collections::BTreeMap;

use aws::http::query::Cursor;
use domain::api::error::ApiError;
use domain::delivery::record::{EmailRecord, RecordStatus};
use domain::delivery::send_task::SendTask;
use domain::id::{EmailId, EmailKey, KeyId, QueueName, TenantId};
use domain::lifecycle::{Decision, SideEffect, commands, restoration};
use domain::ports::{Clock, EmailRecords, Listing, Queues, SendTaskRequest};
use domain::queue::Queue;
use domain::tenant::sender::FromDomain;
use domain::timestamp::Timestamp;
use workflow::apply::{Outcome, apply_many};

use crate::filters::is_from;
use crate::{ManageError, ManageFunction, Ports};

/// Maximum number of emails that one request reads.
pub const LOOKED_AT_MAX: usize = 5_000;

/// Number of emails that one request changes, or a few more: the last page is finished.
pub const CHANGED_MAX: u64 = 500;

/// Number of emails per page.
const PAGE: usize = 250;

/// The emails that a request selects: those that match every given condition.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Selection {
    /// The API key that accepted them.
    pub key: Option<KeyId>,
    /// Their From domain.
    pub from_domain: Option<FromDomain>,
    /// Their queue.
    pub queue: Option<QueueName>,
    /// Only emails of a restored table ([`EmailRecord::is_restored`]).
    pub restored: bool,
    /// Last email of the earlier request.
    pub after: Option<EmailId>,
}

impl Selection {
    fn selects(&self, record: &EmailRecord, epoch: Option<Timestamp>) -> bool {
        self.key.is_none_or(|key| record.key == Some(key))
            && self.from_domain.as_ref().is_none_or(|domain| is_from(record, domain))
            && self.queue.as_ref().is_none_or(|queue| record.queue == *queue)
            && (!self.restored || record.is_restored(epoch))
    }
}

/// A command on many emails.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum BulkCommand {
    /// Cancels waiting emails.
    Cancel,
    /// Releases emails of a restored table.
    Release,
}

/// The result of a command on many emails.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct BulkResult {
    /// Emails that were canceled or released.
    pub(crate) changed: u64,
    /// Unfinished emails that the command does not apply to yet.
    pub(crate) left: u64,
    /// Emails that could not be written.
    pub(crate) failed: u64,
    /// Last email that was read, if more are left.
    pub(crate) next: Option<EmailId>,
}

/// Reads `queue`.
///
/// # Errors
/// 422 `validation_error`.
pub(crate) fn read_queue(name: Option<&str>) -> Result<Option<QueueName>, ApiError> {
    let name = name.map(QueueName::parse).transpose();
    name.map_err(|error| ApiError::validation("queue", error))
}

/// Reads `after`.
///
/// # Errors
/// 422 `validation_error`.
pub(crate) fn read_after(id: Option<&str>) -> Result<Option<EmailId>, ApiError> {
    let read = |id| EmailId::parse(id).ok_or_else(|| ApiError::validation("after", "must be the id of an email"));
    id.map(read).transpose()
}

impl<P: Ports> ManageFunction<P> {
    /// Carries out a command on the selected emails.
    ///
    /// # Errors
    /// 422 when the email in `after` does not exist. Or a backend call failed.
    pub(crate) async fn carry_out_on_many(
        &self,
        tenant: &TenantId,
        selection: &Selection,
        command: BulkCommand,
    ) -> Result<BulkResult, ManageError> {
        let (now, policy) = (self.system.now(), &self.with.policy);
        let epoch = policy.restore_epoch;
        let queues: BTreeMap<QueueName, Queue> = match command {
            BulkCommand::Cancel => BTreeMap::new(),
            BulkCommand::Release => {
                let queues = self.records.queues(tenant).await?;
                let restored = queues.into_iter().map(|queue| queue.restored_at(epoch));
                restored.map(|queue| (queue.key.name.clone(), queue)).collect()
            }
        };
        let decide = |record: &EmailRecord| match command {
            BulkCommand::Cancel if selection.restored => restoration::cancel(record, policy, now),
            BulkCommand::Cancel => commands::cancel(record, policy, now).unwrap_or(Decision::Forget),
            BulkCommand::Release => {
                let queue = queues.get(&record.queue).cloned();
                let queue = queue.unwrap_or_else(|| Queue::plain(record.queue_key(), now));
                restoration::release(record, &queue, &queue.policy(policy), now)
            }
        };
        let is_changed = |record: &EmailRecord| match command {
            BulkCommand::Cancel if selection.restored => record.status == RecordStatus::Unknown,
            BulkCommand::Cancel => record.status == RecordStatus::Canceled,
            BulkCommand::Release => !record.status.is_final() && !record.is_restored(epoch),
        };
        let mut start = self.start(tenant, selection.after.map(Cursor::After), now).await?;
        let (mut result, mut looked_at) = (BulkResult::default(), 0_usize);
        loop {
            let places = self.records.places(tenant, start, PAGE).await?;
            let keys: Vec<_> = places
                .iter()
                .map(|place| EmailKey {
                    tenant: tenant.clone(),
                    id: place.id,
                })
                .collect();
            let mut records = self.records.load_many(&keys, now).await?;
            records.retain(|record| {
                let waits = !record.status_at(now).is_final() || (selection.restored && !record.status.is_final());
                waits && selection.selects(record, epoch)
            });
            let mut requests = Vec::new();
            for decided in apply_many(&self.records, records, now, decide).await {
                let Outcome {
                    side_effect, record, ..
                } = match decided {
                    Ok(outcome) => outcome,
                    // One email must not keep the others from being changed.
                    Err(error) => {
                        let error = aws::runtime::telemetry::chain(&error);
                        tracing::warn!(error, "an email could not be canceled or released");
                        result.failed = result.failed.saturating_add(1);
                        continue;
                    }
                };
                if let SideEffect::EnqueueTask { delay } = side_effect {
                    requests.push(SendTaskRequest {
                        priority: record.priority,
                        send_task: SendTask::of(&record),
                        delay,
                    });
                }
                if is_changed(&record) {
                    result.changed = result.changed.saturating_add(1);
                } else if !record.status.is_final() {
                    result.left = result.left.saturating_add(1);
                }
            }
            self.enqueue(&requests).await;
            looked_at = looked_at.saturating_add(places.len());
            match places.last() {
                Some(last) if places.len() == PAGE => start = start.behind(*last),
                Some(_) | None => return Ok(result),
            }
            if looked_at >= LOOKED_AT_MAX || result.changed >= CHANGED_MAX {
                result.next = places.last().map(|last| last.id);
                return Ok(result);
            }
        }
    }
}
