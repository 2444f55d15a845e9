//! The checked machine: the functions of [`domain::lifecycle`] themselves, or one of them with a [`Mutant`]'s
//! mistake. Each ruling is computed once.

mod beginning;
mod deciding;

use domain::delivery::record::{DueKind, EmailRecord, RecordStatus};
use domain::lifecycle::commands;
use domain::lifecycle::{Condition, Decision, SideEffect, claim_record};
use domain::queue::{Pause, Queue};
use memory::overlay::overlaid;
use rustc_hash::FxHashMap;

use std::time::Duration;

use crate::clock::{FAR, NOW};
use crate::config::Config;
use crate::mutant::Mutant;
use crate::property::{Property, broken_by_telling, content_of};
use crate::records::{RecordId, RecordTable};
use crate::state::{CallerCommand, FeedbackProgress, QueueLoad, QueueState, Reader, Sender, SesAnswer, State, Sweep};

/// A question about a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Question {
    NotClaimable {
        queue: QueueState,
    },
    DropStage {
        claim_no: u8,
        queue: QueueState,
    },
    Job {
        sweep: Sweep,
        queue: QueueState,
    },
    Record {
        claim_no: u8,
        answer: SesAnswer,
    },
    Overdue {
        load: QueueLoad,
        feedback: FeedbackProgress,
        queue: QueueState,
    },
    Heard {
        claim_no: u8,
    },
    DeadLetter {
        claim_no: u8,
    },
    Caller {
        command: CallerCommand,
        left: u8,
        generation: u8,
    },
}

impl Question {
    /// Tells whether a restore asks it.
    pub(crate) fn restores(self) -> bool {
        let restores = Sweep::Restore;
        matches!(self, Self::Job { sweep, .. } if sweep == restores)
    }
}

/// The answer to a question.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ruling {
    Write {
        after: RecordId,
        condition: Option<Condition>,
        side_effect: Effect,
    },
    Only(Effect),
    Forget,
    Refused,
}

/// The side effect.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Effect {
    Nothing,
    EnqueueTask,
    DeadLetter,
}

/// The records, and the known rulings about them.
#[derive(Debug)]
pub(crate) struct Machine {
    pub(crate) config: Config,
    pub(crate) mutant: Option<Mutant>,
    pub(crate) records: RecordTable,
    rulings: FxHashMap<(RecordId, Question), Ruling>,
    writes: FxHashMap<(RecordId, RecordId, RecordId), RecordId>,
    ages: FxHashMap<(RecordId, Duration), RecordId>,
    tellings: FxHashMap<(RecordId, RecordId), Option<Property>>,
}

impl Machine {
    pub(crate) fn new(config: Config, mutant: Option<Mutant>) -> Self {
        Self {
            config,
            mutant,
            records: RecordTable::default(),
            rulings: FxHashMap::default(),
            writes: FxHashMap::default(),
            ages: FxHashMap::default(),
            tellings: FxHashMap::default(),
        }
    }

    pub(crate) fn is(&self, mutant: Mutant) -> bool {
        self.mutant == Some(mutant)
    }

    pub(crate) fn record(&self, id: RecordId) -> &EmailRecord {
        self.records.get(id)
    }

    /// The property that a write breaks for webhooks. The events have hashes for ids, so each pair of records is looked at
    /// once.
    pub(crate) fn broken_by_telling(&mut self, before: RecordId, after: RecordId) -> Option<Property> {
        if let Some(known) = self.tellings.get(&(before, after)) {
            return *known;
        }
        let broken = broken_by_telling(self.record(before), self.record(after));
        self.tellings.insert((before, after), broken);
        broken
    }

    pub(crate) fn ruling(&mut self, seen: RecordId, question: Question) -> Ruling {
        if let Some(known) = self.rulings.get(&(seen, question)) {
            return *known;
        }
        let record = self.records.get(seen).clone();
        let ruling = match self.decide(&record, question) {
            Some(Decision::Write(transition)) => Ruling::Write {
                after: self.records.id(transition.record),
                condition: self.condition(transition.condition, question),
                side_effect: effect(transition.side_effect),
            },
            Some(Decision::Only(side_effect)) => Ruling::Only(effect(side_effect)),
            Some(Decision::Forget) => Ruling::Forget,
            None => Ruling::Refused,
        };
        self.rulings.insert((seen, question), ruling);
        ruling
    }

    fn condition(&self, condition: Condition, question: Question) -> Option<Condition> {
        let careless = self.is(Mutant::CancelUnconditioned)
            && matches!(
                question,
                Question::Caller {
                    command: CallerCommand::Cancel,
                    ..
                }
            );
        (!careless).then_some(condition)
    }

    /// Tells whether a write's condition holds for the stored record.
    fn holds(
        &self,
        condition: Option<Condition>,
        stored: &EmailRecord,
        queue: QueueState,
        after: &EmailRecord,
    ) -> bool {
        let Some(mut condition) = condition else {
            return true;
        };
        if let Condition::Unmoved {
            claim_no,
            status,
            not_before,
        } = &mut condition
        {
            if self.is(Mutant::TimeNotInCondition) {
                *not_before = stored.not_before;
            }
            if self.is(Mutant::StatusNotInCondition) {
                *status = stored.status;
            }
            if self.is(Mutant::ClaimNotInCondition) {
                *claim_no = stored.claim_no;
            }
        }
        let queue_version = condition.queue_version().unwrap_or(queue.version.into());
        let held = after.due.is_some_and(|due| due.kind == DueKind::Held);
        let careless = held && self.is(Mutant::HeldUnconditioned);
        let of_queue = queue_version == u64::from(queue.version) || careless || self.is(Mutant::DroppedUnconditioned);
        of_queue && condition.holds(stored)
    }

    /// Returns the stored record after the write; `None` if its condition does not hold.
    pub(crate) fn write(
        &mut self,
        stored: RecordId,
        before: RecordId,
        after: RecordId,
        condition: Option<Condition>,
        queue: QueueState,
    ) -> Option<RecordId> {
        if !self.holds(condition, self.records.get(stored), queue, self.records.get(after)) {
            return None;
        }
        if stored == before {
            return Some(after);
        }
        if let Some(known) = self.writes.get(&(stored, before, after)) {
            return Some(*known);
        }
        let stored_record = self.records.get(stored).clone();
        let record = overlaid(stored_record, self.records.get(before), self.records.get(after));
        let id = self.records.id(record);
        self.writes.insert((stored, before, after), id);
        Some(id)
    }

    /// Returns the condition of a write that began at `before`.
    pub(crate) fn if_unchanged(&self, before: RecordId) -> Option<Condition> {
        let record = self.records.get(before);
        Some(Condition::Unmoved {
            claim_no: record.claim_no,
            status: record.status,
            not_before: record.not_before,
        })
    }

    /// Tells whether such an email may be erased.
    pub(crate) fn is_erasable(&self, id: RecordId) -> bool {
        self.is(Mutant::ErasesAnything) || commands::erase(self.records.get(id), NOW).is_ok()
    }

    /// Tells whether a tombstone replaces the record, which was read before.
    pub(crate) fn has_tombstone(&self, stored: RecordId, before: RecordId) -> bool {
        let condition = Condition::if_unchanged(self.records.get(before));
        self.is(Mutant::ErasesUnconditioned)
            || self.holds(
                Some(condition),
                self.records.get(stored),
                QueueState::default(),
                self.records.get(before),
            )
    }

    /// Returns the record after a claim, if the claim is possible.
    pub(crate) fn claim(&mut self, stored: RecordId) -> Option<RecordId> {
        let mut record = self.records.get(stored).clone();
        let early = self.is(Mutant::EarlySendTask);
        let seen = EmailRecord {
            not_before: if early { NOW } else { record.not_before },
            ..record.clone()
        };
        let claimable = Condition::Claimable {
            now: NOW,
            epoch: self
                .config
                .policy
                .restore_epoch
                .filter(|_| !self.is(Mutant::ClaimsRestored)),
        };
        if !claimable.holds(&seen) {
            return None;
        }
        record = claim_record(record, &self.config.policy, 0, NOW);
        if self.is(Mutant::AttemptsByReceives) {
            // Each send task from the index is a new message.
            record.attempts = 1;
        }
        Some(self.records.id(record))
    }

    /// Tells whether an email waits, will not expire soon, has its content, and no function is at work on it.
    pub(crate) fn waits_alone(&self, state: &State) -> bool {
        let Some(record) = state.record.map(|id| self.records.get(id)) else {
            return false;
        };
        let idle = state.senders == [Sender::Idle; 2] && state.readers == [Reader::Nobody; 2] && state.late.is_none();
        let waits = record.status == RecordStatus::Queued && record.expires_at == NOW.after(FAR);
        let restored = record.is_restored(self.config.policy.restore_epoch);
        idle && waits && !restored && !state.queue.drops(record) && state.contents & content_of(record) != 0
    }

    /// Tells whether the record is held until a person releases it.
    pub(crate) fn waits_for_a_person(&self, id: RecordId) -> bool {
        let record = self.records.get(id);
        let held = record.due.is_some_and(|due| due.kind == DueKind::Held);
        held && record.is_restored(self.config.policy.restore_epoch)
    }

    /// Tells whether the due index shows the record as due.
    pub(crate) fn overdue_now(&self, id: RecordId) -> bool {
        let due = self.records.get(id).due;
        due.is_some_and(|due| due.at <= NOW && due.kind != DueKind::Held)
    }

    /// Tells whether it has been uncertain for two windows.
    pub(crate) fn waited_twice(&self, id: RecordId) -> bool {
        let (since, window) = (self.records.get(id).uncertain_since, self.config.policy.evidence_window);
        since.is_some_and(|since| NOW.since(since) >= window.saturating_mul(2))
    }

    /// Tells whether the evidence window has passed.
    pub(crate) fn window_is_over(&self, id: RecordId) -> bool {
        let since = self.records.get(id).uncertain_since;
        since.is_some_and(|since| NOW.since(since) >= self.config.policy.evidence_window)
    }

    /// Returns the record after this time has passed.
    pub(crate) fn after_time(&mut self, id: RecordId, by: Duration) -> RecordId {
        if let Some(known) = self.ages.get(&(id, by)) {
            return *known;
        }
        let record = crate::clock::after_time(self.records.get(id), by);
        let aged = self.records.id(record);
        self.ages.insert((id, by), aged);
        aged
    }
}

impl QueueState {
    /// Returns the queue.
    fn to_queue(self, record: &EmailRecord) -> Queue {
        let pause = Pause {
            since: NOW,
            reason: None,
            until: None,
        };
        Queue {
            version: self.version.into(),
            paused: self.paused.then_some(pause),
            generation: self.generation.into(),
            purged_below: if self.purged { self.generation.into() } else { 0 },
            ..Queue::plain(record.queue_key(), NOW)
        }
    }

    /// Tells whether it was purged after an email was requested.
    pub(crate) fn drops(self, record: &EmailRecord) -> bool {
        !self.to_queue(record).wants(record)
    }
}

fn effect(side_effect: SideEffect) -> Effect {
    match side_effect {
        SideEffect::Nothing => Effect::Nothing,
        SideEffect::EnqueueTask { .. } => Effect::EnqueueTask,
        SideEffect::DeadLetter => Effect::DeadLetter,
    }
}
