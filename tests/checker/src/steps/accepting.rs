//! `enqueue`, and two clients who use one key for different requests.

use super::Steps;
use crate::action::Action;
use crate::machine::Machine;
use crate::mutant::Mutant;
use crate::promise::{Promise, content_of};
use crate::state::{Client, State};

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
                    row: None,
                };
                steps.add(Action::Asks(at), put(*state, storing));
            }
            Client::Storing { left, content, row } => {
                steps.add(Action::BreaksOff(at), put(*state, Client::Asking { left }));
                if !content {
                    let stored = put(
                        *state,
                        Client::Storing {
                            left,
                            content: true,
                            row,
                        },
                    );
                    let contents = if machine.is(Mutant::BodyNotByHash) {
                        own
                    } else {
                        state.contents | own
                    };
                    steps.add(Action::StoresContent(at), State { contents, ..stored });
                }
                if row.is_none() {
                    let found = state.row.map(|id| content_of(machine.row(id)) == own);
                    let stored = found.is_none().then(|| machine.new_row(own));
                    let next = put(
                        *state,
                        Client::Storing {
                            left,
                            content,
                            row: Some(found.unwrap_or(true)),
                        },
                    );
                    steps.add(
                        Action::StoresRow(at),
                        State {
                            row: stored.or(state.row),
                            ..next
                        },
                    );
                }
                if let (true, Some(ours)) = (content || machine.is(Mutant::AnsweredEarly), row) {
                    answer(state, at, ours, steps);
                }
            }
        }
    }
}

/// 200 and a wake-up, or 200 and none, or 409.
fn answer(state: &State, at: usize, ours: bool, steps: &mut Steps) {
    let mut next = *state;
    next.clients[at] = Client::Gone;
    if !ours {
        steps.add(Action::IsAnswered(at), next);
        return;
    }
    next.promised = true;
    let there = next.row.is_some() && next.contents != 0;
    let broken = (!there).then_some(Promise::Kept);
    steps.add_judged(Action::IsAnswered(at), next, broken);
    steps.add_judged(Action::IsAnswered(at), State { wake_up: true, ..next }, broken);
}
