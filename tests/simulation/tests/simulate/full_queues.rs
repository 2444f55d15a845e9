//! A long outage fills a priority queue, and its backlog stays in the index.

use std::time::Duration;

use domain::record::RecordStatus;
use simulation::run::{Outcome, START, run};
use simulation::scenario::{Order, Scenario};

/// Emails that come in, one every six seconds: an hour's worth.
const EMAILS: u32 = 600;

/// The account's quota is spent for this time, while they come.
const OUTAGE: Duration = Duration::from_secs(3_600);

/// Messages in flight from which on the priority queue gives out nothing more.
const MOST_IN_FLIGHT: usize = 200;

fn outage(most_messages: u64) -> Outcome {
    let order = |number: u32| Order {
        at: Duration::from_secs(6) * number,
        ..Order::plain()
    };
    let scenario = Scenario {
        outage: OUTAGE,
        most_in_flight: MOST_IN_FLIGHT,
        most_messages,
        ..Scenario::quiet("outage", (0..EMAILS).map(order).collect())
    };
    let outcome = run(&scenario);
    assert_eq!(outcome.report("outage"), None);
    outcome
}

fn stops(outcome: &Outcome) -> u64 {
    outcome.struck.get("queue stopped").copied().unwrap_or(0)
}

#[test]
fn a_long_outage_never_stops_a_lane() {
    let outcome = outage(100);
    assert_eq!(stops(&outcome), 0, "SQS always had room for more in flight");
    assert!(outcome.records.iter().all(|record| record.status == RecordStatus::Sent));

    // Each record that was left to the index is looked at within four guards, and the priority queue may have no room then.
    let guard = Duration::from_secs(120);
    let latest = START.after(OUTAGE + guard * 8 + Duration::from_secs(180));
    let last = outcome
        .records
        .iter()
        .filter_map(|record| Some(record.sent.as_ref()?.at))
        .max();
    assert!(last.is_some_and(|last| last <= latest), "{last:?} is after {latest:?}");

    // One when it is accepted, one after the outage, and one for each look between: every four guards, and an email
    // waits for half of the outage on average.
    let looks = OUTAGE.as_secs() / 2 / (guard * 4).as_secs();
    let (send_tasks, most) = (outcome.send_tasks, u64::from(EMAILS) * (looks + 2));
    assert!(send_tasks <= most, "{send_tasks} send tasks for {EMAILS} emails");
}

/// Shows that the bound is needed, and that the test above can fail.
#[test]
fn without_a_bound_a_long_outage_stops_a_lane() {
    assert!(stops(&outage(u64::MAX)) > 0);
}
