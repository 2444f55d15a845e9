//! The functions of webhooks: the reader of the table's stream, the consumer of the deliveries, and the endpoints.
//!
//! **Invariant:** the endpoints keep everything that they receive, also if an answer is a failure.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use aws::sqs::batch::ReceivedMessage;
use deliver::calls::EndpointCalls;
use deliver::handler::MessageSource;
use deliver::{DeliverFunction, Ports};
use domain::delivery::record::{Acceptance, EmailRecord, RecordStatus};
use domain::ports::webhook_events::HookChange;
use domain::webhook::outcome::{Answer, Outcome};
use fastrand::Rng;
use memory::MemoryBackend;
use memory::environment::Environment;
use memory::fault_model::{Broken, Destination};
use notify::NotifyFunction;
use tokio::time::Instant;

use super::mapping::{event, put_back};
use super::{System, TIMEOUT};
use crate::hooks::tenant_of;
use crate::oracle::Oracle;

/// The window of the stream's mapping. Source: `template.yaml`.
const WINDOW: Duration = Duration::from_secs(1);

/// Changes of a batch. Source: `template.yaml`, `BatchSize`.
const BATCH: usize = 100;

/// The remaining time that a handler receives: it ends before the timeout of its invocation.
const REMAINING: Duration = Duration::from_secs(55);

/// The time after which `deliver` gives up a call.
const CALL: Duration = Duration::from_secs(15);

/// The region, for message ids.
const REGION: &str = "us-east-1";

/// The ports of `deliver`.
#[derive(Debug)]
pub(super) struct Simulated;

impl Ports for Simulated {
    type Endpoints = MemoryBackend;
    type Events = MemoryBackend;
    type Tasks = MemoryBackend;
    type Calls = Endpoint;
    type System = MemoryBackend;
}

/// The receiver behind the endpoints of all tenants. Its clones share one state.
#[derive(Debug, Clone)]
pub struct Endpoint(Arc<Mutex<Receiver>>);

#[derive(Debug)]
struct Receiver {
    rng: Rng,
    /// The percentage of calls that fail.
    failing: u32,
    /// The bodies of each id.
    received: BTreeMap<String, BTreeSet<String>>,
    /// The number of requests.
    requests: usize,
    /// The oracle that looks at each receipt, and the backend as it is then.
    watcher: Option<(Oracle, MemoryBackend)>,
}

/// The reaction to a call.
#[derive(Debug, Clone, Copy)]
enum Reaction {
    Accepts,
    Fails,
    Throttles,
    Hangs,
    Closes,
}

impl Endpoint {
    pub(super) fn new(seed: u64) -> Self {
        Self(Arc::new(Mutex::new(Receiver {
            rng: Rng::with_seed(seed ^ 0x4F0C),
            failing: 0,
            received: BTreeMap::new(),
            requests: 0,
            watcher: None,
        })))
    }

    fn state(&self) -> MutexGuard<'_, Receiver> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Sets the percentage of calls that fail.
    pub fn fail(&self, percent: u32) {
        self.state().failing = percent;
    }

    /// Lets an oracle look at each event at the moment of its receipt.
    pub fn watch(&self, oracle: &Oracle, backend: &MemoryBackend) {
        self.state().watcher = Some((oracle.clone(), backend.clone()));
    }

    /// The received bodies, by the event's id.
    #[must_use]
    pub fn received(&self) -> BTreeMap<String, BTreeSet<String>> {
        self.state().received.clone()
    }

    /// The number of requests, repetitions included.
    #[must_use]
    pub fn requests(&self) -> usize {
        self.state().requests
    }
}

impl EndpointCalls for Endpoint {
    async fn post(&self, url: &str, headers: &[(&'static str, String)], body: &str) -> Outcome {
        let (reaction, wait) = {
            let mut receiver = self.state();
            let fails = receiver.rng.u32(0..100) < receiver.failing;
            let reaction = match receiver.rng.u32(0..4) {
                _ if !fails => Reaction::Accepts,
                0 => Reaction::Fails,
                1 => Reaction::Throttles,
                2 => Reaction::Hangs,
                _ => Reaction::Closes,
            };
            (reaction, Duration::from_millis(receiver.rng.u64(1..=800)))
        };
        tokio::time::sleep(wait).await;
        let id = headers.iter().find(|(name, _)| *name == "webhook-id");
        let id = id.map(|(_, id)| id.clone()).unwrap_or_default();
        let watcher = {
            let mut receiver = self.state();
            receiver.requests += 1;
            receiver.received.entry(id.clone()).or_default().insert(body.to_owned());
            receiver.watcher.clone()
        };
        if let Some((oracle, backend)) = watcher {
            oracle.receipt(&backend, tenant_of(url).as_ref(), (&id, body));
        }
        let answer = |status, retry_after| {
            Outcome::Answered(Answer {
                status,
                retry_after,
                aborts: false,
                body: String::new(),
            })
        };
        match reaction {
            Reaction::Accepts => answer(200, None),
            Reaction::Fails => answer(500, None),
            Reaction::Throttles => answer(429, Some(Duration::from_secs(7))),
            Reaction::Hangs => {
                tokio::time::sleep(CALL).await;
                Outcome::NoAnswer("The endpoint did not answer within 15 seconds.".to_owned())
            }
            Reaction::Closes => Outcome::NoAnswer("The answer broke off.".to_owned()),
        }
    }
}

/// The acceptances by SES of emails that still wait for them: a planted defect.
fn early(batch: &[HookChange]) -> Vec<HookChange> {
    let accepted = |change: &HookChange| {
        let HookChange::Email {
            key,
            after: Some(waiting),
            ..
        } = change
        else {
            return None;
        };
        let claim_no = waiting.claim_no + 1;
        let sent = EmailRecord {
            status: RecordStatus::Sent,
            claim_no,
            due: None,
            sent: Some(Acceptance {
                claim_no,
                message_id: "early".to_owned(),
                at: waiting.born,
            }),
            ..EmailRecord::clone(waiting)
        };
        (waiting.status == RecordStatus::Queued).then(|| HookChange::Email {
            key: key.clone(),
            before: Some(waiting.clone()),
            after: Some(Box::new(sent)),
        })
    };
    batch.iter().filter_map(accepted).collect()
}

/// The queue of deliveries behind its event source mapping.
struct DeliveryMapping(MemoryBackend);

impl MessageSource for DeliveryMapping {
    async fn put_back(&self, messages: &[(&ReceivedMessage, Duration)]) -> usize {
        put_back(&self.0, Destination::Deliveries, messages).await
    }
}

impl System {
    /// Starts the functions of webhooks.
    pub(super) fn start_hooks(self: &Arc<Self>) {
        tokio::spawn(Arc::clone(self).tell());
        for _ in 0..2 {
            tokio::spawn(Arc::clone(self).deliver());
        }
    }

    /// True if every change of the stream is told, or lost.
    #[must_use]
    pub fn has_told_everything(&self) -> bool {
        self.changes(self.told.load(Ordering::Relaxed), 1).is_empty()
    }

    fn changes(&self, from: usize, count: usize) -> Vec<HookChange> {
        let state = self.backend.state();
        let stream = state.hooks.stream.iter().flatten();
        stream.skip(from).take(count).cloned().collect()
    }

    fn loses(&self, since: Duration) -> bool {
        let lost = self.hooks.and_then(|hooks| hooks.lost);
        lost.is_some_and(|(from, until)| (from..until).contains(&since))
    }

    async fn tell(self: Arc<Self>) {
        let began = Instant::now();
        let mut kept: Option<(Environment, NotifyFunction<MemoryBackend>)> = None;
        loop {
            tokio::time::sleep(WINDOW).await;
            let size = self.rng().usize(1..=BATCH);
            let mut batch = self.changes(self.told.load(Ordering::Relaxed), size);
            if batch.is_empty() {
                continue;
            }
            if self.loses(began.elapsed()) {
                self.strike("stream lost");
                self.told.fetch_add(batch.len(), Ordering::Relaxed);
                continue;
            }
            kept = self.keep(kept, |(environment, _)| environment);
            let (environment, notify) = kept.get_or_insert_with(|| {
                let environment = self.environment("notify");
                let backend = self.backend.within(&environment);
                let ports = (backend.clone(), backend.clone(), backend.clone(), backend);
                let notify = NotifyFunction::new(ports.0, ports.1, ports.2, ports.3, REGION.to_owned());
                (environment, notify)
            });
            let read = batch.len();
            if self.is(Broken::ToldEarly) {
                batch.extend(early(&batch));
            }
            let work = notify.tell(&batch, Instant::now() + REMAINING);
            let report = self.invoke(environment, TIMEOUT, work).await;
            // A dead invocation answers nothing, so the whole batch comes again.
            let done = report.map_or(0, |report| report.first_untold.unwrap_or(read).min(read));
            self.told.fetch_add(done, Ordering::Relaxed);
        }
    }

    async fn deliver(self: Arc<Self>) {
        let mut kept: Option<(Environment, DeliverFunction<Simulated>)> = None;
        loop {
            let batch = self.receive(Destination::Deliveries).await;
            kept = self.keep(kept, |(environment, _)| environment);
            let (environment, function) = kept.get_or_insert_with(|| {
                let environment = self.environment("deliver");
                let backend = self.backend.within(&environment);
                let function = DeliverFunction {
                    endpoints: backend.clone(),
                    events: backend.clone(),
                    tasks: backend.clone(),
                    calls: self.endpoint.clone(),
                    system: backend,
                    permits: 1,
                };
                (environment, function)
            });
            let queue = DeliveryMapping(self.backend.within(environment));
            let work = deliver::handler::handle(function, &queue, event(&batch), REMAINING);
            let response = self.invoke(environment, TIMEOUT, work).await;
            self.acknowledge(&batch, response.and_then(Result::ok)).await;
        }
    }
}
