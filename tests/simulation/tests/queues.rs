//! The effects of queues and priority queues on each other.

use std::collections::BTreeMap;
use std::time::Duration;

use domain::delivery::record::{EmailRecord, Priority};
use domain::id::EmailId;
use memory::RELEASE_REFUSED;
use memory::trace::TraceStep;
use simulation::run::{RunOutcome, START, run};
use simulation::scenario::{EmailCommand, NEWS, Order, Scenario};

/// Returns the number of calls of each port by each function.
fn calls(outcome: &RunOutcome) -> BTreeMap<(&'static str, &'static str), usize> {
    let mut calls = BTreeMap::new();
    for step in &outcome.trace.steps {
        if let TraceStep::Call { function, what, .. } = *step {
            *calls.entry((function, what)).or_default() += 1;
        }
    }
    calls
}

/// Returns the sending time of each email.
fn sent(outcome: &RunOutcome) -> BTreeMap<EmailId, i64> {
    let sent = |record: &EmailRecord| Some((record.id, record.sent.as_ref()?.at.as_millis()));
    outcome.records.iter().filter_map(sent).collect()
}

/// A million emails in a paused queue change neither a call nor a millisecond for others.
#[test]
fn a_million_held_emails_slow_no_other_queue() {
    let order = |number: u64| Order {
        at: Duration::from_secs(number * 7),
        scheduled_in: number.is_multiple_of(3).then_some(Duration::from_secs(90)),
        ..Order::plain()
    };
    let with = |held: usize| {
        let scenario = Scenario {
            held,
            ..Scenario::quiet("held", (0..20).map(order).collect())
        };
        let outcome = run(&scenario);
        assert_eq!(outcome.report("held"), None);
        outcome
    };
    let (one, million) = (with(1), with(1_000_000));
    assert_eq!(million.records.len(), 1_000_020);
    assert_eq!(sent(&million).len(), 20);
    assert_eq!(sent(&million), sent(&one));
    assert_eq!(calls(&million), calls(&one));
}

/// Two thousand newsletters wait at twenty a second when a password reset arrives.
#[test]
fn a_high_email_overtakes_two_thousand_low_ones() {
    let low = |number: u64| Order {
        at: Duration::from_millis(number),
        emails: 500,
        batch: true,
        priority: Some(Priority::Low),
        ..Order::plain()
    };
    let mut orders: Vec<_> = (0..4).map(low).collect();
    orders.push(Order {
        at: Duration::from_secs(20),
        priority: Some(Priority::High),
        ..Order::plain()
    });
    let scenario = Scenario {
        rate_per_second: 20,
        ..Scenario::quiet("passes", orders)
    };
    let outcome = run(&scenario);
    assert_eq!(outcome.report("passes"), None);
    let sent_at = |record: &EmailRecord| record.sent.as_ref().unwrap().at;
    let high: Vec<&EmailRecord> = outcome
        .records
        .iter()
        .filter(|record| record.priority == Priority::High)
        .collect();
    let [high] = high[..] else { panic!("one of them") };
    let waited = sent_at(high).since(high.born);
    // Its reserved time, and the second that a batch of ten takes at this rate.
    let most = domain::delivery::account_rate::horizon(Priority::High) + Duration::from_secs(1);
    assert!(waited <= most, "{waited:?}");
    let low = outcome.records.iter().filter(|record| record.priority == Priority::Low);
    let behind = low.filter(|record| sent_at(record) > sent_at(high)).count();
    assert!(behind > 1_000, "{behind} low ones were sent after it");
    assert_eq!(outcome.records.len(), 2_001);
}

/// Three hundred emails of a slow queue; thirty others come in the same priority queue.
#[test]
fn a_limited_queue_keeps_its_rate_and_slows_no_other() {
    let slow = Order {
        emails: 300,
        batch: true,
        queue: Some(NEWS),
        ..Order::plain()
    };
    let other = |number: u64| Order {
        at: Duration::from_secs(number),
        ..Order::plain()
    };
    let orders: Vec<_> = std::iter::once(slow).chain((1..=30).map(other)).collect();
    let scenario = Scenario {
        limit: Some(1),
        ..Scenario::quiet("slow", orders)
    };
    let outcome = run(&scenario);
    assert_eq!(outcome.report("slow"), None);
    let waited = |record: &EmailRecord| record.sent.as_ref().unwrap().at.since(record.born);
    let (slow, others): (Vec<_>, Vec<_>) = outcome.records.iter().partition(|record| record.queue.as_str() == NEWS);
    assert_eq!((slow.len(), others.len()), (300, 30));
    let held_up = others
        .iter()
        .filter(|record| waited(record) > Duration::from_secs(1))
        .count();
    assert_eq!(held_up, 0);
    let longest = slow.iter().map(|record| waited(record)).max().unwrap();
    // One a second, and the gaps between two runs of `promote`.
    assert!(
        (299..=330).contains(&longest.as_secs()),
        "the rate is used, too: {longest:?}"
    );
}

/// Runs 20 emails while `waiting` others wait in a slow queue; the last caller is done after five minutes.
fn beside_waiting(waiting: usize) -> RunOutcome {
    let order = |number: u64| Order {
        at: Duration::from_secs(number * 7),
        scheduled_in: number.is_multiple_of(3).then_some(Duration::from_secs(90)),
        commands: vec![(Duration::from_secs(300 - number * 7), EmailCommand::Read)],
        ..Order::plain()
    };
    let mut scenario = Scenario {
        waiting,
        limit: Some(1),
        rate_per_second: 10_000,
        ..Scenario::quiet("waiting", (0..20).map(order).collect())
    };
    // Calls take no time, so that times show only waits.
    scenario.odds.delay_ms = 0;
    let outcome = run(&scenario);
    assert_eq!(outcome.report("waiting"), None);
    outcome
}

/// Returns the sending time of each email outside the slow queue.
fn sent_beside(outcome: &RunOutcome) -> BTreeMap<EmailId, i64> {
    let slow = outcome.records.iter().filter(|record| record.queue.as_str() == NEWS);
    let slow: Vec<EmailId> = slow.map(|record| record.id).collect();
    let mut sent = sent(outcome);
    sent.retain(|id, _| !slow.contains(id));
    sent
}

#[test]
fn a_million_waiting_emails_slow_no_other_queue() {
    let [one, thousand, million] = [1, 1_000, 1_000_000].map(beside_waiting);
    assert_eq!(million.records.len(), 1_000_020);
    assert_eq!(sent_beside(&million).len(), 20);
    assert_eq!(sent_beside(&million), sent_beside(&one));
    // The slow queue sends at its rate, and a run reads little more than it releases.
    let released = sent(&million).len() - 20;
    assert!((300..=360).contains(&released), "{released}");
    assert_eq!(sent(&million).len(), sent(&thousand).len());
    assert_eq!(calls(&million), calls(&thousand));
    let (read, most) = (million.in_line_read, released * 2 + 500);
    assert!(read <= most, "{read} read for {released}");
}

/// Two runs of `promote` start at the same time, every minute.
#[test]
fn two_runs_of_promote_never_double_a_rate() {
    let slow = Order {
        emails: 300,
        batch: true,
        queue: Some(NEWS),
        ..Order::plain()
    };
    let scenario = Scenario {
        limit: Some(1),
        doubled_promotes: 100,
        ..Scenario::quiet("two runs", vec![slow])
    };
    let outcome = run(&scenario);
    assert_eq!(outcome.report("two runs"), None);
    let struck = |kind| outcome.struck.get(kind).copied().unwrap_or(0);
    assert!(struck("two runs of promote") >= 5, "{:?}", outcome.struck);
    assert!(struck(RELEASE_REFUSED) >= 3, "{:?}", outcome.struck);
    let last = sent(&outcome).into_values().max().unwrap();
    assert!(last >= START.after(Duration::from_secs(298)).as_millis(), "{last}");
}

/// Sixty emails for ten minutes later, each rescheduled to an earlier time.
#[test]
fn rescheduled_emails_keep_the_rate_of_their_queue() {
    let seconds = Duration::from_secs;
    let order = |number: u64| Order {
        at: Duration::from_millis(number),
        scheduled_in: Some(seconds(600)),
        queue: Some(NEWS),
        commands: vec![(seconds(10), EmailCommand::Reschedule(seconds(20)))],
        ..Order::plain()
    };
    let scenario = Scenario {
        limit: Some(1),
        ..Scenario::quiet("rescheduled", (0..60).map(order).collect())
    };
    let outcome = run(&scenario);
    assert_eq!(outcome.report("rescheduled"), None);
    let mut sent: Vec<_> = sent(&outcome).into_values().collect();
    sent.sort_unstable();
    let [first, .., last] = sent[..] else {
        panic!("all of them")
    };
    assert_eq!(sent.len(), 60);
    let spans = [first - START.as_millis(), last - first];
    // The new time, a run of `promote` later; then one a second.
    assert!((30_000..=95_000).contains(&spans[0]), "{spans:?}");
    assert!((58_000..=125_000).contains(&spans[1]), "{spans:?}");
}
