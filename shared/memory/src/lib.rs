//! An in-memory backend: the ports that the functions need, for tests.
//!
//! **Role:** a dev-dependency of the functions and the base of the simulation; never deployed.
//! **Invariant:** a write needs [`domain::lifecycle::Condition::holds`] and nothing else, so that the meaning of a
//! condition is tested where it is defined. It changes only the fields that its decision changes ([`overlay`]).
//! **Start reading at** [`State`]; [`samples`] has emails and records for tests. A test of one function sets the
//! results of calls ([`State::faults`], [`State::answers`]). With a [`fault_model::FaultModel`] the backend produces
//! delays and faults by itself.

mod access;
mod bodies;
mod call;
mod concurrent_writers;
pub mod domains;
mod due;
mod endpoints;
pub mod environment;
mod erasure;
mod expiry;
pub mod fault_model;
mod files;
pub mod hooks;
mod listing;
pub mod observer;
pub mod overlay;
mod ports;
mod provider;
pub mod queue;
mod queues;
mod rate_limits;
mod records;
mod restore;
pub mod samples;
mod ses_reaction;
mod state;
mod suppressions;
pub mod tallies;
mod temporary;
pub mod trace;
mod webhook_events;
mod webhooks;

pub use call::{Call, Fault, SUBMIT};
pub use concurrent_writers::ConcurrentWriter;
pub use rate_limits::RELEASE_REFUSED;
pub use ses_reaction::SesReaction;
pub use state::State;
pub(crate) use state::is_over;
pub use suppressions::OfAccount;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use domain::delivery::record::EmailRecord;
use domain::id::EmailKey;
use domain::ports::PortError;

use crate::concurrent_writers::ConcurrentWriters;
use crate::environment::Environment;
use crate::fault_model::CallPlan;

/// The whole backend. Clones share the same state.
#[derive(Debug, Clone)]
pub struct MemoryBackend {
    state: Arc<Mutex<State>>,
    /// The environment of the caller, if one is set.
    environment: Option<Environment>,
    /// Writers that act before the calls made through this handle.
    writers: ConcurrentWriters,
}

/// Empty except for one API key: [`samples::API_KEY`].
impl Default for MemoryBackend {
    fn default() -> Self {
        let key = samples::api_key();
        let state = State {
            keys: BTreeMap::from([(key.id, key)]),
            ..State::default()
        };
        Self {
            state: Arc::new(Mutex::new(state)),
            environment: None,
            writers: ConcurrentWriters::default(),
        }
    }
}

impl MemoryBackend {
    /// Locks the state for reading and changing.
    pub fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The record of an email.
    #[must_use]
    pub fn record(&self, key: &EmailKey) -> Option<EmailRecord> {
        self.state().records.get(key).cloned()
    }

    /// The names of the called methods, in order, without the read of the caller's key.
    #[must_use]
    pub fn calls_inside(&self) -> Vec<&'static str> {
        let state = self.state();
        state.calls.iter().copied().filter(|call| *call != "key").collect()
    }

    /// Makes the next `count` calls fail without an effect.
    pub fn fail_next(&self, count: usize) {
        self.state().faults = std::iter::repeat_n(Fault::Before, count).collect();
    }

    /// The same backend, called from an environment.
    #[must_use]
    pub fn within(&self, environment: &Environment) -> Self {
        Self {
            environment: Some(environment.clone()),
            ..self.clone()
        }
    }

    /// Milliseconds that this environment's clock is ahead.
    fn ahead_ms(&self) -> i64 {
        self.environment.as_ref().map_or(0, Environment::ahead_ms)
    }

    fn is_dead(&self) -> bool {
        self.environment.as_ref().is_some_and(Environment::is_dead)
    }

    /// Ends the environment; its runner then drops everything that waits here.
    async fn die<T>(&self) -> T {
        if let Some(environment) = &self.environment {
            environment.end();
        }
        std::future::pending().await
    }

    /// The result of a call; `None` without a fault model. Never returns in a dead environment.
    async fn plan_call(&self, call: &Call) -> Option<CallPlan> {
        if self.is_dead() {
            std::future::pending::<()>().await;
        }
        let mut state = self.state();
        let fault_model = state.fault_model.as_mut()?;
        Some(fault_model.plan_call(call, self.environment.as_ref()))
    }

    fn effect<T>(&self, effect: &mut impl FnMut(&mut State) -> T) -> T {
        effect(&mut self.state())
    }

    /// Carries out one call of a port, or fails as the fault model or the test demands.
    ///
    /// # Errors
    /// [`Fault::Before`], [`Fault::After`] and [`Fault::Late`], as the caller sees them.
    pub async fn call<T: Send + 'static>(
        &self,
        call: Call,
        effect: impl FnMut(&mut State) -> T + Send + 'static,
    ) -> Result<T, PortError> {
        match self.plan_call(&call).await {
            Some(course) => self.call_under(call, course, effect).await,
            None => self.call_at_once(call.what, effect),
        }
    }

    async fn call_under<T: Send + 'static>(
        &self,
        call: Call,
        course: CallPlan,
        mut effect: impl FnMut(&mut State) -> T + Send + 'static,
    ) -> Result<T, PortError> {
        let down = || PortError {
            what: call.what,
            kind: course.fault.failure(),
            source: "the backend is down".into(),
        };
        if course.detached && course.fault == Fault::None {
            let (backend, (tell, answered)) = (self.clone(), tokio::sync::oneshot::channel());
            tokio::spawn(async move {
                tokio::time::sleep(course.before).await;
                // Nobody receives the answer if the caller has crashed.
                tell.send(backend.effect(&mut effect)).ok();
            });
            let answer = answered.await;
            tokio::time::sleep(course.after).await;
            return answer.map_err(|_| down());
        }
        tokio::time::sleep(course.before).await;
        // The other calls of a batch continue until the invocation is dropped: not in a dead environment.
        if self.is_dead() {
            return std::future::pending().await;
        }
        let answer = match course.fault {
            Fault::None => Ok(self.effect(&mut effect)),
            Fault::Before | Fault::Conflict | Fault::Throttled | Fault::Garbled | Fault::MissingPart => Err(down()),
            Fault::After => {
                self.effect(&mut effect);
                Err(down())
            }
            Fault::DieBefore => return self.die().await,
            Fault::DieAfter => {
                self.effect(&mut effect);
                return self.die().await;
            }
            Fault::Repeated => {
                self.effect(&mut effect);
                tokio::time::sleep(course.after).await;
                Ok(self.effect(&mut effect))
            }
            Fault::Late => {
                let backend = self.clone();
                tokio::spawn(async move {
                    tokio::time::sleep(course.later).await;
                    backend.effect(&mut effect);
                });
                Err(down())
            }
        };
        tokio::time::sleep(course.after).await;
        answer
    }

    #[expect(clippy::panic, reason = "a crash that a test requested")]
    fn call_at_once<T>(&self, what: &'static str, mut effect: impl FnMut(&mut State) -> T) -> Result<T, PortError> {
        let mut state = self.state();
        let fault = state.next_fault(what);
        let down = || PortError {
            what,
            kind: fault.failure(),
            source: "the backend is down".into(),
        };
        match fault {
            Fault::None => Ok(effect(&mut state)),
            Fault::Before | Fault::Late | Fault::Conflict | Fault::Throttled | Fault::Garbled | Fault::MissingPart => {
                Err(down())
            }
            Fault::After => {
                effect(&mut state);
                Err(down())
            }
            Fault::Repeated => {
                effect(&mut state);
                Ok(effect(&mut state))
            }
            Fault::DieBefore => panic!("died before {what}"),
            Fault::DieAfter => {
                effect(&mut state);
                drop(state);
                panic!("died after {what}")
            }
        }
    }
}
