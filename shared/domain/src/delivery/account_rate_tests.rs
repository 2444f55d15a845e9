//! The reserved rate as tables, and a minute of senders in a loop.
#![expect(
    clippy::wildcard_enum_match_arm,
    reason = "every unexpected variant is the same failure"
)]

use super::*;

pub(super) const BASE: Duration = Duration::from_secs(60);

pub(super) fn at(ms: i64) -> Timestamp {
    Timestamp::from_millis(ms)
}

pub(super) fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

/// 20 recipients a second, nothing reserved after `free_at`.
pub(super) fn account_rate(free_at: i64) -> AccountRate {
    AccountRate {
        rate: Rate::from_millis(20_000),
        free_at: Some(Micros::of(at(free_at))),
        open: None,
        settings_version: 0,
        full: FullPriorityQueues::default(),
    }
}

pub(super) fn open(cause: Cause, until: i64, times: u32) -> AccountRate {
    AccountRate {
        open: Some(OpenBreaker {
            cause,
            until: at(until),
            times,
        }),
        ..account_rate(0)
    }
}

/// A batch that may wait for any time.
pub(super) fn batch(priority: Priority, recipients: &[u32]) -> PermitRequest<'_> {
    PermitRequest {
        priority,
        recipients,
        patience: Duration::from_secs(60),
    }
}

pub(super) fn accepted() -> Attempt {
    Attempt::Accepted {
        message_id: "m".to_owned(),
    }
}

pub(super) fn refused(cause: Cause) -> Attempt {
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
fn low_priority_leaves_a_tenth_and_large_emails_overdraw() {
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
fn a_reservation_stays_within_the_time_to_wait() {
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
fn a_fast_clock_never_raises_the_rate() {
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
