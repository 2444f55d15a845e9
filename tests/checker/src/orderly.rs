//! How things go on when nothing more goes wrong and nobody asks for anything: one step at a
//! time, until the email has ended and nothing is under way.

use crate::action::{Action, Deed, Ses, Who};
use crate::machine::Machine;
use crate::promise::Promise;
use crate::state::{Claims, State};
use crate::steps::Step;

/// The same moment, when everything that is under way is lost.
pub(crate) fn all_lost(state: &State) -> State {
    State {
        wake_up: false,
        hand_overs: Claims::default(),
        on_the_way: Claims::default(),
        pending: Claims::default(),
        ..*state
    }
}

/// The next step; `None` when all has ended.
///
/// # Errors
/// [`Promise::Ends`] when there is none, and the email has not ended.
pub(crate) fn orderly(machine: &Machine, state: &State, steps: &[Step]) -> Result<Option<State>, Promise> {
    let next = steps
        .iter()
        .filter_map(|step| Some((rank(machine, state, step)?, step.to)));
    let next = next.min_by_key(|(rank, _)| *rank).map(|(_, to)| to);
    let ended = state.row.is_none_or(|row| machine.row(row).status.is_final());
    match next {
        Some(next) => Ok(Some(next)),
        None if ended => Ok(None),
        None => Err(Promise::Ends),
    }
}

/// In which order things are done; `None` for what goes wrong, for what somebody wants, and for
/// what changes nothing.
fn rank(machine: &Machine, state: &State, step: &Step) -> Option<u8> {
    let overdue = state.row.is_some_and(|row| machine.overdue_now(row));
    if step.to == *state || step.to.wishes != state.wishes {
        return None;
    }
    match step.action {
        Action::StoresContent(_) | Action::StoresRow(_) | Action::IsAnswered(_) => Some(0),
        Action::Submits(Ses::Accepts) | Action::MissesContent => Some(1),
        Action::Does(_, Deed::Writes | Deed::FindsMoved | Deed::Ends) => Some(2),
        Action::LateWrite => Some(3),
        Action::EventArrives => Some(4),
        Action::Claims | Action::ClaimsBeside => Some(5),
        Action::AsksFeedback if overdue => Some(6),
        Action::Does(Who::Feedback | Who::DeadLetter | Who::Promoter, Deed::Reads) => Some(7),
        Action::IsRefused => Some(7),
        Action::RunEnds => Some(8),
        Action::TimePasses => Some(9),
        Action::Asks(_)
        | Action::BreaksOff(_)
        | Action::DiesHolding
        | Action::DiesAsked
        | Action::Submits(_)
        | Action::AcceptsLate
        | Action::AsksFeedback
        | Action::Does(..)
        | Action::HoursPass
        | Action::DaysPass => None,
    }
}
