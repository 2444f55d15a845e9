//! Deletion of a tenant that has been suspended for a minute and has no unfinished work.
//!
//! **Invariant:** the write of the tenant's tombstone is conditional on the tenant's last version, so that a concurrent
//! end of the suspension wins. From that write on, the tenant's keys are void; they are revoked afterwards.
//! **Consistency:** the list of emails is an index, which lags behind the records. The tenant has accepted no email for
//! more than a minute when the list is read. The records themselves and the jobs of queues are read with strong
//! consistency.
//! **After a crash** that follows the write of the tombstone: the same request revokes the remaining keys, and answers
//! 200.
//! **Start reading at** [`AccessFunction::delete_tenant`]. Why this way: docs/adr/0030.

use std::collections::BTreeMap;

use aws::http::auth::Deployer;
use domain::api::access_view::TenantDeletedView;
use domain::api::error::ApiError;
use domain::delivery::email_status::EmailStatus;
use domain::delivery::record::EmailRecord;
use domain::id::{EmailKey, QueueName, TenantId};
use domain::ports::access::{Keys, Tenants, Work};
use domain::ports::{Clock, Listing, Queues, Rounds};
use domain::queue::Queue;
use domain::reporting::listing::Start;
use domain::tenant::key::Actor;
use domain::tenant::{Leftovers, Tenant};
use domain::timestamp::Timestamp;

use crate::tenants::NO_SUCH_TENANT;
use crate::{AccessError, AccessFunction, Ports};

/// Maximum number of emails that one request reads: a hundred pages, within Lambda's time.
pub const EMAILS_MAX: usize = 50_000;

/// Number of unfinished emails at which counting stops: a larger number helps nobody.
pub const UNFINISHED_MAX: usize = 1_000;

/// Number of emails per page.
const PAGE: usize = 500;

impl<P: Ports> AccessFunction<P> {
    /// Deletes a tenant permanently.
    ///
    /// # Errors
    /// 404 when it does not exist. 409 when it is not suspended for long enough or has unfinished work. 422 for
    /// `main`. Or a backend call failed.
    pub async fn delete_tenant(&self, _: Deployer, id: &TenantId) -> Result<TenantDeletedView, AccessError> {
        if *id == TenantId::main() {
            let problem = "the tenant main cannot be deleted";
            return Err(ApiError::validation("name", problem).into());
        }
        let mut rounds = Rounds::of("deleting a tenant");
        loop {
            rounds.begin()?;
            let Some(tenant) = self.records.tenant(id).await? else {
                // An interrupted deletion is completed.
                if self.records.deleted_at(id).await?.is_some() {
                    break;
                }
                return Err(ApiError::not_found(NO_SUCH_TENANT).into());
            };
            let now = self.system.now();
            self.check_deletable(&tenant, now).await?;
            if self.records.delete_tenant(&tenant, now).await? {
                break;
            }
        }
        self.revoke_all(id).await?;
        Ok(TenantDeletedView::new(id))
    }

    async fn check_deletable(&self, tenant: &Tenant, now: Timestamp) -> Result<(), AccessError> {
        tenant
            .check_deletable(now)
            .map_err(|not_yet| ApiError::conflict(not_yet.to_string()))?;
        let left = self.leftovers(&tenant.id, now).await?;
        if left.stopped && left.count() == 0 {
            let message = format!(
                "This tenant stores {EMAILS_MAX} emails or more, too many to check in one request. Emails are deleted when their retention ends (template parameter RetentionDays). Delete the tenant then."
            );
            return Err(ApiError::conflict(message).into());
        }
        if !left.is_none() {
            let message = format!(
                "This tenant has unfinished work: {left}. Wait until this work ends. Or cancel the emails and purge the queues, with requests that have the header x-mailqueue-tenant."
            );
            return Err(ApiError::conflict(message).into());
        }
        Ok(())
    }

    /// Counts the unfinished work of a tenant.
    async fn leftovers(&self, tenant: &TenantId, now: Timestamp) -> Result<Leftovers, AccessError> {
        let mut left = Leftovers {
            jobs: self.records.reviving_jobs(tenant).await?,
            ..Leftovers::default()
        };
        let queues = self.records.queues(tenant).await?;
        let queues: BTreeMap<QueueName, Queue> = queues
            .into_iter()
            .map(|queue| (queue.key.name.clone(), queue))
            .collect();
        let (mut start, mut looked_at) = (Start::Newest, 0_usize);
        loop {
            let places = self.records.places(tenant, start, PAGE).await?;
            let keys: Vec<_> = places
                .iter()
                .map(|place| EmailKey {
                    tenant: tenant.clone(),
                    id: place.id,
                })
                .collect();
            for record in self.records.bare_records(&keys, now).await? {
                match record {
                    Some(record) => left.add(EmailStatus::of(&as_shown(record, &queues, now), now)),
                    None => left.unreadable = left.unreadable.saturating_add(1),
                }
            }
            looked_at = looked_at.saturating_add(places.len());
            match places.last() {
                Some(last) if places.len() == PAGE => start = start.behind(*last),
                Some(_) | None => return Ok(left),
            }
            if looked_at >= EMAILS_MAX || left.count() >= UNFINISHED_MAX {
                left.stopped = true;
                return Ok(left);
            }
        }
    }

    /// Revokes the tenant's keys. The list may miss a key that was created just now: the tombstone makes it
    /// void.
    async fn revoke_all(&self, tenant: &TenantId) -> Result<(), AccessError> {
        for key in self.records.keys(tenant).await? {
            let now = self.system.now();
            self.records.revoke(Some(tenant), key.id, Actor::Deployer, now).await?;
        }
        Ok(())
    }
}

/// Returns a record as its queue shows it: a purged email has ended, although its record does not say so yet.
fn as_shown(record: EmailRecord, queues: &BTreeMap<QueueName, Queue>, now: Timestamp) -> EmailRecord {
    match queues.get(&record.queue) {
        Some(queue) => queue.shows(record, now),
        None => record,
    }
}
