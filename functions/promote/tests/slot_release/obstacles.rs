//! Nothing is released that could not be delivered.

use domain::delivery::breaker::OpenBreaker;
use domain::delivery::cause::Cause;
use domain::delivery::priority_queue::MOST_MESSAGES;
use domain::delivery::record::{DueKind, EmailRecord, Priority};
use domain::queue::Pause;
use memory::Fault;
use memory::samples::BORN;

use super::{at, backend, email, run, slow, times};

#[tokio::test]
async fn an_open_breaker_releases_nothing() {
    let backend = backend(10, Some(10));
    let open = |until| OpenBreaker {
        cause: Cause::QuotaExceeded,
        until,
        times: 0,
    };
    backend.state().account_rate.open = Some(open(at(100)));
    // The state of SES must not bring the probe forward here.
    backend
        .state()
        .faults_of
        .insert("account", [Fault::Before, Fault::Before].into());
    assert_eq!(run(&backend, 0).await.len(), 0);
    assert_eq!(
        times(&backend, "change_rate_limit"),
        0,
        "nothing is reserved, so that no burst follows"
    );
    assert_eq!(run(&backend, 101).await.len(), 1, "one email must probe");
    backend.state().faults_of.insert("account_rate", [Fault::Before].into());
    assert_eq!(run(&backend, 170).await.len(), 0, "the breaker may be open");
    backend.state().account_rate.open = None;
    assert_eq!(run(&backend, 240).await.len(), 10);
}

#[tokio::test]
async fn a_full_queue_reserves_no_slot() {
    let backend = backend(10, Some(10));
    backend.state().waiting.normal.in_flight = MOST_MESSAGES + 1;
    assert_eq!(run(&backend, 0).await.len(), 0);
    assert_eq!(
        times(&backend, "change_rate_limit"),
        0,
        "the slots of a full priority queue would go unused"
    );
    let limit = backend.state().rate_limits[&slow()].clone();
    assert_eq!((limit.free_at, limit.check_at), (None, Some(at(0))));

    backend.state().waiting.normal.in_flight = MOST_MESSAGES;
    assert_eq!(run(&backend, 60).await.len(), 10);
}

#[tokio::test]
async fn another_priority_is_released_beside_a_full_one() {
    let backend = backend(3, Some(10));
    let high = EmailRecord {
        priority: Priority::High,
        ..email(9, DueKind::RateLimited, at(0))
    };
    backend.state().store_record(high.clone());
    backend.state().waiting.normal.in_flight = MOST_MESSAGES + 1;
    let enqueued: Vec<_> = run(&backend, 0)
        .await
        .iter()
        .map(|request| request.send_task.id)
        .collect();
    assert_eq!(enqueued, [high.id]);
}

#[tokio::test]
async fn a_paused_queue_reserves_no_slot() {
    let backend = backend(5, Some(10));
    let paused = backend.state().queues[&slow()].after_pause(Pause {
        since: BORN,
        reason: None,
        until: Some(at(90)),
    });
    backend.state().queues.insert(slow(), paused);
    assert_eq!(run(&backend, 0).await.len(), 0);
    assert_eq!(run(&backend, 120).await.len(), 5, "the pause is over");
}
