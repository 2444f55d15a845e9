//! The deployed settings, and their replacement while the system runs.

use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Mutex, PoisonError};

use domain::delivery::policy::Policy;
use domain::timestamp::Timestamp;
use memory::environment::Environment;
use tokio::sync::Notify;

use super::System;

/// The state of a deployment that a person changes.
#[derive(Debug, Default)]
pub(super) struct Deployment {
    /// The restore epoch.
    epoch: Mutex<Option<Timestamp>>,
    /// Whether the mappings of `send` and the rule of `promote` are disabled.
    stopped: AtomicBool,
    started: Notify,
    /// Invocations under way.
    working: AtomicU32,
    /// Environments up to this number have the settings of an earlier deployment.
    replaced: AtomicU32,
}

/// An invocation under way, until it is dropped.
pub(super) struct Working<'a>(&'a AtomicU32);

impl Drop for Working<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Deployment {
    pub(super) fn works(&self) -> Working<'_> {
        self.working.fetch_add(1, Ordering::Relaxed);
        Working(&self.working)
    }

    pub(super) fn is_stopped(&self) -> bool {
        self.stopped.load(Ordering::Relaxed)
    }

    /// Waits until the mappings are enabled again.
    pub(super) async fn starts(&self) {
        let started = self.started.notified();
        if self.is_stopped() {
            started.await;
        }
    }

    pub(super) fn has_replaced(&self, environment: &Environment) -> bool {
        environment.number() <= self.replaced.load(Ordering::Relaxed)
    }
}

impl System {
    /// The timings of the state machine, with the restore epoch.
    pub(super) fn policy(&self) -> Policy {
        let epoch = self.deployment.epoch.lock().unwrap_or_else(PoisonError::into_inner);
        Policy {
            restore_epoch: *epoch,
            ..self.timings.policy.clone()
        }
    }

    /// Disables the mappings of `send` and the rule of `promote`.
    pub(crate) fn stop_sending(&self) {
        self.deployment.stopped.store(true, Ordering::Relaxed);
    }

    /// Whether no function runs, and every event of SES was read.
    pub(crate) fn is_idle(&self) -> bool {
        let state = self.backend.state();
        let read = state
            .fault_model
            .as_ref()
            .is_none_or(|fault_model| fault_model.events_in_transit() == 0 && fault_model.events.is_empty());
        read && self.deployment.working.load(Ordering::Relaxed) == 0
    }

    /// Deploys a restore epoch: every function starts in a new environment.
    pub(crate) fn deploy(&self, epoch: Option<Timestamp>) {
        *self.deployment.epoch.lock().unwrap_or_else(PoisonError::into_inner) = epoch;
        let newest = self.environments.load(Ordering::Relaxed);
        self.deployment.replaced.store(newest, Ordering::Relaxed);
    }

    /// Enables the mappings of `send` and the rule of `promote`.
    pub(crate) fn start_sending(&self) {
        self.deployment.stopped.store(false, Ordering::Relaxed);
        self.deployment.started.notify_waiters();
    }
}
