//! Each run releases the emails of one minute.

use std::time::Duration;

use domain::delivery::rate::Rate;
use domain::delivery::record::{DueKind, EmailRecord, RecordStatus};
use domain::id::{QueueKey, QueueName};
use domain::queue::Queue;
use domain::queue::rate_limit::RateLimit;
use memory::samples::BORN;
use memory::{Fault, samples};

use super::{at, backend, claim, email, run, slots, slow, times, try_to_run};

#[tokio::test]
async fn each_run_releases_one_minute() {
    let backend = backend(300, Some(1));
    let first = run(&backend, 0).await;
    assert_eq!(first.len(), 61);
    assert_eq!(slots(&first)[..3], [at(0), at(1), at(2)]);
    assert!(
        first
            .iter()
            .all(|request| request.delay == request.send_task.slot.unwrap().since(at(0)))
    );
    assert_eq!(times(&backend, "write"), 0, "nothing is written per email");
    assert_eq!(times(&backend, "change_rate_limit"), 1);
    claim(&backend, &first);
    let second = run(&backend, 60).await;
    assert_eq!((second.len(), slots(&second)[0]), (60, at(61)));
    let again = run(&backend, 60).await;
    assert_eq!(again.len(), 0, "a second run in the same minute");
}

#[tokio::test]
async fn two_runs_at_once_release_one_minute() {
    let backend = backend(300, Some(2));
    let (one, two) = tokio::join!(try_to_run(&backend), try_to_run(&backend));
    assert!(one.is_ok() && two.is_ok());
    let slots = slots(&backend.state().send_tasks);
    let mut once = slots.clone();
    once.dedup();
    assert_eq!((slots.len(), once.len()), (121, 121), "no slot is given out twice");
}

#[tokio::test]
async fn a_lost_message_is_released_again() {
    let backend = backend(3, Some(10));
    backend.state().faults_of.insert("enqueue", [Fault::Before].into());
    let first = run(&backend, 0).await;
    assert_eq!(first.len(), 2, "one is lost");
    claim(&backend, &first);
    assert_eq!(run(&backend, 60).await.len(), 0, "its message may still come");
    let again = run(&backend, 120).await;
    assert_eq!(again.len(), 1);
    claim(&backend, &again);
}

#[tokio::test]
async fn a_late_index_entry_is_found() {
    let backend = backend(0, Some(10));
    for secs in [0, 60, 120] {
        assert_eq!(run(&backend, secs).await.len(), 0);
    }
    // The index entry appears later than that of any slow writer, and is due before every released email.
    backend.state().store_record(email(7, DueKind::RateLimited, at(-50)));
    let mut found = 0;
    for minute in 3..=16 {
        let send_tasks = run(&backend, minute * 60).await;
        found += send_tasks.len();
        claim(&backend, &send_tasks);
    }
    assert_eq!(found, 1, "by the sweep after fifteen minutes");
}

#[tokio::test]
async fn an_idle_queue_is_not_read() {
    let backend = backend(0, Some(10));
    for minute in 0..1_500 {
        run(&backend, minute * 60).await;
    }
    assert_eq!(backend.state().rate_limits[&slow()].check_at, None);
    backend.state().calls.clear();
    run(&backend, 100_000).await;
    assert_eq!(
        (
            times(&backend, "rate_limit"),
            times(&backend, "waiting_emails"),
            times(&backend, "queue")
        ),
        (0, 0, 0)
    );
    assert_eq!(times(&backend, "queues_to_look_at"), 1);
}

#[tokio::test]
async fn a_raised_rate_holds_from_the_next_run() {
    let backend = backend(1_000, Some(1));
    claim(&backend, &run(&backend, 0).await);
    let rate = |rate| {
        backend.state().rate_limits.get_mut(&slow()).unwrap().rate = Rate::from_millis(rate);
    };
    rate(5_000);
    let raised = run(&backend, 60).await;
    assert_eq!(raised.len(), 296);
    claim(&backend, &raised);
    rate(1_000);
    assert_eq!(run(&backend, 120).await.len(), 60);
}

#[tokio::test]
async fn no_fault_loses_an_email_or_doubles_a_minute() {
    for fault in [Fault::Before, Fault::After] {
        for call in [
            "queues_to_look_at",
            "queue",
            "rate_limit",
            "waiting_emails",
            "change_rate_limit",
            "enqueue",
        ] {
            let backend = backend(5, Some(1));
            backend.state().faults_of.insert(call, [fault].into());
            let mut enqueued = Vec::new();
            for minute in 0..6 {
                backend.state().now_ms = at(minute * 60).as_millis();
                backend.state().send_tasks.clear();
                try_to_run(&backend).await.ok();
                let send_tasks = std::mem::take(&mut backend.state().send_tasks);
                claim(&backend, &send_tasks);
                enqueued.extend(send_tasks);
            }
            let mut slots = slots(&enqueued);
            slots.dedup();
            assert_eq!(
                slots.len(),
                enqueued.len(),
                "{fault:?} of {call}: a slot was given out twice"
            );
            let left = backend
                .state()
                .records
                .values()
                .filter(|record| record.status == RecordStatus::Queued)
                .count();
            assert_eq!(left, 0, "{fault:?} of {call}");
        }
    }
}

/// Ten queues with 100,000 emails each, at rates of one to ten a second. The records of emails that only wait
/// are never read, so that only releasable ones exist.
#[tokio::test]
async fn the_cost_depends_only_on_released_emails() {
    const QUEUES: u32 = 10;
    const EACH: u32 = 100_000;
    let backend = samples::backend(0).expect("the samples parse");
    for number in 1..=QUEUES {
        let key = QueueKey {
            name: QueueName::parse(&format!("slow-{number}")).unwrap(),
            ..slow()
        };
        let queue = Queue {
            rate_per_second: Some(number),
            ..Queue::plain(key.clone(), BORN)
        };
        let limit = RateLimit {
            rate: queue.rate(),
            check_at: Some(at(0)),
            version: 1,
            ..RateLimit::default()
        };
        let mut state = backend.state();
        for n in 0..EACH {
            let due = BORN.after(Duration::from_millis(n.into()));
            let record = EmailRecord {
                queue: key.name.clone(),
                ..email(number * EACH + n, DueKind::RateLimited, due)
            };
            if n < 5_000 {
                state.store_record(record);
            } else {
                let place = format!("{:015}#{}", due.as_millis(), record.id);
                let partition = (key.clone(), record.id.shard(4));
                state
                    .in_line
                    .entry(partition)
                    .or_default()
                    .insert(place, record.email_key());
            }
        }
        state.queues.insert(key.clone(), queue);
        state.rate_limits.insert(key, limit);
    }
    // And as many idle queues as tenants may have.
    for number in 0..1_000 {
        let key = QueueKey {
            name: QueueName::parse(&format!("idle-{number}")).unwrap(),
            ..slow()
        };
        let limit = RateLimit {
            rate: Rate::from_millis(1_000),
            ..RateLimit::default()
        };
        backend.state().rate_limits.insert(key, limit);
    }
    let mut released = 0;
    for minute in 2..5 {
        backend.state().in_line_read = 0;
        backend.state().calls.clear();
        let send_tasks = run(&backend, minute * 60).await;
        let read = backend.state().in_line_read;
        // 55 emails a second in all; of each shard a few more than its share are read.
        assert!(
            (3_300..=3_310).contains(&send_tasks.len()),
            "{} in a minute",
            send_tasks.len()
        );
        assert!(
            read <= send_tasks.len() * 5 / 4 + 4 * 8 * 10,
            "{read} read for {}",
            send_tasks.len()
        );
        assert_eq!(times(&backend, "rate_limit"), 10, "idle queues cost nothing");
        claim(&backend, &send_tasks);
        released += send_tasks.len();
    }
    let first: usize = backend
        .state()
        .records
        .values()
        .filter(|record| record.status == RecordStatus::Sent)
        .count();
    assert_eq!(first, released);
}
