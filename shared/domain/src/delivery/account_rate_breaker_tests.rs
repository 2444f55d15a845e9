//! The breaker as tables: its openings, and its probes.

use super::tests::{BASE, accepted, account_rate, at, batch, open, refused};
use super::*;
use crate::delivery::breaker::ThrottleRun;

#[test]
fn an_open_breaker_lets_one_probe_through() {
    let shut = open(Cause::QuotaExceeded, 130_000, 0);
    let ask_at = |ms| request_permits(&shut, batch(Priority::High, &[1; 10]), BASE, at(ms));
    assert_eq!(ask_at(100_000), PermitDecision::Wait(Duration::from_secs(30)));
    // It was opened at 70 s; until 85 s a probe may be under way, which may close it.
    assert_eq!(ask_at(70_000), PermitDecision::Wait(Duration::from_secs(15)));
    assert_eq!(ask_at(84_999), PermitDecision::Wait(Duration::from_secs(15)));
    assert_eq!(ask_at(85_000), PermitDecision::Wait(Duration::from_secs(45)));
    assert_eq!(
        ask_at(129_999),
        PermitDecision::Wait(Duration::from_secs(1)),
        "SQS knows whole seconds"
    );
    let PermitDecision::Probe { change, open: next } =
        request_permits(&shut, batch(Priority::High, &[1; 10]), BASE, at(130_000))
    else {
        panic!("its time is over");
    };
    assert_eq!((next.until, next.times), (at(130_000).after(BASE * 2), 1));
    assert!(change.holds(&shut));
    let after = change.on(shut);
    assert_eq!(after.open, Some(next));
    assert!(!change.holds(&after), "one prober, not two");
    assert!(matches!(
        request_permits(&after, batch(Priority::High, &[1]), BASE, at(130_001)),
        PermitDecision::Wait(_)
    ));
    assert!(
        matches!(
            request_permits(&after, batch(Priority::High, &[1]), BASE, next.until),
            PermitDecision::Probe { .. }
        ),
        "another prober follows a crashed one"
    );
}

#[test]
fn the_breaker_stays_open_longer_each_time() {
    let schedule = |cause| {
        let (mut open, mut waits) = (None, Vec::new());
        for _ in 0..6 {
            let next = open_breaker(open, cause, BASE, at(0));
            waits.push(next.until.as_millis() / 1000);
            open = Some(next);
        }
        waits
    };
    assert_eq!(schedule(Cause::Throttled), [5, 10, 20, 40, 40, 40]);
    assert_eq!(schedule(Cause::QuotaExceeded), [60, 120, 240, 480, 480, 480]);
    assert_eq!(schedule(Cause::AccountPaused), [60, 120, 240, 480, 480, 480]);
}

#[test]
fn quota_pause_and_throttles_open_the_breaker() {
    let mut run = ThrottleRun::default();
    for cause in [Cause::QuotaExceeded, Cause::AccountPaused] {
        assert_eq!(run.count(&refused(cause)), Some(cause));
    }
    for cause in [
        Cause::Unreached,
        Cause::Unavailable,
        Cause::Rejected,
        Cause::BodyMissing,
    ] {
        assert!((0..100).all(|_| run.count(&refused(cause)).is_none()), "{cause:?}");
    }
    for _ in 0..9 {
        assert_eq!(run.count(&refused(Cause::Throttled)), None);
    }
    assert_eq!(run.count(&accepted()), None, "an acceptance ends the run");
    let opens: Vec<_> = (0..20)
        .map(|_| run.count(&refused(Cause::Throttled)).is_some())
        .collect();
    assert_eq!(opens.iter().filter(|opens| **opens).count(), 2);
    assert!(opens[9] && opens[19]);
}

#[test]
fn a_probe_closes_the_breaker_or_keeps_it() {
    let probe = open(Cause::QuotaExceeded, 200_000, 1).open.unwrap();
    let becomes = |attempt: &Attempt| match conclude_probe(probe, attempt, BASE, at(150_000)) {
        Some(AccountRateChange::Breaker { seen, becomes }) => {
            assert_eq!(seen, Some(probe.until));
            Some(becomes.map(|open| open.cause))
        }
        Some(other) => panic!("{other:?}"),
        None => None,
    };
    assert_eq!(becomes(&accepted()), Some(None));
    assert_eq!(
        becomes(&refused(Cause::UnverifiedSender)),
        Some(Some(Cause::QuotaExceeded)),
        "the email's own failure: another probe may go"
    );
    assert_eq!(
        becomes(&refused(Cause::QuotaExceeded)),
        None,
        "it stays open as the probe set it"
    );
    assert_eq!(
        becomes(&refused(Cause::AccountPaused)),
        Some(Some(Cause::AccountPaused))
    );
    assert_eq!(becomes(&refused(Cause::Unavailable)), None);
    assert_eq!(becomes(&Attempt::Ambiguous), None);
}

#[test]
fn after_a_canceled_probe_another_may_go_at_once() {
    let open = open(Cause::QuotaExceeded, 200_000, 2).open.unwrap();
    let AccountRateChange::Breaker { seen, becomes } = cancel_probe(open, at(80_001)) else {
        panic!("the breaker");
    };
    assert_eq!(seen, Some(open.until));
    let becomes = becomes.unwrap();
    assert_eq!((becomes.until, becomes.times), (at(80_001), 1));
}

#[test]
fn the_account_sets_rate_and_breaker() {
    let healthy = AccountState {
        rate: Rate::from_millis(20_000),
        quota_spent: false,
        paused: false,
    };
    let now = at(100_000);
    // Of the account's twenty a second, nineteen are used.
    let account_rate = |free_at| AccountRate {
        rate: Rate::from_millis(19_000),
        ..account_rate(free_at)
    };
    let open = |cause, until, times| AccountRate {
        rate: Rate::from_millis(19_000),
        ..open(cause, until, times)
    };
    let after = |account_rate: AccountRate, account: AccountState| {
        let changes = sync_account(&account_rate, &account, BASE, now);
        assert!(changes.iter().all(|change| change.holds(&account_rate)), "{changes:?}");
        changes
            .iter()
            .fold(account_rate, |account_rate, change| change.on(account_rate))
    };
    assert_eq!(
        sync_account(&account_rate(0), &healthy, BASE, now),
        [],
        "without news nothing is written"
    );
    let faster = AccountState {
        rate: Rate::from_millis(50_000),
        ..healthy
    };
    assert_eq!(after(account_rate(0), faster).rate, Rate::from_millis(47_500));

    let spent = AccountState {
        quota_spent: true,
        ..healthy
    };
    let shut = after(account_rate(0), spent);
    assert_eq!(shut, open(Cause::QuotaExceeded, 160_000, 0));
    assert_eq!(sync_account(&shut, &spent, BASE, now), []);
    let raised = after(shut, healthy);
    assert_eq!(
        raised,
        open(Cause::QuotaExceeded, 100_000, 0),
        "the probe goes at once, and closes the breaker"
    );
    assert_eq!(sync_account(&raised, &healthy, BASE, now), []);

    let paused = AccountState { paused: true, ..spent };
    assert_eq!(
        after(shut, paused).open.map(|open| open.cause),
        Some(Cause::AccountPaused)
    );
    let throttled = open(Cause::Throttled, 105_000, 3);
    assert_eq!(
        sync_account(&throttled, &healthy, BASE, now),
        [],
        "the account's state does not show throttling"
    );
}
