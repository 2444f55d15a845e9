//! The passing of time, and late writes of dead functions.

use std::time::Duration;

use domain::delivery::record::{EmailRecord, RecordStatus};
use domain::lifecycle::LONGEST_UNCERTAINTY;

use super::{Steps, checked, note_answer};
use crate::action::Action;
use crate::clock::{LONG, NOW, next};
use crate::config::{Actor, WINDOW};
use crate::machine::Machine;
use crate::records::RecordId;
use crate::state::{FeedbackProgress, Late, Reader, Sender, State};

pub(super) fn steps(machine: &mut Machine, state: &State, steps: &mut Steps) {
    late_write(machine, state, steps);
    let Some(stored) = state.record else { return };
    let record = machine.record(stored);
    if record.status.is_final() || !machine.config.has(Actor::Time) {
        return;
    }
    let soonest = next(record);
    // For a queued email, hours mean only that its priority queue has been full for long.
    let alone = record.status == RecordStatus::Queued && machine.config.commands == 0;
    let waits = alone || record.status == RecordStatus::Uncertain;
    let expires = record.expires_at > NOW;
    if let Some(by) = soonest {
        steps.add(Action::TimePasses, after_time(machine, state, by));
    }
    if waits {
        steps.add(Action::HoursPass, after_time(machine, state, LONGEST_UNCERTAINTY));
    }
    if expires {
        steps.add(Action::DaysPass, after_time(machine, state, LONG));
    }
}

fn late_write(machine: &mut Machine, state: &State, steps: &mut Steps) {
    let (
        Some(Late {
            before,
            after,
            question,
        }),
        Some(stored),
    ) = (state.late, state.record)
    else {
        return;
    };
    let next = State { late: None, ..*state };
    let condition = machine.if_unchanged(before);
    match machine.write(stored, before, after, condition, state.queue) {
        Some(record) => {
            let broken = checked(machine, state, (stored, record), question);
            let next = note_answer(
                State {
                    record: Some(record),
                    ..next
                },
                question,
            );
            steps.add_checked(Action::LateWrite, next, broken);
        }
        None => steps.add(Action::LateWrite, next),
    }
}

fn after_time(machine: &mut Machine, state: &State, by: Duration) -> State {
    let mut next = *state;
    let window_ends = state.record.is_some_and(|id| window_ends(machine.record(id), by));
    let older = |feedback| match feedback {
        FeedbackProgress::Empty if window_ends => FeedbackProgress::EmptyEarly,
        FeedbackProgress::Behind | FeedbackProgress::EmptyEarly | FeedbackProgress::Empty | FeedbackProgress::Newer => {
            feedback
        }
    };
    let mut age = |id: RecordId| machine.after_time(id, by);
    next.record = next.record.map(&mut age);
    next.late = next.late.map(|late| Late {
        before: age(late.before),
        after: age(late.after),
        ..late
    });
    for sender in &mut next.senders {
        match sender {
            Sender::Idle => {}
            Sender::Refused { seen, .. } | Sender::Holding { seen, .. } | Sender::Submitted { seen, .. } => {
                *seen = age(*seen)
            }
        }
    }
    for reader in &mut next.readers {
        match reader {
            Reader::Nobody | Reader::EventEraser(_) | Reader::Emptier => {}
            Reader::Run { feedback } => *feedback = older(*feedback),
            Reader::Promoter { seen, feedback, .. } => {
                *seen = age(*seen);
                *feedback = older(*feedback);
            }
            Reader::Job { seen, .. }
            | Reader::Feedback { seen, .. }
            | Reader::DeadLetter { seen, .. }
            | Reader::Eraser { seen }
            | Reader::Caller { seen, .. } => {
                *seen = age(*seen);
            }
        }
    }
    next
}

fn window_ends(record: &EmailRecord, by: Duration) -> bool {
    record.uncertain_since.is_some_and(|since| {
        let waited = NOW.since(since);
        waited < WINDOW && waited.saturating_add(by) >= WINDOW
    })
}
