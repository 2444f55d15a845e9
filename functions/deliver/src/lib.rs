//! Sends the stored events of webhooks to their endpoints.
//!
//! **Role:** consumes the queue of deliveries, all webhooks of a batch concurrently. It reads settings, secrets,
//! health, permits, deliveries and payloads, and no email.
//! **Invariant:** each call needs a permit of its endpoint, and one of a slow endpoint also a permit that all slow ones
//! share. So neither has all executions. A task proves nothing; the delivery decides. An attempt is recorded by one
//! conditional write, so that of two executions with the same task only the first one counts.
//! **After a crash** during a call: the leases of the permits end, and the message returns. The receiver may get the
//! event twice, with the same id.
//! **Start reading at** [`DeliverFunction::work_off`]; [`handler`] is SQS. Why this way: docs/adr/0054 and 0055.

mod attempts;
pub mod calls;
mod entry;
mod execution;
pub mod handler;
mod saving;
pub mod settings;
mod signer;
mod waiting;

use std::ops::AddAssign;
use std::time::Duration;

use domain::ports::webhook_events::{Deliveries, DeliveryTasks, Payloads};
use domain::ports::webhooks::{Endpoint, Endpoints, StoredWebhook, WebhookKey};
use domain::ports::{Clock, PortError, Random};
use domain::webhook::identity::EventId;
use domain::webhook::permits::PLACES;
use futures::future::join;

use crate::calls::EndpointCalls;
use crate::entry::Entry;
pub use crate::execution::Execution;
use crate::saving::Work;
use crate::signer::Signer;

/// Outcome of a task.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TaskOutcome {
    /// The message is acknowledged.
    Done,
    /// The message returns to the queue, and is visible again after this delay.
    Later(Duration),
}

/// A task of a webhook.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Task {
    /// The event.
    pub event: EventId,
    /// Number of times that its message was received, from 1.
    pub receives: u32,
}

/// The tasks of one webhook in a batch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EndpointTasks {
    /// The webhook.
    pub key: WebhookKey,
    /// The tasks, one for each event.
    pub tasks: Vec<Task>,
}

impl EndpointTasks {
    fn events(&self) -> Vec<EventId> {
        self.tasks.iter().map(|task| task.event.clone()).collect()
    }
}

/// Numbers for the log line of an invocation.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    /// Calls of endpoints.
    pub calls: usize,
    /// Events that receivers got.
    pub delivered: usize,
    /// Writes that moved a delivery because its endpoint was closed.
    pub postponed: usize,
    /// Writes that returned a delivery to the due index because no permit was free.
    pub returned: usize,
    /// Writes that took a delivery of a disabled or deleted webhook out of the due index.
    pub kept: usize,
}

impl AddAssign for Counts {
    fn add_assign(&mut self, other: Self) {
        self.calls += other.calls;
        self.delivered += other.delivered;
        self.postponed += other.postponed;
        self.returned += other.returned;
        self.kept += other.kept;
    }
}

/// Results of the tasks of one webhook.
#[derive(Debug)]
pub struct Worked {
    /// The outcome of each task, in order. After an error the message is delivered again.
    pub outcomes: Vec<Result<TaskOutcome, PortError>>,
    /// Numbers for the log.
    pub counts: Counts,
}

/// The ports of this function.
pub trait Ports {
    /// Settings, secrets, health and permits of webhooks.
    type Endpoints: Endpoints;
    /// Deliveries and payloads.
    type Events: Deliveries + Payloads;
    /// Queue of deliveries.
    type Tasks: DeliveryTasks;
    /// Servers of tenants.
    type Calls: EndpointCalls;
    /// Clock and randomness.
    type System: Clock + Random;
}

/// The function, its ports and its settings.
#[derive(Debug)]
pub struct DeliverFunction<P: Ports> {
    /// See [`Ports::Endpoints`].
    pub endpoints: P::Endpoints,
    /// See [`Ports::Events`].
    pub events: P::Events,
    /// See [`Ports::Tasks`].
    pub tasks: P::Tasks,
    /// See [`Ports::Calls`].
    pub calls: P::Calls,
    /// See [`Ports::System`].
    pub system: P::System,
    /// Number of permits of an endpoint, and of all slow ones: see [`permits_of`].
    pub permits: usize,
}

/// The number of permits of each endpoint, and of all slow ones together, if so many executions are possible. Half of
/// them stay free for the others.
#[must_use]
pub fn permits_of(concurrency: usize) -> usize {
    (concurrency / 2).clamp(1, PLACES)
}

/// One webhook that is called, until the end of the invocation.
pub(crate) struct Called<'a> {
    key: &'a WebhookKey,
    endpoint: &'a str,
    signer: &'a Signer,
    execution: &'a Execution,
}

impl<P: Ports> DeliverFunction<P> {
    /// Works off the tasks of one webhook in an execution.
    ///
    /// # Errors
    /// The webhook, its deliveries or their payloads could not be read, or the permit could not be taken. Nothing was
    /// called.
    pub async fn work_off(&self, tasks: &EndpointTasks, execution: &Execution) -> Result<Worked, PortError> {
        let (key, now) = (&tasks.key, self.system.now());
        let Endpoint {
            webhook,
            secrets,
            health,
            slow_permits,
        } = self.endpoints.endpoint(key, now).await?;
        let Some(webhook) = called(webhook) else {
            return self.keep(tasks).await;
        };
        let Some(secrets) = secrets else {
            return self.wait_for_secret(tasks).await;
        };
        let signer = Signer::new(&secrets, now)?;
        let held = match self.admit(key, health, slow_permits, execution).await? {
            Entry::Granted(held) => *held,
            Entry::Busy => return self.wait_for_permit(tasks).await,
            Entry::Closed(until) => return self.wait_until(tasks, until).await,
        };
        let called = Called {
            key,
            endpoint: webhook.webhook.called_endpoint().unwrap_or_default(),
            signer: &signer,
            execution,
        };
        let mut work = Work::on(tasks.tasks.len());
        // An error comes before the first call. The results are recorded in any case.
        let calls = self.call_all(&called, &tasks.events(), &held, &mut work).await;
        let results = calls.as_ref().copied().unwrap_or_default();
        let (consequence, ()) = join(self.give_back(key, held, results), self.send_tasks(key, &work.next)).await;
        self.conclude(&webhook, consequence).await;
        calls?;
        Ok(work.done())
    }
}

/// Returns a webhook that is called now.
fn called(webhook: Option<StoredWebhook>) -> Option<StoredWebhook> {
    webhook.filter(|stored| stored.webhook.called_endpoint().is_some())
}
