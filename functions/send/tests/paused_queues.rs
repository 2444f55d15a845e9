//! Emails of a paused queue, parked in groups, in the in-memory backend.
#![expect(clippy::unwrap_used, reason = "a failing test panics with its reason")]

use crate::common::sender;
use domain::delivery::record::{DueKind, EmailRecord, RecordStatus};
use domain::delivery::send_task::SendTask;
use domain::id::{QueueKey, QueueName};
use domain::queue::{Pause, Queue};
use memory::samples::BORN;
use memory::{ConcurrentWriter, Fault, MemoryBackend, samples};
use send::TaskOutcome;

fn queue(name: &str) -> QueueKey {
    QueueKey {
        tenant: samples::key(1).tenant,
        name: QueueName::parse(name).unwrap(),
    }
}

/// Returns a backend with these emails in these paused queues.
fn backend(queues: &[(&str, &[u8])]) -> MemoryBackend {
    let backend = samples::backend(20).unwrap();
    {
        let mut state = backend.state();
        // The settings version makes senders read the queues.
        state.account_rate.settings_version = 1;
        for (name, emails) in queues {
            let pause = Pause {
                since: BORN,
                reason: None,
                until: None,
            };
            let paused = Queue::plain(queue(name), BORN).after_pause(pause);
            state.queues.insert(queue(name), paused);
            for n in *emails {
                state.records.get_mut(&samples::key(*n)).unwrap().queue = queue(name).name;
            }
        }
    }
    backend
}

fn send_task(name: &str, n: u8) -> SendTask {
    SendTask {
        queue: queue(name).name,
        ..samples::send_task(n)
    }
}

fn place(backend: &MemoryBackend, n: u8) -> (RecordStatus, Option<DueKind>) {
    let record = backend.record(&samples::key(n)).unwrap();
    (record.status, record.due.map(|due| due.kind))
}

/// Parks emails; counts the reads and the writes of their records.
async fn park(backend: &MemoryBackend, send_tasks: &[SendTask]) -> (Vec<Option<TaskOutcome>>, [usize; 3]) {
    let sender = sender(backend, backend.clone());
    backend.state().calls.clear();
    let results = sender.park(send_tasks).await;
    let calls = backend.state().calls.clone();
    let count = |name: &str| calls.iter().filter(|call| **call == name).count();
    let results = results.into_iter().map(Result::ok).collect();
    (results, [count("load_many"), count("write_many"), count("write")])
}

const HELD: (RecordStatus, Option<DueKind>) = (RecordStatus::Queued, Some(DueKind::Held));
const UNMOVED: (RecordStatus, Option<DueKind>) = (RecordStatus::Queued, Some(DueKind::Check));

#[tokio::test]
async fn emails_of_a_paused_queue_share_one_write() {
    let emails: Vec<u8> = (1..=10).collect();
    let backend = backend(&[("news", &emails)]);
    let send_tasks: Vec<_> = emails.iter().map(|n| send_task("news", *n)).collect();
    let (results, calls) = park(&backend, &send_tasks).await;
    assert_eq!(results, vec![Some(TaskOutcome::Done); 10]);
    assert_eq!(calls, [1, 1, 0]);
    assert!(emails.iter().all(|n| place(&backend, *n) == HELD));
}

#[tokio::test]
async fn each_paused_queue_has_a_write_of_its_own() {
    let backend = backend(&[("news", &[1, 2, 3]), ("mail", &[4, 5])]);
    // A second message of an email costs nothing more.
    let send_tasks: Vec<_> = [
        ("news", 1),
        ("mail", 4),
        ("news", 2),
        ("news", 3),
        ("mail", 5),
        ("news", 1),
    ]
    .map(|(name, n)| send_task(name, n))
    .to_vec();
    let (results, calls) = park(&backend, &send_tasks).await;
    assert_eq!(results, vec![Some(TaskOutcome::Done); 6]);
    assert_eq!(calls, [2, 2, 0]);
    assert!((1..=5).all(|n| place(&backend, n) == HELD));
}

#[tokio::test]
async fn a_moved_record_leaves_its_group() {
    let emails: Vec<u8> = (1..=10).collect();
    let backend = backend(&[("news", &emails)]);
    let elsewhere = backend.clone();
    let cancel: ConcurrentWriter = Box::new(move || {
        let mut state = elsewhere.state();
        let record = state.records.get_mut(&samples::key(4)).unwrap();
        *record = EmailRecord {
            status: RecordStatus::Canceled,
            due: None,
            ..record.clone()
        };
    });
    let contested = backend.with_concurrent_writers(vec![cancel]);
    let send_tasks: Vec<_> = emails.iter().map(|n| send_task("news", *n)).collect();
    let (results, calls) = park(&contested, &send_tasks).await;
    assert_eq!(results, vec![Some(TaskOutcome::Done); 10]);
    assert_eq!(
        calls,
        [1, 2, 0],
        "the group is written again without the canceled email"
    );
    assert_eq!(place(&backend, 4), (RecordStatus::Canceled, None));
    let mut others = emails.iter().filter(|n| **n != 4);
    assert!(others.all(|n| place(&backend, *n) == HELD));
}

#[tokio::test]
async fn a_queue_resumed_meanwhile_parks_nothing() {
    let backend = backend(&[("news", &[1, 2, 3])]);
    let elsewhere = backend.clone();
    let resume: ConcurrentWriter = Box::new(move || {
        let mut state = elsewhere.state();
        let resumed = state.queues[&queue("news")].after_resume();
        state.queues.insert(resumed.key.clone(), resumed);
    });
    let contested = backend.with_concurrent_writers(vec![resume]);
    let send_tasks: Vec<_> = (1..=3).map(|n| send_task("news", n)).collect();
    let (results, _) = park(&contested, &send_tasks).await;
    let come_again = |result: &Option<TaskOutcome>| matches!(result, Some(TaskOutcome::Later(_)));
    assert!(results.iter().all(come_again), "{results:?}");
    assert!((1..=3).all(|n| place(&backend, n) == UNMOVED));
}

#[tokio::test]
async fn a_failing_group_stops_no_other() {
    for fault in [Fault::Before, Fault::Conflict, Fault::Throttled] {
        let backend = backend(&[("mail", &[1, 2]), ("news", &[3, 4])]);
        backend.state().faults_of.insert("write_many", [fault].into());
        let send_tasks: Vec<_> = [("mail", 1), ("news", 3), ("mail", 2), ("news", 4)]
            .map(|(name, n)| send_task(name, n))
            .to_vec();
        let (results, _) = park(&backend, &send_tasks).await;
        let done = Some(TaskOutcome::Done);
        assert_eq!(results, [None, done, None, done], "{fault:?}");
        assert_eq!([1, 2].map(|n| place(&backend, n)), [UNMOVED; 2], "{fault:?}");
        assert_eq!([3, 4].map(|n| place(&backend, n)), [HELD; 2], "{fault:?}");
    }
}
