//! Emails of a held API key are parked, and released later.

use domain::delivery::record::{DueKind, EmailRecord};
use domain::id::{KeyId, QueueKey};
use domain::queue::hold::{Hold, Holds};
use domain::queue::job::Task;
use domain::queue::{Common, Queue};
use memory::samples::BORN;
use memory::{Fault, samples};

use super::{at, backend, kind, plain, run, sample, try_to_run};

/// Returns the queue `default` of these samples, with holds of these keys.
fn holding(keys: &[KeyId]) -> Queue {
    let with = |holds: Holds, key: &KeyId| holds.with(Hold::of_revoked_key(*key)).unwrap();
    plain().with_common(&Common {
        holds: keys.iter().fold(Holds::default(), with),
        ..Common::default()
    })
}

fn of_key(record: EmailRecord, n: u8) -> EmailRecord {
    EmailRecord {
        key: Some(KeyId::from_bytes([n; 16])),
        ..record
    }
}

#[tokio::test]
async fn an_overdue_email_of_a_held_key_is_parked() {
    let [one, other] = [1, 2].map(|n| KeyId::from_bytes([n; 16]));
    let records = vec![
        of_key(sample(1, DueKind::Check, BORN), 1),
        of_key(sample(2, DueKind::Check, BORN), 3),
        of_key(sample(3, DueKind::Held, BORN), 1),
    ];
    let backend = backend(records, holding(&[one, other]), Some(Task::Release));
    run(&backend).await;
    let kinds = [1, 2, 3].map(|n| kind(&backend, n));
    assert_eq!(
        kinds,
        [Some(DueKind::Held), Some(DueKind::Check), Some(DueKind::Held)],
        "no job releases it"
    );
    let enqueued: Vec<_> = backend
        .state()
        .send_tasks
        .iter()
        .map(|request| request.send_task.id)
        .collect();
    assert_eq!(enqueued, [samples::id(2)]);
}

#[tokio::test]
async fn a_released_hold_frees_emails_of_all_queues() {
    let [one, other] = [1, 2].map(|n| KeyId::from_bytes([n; 16]));
    let news = QueueKey {
        name: domain::id::QueueName::parse("news").unwrap(),
        ..plain().key
    };
    let of_news = EmailRecord {
        queue: news.name.clone(),
        ..sample(3, DueKind::Held, BORN)
    };
    for fault in [Fault::None, Fault::Before, Fault::After] {
        let records = vec![
            of_key(sample(1, DueKind::Held, BORN), 1),
            of_key(sample(2, DueKind::Held, BORN), 2),
            of_key(of_news.clone(), 1),
        ];
        // The hold of one key is released in `default`, and the other queue does not have that change yet.
        let backend = backend(records, holding(&[other]), Some(Task::FollowTenant));
        let queue = Queue {
            key: news.clone(),
            ..holding(&[one, other])
        };
        backend.state().queues.insert(news.clone(), queue);
        for call in ["save_queue", "write", "save_job"] {
            backend.state().faults_of.insert(call, [fault].into());
        }
        for minutes in 0..8 {
            backend.state().now_ms = at(60 * minutes).as_millis();
            drop(try_to_run(&backend).await);
        }
        let kinds = [1, 2, 3].map(|n| kind(&backend, n));
        assert_eq!(
            kinds,
            [Some(DueKind::Check), Some(DueKind::Held), Some(DueKind::Check)],
            "{fault:?}"
        );
        assert_eq!(backend.state().queues[&news].holds.keys(), [other]);
    }
}
