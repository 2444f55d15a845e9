//! Every call of every function with every fault, one at a time and in pairs.
//!
//! **Method:** a scenario runs once, and its calls are counted. Then it runs again for each call and each fault. In
//! each of these runs, each call after the first fault gets a second fault in turn. Triples add a third fault.
//! **Start reading at** [`scenarios`]; [`Strikes::all`] runs them.

use std::sync::Mutex;
use std::sync::PoisonError;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use domain::delivery::cause::Cause;
use memory::trace::TraceStep;
use memory::{Call, Fault};
use memory::{SUBMIT, SesReaction};

use crate::run::{RunOutcome, run};
use crate::scenario::{EmailCommand, HookPlan, NEWS, Order, QueueCommand, Scenario};

/// The results of all runs.
#[derive(Debug, Default)]
pub struct Strikes {
    /// The number of runs with no, one, two and three faults.
    pub runs: [u64; 4],
    /// Calls of ports.
    pub calls: u64,
    /// The violations, each with the command that repeats it.
    pub broken: Vec<String>,
}

/// One of several equal parts of all first faults. All parts together have each fault once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Part {
    /// The number of this part, from 0.
    number: usize,
    /// The number of parts, at least 1.
    of: usize,
}

impl Part {
    /// All first faults.
    pub const WHOLE: Self = Self { number: 0, of: 1 };

    /// Parses the number of a part, from 1, and the number of parts: `2/4`.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let (number, of) = text.split_once('/')?;
        let (number, of) = (number.parse::<usize>().ok()?.checked_sub(1)?, of.parse().ok()?);
        (number < of).then_some(Self { number, of })
    }
}

impl Strikes {
    /// Runs a scenario with up to `faults` faults on `threads` threads. Each fault is at most `reach` calls after the
    /// previous one. `part` selects the first faults.
    #[must_use]
    pub fn all(scenario: &Scenario, faults: usize, reach: u64, threads: usize, part: Part) -> Self {
        let mut whole = Self::default();
        let outcome = whole.once(scenario);
        let firsts = match outcome {
            Some(outcome) if faults > 0 => {
                let mut firsts = places(&outcome, 0, u64::MAX);
                firsts.extend(throttled(&outcome));
                firsts
            }
            Some(_) | None => Vec::new(),
        };
        let firsts: Vec<_> = firsts.into_iter().skip(part.number).step_by(part.of).collect();
        let (next, whole) = (AtomicUsize::new(0), Mutex::new(whole));
        let work = || {
            let (mut part, mut scenario) = (Self::default(), scenario.clone());
            while let Some((number, fault)) = firsts.get(next.fetch_add(1, Ordering::Relaxed)) {
                scenario.plan = [(*number, *fault)].into();
                // The calls after a throttled call are the same as after one that failed before its effect.
                let more = if *fault == Fault::Throttled { 0 } else { faults - 1 };
                part.deeper(&mut scenario, more, reach);
            }
            whole.lock().unwrap_or_else(PoisonError::into_inner).join(part);
        };
        std::thread::scope(|scope| {
            for _ in 0..threads {
                scope.spawn(work);
            }
        });
        whole.into_inner().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds the results of another thread.
    pub fn join(&mut self, other: Self) {
        for (ours, theirs) in self.runs.iter_mut().zip(other.runs) {
            *ours += theirs;
        }
        self.calls += other.calls;
        self.broken.extend(other.broken);
    }

    /// Runs once; `None` if an invariant was broken.
    fn once(&mut self, scenario: &Scenario) -> Option<RunOutcome> {
        let outcome = run(scenario);
        if let Some(runs) = self.runs.get_mut(scenario.plan.len()) {
            *runs += 1;
        }
        self.calls += outcome.calls;
        let struck = outcome.trace.steps.iter().filter(|step| is_struck(step)).count();
        if struck != scenario.plan.len() {
            let what = format!(
                "{}: {struck} of its faults happened: a run differs from its scenario",
                command(scenario)
            );
            self.broken.push(what);
        }
        let report = outcome.report(&command(scenario));
        let whole = report.is_none();
        self.broken.extend(report);
        whole.then_some(outcome)
    }

    fn deeper(&mut self, scenario: &mut Scenario, faults: usize, reach: u64) {
        let outcome = self.once(scenario);
        let Some(outcome) = outcome.filter(|_| faults > 0) else {
            return;
        };
        let last = scenario.plan.keys().next_back().copied().unwrap_or(0);
        for (number, fault) in places(&outcome, last, last.saturating_add(reach)) {
            scenario.plan.insert(number, fault);
            self.deeper(scenario, faults - 1, reach);
            scenario.plan.remove(&number);
        }
    }
}

fn is_struck(step: &TraceStep) -> bool {
    matches!(step, TraceStep::Call { fault, .. } if *fault != Fault::None)
}

/// Returns the command that repeats a run.
#[must_use]
pub fn command(scenario: &Scenario) -> String {
    let faults = scenario
        .plan
        .iter()
        .map(|(number, fault)| format!(" {number}:{fault:?}"));
    let faults: String = faults.collect();
    format!(
        "cargo run --locked --bin simulation -- strike '{}'{faults}",
        scenario.name
    )
}

/// Returns every call after `last` and up to `until`, with every fault that makes a difference to it.
#[must_use]
pub fn places(outcome: &RunOutcome, last: u64, until: u64) -> Vec<(u64, Fault)> {
    let mut places = Vec::new();
    for step in &outcome.trace.steps {
        let TraceStep::Call {
            number,
            what,
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
        // A call that only reads has no effect before a fault. A call of Lambda itself has no process that could die,
        // and Lambda ignores its answer.
        let faults: &[Fault] = match (writes, environment > 0) {
            (true, true) => &[Fault::Before, Fault::After, Fault::DieBefore, Fault::DieAfter],
            (false, true) => &[Fault::Before, Fault::DieBefore],
            (_, false) => &[Fault::Before],
        };
        places.extend(faults.iter().map(|fault| (number, *fault)));
        if environment > 0 && Call::can_conflict(what, writes) {
            places.push((number, Fault::Conflict));
        }
    }
    places
}

/// Returns every call that an AWS service can throttle; SES throttles by an answer ([`SesReaction`]).
#[must_use]
pub fn throttled(outcome: &RunOutcome) -> Vec<(u64, Fault)> {
    let number = |step: &TraceStep| match *step {
        TraceStep::Call {
            number,
            what,
            environment,
            ..
        } if environment > 0 && what != SUBMIT => Some((number, Fault::Throttled)),
        TraceStep::Call { .. } | TraceStep::EmailRecord { .. } | TraceStep::Event { .. } => None,
    };
    outcome.trace.steps.iter().filter_map(number).collect()
}

fn secs(secs: u64) -> Duration {
    Duration::from_secs(secs)
}

/// Returns the functions' tasks as scenarios, each with several emails at once.
#[must_use]
pub fn scenarios() -> Vec<Scenario> {
    let plain = Order::plain;
    let held = || Order {
        hold: true,
        ..Order::plain()
    };
    let then = |order: Order, commands: &[(u64, EmailCommand)]| Order {
        commands: commands.iter().map(|(at, command)| (secs(*at), *command)).collect(),
        ..order
    };
    let later = |wait: u64| Order {
        scheduled_in: Some(secs(wait)),
        ..Order::plain()
    };
    let news = |wait: u64| Order {
        queue: Some(NEWS),
        ..later(wait)
    };
    let refuses = SesReaction::Refuses;
    vec![
        Scenario::quiet("sends", vec![plain(), Order { large: true, ..held() }]),
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
            .answers(0, &[SesReaction::LostAfter])
            .answers(1, &[SesReaction::LostAfter]),
        Scenario::quiet("loses a submission", vec![plain(), held()])
            .answers(0, &[SesReaction::LostBefore])
            .answers(1, &[SesReaction::LostBefore]),
        Scenario::quiet(
            "cancels and reschedules",
            vec![
                then(later(20), &[(5, EmailCommand::Cancel)]),
                then(later(20), &[(5, EmailCommand::Reschedule(secs(30)))]),
            ],
        ),
        Scenario::quiet(
            "retries",
            vec![
                then(plain(), &[(60, EmailCommand::Retry { force: false })]),
                then(held(), &[(200, EmailCommand::Retry { force: true })]),
            ],
        )
        .answers(0, &[refuses(Cause::Rejected)])
        .answers(1, &[SesReaction::LostBefore]),
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
        Scenario::quiet(
            "is suppressed, and released",
            vec![
                then(
                    later(20),
                    &[
                        (5, EmailCommand::Suppress),
                        (60, EmailCommand::Release),
                        (70, EmailCommand::Retry { force: false }),
                    ],
                ),
                plain(),
            ],
        ),
        Scenario::quiet(
            "is paused, purged and restored",
            vec![then(
                news(10),
                &[
                    (1, EmailCommand::Queue(QueueCommand::Pause)),
                    (20, EmailCommand::Queue(QueueCommand::Purge)),
                    (30, EmailCommand::Queue(QueueCommand::Restore)),
                    (40, EmailCommand::Queue(QueueCommand::Resume)),
                ],
            )],
        ),
        Scenario::quiet(
            "fails and is tried again, and loses its queue",
            vec![
                then(news(0), &[(70, EmailCommand::Queue(QueueCommand::Redrive))]),
                then(
                    news(90),
                    &[
                        (80, EmailCommand::Queue(QueueCommand::Pause)),
                        (100, EmailCommand::Queue(QueueCommand::Delete)),
                    ],
                ),
            ],
        )
        .answers(0, &[refuses(Cause::Rejected)]),
        Scenario {
            limit: Some(1),
            ..Scenario::quiet("waits for a slot", vec![news(0), news(130)])
        }
        .answers(0, &[refuses(Cause::Unavailable)]),
        Scenario::quiet(
            "is erased, and requested again",
            vec![then(plain(), &[(30, EmailCommand::Erase), (40, EmailCommand::Repeat)])],
        ),
        Scenario::quiet(
            "has a webhook, and is erased",
            vec![then(plain(), &[(130, EmailCommand::Erase)])],
        )
        .hooked(HookPlan::default()),
    ]
}
