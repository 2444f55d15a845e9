//! No promise is broken anywhere, everything that may happen did, and every mistake is caught.

use std::collections::BTreeSet;
use std::io::Write as _;
use std::sync::Mutex;
use std::thread;

use checker::action::{Action, Deed, Ses, Who};
use checker::config::{Actor, Config};
use checker::explore::{Report, explore};
use checker::mutant::Mutant;
use checker::promise::Promise;
use checker::state::Wish;

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
    let readers = [Who::Promoter, Who::Feedback, Who::DeadLetter].into_iter();
    let readers = readers.chain(callers.map(Who::Caller));
    let deeds = [
        Deed::Reads,
        Deed::Writes,
        Deed::FindsMoved,
        Deed::Ends,
        Deed::Dies,
        Deed::LeavesWrite,
    ];
    let does = readers.flat_map(|who| deeds.map(|deed| Action::Does(who, deed)));
    let senders = [Deed::Writes, Deed::FindsMoved, Deed::Ends, Deed::LeavesWrite];
    let senders = senders.map(|deed| Action::Does(Who::Sender, deed));
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
        Action::StoresRow(0),
        Action::IsAnswered(0),
        Action::BreaksOff(0),
        Action::Claims,
        Action::ClaimsBeside,
        Action::IsRefused,
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
    does.chain(senders)
        .chain(ses.map(Action::Submits))
        .chain(others)
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

/// To leave an actor out is noticed: something cannot happen any more, or never ends.
#[test]
fn without_any_actor_something_is_missing() {
    let small = ["two attempts, held", "a caller, held"];
    let configs = || {
        Config::usual()
            .into_iter()
            .filter(|config| small.contains(&config.name))
    };
    let whole: Vec<Report> = configs().map(|config| explore(config, None)).collect();
    let whole = happened(&whole);
    for actor in Actor::ALL {
        let without = configs().map(|config| Config {
            without: Some(actor),
            ..config
        });
        let reports: Vec<Report> = without.map(|config| explore(config, None)).collect();
        let stuck = reports.iter().filter_map(|report| report.broken.as_ref());
        let stuck = stuck
            .map(|broken| broken.promise)
            .any(|promise| promise == Promise::Ends);
        let less = happened(&reports).len() < whole.len();
        assert!(stuck || less, "nobody misses {actor:?}");
    }
}
