//! Changes of the email's queue, and the resulting jobs.
//!
//! A job may come at any time, and ends if the email is not at the place that it reads. A write that the job does not
//! see must be refused.

use domain::delivery::record::DueKind;

use super::Steps;
use crate::action::{Action, Operation, Process};
use strum::VariantArray as _;

use crate::config::Actor;
use crate::machine::{Machine, Question, Ruling};
use crate::state::{QueueChange, Reader, State, Sweep};

pub(super) fn steps(machine: &mut Machine, state: &State, steps: &mut Steps) {
    if machine.config.changes == 0 {
        return;
    }
    for &change in QueueChange::VARIANTS {
        let news = match change {
            QueueChange::Pause => !state.queue.paused,
            QueueChange::Resume => state.queue.paused,
            QueueChange::Purge => !state.queue.purged,
            QueueChange::Restore => state.queue.purged,
        };
        if news && state.changes > 0 {
            let mut next = state.changed(change);
            next.changes -= 1;
            steps.add(Action::Changes(change), next);
        }
    }
    if machine.config.has(Actor::Jobs) {
        sweep(machine, state, steps);
    }
}

fn sweep(machine: &mut Machine, state: &State, steps: &mut Steps) {
    let Some(stored) = state.record else { return };
    let busy = state.readers.iter().filter(|reader| **reader != Reader::Nobody).count();
    let free = state.readers.iter().position(|reader| *reader == Reader::Nobody);
    for (at, sweep) in Sweep::VARIANTS.iter().copied().enumerate() {
        if !state.jobs[at] {
            continue;
        }
        let queue = state.queue;
        let (wanted, place) = match sweep {
            Sweep::Release => (!queue.paused, DueKind::Held),
            Sweep::Purge => (queue.purged, DueKind::Held),
            Sweep::Restore => (!queue.purged, DueKind::Ended),
        };
        let anything = machine.is(crate::mutant::Mutant::ReleasesAnything);
        let found = machine.record(stored).due.is_some_and(|due| due.kind == place) || anything;
        let question = Question::Job { sweep, queue };
        let moves = matches!(machine.ruling(stored, question), Ruling::Write { .. });
        if !(wanted && found && moves) {
            let mut next = *state;
            next.jobs[at] = false;
            steps.add(Action::JobEnds(sweep), next);
        } else if let Some(slot) = free.filter(|_| busy < machine.config.readers) {
            let mut next = *state;
            next.readers[slot] = Reader::Job {
                seen: stored,
                sweep,
                queue,
            };
            steps.add(Action::Does(Process::Job(sweep), Operation::Reads), next);
        }
    }
}
