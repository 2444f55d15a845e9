//! Promotion of due emails, in the in-memory backend.
#![expect(clippy::expect_used, reason = "a test that cannot go on says why")]

mod common;

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use common::promote;
use domain::delivery::account_rate::{AccountState, OpenBreaker};
use domain::delivery::cause::Cause;
use domain::delivery::index;
use domain::delivery::priority_queue::{FullPriorityQueues, MOST_MESSAGES};
use domain::delivery::rate::Rate;
use domain::delivery::record::{Due, DueKind, EmailRecord, Lease, Priority, RecordStatus};
use domain::id::{EmailId, EmailKey};
use domain::timestamp::Timestamp;
use memory::{Fault, MemoryBackend, samples};
use promote::Promoted;

async fn run(backend: &MemoryBackend) -> Promoted {
    promote(backend)
        .run(Instant::now() + Duration::from_secs(60))
        .await
        .expect("carried out")
}

fn at(secs: u64) -> Timestamp {
    samples::BORN.after(Duration::from_secs(secs))
}

/// Returns a backend with one changed email.
fn backend(change: impl FnOnce(&mut EmailRecord)) -> (MemoryBackend, EmailKey) {
    let (backend, key) = (samples::backend(1).expect("the samples parse"), samples::key(1));
    if let Some(record) = backend.state().records.get_mut(&key) {
        change(record);
    }
    (backend, key)
}

fn sample(n: u8) -> EmailRecord {
    samples::record(n, &samples::email().expect("the sample parses"))
}

/// Returns an email that waits in `wake` for its time.
fn waiting(n: u8, not_before: Timestamp) -> EmailRecord {
    EmailRecord {
        not_before,
        due: Some(Due {
            kind: DueKind::Wake,
            at: not_before,
        }),
        ..sample(n)
    }
}

fn world_of(records: impl IntoIterator<Item = EmailRecord>) -> MemoryBackend {
    let backend = MemoryBackend::default();
    {
        let mut state = backend.state();
        state.now_ms = samples::BORN.as_millis();
        state
            .records
            .extend(records.into_iter().map(|record| (record.email_key(), record)));
    }
    backend
}

fn enqueued(backend: &MemoryBackend) -> Vec<(EmailId, u16)> {
    let state = backend.state();
    let mut enqueued: Vec<_> = state
        .send_tasks
        .iter()
        .map(|request| (request.send_task.id, index::delay_seconds(request.delay)))
        .collect();
    enqueued.sort();
    enqueued
}

/// Sets the faults of the next calls of one method.
fn fail(backend: &MemoryBackend, call: &'static str, faults: impl IntoIterator<Item = Fault>) {
    backend.state().faults_of.insert(call, faults.into_iter().collect());
}

fn times(backend: &MemoryBackend, call: &str) -> usize {
    backend.state().calls.iter().filter(|called| **called == call).count()
}

#[tokio::test]
async fn due_emails_are_enqueued_once_to_the_second() {
    let backend = world_of([waiting(1, at(1)), waiting(2, at(600)), waiting(3, at(601))]);
    assert_eq!(run(&backend).await.enqueued, 2);
    assert_eq!(enqueued(&backend), [(samples::id(1), 1), (samples::id(2), 600)]);
    assert_eq!(
        times(&backend, "write") + times(&backend, "load_many"),
        0,
        "no row is read or written for it"
    );
    backend.state().now_ms += 60_000;
    run(&backend).await;
    assert_eq!(enqueued(&backend).len(), 3, "the cursor is behind the first two");
}

#[tokio::test]
async fn pages_are_read_to_the_end() {
    let backend = world_of((1..=50).map(|n| waiting(n, at(u64::from(n)))));
    backend.state().page_size = 7;
    assert_eq!(run(&backend).await.enqueued, 50);
    assert_eq!(enqueued(&backend).len(), 50);
}

#[tokio::test]
async fn the_cursor_stays_before_a_failed_send_task() {
    // Both are in shard 0.
    let backend = world_of([waiting(2, at(10)), waiting(4, at(20))]);
    fail(&backend, "enqueue", [Fault::None, Fault::Before]);
    let done = run(&backend).await;
    assert_eq!((done.enqueued, done.failed), (1, 1));
    run(&backend).await;
    assert_eq!(
        enqueued(&backend),
        [(samples::id(2), 10), (samples::id(4), 20)],
        "and the first is not woken twice"
    );
}

#[tokio::test]
async fn a_crash_before_the_cursor_loses_nothing() {
    let backend = world_of([waiting(2, at(10))]);
    fail(&backend, "save_cursor", [Fault::Before]);
    assert!(
        promote(&backend)
            .run(Instant::now() + Duration::from_secs(60))
            .await
            .is_err()
    );
    run(&backend).await;
    assert_eq!(enqueued(&backend).len(), 2);
}

#[tokio::test]
async fn a_lost_send_task_is_found_by_the_guard() {
    let (backend, key) = backend(|record| {
        record.due = Some(Due {
            kind: DueKind::Wake,
            at: record.not_before,
        })
    });
    run(&backend).await;
    assert_eq!(enqueued(&backend).len(), 1);
    backend.state().send_tasks.clear();
    backend.state().now_ms += 899_000;
    run(&backend).await;
    assert!(enqueued(&backend).is_empty());
    backend.state().now_ms += 1_000;
    assert_eq!(run(&backend).await.recovered, 1);
    assert_eq!(enqueued(&backend), [(key.id, 0)]);
    let due = backend.record(&key).and_then(|record| record.due);
    assert_eq!(
        due,
        Some(Due {
            kind: DueKind::Check,
            at: at(1800)
        })
    );
}

#[tokio::test]
async fn evidence_or_the_window_settles_a_dead_claim() {
    let (backend, key) = backend(|record| {
        record.status = RecordStatus::Sending;
        record.claim_no = 1;
        record.attempts = 1;
        record.lease = Some(Lease {
            until: at(180),
            nonce: 1,
        });
        record.due = Some(Due {
            kind: DueKind::Check,
            at: at(180),
        });
    });
    let status = || {
        backend
            .record(&key)
            .map(|record| (record.status, record.maybe_duplicate))
    };
    run(&backend).await;
    assert_eq!(
        status(),
        Some((RecordStatus::Sending, false)),
        "its lease has not run out"
    );
    backend.state().now_ms += 180_000;
    run(&backend).await;
    assert_eq!(status(), Some((RecordStatus::Uncertain, false)));
    backend.state().now_ms += 300_000;
    backend.state().events_waiting = 1;
    run(&backend).await;
    assert_eq!(
        status(),
        Some((RecordStatus::Uncertain, false)),
        "its event may be among those that wait"
    );
    backend.state().events_waiting = 0;
    backend.state().now_ms += 300_000;
    run(&backend).await;
    assert_eq!(
        status(),
        Some((RecordStatus::Queued, true)),
        "marked, for SES may have accepted it"
    );
    assert_eq!(enqueued(&backend), [(key.id, 0)]);
}

#[tokio::test]
async fn feedback_is_read_once_and_only_if_needed() {
    let (quiet, _) = backend(|_| {});
    run(&quiet).await;
    assert_eq!(times(&quiet, "feedback"), 0);
    let uncertain = |n| EmailRecord {
        status: RecordStatus::Uncertain,
        claim_no: 1,
        uncertain_since: Some(samples::BORN),
        ..sample(n)
    };
    let backend = world_of((1..=20).map(uncertain));
    run(&backend).await;
    assert_eq!(times(&backend, "feedback"), 1);
}

#[tokio::test]
async fn unknown_feedback_is_no_evidence() {
    let (backend, key) = backend(|record| {
        record.status = RecordStatus::Uncertain;
        record.claim_no = 1;
        record.uncertain_since = Some(samples::BORN.before(Duration::from_secs(3600)));
    });
    fail(&backend, "feedback", [Fault::Before]);
    run(&backend).await;
    assert_eq!(times(&backend, "feedback"), 1);
    assert_eq!(
        backend.record(&key).map(|record| record.status),
        Some(RecordStatus::Uncertain)
    );
}

#[tokio::test]
async fn a_failing_email_is_dead_lettered_until_failed() {
    let (backend, key) = backend(|record| {
        record.status = RecordStatus::Failing;
        record.claim_no = 3;
    });
    run(&backend).await;
    let handed: Vec<_> = backend
        .state()
        .dead_letters
        .iter()
        .map(|email| (email.id, email.claim_no))
        .collect();
    assert_eq!(handed, [(key.id, 3)]);
    run(&backend).await;
    assert_eq!(backend.state().dead_letters.len(), 1, "not before a minute is over");
    backend.state().now_ms += 60_000;
    run(&backend).await;
    assert_eq!(backend.state().dead_letters.len(), 2);
}

#[tokio::test]
async fn an_unwritable_record_stops_no_other() {
    let backend = world_of([2, 4, 6].map(sample));
    fail(&backend, "write", [Fault::Before]);
    let done = run(&backend).await;
    assert_eq!((done.recovered, done.failed), (2, 1));
    assert_eq!(run(&backend).await.recovered, 1, "the next run has it again");
}

#[tokio::test]
async fn the_next_run_continues_after_the_deadline() {
    let backend = world_of((1..=50).map(|n| waiting(n, at(u64::from(n)))));
    let done = promote(&backend).run(Instant::now()).await.expect("carried out");
    assert!(done.unfinished && done.enqueued == 0);
    assert_eq!(run(&backend).await.enqueued, 50);
}

#[tokio::test]
async fn the_account_rate_follows_ses() {
    let backend = world_of([]);
    let account = AccountState {
        rate: Rate::from_millis(14_000),
        quota_spent: false,
        paused: false,
    };
    backend.state().account = Some(account);
    run(&backend).await;
    assert_eq!(backend.state().account_rate.rate, Rate::from_millis(13_300));
    assert_eq!(times(&backend, "change_account_rate"), 1);
    run(&backend).await;
    assert_eq!(
        times(&backend, "change_account_rate"),
        1,
        "nothing new, nothing written"
    );

    backend.state().account = Some(AccountState {
        quota_spent: true,
        ..account
    });
    run(&backend).await;
    let open = backend.state().account_rate.open;
    assert_eq!(
        open.map(|open| (open.cause, open.until)),
        Some((Cause::QuotaExceeded, at(60)))
    );
    backend.state().account = Some(account);
    run(&backend).await;
    let open = backend.state().account_rate.open;
    assert_eq!(open.map(|open| open.until), Some(at(0)), "a probe may go at once");
}

#[tokio::test]
async fn a_failing_account_stops_nothing() {
    for call in [
        "account",
        "account_rate",
        "change_account_rate",
        "waiting",
        "save_busy_since",
    ] {
        let backend = world_of([waiting(2, at(10))]);
        {
            let mut state = backend.state();
            state.account = Some(AccountState {
                rate: Rate::from_millis(14_000),
                quota_spent: true,
                paused: false,
            });
            state.waiting.normal.visible = 1;
        }
        fail(&backend, call, [Fault::Before]);
        assert_eq!(run(&backend).await.enqueued, 1, "{call}");
    }
}

#[tokio::test]
async fn a_backlog_is_not_enqueued_again() {
    let backend = world_of([sample(1), sample(2)]);
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
        "looked at, and not woken"
    );
    let due = backend.record(&samples::key(1)).and_then(|record| record.due);
    assert_eq!(due.map(|due| due.at), Some(at(1800)));

    backend.state().waiting.normal.visible = 0;
    backend.state().now_ms = at(1800).as_millis();
    run(&backend).await;
    assert_eq!(
        enqueued(&backend).len(),
        4,
        "the lane is empty: their wake-ups are lost"
    );
    assert_eq!(backend.state().busy_since.get(&Priority::Normal), None);
}

/// A send task can be lost in a priority queue that is never empty.
#[tokio::test]
async fn a_backlog_is_enqueued_again_after_an_hour() {
    let backend = world_of([sample(1)]);
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
    // The first look is immediate here, so that each comes a minute later than a doubling.
    assert_eq!(enqueued(&backend).len(), 2, "after one hour, and after two");
    assert!(written <= 6, "{written} writes in three hours");
}

/// Sets the number of hidden messages of the normal-priority queue.
fn hide(backend: &MemoryBackend, in_flight: u64) {
    backend.state().waiting.normal.in_flight = in_flight;
}

#[tokio::test]
async fn senders_learn_once_of_a_full_queue() {
    let backend = world_of([]);
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
    let backend = world_of([]);
    hide(&backend, MOST_MESSAGES + 1);
    fail(&backend, "account", [Fault::Before]);
    run(&backend).await;
    assert!(backend.state().account_rate.full.has(Priority::Normal));
}

#[tokio::test]
async fn nothing_is_enqueued_into_a_full_queue() {
    let backend = world_of([sample(1), waiting(2, at(10))]);
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
async fn a_run_enqueues_no_more_than_the_room() {
    let backend = world_of((1..=5).map(sample));
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

#[tokio::test]
async fn delayed_messages_stop_no_scheduled_email() {
    let backend = world_of([waiting(2, at(10))]);
    backend.state().waiting.normal.delayed = MOST_MESSAGES + 1;
    run(&backend).await;
    assert_eq!(enqueued(&backend).len(), 1, "SQS holds any number of delayed messages");
}

/// Ten hours of a backlog: recovery must not add in proportion to it.
#[tokio::test]
async fn recovery_adds_little_to_an_old_backlog() {
    const EMAILS: u8 = 240;
    let backend = world_of((1..=EMAILS).map(sample));
    backend
        .state()
        .busy_since
        .insert(Priority::Normal, at(0).before(Duration::from_secs(3600)));
    for minute in 1..=600_u64 {
        {
            let mut state = backend.state();
            state.now_ms = at(minute * 60).as_millis();
            // Five minutes for two of them.
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
        "{} wake-ups",
        enqueued(&backend).len()
    );
    assert!(
        times(&backend, "write") <= 6 * emails,
        "{} writes",
        times(&backend, "write")
    );
}

/// Otherwise nothing would ever probe.
#[tokio::test]
async fn an_open_breaker_gets_a_probe() {
    let backend = world_of([sample(1)]);
    backend.state().account_rate.open = Some(OpenBreaker {
        cause: Cause::AccountPaused,
        until: at(0),
        times: 3,
    });
    for minute in 1..=90_u64 {
        backend.state().now_ms = at(minute * 60).as_millis();
        run(&backend).await;
    }
    assert_eq!(enqueued(&backend).len(), 1);
}

#[tokio::test]
async fn an_open_breaker_stops_recovery() {
    let backend = world_of([sample(1)]);
    backend.state().account = Some(AccountState {
        rate: Rate::from_millis(14_000),
        quota_spent: true,
        paused: false,
    });
    for minute in 1..=600_u64 {
        backend.state().now_ms = at(minute * 60).as_millis();
        run(&backend).await;
    }
    assert_eq!(enqueued(&backend), [], "its wake-up comes again by itself");
    assert_eq!(backend.record(&samples::key(1)).map(|record| record.attempts), Some(0));
}

#[tokio::test]
async fn constant_traffic_is_judged_by_a_newer_event() {
    let (backend, key) = backend(|record| {
        record.status = RecordStatus::Uncertain;
        record.claim_no = 1;
        record.attempts = 1;
        record.uncertain_since = Some(samples::BORN.before(Duration::from_secs(3600)));
    });
    backend.state().events_waiting = 100;
    run(&backend).await;
    assert_eq!(
        backend.record(&key).map(|record| record.status),
        Some(RecordStatus::Uncertain)
    );
    backend.state().newest_event = Some(at(0));
    backend.state().now_ms += 300_000;
    run(&backend).await;
    assert_eq!(
        backend.record(&key).map(|record| record.status),
        Some(RecordStatus::Queued)
    );
}
