//! Somebody else who is quicker: who acts between the reading of a record and what is done about it.
//!
//! **Role:** for tests of what a function does when its decision comes too late.
//! **Invariant:** each acts once, in order, before the next decision that is written (`EmailRecords::write`), the next record that
//! is replaced by a tombstone, the next look for a tombstone, the next deletion of a tenant, the next copy of an upload, the next
//! copy of a content onto itself, or the next change of a rate limit, through the backend that [`MemoryBackend::with_rivals`]
//! gave, or a clone of it. What they do themselves through the backend that it was made from meets no concurrent writer.

use std::collections::VecDeque;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use crate::MemoryBackend;

/// What somebody else does.
pub type ConcurrentWriter = Box<dyn FnOnce() + Send>;

/// Those who have not acted yet. Clones are the same ones.
#[derive(Clone, Default)]
pub(crate) struct ConcurrentWriters(Arc<Mutex<VecDeque<ConcurrentWriter>>>);

impl ConcurrentWriters {
    fn left(&self) -> usize {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).len()
    }

    fn next(&self) -> Option<ConcurrentWriter> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).pop_front()
    }
}

impl fmt::Debug for ConcurrentWriters {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Rivals").field(&self.left()).finish()
    }
}

impl MemoryBackend {
    /// The same backend, in which these are quicker.
    #[must_use]
    pub fn with_rivals(&self, writers: Vec<ConcurrentWriter>) -> Self {
        Self {
            writers: ConcurrentWriters(Arc::new(Mutex::new(writers.into()))),
            ..self.clone()
        }
    }

    /// How many concurrent writers have not acted yet.
    #[must_use]
    pub fn rivals_left(&self) -> usize {
        self.writers.left()
    }

    /// The next one acts.
    pub(crate) fn writer(&self) {
        if let Some(writer) = self.writers.next() {
            writer();
        }
    }
}
