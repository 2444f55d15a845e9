//! Works on recovery jobs: sends stored events again, and computes missing ones from records and facts.
//!
//! **Invariant:** a page that is done twice does no harm. A job that fails or stops stays in the due index, and never
//! holds up the stream.
//! **Time:** a run ends between two emails, and never within one: an email with many recipients would begin anew at each
//! run. It ends when a minute of events is planned, too.
//! **Erasure:** `emails` names the emails of a page in the job before it works on them. A run that was killed between the
//! events of an email and the look at its record leaves it there, and the next run looks again.
//! **Start reading at** [`NotifyFunction::work_on`].

mod emails;

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use aws::runtime::telemetry;
use domain::id::{EmailId, TenantId};
use domain::ports::webhook_events::{Deliveries, DeliveryChange, StoredDelivery};
use domain::ports::webhooks::{RecoverJobs, WebhookKey, Webhooks};
use domain::ports::{Clock, FailureKind, PortError};
use domain::reporting::listing::{Place, Start};
use domain::timestamp::Timestamp;
use domain::webhook::identity::EventId;
use domain::webhook::recovery::{Phase, RecoverJob};
use domain::webhook::settings::Webhook;
use tokio::time::Instant;

use crate::storing::task;
use crate::{NotifyFunction, Ports};

/// Longest time of a run, but for its last email. The next one begins with the change that this one writes. Our choice:
/// the changes behind the job wait for so long.
const RUN_TIME: Duration = Duration::from_secs(10);

/// Part of the invocation's time that is reserved for the last email of a run.
const LAST_EMAIL: Duration = Duration::from_secs(20);

/// Wait after a failure.
const RETRY: Duration = Duration::from_secs(60);

/// Stored events of a page.
const EVENTS: usize = 100;

/// The smallest step of time.
const MILLISECOND: Duration = Duration::from_millis(1);

/// A job that is worked on.
struct Run {
    key: WebhookKey,
    webhook: Webhook,
    /// The job with its progress.
    job: RecoverJob,
    /// The job as it is stored.
    saved: RecoverJob,
    /// True while the page is one that an earlier run has begun.
    is_resumed: bool,
    /// End of the run, between two emails.
    end: Instant,
}

impl Run {
    /// True if another event may be planned, after so many that the job has not counted yet.
    fn may_go_on(&self, events: u64, now: Timestamp) -> bool {
        self.job.phase != Phase::Done && Instant::now() < self.end && self.job.has_room(events, now)
    }
}

impl<P: Ports> NotifyFunction<P> {
    /// Works on a job for a while, if it is due. Returns the number of its events. A failure is logged: the due index has
    /// the job.
    ///
    /// # Errors
    /// The invocation, which ends at `end`, has no time for it.
    pub(crate) async fn work_on(&self, tenant: &TenantId, id: EmailId, end: Instant) -> Result<usize, PortError> {
        let now = Instant::now();
        let latest = end.checked_sub(LAST_EMAIL).unwrap_or(now);
        if latest <= now {
            return Err(PortError {
                what: "working on a recovery job",
                kind: FailureKind::Unknown,
                source: "no time is left in this invocation".into(),
            });
        }
        let worked = self.try_work_on(tenant, id, latest.min(now + RUN_TIME)).await;
        Ok(worked.unwrap_or_else(|error| {
            let error = telemetry::chain(&error);
            tracing::warn!(%id, error, "a recovery job could not go on; promote wakes it again");
            0
        }))
    }

    async fn try_work_on(&self, tenant: &TenantId, id: EmailId, end: Instant) -> Result<usize, PortError> {
        let now = self.system.now();
        let job = self.records.recover_job(tenant, id).await?;
        let Some(job) = job.filter(|job| job.is_due(now)) else {
            return Ok(0);
        };
        let key = WebhookKey {
            tenant: tenant.clone(),
            id: job.webhook,
        };
        let Some(stored) = self.records.webhook(&key, now).await? else {
            // Nobody waits for its events any more. A killed run may have left some of an erased email.
            self.erase_missing(tenant, &job.page).await?;
            let next = RecoverJob {
                phase: Phase::Done,
                cursor: None,
                page: Vec::new(),
                version: job.version.saturating_add(1),
                ..job
            };
            self.records.save_recover_job(tenant, &next, now).await?;
            return Ok(0);
        };
        let mut run = Run {
            key,
            webhook: stored.webhook,
            is_resumed: !job.page.is_empty(),
            saved: job.clone(),
            job,
            end,
        };
        let before = run.job.events;
        let worked = self.work(&mut run).await;
        if run.job != run.saved {
            let now = self.system.now();
            let next = run.job.paused(now);
            let due = if worked.is_err() {
                next.due.max(now.after(RETRY))
            } else {
                next.due
            };
            self.save(&mut run, RecoverJob { due, ..next }).await?;
        }
        worked?;
        let events = run.job.events.saturating_sub(before);
        Ok(usize::try_from(events).unwrap_or(usize::MAX))
    }

    /// Works on pages until the time is over, or until a minute of events is planned.
    async fn work(&self, run: &mut Run) -> Result<(), PortError> {
        while run.may_go_on(0, self.system.now()) {
            let is_ours = match run.job.phase {
                Phase::Events => self.resend_events(run).await?,
                Phase::Emails => self.recover_emails(run).await?,
                Phase::Done => return Ok(()),
            };
            if !is_ours {
                return Ok(());
            }
        }
        Ok(())
    }

    /// Stores a job. `false`: another run was faster, and goes on with it.
    async fn save(&self, run: &mut Run, job: RecoverJob) -> Result<bool, PortError> {
        let now = self.system.now();
        let is_saved = self.records.save_recover_job(&run.key.tenant, &job, now).await?;
        if is_saved {
            run.saved = job.clone();
            run.job = job;
        }
        Ok(is_saved)
    }

    /// Sends a page of stored events again. `false`: another run goes on with the job.
    async fn resend_events(&self, run: &mut Run) -> Result<bool, PortError> {
        let now = self.system.now();
        if run.webhook.called_endpoint().is_none() {
            // Its receiver asks for its events.
            let next = run.job.after_page(0, 0, None, now);
            return self.save(run, next).await;
        }
        let start = begin(&run.job, EventId::from_bytes([0; 20]), |id| EventId::parse(id).ok());
        let listed = self
            .records
            .delivery_places(&run.key, Start::OlderThan(start), EVENTS)
            .await?;
        let is_last = listed.len() < EVENTS || listed.last().is_some_and(|last| last.born < run.job.since);
        let ids: Vec<EventId> = listed.iter().map(|place| place.id.clone()).collect();
        let stored = self.records.deliveries(&run.key, &ids).await?.into_iter();
        let mut stored: BTreeMap<EventId, StoredDelivery> =
            stored.map(|stored| (stored.delivery.event.clone(), stored)).collect();
        let (mut events, mut handled, mut tasks, mut failure) = (0_u64, 0_usize, Vec::new(), None);
        for place in &listed {
            // At least one: the job must not stand still.
            if handled > 0 && !run.may_go_on(events, now) {
                break;
            }
            if let Some(before) = stored.remove(&place.id)
                && let Some(after) = run.job.resend(&before.delivery, events, now)
            {
                match self.records.save_delivery(&run.key, &before, &after).await {
                    Ok(DeliveryChange::Done) => {
                        events = events.saturating_add(1);
                        let delay = after.next.and_then(|next| next.task_delay(now));
                        tasks.extend(delay.map(|delay| task(&run.key, &after.event, delay)));
                    }
                    // An attempt was under way, and its result counts.
                    Ok(DeliveryChange::Moved(_)) => {}
                    Err(error) if error.kind == FailureKind::Permanent => {
                        let error = telemetry::chain(&error);
                        tracing::error!(event = %before.delivery.event, error, "an event cannot be sent again");
                    }
                    Err(error) => {
                        failure = Some(error);
                        break;
                    }
                }
            }
            handled = handled.saturating_add(1);
        }
        self.send(&tasks).await;
        let last = handled.checked_sub(1).and_then(|last| listed.get(last)).map(place_text);
        let next = if is_last && handled == listed.len() {
            None
        } else {
            last.or_else(|| run.job.cursor.clone())
        };
        let is_ours = if failure.is_none() || handled > 0 {
            let next = run.job.after_page(events, 0, next, now);
            self.save(run, next).await?
        } else {
            true
        };
        failure.map_or(Ok(is_ours), Err)
    }
}

/// The place behind which a job goes on: its cursor, or the end of its period.
fn begin<I>(job: &RecoverJob, lowest: I, id: impl Fn(&str) -> Option<I>) -> Place<I> {
    let cursor = job.cursor.as_deref().and_then(|cursor| parse_place(cursor, id));
    cursor.unwrap_or_else(|| Place {
        born: job.until.after(MILLISECOND),
        id: lowest,
    })
}

/// The stored form of a place.
fn place_text<I: fmt::Display>(place: &Place<I>) -> String {
    format!("{}#{}", place.born.as_millis(), place.id)
}

/// Reads a place.
fn parse_place<I>(text: &str, id: impl Fn(&str) -> Option<I>) -> Option<Place<I>> {
    let (millis, text) = text.split_once('#')?;
    Some(Place {
        born: Timestamp::from_millis(millis.parse().ok()?),
        id: id(text)?,
    })
}
