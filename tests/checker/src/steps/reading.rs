//! `feedback`, `dead_letter`, `manage` and `promote`: each reads the record, decides, and writes.

use domain::delivery::record::RecordStatus;
use strum::VariantArray as _;

use super::{Steps, Writer, write_steps};
use crate::action::{Action, Operation, Process};
use crate::config::Actor;
use crate::machine::{Machine, Question, Ruling};
use crate::mutant::Mutant;
use crate::records::RecordId;
use crate::state::{CallerCommand, FeedbackProgress, QueueLoad, Reader, State};

pub(super) fn steps(machine: &mut Machine, state: &State, steps: &mut Steps) {
    let Some(stored) = state.record else { return };
    let free = state.readers.iter().position(|reader| *reader == Reader::Nobody);
    let busy = state.readers.iter().filter(|reader| **reader != Reader::Nobody).count();
    if let Some(slot) = free.filter(|_| busy < machine.config.readers) {
        begin(machine, state, stored, slot, steps);
    }
    let mut looked_at = Reader::Nobody;
    for (slot, reader) in state.readers.into_iter().enumerate() {
        if reader != looked_at {
            go_on(machine, state, stored, slot, steps);
        }
        looked_at = reader;
    }
}

/// A function receives a message, a request or its minute's trigger, and reads the record.
fn begin(machine: &mut Machine, state: &State, stored: RecordId, slot: usize, steps: &mut Steps) {
    if machine.config.has(Actor::Feedback) {
        for claim_no in state.events.each() {
            read(machine, state, slot, Reader::Feedback { seen: stored, claim_no }, steps);
        }
    }
    if machine.config.has(Actor::DeadLetter) {
        for claim_no in state.dead_letters.each() {
            read(
                machine,
                state,
                slot,
                Reader::DeadLetter { seen: stored, claim_no },
                steps,
            );
        }
        if state.send_task {
            // SQS moved a send task there.
            read(
                machine,
                state,
                slot,
                Reader::DeadLetter {
                    seen: stored,
                    claim_no: 0,
                },
                steps,
            );
        }
    }
    if machine.config.has(Actor::Caller) && state.commands > 0 && state.accepted {
        let next = State {
            commands: state.commands - 1,
            ..*state
        };
        for &command in CallerCommand::VARIANTS {
            read(
                machine,
                &next,
                slot,
                Reader::Caller {
                    seen: stored,
                    command,
                    left: next.commands,
                    generation: state.queue.generation,
                },
                steps,
            );
        }
    }
    if !machine.config.has(Actor::Promoter) || machine.is(Mutant::NoIndex) {
        return;
    }
    if machine.overdue_now(stored) {
        meets(machine, state, stored, slot, FeedbackProgress::Behind, steps);
    }
    if machine.overdue_now(stored) && machine.waited_twice(stored) {
        meets(machine, state, stored, slot, FeedbackProgress::Newer, steps);
    }
    // The progress of feedback matters only to an email that is uncertain, or may become so during the run.
    let status = machine.record(stored).status;
    if state.events.is_empty() && matches!(status, RecordStatus::Sending | RecordStatus::Uncertain) {
        let mut next = *state;
        next.readers[slot] = Reader::Run {
            feedback: FeedbackProgress::Empty,
        };
        steps.add(Action::AsksFeedback, next);
    }
}

/// `promote` reads the record; it knows the queue's current state, or the one at the start of its run.
fn meets(
    machine: &mut Machine,
    state: &State,
    seen: RecordId,
    slot: usize,
    feedback: FeedbackProgress,
    steps: &mut Steps,
) {
    let queues = [state.queue, state.former];
    let different = if state.queue == state.former { 1 } else { 2 };
    for queue in queues.into_iter().take(different) {
        let promoter = Reader::Promoter { seen, feedback, queue };
        read(machine, state, slot, promoter, steps);
    }
}

/// Reads the record; a function without a write ends at once.
fn read(machine: &mut Machine, state: &State, slot: usize, reader: Reader, steps: &mut Steps) {
    let Some((who, seen, question)) = question(reader) else {
        return;
    };
    let mut next = *state;
    next.readers[slot] = reader;
    if let Ruling::Write { .. } = machine.ruling(seen, question) {
        steps.add(Action::Does(who, Operation::Reads), next);
    } else {
        let refused = machine.ruling(seen, question) == Ruling::Refused;
        steps.add(Action::Does(who, Operation::Ends), ended(next, slot, refused));
    }
}

fn question(reader: Reader) -> Option<(Process, RecordId, Question)> {
    match reader {
        Reader::Nobody | Reader::Run { .. } | Reader::Eraser { .. } | Reader::EventEraser(_) | Reader::Emptier => None,
        Reader::Promoter { seen, feedback, queue } => Some((
            Process::Promoter(QueueLoad::Flowing),
            seen,
            Question::Overdue {
                load: QueueLoad::Flowing,
                feedback,
                queue,
            },
        )),
        Reader::Job { seen, sweep, queue } => Some((Process::Job(sweep), seen, Question::Job { sweep, queue })),
        Reader::Feedback { seen, claim_no } => Some((Process::Feedback, seen, Question::Heard { claim_no })),
        Reader::DeadLetter { seen, claim_no } => Some((Process::DeadLetter, seen, Question::DeadLetter { claim_no })),
        Reader::Caller {
            seen,
            command,
            left,
            generation,
        } => Some((
            Process::Caller(command),
            seen,
            Question::Caller {
                command,
                left,
                generation,
            },
        )),
    }
}

/// Returns the state after a reader has finished, and its message is deleted.
fn ended(mut state: State, slot: usize, refused: bool) -> State {
    match state.readers[slot] {
        Reader::Feedback { claim_no, .. } => {
            state.known = true;
            state.events = state.events.without(claim_no);
            state.in_time = state.in_time.without(claim_no);
        }
        Reader::Caller {
            command: CallerCommand::Cancel,
            ..
        } => state.canceled |= !refused,
        Reader::Nobody
        | Reader::Run { .. }
        | Reader::Promoter { .. }
        | Reader::Job { .. }
        | Reader::DeadLetter { .. }
        | Reader::Eraser { .. }
        | Reader::EventEraser(_)
        | Reader::Emptier
        | Reader::Caller { .. } => {}
    }
    state.readers[slot] = Reader::Nobody;
    state
}

fn go_on(machine: &mut Machine, state: &State, stored: RecordId, slot: usize, steps: &mut Steps) {
    let reader = state.readers[slot];
    let mut gone = *state;
    gone.readers[slot] = Reader::Nobody;
    if let Reader::Run { feedback } = reader {
        steps.add(Action::RunEnds, gone);
        if machine.overdue_now(stored) {
            meets(machine, state, stored, slot, feedback, steps);
        }
    }
    let Some((who, seen, question)) = question(reader) else {
        return;
    };
    let refused = machine.ruling(seen, question) == Ruling::Refused;
    steps.add(Action::Does(who, Operation::Dies), gone);
    // The state of the priority queue matters only to emails that wait in it.
    let loads: &[QueueLoad] = match (question, machine.record(seen).status) {
        (Question::Overdue { .. }, RecordStatus::Queued) => QueueLoad::VARIANTS,
        _ => &[QueueLoad::Flowing],
    };
    for load in loads {
        let (who, question) = if let Question::Overdue { feedback, queue, .. } = question {
            let load = *load;
            (Process::Promoter(load), Question::Overdue { load, feedback, queue })
        } else {
            (who, question)
        };
        let writer = Writer {
            who,
            seen,
            question,
            ended: &|state| ended(state, slot, refused),
            died: gone,
            moved: &|mut state, seen| {
                if let Reader::Promoter { queue, .. } | Reader::Job { queue, .. } = reader
                    && queue != state.queue
                {
                    // The next run of `promote`, or the next page of the job, reads the current queue.
                    return gone;
                }
                state.readers[slot] = reader.with(seen);
                state
            },
        };
        write_steps(machine, state, &writer, steps);
    }
    if let Reader::Feedback { .. } = reader {
        // Its event may come again, and a function may die after its write.
        let writer = Writer {
            who,
            seen,
            question,
            ended: &|mut state| {
                state.readers[slot] = Reader::Nobody;
                state
            },
            died: gone,
            moved: &|_, _| gone,
        };
        write_steps(machine, state, &writer, steps);
    }
}
