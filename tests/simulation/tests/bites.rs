//! Planted defects: the oracle must notice each one within a number of seeds.

use std::collections::BTreeSet;
use std::time::Duration;

use invariants::Invariant::{self, *};
use memory::fault_model::Broken;
use simulation::oracle::CHECKED;
use simulation::run::run;
use simulation::scenario::{NEWS, Order, Scenario};

/// Each defect, the invariants that may be reported first, and the limit of seeds.
const BROKEN: [(Broken, &[Invariant], u64); 14] = [
    (
        Broken::Conditions,
        &[Duplicates, Hold, Truth, Cancellation, Claims, Transitions],
        100,
    ),
    (
        Broken::Claims,
        &[Duplicates, Hold, Truth, Cancellation, Claims, Transitions],
        100,
    ),
    (Broken::AskedTwice, &[Duplicates, Hold, Claims], 100),
    (Broken::EventsIgnored, &[Truth], 100),
    (Broken::PromoteNeverRuns, &[Completion], 100),
    (Broken::CancelNotWritten, &[Cancellation], 100),
    (Broken::AnsweredTooEarly, &[Durability], 100),
    (Broken::ContentsMixedUp, &[Content], 100),
    (Broken::MarksLost, &[Duplicates], 2_000),
    (Broken::DeadLettersIgnored, &[Completion], 100),
    (Broken::QueuesIgnored, &[QueueCommands], 300),
    (Broken::JobsForgotten, &[Completion, QueueCommands], 100),
    (Broken::TombstonesForgotten, &[Claims, Erasure], 1_000),
    (Broken::MarksOfQueuesForgotten, &[Completion], 300),
];

/// The invariants that separate tests break: below, and in `expiry`, `hooks` and `restore`.
const ELSEWHERE: [Invariant; 7] = [Hold, Claims, Idempotency, RateLimit, Restoration, Telling, EventErasure];

#[test]
fn every_planted_defect_is_noticed() {
    let mut noticed_invariants = BTreeSet::from(ELSEWHERE);
    for (broken, invariants, within) in BROKEN {
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
            invariants.contains(&violation.invariant),
            "{broken:?}, seed {seed}: {violation:?}"
        );
        println!("{broken:?}, seed {seed}: {violation}");
        noticed_invariants.insert(violation.invariant);
    }
    assert_eq!(noticed_invariants, BTreeSet::from(CHECKED));
}

#[test]
fn a_second_submission_breaks_hold_or_claims() {
    for invariant in [Hold, Claims] {
        let mut violations = (1..=300).filter_map(|seed| {
            let scenario = Scenario {
                broken: Broken::AskedTwice,
                ..Scenario::random(seed)
            };
            run(&scenario).violation
        });
        let noticed = violations.any(|violation| violation.invariant == invariant);
        assert!(noticed, "{invariant}");
    }
}

/// A defect of a rate limit shows only with many waiting emails, which random scenarios do not have.
#[test]
fn a_broken_rate_limit_is_noticed() {
    let scenario = Scenario {
        limit: Some(1),
        broken: Broken::RateLimitsIgnored,
        ..Scenario::quiet("too fast", (0..200).map(newsletter).collect())
    };
    let violation = run(&scenario).violation.expect("it is noticed");
    assert_eq!(violation.invariant, RateLimit, "{violation:?}");
}

fn newsletter(number: u64) -> Order {
    Order {
        at: Duration::from_millis(number * 50),
        queue: Some(NEWS),
        ..Order::plain()
    }
}
