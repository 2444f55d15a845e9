//! Runs the simulation by hand, for any time, and repeats a run.

#![expect(clippy::print_stdout, reason = "a program that a person runs")]

use std::process::ExitCode;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use memory::Fault;
use simulation::run::run;
use simulation::scenario::Scenario;
use simulation::seeds::Totals;
use simulation::systematic::{Part, Strikes, command, scenarios};

/// The number of seeds after which every fault has happened: the rarest happens once in seven hundred.
const ENOUGH: u64 = 10_000;

const USAGE: &str = "\
simulation seeds [--for SECONDS] [--from SEED] [--threads N]   random scenarios, each with its seed
simulation systematic [--faults N] [--reach CALLS] [--threads N] [--part K/N]
                                                               a fault in every call of every scenario; pairs, triples;
                                                               the K-th of N parts of the first faults
simulation replay SEED                                         one seed again, with the history of its emails
simulation strike SCENARIO CALL:FAULT ...                      one scenario again, with these faults";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let done = match words.split_first() {
        Some((&"seeds", options)) => seeds(options),
        Some((&"systematic", options)) => systematic(options),
        Some((&"replay", &[seed])) => seed.parse().ok().map(replay),
        Some((&"strike", [name, faults @ ..])) => strike(name, faults),
        _ => None,
    };
    match done {
        Some(true) => ExitCode::SUCCESS,
        Some(false) => ExitCode::FAILURE,
        None => {
            println!("{USAGE}");
            ExitCode::from(2)
        }
    }
}

/// Returns the number after an option, or the default without the option; `None` if it is not a number.
fn option(options: &[&str], name: &str, default: u64) -> Option<u64> {
    match options.iter().position(|option| *option == name) {
        Some(at) => options.get(at + 1)?.trim_end_matches('s').parse().ok(),
        None => Some(default),
    }
}

fn seeds(options: &[&str]) -> Option<bool> {
    let time = Duration::from_secs(option(options, "--for", 180)?);
    let (from, threads) = (option(options, "--from", 1)?, option(options, "--threads", 1)?);
    let (began, next, broken) = (Instant::now(), AtomicU64::new(from), AtomicBool::new(false));
    let work = || {
        let mut totals = Totals::default();
        while began.elapsed() < time && !broken.load(Ordering::Relaxed) {
            if let Some(report) = totals.run(next.fetch_add(1, Ordering::Relaxed)) {
                broken.store(true, Ordering::Relaxed);
                println!("{report}");
            }
        }
        totals
    };
    let mut totals = Totals::default();
    std::thread::scope(|scope| {
        let workers: Vec<_> = (0..threads).map(|_| scope.spawn(work)).collect();
        for worker in workers {
            if let Ok(part) = worker.join() {
                totals.join(part);
            }
        }
    });
    println!("{}", totals.table());
    println!("from seed {from}, in {:.1} s", began.elapsed().as_secs_f64());
    if broken.load(Ordering::Relaxed) {
        return Some(false);
    }
    let missing = totals.missing();
    if !missing.is_empty() {
        println!(
            "These faults never happened, so the run proves less: {}",
            missing.join(", ")
        );
    }
    // A short run may miss rare faults.
    Some(missing.is_empty() || totals.seeds < ENOUGH)
}

fn systematic(options: &[&str]) -> Option<bool> {
    let (faults, reach) = (option(options, "--faults", 2)?, option(options, "--reach", u64::MAX)?);
    let threads = usize::try_from(option(options, "--threads", 1)?).ok()?;
    let part = match options.iter().position(|option| *option == "--part") {
        Some(at) => Part::parse(options.get(at + 1)?)?,
        None => Part::WHOLE,
    };
    let mut whole = true;
    for scenario in scenarios() {
        let began = Instant::now();
        let strikes = Strikes::all(&scenario, usize::try_from(faults).ok()?, reach, threads, part);
        let [_, singles, pairs, triples] = strikes.runs;
        println!(
            "{}: {singles} single faults, {pairs} pairs, {triples} triples, {} calls, {} broken, {:.1} s",
            scenario.name,
            strikes.calls,
            strikes.broken.len(),
            began.elapsed().as_secs_f64()
        );
        if let Some(first) = strikes.broken.first() {
            whole = false;
            println!("{first}");
        }
    }
    Some(whole)
}

fn replay(seed: u64) -> bool {
    show(&Scenario::random(seed), &format!("seed {seed}"))
}

fn strike(name: &str, faults: &[&str]) -> Option<bool> {
    let mut scenario = scenarios().into_iter().find(|scenario| scenario.name == name)?;
    for fault in faults {
        let (number, fault) = fault.split_once(':')?;
        let all = [
            Fault::Before,
            Fault::After,
            Fault::DieBefore,
            Fault::DieAfter,
            Fault::Conflict,
            Fault::Throttled,
        ];
        let fault = all.into_iter().find(|known| format!("{known:?}") == fault)?;
        scenario.plan.insert(number.parse().ok()?, fault);
    }
    Some(show(&scenario, &command(&scenario)))
}

fn show(scenario: &Scenario, name: &str) -> bool {
    let outcome = run(scenario);
    match outcome.report(name) {
        Some(report) => println!("{report}"),
        None => println!(
            "{name}: no invariant is broken, {} emails, {} calls",
            outcome.emails, outcome.calls
        ),
    }
    if outcome
        .violation
        .as_ref()
        .is_some_and(|violation| violation.email.is_none())
    {
        println!("{}", outcome.trace.all(simulation::run::START.as_millis()));
    }
    println!("trace {:016x}", outcome.trace.hash());
    outcome.violation.is_none()
}
