//! `enqueue`, and two clients that use one key for different requests.

use super::Steps;
use crate::action::Action;
use crate::machine::Machine;
use crate::mutant::Mutant;
use crate::property::{Property, content_of};
use crate::state::{Client, ErasureState, State};

pub(super) fn steps(machine: &mut Machine, state: &State, steps: &mut Steps) {
    for (at, client) in state.clients.into_iter().enumerate() {
        let put = |mut state: State, client| {
            state.clients[at] = client;
            state
        };
        let own = if at == 0 { 1 } else { 2 };
        match client {
            Client::Gone | Client::Asking { left: 0 } => {}
            Client::Asking { left } => {
                let storing = Client::Storing {
                    left: left - 1,
                    content: false,
                    record: None,
                };
                steps.add(Action::Asks(at), put(*state, storing));
            }
            Client::Storing { left, content, record } => {
                let mut broken_off = put(*state, Client::Asking { left });
                if content && state.erasure == ErasureState::Answered {
                    broken_off.erasure = ErasureState::ContentLeft;
                }
                steps.add(Action::BreaksOff(at), broken_off);
                if !content {
                    let stored = put(
                        *state,
                        Client::Storing {
                            left,
                            content: true,
                            record,
                        },
                    );
                    let contents = if machine.is(Mutant::BodyNotByHash) {
                        own
                    } else {
                        state.contents | own
                    };
                    steps.add(Action::StoresContent(at), State { contents, ..stored });
                }
                if record.is_none() {
                    // A tombstone belongs to a known request: every configuration with erasures begins with the first
                    // client's.
                    let remembered = state.erasure != ErasureState::None && !machine.is(Mutant::TombstoneForgotten);
                    let found = state.record.map(|id| content_of(machine.record(id)) == own);
                    let found = found.or_else(|| remembered.then_some(own == 1));
                    let stored = found.is_none().then(|| machine.new_record(own));
                    let next = put(
                        *state,
                        Client::Storing {
                            left,
                            content,
                            record: Some(found.unwrap_or(true)),
                        },
                    );
                    steps.add(
                        Action::StoresRecord(at),
                        State {
                            record: stored.or(state.record),
                            ..next
                        },
                    );
                }
                if let (true, Some(ours)) = (content || machine.is(Mutant::AnsweredEarly), record) {
                    answer(machine, state, at, ours, steps);
                }
            }
        }
    }
}

/// The answers: 200 with a send task, 200 without one, or 409.
fn answer(machine: &Machine, state: &State, at: usize, ours: bool, steps: &mut Steps) {
    let mut next = *state;
    next.clients[at] = Client::Gone;
    if !ours {
        steps.add(Action::IsAnswered(at), next);
        return;
    }
    if state.record.is_none() && state.erasure != ErasureState::None {
        // The same answer as before; the content that the request stored again is deleted.
        if !machine.is(Mutant::ErasedContentKept) {
            next.contents = 0;
        }
        steps.add(Action::IsAnswered(at), next);
        return;
    }
    next.accepted = true;
    let there = next.record.is_some() && next.contents != 0;
    let broken = (!there).then_some(Property::Stored);
    steps.add_checked(Action::IsAnswered(at), next, broken);
    steps.add_checked(
        Action::IsAnswered(at),
        State {
            send_task: true,
            ..next
        },
        broken,
    );
}
