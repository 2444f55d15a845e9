//! Emails of queues with rate limits, released minute by minute, in the in-memory backend.
#![expect(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "a failing test panics with its reason"
)]

mod endings;
mod obstacles;
mod pace;

use std::time::{Duration, Instant};

use domain::delivery::record::{Due, DueKind, EmailRecord, RecordStatus};
use domain::id::{EmailId, EmailKey, QueueKey, QueueName};
use domain::ports::SendTaskRequest;
use domain::queue::Queue;
use domain::queue::rate_limit::RateLimit;
use domain::timestamp::Timestamp;
use memory::samples::BORN;
use memory::{MemoryBackend, samples};
use promote::Promoted;

use crate::common::promote;

fn at(secs: i64) -> Timestamp {
    Timestamp::from_millis(BORN.as_millis() + secs * 1000)
}

fn slow() -> QueueKey {
    QueueKey {
        tenant: samples::key(1).tenant,
        name: QueueName::parse("slow").unwrap(),
    }
}

/// Returns the `n`th email of the queue, in this kind of partition, due at this time.
fn email(n: u32, kind: DueKind, due: Timestamp) -> EmailRecord {
    let mut bytes = [0; 16];
    // Ids are random: each shard has its share.
    bytes[..4].copy_from_slice(&n.wrapping_mul(2_654_435_761).to_be_bytes());
    bytes[4..8].copy_from_slice(&n.to_be_bytes());
    EmailRecord {
        id: EmailId::from_random(bytes),
        queue: slow().name,
        not_before: due,
        expires_at: at(1_000_000),
        due: Some(Due { kind, at: due }),
        ..samples::record(1, &samples::email().expect("the sample parses"))
    }
}

/// Returns a backend in which this many emails of the queue wait, with this rate.
fn backend(emails: u32, rate: Option<u32>) -> MemoryBackend {
    let backend = samples::backend(0).expect("the samples parse");
    let mut state = backend.state();
    for n in 0..emails {
        state.store_record(email(n, DueKind::RateLimited, at(0)));
    }
    let queue = Queue {
        rate_per_second: rate,
        ..Queue::plain(slow(), BORN)
    };
    let limit = RateLimit {
        rate: queue.rate(),
        check_at: Some(at(0)),
        version: 1,
        ..RateLimit::default()
    };
    state.queues.insert(slow(), queue);
    state.rate_limits.insert(slow(), limit);
    drop(state);
    backend
}

async fn try_to_run(backend: &MemoryBackend) -> Result<Promoted, String> {
    let run = promote(backend).run(Instant::now() + Duration::from_secs(60)).await;
    run.map_err(|error| error.what.to_owned())
}

/// Runs at this second; returns the send tasks of the run.
async fn run(backend: &MemoryBackend, secs: i64) -> Vec<SendTaskRequest> {
    backend.state().now_ms = at(secs).as_millis();
    backend.state().send_tasks.clear();
    try_to_run(backend).await.expect("carried out");
    std::mem::take(&mut backend.state().send_tasks)
}

fn slots(send_tasks: &[SendTaskRequest]) -> Vec<Timestamp> {
    let mut slots: Vec<_> = send_tasks.iter().filter_map(|request| request.send_task.slot).collect();
    slots.sort_unstable();
    slots
}

/// Claims the enqueued emails: they leave the partition.
fn claim(backend: &MemoryBackend, send_tasks: &[SendTaskRequest]) {
    let mut state = backend.state();
    for request in send_tasks {
        let key = EmailKey {
            tenant: request.send_task.tenant.clone(),
            id: request.send_task.id,
        };
        let sent = EmailRecord {
            status: RecordStatus::Sent,
            due: None,
            ..state.records[&key].clone()
        };
        state.store_record(sent);
    }
}

fn times(backend: &MemoryBackend, call: &str) -> usize {
    backend.state().calls.iter().filter(|called| **called == call).count()
}
