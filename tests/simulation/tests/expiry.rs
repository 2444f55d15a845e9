//! TTL deletes expired records, and a batch stays one batch.

use std::time::Duration;

use invariants::Invariant;
use memory::fault_model::Broken;
use simulation::run::{HELD, run};
use simulation::scenario::{EmailCommand, Order, Scenario};

const HOUR: Duration = Duration::from_secs(3600);

/// Three emails at once and one ten hours later. Finished emails are forgotten after an hour. The same request comes
/// again after that. Another request with the same key comes when a record of the usual life would be gone.
fn scenario(broken: Broken, command_at: Duration, concurrent_at: Option<Duration>) -> Scenario {
    let order = Order {
        emails: 4,
        batch: true,
        last_scheduled_in: Some(HOUR * 10),
        writer: concurrent_at,
        commands: vec![(command_at, EmailCommand::Repeat)],
        ..Order::plain()
    };
    let mut scenario = Scenario::quiet("expiry", vec![order]);
    scenario.timings.retention = HOUR;
    scenario.broken = broken;
    scenario
}

#[test]
fn a_forgotten_email_of_a_batch_is_not_sent_again() {
    for hours in [1, 2, 5, 9, 12] {
        let outcome = run(&scenario(Broken::Nothing, HOUR * hours + HOUR / 2, None));
        assert_eq!(outcome.report("repeated"), None, "{hours}");
        assert_eq!(outcome.copies, 4, "{hours}: each email once");
    }
    // The record ends with the default life of its emails: the repeated request creates a new one.
    let outcome = run(&scenario(Broken::RecordsShort(3 * 3600), HOUR * 5, None));
    let violation = outcome.violation.expect("the oracle notices");
    assert_eq!(violation.invariant, Invariant::Idempotency, "{violation:?}");
}

#[test]
fn another_batch_with_the_key_leaves_nothing() {
    for hours in [2, 5, 9, 12] {
        let outcome = run(&scenario(Broken::Nothing, HOUR, Some(HOUR * hours)));
        assert_eq!(outcome.report("a concurrent client"), None, "{hours}");
        assert_eq!(outcome.copies, 4, "{hours}: each email once");
    }
    let outcome = run(&scenario(Broken::RecordsShort(3 * 3600), HOUR, Some(HOUR * 5)));
    assert!(
        outcome
            .violation
            .is_some_and(|violation| violation.invariant == Invariant::Idempotency)
    );
}

/// A paused queue holds the emails beyond the record of their batch, so that another batch can have the key.
#[test]
fn a_held_email_is_in_no_later_batch() {
    let order = Order {
        emails: 2,
        batch: true,
        queue: Some(HELD),
        writer: Some(HOUR * 24 * 10),
        ..Order::plain()
    };
    let mut scenario = Scenario::quiet("held", vec![order]);
    scenario.timings.retention = HOUR;
    scenario.held = 1;
    let outcome = run(&scenario);
    assert_eq!(outcome.report("another batch"), None);
    assert_eq!((outcome.emails, outcome.copies), (4, 0), "both batches are accepted");
    assert_eq!(
        outcome.ends.get("queued"),
        Some(&5),
        "one email was held before the run"
    );
}
