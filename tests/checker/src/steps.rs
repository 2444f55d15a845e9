//! All possible steps.

use crate::action::{Action, Operation, Process};
use crate::machine::{Effect, Machine, Question, Ruling};
use crate::property::{Property, broken_by_write};
use crate::records::RecordId;
use crate::state::{CallerCommand, Late, SesAnswer, State};

mod accepting;
mod erasing;
mod queueing;
mod reading;
mod sending;
pub(crate) mod telling;
mod time;

/// One step, and the property that it breaks.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Step {
    pub(crate) action: Action,
    pub(crate) to: State,
    pub(crate) broken: Option<Property>,
}

/// The steps from one state.
#[derive(Debug, Default)]
pub(crate) struct Steps {
    found: Vec<Step>,
}

impl Steps {
    pub(crate) fn all(&self) -> &[Step] {
        &self.found
    }

    fn add(&mut self, action: Action, to: State) {
        self.add_checked(action, to, None);
    }

    fn add_checked(&mut self, action: Action, to: State, broken: Option<Property>) {
        self.found.push(Step { action, to, broken });
    }
}

/// Finds all steps from a state.
pub(crate) fn steps(machine: &mut Machine, state: &State, steps: &mut Steps) {
    steps.found.clear();
    accepting::steps(machine, state, steps);
    sending::steps(machine, state, steps);
    reading::steps(machine, state, steps);
    queueing::steps(machine, state, steps);
    erasing::steps(machine, state, steps);
    telling::steps(machine, state, steps);
    time::steps(machine, state, steps);
    for step in &mut steps.found {
        step.to = step.to.sorted();
    }
}

/// A function before its write, and the states that follow.
struct Writer<'a> {
    who: Process,
    seen: RecordId,
    question: Question,
    /// The state after the function has finished.
    ended: &'a dyn Fn(State) -> State,
    /// The state after the function has died.
    died: State,
    /// The state after the function has read the record again.
    moved: &'a dyn Fn(State, RecordId) -> State,
}

/// Adds the steps of a function that has read a record: it decides, and writes under the condition.
///
/// Dying after the write has the same effect as losing the messages that follow from it. Dying before it is added by
/// the caller.
fn write_steps(machine: &mut Machine, state: &State, writer: &Writer<'_>, steps: &mut Steps) {
    let Some(stored) = state.record else { return };
    let does = |operation| Action::Does(writer.who, operation);
    let (after, condition, side_effect) = match machine.ruling(writer.seen, writer.question) {
        Ruling::Forget | Ruling::Refused => {
            steps.add(does(Operation::Ends), (writer.ended)(*state));
            return;
        }
        Ruling::Only(side_effect) => {
            let next = (writer.ended)(*state);
            steps.add(
                does(Operation::Ends),
                apply_side_effect(machine, next, stored, side_effect),
            );
            return;
        }
        Ruling::Write {
            after,
            condition,
            side_effect,
        } => (after, condition, side_effect),
    };
    let Some(record) = machine.write(stored, writer.seen, after, condition, state.queue) else {
        steps.add(does(Operation::FindsMoved), (writer.moved)(*state, stored));
        return;
    };
    let broken = checked(machine, state, (stored, record), writer.question);
    let written = note_answer(
        State {
            record: Some(record),
            ..*state
        },
        writer.question,
    );
    let next = apply_side_effect(machine, (writer.ended)(written), record, side_effect);
    steps.add_checked(does(Operation::Writes), next, broken);
    if machine.config.late_writes && state.late.is_none() {
        let late = Some(Late {
            before: writer.seen,
            after,
            question: writer.question,
        });
        steps.add(does(Operation::LeavesWrite), State { late, ..writer.died });
    }
}

/// Returns the property that a write of the stored record breaks.
fn checked(
    machine: &mut Machine,
    state: &State,
    (before, after): (RecordId, RecordId),
    question: Question,
) -> Option<Property> {
    let records = (machine.record(before), machine.record(after));
    broken_by_write(machine, state, records, question).or_else(|| machine.broken_by_telling(before, after))
}

/// Updates the callers' answers and the spent attempts after a write.
fn note_answer(mut state: State, question: Question) -> State {
    match question {
        Question::Record {
            answer: SesAnswer::GivenBack,
            ..
        }
        | Question::DropStage { .. } => state.spent = state.spent.saturating_sub(1),
        Question::Caller {
            command: command @ (CallerCommand::Retry | CallerCommand::Force),
            ..
        } => {
            state.spent = 0;
            state.canceled = false;
            state.forced |= command == CallerCommand::Force;
        }
        Question::NotClaimable { .. }
        | Question::Job { .. }
        | Question::Record { .. }
        | Question::Overdue { .. }
        | Question::Heard { .. }
        | Question::DeadLetter { .. }
        | Question::Caller { .. } => {}
    }
    state
}

fn apply_side_effect(machine: &Machine, mut state: State, record: RecordId, side_effect: Effect) -> State {
    match side_effect {
        Effect::Nothing => {}
        Effect::EnqueueTask => state.send_task = true,
        Effect::DeadLetter => {
            let claim_no = u8::try_from(machine.record(record).claim_no).unwrap_or(0);
            state.dead_letters = state.dead_letters.with(claim_no);
        }
    }
    state
}
