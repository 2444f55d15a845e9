//! The machine that is checked: the very functions of [`domain::lifecycle`], or one of them
//! with a [`Mutant`]'s mistake. Every ruling is asked for once.

use domain::cause::Cause;
use domain::id::{EmailId, TenantId};
use domain::lifecycle::asked::{self, Times};
use domain::lifecycle::queued::{Drop, drop_unwanted, meet, purge, release, restore};
use domain::lifecycle::{
    Attempt, Condition, Decision, Feedback, LaneState, Outlook, Then, claimed, handed_over, heard, not_claimable,
    overdue, record,
};
use domain::queue::{Pause, Queue, QueueKey};
use domain::retry::Jitter;
use domain::row::{BodyPlace, BodyRef, Due, DueKind, Row, Status};
use domain::timestamp::Timestamp;
use domain::wire::ses_event::{Said, SesEvent};
use rustc_hash::FxHashMap;
use world::overlay::overlaid;

use std::collections::BTreeMap;
use std::time::Duration;

use crate::clock::{FAR, MOMENT, NOW};
use crate::config::{Begin, Config};
use crate::mutant::Mutant;
use crate::promise::content_of;
use crate::rows::{RowId, Rows};
use crate::state::{Answer, Asked, Lane, Line, Reader, Sender, State, Sweep, Wish};

/// What is asked about a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Question {
    NotClaimable { line: Line },
    Drop { claim_no: u8, line: Line },
    Job { sweep: Sweep, line: Line },
    Record { claim_no: u8, answer: Answer },
    Overdue { lane: Lane, feedback: Asked, line: Line },
    Heard { claim_no: u8 },
    HandedOver { claim_no: u8 },
    Caller { wish: Wish, left: u8, generation: u8 },
}

impl Question {
    /// Whether it is asked by a restore.
    pub(crate) fn restores(self) -> bool {
        let restores = Sweep::Restore;
        matches!(self, Self::Job { sweep, .. } if sweep == restores)
    }
}

/// What is to be done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ruling {
    Write {
        after: RowId,
        condition: Option<Condition>,
        then: Follow,
    },
    Only(Follow),
    Forget,
    Refused,
}

/// What follows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Follow {
    Nothing,
    WakeUp,
    HandOver,
}

/// The rows, and what is known of the rulings about them.
#[derive(Debug)]
pub(crate) struct Machine {
    pub(crate) config: Config,
    pub(crate) mutant: Option<Mutant>,
    pub(crate) rows: Rows,
    rulings: FxHashMap<(RowId, Question), Ruling>,
    writes: FxHashMap<(RowId, RowId, RowId), RowId>,
    ages: FxHashMap<(RowId, Duration), RowId>,
}

impl Machine {
    pub(crate) fn new(config: Config, mutant: Option<Mutant>) -> Self {
        Self {
            config,
            mutant,
            rows: Rows::default(),
            rulings: FxHashMap::default(),
            writes: FxHashMap::default(),
            ages: FxHashMap::default(),
        }
    }

    pub(crate) fn is(&self, mutant: Mutant) -> bool {
        self.mutant == Some(mutant)
    }

    pub(crate) fn row(&self, id: RowId) -> &Row {
        self.rows.get(id)
    }

    pub(crate) fn ruling(&mut self, seen: RowId, question: Question) -> Ruling {
        if let Some(known) = self.rulings.get(&(seen, question)) {
            return *known;
        }
        let row = self.rows.get(seen).clone();
        let ruling = match self.decide(&row, question) {
            Some(Decision::Write(transition)) => Ruling::Write {
                after: self.rows.id(transition.row),
                condition: self.condition(transition.condition, question),
                then: follow(transition.then),
            },
            Some(Decision::Only(then)) => Ruling::Only(follow(then)),
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

    /// Whether a write's condition holds for what is stored.
    fn holds(&self, condition: Option<Condition>, stored: &Row, line: Line, after: &Row) -> bool {
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
        let queue_no = condition.queue_no().unwrap_or(line.no.into());
        let held = after.due.is_some_and(|due| due.kind == DueKind::Held);
        let careless = held && self.is(Mutant::HeldUnconditioned);
        let of_queue = queue_no == u64::from(line.no) || careless || self.is(Mutant::DroppedUnconditioned);
        of_queue && condition.holds(stored)
    }

    /// What is stored after the write, or `None` when its condition does not hold.
    pub(crate) fn write(
        &mut self,
        stored: RowId,
        before: RowId,
        after: RowId,
        condition: Option<Condition>,
        line: Line,
    ) -> Option<RowId> {
        if !self.holds(condition, self.rows.get(stored), line, self.rows.get(after)) {
            return None;
        }
        if stored == before {
            return Some(after);
        }
        if let Some(known) = self.writes.get(&(stored, before, after)) {
            return Some(*known);
        }
        let stored_row = self.rows.get(stored).clone();
        let row = overlaid(stored_row, self.rows.get(before), self.rows.get(after));
        let id = self.rows.id(row);
        self.writes.insert((stored, before, after), id);
        Some(id)
    }

    /// The condition of a write that began at `before`.
    pub(crate) fn unmoved(&self, before: RowId) -> Option<Condition> {
        let row = self.rows.get(before);
        Some(Condition::Unmoved {
            claim_no: row.claim_no,
            status: row.status,
            not_before: row.not_before,
        })
    }

    /// Whether an email may be erased that is so.
    pub(crate) fn is_erasable(&self, id: RowId) -> bool {
        self.is(Mutant::ErasesAnything) || asked::erase(self.rows.get(id), NOW).is_ok()
    }

    /// Whether what is left of an email takes its place, which was read before.
    pub(crate) fn is_buried(&self, stored: RowId, before: RowId) -> bool {
        let condition = Condition::unmoved(self.rows.get(before));
        self.is(Mutant::BuriesAnything)
            || self.holds(
                Some(condition),
                self.rows.get(stored),
                Line::default(),
                self.rows.get(before),
            )
    }

    /// The row after a claim, if it can be claimed.
    pub(crate) fn claim(&mut self, stored: RowId) -> Option<RowId> {
        let mut row = self.rows.get(stored).clone();
        let early = self.is(Mutant::EarlyWakeUp);
        let seen = Row {
            not_before: if early { NOW } else { row.not_before },
            ..row.clone()
        };
        if !(Condition::Claimable { now: NOW }).holds(&seen) {
            return None;
        }
        row = claimed(row, &self.config.policy, 0, NOW);
        if self.is(Mutant::AttemptsByReceives) {
            // Each wake-up that the index sends is a new message.
            row.attempts = 1;
        }
        Some(self.rows.id(row))
    }

    /// The row of a request that is accepted now.
    pub(crate) fn new_row(&mut self, content: u8) -> RowId {
        let row = crate::clock::waiting(first_row(&self.config, content), &self.config);
        self.rows.id(row)
    }

    /// The row where a configuration begins.
    pub(crate) fn first_row(&mut self, begin: Begin) -> RowId {
        let id = self.new_row(1);
        let mut row = self.rows.get(id).clone();
        if matches!(begin, Begin::Uncertain | Begin::Marked) {
            row.claim_no = 1;
            row.attempts = u32::from(begin == Begin::Uncertain);
        }
        if begin == Begin::Failed {
            (row.claim_no, row.attempts) = (1, 1);
            (row.status, row.cause) = (Status::Failed, Some(Cause::Rejected));
            row.due = Some(Due {
                kind: DueKind::Ended,
                at: NOW,
            });
        }
        row.maybe_duplicate = begin == Begin::Marked;
        if begin == Begin::Uncertain {
            row.status = Status::Uncertain;
            row.uncertain_since = Some(NOW);
            row.due = Some(Due {
                kind: DueKind::Check,
                at: NOW.after(self.config.policy.evidence_window),
            });
        }
        self.rows.id(row)
    }

    /// Whether an email waits that is not about to expire, its content is there, and nobody has
    /// anything to do with it.
    pub(crate) fn waits_alone(&self, state: &State) -> bool {
        let Some(row) = state.row.map(|id| self.rows.get(id)) else {
            return false;
        };
        let idle = state.senders == [Sender::Idle; 2] && state.readers == [Reader::Nobody; 2] && state.late.is_none();
        let waits = row.status == Status::Queued && row.expires_at == NOW.after(FAR);
        idle && waits && !state.line.drops(row) && state.contents & content_of(row) != 0
    }

    /// Whether the index has the row as due.
    pub(crate) fn overdue_now(&self, id: RowId) -> bool {
        let due = self.rows.get(id).due;
        due.is_some_and(|due| due.at <= NOW && due.kind != DueKind::Held)
    }

    /// Whether it has been uncertain for two windows.
    pub(crate) fn waited_twice(&self, id: RowId) -> bool {
        let (since, window) = (self.rows.get(id).uncertain_since, self.config.policy.evidence_window);
        since.is_some_and(|since| NOW.since(since) >= window.saturating_mul(2))
    }

    /// Whether evidence is awaited no longer.
    pub(crate) fn window_is_over(&self, id: RowId) -> bool {
        let since = self.rows.get(id).uncertain_since;
        since.is_some_and(|since| NOW.since(since) >= self.config.policy.evidence_window)
    }

    /// The row when so much time has passed.
    pub(crate) fn aged(&mut self, id: RowId, by: Duration) -> RowId {
        if let Some(known) = self.ages.get(&(id, by)) {
            return *known;
        }
        let row = crate::clock::aged(self.rows.get(id), by);
        let aged = self.rows.id(row);
        self.ages.insert((id, by), aged);
        aged
    }

    fn decide(&self, row: &Row, question: Question) -> Option<Decision> {
        let policy = &self.config.policy;
        let mut decision = match question {
            Question::NotClaimable { .. } | Question::Overdue { .. }
                if row.status == Status::Queued && self.is(Mutant::ExpiresEarly) =>
            {
                let over = Row {
                    expires_at: NOW,
                    ..row.clone()
                };
                not_claimable(&over, NOW)
            }
            Question::NotClaimable { line } => self.met(row, line).unwrap_or_else(|| not_claimable(row, NOW)),
            Question::Drop { claim_no, line } => {
                let claim_no = u32::from(claim_no);
                drop_unwanted(row, &line.queue(row), Drop::InHand { claim_no }, NOW)
            }
            Question::Job { sweep, line } => self.job(row, sweep, line),
            Question::Record { claim_no, answer } => {
                let stale = row.claim_no != u32::from(claim_no) || row.status != Status::Sending;
                if answer == Answer::Accepted && stale && self.is(Mutant::OldOkDropped) {
                    return Some(Decision::Forget);
                }
                let attempt = self.attempt(claim_no, answer);
                record(row, u32::from(claim_no), attempt, policy, Jitter::NONE, NOW)
            }
            Question::Overdue { lane, feedback, line } => {
                self.met(row, line).unwrap_or_else(|| self.overdue(row, lane, feedback))
            }
            Question::Heard { claim_no } => {
                if row.status.is_final() && row.status != Status::Sent && self.is(Mutant::EventCannotRevive) {
                    return Some(Decision::Forget);
                }
                heard(row, &event(row, claim_no))
            }
            Question::HandedOver { claim_no } => self.handed_over(row, claim_no),
            Question::Caller { wish, left, generation } => self.asked(row, wish, generation, clock_of(left))?,
        };
        if let Decision::Write(transition) = &mut decision {
            self.spoil(row, &mut transition.row);
            if self.is(Mutant::HandOverWithoutFailing) && transition.row.status == Status::Failing {
                return Some(Decision::Only(Then::HandOver));
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

    /// What the email's queue wants done about it.
    fn met(&self, row: &Row, line: Line) -> Option<Decision> {
        if self.is(Mutant::PurgesRetried) {
            let before = Row {
                generation: Some(0),
                ..row.clone()
            };
            let mut decision = meet(&before, &line.queue(row), NOW);
            if let Some(Decision::Write(transition)) = &mut decision {
                transition.row.generation = row.generation;
            }
            return decision;
        }
        meet(row, &line.queue(row), NOW)
    }

    fn job(&self, row: &Row, sweep: Sweep, line: Line) -> Decision {
        let policy = &self.config.policy;
        match sweep {
            Sweep::Release if self.is(Mutant::ReleasesAnything) => {
                let held = Row {
                    status: Status::Queued,
                    due: Some(Due {
                        kind: DueKind::Held,
                        at: NOW,
                    }),
                    ..row.clone()
                };
                let open = Queue::plain(QueueKey::of(row), NOW);
                let mut decision = release(&held, &open, policy, NOW);
                if let Decision::Write(transition) = &mut decision {
                    let (claim_no, status, not_before) = (row.claim_no, row.status, row.not_before);
                    transition.condition = Condition::Unmoved {
                        claim_no,
                        status,
                        not_before,
                    };
                }
                decision
            }
            Sweep::Release => release(row, &line.queue(row), policy, NOW),
            Sweep::Purge => purge(row, &line.queue(row), policy, NOW),
            Sweep::Restore if self.is(Mutant::CanceledRestored) => {
                let purged = Row {
                    cause: Some(Cause::Purged),
                    ..row.clone()
                };
                restore(&purged, policy, NOW)
            }
            Sweep::Restore => restore(row, policy, NOW),
        }
    }

    fn overdue(&self, row: &Row, lane: Lane, feedback: Asked) -> Decision {
        let empty_at = match feedback {
            Asked::Behind if self.is(Mutant::EvidenceIgnored) => Some(NOW),
            Asked::EmptyEarly if self.is(Mutant::EvidenceAskedEarly) => Some(NOW),
            Asked::Behind | Asked::Newer => None,
            // While the window is open it makes no difference when.
            Asked::EmptyEarly => row.uncertain_since,
            Asked::Empty => Some(NOW),
        };
        let outlook = Outlook {
            feedback: Feedback {
                empty_at,
                newest: (feedback == Asked::Newer).then_some(NOW),
            },
            lane: match lane {
                Lane::Flowing => LaneState::Flowing,
                Lane::Backlog => LaneState::Backlog,
                Lane::Shut => LaneState::Shut,
            },
        };
        let now = match &row.lease {
            Some(lease) if self.is(Mutant::LeaseIgnored) => NOW.max(lease.until),
            Some(_) | None => NOW,
        };
        overdue(row, outlook, &self.config.policy, now)
    }

    fn handed_over(&self, row: &Row, claim_no: u8) -> Decision {
        let mut seen = row.clone();
        let believed = self.is(Mutant::HandOverWithoutFailing) && row.claim_no == u32::from(claim_no);
        if self.is(Mutant::BlindDeadLetter) || believed {
            if row.status.is_final() {
                return Decision::Forget;
            }
            seen.status = Status::Failing;
            let mut decision = handed_over(&seen, row.claim_no, NOW);
            if let Decision::Write(transition) = &mut decision {
                let (claim_no, not_before) = (row.claim_no, row.not_before);
                transition.condition = Condition::Unmoved {
                    claim_no,
                    status: row.status,
                    not_before,
                };
            }
            return decision;
        }
        handed_over(&seen, u32::from(claim_no), NOW)
    }

    fn asked(&self, row: &Row, wish: Wish, generation: u8, now: Timestamp) -> Option<Decision> {
        let policy = &self.config.policy;
        let at = |scheduled_at: Timestamp, expires_at| {
            let times = Times {
                scheduled_at,
                expires_at,
            };
            asked::reschedule(row, times, FAR, policy, now)
        };
        let line = Line {
            generation,
            ..Line::default()
        };
        let force = wish == Wish::Force || self.is(Mutant::UnknownRetriedUnforced);
        let decision = match wish {
            Wish::Cancel if self.is(Mutant::CancelUnwritten) => Ok(Decision::Forget),
            Wish::Cancel if self.is(Mutant::MarkedCanceled) => {
                let unmarked = Row {
                    maybe_duplicate: false,
                    ..row.clone()
                };
                asked::cancel(&unmarked, now)
            }
            Wish::Cancel => asked::cancel(row, now),
            Wish::Soon => at(now.after(Duration::from_secs(60)), None),
            Wish::Later => at(now.after(Duration::from_secs(3600)), None),
            Wish::AtOnce => at(now, Some(now.after(Duration::from_secs(30)))),
            Wish::Retry | Wish::Force => asked::retry(row, force, &line.queue(row), FAR, policy, now),
        };
        decision.ok()
    }

    /// Mistakes in what is written.
    fn spoil(&self, before: &Row, after: &mut Row) {
        let settled = before.status == Status::Uncertain && after.status == Status::Queued;
        if after.cause == Some(Cause::Purged) && self.is(Mutant::PurgedUnmarked) {
            after.status = Status::Canceled;
        }
        let forced = before.status == Status::Unknown && after.status == Status::Queued;
        if (self.is(Mutant::NoMark) && settled) || (self.is(Mutant::ForceUnmarked) && forced) {
            after.maybe_duplicate = before.maybe_duplicate;
        }
        let (unknown, queued) = (after.status == Status::Unknown, before.status == Status::Queued);
        if self.is(Mutant::MarkedFails) && unknown && !queued {
            after.status = Status::Failed;
        }
        if self.is(Mutant::MarkedExpires) && unknown && queued {
            after.status = Status::Expired;
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

fn first_row(config: &Config, content: u8) -> Row {
    let sha256 = if content == 1 { "first" } else { "second" };
    let body = BodyRef {
        sha256: sha256.to_owned(),
        place: BodyPlace::Table,
        bytes: 1,
    };
    let row = Row::new(TenantId::main(), EmailId::from_random([1; 16]), body, 1, NOW);
    Row {
        born: NOW.before(MOMENT),
        generation: Some(0),
        on_uncertain: config.on_uncertain,
        ..row
    }
}

impl Line {
    /// The queue.
    fn queue(self, row: &Row) -> Queue {
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
            ..Queue::plain(QueueKey::of(row), NOW)
        }
    }

    /// Whether it was purged after an email was asked for.
    pub(crate) fn drops(self, row: &Row) -> bool {
        !self.queue(row).wants(row)
    }
}

/// What a caller's wish writes as a time is like no other caller's: their clocks differ by a millisecond.
fn clock_of(left: u8) -> Timestamp {
    NOW.before(Duration::from_millis(u64::from(left) + 1))
}

fn follow(then: Then) -> Follow {
    match then {
        Then::Nothing => Follow::Nothing,
        Then::WakeUp { .. } => Follow::WakeUp,
        Then::HandOver => Follow::HandOver,
    }
}

/// SES's event of the acceptance of a claim.
fn event(row: &Row, claim_no: u8) -> SesEvent {
    SesEvent {
        tenant: row.tenant.clone(),
        id: row.id,
        born: row.born,
        claim_no: u32::from(claim_no),
        message_id: format!("ses-{claim_no}"),
        accepted_at: NOW,
        at: NOW,
        said: Said::Accepted,
        suppresses: Vec::new(),
        suspected: false,
        on_account_list: Vec::new(),
        diagnostics: BTreeMap::new(),
    }
}
