//! Writes of deliveries, and the tasks that follow from them.
//!
//! **Invariant:** each write requires the version that it was decided on. Of two executions with the same task the first
//! one to write counts.

use std::time::Duration;

use aws::runtime::metrics;
use aws::runtime::telemetry;
use domain::ports::webhook_events::{Deliveries, DeliveryChange, DeliveryTaskRequest, DeliveryTasks, StoredDelivery};
use domain::ports::webhooks::{Endpoints, WebhookKey};
use domain::ports::{Clock, PortError, Random, Rounds};
use domain::timestamp::Timestamp;
use domain::webhook::delivery::Delivery;
use domain::webhook::identity::EventId;
use domain::webhook::task::DeliveryTask;
use futures::future::join_all;

use crate::attempts::AGAIN;
use crate::{Counts, DeliverFunction, EndpointTasks, Ports, TaskOutcome, Worked, called};

/// A delivery, and the place of its task.
#[derive(Debug)]
pub(crate) struct Waiting {
    /// The place in the list of events.
    pub(crate) place: usize,
    /// The delivery.
    pub(crate) stored: StoredDelivery,
}

/// The results so far, and the attempts that need a task.
#[derive(Debug)]
pub(crate) struct Work {
    outcomes: Vec<Result<TaskOutcome, PortError>>,
    /// Numbers for the log.
    pub(crate) counts: Counts,
    /// Near attempts, with their times.
    pub(crate) next: Vec<(EventId, Timestamp)>,
}

impl Work {
    /// The work on so many tasks. A task without another result is done.
    pub(crate) fn on(tasks: usize) -> Self {
        Self {
            outcomes: std::iter::repeat_with(|| Ok(TaskOutcome::Done)).take(tasks).collect(),
            counts: Counts::default(),
            next: Vec::new(),
        }
    }

    /// Returns a message to the queue.
    pub(crate) fn later(&mut self, place: usize, wait: Duration) {
        self.set(place, Ok(TaskOutcome::Later(wait)));
    }

    /// Has a message delivered again after an error.
    pub(crate) fn fail(&mut self, place: usize, error: PortError) {
        self.set(place, Err(error));
    }

    /// Notes the result of a write at `now`; returns true if it was made.
    pub(crate) fn note(&mut self, place: usize, written: Result<Option<Delivery>, PortError>, now: Timestamp) -> bool {
        match written {
            Ok(Some(after)) => {
                if let Some(next) = after.next.filter(|next| next.task_delay(now).is_some()) {
                    self.next.push((after.event, next.at));
                }
                true
            }
            Ok(None) => false,
            Err(error) => {
                self.fail(place, error);
                false
            }
        }
    }

    /// The results.
    pub(crate) fn done(self) -> Worked {
        Worked {
            outcomes: self.outcomes,
            counts: self.counts,
        }
    }

    fn set(&mut self, place: usize, outcome: Result<TaskOutcome, PortError>) {
        if let Some(slot) = self.outcomes.get_mut(place) {
            *slot = outcome;
        }
    }
}

impl<P: Ports> DeliverFunction<P> {
    /// Reads the deliveries whose attempt is due. A task of any other one is an old one.
    pub(crate) async fn wanted(&self, key: &WebhookKey, events: &[EventId]) -> Result<Vec<Waiting>, PortError> {
        let mut waiting = self.waiting(key, events).await?;
        let now = self.system.now();
        waiting.retain(|waiting| waiting.stored.delivery.is_wanted(now));
        Ok(waiting)
    }

    async fn waiting(&self, key: &WebhookKey, events: &[EventId]) -> Result<Vec<Waiting>, PortError> {
        let found = self.events.deliveries(key, events).await?.into_iter();
        let waiting = found.filter_map(|stored| {
            let place = events.iter().position(|event| *event == stored.delivery.event)?;
            Some(Waiting { place, stored })
        });
        Ok(waiting.collect())
    }

    /// Takes the deliveries of a webhook that is not called out of the due index. A recovery finds them.
    ///
    /// The webhook is read again after its deliveries. A caller may have enabled it since, and replayed an event: only a
    /// replay after this read is refused by the version of the delivery.
    pub(crate) async fn keep(&self, tasks: &EndpointTasks) -> Result<Worked, PortError> {
        let (key, mut work) = (&tasks.key, Work::on(tasks.tasks.len()));
        let mut waiting = self.waiting(key, &tasks.events()).await?;
        waiting.retain(|waiting| waiting.stored.delivery.next.is_some());
        if waiting.is_empty() {
            return Ok(work.done());
        }
        let again = self.endpoints.endpoint(key, self.system.now()).await?;
        if called(again.webhook).is_some() {
            waiting.iter().for_each(|waiting| work.later(waiting.place, AGAIN));
            return Ok(work.done());
        }
        let kept = self.rewrite(key, &waiting, Delivery::kept, &mut work).await;
        work.counts.kept += kept;
        Ok(work.done())
    }

    /// Leaves the deliveries of a webhook without a secret in the due index, so that `promote` asks again every 15 minutes.
    pub(crate) async fn wait_for_secret(&self, tasks: &EndpointTasks) -> Result<Worked, PortError> {
        let key = &tasks.key;
        // The webhook may have been deleted between the reads of its settings and of its secret.
        let again = self.endpoints.endpoint(key, self.system.now()).await?;
        if called(again.webhook).is_some() && again.secrets.is_none() {
            metrics::webhook_without_secret(&key.tenant, key.id);
        }
        Ok(Work::on(tasks.tasks.len()).done())
    }

    /// Moves the deliveries of an endpoint that is closed until a time, before any call.
    pub(crate) async fn wait_until(&self, tasks: &EndpointTasks, until: Timestamp) -> Result<Worked, PortError> {
        let (key, mut work) = (&tasks.key, Work::on(tasks.tasks.len()));
        let waiting = self.wanted(key, &tasks.events()).await?;
        self.postpone(key, &waiting, until, &mut work).await;
        self.send_tasks(key, &work.next).await;
        Ok(work.done())
    }

    /// Moves deliveries of an endpoint that is closed until a time.
    pub(crate) async fn postpone(&self, key: &WebhookKey, waiting: &[Waiting], until: Timestamp, work: &mut Work) {
        let decide = |delivery: &Delivery| delivery.after_closed(until, self.system.jitter(), self.system.now());
        let postponed = self.rewrite(key, waiting, decide, work).await;
        work.counts.postponed += postponed;
    }

    /// Ends deliveries whose payloads are gone.
    pub(crate) async fn end_without_payload(&self, key: &WebhookKey, waiting: &[Waiting], work: &mut Work) {
        let now = self.system.now();
        self.rewrite(key, waiting, |delivery| delivery.without_payload(now), work)
            .await;
    }

    /// Writes deliveries as they are decided; returns the number of those that were written.
    pub(crate) async fn rewrite(
        &self,
        key: &WebhookKey,
        waiting: &[Waiting],
        decide: impl Fn(&Delivery) -> Delivery,
        work: &mut Work,
    ) -> usize {
        let saves = waiting
            .iter()
            .map(|waiting| self.save(key, &waiting.stored, decide(&waiting.stored.delivery)));
        let written = join_all(saves).await;
        let now = self.system.now();
        let noted = waiting
            .iter()
            .zip(written)
            .filter_map(|(waiting, written)| work.note(waiting.place, written, now).then_some(()));
        noted.count()
    }

    /// Writes a delivery; `None` if another write came before.
    async fn save(
        &self,
        key: &WebhookKey,
        before: &StoredDelivery,
        after: Delivery,
    ) -> Result<Option<Delivery>, PortError> {
        match self.events.save_delivery(key, before, &after).await? {
            DeliveryChange::Done => Ok(Some(after)),
            DeliveryChange::Moved(_) => Ok(None),
        }
    }

    /// Records an attempt; `None` if another attempt or a replay was recorded before. Another write in between, such as
    /// the guard of `promote`, does not lose the attempt.
    pub(crate) async fn record(
        &self,
        key: &WebhookKey,
        before: &StoredDelivery,
        decide: impl Fn(&Delivery) -> Delivery,
    ) -> Result<Option<Delivery>, PortError> {
        let (mut before, mut rounds) = (before.clone(), Rounds::of("recording an attempt"));
        loop {
            rounds.begin()?;
            let after = decide(&before.delivery);
            match self.events.save_delivery(key, &before, &after).await? {
                DeliveryChange::Done => return Ok(Some(after)),
                DeliveryChange::Moved(Some(found)) if is_untried(&before.delivery, &found.delivery) => before = *found,
                DeliveryChange::Moved(_) => return Ok(None),
            }
        }
    }

    /// Sends the tasks of near attempts. The due index guards those that could not be sent.
    pub(crate) async fn send_tasks(&self, key: &WebhookKey, next: &[(EventId, Timestamp)]) {
        if next.is_empty() {
            return;
        }
        let now = self.system.now();
        let request = |(event, at): &(EventId, Timestamp)| DeliveryTaskRequest {
            task: DeliveryTask::new(key.tenant.clone(), key.id, event.clone()),
            delay: at.since(now),
        };
        let requests: Vec<_> = next.iter().map(request).collect();
        let results = self.tasks.send_deliveries(&requests).await;
        if let Some(error) = results.iter().find_map(|result| result.as_ref().err()) {
            let error = telemetry::chain(error);
            tracing::warn!(error, "tasks of webhooks could not be sent; the due index sends them");
        }
    }
}

/// True if no attempt and no replay came between two states of a delivery.
fn is_untried(before: &Delivery, found: &Delivery) -> bool {
    found.state.is_open() && found.tried == before.tried && found.from == before.from
}
