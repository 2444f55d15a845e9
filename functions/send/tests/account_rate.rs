//! The account rate and the breaker with batches of send tasks, in the in-memory backend.
#![expect(clippy::expect_used, reason = "a failing test panics with its reason")]

use std::cell::RefCell;
use std::time::Duration;

use aws::sqs::batch::ReceivedMessage;
use aws_lambda_events::sqs::{SqsBatchResponse, SqsEvent};
use domain::delivery::account_rate::AccountRate;
use domain::delivery::attempt::Attempt;
use domain::delivery::breaker::OpenBreaker;
use domain::delivery::cause::Cause;
use domain::delivery::priority_queue::FullPriorityQueues;
use domain::delivery::rate::{Micros, Rate};
use domain::delivery::record::{Priority, RecordStatus};
use domain::delivery::send_task::SendTask;
use domain::timestamp::Timestamp;
use memory::{Fault, MemoryBackend, samples};
use send::SendFunction;
use send::handler::{self, MessageSource};
use serde_json::json;

type Sender = SendFunction<crate::common::With<MemoryBackend>>;

/// An environment with its cached account rate.
fn environment(backend: &MemoryBackend) -> Sender {
    crate::common::sender(backend, backend.clone())
}

/// A priority queue, and the delays of the returned messages, in seconds.
struct PriorityQueues(Priority, RefCell<Vec<u64>>);

impl MessageSource for PriorityQueues {
    fn priority_of(&self, _: &ReceivedMessage) -> Option<Priority> {
        Some(self.0)
    }

    async fn put_back(&self, messages: &[(&ReceivedMessage, Duration)]) -> usize {
        self.1
            .borrow_mut()
            .extend(messages.iter().map(|(_, delay)| delay.as_secs()));
        0
    }
}

fn send_task(n: u8, recipients: u32) -> SendTask {
    SendTask {
        recipients,
        ..samples::send_task(n)
    }
}

fn event(bodies: impl Iterator<Item = String>) -> SqsEvent {
    let message =
        |body: String| json!({"messageId": body, "receiptHandle": "r", "body": body, "eventSourceARN": "a:lane"});
    let messages: Vec<_> = bodies.map(message).collect();
    serde_json::from_value(json!({"Records": messages})).expect("an event of SQS")
}

/// Processes a batch of the normal-priority queue; returns the delays of the returned messages.
async fn batch(environment: &Sender, emails: impl Iterator<Item = u8>) -> Vec<u64> {
    let bodies = emails.map(|n| send_task(n, 1).to_json());
    let (_, put_back) = worked_off(environment, Priority::Normal, event(bodies)).await;
    put_back
}

async fn worked_off(environment: &Sender, priority: Priority, event: SqsEvent) -> (SqsBatchResponse, Vec<u64>) {
    let priority_queues = PriorityQueues(priority, RefCell::default());
    let response = handler::handle(environment, &priority_queues, event, Duration::from_secs(60)).await;
    (response.expect("not all failed"), priority_queues.1.into_inner())
}

/// No message was returned.
const NONE: [u64; 0] = [];

/// Returns an account rate of twenty emails a second, none of which is reserved.
fn twenty_a_second() -> AccountRate {
    AccountRate {
        rate: Rate::from_millis(20_000),
        free_at: Some(Micros(0)),
        open: None,
        settings_version: 0,
        full: FullPriorityQueues::default(),
    }
}

/// Returns a backend with emails at twenty a second.
fn backend() -> MemoryBackend {
    let backend = samples::backend(20).expect("the samples parse");
    backend.state().account_rate = twenty_a_second();
    backend
}

fn later(secs: i64) -> Timestamp {
    Timestamp::from_millis(samples::BORN.as_millis() + secs * 1000)
}

fn times(backend: &MemoryBackend, call: &str) -> usize {
    backend.state().calls.iter().filter(|called| **called == call).count()
}

fn count(backend: &MemoryBackend, status: RecordStatus) -> usize {
    backend
        .state()
        .records
        .values()
        .filter(|record| record.status == status)
        .count()
}

fn refused(cause: Cause) -> Attempt {
    let detail = "no".to_owned();
    Attempt::NotAccepted { cause, detail }
}

#[tokio::test(start_paused = true)]
async fn a_batch_is_spread_over_its_reservation() {
    let (backend, began) = (backend(), tokio::time::Instant::now());
    let environment = environment(&backend);
    assert_eq!(batch(&environment, 1..=10).await, NONE);
    assert_eq!(count(&backend, RecordStatus::Sent), 10);
    // The rate was free for a quarter of a second before, so the tenth email goes 200 ms from now.
    assert_eq!(began.elapsed().as_millis(), 200);
    // The first batch of an environment reads the account rate; later ones do not.
    assert_eq!(
        (times(&backend, "account_rate"), times(&backend, "change_account_rate")),
        (1, 1)
    );
    batch(&environment, 11..=20).await;
    assert_eq!(
        (times(&backend, "account_rate"), times(&backend, "change_account_rate")),
        (1, 2)
    );
    let reserved = Micros::of(samples::BORN).after(Duration::from_millis(750));
    assert_eq!(backend.state().account_rate.free_at, Some(reserved));
}

#[tokio::test(start_paused = true)]
async fn emails_beyond_the_horizon_return_unclaimed() {
    let backend = backend();
    backend.state().account_rate.free_at = Some(Micros::of(later(12)));
    assert_eq!(batch(&environment(&backend), 1..=10).await, [7; 10]);
    assert_eq!(times(&backend, "claim"), 0);
    assert!(backend.state().submitted.is_empty());

    // The high-priority queue may reserve further ahead.
    backend.state().account_rate.free_at = Some(Micros::of(later(8)));
    let bodies = || event((1..=10).map(|n| send_task(n, 1).to_json()));
    let (_, put_back) = worked_off(&environment(&backend), Priority::High, bodies()).await;
    assert_eq!((put_back, count(&backend, RecordStatus::Sent)), (vec![], 10));
}

#[tokio::test(start_paused = true)]
async fn a_spent_quota_stops_until_a_probe_passes() {
    let backend = backend();
    let (one, two) = (environment(&backend), environment(&backend));
    backend.state().answers = vec![refused(Cause::QuotaExceeded); 10].into();
    let put_back = batch(&one, 1..=10).await;
    assert_eq!(put_back.len(), 10);
    // Emails that SES refused wait for their next attempt, the others for the breaker.
    assert!(put_back.iter().all(|secs| [15, 60].contains(secs)), "{put_back:?}");
    // Emails with a permit went at once; the others of the batch saw the breaker and stopped.
    let requested = backend.state().submitted.len();
    assert!(requested <= 6, "{requested}");
    let open = backend.state().account_rate.open.unwrap();
    assert_eq!((open.cause, open.until), (Cause::QuotaExceeded, later(60)));
    assert!(
        backend.state().records.values().all(|record| record.attempts == 0),
        "no attempt was spent"
    );

    backend.state().answers.clear();
    // At first they are delivered again soon: a probe could be in flight.
    assert_eq!(batch(&one, 11..=20).await, [15; 10]);
    assert_eq!(batch(&two, 11..=20).await, [15; 10]);
    backend.state().now_ms += 20_000;
    assert_eq!(batch(&one, 11..=20).await, [40; 10]);
    assert_eq!(backend.state().submitted.len(), requested, "no more calls reach SES");
    assert_eq!(backend.state().dead_letters, [], "no email fails");

    backend.state().now_ms += 40_000;
    let put_back = batch(&two, 11..=20).await;
    assert_eq!(put_back, [15; 9]);
    assert_eq!(
        (put_back.len(), count(&backend, RecordStatus::Sent)),
        (9, 1),
        "one probe"
    );
    assert_eq!(backend.state().account_rate.open, None, "the probe was accepted");
    // The other returned emails may go.
    backend.state().now_ms += 10_000;
    assert_eq!(batch(&one, 11..=20).await, NONE);
    assert_eq!(count(&backend, RecordStatus::Sent), 10);
}

#[tokio::test(start_paused = true)]
async fn a_refused_probe_keeps_the_breaker_open() {
    let backend = backend();
    let open = OpenBreaker {
        cause: Cause::AccountPaused,
        until: samples::BORN,
        times: 0,
    };
    backend.state().account_rate.open = Some(open);
    backend.state().answers.push_back(refused(Cause::AccountPaused));
    batch(&environment(&backend), 1..=10).await;
    assert_eq!(backend.state().submitted.len(), 1);
    let next = backend.state().account_rate.open.unwrap();
    assert_eq!((next.until, next.times), (later(120), 1));
    let probe = backend.record(&samples::key(1)).unwrap();
    assert_eq!((probe.status, probe.attempts), (RecordStatus::Queued, 0));
}

/// The environment that sends the probe dies.
#[tokio::test(start_paused = true)]
async fn a_lost_probe_is_followed_by_another() {
    let backend = backend();
    backend.state().account_rate.open = Some(OpenBreaker {
        cause: Cause::QuotaExceeded,
        until: samples::BORN,
        times: 0,
    });
    // The environment dies during its claim: only the write of the probe is done.
    backend.state().faults_of.insert("claim", [Fault::Before].into());
    let bodies = |n: u8| event([send_task(n, 1).to_json(), "{}".to_owned()].into_iter());
    let priority_queues = PriorityQueues(Priority::Normal, RefCell::default());
    let died = handler::handle(
        &environment(&backend),
        &priority_queues,
        bodies(1),
        Duration::from_secs(60),
    )
    .await;
    assert!(died.is_err());
    assert_eq!(
        backend.state().account_rate.open.map(|open| open.until),
        Some(later(120))
    );
    backend.state().now_ms += 120_000;
    worked_off(&environment(&backend), Priority::Normal, bodies(2)).await;
    assert_eq!(
        (count(&backend, RecordStatus::Sent), backend.state().account_rate.open),
        (1, None)
    );
}

#[tokio::test(start_paused = true)]
async fn a_probe_without_an_email_passes_to_the_next() {
    let backend = backend();
    backend.state().account_rate.open = Some(OpenBreaker {
        cause: Cause::QuotaExceeded,
        until: samples::BORN,
        times: 0,
    });
    // A malformed message is no probe either.
    let bodies = event(["{}".to_owned(), send_task(99, 1).to_json(), send_task(1, 1).to_json()].into_iter());
    worked_off(&environment(&backend), Priority::Normal, bodies).await;
    assert!(backend.state().submitted.is_empty(), "there is no such email");
    let open = backend.state().account_rate.open.expect("the breaker stays open");
    assert_eq!(
        (open.until, open.times),
        (later(0), 0),
        "the next one may probe at once"
    );
    batch(&environment(&backend), 1..=1).await;
    assert_eq!(
        (count(&backend, RecordStatus::Sent), backend.state().account_rate.open),
        (1, None)
    );
}

#[tokio::test(start_paused = true)]
async fn repeated_throttles_open_the_breaker() {
    let backend = backend();
    let environment = environment(&backend);
    backend.state().answers = (0..10)
        .flat_map(|n| {
            let accepted = Attempt::Accepted {
                message_id: n.to_string(),
            };
            [refused(Cause::Throttled), accepted]
        })
        .collect();
    batch(&environment, 1..=10).await;
    assert_eq!(
        backend.state().account_rate.open,
        None,
        "every second email is accepted"
    );
    backend.state().answers = vec![refused(Cause::Throttled); 20].into();
    batch(&environment, 11..=20).await;
    let open = backend.state().account_rate.open.unwrap();
    assert_eq!((open.cause, open.until), (Cause::Throttled, later(5)));
}

/// The cache of one environment is outdated as soon as another has reserved.
#[tokio::test(start_paused = true)]
async fn an_old_rate_suffices_only_for_reservations() {
    let backend = backend();
    let environment = environment(&backend);
    batch(&environment, 1..=5).await;
    backend.state().now_ms += 60_000;
    backend.state().account_rate.free_at = Some(Micros::of(later(61)));
    batch(&environment, 6..=10).await;
    assert_eq!(
        (times(&backend, "account_rate"), times(&backend, "change_account_rate")),
        (1, 3),
        "the refused write returns the current rate"
    );
    assert_eq!(count(&backend, RecordStatus::Sent), 10);

    backend.state().account_rate.free_at = Some(Micros::of(later(600)));
    assert_eq!(batch(&environment, 11..=12).await, [60; 2]);
    backend.state().now_ms += 60_000;
    backend.state().account_rate.free_at = Some(Micros::of(later(0)));
    assert_eq!(
        batch(&environment, 11..=12).await,
        NONE,
        "the account rate is read again"
    );
}

#[tokio::test(start_paused = true)]
async fn an_unknown_rate_stops_and_no_rate_does_not() {
    let backend = backend();
    for fault in [Fault::Before, Fault::After] {
        backend.state().faults = [Fault::None, fault].into();
        assert_eq!(batch(&environment(&backend), 1..=10).await, [60; 10], "{fault:?}");
        assert_eq!(times(&backend, "claim"), 0);
    }
    backend.state().account_rate = AccountRate::default();
    let free = environment(&backend);
    assert_eq!(batch(&free, 1..=10).await, NONE);
    assert_eq!(count(&backend, RecordStatus::Sent), 10);
    // And the next batch sees another environment's breaker.
    backend.state().account_rate.open = Some(OpenBreaker {
        cause: Cause::AccountPaused,
        until: later(60),
        times: 0,
    });
    assert_eq!(batch(&free, 11..=20).await, [15; 10]);
}

/// A send task is only a message: a forged number must not stop the queue for years.
#[tokio::test(start_paused = true)]
async fn a_forged_recipient_count_reserves_at_most_the_limit() {
    let backend = backend();
    let bodies = [send_task(1, u32::MAX).to_json(), "{}".to_owned()].into_iter();
    let (response, _) = worked_off(&environment(&backend), Priority::Normal, event(bodies)).await;
    assert_eq!(response.batch_item_failures.len(), 1, "the malformed send task");
    let reserved = Micros::of(samples::BORN).after(Duration::from_millis(2500 - 250));
    assert_eq!(backend.state().account_rate.free_at, Some(reserved));
}

/// If its message stayed hidden for the visibility timeout of the queue, the email would be minutes late.
#[tokio::test(start_paused = true)]
async fn an_email_without_enough_time_returns() {
    let backend = backend();
    backend.state().account_rate.free_at = Some(Micros::of(later(4)));
    let priority_queues = PriorityQueues(Priority::Normal, RefCell::default());
    let event = event((1..=10).map(|n| send_task(n, 1).to_json()));
    // Of these, an attempt and its record take 12.
    let time = Duration::from_secs(15);
    let response = handler::handle(&environment(&backend), &priority_queues, event, time)
        .await
        .unwrap();
    assert_eq!(response.batch_item_failures.len(), 10);
    assert_eq!(priority_queues.1.into_inner(), [1; 10]);
    assert_eq!(
        times(&backend, "claim") + times(&backend, "change_account_rate"),
        0,
        "no permit is reserved for it"
    );
}
