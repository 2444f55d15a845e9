//! Large contents share a function's memory.
#![expect(clippy::expect_used, reason = "a failing test panics with its reason")]

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use domain::delivery::attempt::Attempt;
use domain::delivery::record::{EmailRecord, RecordStatus};
use domain::delivery::send_task::SendTask;
use domain::message::email::EmailContent;
use domain::ports::Provider;
use memory::samples;
use send::TaskOutcome;
use send::rate_limiter::Permit;
use tokio::time::Instant;

/// Longer than any wait of these tests.
const TIME: Duration = Duration::from_secs(100_000);

/// A slow SES that counts its concurrent emails.
struct Slow<'a> {
    now: &'a AtomicUsize,
    most: &'a AtomicUsize,
}

impl Provider for Slow<'_> {
    async fn submit(&self, _claimed: &EmailRecord, _email: EmailContent, _timeout: Duration) -> Attempt {
        let now = self.now.fetch_add(1, Ordering::SeqCst) + 1;
        self.most.fetch_max(now, Ordering::SeqCst);
        tokio::time::sleep(Duration::from_secs(1)).await;
        self.now.fetch_sub(1, Ordering::SeqCst);
        let message_id = "m".to_owned();
        Attempt::Accepted { message_id }
    }
}

/// Sends ten emails with this size in their send tasks; returns the maximum number that SES handled
/// concurrently.
async fn at_once(bytes: u64) -> usize {
    let backend = samples::backend(10).expect("the samples parse");
    let (now, most) = (AtomicUsize::new(0), AtomicUsize::new(0));
    let slow = Slow { now: &now, most: &most };
    let send = crate::common::sender(&backend, slow);
    let process = |n: u8| {
        let send_task = SendTask {
            bytes,
            ..samples::send_task(n)
        };
        send.process(send_task, Permit::At(samples::BORN), Instant::now() + TIME)
    };
    for outcome in futures::future::join_all((1..=10).map(process)).await {
        assert_eq!(outcome.expect("carried out"), TaskOutcome::Done);
    }
    let sent = backend
        .state()
        .records
        .values()
        .filter(|record| record.status == RecordStatus::Sent)
        .count();
    assert_eq!(sent, 10);
    most.load(Ordering::SeqCst)
}

#[tokio::test(start_paused = true)]
async fn the_largest_emails_take_turns() {
    assert_eq!(at_once(2_000).await, 10, "small ones all at once");
    assert_eq!(at_once(4_000_000).await, 8, "32 MB together");
    assert_eq!(
        at_once(40_000_000).await,
        1,
        "one that is larger than the budget goes alone"
    );
    assert_eq!(at_once(u64::MAX).await, 1, "and one with a false size");
}

/// An email whose attempt could not end in time is delivered again, without a claim whose lease would expire.
#[tokio::test(start_paused = true)]
async fn an_email_without_enough_time_is_not_started() {
    let backend = samples::backend(3).expect("the samples parse");
    let (now, most) = (AtomicUsize::new(0), AtomicUsize::new(0));
    let slow = Slow { now: &now, most: &most };
    let send = crate::common::sender(&backend, slow);
    // An attempt may take 10 s and 29 s more, and 2 s to record: there is time for two in sequence.
    let end = Instant::now() + Duration::from_millis(42_500);
    let process = |n: u8| {
        let send_task = SendTask {
            bytes: 29_000_000,
            ..samples::send_task(n)
        };
        send.process(send_task, Permit::At(samples::BORN), end)
    };
    let outcome = futures::future::join_all((1..=3).map(process)).await;
    let outcome: Vec<_> = outcome
        .into_iter()
        .map(|outcome| outcome.expect("carried out"))
        .collect();
    assert_eq!(
        outcome,
        [
            TaskOutcome::Done,
            TaskOutcome::Done,
            TaskOutcome::Later(Duration::from_secs(5))
        ]
    );
    let record = backend.record(&samples::key(3)).expect("the record");
    assert_eq!((record.status, record.claim_no), (RecordStatus::Queued, 0));
}
