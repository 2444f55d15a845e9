//! Concurrent writers: they act between the read of a record and the write of its decision.
//!
//! **Role:** for tests of a function whose decision comes too late.
//! **Invariant:** each writer acts once, in order, before the next of these calls:
//! - a written decision (`EmailRecords::write`),
//! - a fact of an email, a payload of an event, or the addition of a hook to a record,
//! - a read of deliveries,
//! - the replacement of a record by a tombstone, or the read of a tombstone,
//! - the deletion of a tenant,
//! - a copy of an upload, of a content onto itself, or of a file for its download,
//! - a change of a rate limit.
//!
//! Only calls through the handle of [`MemoryBackend::with_concurrent_writers`], or its clones, trigger them. The
//! writers' own calls use the original handle and trigger none.

use std::collections::VecDeque;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use crate::MemoryBackend;

/// The action of a concurrent writer.
pub type ConcurrentWriter = Box<dyn FnOnce() + Send>;

/// The writers that have not acted yet. Clones share them.
#[derive(Clone, Default)]
pub(crate) struct ConcurrentWriters(Arc<Mutex<VecDeque<ConcurrentWriter>>>);

impl ConcurrentWriters {
    fn remaining(&self) -> usize {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).len()
    }

    fn next(&self) -> Option<ConcurrentWriter> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).pop_front()
    }
}

impl fmt::Debug for ConcurrentWriters {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("ConcurrentWriters").field(&self.remaining()).finish()
    }
}

impl MemoryBackend {
    /// The same backend, with these concurrent writers.
    #[must_use]
    pub fn with_concurrent_writers(&self, writers: Vec<ConcurrentWriter>) -> Self {
        Self {
            writers: ConcurrentWriters(Arc::new(Mutex::new(writers.into()))),
            ..self.clone()
        }
    }

    /// Number of writers that have not acted yet.
    #[must_use]
    pub fn writers_left(&self) -> usize {
        self.writers.remaining()
    }

    /// Lets the next writer act.
    pub(crate) fn writer(&self) {
        if let Some(writer) = self.writers.next() {
            writer();
        }
    }
}
