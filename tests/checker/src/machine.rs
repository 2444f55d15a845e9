//! The checked machine: the functions of [`domain::lifecycle`] themselves, or one of them with a [`Mutant`]'s
//! mistake. Each ruling is computed once.

use domain::delivery::attempt::Attempt;
use domain::delivery::cause::Cause;
use domain::delivery::record::{BodyPlace, BodyRef, Due, DueKind, EmailRecord, RecordStatus};
use domain::delivery::retry::Jitter;
use domain::delivery::ses_event::{SesEvent, SesEventKind};
use domain::id::{EmailId, TenantId};
use domain::lifecycle::commands::{self, Times};
use domain::lifecycle::queue_control::{DropStage, drop_unwanted, purge, reconcile, release, restore};
use domain::lifecycle::{
    Condition, Decision, Feedback, Outlook, PriorityQueueState, SideEffect, claimed, fail, heard, not_claimable,
    overdue, record_attempt,
};
use domain::queue::{Pause, Queue};
use domain::timestamp::Timestamp;
use memory::overlay::overlaid;
use rustc_hash::FxHashMap;

use std::collections::BTreeMap;
use std::time::Duration;

use crate::clock::{FAR, MOMENT, NOW};
use crate::config::{Begin, Config};
use crate::mutant::Mutant;
use crate::property::content_of;
use crate::records::{RecordId, RecordTable};
use crate::state::{Answer, Asked, Lane, Line, Reader, Sender, State, Sweep, Wish};

/// A question about a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Question {
    NotClaimable { line: Line },
    DropStage { claim_no: u8, line: Line },
    Job { sweep: Sweep, line: Line },
    Record { claim_no: u8, answer: Answer },
    Overdue { lane: Lane, feedback: Asked, line: Line },
    Heard { claim_no: u8 },
    DeadLetter { claim_no: u8 },
    Caller { wish: Wish, left: u8, generation: u8 },
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
        }
    }

    pub(crate) fn is(&self, mutant: Mutant) -> bool {
        self.mutant == Some(mutant)
    }

    pub(crate) fn record(&self, id: RecordId) -> &EmailRecord {
        self.records.get(id)
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
        let careless =
            self.is(Mutant::CancelUnconditioned) && matches!(question, Question::Caller { wish: Wish::Cancel, .. });
        (!careless).then_some(condition)
    }

    /// Tells whether a write's condition holds for the stored record.
    fn holds(&self, condition: Option<Condition>, stored: &EmailRecord, line: Line, after: &EmailRecord) -> bool {
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
        let queue_version = condition.queue_version().unwrap_or(line.no.into());
        let held = after.due.is_some_and(|due| due.kind == DueKind::Held);
        let careless = held && self.is(Mutant::HeldUnconditioned);
        let of_queue = queue_version == u64::from(line.no) || careless || self.is(Mutant::DroppedUnconditioned);
        of_queue && condition.holds(stored)
    }

    /// Returns the stored record after the write; `None` if its condition does not hold.
    pub(crate) fn write(
        &mut self,
        stored: RecordId,
        before: RecordId,
        after: RecordId,
        condition: Option<Condition>,
        line: Line,
    ) -> Option<RecordId> {
        if !self.holds(condition, self.records.get(stored), line, self.records.get(after)) {
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
    pub(crate) fn unmoved(&self, before: RecordId) -> Option<Condition> {
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
        let condition = Condition::unmoved(self.records.get(before));
        self.is(Mutant::BuriesAnything)
            || self.holds(
                Some(condition),
                self.records.get(stored),
                Line::default(),
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
        if !(Condition::Claimable { now: NOW }).holds(&seen) {
            return None;
        }
        record = claimed(record, &self.config.policy, 0, NOW);
        if self.is(Mutant::AttemptsByReceives) {
            // Each send task from the index is a new message.
            record.attempts = 1;
        }
        Some(self.records.id(record))
    }

    /// Returns the record of a request that is accepted now.
    pub(crate) fn new_record(&mut self, content: u8) -> RecordId {
        let record = crate::clock::waiting(first_record(&self.config, content), &self.config);
        self.records.id(record)
    }

    /// Returns the record in the first state of a configuration.
    pub(crate) fn first_record(&mut self, begin: Begin) -> RecordId {
        let id = self.new_record(1);
        let mut record = self.records.get(id).clone();
        if matches!(begin, Begin::Uncertain | Begin::Marked) {
            record.claim_no = 1;
            record.attempts = u32::from(begin == Begin::Uncertain);
        }
        if begin == Begin::Failed {
            (record.claim_no, record.attempts) = (1, 1);
            (record.status, record.cause) = (RecordStatus::Failed, Some(Cause::Rejected));
            record.due = Some(Due {
                kind: DueKind::Ended,
                at: NOW,
            });
        }
        record.maybe_duplicate = begin == Begin::Marked;
        if begin == Begin::Uncertain {
            record.status = RecordStatus::Uncertain;
            record.uncertain_since = Some(NOW);
            record.due = Some(Due {
                kind: DueKind::Check,
                at: NOW.after(self.config.policy.evidence_window),
            });
        }
        self.records.id(record)
    }

    /// Tells whether an email waits, will not expire soon, has its content, and no function is at work on it.
    pub(crate) fn waits_alone(&self, state: &State) -> bool {
        let Some(record) = state.record.map(|id| self.records.get(id)) else {
            return false;
        };
        let idle = state.senders == [Sender::Idle; 2] && state.readers == [Reader::Nobody; 2] && state.late.is_none();
        let waits = record.status == RecordStatus::Queued && record.expires_at == NOW.after(FAR);
        idle && waits && !state.line.drops(record) && state.contents & content_of(record) != 0
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
    pub(crate) fn aged(&mut self, id: RecordId, by: Duration) -> RecordId {
        if let Some(known) = self.ages.get(&(id, by)) {
            return *known;
        }
        let record = crate::clock::aged(self.records.get(id), by);
        let aged = self.records.id(record);
        self.ages.insert((id, by), aged);
        aged
    }

    fn decide(&self, record: &EmailRecord, question: Question) -> Option<Decision> {
        let policy = &self.config.policy;
        let mut decision = match question {
            Question::NotClaimable { .. } | Question::Overdue { .. }
                if record.status == RecordStatus::Queued && self.is(Mutant::ExpiresEarly) =>
            {
                let over = EmailRecord {
                    expires_at: NOW,
                    ..record.clone()
                };
                not_claimable(&over, NOW)
            }
            Question::NotClaimable { line } => self.met(record, line).unwrap_or_else(|| not_claimable(record, NOW)),
            Question::DropStage { claim_no, line } => {
                let claim_no = u32::from(claim_no);
                drop_unwanted(record, &line.queue(record), DropStage::InHand { claim_no }, NOW)
            }
            Question::Job { sweep, line } => self.job(record, sweep, line),
            Question::Record { claim_no, answer } => {
                let stale = record.claim_no != u32::from(claim_no) || record.status != RecordStatus::Sending;
                if answer == Answer::Accepted && stale && self.is(Mutant::OldOkDropped) {
                    return Some(Decision::Forget);
                }
                let attempt = self.attempt(claim_no, answer);
                record_attempt(record, u32::from(claim_no), attempt, policy, Jitter::NONE, NOW)
            }
            Question::Overdue { lane, feedback, line } => self
                .met(record, line)
                .unwrap_or_else(|| self.overdue(record, lane, feedback)),
            Question::Heard { claim_no } => {
                if record.status.is_final() && record.status != RecordStatus::Sent && self.is(Mutant::EventCannotRevive)
                {
                    return Some(Decision::Forget);
                }
                heard(record, &event(record, claim_no))
            }
            Question::DeadLetter { claim_no } => self.dead_letter(record, claim_no),
            Question::Caller { wish, left, generation } => self.asked(record, wish, generation, clock_of(left))?,
        };
        if let Decision::Write(transition) = &mut decision {
            self.spoil(record, &mut transition.record);
            if self.is(Mutant::DeadLetterWithoutFailing) && transition.record.status == RecordStatus::Failing {
                return Some(Decision::Only(SideEffect::DeadLetter));
            }
        }
        Some(decision)
    }

    fn attempt(&self, claim_no: u8, answer: Answer) -> Attempt {
        let refused = |cause| Attempt::NotAccepted {
            cause,
            detail: String::new(),
        };
        match answer {
            Answer::Lost if self.is(Mutant::LostAnswerIsSent) => Attempt::Accepted {
                message_id: String::new(),
            },
            Answer::Accepted => Attempt::Accepted {
                message_id: format!("ses-{claim_no}"),
            },
            Answer::GivenBack => refused(Cause::Throttled),
            Answer::ForNow if self.is(Mutant::GivesUpEarly) => refused(Cause::Rejected),
            Answer::ForNow => refused(Cause::Unavailable),
            Answer::ForGood => refused(Cause::Rejected),
            Answer::Lost if self.is(Mutant::UncertainIsTransient) => refused(Cause::Unavailable),
            Answer::Lost => Attempt::Ambiguous,
        }
    }

    /// Returns the queue's effect on the email.
    fn met(&self, record: &EmailRecord, line: Line) -> Option<Decision> {
        if self.is(Mutant::PurgesRetried) {
            let before = EmailRecord {
                generation: Some(0),
                ..record.clone()
            };
            let mut decision = reconcile(&before, &line.queue(record), NOW);
            if let Some(Decision::Write(transition)) = &mut decision {
                transition.record.generation = record.generation;
            }
            return decision;
        }
        reconcile(record, &line.queue(record), NOW)
    }

    fn job(&self, record: &EmailRecord, sweep: Sweep, line: Line) -> Decision {
        let policy = &self.config.policy;
        match sweep {
            Sweep::Release if self.is(Mutant::ReleasesAnything) => {
                let held = EmailRecord {
                    status: RecordStatus::Queued,
                    due: Some(Due {
                        kind: DueKind::Held,
                        at: NOW,
                    }),
                    ..record.clone()
                };
                let open = Queue::plain(record.queue_key(), NOW);
                let mut decision = release(&held, &open, policy, NOW);
                if let Decision::Write(transition) = &mut decision {
                    let (claim_no, status, not_before) = (record.claim_no, record.status, record.not_before);
                    transition.condition = Condition::Unmoved {
                        claim_no,
                        status,
                        not_before,
                    };
                }
                decision
            }
            Sweep::Release => release(record, &line.queue(record), policy, NOW),
            Sweep::Purge => purge(record, &line.queue(record), policy, NOW),
            Sweep::Restore if self.is(Mutant::CanceledRestored) => {
                let purged = EmailRecord {
                    cause: Some(Cause::Purged),
                    ..record.clone()
                };
                restore(&purged, policy, NOW)
            }
            Sweep::Restore => restore(record, policy, NOW),
        }
    }

    fn overdue(&self, record: &EmailRecord, lane: Lane, feedback: Asked) -> Decision {
        let empty_at = match feedback {
            Asked::Behind if self.is(Mutant::EvidenceIgnored) => Some(NOW),
            Asked::EmptyEarly if self.is(Mutant::EvidenceAskedEarly) => Some(NOW),
            Asked::Behind | Asked::Newer => None,
            // While the window is open, the exact time makes no difference.
            Asked::EmptyEarly => record.uncertain_since,
            Asked::Empty => Some(NOW),
        };
        let outlook = Outlook {
            feedback: Feedback {
                empty_at,
                newest: (feedback == Asked::Newer).then_some(NOW),
            },
            priority_queue: match lane {
                Lane::Flowing => PriorityQueueState::Flowing,
                Lane::Backlog => PriorityQueueState::Backlog,
                Lane::Shut => PriorityQueueState::Shut,
            },
        };
        let now = match &record.lease {
            Some(lease) if self.is(Mutant::LeaseIgnored) => NOW.max(lease.until),
            Some(_) | None => NOW,
        };
        overdue(record, outlook, &self.config.policy, now)
    }

    fn dead_letter(&self, record: &EmailRecord, claim_no: u8) -> Decision {
        let mut seen = record.clone();
        let believed = self.is(Mutant::DeadLetterWithoutFailing) && record.claim_no == u32::from(claim_no);
        if self.is(Mutant::BlindDeadLetter) || believed {
            if record.status.is_final() {
                return Decision::Forget;
            }
            seen.status = RecordStatus::Failing;
            let mut decision = fail(&seen, record.claim_no, NOW);
            if let Decision::Write(transition) = &mut decision {
                let (claim_no, not_before) = (record.claim_no, record.not_before);
                transition.condition = Condition::Unmoved {
                    claim_no,
                    status: record.status,
                    not_before,
                };
            }
            return decision;
        }
        fail(&seen, u32::from(claim_no), NOW)
    }

    fn asked(&self, record: &EmailRecord, wish: Wish, generation: u8, now: Timestamp) -> Option<Decision> {
        let policy = &self.config.policy;
        let at = |scheduled_at: Timestamp, expires_at| {
            let times = Times {
                scheduled_at,
                expires_at,
            };
            commands::reschedule(record, times, FAR, policy, now)
        };
        let line = Line {
            generation,
            ..Line::default()
        };
        let force = wish == Wish::Force || self.is(Mutant::UnknownRetriedUnforced);
        let decision = match wish {
            Wish::Cancel if self.is(Mutant::CancelUnwritten) => Ok(Decision::Forget),
            Wish::Cancel if self.is(Mutant::MarkedCanceled) => {
                let unmarked = EmailRecord {
                    maybe_duplicate: false,
                    ..record.clone()
                };
                commands::cancel(&unmarked, now)
            }
            Wish::Cancel => commands::cancel(record, now),
            Wish::Soon => at(now.after(Duration::from_secs(60)), None),
            Wish::Later => at(now.after(Duration::from_secs(3600)), None),
            Wish::AtOnce => at(now, Some(now.after(Duration::from_secs(30)))),
            Wish::Retry | Wish::Force => commands::retry(record, force, &line.queue(record), FAR, policy, now),
        };
        decision.ok()
    }

    /// Applies mistakes to the written record.
    fn spoil(&self, before: &EmailRecord, after: &mut EmailRecord) {
        let settled = before.status == RecordStatus::Uncertain && after.status == RecordStatus::Queued;
        if after.cause == Some(Cause::Purged) && self.is(Mutant::PurgedUnmarked) {
            after.status = RecordStatus::Canceled;
        }
        let forced = before.status == RecordStatus::Unknown && after.status == RecordStatus::Queued;
        if (self.is(Mutant::NoMark) && settled) || (self.is(Mutant::ForceUnmarked) && forced) {
            after.maybe_duplicate = before.maybe_duplicate;
        }
        let (unknown, queued) = (
            after.status == RecordStatus::Unknown,
            before.status == RecordStatus::Queued,
        );
        if self.is(Mutant::MarkedFails) && unknown && !queued {
            after.status = RecordStatus::Failed;
        }
        if self.is(Mutant::MarkedExpires) && unknown && queued {
            after.status = RecordStatus::Expired;
        }
        if self.is(Mutant::MarkedCanceled) {
            after.maybe_duplicate |= before.maybe_duplicate;
        }
        if self.is(Mutant::EndedStaysIndexed) && after.status.is_final() {
            after.due = before.due;
        }
        if self.is(Mutant::ClaimNoReset) && after.attempts < before.attempts {
            after.claim_no -= 1;
        }
    }
}

fn first_record(config: &Config, content: u8) -> EmailRecord {
    let sha256 = if content == 1 { "first" } else { "second" };
    let body = BodyRef {
        sha256: sha256.to_owned(),
        place: BodyPlace::Table,
        bytes: 1,
    };
    let record = EmailRecord::new(TenantId::main(), EmailId::from_random([1; 16]), body, 1, NOW);
    EmailRecord {
        born: NOW.before(MOMENT),
        generation: Some(0),
        on_uncertain: config.on_uncertain,
        ..record
    }
}

impl Line {
    /// Returns the queue.
    fn queue(self, record: &EmailRecord) -> Queue {
        let pause = Pause {
            since: NOW,
            reason: None,
            until: None,
        };
        Queue {
            no: self.no.into(),
            paused: self.paused.then_some(pause),
            generation: self.generation.into(),
            purged_below: if self.purged { self.generation.into() } else { 0 },
            ..Queue::plain(record.queue_key(), NOW)
        }
    }

    /// Tells whether it was purged after an email was requested.
    pub(crate) fn drops(self, record: &EmailRecord) -> bool {
        !self.queue(record).wants(record)
    }
}

/// The time in a caller's command, which differs from every other caller's by a millisecond.
fn clock_of(left: u8) -> Timestamp {
    NOW.before(Duration::from_millis(u64::from(left) + 1))
}

fn effect(side_effect: SideEffect) -> Effect {
    match side_effect {
        SideEffect::Nothing => Effect::Nothing,
        SideEffect::EnqueueTask { .. } => Effect::EnqueueTask,
        SideEffect::DeadLetter => Effect::DeadLetter,
    }
}

/// Returns SES's event for the acceptance of a claim.
fn event(record: &EmailRecord, claim_no: u8) -> SesEvent {
    SesEvent {
        tenant: record.tenant.clone(),
        id: record.id,
        born: record.born,
        claim_no: u32::from(claim_no),
        message_id: format!("ses-{claim_no}"),
        accepted_at: NOW,
        at: NOW,
        said: SesEventKind::Accepted,
        suppresses: Vec::new(),
        suspected: false,
        on_account_list: Vec::new(),
        diagnostics: BTreeMap::new(),
    }
}
