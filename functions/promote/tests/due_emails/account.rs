//! The account rate follows SES, and an open breaker stops enqueueing.

use domain::delivery::account_rate::AccountState;
use domain::delivery::breaker::OpenBreaker;
use domain::delivery::cause::Cause;
use domain::delivery::rate::Rate;
use memory::{Fault, samples};

use super::{at, backend_of, enqueued, fail, run, sample, times, waiting};

#[tokio::test]
async fn the_account_rate_follows_ses() {
    let backend = backend_of([]);
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
        let backend = backend_of([waiting(2, at(10))]);
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

/// Otherwise nothing would ever probe.
#[tokio::test]
async fn an_open_breaker_gets_a_probe() {
    let backend = backend_of([sample(1)]);
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
    let backend = backend_of([sample(1)]);
    backend.state().account = Some(AccountState {
        rate: Rate::from_millis(14_000),
        quota_spent: true,
        paused: false,
    });
    for minute in 1..=600_u64 {
        backend.state().now_ms = at(minute * 60).as_millis();
        run(&backend).await;
    }
    assert_eq!(enqueued(&backend), [], "SQS delivers its send task again");
    assert_eq!(backend.record(&samples::key(1)).map(|record| record.attempts), Some(0));
}
