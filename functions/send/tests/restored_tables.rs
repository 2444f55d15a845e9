//! Messages about emails of a restored table send nothing before a release, in the in-memory backend.
#![expect(
    clippy::expect_used,
    clippy::unwrap_used,
    reason = "a failing test panics with its reason"
)]

use std::time::Duration;

use domain::delivery::policy::Policy;
use domain::delivery::rate::Rate;
use domain::delivery::record::{DueKind, RecordStatus};
use domain::delivery::send_task::SendTask;
use domain::id::QueueKey;
use domain::lifecycle::restoration::release;
use domain::lifecycle::{Decision, SideEffect};
use domain::ports::EmailRecords;
use domain::queue::Queue;
use domain::queue::rate_limit::RateLimit;
use domain::timestamp::Timestamp;
use memory::MemoryBackend;
use memory::samples::{self, BORN};
use send::rate_limiter::Permit;
use send::{SendSettings, TaskOutcome};
use tokio::time::Instant;
use workflow::apply::apply;

fn restored(epoch: Timestamp) -> SendSettings {
    SendSettings {
        policy: Policy {
            restore_epoch: Some(epoch),
            ..Policy::standard()
        },
        ..crate::common::with()
    }
}

fn lead() -> QueueKey {
    samples::record(1, &samples::email().expect("the sample parses")).queue_key()
}

/// Sends the message of email 1, to a function with this epoch.
async fn send_first(backend: &MemoryBackend, epoch: Timestamp, permit: Permit) -> TaskOutcome {
    let mut sender = crate::common::sender(backend, backend.clone());
    sender.with = restored(epoch);
    let task = SendTask::of(&backend.record(&samples::key(1)).unwrap());
    let end = Instant::now() + Duration::from_secs(60);
    sender.process(task, permit, end).await.unwrap()
}

fn now_of(backend: &MemoryBackend) -> Permit {
    Permit::At(domain::ports::Clock::now(backend))
}

#[tokio::test(start_paused = true)]
async fn a_restored_email_is_parked_after_one_claim() {
    let backend = samples::backend(1).expect("the sample parses");
    assert_eq!(send_first(&backend, BORN, now_of(&backend)).await, TaskOutcome::Done);
    let record = backend.record(&samples::key(1)).unwrap();
    assert_eq!((record.status, record.claim_no), (RecordStatus::Queued, 0));
    assert_eq!(record.due.map(|due| due.kind), Some(DueKind::Held));
    assert!(record.maybe_duplicate);
    let calls = backend.state().calls.clone();
    assert_eq!(
        calls.iter().filter(|call| call.starts_with("load")).count(),
        1,
        "{calls:?}"
    );
    assert!(calls.contains(&"claim") && !calls.contains(&"submit"), "{calls:?}");
}

#[tokio::test(start_paused = true)]
async fn a_released_email_is_sent_with_its_flag() {
    let backend = samples::backend(1).expect("the sample parses");
    send_first(&backend, BORN, now_of(&backend)).await;
    let now = domain::ports::Clock::now(&backend);
    let policy = restored(BORN).policy;
    let queue = Queue::plain(lead(), now);
    let record = backend.load(&samples::key(1), now).await.unwrap().unwrap();
    let decide = |record: &_| release(record, &queue, &policy, now);
    let (side_effect, _) = apply(&backend, record, now, decide).await.unwrap();
    assert!(matches!(side_effect, SideEffect::EnqueueTask { .. }));
    send_first(&backend, BORN, now_of(&backend)).await;
    let record = backend.record(&samples::key(1)).unwrap();
    assert_eq!((record.status, record.maybe_duplicate), (RecordStatus::Sent, true));
    assert_eq!(release(&record, &queue, &policy, now), Decision::Forget);
}

#[tokio::test(start_paused = true)]
async fn a_restored_email_gets_no_slot() {
    let backend = samples::backend(1).expect("the sample parses");
    let queue = Queue {
        rate_per_second: Some(1),
        version: 1,
        ..Queue::plain(lead(), BORN)
    };
    let limit = RateLimit {
        rate: Rate::from_millis(1_000),
        ..RateLimit::default()
    };
    {
        let mut state = backend.state();
        state.queues.insert(queue.key.clone(), queue.clone());
        state.rate_limits.insert(queue.key.clone(), limit);
        state.account_rate.settings_version = 1;
    }
    assert_eq!(send_first(&backend, BORN, Permit::NoSlot).await, TaskOutcome::Done);
    let record = backend.record(&samples::key(1)).unwrap();
    assert_eq!(record.due.map(|due| due.kind), Some(DueKind::Held));
}

#[tokio::test(start_paused = true)]
async fn an_email_after_the_epoch_costs_no_other_call() {
    let calls_with = async |epoch: Option<Timestamp>| {
        let backend = samples::backend(1).expect("the sample parses");
        let mut sender = crate::common::sender(&backend, backend.clone());
        sender.with.policy.restore_epoch = epoch;
        let task = SendTask::of(&backend.record(&samples::key(1)).unwrap());
        let end = Instant::now() + Duration::from_secs(60);
        sender.process(task, now_of(&backend), end).await.unwrap();
        assert_eq!(backend.record(&samples::key(1)).unwrap().status, RecordStatus::Sent);
        std::mem::take(&mut backend.state().calls)
    };
    let before = BORN.before(Duration::from_millis(1));
    assert_eq!(calls_with(Some(before)).await, calls_with(None).await);
}
