//! The end of a path without further faults or commands, one step at a time.
//! It goes on until the email has ended and no message is in transit.

use crate::action::{Action, Operation, Process, Ses};
use crate::machine::Machine;
use crate::property::Property;
use crate::state::{Claims, QueueChange, QueueLoad, State};
use crate::steps::Step;
use crate::steps::telling::is_orderly;

/// The constant environment of this path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Environment {
    /// SES's reaction to every submission.
    ses: Ses,
    /// The state of the priority queue.
    load: QueueLoad,
    /// Whether feedback is ever idle.
    feedback: bool,
    /// The steps of time: to the next due time, or long ones.
    time: Action,
}

impl Environment {
    /// The environment without any fault.
    pub(crate) const FAIR: Self = Self {
        ses: Ses::Accepts,
        load: QueueLoad::Flowing,
        feedback: true,
        time: Action::TimePasses,
    };

    /// All environments in which an email has to end.
    pub(crate) const ALL: [Self; 6] = [
        Self::FAIR,
        Self {
            ses: Ses::RefusesForNow,
            ..Self::FAIR
        },
        Self {
            ses: Ses::RefusesForGood,
            ..Self::FAIR
        },
        Self {
            ses: Ses::Hangs,
            feedback: false,
            time: Action::HoursPass,
            ..Self::FAIR
        },
        Self {
            load: QueueLoad::Backlog,
            time: Action::HoursPass,
            ..Self::FAIR
        },
        Self {
            load: QueueLoad::Shut,
            time: Action::DaysPass,
            ..Self::FAIR
        },
    ];
}

impl Environment {
    /// Tells whether it needs steps of hours, which are not explored with callers.
    pub(crate) fn needs_hours(self) -> bool {
        self.load == QueueLoad::Backlog
    }
}

/// Returns the state after all messages in transit are lost. A paused queue is resumed, and all functions learn the
/// queue's state.
pub(crate) fn all_lost(state: &State) -> State {
    let state = if state.queue.paused {
        state.changed(QueueChange::Resume)
    } else {
        *state
    };
    State {
        former: state.queue,
        send_task: false,
        dead_letters: Claims::default(),
        on_the_way: Claims::default(),
        pending: Claims::default(),
        ..state
    }
}

/// Returns the next step; `None` when everything has ended.
///
/// # Errors
/// [`Property::Ends`] when there is no step, and the email has not ended.
pub(crate) fn orderly(
    machine: &Machine,
    state: &State,
    steps: &[Step],
    environment: Environment,
) -> Result<Option<State>, Property> {
    let next = steps
        .iter()
        .filter_map(|step| Some((rank(machine, state, step, environment)?, step.to)));
    let next = next.min_by_key(|(rank, _)| *rank).map(|(_, to)| to);
    let ended = state
        .record
        .is_none_or(|record| machine.record(record).status.is_final() || machine.waits_for_a_person(record));
    match next {
        Some(next) => Ok(Some(next)),
        None if ended => Ok(None),
        None => Err(Property::Ends),
    }
}

/// Returns the order of a step; `None` for faults, for commands, and for steps without a change.
fn rank(machine: &Machine, state: &State, step: &Step, environment: Environment) -> Option<u8> {
    let overdue = state.record.is_some_and(|record| machine.overdue_now(record));
    if step.to == *state
        || step.to.commands != state.commands
        || step.to.changes != state.changes
        || step.to.erasures != state.erasures
    {
        return None;
    }
    match step.action {
        Action::StoresContent(_) | Action::StoresRecord(_) | Action::IsAnswered(_) => Some(0),
        Action::Submits(ses) if ses == environment.ses => Some(1),
        Action::MissesContent => Some(1),
        Action::Does(Process::Promoter(load), Operation::Writes) if load != environment.load => Some(3),
        Action::Does(_, Operation::Writes | Operation::FindsMoved | Operation::Ends) => Some(2),
        Action::Empties | Action::FindsNothing | Action::ErasesFacts | Action::ErasesPayloads => Some(2),
        Action::Tells(function, step) if is_orderly(state, function, step) => Some(2),
        Action::LateWrite => Some(4),
        Action::EventArrives => Some(5),
        Action::Claims | Action::ClaimsBeside if environment.load != QueueLoad::Shut => Some(6),
        Action::AsksFeedback if overdue && environment.feedback => Some(7),
        Action::Does(
            Process::Feedback | Process::DeadLetter | Process::Promoter(_) | Process::Job(_),
            Operation::Reads,
        ) => Some(8),
        Action::IsRefused => Some(8),
        Action::RunEnds | Action::JobEnds(_) => Some(9),
        passes if passes == environment.time => Some(10),
        Action::TimePasses => Some(11),
        Action::Asks(_)
        | Action::BreaksOff(_)
        | Action::Claims
        | Action::ClaimsBeside
        | Action::MeetsStale
        | Action::Changes(_)
        | Action::DiesHolding
        | Action::DiesBeforeRecording
        | Action::Submits(_)
        | Action::AcceptsLate
        | Action::AsksFeedback
        | Action::Does(..)
        | Action::DeletesWebhook
        | Action::Tells(..)
        | Action::HoursPass
        | Action::DaysPass => None,
    }
}
