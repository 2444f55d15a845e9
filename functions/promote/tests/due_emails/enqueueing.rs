//! Due emails are enqueued ahead of their time, and no failure loses one.

use std::time::{Duration, Instant};

use domain::delivery::priority_queue::MOST_MESSAGES;
use memory::{Fault, samples};

use super::{at, backend_of, enqueued, fail, run, times, waiting};
use crate::common::promote;

#[tokio::test]
async fn due_emails_are_enqueued_once_to_the_second() {
    let backend = backend_of([waiting(1, at(1)), waiting(2, at(600)), waiting(3, at(601))]);
    assert_eq!(run(&backend).await.enqueued, 2);
    assert_eq!(enqueued(&backend), [(samples::id(1), 1), (samples::id(2), 600)]);
    assert_eq!(
        times(&backend, "write") + times(&backend, "load_many"),
        0,
        "no record is read or written for it"
    );
    backend.state().now_ms += 60_000;
    run(&backend).await;
    assert_eq!(enqueued(&backend).len(), 3, "the cursor is after the first two");
}

#[tokio::test]
async fn pages_are_read_to_the_end() {
    let backend = backend_of((1..=50).map(|n| waiting(n, at(u64::from(n)))));
    backend.state().page_size = 7;
    assert_eq!(run(&backend).await.enqueued, 50);
    assert_eq!(enqueued(&backend).len(), 50);
}

#[tokio::test]
async fn the_cursor_stays_before_a_failed_send_task() {
    // Both are in shard 0.
    let backend = backend_of([waiting(2, at(10)), waiting(4, at(20))]);
    fail(&backend, "enqueue", [Fault::None, Fault::Before]);
    let done = run(&backend).await;
    assert_eq!((done.enqueued, done.failed), (1, 1));
    run(&backend).await;
    assert_eq!(
        enqueued(&backend),
        [(samples::id(2), 10), (samples::id(4), 20)],
        "and the first gets no second send task"
    );
}

#[tokio::test]
async fn a_crash_before_the_cursor_loses_nothing() {
    let backend = backend_of([waiting(2, at(10))]);
    fail(&backend, "save_cursor", [Fault::Before]);
    assert!(
        promote(&backend)
            .run(Instant::now() + Duration::from_secs(60))
            .await
            .is_err()
    );
    run(&backend).await;
    assert_eq!(enqueued(&backend).len(), 2);
}

#[tokio::test]
async fn the_next_run_continues_after_the_deadline() {
    let backend = backend_of((1..=50).map(|n| waiting(n, at(u64::from(n)))));
    let done = promote(&backend).run(Instant::now()).await.expect("carried out");
    assert!(done.unfinished && done.enqueued == 0);
    assert_eq!(run(&backend).await.enqueued, 50);
}

#[tokio::test]
async fn delayed_messages_stop_no_scheduled_email() {
    let backend = backend_of([waiting(2, at(10))]);
    backend.state().waiting.normal.delayed = MOST_MESSAGES + 1;
    run(&backend).await;
    assert_eq!(enqueued(&backend).len(), 1, "SQS holds any number of delayed messages");
}

#[tokio::test]
async fn an_unreadable_queue_stops_no_due_email() {
    // All are in shard 0, and the queue of the first cannot be read.
    let backend = backend_of([waiting(2, at(10)), waiting(4, at(20)), waiting(6, at(30))]);
    fail(&backend, "queue", [Fault::Before]);
    let done = run(&backend).await;
    assert_eq!((done.enqueued, done.failed), (3, 0));
    assert_eq!(enqueued(&backend).len(), 3, "`send` reads the queue again");
    assert_eq!(
        times(&backend, "queue"),
        1,
        "a failed read is not repeated for each email"
    );
}
