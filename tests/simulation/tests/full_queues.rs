//! A long outage fills a priority queue, and its backlog stays in the index.

use std::time::Duration;

use domain::delivery::record::RecordStatus;
use simulation::run::{RunOutcome, START, run};
use simulation::scenario::{Order, Scenario};

/// Emails that arrive, one every six seconds: an hour's worth.
const EMAILS: u32 = 600;

/// The time for which the account's quota is exhausted while they arrive.
const OUTAGE: Duration = Duration::from_secs(3_600);

/// Messages in flight from which on the queue delivers no more.
const MOST_IN_FLIGHT: usize = 200;

fn outage(most_messages: u64) -> RunOutcome {
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

fn stops(outcome: &RunOutcome) -> u64 {
    outcome.struck.get("queue stopped").copied().unwrap_or(0)
}

#[test]
fn a_long_outage_never_stops_a_priority_queue() {
    let outcome = outage(100);
    assert_eq!(stops(&outcome), 0, "SQS always had room for more in flight");
    assert!(outcome.records.iter().all(|record| record.status == RecordStatus::Sent));

    // Each record left to the index is checked within four guards, and the queue may have no room then.
    let guard = Duration::from_secs(120);
    let latest = START.after(OUTAGE + guard * 8 + Duration::from_secs(180));
    let last = outcome
        .records
        .iter()
        .filter_map(|record| Some(record.sent.as_ref()?.at))
        .max();
    assert!(last.is_some_and(|last| last <= latest), "{last:?} is after {latest:?}");

    // One task at acceptance, one after the outage, and one for each check between: every four guards. On average an
    // email waits for half of the outage.
    let looks = OUTAGE.as_secs() / 2 / (guard * 4).as_secs();
    let (send_tasks, most) = (outcome.send_tasks, u64::from(EMAILS) * (looks + 2));
    assert!(send_tasks <= most, "{send_tasks} send tasks for {EMAILS} emails");
}

/// The bound is needed, and the test above can fail.
#[test]
fn without_a_bound_an_outage_stops_the_queue() {
    assert!(stops(&outage(u64::MAX)) > 0);
}
