//! Emails of a paused queue are parked, at little cost.

use std::time::Duration;

use domain::delivery::record::{DueKind, EmailRecord};
use domain::id::{EmailId, QueueKey};
use domain::queue::job::{LATE_SWEEPS, Task};
use domain::queue::{Queue, SETTLED};
use domain::timestamp::Timestamp;
use memory::samples;
use memory::samples::BORN;

use super::{at, backend, job, kind, paused, plain, run, sample};

#[tokio::test]
async fn due_emails_of_a_paused_queue_are_parked() {
    let records = vec![sample(1, DueKind::Wake, at(60)), sample(2, DueKind::Check, BORN)];
    let backend = backend(records, paused(), None);
    run(&backend).await;
    assert_eq!([kind(&backend, 1), kind(&backend, 2)], [Some(DueKind::Held); 2]);
    assert!(backend.state().send_tasks.is_empty());
    backend.state().calls.clear();
    run(&backend).await;
    let writes = |call: &&str| call.starts_with("write");
    assert!(
        !backend.state().calls.iter().any(writes),
        "a held email is not written again"
    );
}

#[tokio::test]
async fn emails_of_a_paused_queue_move_in_groups() {
    let records = (1..=200).map(|n| sample(n, DueKind::Wake, at(60))).collect();
    let backend = backend(records, paused(), None);
    run(&backend).await;
    assert!((1..=200).all(|n| kind(&backend, n) == Some(DueKind::Held)));
    let calls = backend.state().calls.clone();
    let groups = calls.iter().filter(|call| **call == "write_many").count();
    assert_eq!((groups, calls.contains(&"write")), (3, false));
}

/// Held emails add no reads of other queues' emails.
#[tokio::test]
async fn held_emails_cost_the_others_no_call() {
    let calls = async |held: u32| {
        let backend = backend(vec![sample(1, DueKind::Wake, at(60))], plain(), None);
        let news = QueueKey {
            name: domain::id::QueueName::parse("news").unwrap(),
            ..plain().key
        };
        for n in 0..held {
            let record = EmailRecord {
                id: EmailId::from_random((u128::from(n) << 8).to_be_bytes()),
                queue: news.name.clone(),
                ..sample(2, DueKind::Held, BORN)
            };
            backend.state().records.insert(record.email_key(), record);
        }
        let queue = Queue {
            key: news.clone(),
            ..paused()
        };
        backend.state().queues.insert(news, queue);
        assert_eq!(run(&backend).await.enqueued, 1);
        backend.state().calls.clone()
    };
    assert_eq!(calls(10_000).await, calls(0).await);
}

/// DynamoDB promises no bound for the delay of an index. Without the later sweeps, such an email would never be sent.
#[tokio::test]
async fn a_late_index_entry_is_released_too() {
    for late in LATE_SWEEPS {
        let records = vec![
            sample(1, DueKind::Held, at(200_000)),
            sample(2, DueKind::Held, at(200_000)),
        ];
        let backend = backend(records, plain(), Some(Task::Release));
        backend.state().late_in_index.insert(samples::id(2));
        let run_at = async |now: Timestamp| {
            backend.state().now_ms = now.as_millis();
            run(&backend).await;
        };
        run_at(BORN).await;
        run_at(BORN.after(SETTLED)).await;
        assert!(job(&backend).done && kind(&backend, 2) == Some(DueKind::Held));
        for before in LATE_SWEEPS.into_iter().filter(|before| *before < late) {
            run_at(BORN.after(before)).await;
        }
        backend.state().late_in_index.clear();
        run_at(BORN.after(late)).await;
        assert_ne!(kind(&backend, 2), Some(DueKind::Held), "{late:?}");
    }
    let backend = backend(Vec::new(), plain(), Some(Task::Release));
    for after in [Duration::ZERO, SETTLED].into_iter().chain(LATE_SWEEPS) {
        backend.state().now_ms = BORN.after(after).as_millis();
        run(&backend).await;
    }
    assert!(job(&backend).over, "five sweeps, and no more");
}
