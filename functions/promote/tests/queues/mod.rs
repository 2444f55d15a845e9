//! Commands on a queue, carried out by `promote`.
#![expect(
    clippy::expect_used,
    clippy::unwrap_used,
    reason = "a failing test panics with its reason"
)]

mod key_holds;
mod parking;
mod restored;
mod sweeps;
mod tenants;

use std::time::{Duration, Instant};

use domain::delivery::record::{Due, DueKind, EmailRecord};
use domain::id::EmailId;
use domain::queue::job::{Job, Task};
use domain::queue::{Pause, Queue};
use domain::timestamp::Timestamp;
use memory::samples::BORN;
use memory::{MemoryBackend, samples};
use promote::Promoted;

use crate::common::promote;

fn at(secs: u64) -> Timestamp {
    BORN.after(Duration::from_secs(secs))
}

async fn try_to_run(backend: &MemoryBackend) -> Result<Promoted, String> {
    let run = promote(backend).run(Instant::now() + Duration::from_secs(60)).await;
    run.map_err(|error| error.what.to_owned())
}

async fn run(backend: &MemoryBackend) -> Promoted {
    try_to_run(backend).await.expect("carried out")
}

fn sample(n: u8, kind: DueKind, due: Timestamp) -> EmailRecord {
    EmailRecord {
        not_before: due,
        due: Some(Due { kind, at: due }),
        ..samples::record(n, &samples::email().expect("the sample parses"))
    }
}

/// Returns a backend with these records, their contents, and their queue.
fn backend(records: Vec<EmailRecord>, queue: Queue, job: Option<Task>) -> MemoryBackend {
    let backend = samples::backend(0).expect("the samples parse");
    let email = samples::email().expect("the sample parses");
    {
        let mut state = backend.state();
        for record in records {
            let key = record.email_key();
            state.bodies.insert((key.clone(), email.hash()), email.to_body());
            state.records.insert(key, record);
        }
        if let Some(task) = job {
            let job = Job::new(&queue, EmailId::from_random([9; 16]), task, BORN);
            state.jobs.insert((queue.key.clone(), job.id), job);
        }
        state.queues.insert(queue.key.clone(), queue);
    }
    backend
}

fn plain() -> Queue {
    let record = sample(1, DueKind::Wake, BORN);
    Queue {
        version: 3,
        ..Queue::plain(record.queue_key(), BORN)
    }
}

fn paused() -> Queue {
    plain().after_pause(Pause {
        since: BORN,
        reason: None,
        until: None,
    })
}

fn kind(backend: &MemoryBackend, n: u8) -> Option<DueKind> {
    backend.record(&samples::key(n)).unwrap().due.map(|due| due.kind)
}

fn job(backend: &MemoryBackend) -> Job {
    backend.state().jobs.values().next().unwrap().clone()
}
