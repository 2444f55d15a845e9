//! The erasure of the email, and the functions that find nothing afterwards.
//!
//! A conditional write replaces the record by a tombstone. If webhooks are told, facts and payloads are deleted next, in
//! this order. Then the contents are deleted, and the request is answered. If the function stops between the steps,
//! the client gets no answer and may repeat.

use super::Steps;
use crate::action::{Action, Operation, Process};
use crate::clock::NOW;
use crate::config::Actor;
use crate::machine::Machine;
use crate::mutant::Mutant;
use crate::property::Property;
use crate::records::RecordId;
use crate::state::{Erasing, ErasureState, Reader, Sender, State, Telling};

pub(super) fn steps(machine: &mut Machine, state: &State, steps: &mut Steps) {
    if machine.config.erasures == 0 || !machine.config.has(Actor::Eraser) {
        return;
    }
    let free = state.readers.iter().position(|reader| *reader == Reader::Nobody);
    let busy = state.readers.iter().filter(|reader| **reader != Reader::Nobody).count();
    if let Some(slot) = free.filter(|_| busy < machine.config.readers && state.erasures > 0 && state.accepted) {
        let erasures = state.erasures - 1;
        let next = put(State { erasures, ..*state }, slot, found(machine, state));
        let operation = if next.readers[slot] == Reader::Nobody {
            Operation::Ends
        } else {
            Operation::Reads
        };
        steps.add(Action::Does(Process::Eraser, operation), next);
    }
    let mut looked_at = Reader::Nobody;
    for (slot, reader) in state.readers.into_iter().enumerate() {
        if reader != looked_at {
            go_on(machine, state, slot, steps);
        }
        looked_at = reader;
    }
    if state.record.is_none() && state.erasure != ErasureState::None {
        find_nothing(state, steps);
    }
}

/// Returns the next step of a caller that has just read: none, if the email has not ended.
fn found(machine: &Machine, state: &State) -> Reader {
    match state.record {
        Some(seen) if machine.is_erasable(seen) && machine.is(Mutant::EventsErasedFirst) => events(machine),
        Some(seen) if machine.is_erasable(seen) => Reader::Eraser { seen },
        Some(_) => Reader::Nobody,
        None => events(machine),
    }
}

/// Returns the first step of erasing the events; without webhooks, the one after it.
fn events(machine: &Machine) -> Reader {
    if machine.config.is_told {
        Reader::EventEraser(Erasing::Facts)
    } else {
        Reader::Emptier
    }
}

fn after_tombstone(machine: &Machine) -> Reader {
    if machine.is(Mutant::EventsErasedFirst) {
        Reader::Emptier
    } else {
        events(machine)
    }
}

/// Returns the next step after the events were erased.
fn after_events(machine: &Machine, state: &State) -> Reader {
    match state.record {
        Some(seen) if machine.is(Mutant::EventsErasedFirst) => Reader::Eraser { seen },
        Some(_) | None => Reader::Emptier,
    }
}

fn put(mut state: State, slot: usize, reader: Reader) -> State {
    state.readers[slot] = reader;
    state
}

fn go_on(machine: &Machine, state: &State, slot: usize, steps: &mut Steps) {
    let gone = put(*state, slot, Reader::Nobody);
    match state.readers[slot] {
        Reader::Eraser { seen } => {
            steps.add(Action::Does(Process::Eraser, Operation::Dies), gone);
            replace_with_tombstone(machine, state, (slot, seen), steps);
        }
        Reader::EventEraser(Erasing::Facts) => {
            steps.add(Action::Does(Process::Eraser, Operation::Dies), gone);
            let telling = Telling {
                fact: false,
                ..state.telling
            };
            let next = put(*state, slot, Reader::EventEraser(Erasing::Payloads));
            steps.add(Action::ErasesFacts, State { telling, ..next });
        }
        Reader::EventEraser(Erasing::Payloads) => {
            steps.add(Action::Does(Process::Eraser, Operation::Dies), gone);
            let telling = Telling {
                payload: false,
                ..state.telling
            };
            let next = put(*state, slot, after_events(machine, state));
            steps.add(Action::ErasesPayloads, State { telling, ..next });
        }
        Reader::Emptier => {
            steps.add(Action::Does(Process::Eraser, Operation::Dies), gone);
            let closed = State {
                contents: 0,
                erasure: ErasureState::Answered,
                ..gone
            };
            steps.add(Action::Empties, closed);
        }
        Reader::Nobody
        | Reader::Run { .. }
        | Reader::Promoter { .. }
        | Reader::Job { .. }
        | Reader::Feedback { .. }
        | Reader::DeadLetter { .. }
        | Reader::Caller { .. } => {}
    }
}

fn replace_with_tombstone(machine: &Machine, state: &State, (slot, seen): (usize, RecordId), steps: &mut Steps) {
    match state.record {
        Some(stored) if machine.has_tombstone(stored, seen) => {
            let tombstone = State {
                record: None,
                erasure: ErasureState::Replaced,
                ..put(*state, slot, after_tombstone(machine))
            };
            // An expired email has ended, even if no function has written that yet.
            let ended = machine.record(stored).status_at(NOW).is_final();
            let broken = (!ended).then_some(Property::Stored);
            steps.add_checked(Action::Does(Process::Eraser, Operation::Writes), tombstone, broken);
        }
        Some(_) | None => {
            let next = put(*state, slot, found(machine, state));
            steps.add(Action::Does(Process::Eraser, Operation::FindsMoved), next);
        }
    }
}

/// A function that has read or claimed the record is refused its write, and ends.
fn find_nothing(state: &State, steps: &mut Steps) {
    for (at, sender) in state.senders.into_iter().enumerate() {
        if sender != Sender::Idle {
            let mut next = *state;
            next.senders[at] = Sender::Idle;
            steps.add(Action::FindsNothing, next);
        }
    }
    for (slot, reader) in state.readers.into_iter().enumerate() {
        if !matches!(
            reader,
            Reader::Nobody | Reader::Emptier | Reader::EventEraser(_) | Reader::Eraser { .. }
        ) {
            steps.add(Action::FindsNothing, put(*state, slot, Reader::Nobody));
        }
    }
}
