//! The reserved rate and the breaker as tables, and a minute of senders in a loop.
#![expect(
    clippy::wildcard_enum_match_arm,
    reason = "what is not expected is the same failure, whatever it is"
)]

use super::*;

const BASE: Duration = Duration::from_secs(60);

fn at(ms: i64) -> Timestamp {
    Timestamp::from_millis(ms)
}

fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

/// 20 recipients a second, nothing reserved after `free_at`.
fn account_rate(free_at: i64) -> AccountRate {
    AccountRate {
        rate: Rate::from_millis(20_000),
        free_at: Some(Micros::of(at(free_at))),
        open: None,
        settings_version: 0,
        full: FullPriorityQueues::default(),
    }
}

fn open(cause: Cause, until: i64, times: u32) -> AccountRate {
    AccountRate {
        open: Some(OpenBreaker {
            cause,
            until: at(until),
            times,
        }),
        ..account_rate(0)
    }
}

/// A batch with unlimited patience.
fn batch(priority: Priority, recipients: &[u32]) -> PermitRequest<'_> {
    PermitRequest {
        priority,
        recipients,
        patience: Duration::from_secs(60),
    }
}

fn accepted() -> Attempt {
    Attempt::Accepted {
        message_id: "m".to_owned(),
    }
}

fn refused(cause: Cause) -> Attempt {
    let detail = String::new();
    Attempt::NotAccepted { cause, detail }
}

#[test]
fn without_a_rate_ses_alone_limits() {
    let unknown = AccountRate::default();
    assert_eq!(
        request_permits(&unknown, batch(Priority::Low, &[50; 10]), BASE, at(0)),
        PermitDecision::Free
    );
}

#[test]
fn a_batch_reserves_after_the_reserved_time() {
    let now = at(100_000);
    let PermitDecision::Reserve { change, offsets } =
        request_permits(&account_rate(101_000), batch(Priority::Normal, &[1, 2, 1]), BASE, now)
    else {
        panic!("a second is within the horizon");
    };
    assert_eq!(offsets, [ms(0), ms(50), ms(150)]);
    assert!(change.holds(&account_rate(101_000)));
    assert!(
        change.holds(&account_rate(104_999)),
        "others may have reserved meanwhile"
    );
    assert!(!change.holds(&account_rate(105_001)), "beyond the horizon");
    assert_eq!(change.on(account_rate(102_000)).free_at, Some(Micros::of(at(102_200))));

    let PermitDecision::Reserve { change, .. } =
        request_permits(&account_rate(0), batch(Priority::Normal, &[1]), BASE, now)
    else {
        panic!("everything is free");
    };
    assert!(!change.holds(&account_rate(100_000)), "a reservation of others stands");
    assert_eq!(
        change.on(account_rate(0)).free_at,
        Some(Micros::of(at(99_800))),
        "a quarter of a second may burst"
    );
}

#[test]
fn each_priority_reserves_up_to_its_horizon() {
    let now = at(100_000);
    for (reserved_ms, priority_queues) in [
        (2_000, "hnl"),
        (2_001, "hn"),
        (5_000, "hn"),
        (5_001, "h"),
        (10_000, "h"),
        (10_001, ""),
    ] {
        let granted: String = Priority::ALL
            .iter()
            .copied()
            .zip(["h", "n", "l"])
            .filter(|(priority, _)| {
                matches!(
                    request_permits(&account_rate(100_000 + reserved_ms), batch(*priority, &[1]), BASE, now),
                    PermitDecision::Reserve { .. }
                )
            })
            .map(|(_, name)| name)
            .collect();
        assert_eq!(granted, priority_queues, "{reserved_ms}");
    }
    let wait = |priority, reserved_s: i64| {
        request_permits(
            &account_rate(100_000 + reserved_s * 1000),
            batch(priority, &[1]),
            BASE,
            now,
        )
    };
    assert_eq!(
        wait(Priority::Low, 12),
        PermitDecision::Wait(Duration::from_secs(10)),
        "until it is within the horizon"
    );
    assert_eq!(wait(Priority::High, 10_000), PermitDecision::Wait(LONGEST_WAIT));
}

#[test]
fn low_leaves_a_tenth_and_large_emails_overdraw() {
    let span = |priority, recipients: &[u32]| match request_permits(
        &account_rate(0),
        batch(priority, recipients),
        BASE,
        at(100_000),
    ) {
        PermitDecision::Reserve {
            change: AccountRateChange::Reserve { span, .. },
            offsets,
        } => (span, offsets.len()),
        other => panic!("{other:?}"),
    };
    assert_eq!(span(Priority::Normal, &[9, 9]), (ms(900), 2));
    assert_eq!(span(Priority::Low, &[9, 9]), (ms(1000), 2));
    // 50 recipients take 2.5 s: after three emails the 5 s of the normal priority are over.
    assert_eq!(span(Priority::Normal, &[50; 10]), (ms(7500), 3));
    let mut slow = account_rate(0);
    slow.rate = Rate::from_millis(1000);
    let PermitDecision::Reserve { offsets, .. } =
        request_permits(&slow, batch(Priority::Low, &[50, 1]), BASE, at(100_000))
    else {
        panic!("at least one goes");
    };
    assert_eq!(offsets, [ms(0)]);
}

#[test]
fn rounding_loses_nothing_at_a_high_rate() {
    let rate = Rate::from_millis(3_000_000).unwrap();
    assert_eq!(rate.time(10, Priority::Normal), Duration::from_micros(3334));
    assert_eq!(Rate::from_millis(0), None);
    assert_eq!(
        rate.time(u64::MAX, Priority::Low).as_secs(),
        683_212,
        "absurd numbers saturate"
    );
}

#[test]
fn a_stale_rate_refuses_a_reservation() {
    let PermitDecision::Reserve { change, .. } =
        request_permits(&account_rate(100_000), batch(Priority::Normal, &[1]), BASE, at(100_000))
    else {
        panic!("nothing is reserved");
    };
    let mut slower = account_rate(100_000);
    slower.rate = Rate::from_millis(10_000);
    assert!(!change.holds(&slower));
    let mut closed = account_rate(100_000);
    closed.open = open(Cause::QuotaExceeded, 0, 0).open;
    assert!(!change.holds(&closed));
}

/// Eight environments for each priority, with more to send than the rate allows. Over any ten seconds the rate is
/// kept and used, and the high priority gets it.
#[test]
fn under_contention_high_priority_goes_first() {
    let mut shared = account_rate(0);
    let (mut sent, mut by_priority): (Vec<i64>, [usize; 3]) = (Vec::new(), [0; 3]);
    let mut next_try = [0_i64; 24];
    for now_ms in 1_000_000..1_060_000 {
        for (environment, next) in next_try.iter_mut().enumerate() {
            let priority = Priority::ALL[environment % 3];
            // The high priority has work in the second half only.
            if *next > now_ms || (priority == Priority::High && now_ms < 1_030_000) {
                continue;
            }
            match request_permits(&shared, batch(priority, &[1; 10]), BASE, at(now_ms)) {
                PermitDecision::Reserve { change, offsets } => {
                    assert!(change.holds(&shared));
                    let after = change.on(shared);
                    let AccountRateChange::Reserve { span, .. } = change else {
                        panic!("{change:?}")
                    };
                    let begin = after.free_at.unwrap().before(span);
                    shared = after;
                    let times = offsets
                        .iter()
                        .map(|offset| begin.after(*offset).up().as_millis().max(now_ms));
                    *next = times.clone().max().unwrap() + 1;
                    by_priority[environment % 3] += offsets.len();
                    sent.extend(times);
                }
                PermitDecision::Wait(wait) => *next = now_ms + i64::try_from(wait.as_millis()).unwrap(),
                other => panic!("{other:?}"),
            }
        }
    }
    sent.sort_unstable();
    for start in (1_000_000..1_050_000).step_by(10) {
        let within = sent.partition_point(|ms| *ms < start + 10_000) - sent.partition_point(|ms| *ms < start);
        assert!(
            (180..=206).contains(&within),
            "{within} in the ten seconds from {start}"
        );
    }
    let [high, normal, low] = by_priority;
    assert!(
        high >= 480,
        "nearly all of the second half has high priority: {high} {normal} {low}"
    );
    assert!(low < normal, "{high} {normal} {low}");
}

#[test]
fn a_reservation_stays_within_the_patience() {
    let now = at(100_000);
    let patient = |secs, free_at: i64| {
        let batch = PermitRequest {
            patience: Duration::from_secs(secs),
            ..batch(Priority::Normal, &[20; 10])
        };
        request_permits(&account_rate(free_at), batch, BASE, now)
    };
    // Each takes a second.
    let PermitDecision::Reserve { change, offsets } = patient(3, 100_000) else {
        panic!("it is free");
    };
    assert_eq!(offsets.len(), 4, "the last of them goes in three seconds");
    assert!(change.holds(&account_rate(100_000)));
    assert!(
        !change.holds(&account_rate(100_001)),
        "with a later start the last one would be too late"
    );
    let PermitDecision::Reserve { offsets, .. } = patient(3, 102_000) else {
        panic!("there is a second left");
    };
    assert_eq!(offsets.len(), 2);
    assert!(matches!(patient(1, 102_000), PermitDecision::Wait(_)));
    assert!(matches!(patient(0, 100_001), PermitDecision::Wait(_)));
}

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
            let next = opened(open, cause, BASE, at(0));
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
    let becomes = |attempt: &Attempt| match probed(probe, attempt, BASE, at(150_000)) {
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
fn a_probe_without_a_call_costs_no_time() {
    let open = open(Cause::QuotaExceeded, 200_000, 2).open.unwrap();
    let AccountRateChange::Breaker { seen, becomes } = unprobed(open, at(80_001)) else {
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
        "the probe goes at once, and closes it"
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
        "the account's state does not show it"
    );
}

#[test]
fn a_fast_clock_slows_and_never_hurries() {
    let mut shared = account_rate(100_000);
    let reserve =
        |shared: &mut AccountRate, now| match request_permits(shared, batch(Priority::Normal, &[1; 10]), BASE, at(now))
        {
            PermitDecision::Reserve { change, .. } => {
                *shared = change.on(*shared);
                true
            }
            _ => false,
        };
    assert!(
        reserve(&mut shared, 160_000),
        "an environment whose clock is a minute ahead"
    );
    assert!(!reserve(&mut shared, 100_000), "the others wait for it");
    assert_eq!(shared.free_at, Some(Micros::of(at(160_250))));
}
