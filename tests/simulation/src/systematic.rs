//! Every call of every function, struck by every fault, one at a time and in pairs.
//!
//! **How:** a scenario is run once and its calls are counted. Then it is run anew for each call and
//! each fault. Such a run has calls of its own after the fault (the same ones, or those that recover
//! from it), and each of them is struck in turn: that makes the pairs; and so on for triples.
//! **Start reading at** [`scenarios`]; [`Strikes::all`] carries them out.

use std::time::Duration;

use domain::cause::Cause;
use world::Fault;
use world::provider::Answer;
use world::trace::Step;

use crate::run::{Outcome, run};
use crate::scenario::{Deed, Order, Scenario};

/// What was carried out.
#[derive(Debug, Default)]
pub struct Strikes {
    /// Runs with so many faults: none, one, two, three.
    pub runs: [u64; 4],
    /// Calls of ports.
    pub calls: u64,
    /// What was broken, with all that is needed to see it again.
    pub broken: Vec<String>,
}

impl Strikes {
    /// Runs a scenario with up to `faults` faults, each at most `reach` calls behind the one before.
    pub fn all(&mut self, scenario: &Scenario, faults: usize, reach: u64) {
        let mut scenario = scenario.clone();
        self.deeper(&mut scenario, faults, reach);
    }

    fn deeper(&mut self, scenario: &mut Scenario, faults: usize, reach: u64) {
        let outcome = run(scenario);
        if let Some(runs) = self.runs.get_mut(scenario.plan.len()) {
            *runs += 1;
        }
        self.calls += outcome.calls;
        if let Some(report) = outcome.report(&command(scenario)) {
            self.broken.push(report);
            return;
        }
        if faults == 0 {
            return;
        }
        let last = scenario.plan.keys().next_back().copied();
        let until = last.map_or(u64::MAX, |last| last.saturating_add(reach));
        for (number, fault) in places(&outcome, last.unwrap_or(0), until) {
            scenario.plan.insert(number, fault);
            self.deeper(scenario, faults - 1, reach);
            scenario.plan.remove(&number);
        }
    }
}

/// The command that shows a run again.
#[must_use]
pub fn command(scenario: &Scenario) -> String {
    let faults = scenario.plan.iter().map(|(number, fault)| format!(" {number}:{fault:?}"));
    let faults: String = faults.collect();
    format!("cargo run -p simulation -- strike '{}'{faults}", scenario.name)
}

/// Every call behind `last`, with every fault that makes a difference to it.
fn places(outcome: &Outcome, last: u64, until: u64) -> Vec<(u64, Fault)> {
    let mut places = Vec::new();
    for step in &outcome.trace.steps {
        let Step::Call {
            number,
            writes,
            environment,
            ..
        } = *step
        else {
            continue;
        };
        if number <= last || number > until {
            continue;
        }
        // What only reads has no effect that it could fail behind; what Lambda does itself has nobody
        // who could die, and does not look at the answer.
        let faults: &[Fault] = match (writes, environment > 0) {
            (true, true) => &[Fault::Before, Fault::After, Fault::DieBefore, Fault::DieAfter],
            (false, true) => &[Fault::Before, Fault::DieBefore],
            (_, false) => &[Fault::Before],
        };
        places.extend(faults.iter().map(|fault| (number, *fault)));
    }
    places
}

fn secs(secs: u64) -> Duration {
    Duration::from_secs(secs)
}

/// What the functions do, each with several emails at once.
#[must_use]
pub fn scenarios() -> Vec<Scenario> {
    let plain = Order::plain;
    let held = || Order {
        hold: true,
        ..Order::plain()
    };
    let then = |order: Order, deeds: &[(u64, Deed)]| Order {
        deeds: deeds.iter().map(|(at, deed)| (secs(*at), *deed)).collect(),
        ..order
    };
    let later = |wait: u64| Order {
        scheduled_in: Some(secs(wait)),
        ..Order::plain()
    };
    let refuses = Answer::Refuses;
    vec![
        Scenario::quiet("sends", vec![plain(), held()]),
        Scenario::quiet(
            "sends a batch",
            vec![Order {
                emails: 3,
                batch: true,
                ..plain()
            }],
        ),
        Scenario::quiet("is refused", vec![plain(), plain()])
            .answers(0, &[refuses(Cause::Unavailable)])
            .answers(1, &[refuses(Cause::Rejected)]),
        Scenario::quiet("is held up", vec![plain(), plain()])
            .answers(0, &[refuses(Cause::Throttled)])
            .answers(1, &[refuses(Cause::QuotaExceeded)]),
        Scenario::quiet("loses an answer", vec![plain(), held()])
            .answers(0, &[Answer::LostAfter])
            .answers(1, &[Answer::LostAfter]),
        Scenario::quiet("loses a submission", vec![plain(), held()])
            .answers(0, &[Answer::LostBefore])
            .answers(1, &[Answer::LostBefore]),
        Scenario::quiet(
            "cancels and reschedules",
            vec![
                then(later(20), &[(5, Deed::Cancel)]),
                then(later(20), &[(5, Deed::Reschedule(secs(30)))]),
            ],
        ),
        Scenario::quiet(
            "retries",
            vec![
                then(plain(), &[(60, Deed::Retry { force: false })]),
                then(held(), &[(200, Deed::Retry { force: true })]),
            ],
        )
        .answers(0, &[refuses(Cause::Rejected)])
        .answers(1, &[Answer::LostBefore]),
        Scenario::quiet(
            "expires, and waits far away",
            vec![
                Order {
                    expires_in: Some(Duration::from_millis(15)),
                    ..plain()
                },
                later(1_000),
            ],
        ),
    ]
}
