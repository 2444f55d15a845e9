//! The tests of the checker: no property is broken in any state, every action happens, and every mutant is caught.

use std::collections::BTreeSet;
use std::io::Write as _;
use std::sync::Mutex;
use std::thread;

use checker::action::{Action, HookFunction, HookStep, Operation, Process, Ses};
use checker::config::{Actor, Config};
use checker::explore::{Report, explore};
use checker::mutant::Mutant;
use checker::property::Property;
use checker::state::{CallerCommand, QueueChange, QueueLoad, Sweep};
use checker::told::table;
use invariants::transitions::{TRANSITIONS, Transition};

/// Explores configurations, on two threads.
#[expect(clippy::expect_used, reason = "a panic of a thread is the test's")]
fn explore_all(configs: Vec<Config>) -> Vec<(&'static str, Report)> {
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

/// Returns the actions that concern webhooks.
fn of_webhooks() -> impl Iterator<Item = Action> {
    let of_notify = [
        HookStep::Begins,
        HookStep::Stores,
        HookStep::FindsRecord,
        HookStep::FindsNoRecord,
        HookStep::Withdraws,
        HookStep::ErasesFacts,
        HookStep::ErasesPayloads,
        HookStep::Dies,
    ];
    let of_feedback = [
        HookStep::Begins,
        HookStep::Stores,
        HookStep::Writes,
        HookStep::WritesNothing,
        HookStep::FindsRecord,
        HookStep::FindsNoRecord,
        HookStep::Withdraws,
        HookStep::Dies,
    ];
    let others = [Action::DeletesWebhook, Action::ErasesFacts, Action::ErasesPayloads];
    let all = [
        (HookFunction::Notify, of_notify),
        (HookFunction::Recovery, of_notify),
        (HookFunction::Feedback, of_feedback),
    ];
    all.into_iter()
        .flat_map(|(function, steps)| steps.map(|step| Action::Tells(function, step)))
        .chain(others)
}

/// Returns all actions. None may be missing: without a participant or a fault, every property would be easier to
/// keep.
fn everything() -> BTreeSet<String> {
    let callers = [
        CallerCommand::Cancel,
        CallerCommand::Soon,
        CallerCommand::Later,
        CallerCommand::AtOnce,
        CallerCommand::Retry,
        CallerCommand::Force,
        CallerCommand::Release,
        CallerCommand::CancelRestored,
    ];
    let readers = [
        Process::Promoter(QueueLoad::Flowing),
        Process::Feedback,
        Process::DeadLetter,
    ];
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
        .flat_map(|sweep| of_sweeps.map(|operation| (sweep, operation)))
        // In the usual configurations, no other write comes between the read and the write of a restore.
        .filter(|(sweep, operation)| {
            *sweep != Sweep::Restore || !matches!(operation, Operation::FindsMoved | Operation::Ends)
        })
        .map(|(sweep, operation)| Action::Does(Process::Job(sweep), operation));
    let changes = [
        QueueChange::Pause,
        QueueChange::Resume,
        QueueChange::Purge,
        QueueChange::Restore,
    ];
    let operations = [
        Operation::Reads,
        Operation::Writes,
        Operation::FindsMoved,
        Operation::Ends,
        Operation::Dies,
    ];
    let does = readers.into_iter().chain(callers.map(Process::Caller));
    let does = does.flat_map(|who| operations.map(|operation| Action::Does(who, operation)));
    let loads = [QueueLoad::Backlog, QueueLoad::Shut].map(Process::Promoter);
    let writers = readers.into_iter().chain(loads).chain([Process::Sender]);
    let writers = writers.flat_map(|who| {
        let operations = [
            Operation::Writes,
            Operation::FindsMoved,
            Operation::Ends,
            Operation::LeavesWrite,
        ];
        operations.map(|operation| Action::Does(who, operation))
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
        Action::DiesBeforeRecording,
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
        .chain(operations.map(|operation| Action::Does(Process::Eraser, operation)))
        .chain([Action::Empties, Action::FindsNothing])
        .chain(of_webhooks())
        .map(Action::name)
        .collect()
}

fn happened<'a>(reports: impl IntoIterator<Item = &'a Report>) -> BTreeSet<String> {
    let actions = reports.into_iter().flat_map(|report| report.actions.keys());
    actions.cloned().collect()
}

fn is_in_the_table(edge: &str) -> bool {
    let stays = edge.split_once(" -> ").is_some_and(|(from, to)| from == to);
    let in_words = |transition: &Transition| Some(format!("{:?} -> {:?}", transition.from?, transition.to));
    stays || TRANSITIONS.iter().filter_map(in_words).any(|known| known == edge)
}

#[test]
fn every_property_holds_in_every_state() {
    let reports = explore_all(Config::usual());
    let mut err = std::io::stderr().lock();
    for (name, report) in &reports {
        writeln!(err, "{name}: {report}").unwrap();
    }
    let states: usize = reports.iter().map(|(_, report)| report.states).sum();
    writeln!(err, "{states} distinct states in all").unwrap();
    for (name, report) in &reports {
        assert!(report.broken.is_none(), "{name}: {report}");
    }
    let told = table(reports.iter().map(|(_, report)| report));
    assert_eq!(told, include_str!("../told.txt"), "run make told");
    let happened = happened(reports.iter().map(|(_, report)| report));
    assert_eq!(happened, everything(), "the possible actions, and those that happened");
    for (name, report) in &reports {
        let unknown: Vec<_> = report.edges.iter().filter(|(_, edge)| !is_in_the_table(edge)).collect();
        assert!(
            unknown.is_empty(),
            "{name}: not in the table of transitions: {unknown:?}"
        );
    }
}

#[test]
fn every_mutant_is_caught() {
    for (mutant, name, property) in Mutant::CAUGHT {
        let config = Config::usual().into_iter().find(|config| config.name == name).unwrap();
        let report = explore(config, Some(mutant));
        let broken = report.broken.as_ref().map(|broken| broken.property);
        assert_eq!(broken, Some(property), "{mutant:?} in {name}: {report}");
    }
}

/// A property that no mutant breaks proves nothing.
#[test]
fn every_property_is_broken_by_a_mutant() {
    for property in Property::ALL {
        let broken = Mutant::CAUGHT.iter().any(|(_, _, broken)| broken == property);
        assert!(broken, "{property:?}");
    }
}

/// Without an actor, emails do not end, or the actor's transitions are missing.
#[test]
fn a_missing_actor_is_noticed() {
    let named = |name| Config::usual().into_iter().find(|config| config.name == name).unwrap();
    let (alone, caller) = (named("two attempts, held"), named("a caller, held"));
    let (queue, erased) = (named("a queue"), named("erased, and requested again"));
    let told = named("erased, and told");
    let [whole, with_caller] = [&alone, &caller].map(|config| explore(config.clone(), None));
    let heard = ("feedback", "Uncertain -> Sent".to_owned());
    let beside = Action::ClaimsBeside.name();
    let begins = |function| Action::Tells(function, HookStep::Begins).name();
    assert!(whole.broken.is_none() && with_caller.broken.is_none());
    assert!(whole.edges.contains(&heard) && with_caller.actions.contains_key(&beside));
    for &actor in Actor::ALL {
        let config = match actor {
            Actor::Caller | Actor::SecondSender => &caller,
            Actor::Jobs => &queue,
            Actor::Eraser => &erased,
            Actor::Teller | Actor::FactWriter => &told,
            Actor::Promoter | Actor::Feedback | Actor::DeadLetter | Actor::Time => &alone,
        };
        let without = Config {
            without: Some(actor),
            ..config.clone()
        };
        let report = explore(without, None);
        let missed = match actor {
            Actor::Promoter | Actor::DeadLetter | Actor::Time | Actor::Jobs => {
                report.broken.is_some_and(|broken| broken.property == Property::Ends)
            }
            Actor::Feedback => !report.edges.contains(&heard),
            Actor::Caller => !report.edges.iter().any(|(who, _)| who.starts_with("manage")),
            Actor::SecondSender => !report.actions.contains_key(&beside),
            Actor::Eraser => !report.actions.contains_key(&Action::Empties.name()),
            Actor::Teller => !report.actions.contains_key(&begins(HookFunction::Notify)),
            Actor::FactWriter => !report.actions.contains_key(&begins(HookFunction::Feedback)),
        };
        assert!(missed, "no result changes without {actor:?}");
    }
}
