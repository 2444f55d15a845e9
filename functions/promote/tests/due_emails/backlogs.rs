//! A priority queue with a backlog, or a full one, does not become longer.

use std::collections::BTreeSet;
use std::time::Duration;

use domain::delivery::priority_queue::{FullPriorityQueues, MOST_MESSAGES};
use domain::delivery::record::{Priority, RecordStatus};
use memory::{Fault, MemoryBackend, samples};

use super::{at, backend_of, enqueued, fail, run, sample, times, waiting};

#[tokio::test]
async fn a_backlog_is_not_enqueued_again() {
    let backend = backend_of([sample(1), sample(2)]);
    backend.state().waiting.normal.visible = 5;
    // A priority queue that is not empty just now is no backlog yet.
    run(&backend).await;
    assert_eq!(enqueued(&backend).len(), 2);
    assert_eq!(backend.state().busy_since.get(&Priority::Normal), Some(&at(0)));

    backend.state().now_ms = at(900).as_millis();
    let done = run(&backend).await;
    assert_eq!(
        (done.recovered, enqueued(&backend).len()),
        (2, 2),
        "the records are checked, and get no send task"
    );
    let due = backend.record(&samples::key(1)).and_then(|record| record.due);
    assert_eq!(due.map(|due| due.at), Some(at(1800)));

    backend.state().waiting.normal.visible = 0;
    backend.state().now_ms = at(1800).as_millis();
    run(&backend).await;
    assert_eq!(
        enqueued(&backend).len(),
        4,
        "the priority queue is empty: their send tasks are lost"
    );
    assert_eq!(backend.state().busy_since.get(&Priority::Normal), None);
}

/// A send task can be lost in a priority queue that is never empty.
#[tokio::test]
async fn a_backlog_is_enqueued_again_after_an_hour() {
    let backend = backend_of([sample(1)]);
    backend.state().waiting.normal.visible = 5;
    backend
        .state()
        .busy_since
        .insert(Priority::Normal, at(0).before(Duration::from_secs(3600)));
    for minute in 1..=180_u64 {
        backend.state().now_ms = at(minute * 60).as_millis();
        run(&backend).await;
    }
    let written = times(&backend, "write");
    // The first check is immediate here, so every later check comes a minute after the doubled interval.
    assert_eq!(enqueued(&backend).len(), 2, "after one hour, and after two");
    assert!(written <= 6, "{written} writes in three hours");
}

/// Sets the number of hidden messages of the normal-priority queue.
fn hide(backend: &MemoryBackend, in_flight: u64) {
    backend.state().waiting.normal.in_flight = in_flight;
}

#[tokio::test]
async fn senders_learn_once_of_a_full_queue() {
    let backend = backend_of([]);
    hide(&backend, MOST_MESSAGES + 1);
    run(&backend).await;
    run(&backend).await;
    assert_eq!(
        backend.state().account_rate.full,
        FullPriorityQueues::of(|priority| priority == Priority::Normal)
    );
    assert_eq!(times(&backend, "change_account_rate"), 1);

    // The count is unknown: the state stays.
    fail(&backend, "waiting", [Fault::Before]);
    run(&backend).await;
    assert!(backend.state().account_rate.full.has(Priority::Normal));

    hide(&backend, MOST_MESSAGES);
    run(&backend).await;
    assert_eq!(backend.state().account_rate.full, FullPriorityQueues::default());
    assert_eq!(times(&backend, "change_account_rate"), 2);
}

#[tokio::test]
async fn senders_learn_without_the_account() {
    let backend = backend_of([]);
    hide(&backend, MOST_MESSAGES + 1);
    fail(&backend, "account", [Fault::Before]);
    run(&backend).await;
    assert!(backend.state().account_rate.full.has(Priority::Normal));
}

#[tokio::test]
async fn nothing_is_enqueued_into_a_full_queue() {
    let backend = backend_of([sample(1), waiting(2, at(10))]);
    hide(&backend, MOST_MESSAGES + 1);
    for minute in 1..=300_u64 {
        backend.state().now_ms = at(minute * 60).as_millis();
        run(&backend).await;
    }
    assert_eq!(enqueued(&backend), []);
    let written = times(&backend, "write");
    assert!(written <= 2 * 9, "{written} writes for two records in five hours");

    // With room again both are found within four guard intervals.
    hide(&backend, 0);
    for minute in 301..=361_u64 {
        backend.state().now_ms = at(minute * 60).as_millis();
        run(&backend).await;
    }
    let found: BTreeSet<_> = enqueued(&backend).into_iter().collect();
    assert_eq!(found.len(), 2);
}

/// Five records are overdue, and the priority queue may hide three more messages.
#[tokio::test]
async fn a_run_enqueues_at_most_the_free_places() {
    let backend = backend_of((1..=5).map(sample));
    hide(&backend, MOST_MESSAGES - 3);
    backend.state().now_ms = at(3_600).as_millis();
    run(&backend).await;
    assert_eq!(enqueued(&backend).len(), 3);

    // The others are found within an hour.
    hide(&backend, 0);
    for minute in 61..=120_u64 {
        backend.state().now_ms = at(minute * 60).as_millis();
        run(&backend).await;
    }
    let found: BTreeSet<_> = enqueued(&backend).into_iter().collect();
    assert_eq!(found.len(), 5);
}

/// Ten hours of a backlog: recovery must not add in proportion to it.
#[tokio::test]
async fn recovery_adds_little_to_an_old_backlog() {
    const EMAILS: u8 = 240;
    let backend = backend_of((1..=EMAILS).map(sample));
    backend
        .state()
        .busy_since
        .insert(Priority::Normal, at(0).before(Duration::from_secs(3600)));
    for minute in 1..=600_u64 {
        {
            let mut state = backend.state();
            state.now_ms = at(minute * 60).as_millis();
            // Two emails are sent every five minutes.
            let left: Vec<_> = (1..=EMAILS)
                .filter(|n| {
                    state
                        .records
                        .get(&samples::key(*n))
                        .is_some_and(|record| record.due.is_some())
                })
                .collect();
            state.waiting.normal.visible = u64::try_from(left.len()).unwrap_or(0);
            for n in left.iter().take(if minute % 5 == 0 { 2 } else { 0 }) {
                if let Some(record) = state.records.get_mut(&samples::key(*n)) {
                    record.status = RecordStatus::Sent;
                    record.due = None;
                }
            }
        }
        run(&backend).await;
    }
    let emails = usize::from(EMAILS);
    assert!(
        enqueued(&backend).len() <= 4 * emails,
        "{} send tasks",
        enqueued(&backend).len()
    );
    assert!(
        times(&backend, "write") <= 6 * emails,
        "{} writes",
        times(&backend, "write")
    );
}
