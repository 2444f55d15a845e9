use super::*;
use crate::webhook::outcome::Answer;

const DAY: u64 = 86_400;

fn at(secs: u64) -> Timestamp {
    Timestamp::from_millis(1_764_000_000_000).after(Duration::from_secs(secs))
}

fn failed(count: u32) -> Calls {
    Calls {
        failures: count,
        ..Calls::default()
    }
}

fn succeeded() -> Calls {
    Calls {
        successes: 1,
        ..Calls::default()
    }
}

fn after(health: &Health, calls: Calls, secs: u64) -> Health {
    health.after_calls(0, calls, at(secs)).0
}

#[test]
fn an_endpoint_that_only_fails_is_closed_longer_and_longer() {
    let mut health = Health::default();
    let mut now = 0;
    let mut pauses = Vec::new();
    for _ in 0..9 {
        health = after(&health, failed(1), now);
        let pause = health.closed_until.map_or(0, |until| until.since(at(now)).as_secs());
        pauses.push(pause);
        if pause > 0 {
            let until = at(now + pause);
            assert_eq!(health.admission(10, 1, at(now)), Admission::Closed { until });
        }
        now += pause;
        assert_eq!(health.is_tried(), health.failures >= 3);
        assert!(granted(&health, 10, 1, now).is_some());
    }
    assert_eq!(pauses, [0, 0, 5, 30, 60, 120, 300, 300, 300]);
    let well = after(&health, succeeded(), now);
    assert_eq!(well, Health::default(), "one success ends all of it");
}

/// The health with a permit for `nonce`; `None` without one.
fn granted(health: &Health, count: usize, nonce: u64, secs: u64) -> Option<Health> {
    match health.admission(count, nonce, at(secs)) {
        Admission::Granted(granted) => Some(*granted),
        Admission::Busy | Admission::Closed { .. } => None,
    }
}

#[test]
fn an_endpoint_has_a_bounded_number_of_permits() {
    let healthy = Health::default();
    let one = granted(&healthy, 2, 1, 0).unwrap();
    assert_eq!(granted(&one, 1, 2, 0), None);
    let two = granted(&one, 2, 2, 0).unwrap();
    assert_eq!(granted(&two, 2, 3, 59), None);
    let again = granted(&two, 2, 2, 59);
    assert_eq!(again, Some(two.clone()), "its own lost answer");
    assert!(granted(&two, 2, 3, 60).is_some(), "a killed holder frees it");
    assert_eq!(two.after_calls(2, succeeded(), at(1)).0, one);
    assert_eq!(one.after_calls(1, succeeded(), at(1)).0, healthy);
}

#[test]
fn a_failing_endpoint_gets_one_execution() {
    let failing = after(&Health::default(), failed(3), 0);
    let tried = granted(&failing, 10, 1, 10).unwrap();
    assert_eq!(granted(&tried, 10, 2, 69), None);
    assert!(granted(&tried, 10, 2, 70).is_some(), "a killed holder frees it");
    assert_eq!(tried.after_calls(1, succeeded(), at(20)).0, Health::default());
    let (late, _) = tried.after_calls(9, failed(1), at(20));
    assert_eq!(late.permits, tried.permits, "another one holds it");
}

#[test]
fn a_slow_call_marks_its_endpoint_for_half_an_hour() {
    let call = |millis| Calls::default().with(&Outcome::NoAnswer(String::new()), Duration::from_millis(millis));
    assert!(!call(2_999).is_slow && call(3_000).is_slow);
    let quick = Calls {
        is_slow: true,
        ..succeeded()
    }
    .with(&Outcome::NoAnswer(String::new()), Duration::ZERO);
    assert!(quick.is_slow, "one call of them was slow");
    let slow = after(
        &Health::default(),
        Calls {
            is_slow: true,
            ..succeeded()
        },
        0,
    );
    assert_eq!((slow.failures, slow.closed_until), (0, None), "it is no failure");
    let well = after(&slow, succeeded(), 10);
    assert!(
        well.is_slow(at(1_799)) && !well.is_slow(at(1_800)),
        "a quick call proves little"
    );
    assert!(!Health::default().is_slow(at(0)));
}

/// A receiver that refuses single events is no dead one.
#[test]
fn a_success_among_failures_keeps_an_endpoint_open() {
    let mixed = Calls {
        successes: 1,
        failures: 9,
        ..Calls::default()
    };
    let (health, consequence) = Health::default().after_calls(0, mixed, at(0));
    assert_eq!((health.failures, health.closed_until), (0, None));
    assert_eq!(consequence, Consequence::Nothing);
}

#[test]
fn an_endpoint_is_closed_for_as_long_as_it_asks() {
    let outcome = Outcome::Answered(Answer {
        status: 429,
        retry_after: Some(Duration::from_secs(90)),
        aborts: false,
        body: String::new(),
    });
    let (health, consequence) =
        Health::default().after_calls(0, Calls::default().with(&outcome, Duration::ZERO), at(0));
    assert_eq!((health.failures, health.closed_until), (0, Some(at(90))));
    assert_eq!(consequence, Consequence::Nothing, "it is no failure");
}

#[test]
fn outcomes_are_counted_by_their_meaning() {
    let answer = |status, aborts| {
        Outcome::Answered(Answer {
            status,
            retry_after: None,
            aborts,
            body: String::new(),
        })
    };
    let outcomes = [
        answer(200, false),
        answer(400, true),
        answer(500, false),
        answer(301, false),
        Outcome::NoAnswer("The endpoint did not answer within 15 seconds.".to_owned()),
    ];
    let calls = outcomes
        .iter()
        .fold(Calls::default(), |calls, outcome| calls.with(outcome, Duration::ZERO));
    assert_eq!((calls.successes, calls.failures, calls.is_gone), (2, 3, false));
    assert!(calls.with(&answer(410, false), Duration::ZERO).is_gone);
}

#[test]
fn gone_disables_at_once() {
    let gone = Calls {
        is_gone: true,
        ..Calls::default()
    };
    let (_, consequence) = Health::default().after_calls(0, gone, at(0));
    assert_eq!(consequence, Consequence::Disable(DisabledBy::Gone));
}

#[test]
fn only_five_days_of_nothing_but_failures_disable() {
    let mut health = Health::default();
    let mut said = Vec::new();
    for hour in 0..=121 {
        let (next, consequence) = health.after_calls(0, failed(1), at(hour * 3_600));
        said.push(consequence);
        health = next;
    }
    let announced = said.iter().position(|each| *each == Consequence::Announce);
    let disabled = said.iter().position(|each| matches!(each, Consequence::Disable(_)));
    assert_eq!((announced, disabled), (Some(4), Some(120)), "announced long before");
    assert_eq!(said.iter().filter(|each| **each == Consequence::Announce).count(), 1);
}

/// An idle endpoint with one event that fails is not disabled.
#[test]
fn few_failures_never_disable() {
    let mut health = Health::default();
    for attempt in 0..9 {
        let (next, consequence) = health.after_calls(0, failed(1), at(attempt * DAY));
        assert!(!matches!(consequence, Consequence::Disable(_)), "{attempt}");
        health = next;
    }
    let (_, consequence) = health.after_calls(0, failed(1), at(9 * DAY));
    assert_eq!(consequence, Consequence::Disable(DisabledBy::Failures));
}

#[test]
fn a_success_restarts_the_five_days() {
    let long = after(&Health::default(), failed(20), 0);
    let well = after(&long, succeeded(), 4 * DAY);
    let (again, consequence) = well.after_calls(0, failed(20), at(6 * DAY));
    assert_eq!(consequence, Consequence::Announce);
    assert_eq!(again.disables_at(), Some(at(11 * DAY)));
    assert!(again.is_failing() && !well.is_failing());
    assert_eq!(well.disables_at(), None);
}
