//! The emails of a paused queue, set aside in groups, in a world in memory.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on says why")]

mod common;

use common::sender;
use domain::ports::EmailKey;
use domain::queue::{Pause, Queue, QueueKey, QueueName};
use domain::record::{DueKind, EmailRecord, Status};
use domain::wire::send_task::SendTask;
use send::TaskOutcome;
use world::samples::BORN;
use world::{Fault, Rival, World, samples};

fn queue(name: &str) -> QueueKey {
    QueueKey {
        tenant: samples::key(1).tenant,
        name: QueueName::parse(name).unwrap(),
    }
}

/// A world with these emails in these queues, all of which are paused.
fn world(queues: &[(&str, &[u8])]) -> World {
    let world = samples::world(20).unwrap();
    {
        let mut state = world.state();
        // Queues were changed: senders read them.
        state.account_rate.settings_no = 1;
        for (name, emails) in queues {
            let pause = Pause {
                since: BORN,
                reason: None,
                until: None,
            };
            let paused = Queue::plain(queue(name), BORN).paused(pause);
            state.queues.insert(queue(name), paused);
            for n in *emails {
                state.records.get_mut(&samples::key(*n)).unwrap().queue = queue(name).name;
            }
        }
    }
    world
}

fn send_task(name: &str, n: u8) -> SendTask {
    let EmailKey { tenant, id } = samples::key(n);
    SendTask {
        v: SendTask::VERSION,
        tenant,
        id,
        recipients: 1,
        bytes: 100,
        queue: queue(name).name,
        slot: None,
    }
}

fn place(world: &World, n: u8) -> (Status, Option<DueKind>) {
    let record = world.record(&samples::key(n)).unwrap();
    (record.status, record.due.map(|due| due.kind))
}

/// Sets emails aside; counts the reads and the writes of their records.
async fn set_aside(world: &World, send_tasks: &[SendTask]) -> (Vec<Option<TaskOutcome>>, [usize; 3]) {
    let sender = sender(world, world.clone());
    world.state().calls.clear();
    let results = sender.set_aside(send_tasks).await;
    let calls = world.state().calls.clone();
    let count = |name: &str| calls.iter().filter(|call| **call == name).count();
    let results = results.into_iter().map(Result::ok).collect();
    (results, [count("load_many"), count("write_many"), count("write")])
}

const HELD: (Status, Option<DueKind>) = (Status::Queued, Some(DueKind::Held));
const UNMOVED: (Status, Option<DueKind>) = (Status::Queued, Some(DueKind::Check));

#[tokio::test]
async fn emails_of_a_paused_queue_share_one_write() {
    let emails: Vec<u8> = (1..=10).collect();
    let world = world(&[("news", &emails)]);
    let send_tasks: Vec<_> = emails.iter().map(|n| send_task("news", *n)).collect();
    let (results, calls) = set_aside(&world, &send_tasks).await;
    assert_eq!(results, vec![Some(TaskOutcome::Done); 10]);
    assert_eq!(calls, [1, 1, 0]);
    assert!(emails.iter().all(|n| place(&world, *n) == HELD));
}

#[tokio::test]
async fn each_paused_queue_has_a_write_of_its_own() {
    let world = world(&[("news", &[1, 2, 3]), ("mail", &[4, 5])]);
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
    let (results, calls) = set_aside(&world, &send_tasks).await;
    assert_eq!(results, vec![Some(TaskOutcome::Done); 6]);
    assert_eq!(calls, [2, 2, 0]);
    assert!((1..=5).all(|n| place(&world, n) == HELD));
}

#[tokio::test]
async fn a_record_that_moved_is_taken_out_of_its_group() {
    let emails: Vec<u8> = (1..=10).collect();
    let world = world(&[("news", &emails)]);
    let elsewhere = world.clone();
    let cancel: Rival = Box::new(move || {
        let mut state = elsewhere.state();
        let record = state.records.get_mut(&samples::key(4)).unwrap();
        *record = EmailRecord {
            status: Status::Canceled,
            due: None,
            ..record.clone()
        };
    });
    let rivaled = world.with_rivals(vec![cancel]);
    let send_tasks: Vec<_> = emails.iter().map(|n| send_task("news", *n)).collect();
    let (results, calls) = set_aside(&rivaled, &send_tasks).await;
    assert_eq!(results, vec![Some(TaskOutcome::Done); 10]);
    assert_eq!(calls, [1, 2, 0], "the group again, without the one that is canceled");
    assert_eq!(place(&world, 4), (Status::Canceled, None));
    let mut others = emails.iter().filter(|n| **n != 4);
    assert!(others.all(|n| place(&world, *n) == HELD));
}

#[tokio::test]
async fn a_queue_that_is_resumed_meanwhile_keeps_its_emails() {
    let world = world(&[("news", &[1, 2, 3])]);
    let elsewhere = world.clone();
    let resume: Rival = Box::new(move || {
        let mut state = elsewhere.state();
        let resumed = state.queues[&queue("news")].resumed();
        state.queues.insert(resumed.key.clone(), resumed);
    });
    let rivaled = world.with_rivals(vec![resume]);
    let send_tasks: Vec<_> = (1..=3).map(|n| send_task("news", n)).collect();
    let (results, _) = set_aside(&rivaled, &send_tasks).await;
    let come_again = |result: &Option<TaskOutcome>| matches!(result, Some(TaskOutcome::Later(_)));
    assert!(results.iter().all(come_again), "{results:?}");
    assert!((1..=3).all(|n| place(&world, n) == UNMOVED));
}

#[tokio::test]
async fn a_group_that_fails_stops_no_other() {
    for fault in [Fault::Before, Fault::Conflict, Fault::Throttled] {
        let world = world(&[("mail", &[1, 2]), ("news", &[3, 4])]);
        world.state().faults_of.insert("write_many", [fault].into());
        let send_tasks: Vec<_> = [("mail", 1), ("news", 3), ("mail", 2), ("news", 4)]
            .map(|(name, n)| send_task(name, n))
            .to_vec();
        let (results, _) = set_aside(&world, &send_tasks).await;
        let done = Some(TaskOutcome::Done);
        assert_eq!(results, [None, done, None, done], "{fault:?}");
        assert_eq!([1, 2].map(|n| place(&world, n)), [UNMOVED; 2], "{fault:?}");
        assert_eq!([3, 4].map(|n| place(&world, n)), [HELD; 2], "{fault:?}");
    }
}
