//! Promotion of due emails, in the in-memory backend.
#![expect(clippy::expect_used, reason = "a failing test panics with its reason")]

mod account;
mod backlogs;
mod enqueueing;
mod recovery;

use std::time::{Duration, Instant};

use domain::delivery::index;
use domain::delivery::record::{Due, DueKind, EmailRecord};
use domain::id::{EmailId, EmailKey};
use domain::timestamp::Timestamp;
use memory::{Fault, MemoryBackend, samples};
use promote::Promoted;

use crate::common::promote;

async fn run(backend: &MemoryBackend) -> Promoted {
    promote(backend)
        .run(Instant::now() + Duration::from_secs(60))
        .await
        .expect("carried out")
}

fn at(secs: u64) -> Timestamp {
    samples::BORN.after(Duration::from_secs(secs))
}

/// Returns a backend with one changed email.
fn backend(change: impl FnOnce(&mut EmailRecord)) -> (MemoryBackend, EmailKey) {
    let (backend, key) = (samples::backend(1).expect("the samples parse"), samples::key(1));
    if let Some(record) = backend.state().records.get_mut(&key) {
        change(record);
    }
    (backend, key)
}

fn sample(n: u8) -> EmailRecord {
    samples::record(n, &samples::email().expect("the sample parses"))
}

/// Returns an email that waits in `wake` for its time.
fn waiting(n: u8, not_before: Timestamp) -> EmailRecord {
    EmailRecord {
        not_before,
        due: Some(Due {
            kind: DueKind::Wake,
            at: not_before,
        }),
        ..sample(n)
    }
}

fn backend_of(records: impl IntoIterator<Item = EmailRecord>) -> MemoryBackend {
    let backend = MemoryBackend::default();
    {
        let mut state = backend.state();
        state.now_ms = samples::BORN.as_millis();
        state
            .records
            .extend(records.into_iter().map(|record| (record.email_key(), record)));
    }
    backend
}

fn enqueued(backend: &MemoryBackend) -> Vec<(EmailId, u16)> {
    let state = backend.state();
    let mut enqueued: Vec<_> = state
        .send_tasks
        .iter()
        .map(|request| (request.send_task.id, index::delay_seconds(request.delay)))
        .collect();
    enqueued.sort();
    enqueued
}

/// Sets the faults of the next calls of one method.
fn fail(backend: &MemoryBackend, call: &'static str, faults: impl IntoIterator<Item = Fault>) {
    backend.state().faults_of.insert(call, faults.into_iter().collect());
}

fn times(backend: &MemoryBackend, call: &str) -> usize {
    backend.state().calls.iter().filter(|called| **called == call).count()
}
