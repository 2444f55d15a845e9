//! The deployment: every function behind its trigger, on one in-memory backend.
//!
//! **Invariant:** the functions run as in Lambda, from the event to the answer. This module plays Lambda, the event
//! source mappings, the schedule and the gateway, and knows nothing of emails.
//! **Start reading at** [`System::start`].

mod deployment;
mod gateway;
mod hooks;
mod mapping;

use std::sync::atomic::{AtomicU32, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use aws::http::auth::Authenticator;
use aws::runtime::settings::KeySettings;
use aws_lambda_events::sqs::SqsBatchResponse;
use domain::delivery::priority_queue::MOST_MESSAGES;
use domain::delivery::record::Priority;
use domain::queue::rate_limit::AHEAD;
use fastrand::Rng;
use feedback::FeedbackFunction;
use futures::future::{Either, select};
use memory::environment::Environment;
use memory::fault_model::{Broken, Destination};
use memory::{MemoryBackend, samples};
use promote::PromoteFunction;
use send::rate_limiter::RateLimiter;
use send::suppression_filter::Suppressed;
use send::{SendFunction, SendSettings};

use deployment::Deployment;
pub(crate) use gateway::ApiResponse;
pub use hooks::Endpoint;
use mapping::{Mapping, event};

use crate::hooks::is_due;
use crate::scenario::{HookPlan, Timings};

/// The timeout of `dead_letter`, `promote` and `feedback`. Source: `template.yaml`.
const TIMEOUT: Duration = Duration::from_secs(60);

/// The remaining time that a handler receives. Handlers measure it by the real clock, which the simulation does not
/// use. Here Lambda ends an invocation at its timeout.
const GENEROUS: Duration = Duration::from_secs(3600);

/// The percentage of invocations in a new environment although the old one has not died.
const RECYCLED: u32 = 5;

type Sender = SendFunction<MemoryBackend>;

/// The deployment.
#[derive(Debug)]
pub struct System {
    /// The in-memory backend.
    pub backend: MemoryBackend,
    /// The timings.
    pub timings: Timings,
    /// The largest difference of a clock, in either direction.
    pub skew_ms: i64,
    /// The percentage of minutes in which two runs of `promote` start at the same time.
    pub doubled_promotes: u32,
    /// Hidden and delayed messages above which a priority queue is full.
    pub most_messages: u64,
    /// The webhooks.
    pub hooks: Option<HookPlan>,
    /// The endpoints of the webhooks.
    pub endpoint: Endpoint,
    /// The number of the stream's changes that are told or lost.
    told: AtomicUsize,
    rng: Mutex<Rng>,
    environments: AtomicU32,
    deployment: Deployment,
    /// Shared by all environments: the cache of keys is not under test.
    authenticator: Authenticator,
}

impl System {
    /// Creates a deployment on a backend with a fault model.
    #[must_use]
    pub fn new(backend: MemoryBackend, timings: Timings, seed: u64) -> Self {
        Self {
            backend,
            timings,
            skew_ms: 0,
            doubled_promotes: 0,
            most_messages: MOST_MESSAGES,
            hooks: None,
            endpoint: Endpoint::new(seed),
            told: AtomicUsize::new(0),
            // A different random stream from the backend's.
            rng: Mutex::new(Rng::with_seed(seed ^ 0x5EED)),
            environments: AtomicU32::new(0),
            deployment: Deployment::default(),
            authenticator: Authenticator::new(KeySettings::of(samples::DEPLOYER_KEY)),
        }
    }

    /// Starts all triggers.
    pub fn start(self: &Arc<Self>, senders: usize) {
        for &priority in Priority::ALL {
            for _ in 0..senders {
                tokio::spawn(Arc::clone(self).send(priority));
            }
        }
        for _ in 0..2 {
            tokio::spawn(Arc::clone(self).replace_with_tombstone());
            tokio::spawn(Arc::clone(self).handle());
        }
        tokio::spawn(Arc::clone(self).promote());
        if self.hooks.is_some() {
            self.start_hooks();
        }
    }

    pub(crate) fn rng(&self) -> MutexGuard<'_, Rng> {
        self.rng.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn environment(&self, function: &'static str) -> Environment {
        let number = self.environments.fetch_add(1, Ordering::Relaxed) + 1;
        let ahead_ms = self.rng().i64(-self.skew_ms..=self.skew_ms);
        Environment::new(function, number, ahead_ms)
    }

    fn is(&self, broken: Broken) -> bool {
        self.backend
            .state()
            .fault_model
            .as_ref()
            .is_some_and(|fault_model| fault_model.broken == broken)
    }

    fn strike(&self, kind: &'static str) {
        if let Some(fault_model) = &mut self.backend.state().fault_model {
            *fault_model.struck.entry(kind).or_default() += 1;
        }
    }

    /// Runs an invocation; `None` when its environment died or reached its timeout.
    async fn invoke<T>(
        &self,
        environment: &Environment,
        timeout: Duration,
        work: impl Future<Output = T>,
    ) -> Option<T> {
        let _working = self.deployment.works();
        let (death, work) = (std::pin::pin!(environment.death()), std::pin::pin!(work));
        match tokio::time::timeout(timeout, select(death, work)).await {
            Ok(Either::Right((done, _))) => Some(done),
            Ok(Either::Left(_)) => None,
            Err(_) => {
                environment.end();
                self.strike("invocation timed out");
                None
            }
        }
    }

    fn keep<T>(&self, kept: Option<T>, environment: impl Fn(&T) -> &Environment) -> Option<T> {
        kept.filter(|kept| {
            let environment = environment(kept);
            !environment.is_dead() && !self.deployment.has_replaced(environment) && self.rng().u32(0..100) >= RECYCLED
        })
    }

    async fn send(self: Arc<Self>, priority: Priority) {
        let mut kept: Option<(Environment, Sender)> = None;
        loop {
            let batch = self.receive(Destination::PriorityQueue(priority)).await;
            if self.deployment.is_stopped() {
                // A disabled mapping receives nothing; the message comes again.
                self.deployment.starts().await;
                continue;
            }
            kept = self.keep(kept, |(environment, _)| environment);
            let (environment, sender) = kept.get_or_insert_with(|| self.sender());
            let priority_queues = Mapping {
                backend: self.backend.within(environment),
                priority,
            };
            let event = event(&batch);
            let work = send::handler::handle(sender, &priority_queues, event, GENEROUS);
            let response = self.invoke(environment, self.timings.send_timeout, work).await;
            self.acknowledge(&batch, response.and_then(Result::ok)).await;
        }
    }

    fn sender(&self) -> (Environment, Sender) {
        let environment = self.environment("send");
        let backend = self.backend.within(&environment);
        let sender = SendFunction {
            records: backend.clone(),
            bodies: backend.clone(),
            dead_letters: backend.clone(),
            provider: backend.clone(),
            system: backend,
            with: SendSettings {
                policy: self.policy(),
                attempt_timeout: self.timings.attempt_timeout,
            },
            memory: send::memory(),
            rate_limiter: RateLimiter::default(),
            known: send::queues::QueueCache::default(),
            suppressed: Suppressed::default(),
        };
        (environment, sender)
    }

    async fn replace_with_tombstone(self: Arc<Self>) {
        loop {
            let batch = self.receive(Destination::DeadLetters).await;
            if self.is(Broken::DeadLettersIgnored) {
                self.acknowledge(&batch, Some(SqsBatchResponse::default())).await;
                continue;
            }
            let environment = self.environment("dead_letter");
            let backend = self.backend.within(&environment);
            let work = dead_letter::handler::handle(&backend, &backend, event(&batch), GENEROUS);
            let response = self.invoke(&environment, TIMEOUT, work).await;
            self.acknowledge(&batch, response.and_then(Result::ok)).await;
        }
    }

    async fn handle(self: Arc<Self>) {
        let mut kept: Option<(Environment, FeedbackFunction<MemoryBackend>)> = None;
        loop {
            let batch = self.receive(Destination::Events).await;
            if self.is(Broken::EventsIgnored) {
                self.acknowledge(&batch, Some(SqsBatchResponse::default())).await;
                continue;
            }
            kept = self.keep(kept, |(environment, _)| environment);
            let (environment, feedback) = kept.get_or_insert_with(|| {
                let environment = self.environment("feedback");
                let backend = self.backend.within(&environment);
                let feedback = FeedbackFunction {
                    records: backend.clone(),
                    system: backend,
                    progress_stored_at: Mutex::default(),
                };
                (environment, feedback)
            });
            let work = feedback::handler::handle(feedback, event(&batch), GENEROUS);
            let response = self.invoke(environment, TIMEOUT, work).await;
            self.acknowledge(&batch, response.and_then(Result::ok)).await;
        }
    }

    /// Runs every minute. Without active faults it runs only if there is work: a run without work changes nothing.
    async fn promote(self: Arc<Self>) {
        if self.is(Broken::PromoteNeverRuns) {
            return;
        }
        let mut minutes = tokio::time::interval(Duration::from_secs(60));
        loop {
            minutes.tick().await;
            if self.deployment.is_stopped() {
                continue;
            }
            let nothing_to_do = {
                let state = self.backend.state();
                let fault_model = state.fault_model.as_ref();
                let now = state.now();
                let job_due = state.jobs.values().any(|job| !job.over && job.due <= now);
                let soon = now.after(AHEAD);
                let mut limits = state.rate_limits.values();
                let looked_at = limits.all(|limit| limit.check_at.is_none_or(|at| at > soon));
                !job_due
                    && looked_at
                    && fault_model.is_some_and(|fault_model| fault_model.calm && !fault_model.anything_due())
            };
            if nothing_to_do && !is_due(&self.backend) {
                continue;
            }
            let runs = if self.rng().u32(0..100) < self.doubled_promotes {
                self.strike("two runs of promote");
                2
            } else {
                1
            };
            for _ in 0..runs {
                tokio::spawn(Arc::clone(&self).promote_once());
            }
        }
    }

    async fn promote_once(self: Arc<Self>) {
        let environment = self.environment("promote");
        let backend = self.backend.within(&environment);
        let promote: PromoteFunction<MemoryBackend> = PromoteFunction {
            records: backend.clone(),
            bodies: backend.clone(),
            priority_queues: backend.clone(),
            dead_letters: backend.clone(),
            delivery_tasks: backend.clone(),
            evidence: backend.clone(),
            account: backend.clone(),
            identities: backend.clone(),
            system: backend,
            policy: self.policy(),
            expires_after: self.timings.expires_after,
            retention: self.timings.retention,
            most_messages: self.most_messages,
        };
        let run = promote::handler::handle(&promote, GENEROUS);
        // A failed run is not repeated: the next minute's run reads the same index.
        self.invoke(&environment, TIMEOUT, run).await;
    }
}
