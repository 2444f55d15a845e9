//! Recovery jobs of webhooks in DynamoDB, beside the settings of their tenant.
//!
//! **Invariant:** a job is written as a whole, under the version of its last change. Each write wakes `notify` by the
//! table's stream, and so does the move of its check, by which `promote` wakes it.
//! **Why a wake keeps the version:** a page that `notify` works on meanwhile is not lost.

use std::time::Duration;

use domain::delivery::index::DueCursor;
use domain::id::{EmailId, TenantId};
use domain::ports::PortError;
use domain::ports::webhooks::{DueJob, RecoverJobs};
use domain::timestamp::Timestamp;
use domain::webhook::recovery::RecoverJob;
use serde::{Deserialize, Serialize};

use crate::runtime::failure::port;
use crate::storage::attributes::{Item, ItemError, digits, from_json, sortable};
use crate::storage::due_index::BEHIND;
use crate::storage::mapping::{attribute, decode, encode, is_default};
use crate::storage::table::keys::webhooks as keys;
use crate::storage::table::{ConditionOutcome, Expression, Table};

/// Retention of a finished job.
const JOB_KEPT: Duration = Duration::from_secs(30 * 86_400);

/// Stored form of a job, without its key. An open job has a place in the index `due`; a finished one has a `ttl`.
#[derive(Serialize, Deserialize)]
struct StoredJob {
    /// The job as JSON, with its format version.
    j: String,
    #[serde(rename = "no")]
    version: u64,
    /// The filter of the stream asks for it.
    hk: bool,
    #[serde(default, skip_serializing_if = "is_default")]
    due_pk: Option<String>,
    #[serde(default, skip_serializing_if = "is_default")]
    due_sk: Option<String>,
    #[serde(default, skip_serializing_if = "is_default")]
    ttl: Option<i64>,
}

/// Returns the item of a job that is written at `now`.
pub(crate) fn from_recover_job(
    tenant: &TenantId,
    job: &RecoverJob,
    now: Timestamp,
    what: &'static str,
) -> Result<Item, PortError> {
    let check = job.check(now);
    let stored = StoredJob {
        j: serde_json::to_string(job).map_err(|error| port(what)(error.into()))?,
        version: job.version,
        hk: true,
        due_pk: check.map(|_| keys::DUE_JOBS.to_owned()),
        due_sk: check.map(|at| sortable(at, job.id)),
        ttl: check.is_none().then(|| now.after(JOB_KEPT).as_secs()),
    };
    encode(keys::job(tenant, job.id), &stored, what)
}

fn to_recover_job(item: &Item) -> Result<RecoverJob, ItemError> {
    let stored: StoredJob = decode(item)?;
    let job: RecoverJob = from_json(&stored.j, "j")?;
    if job.v == RecoverJob::VERSION {
        Ok(job)
    } else {
        Err(ItemError::UnknownVersion(job.v.into()))
    }
}

fn to_due_job(item: &Item) -> Result<DueJob, ItemError> {
    let (tenant, id) = keys::to_job(item)?;
    let cursor = DueCursor(attribute(item, "due_sk")?);
    Ok(DueJob { tenant, id, cursor })
}

impl RecoverJobs for Table {
    async fn recover_job(&self, tenant: &TenantId, id: EmailId) -> Result<Option<RecoverJob>, PortError> {
        const WHAT: &str = "reading a recovery job";
        let item = self.get(keys::job(tenant, id), WHAT).await?;
        let job = item.map(|item| to_recover_job(&item)).transpose();
        job.map_err(|error| port(WHAT)(error.into()))
    }

    async fn save_recover_job(&self, tenant: &TenantId, job: &RecoverJob, now: Timestamp) -> Result<bool, PortError> {
        const WHAT: &str = "writing a recovery job";
        let item = from_recover_job(tenant, job, now, WHAT)?;
        self.put_version(item, job.version, WHAT).await
    }

    async fn due_recover_jobs(&self, until: Timestamp, count: usize) -> Result<Vec<DueJob>, PortError> {
        let until = format!("{}{BEHIND}", digits(until));
        let partition = keys::DUE_JOBS.to_owned();
        let page = self.between(partition, String::new(), until, Some(count), to_due_job);
        Ok(page.await?.items)
    }

    async fn wake_recover_job(&self, job: &DueJob, check: Timestamp) -> Result<bool, PortError> {
        const WHAT: &str = "waking a recovery job";
        let next = sortable(check, job.id);
        let change = Expression::update("SET #sk = :next")
            .when("#sk = :seen")
            .with_name("#sk", "due_sk")
            .with_value(":next", &next)
            .with_value(":seen", &job.cursor.0);
        let key = keys::job(&job.tenant, job.id);
        Ok(match self.update_if(key, change, None, WHAT).await? {
            ConditionOutcome::Done(_) => true,
            // Its own write, whose answer was lost; or another one.
            ConditionOutcome::Refused(stored) => {
                stored.is_some_and(|stored| attribute(&stored, "due_sk") == Ok(next.clone()))
            }
        })
    }
}

#[cfg(test)]
#[path = "recover_jobs_tests.rs"]
mod tests;
