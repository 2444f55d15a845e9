//! The execution environment of a function: its clock and its end.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio::sync::Notify;

/// An execution environment of Lambda. Clones share the same one.
#[derive(Debug, Clone)]
pub struct Environment(Arc<Inside>);

#[derive(Debug)]
struct Inside {
    /// The function's name, for the trace.
    function: &'static str,
    /// Number among the environments.
    number: u32,
    /// Milliseconds that its clock is ahead.
    ahead_ms: i64,
    dead: AtomicBool,
    death: Notify,
}

impl Environment {
    /// A new environment, whose clock is `ahead_ms` ahead; below 0, it is behind.
    #[must_use]
    pub fn new(function: &'static str, number: u32, ahead_ms: i64) -> Self {
        Self(Arc::new(Inside {
            function,
            number,
            ahead_ms,
            dead: AtomicBool::new(false),
            death: Notify::new(),
        }))
    }

    /// The function's name.
    #[must_use]
    pub fn function(&self) -> &'static str {
        self.0.function
    }

    /// The number of the environment.
    #[must_use]
    pub fn number(&self) -> u32 {
        self.0.number
    }

    /// Milliseconds that its clock is ahead.
    #[must_use]
    pub fn ahead_ms(&self) -> i64 {
        self.0.ahead_ms
    }

    /// True after its end.
    #[must_use]
    pub fn is_dead(&self) -> bool {
        self.0.dead.load(Ordering::Relaxed)
    }

    /// Ends the environment and every invocation that runs in it.
    pub fn end(&self) {
        self.0.dead.store(true, Ordering::Relaxed);
        self.0.death.notify_one();
    }

    /// Waits for the end of the environment; the runner of an invocation then drops the invocation.
    pub async fn death(&self) {
        if !self.is_dead() {
            self.0.death.notified().await;
        }
    }
}
