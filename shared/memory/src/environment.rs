//! Where a function runs: its clock, and whether it is alive.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio::sync::Notify;

/// An execution environment of Lambda. Clones are the same one.
#[derive(Debug, Clone)]
pub struct Environment(Arc<Inside>);

#[derive(Debug)]
struct Inside {
    /// Whose it is, for the trace: the function's name.
    function: &'static str,
    /// Which of them.
    number: u32,
    /// How far its clock is ahead, in milliseconds.
    ahead_ms: i64,
    dead: AtomicBool,
    death: Notify,
}

impl Environment {
    /// A new environment, whose clock is so far ahead (or behind).
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

    /// Its number.
    #[must_use]
    pub fn number(&self) -> u32 {
        self.0.number
    }

    /// How far its clock is ahead, in milliseconds.
    #[must_use]
    pub fn ahead_ms(&self) -> i64 {
        self.0.ahead_ms
    }

    /// Whether it has ended.
    #[must_use]
    pub fn is_dead(&self) -> bool {
        self.0.dead.load(Ordering::Relaxed)
    }

    /// Ends it, with everything that is under way in it.
    pub fn end(&self) {
        self.0.dead.store(true, Ordering::Relaxed);
        self.0.death.notify_one();
    }

    /// Waits until it has ended: whoever runs an invocation drops it then.
    pub async fn death(&self) {
        if !self.is_dead() {
            self.0.death.notified().await;
        }
    }
}
