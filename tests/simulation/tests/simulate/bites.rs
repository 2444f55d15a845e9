//! What is broken on purpose is noticed, within so many seeds. A check that cannot fail is none.

use std::time::Duration;

use memory::fault_model::Broken;
use simulation::run::run;
use simulation::scenario::{NEWS, Order, Scenario};

/// Each, the rules of which one is seen broken, and within how many seeds.
const BROKEN: [(Broken, &[u8], u64); 14] = [
    (Broken::Conditions, &[2, 3, 4, 5, 6], 100),
    (Broken::Claims, &[2, 3, 4, 5, 6], 100),
    (Broken::AskedTwice, &[2, 6], 100),
    (Broken::EventsIgnored, &[4], 100),
    (Broken::PromoteNeverRuns, &[1], 100),
    (Broken::CancelNotWritten, &[5], 100),
    (Broken::AnsweredTooEarly, &[1], 100),
    (Broken::ContentsMixedUp, &[7], 100),
    (Broken::MarksLost, &[2, 6], 2_000),
    (Broken::DeadLettersIgnored, &[1], 100),
    (Broken::QueuesIgnored, &[9], 300),
    (Broken::JobsForgotten, &[1, 9], 100),
    (Broken::TombstonesForgotten, &[6, 10], 1_000),
    (Broken::MarksOfQueuesForgotten, &[1], 300),
];

#[test]
fn whatever_is_broken_on_purpose_is_noticed() {
    for (broken, rules, within) in BROKEN {
        let noticed = (1..=within).find_map(|seed| {
            let scenario = Scenario {
                broken,
                ..Scenario::random(seed)
            };
            run(&scenario).violation.map(|violation| (seed, violation))
        });
        let Some((seed, violation)) = noticed else {
            panic!("{broken:?} was not noticed within {within} seeds");
        };
        assert!(
            rules.contains(&violation.rule),
            "{broken:?}, seed {seed}: {violation:?}"
        );
        println!("{broken:?}: rule {}, seed {seed}: {}", violation.rule, violation.what);
    }
}

/// The rate is seen where so many emails wait that nobody could wait for chance to make them.
#[test]
fn a_rate_that_is_not_kept_is_noticed() {
    let scenario = Scenario {
        limit: Some(1),
        broken: Broken::RateLimitsIgnored,
        ..Scenario::quiet("too fast", (0..200).map(newsletter).collect())
    };
    let violation = run(&scenario).violation.expect("it is noticed");
    assert_eq!(violation.rule, 11, "{violation:?}");
}

fn newsletter(number: u64) -> Order {
    Order {
        at: Duration::from_millis(number * 50),
        queue: Some(NEWS),
        ..Order::plain()
    }
}
