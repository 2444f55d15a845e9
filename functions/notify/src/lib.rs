//! Stores the events of webhooks that follow from changes of the table, and sends a task for each delivery.
//!
//! **Role:** consumes the table's stream. It calls nothing outside AWS: `deliver` does.
//! **Invariant:** an event follows from stored facts alone, and has one id. Its payload and its deliveries are stored
//! before the first task. All changes of a subject in a batch are told together and in order.
//! **After a crash,** a timeout or an error, Lambda continues at the first change that is not told. Each write may be
//! repeated. A task that was not sent is found in the due index.
//! **A permanent error** of one subject is reported, and its changes are left to a recovery: told again and again, they
//! would hold up the shard of the stream for all tenants.
//! **Erasure:** a record is read after the events about it were stored. If it is gone, they are deleted again: an erasure
//! at the same time may not have seen them.
//! **Map:** [`handler`] is the stream, `telling` finds the events of one subject, `storing` stores them, and `recovery`
//! works on the jobs that send events again. [`settings`] connects the function to AWS.
//! **Start reading at** [`NotifyFunction::tell`]. Why this way: docs/adr/0050.

pub mod handler;
mod recovery;
pub mod settings;
mod storing;
mod telling;

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use aws::runtime::cache::lock;
use aws::runtime::{metrics, telemetry};
use domain::delivery::record::EmailRecord;
use domain::id::{EmailId, TenantId};
use domain::message::email::EmailContent;
use domain::ports::webhook_events::{
    Deliveries, DeliveryTasks, EmailFacts, EventErasure, HookChange, HookStamps, Payloads,
};
use domain::ports::webhooks::{RecoverJobs, Webhooks};
use domain::ports::{Bodies, Clock, EmailRecords, FailureKind, Listing, PortError, Suppressions};
use domain::webhook::identity::Subject;
use domain::webhook::settings::Webhook;
use futures::StreamExt;
use futures::stream::iter;
use tokio::sync::{OnceCell, Semaphore, SemaphorePermit};
use tokio::time::Instant;

/// Number of subjects that are told at once. Our choice: a small function has few connections.
const AT_ONCE: usize = 8;

/// Room for contents in memory, in units of [`UNIT`].
const UNITS: u32 = 32;

/// The unit of the room for contents: a mebibyte.
const UNIT: u64 = 1 << 20;

/// The ports of this function.
pub trait Ports {
    /// Records, suppressions, and the items of webhooks.
    type Records: EmailRecords
        + Listing
        + Suppressions
        + Webhooks
        + EmailFacts
        + HookStamps
        + Payloads
        + EventErasure
        + Deliveries
        + RecoverJobs;
    /// Contents.
    type Bodies: Bodies;
    /// The queue of deliveries.
    type Tasks: DeliveryTasks;
    /// Clock.
    type System: Clock;
}

/// A backend that is every port, such as the in-memory backend.
impl<T> Ports for T
where
    T: EmailRecords + Listing + Suppressions + Webhooks + EmailFacts + HookStamps + Payloads + EventErasure,
    T: Deliveries + RecoverJobs + Bodies + DeliveryTasks + Clock,
{
    type Records = T;
    type Bodies = T;
    type Tasks = T;
    type System = T;
}

/// The function and its ports.
#[derive(Debug)]
pub struct NotifyFunction<P: Ports> {
    /// See [`Ports::Records`].
    pub records: P::Records,
    /// See [`Ports::Bodies`].
    pub bodies: P::Bodies,
    /// See [`Ports::Tasks`].
    pub tasks: P::Tasks,
    /// See [`Ports::System`].
    pub system: P::System,
    /// The region of SES, for the `Message-ID` and for domains.
    pub region: String,
    /// Room for contents.
    room: Semaphore,
}

/// The webhooks of a tenant, read at most once.
type Read = Arc<OnceCell<Arc<Vec<Webhook>>>>;

/// The work of one invocation.
struct Batch {
    /// Its end.
    end: Instant,
    /// The webhooks of tenants, read in this invocation. Webhooks that an earlier invocation read may be older than the
    /// changes, and a new webhook would miss its events.
    webhooks: Mutex<HashMap<TenantId, Read>>,
}

/// A loaded content, with its room in memory.
struct Content<'a> {
    email: Option<EmailContent>,
    _room: Option<SemaphorePermit<'a>>,
}

/// Changes of one subject, or of one job, in the order of the stream.
struct Group<'a> {
    about: About,
    /// Each with its place in the batch.
    changes: Vec<(usize, &'a HookChange)>,
}

/// The subject of a group.
#[derive(Debug, Clone, PartialEq, Eq)]
enum About {
    /// A subject of events.
    Subject(TenantId, Subject),
    /// A recovery job.
    Job(TenantId, EmailId),
}

impl About {
    fn of(change: &HookChange) -> Self {
        match change {
            HookChange::Email { key, .. } | HookChange::Fact { key, .. } => {
                Self::Subject(key.tenant.clone(), Subject::Email(key.id))
            }
            HookChange::Suppression { tenant, id, .. } => Self::Subject(tenant.clone(), Subject::Suppression(*id)),
            HookChange::Domain { tenant, id, .. } => Self::Subject(tenant.clone(), Subject::Domain(*id)),
            HookChange::Job { tenant, id } => Self::Job(tenant.clone(), *id),
        }
    }
}

/// The result of telling changes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Report {
    /// Events that were stored, or found stored.
    pub events: usize,
    /// Subjects and jobs that are not done.
    pub failed: usize,
    /// Subjects with a permanent error, whose changes are not told again.
    pub given_up: usize,
    /// The place of the first change that is not told.
    pub first_untold: Option<usize>,
}

impl<P: Ports> NotifyFunction<P> {
    /// Creates the function.
    #[must_use]
    pub fn new(records: P::Records, bodies: P::Bodies, tasks: P::Tasks, system: P::System, region: String) -> Self {
        Self {
            records,
            bodies,
            tasks,
            system,
            region,
            room: Semaphore::new(usize::try_from(UNITS).unwrap_or(1)),
        }
    }

    /// Tells changes until `end`, some subjects at once.
    pub async fn tell(&self, changes: &[HookChange], end: Instant) -> Report {
        let groups = groups(changes);
        let batch = Batch {
            end,
            webhooks: Mutex::default(),
        };
        let batch = &batch;
        let mut report = Report::default();
        let mut open: Vec<bool> = groups.iter().map(|_| true).collect();
        {
            let tellings = groups
                .iter()
                .enumerate()
                .map(|(place, group)| async move { (place, self.tell_group(batch, group).await) });
            let mut work = iter(tellings.collect::<Vec<_>>()).buffer_unordered(AT_ONCE);
            while let Ok(Some((place, result))) = tokio::time::timeout_at(end, work.next()).await {
                let about = groups.get(place).map(|group| &group.about);
                let is_permanent = matches!(&result, Err(error) if error.kind == FailureKind::Permanent);
                if let Some(open) = open.get_mut(place) {
                    *open = result.is_err() && !is_permanent;
                }
                match result {
                    Ok(events) => report.events = report.events.saturating_add(events),
                    Err(error) if is_permanent => {
                        report.given_up = report.given_up.saturating_add(1);
                        metrics::change_not_told(&format!("{about:?}: {}", telemetry::chain(&error)));
                    }
                    Err(error) => {
                        let error = telemetry::chain(&error);
                        tracing::warn!(
                            ?about,
                            error,
                            "changes are not told yet; the stream delivers them again"
                        );
                    }
                }
            }
        }
        let untold = groups.iter().zip(open).filter(|(_, is_open)| *is_open);
        for (group, _) in untold {
            report.failed = report.failed.saturating_add(1);
            let first = group.changes.first().map(|(place, _)| *place);
            report.first_untold = match (report.first_untold, first) {
                (Some(known), Some(first)) => Some(known.min(first)),
                (known, first) => known.or(first),
            };
        }
        report
    }

    async fn tell_group(&self, batch: &Batch, group: &Group<'_>) -> Result<usize, PortError> {
        match &group.about {
            About::Subject(tenant, Subject::Email(id)) => self.tell_email(batch, tenant, *id, &group.changes).await,
            About::Subject(tenant, subject @ (Subject::Suppression(_) | Subject::Domain(_))) => {
                self.tell_other(batch, tenant, *subject, &group.changes).await
            }
            About::Job(tenant, id) => self.work_on(tenant, *id, batch.end).await,
        }
    }

    /// Returns the webhooks of a tenant that have not ended. They are read once in an invocation.
    ///
    /// An unreadable one misses the events of this invocation, and the others get them. A recovery tells them later.
    async fn webhooks(&self, batch: &Batch, tenant: &TenantId) -> Result<Arc<Vec<Webhook>>, PortError> {
        let read = Arc::clone(lock(&batch.webhooks).entry(tenant.clone()).or_default());
        let webhooks = read.get_or_try_init(|| async {
            let list = self.records.webhooks_of(tenant, self.system.now()).await?;
            if list.unreadable > 0 {
                let count = list.unreadable;
                metrics::change_not_told(&format!("{count} webhooks of tenant {tenant} cannot be read"));
            }
            let webhooks: Vec<_> = list.webhooks.into_iter().map(|stored| stored.webhook).collect();
            Ok::<_, PortError>(Arc::new(webhooks))
        });
        Ok(Arc::clone(webhooks.await?))
    }

    /// Loads the content of an email, as soon as there is room for it. A content that is gone or unreadable is missing.
    async fn load_content(&self, record: &EmailRecord) -> Result<Content<'_>, PortError> {
        let units = record.body.bytes.div_ceil(UNIT).saturating_add(1);
        let units = u32::try_from(units).unwrap_or(UNITS).min(UNITS);
        // The semaphore is never closed.
        let room = self.room.acquire_many(units).await.ok();
        let content = match self.bodies.load(&record.email_key(), &record.body).await {
            Err(error) if error.kind == FailureKind::Permanent => {
                let error = telemetry::chain(&error);
                tracing::error!(id = %record.id, error, "a stored content cannot be read");
                None
            }
            content => content?,
        };
        let email = content.and_then(|content| {
            let read = EmailContent::from_body(&content);
            read.inspect_err(|error| {
                let error = telemetry::chain(error);
                tracing::error!(id = %record.id, error, "a stored content cannot be read");
            })
            .ok()
        });
        Ok(Content { email, _room: room })
    }
}

/// Groups changes by subject, in the order of first appearance.
fn groups(changes: &[HookChange]) -> Vec<Group<'_>> {
    let mut groups: Vec<Group<'_>> = Vec::new();
    for (place, change) in changes.iter().enumerate() {
        let about = About::of(change);
        match groups.iter_mut().find(|group| group.about == about) {
            Some(group) => group.changes.push((place, change)),
            None => groups.push(Group {
                about,
                changes: vec![(place, change)],
            }),
        }
    }
    groups
}
