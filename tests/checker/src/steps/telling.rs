//! `notify` and `feedback`, as far as they store events and facts for webhooks.
//!
//! **Teller:** `notify` with changes of the stream, or with a page of a recovery job. It stores the payload, and looks
//! at the record again. If the record is gone, it deletes the payload and all that is left of the email.
//! **Fact writer:** `feedback` stores the fact, and writes the record. If it wrote nothing, it looks at the record
//! again, and deletes the fact if the record is gone.
//! **Deaths:** each may die before any step. The stream, the due index or SQS then begins again.

use super::Steps;
use crate::action::{Action, HookFunction, HookStep};
use crate::config::Actor;
use crate::machine::Machine;
use crate::mutant::Mutant;
use crate::state::{Changes, Erasing, FactWriter, Page, Stage, State, Telling};

pub(super) fn steps(machine: &Machine, state: &State, steps: &mut Steps) {
    if !machine.config.is_told {
        return;
    }
    if state.telling.webhook {
        let telling = Telling {
            webhook: false,
            ..state.telling
        };
        steps.add(Action::DeletesWebhook, State { telling, ..*state });
    }
    let mut add = |function, step, telling| {
        steps.add(Action::Tells(function, step), State { telling, ..*state });
    };
    if machine.config.has(Actor::Teller) {
        teller(machine, state, &mut |step, telling| {
            add(HookFunction::Notify, step, telling);
        });
        recovery(machine, state, &mut |step, telling| {
            add(HookFunction::Recovery, step, telling);
        });
    }
    if machine.config.has(Actor::FactWriter) {
        fact_writer(machine, state, &mut |step, telling| {
            add(HookFunction::Feedback, step, telling);
        });
    }
}

/// Tells whether a step belongs to a path without further faults. Only a retry begins there.
pub(crate) fn is_orderly(state: &State, function: HookFunction, step: HookStep) -> bool {
    match (function, step) {
        (_, HookStep::Dies) => false,
        (HookFunction::Notify, HookStep::Begins) => !state.telling.retried.is_empty(),
        (HookFunction::Feedback, HookStep::Begins) => state.telling.event_retried,
        (HookFunction::Notify | HookFunction::Recovery | HookFunction::Feedback, _) => true,
    }
}

/// The possible next batches. Each has a change that is retried, if there is one.
fn batches(telling: Telling) -> impl Iterator<Item = Changes> {
    let (all, retried) = (telling.changes, telling.retried);
    let parts = [(true, false), (false, true), (true, true)].map(|(record, fact)| Changes { record, fact });
    parts
        .into_iter()
        .filter(move |part| part.without(all).is_empty() && (retried.is_empty() || retried.without(*part) != retried))
}

fn teller(machine: &Machine, state: &State, add: &mut impl FnMut(HookStep, Telling)) {
    let telling = state.telling;
    if telling.teller == Stage::Idle {
        for batch in batches(telling) {
            let stage = if batch.fact || !telling.webhook {
                let webhook = telling.webhook;
                Stage::Reading { webhook }
            } else {
                Stage::Storing
            };
            let begun = Telling {
                retried: telling.retried.without(batch),
                batch,
                teller: stage,
                ..telling
            };
            let unread = !telling.webhook && machine.is(Mutant::NoLookWithoutWebhook);
            let next = if unread { teller_is_idle(begun) } else { begun };
            add(HookStep::Begins, next);
        }
        return;
    }
    let died = Telling {
        retried: telling.retried.and(telling.batch),
        ..teller_is_idle(telling)
    };
    add(HookStep::Dies, died);
    let stores = telling.batch.record;
    let (step, next, stage) = tells(machine, state, telling.teller, stores);
    let next = if stage == Stage::Idle {
        teller_is_idle(next)
    } else {
        Telling { teller: stage, ..next }
    };
    add(step, next);
}

fn teller_is_idle(telling: Telling) -> Telling {
    Telling {
        batch: Changes::default(),
        teller: Stage::Idle,
        ..telling
    }
}

fn recovery(machine: &Machine, state: &State, add: &mut impl FnMut(HookStep, Telling)) {
    let telling = state.telling;
    if telling.recovery == Stage::Idle {
        let forgets = machine.is(Mutant::RecoveryForgotten);
        let (recovery, page) = match (telling.page, state.record) {
            (Page::Done, _) => return,
            (Page::Due | Page::Begun, Some(_)) if telling.webhook => (Stage::Storing, Page::Begun),
            (Page::Begun, None) if !forgets => (erases(false), Page::Begun),
            (Page::Due | Page::Begun, _) => (Stage::Idle, Page::Done),
        };
        add(
            HookStep::Begins,
            Telling {
                recovery,
                page,
                ..telling
            },
        );
        return;
    }
    let died = Telling {
        recovery: Stage::Idle,
        ..telling
    };
    add(HookStep::Dies, died);
    let (step, next, recovery) = tells(machine, state, telling.recovery, false);
    let page = if recovery == Stage::Idle {
        Page::Done
    } else {
        Page::Begun
    };
    add(step, Telling { recovery, page, ..next });
}

/// The first stage of `erase_events`.
fn erases(stores: bool) -> Stage {
    Stage::Erasing {
        next: Erasing::Facts,
        stores,
    }
}

/// The step of `notify` in this stage, the state after it, and the next stage.
///
/// `stores`: whether its batch has a change of the record, which brings the record along.
fn tells(machine: &Machine, state: &State, stage: Stage, stores: bool) -> (HookStep, Telling, Stage) {
    let telling = state.telling;
    let store_if = |stores| if stores { Stage::Storing } else { Stage::Idle };
    match stage {
        Stage::Idle => (HookStep::FindsRecord, telling, Stage::Idle),
        Stage::Reading { webhook } if state.record.is_some() => (HookStep::FindsRecord, telling, store_if(webhook)),
        Stage::Reading { webhook } => {
            let stores = webhook && stores;
            let next = if machine.is(Mutant::OthersNotErased) {
                store_if(stores)
            } else {
                erases(stores)
            };
            (HookStep::FindsNoRecord, telling, next)
        }
        Stage::Storing => {
            let next = if machine.is(Mutant::TellerLooksOnce) {
                Stage::Idle
            } else {
                Stage::Looking
            };
            let payload = true;
            (HookStep::Stores, Telling { payload, ..telling }, next)
        }
        Stage::Looking if state.record.is_some() => (HookStep::FindsRecord, telling, Stage::Idle),
        Stage::Looking => (HookStep::FindsNoRecord, telling, Stage::Withdrawing),
        Stage::Withdrawing => {
            let payload = false;
            (HookStep::Withdraws, Telling { payload, ..telling }, erases(false))
        }
        Stage::Erasing { next, stores } => match next {
            Erasing::Facts => {
                let next = Stage::Erasing {
                    next: Erasing::Payloads,
                    stores,
                };
                (HookStep::ErasesFacts, Telling { fact: false, ..telling }, next)
            }
            Erasing::Payloads => {
                let payload = false;
                let next = Telling { payload, ..telling };
                (HookStep::ErasesPayloads, next, store_if(stores))
            }
        },
    }
}

fn fact_writer(machine: &Machine, state: &State, add: &mut impl FnMut(HookStep, Telling)) {
    let telling = state.telling;
    let ended = Telling {
        writer: FactWriter::Idle,
        event_retried: false,
        ..telling
    };
    let at = |writer| Telling { writer, ..telling };
    let gone = state.record.is_none();
    if telling.writer != FactWriter::Idle {
        let died = Telling {
            event_retried: true,
            ..ended
        };
        add(HookStep::Dies, died);
    }
    match telling.writer {
        FactWriter::Idle if !gone => add(HookStep::Begins, at(FactWriter::Storing)),
        FactWriter::Idle if machine.is(Mutant::RetryLeavesFact) => add(HookStep::Begins, ended),
        // The fact may be left of a run that died.
        FactWriter::Idle => add(HookStep::Begins, at(FactWriter::Withdrawing)),
        FactWriter::Storing => {
            let mut next = at(FactWriter::Writing);
            // The stream's filter takes the creation of a fact only.
            next.changes.fact |= !telling.fact;
            next.fact = true;
            add(HookStep::Stores, next);
        }
        FactWriter::Writing => {
            if !gone {
                add(HookStep::Writes, ended);
            }
            let looks_once = machine.is(Mutant::FactWriterLooksOnce);
            let next = if looks_once { ended } else { at(FactWriter::Looking) };
            add(HookStep::WritesNothing, next);
        }
        FactWriter::Looking if gone => add(HookStep::FindsNoRecord, at(FactWriter::Withdrawing)),
        FactWriter::Looking => add(HookStep::FindsRecord, ended),
        FactWriter::Withdrawing => add(HookStep::Withdraws, Telling { fact: false, ..ended }),
    }
}
