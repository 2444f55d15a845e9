//! Processes the jobs of whole queues: resume, purge, restore, retry.
//!
//! **Invariant:** a page is saved after its emails were moved. A crash moves some emails twice, which has no
//! effect, and loses none.
//! Each record decides whether its email is moved. An email that cannot be moved is counted, and the job sweeps
//! again until nothing fails.
//! **Start reading at** [`PromoteFunction::work_off_jobs`]; [`domain::queue::job`] decides.

use domain::delivery::account_rate::AccountRateChange;
use domain::delivery::record::{DueKind, EmailRecord};
use domain::id::{EmailId, EmailKey, QueueKey};
use domain::lifecycle::Decision;
use domain::message::email::EmailContent;
use domain::ports::{AccountRates, Bodies, Clock, DueIndex, DuePage, EmailRecords, Jobs, PortError, Queues, Rounds};
use domain::queue::Queue;
use domain::queue::job::{Job, SweepPage, Task, follow_tenant};
use futures::StreamExt;
use futures::stream::iter;
use workflow::apply::apply_many;
use workflow::retention;

use crate::{Ports, PromoteFunction, Promoted, Run};

/// Number of contents whose retention is extended concurrently.
const AT_ONCE: usize = 50;

impl<P: Ports> PromoteFunction<P> {
    pub(crate) async fn work_off_jobs(&self, run: &Run) -> Result<Promoted, PortError> {
        let (mut done, mut error) = (Promoted::default(), None);
        for (queue, id) in self.records.due_jobs(self.system.now()).await? {
            match self.work_off(&queue, id, run).await {
                Ok(promoted) => done += promoted,
                // The job runs again next time, and does not block the other jobs.
                Err(failed) => error = error.or(Some(failed)),
            }
            if done.unfinished {
                break;
            }
        }
        error.map_or(Ok(done), Err)
    }

    async fn work_off(&self, key: &QueueKey, id: EmailId, run: &Run) -> Result<Promoted, PortError> {
        let mut done = Promoted::default();
        let Some(mut job) = self.records.job(key, id).await? else {
            return Ok(done);
        };
        if job.version == 0 {
            // The requester may have crashed before it told the senders.
            self.records.change_account_rate(&AccountRateChange::Settings).await?;
        }
        while !job.over && job.due <= self.system.now() {
            if run.time_is_over() {
                done.unfinished = true;
                break;
            }
            // Read again for every page: a newer command may have reversed this one.
            let now = self.system.now();
            let queue = self
                .records
                .queue(key)
                .await?
                .unwrap_or_else(|| Queue::plain(key.clone(), now))
                .restored_at(self.policy.restore_epoch);
            if job.task == Task::FollowTenant && job.cursor.is_none() && job.shard == 0 {
                self.bring_queues_after(&queue).await?;
            }
            let next = if !job.is_wanted(&queue, now) {
                job.after_giving_up()
            } else if job.moves(&queue, now) {
                self.sweep_page(&job, &queue, &mut done).await?
            } else {
                job.after_sweep(SweepPage::default(), None, 1, now)
            };
            if !self.records.save_job(&next).await? {
                // Another run works on this job. The state that it saved stays, but lacks the emails that this run
                // moved.
                self.add_moved(key, id, next.emails.saturating_sub(job.emails)).await?;
                break;
            }
            job = next;
        }
        Ok(done)
    }

    /// Adds the emails that this run moved to the state that another run saved.
    async fn add_moved(&self, key: &QueueKey, id: EmailId, moved: u64) -> Result<(), PortError> {
        if moved == 0 {
            return Ok(());
        }
        let mut rounds = Rounds::of("counting the moved emails of a job");
        loop {
            rounds.begin()?;
            let Some(job) = self.records.job(key, id).await? else {
                return Ok(());
            };
            if self.records.save_job(&job.after_count(moved)).await? {
                return Ok(());
            }
        }
    }

    /// Copies the suspension and the holds of a tenant's queue `default` to all its other queues.
    async fn bring_queues_after(&self, default: &Queue) -> Result<(), PortError> {
        let tenant = &default.key.tenant;
        let (mut changed, common) = (false, default.common());
        for queue in self.records.queues(tenant).await? {
            // Two runs derive the same id, so that the same change is the same job.
            let id = EmailId::from_key(tenant, &format!("follow {} {}", queue.key.name, queue.version));
            let follows = follow_tenant(&queue, &common, id, self.system.now());
            if let Some((next, job)) = follows.filter(|_| queue.key != default.key) {
                // A queue that changes concurrently is handled by the second sweep.
                changed |= self.records.save_queue(Some(&queue), &next, job.as_ref()).await?;
            }
        }
        if changed {
            self.records.change_account_rate(&AccountRateChange::Settings).await?;
        }
        Ok(())
    }

    /// Moves the emails of one page, and returns the job as it is afterwards.
    async fn sweep_page(&self, job: &Job, queue: &Queue, done: &mut Promoted) -> Result<Job, PortError> {
        let cursor = job.cursor.as_ref();
        let (kind, shard) = job.place(self.records.shards());
        let DuePage { items, next } = self.records.parked_emails(kind, &job.queue, shard, cursor).await?;
        let concerned = items
            .into_iter()
            .filter(|parked| job.may_concern(parked.status, parked.cause, parked.at));
        let keys: Vec<EmailKey> = concerned.map(|parked| parked.key).collect();
        let records = self.records.load_many(&keys, self.system.now()).await?;
        let (records, mut failed) = self.movable(job, queue, records).await;
        let (now, policy) = (self.system.now(), queue.policy(&self.policy));
        let expires_after = queue.expires_after.unwrap_or(self.expires_after);
        let ids: Vec<EmailId> = records.iter().map(|record| record.id).collect();
        let decided = apply_many(&self.records, records, now, |record| {
            job.decide(record, queue, expires_after, &policy, now)
        });
        let (mut moved, mut written) = (Vec::new(), 0_u64);
        for (id, decided) in ids.into_iter().zip(decided.await) {
            match decided {
                Ok(outcome) => {
                    // Another run of this job may have come first, and counts the email.
                    written = written.saturating_add(u64::from(outcome.is_written));
                    moved.extend(outcome.work());
                }
                Err(error) => {
                    failed += 1;
                    log_unmoved(id, &error);
                }
            }
        }
        done.recovered += moved.len();
        done.failed += failed + self.apply_side_effects(&moved).await;
        let page = SweepPage {
            moved: written,
            failed: u64::try_from(failed).unwrap_or(u64::MAX),
        };
        Ok(job.after_sweep(page, next, self.records.shards(), self.system.now()))
    }

    /// Whether the sender address of an email is within the scope of the job's requester.
    async fn is_in_scope(&self, job: &Job, record: &EmailRecord) -> Result<bool, PortError> {
        let Some(scope) = job.scope().filter(|scope| !scope.is_unlimited()) else {
            return Ok(true);
        };
        let content = self.bodies.load(&record.email_key(), &record.body).await?;
        let email = content.and_then(|content| EmailContent::from_body(&content).ok());
        Ok(email.is_some_and(|email| scope.covers(email.from().address().domain())))
    }

    /// Returns the emails of a page that the job may move, and the number of emails that could not be checked.
    ///
    /// The retention of contents that will be sent again is extended here, before the records are written: a
    /// queued email must have its content.
    async fn movable(&self, job: &Job, queue: &Queue, records: Vec<EmailRecord>) -> (Vec<EmailRecord>, usize) {
        let looked = records.into_iter().map(async |record| {
            let is_movable = self.is_movable(job, queue, &record).await;
            (record, is_movable)
        });
        let looked: Vec<_> = iter(looked.collect::<Vec<_>>())
            .buffer_unordered(AT_ONCE)
            .collect()
            .await;
        let (mut records, mut failed) = (Vec::new(), 0);
        for (record, is_movable) in looked {
            match is_movable {
                Ok(true) => records.push(record),
                Ok(false) => {}
                Err(error) => {
                    failed += 1;
                    log_unmoved(record.id, &error);
                }
            }
        }
        (records, failed)
    }

    async fn is_movable(&self, job: &Job, queue: &Queue, record: &EmailRecord) -> Result<bool, PortError> {
        let (now, policy) = (self.system.now(), queue.policy(&self.policy));
        let expires_after = queue.expires_after.unwrap_or(self.expires_after);
        if !is_still_concerned(job, record) || !self.is_in_scope(job, record).await? {
            return Ok(false);
        }
        if matches!(job.task, Task::Retry { .. } | Task::Restore)
            && let Decision::Write(transition) = job.decide(record, queue, expires_after, &policy, now)
        {
            return retention::extend_retention(&self.records, &self.bodies, &transition.record, self.retention, now)
                .await;
        }
        Ok(true)
    }
}

/// True unless a retry meets an email that failed again after the request. Another run retried that email, while the
/// index still showed the earlier failure. A job retries an email once.
fn is_still_concerned(job: &Job, record: &EmailRecord) -> bool {
    let ended = record.due.filter(|due| due.kind == DueKind::Ended);
    !matches!(job.task, Task::Retry { .. })
        || ended.is_some_and(|due| job.may_concern(record.status, record.cause, due.at))
}

fn log_unmoved(id: EmailId, error: &(dyn std::error::Error + 'static)) {
    let error = aws::runtime::telemetry::chain(error);
    tracing::warn!(%id, error, "an email of a queue could not be moved; the next sweep finds it again");
}

#[cfg(test)]
mod tests {
    use domain::delivery::cause::Cause;
    use domain::delivery::record::{Due, RecordStatus};
    use domain::id::QueueName;
    use domain::tenant::sender::Scope;
    use domain::timestamp::Timestamp;
    use memory::samples;

    use super::*;

    #[test]
    fn a_job_retries_an_email_once() {
        let at = |secs: i64| Timestamp::from_millis(secs * 1_000);
        let (key, email) = (samples::key(1), samples::email().unwrap());
        let of_queue = QueueKey {
            tenant: key.tenant.clone(),
            name: QueueName::default(),
        };
        let queue = Queue::plain(of_queue, at(0));
        let retry = Task::Retry {
            cause: None,
            since: None,
            scope: Scope::default(),
        };
        let job = |task| Job::new(&queue, key.id, task, at(100));
        let failed = |secs, kind| EmailRecord {
            status: RecordStatus::Failed,
            cause: Some(Cause::Rejected),
            due: Some(Due { kind, at: at(secs) }),
            ..samples::record(1, &email)
        };
        for (record, expected) in [
            (failed(100, DueKind::Ended), true),
            (failed(101, DueKind::Ended), false),
            (failed(100, DueKind::Wake), false),
        ] {
            assert_eq!(is_still_concerned(&job(retry.clone()), &record), expected, "{record:?}");
            assert!(is_still_concerned(&job(Task::Purge), &record));
        }
    }
}
