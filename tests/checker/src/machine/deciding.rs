//! The decisions of the functions, each with the mistakes that a mutant makes there.

use std::collections::BTreeMap;
use std::time::Duration;

use domain::delivery::attempt::Attempt;
use domain::delivery::cause::Cause;
use domain::delivery::record::{Due, DueKind, EmailRecord, RecordStatus};
use domain::delivery::retry::Jitter;
use domain::delivery::ses_event::{SesEvent, SesEventKind};
use domain::lifecycle::commands::{self, Times};
use domain::lifecycle::queue_control::{DropStage, drop_unwanted, purge, reconcile, release, restore};
use domain::lifecycle::{
    Condition, Decision, Feedback, Outlook, PriorityQueueState, SideEffect, fail, handle_event, not_claimable, overdue,
    record_attempt, restoration,
};
use domain::queue::Queue;
use domain::timestamp::Timestamp;

use super::{Machine, Question};
use crate::clock::{FAR, NOW};
use crate::mutant::Mutant;
use crate::state::{CallerCommand, FeedbackProgress, QueueLoad, QueueState, SesAnswer, Sweep};

impl Machine {
    pub(super) fn decide(&self, record: &EmailRecord, question: Question) -> Option<Decision> {
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
            Question::NotClaimable { queue } => self
                .apply_disposition(record, queue)
                .unwrap_or_else(|| not_claimable(record, NOW)),
            Question::DropStage { claim_no, queue } => {
                let claim_no = u32::from(claim_no);
                drop_unwanted(record, &self.queue(queue, record), DropStage::InHand { claim_no }, NOW)
            }
            Question::Job { sweep, queue } => self.job(record, sweep, queue),
            Question::Record { claim_no, answer } => {
                let stale = record.claim_no != u32::from(claim_no) || record.status != RecordStatus::Sending;
                if answer == SesAnswer::Accepted && stale && self.is(Mutant::OldOkDropped) {
                    return Some(Decision::Forget);
                }
                let attempt = self.attempt(claim_no, answer);
                record_attempt(record, u32::from(claim_no), attempt, policy, Jitter::NONE, NOW)
            }
            Question::Overdue { load, feedback, queue } => self
                .apply_disposition(record, queue)
                .unwrap_or_else(|| self.overdue(record, load, feedback)),
            Question::Heard { claim_no } => {
                if record.status.is_final() && record.status != RecordStatus::Sent && self.is(Mutant::EventCannotRevive)
                {
                    return Some(Decision::Forget);
                }
                handle_event(record, &event(record, claim_no))
            }
            Question::DeadLetter { claim_no } => self.dead_letter(record, claim_no),
            Question::Caller {
                command,
                left,
                generation,
            } => self.carry_out(record, command, generation, clock_of(left))?,
        };
        if let Decision::Write(transition) = &mut decision {
            self.apply_mistakes(record, &mut transition.record);
            if self.is(Mutant::DeadLetterWithoutFailing) && transition.record.status == RecordStatus::Failing {
                return Some(Decision::Only(SideEffect::DeadLetter));
            }
        }
        Some(decision)
    }

    fn attempt(&self, claim_no: u8, answer: SesAnswer) -> Attempt {
        let refused = |cause| Attempt::NotAccepted {
            cause,
            detail: String::new(),
        };
        match answer {
            SesAnswer::Lost if self.is(Mutant::LostAnswerIsSent) => Attempt::Accepted {
                message_id: String::new(),
            },
            SesAnswer::Accepted => Attempt::Accepted {
                message_id: format!("ses-{claim_no}"),
            },
            SesAnswer::GivenBack => refused(Cause::Throttled),
            SesAnswer::ForNow if self.is(Mutant::GivesUpEarly) => refused(Cause::Rejected),
            SesAnswer::ForNow => refused(Cause::Unavailable),
            SesAnswer::ForGood => refused(Cause::Rejected),
            SesAnswer::Lost if self.is(Mutant::UncertainIsTransient) => refused(Cause::Unavailable),
            SesAnswer::Lost => Attempt::Ambiguous,
        }
    }

    /// Returns the queue's effect on the email.
    fn apply_disposition(&self, record: &EmailRecord, queue: QueueState) -> Option<Decision> {
        if self.is(Mutant::PurgesRetried) {
            let before = EmailRecord {
                generation: Some(0),
                ..record.clone()
            };
            let mut decision = reconcile(&before, &self.queue(queue, record), NOW);
            if let Some(Decision::Write(transition)) = &mut decision {
                transition.record.generation = record.generation;
            }
            return decision;
        }
        reconcile(record, &self.queue(queue, record), NOW)
    }

    fn job(&self, record: &EmailRecord, sweep: Sweep, queue: QueueState) -> Decision {
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
            Sweep::Release => release(record, &self.queue(queue, record), policy, NOW),
            Sweep::Purge => purge(record, &self.queue(queue, record), policy, NOW),
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

    fn overdue(&self, record: &EmailRecord, load: QueueLoad, feedback: FeedbackProgress) -> Decision {
        let empty_at = match feedback {
            FeedbackProgress::Behind if self.is(Mutant::EvidenceIgnored) => Some(NOW),
            FeedbackProgress::EmptyEarly if self.is(Mutant::EvidenceReadEarly) => Some(NOW),
            FeedbackProgress::Behind | FeedbackProgress::Newer => None,
            // While the window is open, the exact time makes no difference.
            FeedbackProgress::EmptyEarly => record.uncertain_since,
            FeedbackProgress::Empty => Some(NOW),
        };
        let outlook = Outlook {
            feedback: Feedback {
                empty_at,
                newest: (feedback == FeedbackProgress::Newer).then_some(NOW),
            },
            priority_queue: match load {
                QueueLoad::Flowing => PriorityQueueState::Flowing,
                QueueLoad::Backlog => PriorityQueueState::Backlog,
                QueueLoad::Shut => PriorityQueueState::Shut,
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

    fn carry_out(
        &self,
        record: &EmailRecord,
        command: CallerCommand,
        generation: u8,
        now: Timestamp,
    ) -> Option<Decision> {
        let policy = &self.config.policy;
        let at = |scheduled_at: Timestamp, expires_at| {
            let times = Times {
                scheduled_at,
                expires_at,
            };
            commands::reschedule(record, times, FAR, policy, now)
        };
        let queue = QueueState {
            generation,
            ..QueueState::default()
        };
        let force = command == CallerCommand::Force || self.is(Mutant::UnknownRetriedUnforced);
        let decision = match command {
            CallerCommand::Cancel if self.is(Mutant::CancelUnwritten) => Ok(Decision::Forget),
            CallerCommand::Cancel if self.is(Mutant::FlaggedCanceled) => {
                let unflagged = EmailRecord {
                    maybe_duplicate: false,
                    ..record.clone()
                };
                commands::cancel(&unflagged, policy, now)
            }
            CallerCommand::Cancel => commands::cancel(record, policy, now),
            CallerCommand::Soon => at(now.after(Duration::from_secs(60)), None),
            CallerCommand::Later => at(now.after(Duration::from_secs(3600)), None),
            CallerCommand::AtOnce => at(now, Some(now.after(Duration::from_secs(30)))),
            CallerCommand::Release => Ok(self.release_restored(record, now)),
            CallerCommand::CancelRestored => Ok(restoration::cancel(record, policy, now)),
            CallerCommand::Retry | CallerCommand::Force => {
                commands::retry(record, force, &queue.to_queue(record), FAR, policy, now)
            }
        };
        decision.ok()
    }

    fn release_restored(&self, record: &EmailRecord, now: Timestamp) -> Decision {
        let queue = self.queue(QueueState::default(), record);
        let mut decision = restoration::release(record, &queue, &self.config.policy, now);
        if let Decision::Write(transition) = &mut decision {
            if self.is(Mutant::ReleaseUnflagged) {
                transition.record.maybe_duplicate = record.maybe_duplicate;
            }
            if self.is(Mutant::ReleaseKeepsTime) {
                transition.record.not_before = record.not_before;
            }
        }
        decision
    }

    /// Returns the queue as the functions read it.
    fn queue(&self, queue: QueueState, record: &EmailRecord) -> Queue {
        queue.to_queue(record).restored_at(self.config.policy.restore_epoch)
    }

    /// Applies mistakes to the written record.
    pub(super) fn apply_mistakes(&self, before: &EmailRecord, after: &mut EmailRecord) {
        let settled = before.status == RecordStatus::Uncertain && after.status == RecordStatus::Queued;
        if after.cause == Some(Cause::Purged) && self.is(Mutant::PurgedUnflagged) {
            after.status = RecordStatus::Canceled;
        }
        let forced = before.status == RecordStatus::Unknown && after.status == RecordStatus::Queued;
        if (self.is(Mutant::NoFlag) && settled) || (self.is(Mutant::ForceUnflagged) && forced) {
            after.maybe_duplicate = before.maybe_duplicate;
        }
        let (unknown, queued) = (
            after.status == RecordStatus::Unknown,
            before.status == RecordStatus::Queued,
        );
        if self.is(Mutant::FlaggedFails) && unknown && !queued {
            after.status = RecordStatus::Failed;
        }
        if self.is(Mutant::FlaggedExpires) && unknown && queued {
            after.status = RecordStatus::Expired;
        }
        if self.is(Mutant::FlaggedCanceled) {
            after.maybe_duplicate |= before.maybe_duplicate;
        }
        if self.is(Mutant::EndedStaysIndexed) && after.status.is_final() {
            after.due = before.due;
        }
        if let (Some(hook), Some(earlier)) = (&mut after.hook, &before.hook) {
            if self.is(Mutant::PastForgotten) {
                hook.past.clone_from(&earlier.past);
            }
            if self.is(Mutant::TurnNotCounted) {
                hook.turn = earlier.turn;
            }
        }
        if self.is(Mutant::ClaimNoReset) && after.attempts < before.attempts {
            after.claim_no -= 1;
        }
    }
}

/// The time in a caller's command, which differs from every other caller's by a millisecond.
fn clock_of(left: u8) -> Timestamp {
    NOW.before(Duration::from_millis(u64::from(left) + 1))
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
        kind: SesEventKind::Accepted,
        suppresses: Vec::new(),
        suspected: false,
        on_account_list: Vec::new(),
        diagnostics: BTreeMap::new(),
        details: domain::delivery::ses_event::SesDetails::default(),
    }
}
