//! `send`, and SES.

use domain::delivery::record::{OnUncertain, RecordStatus};

use super::{Steps, Writer, write_steps};
use crate::action::{Action, Process, Ses};
use crate::config::Actor;
use crate::machine::{Machine, Question, Ruling};
use crate::mutant::Mutant;
use crate::property::{Property, broken_by_claim, broken_by_submission, content_of};
use crate::records::RecordId;
use crate::state::{QueueState, Sender, SesAnswer, State};

pub(super) fn steps(machine: &mut Machine, state: &State, steps: &mut Steps) {
    ses(machine, state, steps);
    let senders = if machine.config.has(Actor::SecondSender) { 2 } else { 1 };
    // Senders are sorted: of two equal ones only one is explored.
    let mut looked_at = None;
    for (at, sender) in state.senders.into_iter().enumerate() {
        if looked_at == Some(sender) {
            continue;
        }
        looked_at = Some(sender);
        let put = |mut state: State, sender| {
            state.senders[at] = sender;
            state
        };
        match sender {
            Sender::Idle => {
                let busy = state.senders.iter().filter(|sender| **sender != Sender::Idle).count();
                if state.send_task && busy < senders {
                    claim(machine, state, state.queue, &put, steps);
                    if state.former != state.queue {
                        claim(machine, state, state.former, &put, steps);
                    }
                }
            }
            Sender::Refused { seen, queue } => {
                let writer = Writer {
                    who: Process::Sender,
                    seen,
                    question: Question::NotClaimable { queue },
                    ended: &|state| put(state, Sender::Idle),
                    died: put(*state, Sender::Idle),
                    moved: &|state, seen| {
                        if queue == state.queue {
                            put(state, Sender::Refused { seen, queue })
                        } else {
                            // Its send task comes again.
                            put(state, Sender::Idle)
                        }
                    },
                };
                write_steps(machine, state, &writer, steps);
            }
            Sender::Holding { seen, queue } if queue.drops(machine.record(seen)) => {
                drop_in_hand(machine, state, (seen, queue), &put, steps);
            }
            Sender::Holding { seen, .. } => submit(machine, state, seen, &put, steps),
            Sender::Submitted { seen, claim_no, answer } => {
                let is_accepted = answer == SesAnswer::Accepted;
                let writer = Writer {
                    who: Process::Sender,
                    seen,
                    question: Question::Record { claim_no, answer },
                    ended: &|state| {
                        put(
                            State {
                                known: state.known || is_accepted,
                                ..state
                            },
                            Sender::Idle,
                        )
                    },
                    died: put(*state, Sender::Idle),
                    moved: &|state, seen| put(state, Sender::Submitted { seen, claim_no, answer }),
                };
                steps.add(Action::DiesBeforeRecording, put(*state, Sender::Idle));
                write_steps(machine, state, &writer, steps);
            }
        }
    }
}

/// SES, and its events on their way.
fn ses(machine: &Machine, state: &State, steps: &mut Steps) {
    for claim_no in state.pending.each() {
        let next = State {
            pending: state.pending.without(claim_no),
            ..*state
        };
        steps.add(Action::AcceptsLate, accepted(next, claim_no));
    }
    for claim_no in state.on_the_way.each() {
        let mut next = State {
            on_the_way: state.on_the_way.without(claim_no),
            ..*state
        };
        next.events = next.events.with(claim_no);
        if state.record.is_none_or(|record| !machine.window_is_over(record)) {
            next.in_time = next.in_time.with(claim_no);
        }
        steps.add(Action::EventArrives, next);
    }
}

/// A sender that knows this state of the queue receives a send task.
fn claim(
    machine: &mut Machine,
    state: &State,
    queue: QueueState,
    put: &dyn Fn(State, Sender) -> State,
    steps: &mut Steps,
) {
    let Some(stored) = state.record else { return };
    let stale = queue != state.queue;
    let claimed = if queue.paused { None } else { machine.claim(stored) };
    let Some(claimed) = claimed else {
        // Another send task may be received anyway, so that returning or deleting this one changes nothing.
        if let Ruling::Write { .. } = machine.ruling(stored, Question::NotClaimable { queue }) {
            let action = if stale { Action::MeetsStale } else { Action::IsRefused };
            steps.add(action, put(*state, Sender::Refused { seen: stored, queue }));
        }
        return;
    };
    let broken = broken_by_claim(machine, machine.record(stored), machine.record(claimed));
    let after = if machine.is(Mutant::NoClaim) { stored } else { claimed };
    let next = State {
        record: Some(after),
        spent: state.spent.saturating_add(1),
        ..*state
    };
    let beside = state.senders.iter().any(|sender| *sender != Sender::Idle);
    let action = match (stale, beside) {
        (true, _) => Action::MeetsStale,
        (false, true) => Action::ClaimsBeside,
        (false, false) => Action::Claims,
    };
    let holding = Sender::Holding {
        seen: claimed,
        queue: if queue.drops(machine.record(claimed)) {
            queue
        } else {
            QueueState::default()
        },
    };
    steps.add_checked(action, put(next, holding), broken);
}

/// A sender has claimed an email that its queue drops.
fn drop_in_hand(
    machine: &mut Machine,
    state: &State,
    (seen, queue): (RecordId, QueueState),
    put: &dyn Fn(State, Sender) -> State,
    steps: &mut Steps,
) {
    let claim_no = u8::try_from(machine.record(seen).claim_no).unwrap_or(0);
    steps.add(Action::DiesHolding, put(*state, Sender::Idle));
    let still = state.record.is_some_and(|stored| {
        let record = machine.record(stored);
        record.status == RecordStatus::Sending && record.claim_no == u32::from(claim_no)
    });
    let fresh = if state.queue.drops(machine.record(seen)) {
        state.queue
    } else {
        QueueState::default()
    };
    let writer = Writer {
        who: Process::Sender,
        seen,
        question: Question::DropStage { claim_no, queue },
        ended: &|state| put(state, Sender::Idle),
        died: put(*state, Sender::Idle),
        moved: &|state, _| {
            if still {
                put(state, Sender::Holding { seen, queue: fresh })
            } else {
                put(state, Sender::Idle)
            }
        },
    };
    write_steps(machine, state, &writer, steps);
}

/// A sender with a claim loads the content, if it exists, and calls SES.
fn submit(machine: &Machine, state: &State, seen: RecordId, put: &dyn Fn(State, Sender) -> State, steps: &mut Steps) {
    let claimed = machine.record(seen);
    let claim_no = u8::try_from(claimed.claim_no).unwrap_or(0);
    steps.add(Action::DiesHolding, put(*state, Sender::Idle));
    let submitted = |state: State, answer| put(state, Sender::Submitted { seen, claim_no, answer });
    let wanted = content_of(claimed);
    let found = if machine.is(Mutant::BodyNotByHash) {
        state.contents
    } else {
        state.contents & wanted
    };
    if found == 0 {
        steps.add(Action::MissesContent, submitted(*state, SesAnswer::ForNow));
        return;
    }
    let wrong = (found & wanted == 0).then_some(Property::SameContent);
    let broken = broken_by_submission(state, claimed).or(wrong);
    let held = claimed.on_uncertain == OnUncertain::Hold;
    let doubtful = if held {
        state.doubtful.with(claim_no)
    } else {
        state.doubtful
    };
    let reached = State { doubtful, ..*state };
    let mut ses = |does: Ses, to: State| steps.add_checked(Action::Submits(does), to, broken);
    ses(
        Ses::Accepts,
        submitted(accepted(reached, claim_no), SesAnswer::Accepted),
    );
    ses(
        Ses::AcceptsUnheard,
        submitted(accepted(reached, claim_no), SesAnswer::Lost),
    );
    ses(Ses::RefusesForNow, submitted(*state, SesAnswer::ForNow));
    ses(Ses::RefusesForGood, submitted(*state, SesAnswer::ForGood));
    ses(
        Ses::Hangs,
        submitted(
            State {
                pending: reached.pending.with(claim_no),
                ..reached
            },
            SesAnswer::Lost,
        ),
    );
    if state.given_back > 0 {
        let next = State {
            given_back: state.given_back - 1,
            ..*state
        };
        ses(Ses::GivesBack, submitted(next, SesAnswer::GivenBack));
    }
    if machine.is(Mutant::SdkRetry) {
        let twice = accepted(accepted(reached, claim_no), claim_no);
        ses(Ses::Accepts, submitted(twice, SesAnswer::Accepted));
        ses(
            Ses::RefusesForGood,
            submitted(accepted(reached, claim_no), SesAnswer::ForGood),
        );
    }
}

fn accepted(state: State, claim_no: u8) -> State {
    State {
        copies: state.copies.saturating_add(1).min(2),
        on_the_way: state.on_the_way.with(claim_no),
        ..state
    }
}
