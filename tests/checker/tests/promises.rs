//! No promise is broken anywhere, everything that may happen did, and every mistake is caught.

use std::collections::BTreeSet;
use std::io::Write as _;
use std::sync::Mutex;
use std::thread;

use checker::action::{Action, Operation, Ses, Who};
use checker::config::{Actor, Config};
use checker::explore::{Report, explore};
use checker::mutant::Mutant;
use checker::promise::Promise;
use checker::state::{Change, Lane, Sweep, Wish};

/// Explores them, on two threads.
#[expect(clippy::expect_used, reason = "a panic of a thread is the test's")]
fn explored(configs: Vec<Config>) -> Vec<(&'static str, Report)> {
    let (todo, done) = (Mutex::new(configs), Mutex::new(Vec::new()));
    let next = || todo.lock().expect("no thread panics").pop();
    thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                while let Some(config) = next() {
                    let name = config.name;
                    let report = explore(config, None);
                    done.lock().expect("no thread panics").push((name, report));
                }
            });
        }
    });
    done.into_inner().expect("no thread panics")
}

/// Everything that can happen to an email, of which nothing may be missing: an actor that is
/// left out, or a fault that no longer occurs, would make every promise easier to keep.
fn everything() -> BTreeSet<String> {
    let callers = [
        Wish::Cancel,
        Wish::Soon,
        Wish::Later,
        Wish::AtOnce,
        Wish::Retry,
        Wish::Force,
    ];
    let readers = [Who::Promoter(Lane::Flowing), Who::Feedback, Who::DeadLetter];
    let sweeps = [Sweep::Release, Sweep::Purge, Sweep::Restore];
    let of_sweeps = [
        Operation::Reads,
        Operation::Writes,
        Operation::FindsMoved,
        Operation::Ends,
        Operation::Dies,
    ];
    let jobs = sweeps
        .into_iter()
        .flat_map(|sweep| of_sweeps.map(|deed| (sweep, deed)))
        // In none of the usual configurations does anybody come between a restore and its record.
        .filter(|(sweep, deed)| *sweep != Sweep::Restore || !matches!(deed, Operation::FindsMoved | Operation::Ends))
        .map(|(sweep, deed)| Action::Does(Who::Job(sweep), deed));
    let changes = [Change::Pause, Change::Resume, Change::Purge, Change::Restore];
    let deeds = [
        Operation::Reads,
        Operation::Writes,
        Operation::FindsMoved,
        Operation::Ends,
        Operation::Dies,
    ];
    let does = readers.into_iter().chain(callers.map(Who::Caller));
    let does = does.flat_map(|who| deeds.map(|deed| Action::Does(who, deed)));
    let lanes = [Lane::Backlog, Lane::Shut].map(Who::Promoter);
    let writers = readers.into_iter().chain(lanes).chain([Who::Sender]);
    let writers = writers.flat_map(|who| {
        let deeds = [
            Operation::Writes,
            Operation::FindsMoved,
            Operation::Ends,
            Operation::LeavesWrite,
        ];
        deeds.map(|deed| Action::Does(who, deed))
    });
    let ses = [
        Ses::Accepts,
        Ses::AcceptsUnheard,
        Ses::GivesBack,
        Ses::RefusesForNow,
        Ses::RefusesForGood,
        Ses::Hangs,
    ];
    let others = [
        Action::Asks(0),
        Action::StoresContent(0),
        Action::StoresRecord(0),
        Action::IsAnswered(0),
        Action::BreaksOff(0),
        Action::Claims,
        Action::ClaimsBeside,
        Action::IsRefused,
        Action::MeetsStale,
        Action::DiesHolding,
        Action::DiesAsked,
        Action::MissesContent,
        Action::AcceptsLate,
        Action::EventArrives,
        Action::AsksFeedback,
        Action::RunEnds,
        Action::LateWrite,
        Action::TimePasses,
        Action::HoursPass,
        Action::DaysPass,
    ];
    does.chain(writers)
        .chain(ses.map(Action::Submits))
        .chain(others)
        .chain(jobs)
        .chain(sweeps.map(Action::JobEnds))
        .chain(changes.map(Action::Changes))
        .chain(deeds.map(|deed| Action::Does(Who::Eraser, deed)))
        .chain([Action::Empties, Action::FindsNothing])
        .map(Action::name)
        .collect()
}

fn happened<'a>(reports: impl IntoIterator<Item = &'a Report>) -> BTreeSet<String> {
    let actions = reports.into_iter().flat_map(|report| report.actions.keys());
    actions.cloned().collect()
}

#[test]
fn in_every_state_every_promise_is_kept() {
    let reports = explored(Config::usual());
    let mut err = std::io::stderr().lock();
    for (name, report) in &reports {
        writeln!(err, "{name}: {report}").unwrap();
    }
    let states: usize = reports.iter().map(|(_, report)| report.states).sum();
    writeln!(err, "{states} distinct states in all").unwrap();
    for (name, report) in &reports {
        assert!(report.broken.is_none(), "{name}: {report}");
    }
    let happened = happened(reports.iter().map(|(_, report)| report));
    assert_eq!(happened, everything(), "what may happen, and what did");
}

#[test]
fn every_mistake_is_caught() {
    for (mutant, name, promise) in Mutant::CAUGHT {
        let config = Config::usual().into_iter().find(|config| config.name == name).unwrap();
        let report = explore(config, Some(mutant));
        let broken = report.broken.as_ref().map(|broken| broken.promise);
        assert_eq!(broken, Some(promise), "{mutant:?} in {name}: {report}");
    }
}

/// A promise that no mistake breaks would be none.
#[test]
fn every_promise_is_broken_by_some_mistake() {
    for promise in Promise::ALL {
        let broken = Mutant::CAUGHT.iter().any(|(_, _, broken)| *broken == promise);
        assert!(broken, "{promise:?}");
    }
}

/// To leave an actor out is noticed: emails no longer end, or what it alone does is not done.
#[test]
fn without_any_actor_something_is_missing() {
    let named = |name| Config::usual().into_iter().find(|config| config.name == name).unwrap();
    let (alone, caller) = (named("two attempts, held"), named("a caller, held"));
    let (queue, erased) = (named("a queue"), named("erased, and asked for again"));
    let [whole, with_caller] = [&alone, &caller].map(|config| explore(config.clone(), None));
    let heard = ("feedback", "Uncertain -> Sent".to_owned());
    let beside = Action::ClaimsBeside.name();
    assert!(whole.broken.is_none() && with_caller.broken.is_none());
    assert!(whole.edges.contains(&heard) && with_caller.actions.contains_key(&beside));
    for actor in Actor::ALL {
        let config = match actor {
            Actor::Caller | Actor::SecondSender => &caller,
            Actor::Jobs => &queue,
            Actor::Eraser => &erased,
            Actor::Promoter | Actor::Feedback | Actor::DeadLetter | Actor::Time => &alone,
        };
        let without = Config {
            without: Some(actor),
            ..config.clone()
        };
        let report = explore(without, None);
        let missed = match actor {
            Actor::Promoter | Actor::DeadLetter | Actor::Time | Actor::Jobs => {
                report.broken.is_some_and(|broken| broken.promise == Promise::Ends)
            }
            Actor::Feedback => !report.edges.contains(&heard),
            Actor::Caller => !report.edges.iter().any(|(who, _)| who.starts_with("manage")),
            Actor::SecondSender => !report.actions.contains_key(&beside),
            Actor::Eraser => !report.actions.contains_key(&Action::Empties.name()),
        };
        assert!(missed, "nobody misses {actor:?}");
    }
}
