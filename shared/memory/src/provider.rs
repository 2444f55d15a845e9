//! Submissions to SES: acceptances, refusals, lost answers, and published events.

mod events;

use std::time::Duration;

use domain::delivery::attempt::Attempt;
use domain::delivery::cause::{Cause, Class};
use domain::delivery::record::EmailRecord;
use domain::id::{EmailId, EmailKey};
use domain::message::address::EmailAddress;
use domain::message::email::EmailContent;
use domain::ports::Provider;

use crate::fault_model::{Broken, CallPlan};
use crate::observer::Arrived;
use crate::{Call, Fault, MemoryBackend, SUBMIT, SesReaction, State};

impl State {
    fn notify_observer(&mut self, key: &EmailKey, claim_no: u32, how: Arrived) {
        let stored = self.records.get(key);
        if let Some(fault_model) = &mut self.fault_model {
            let now = fault_model.now();
            if let Some(observer) = &mut fault_model.observer {
                observer.on_result(now, stored, key, claim_no, how);
            }
            let what = match how {
                Arrived::Called => "SES is called",
                Arrived::Accepted => "SES accepts",
                Arrived::Refused { .. } => "SES refuses",
            };
            fault_model.note_step(what, Some(key.id), claim_no);
        }
    }

    fn submit(&mut self, key: &EmailKey, claimed: &EmailRecord, email: &EmailContent) {
        let stored = self.records.get(key);
        if let Some(fault_model) = &mut self.fault_model {
            let now = fault_model.now();
            if let Some(observer) = &mut fault_model.observer {
                observer.on_submission(now, stored, claimed, email);
            }
        }
        self.submitted.push((claimed.id, claimed.claim_no));
        self.notify_observer(key, claimed.claim_no, Arrived::Called);
    }

    fn accept(&mut self, key: &EmailKey, claimed: &EmailRecord, email: &EmailContent) {
        self.accepted.push((claimed.id, claimed.claim_no));
        self.notify_observer(key, claimed.claim_no, Arrived::Accepted);
        let lists = [email.to(), email.cc(), email.bcc()].into_iter().flatten();
        let recipients: Vec<_> = lists.map(|to| to.address().clone()).collect();
        if let Some(fault_model) = &mut self.fault_model {
            let stops = |address: &EmailAddress| self.account_list.stops(address);
            let listed = fault_model.publish(key, claimed.born, claimed.claim_no, &recipients, stops);
            for (address, reason) in listed {
                self.account_list.add(&address, reason);
            }
        }
    }
}

/// One submission in transit.
#[derive(Clone)]
struct Submission {
    backend: MemoryBackend,
    key: EmailKey,
    claimed: EmailRecord,
    email: EmailContent,
}

impl Submission {
    /// Delivers the submission after `wait`, accepted or not, even if its sender crashes.
    fn deliver_after(self, wait: Duration, accepted: bool) -> impl Future<Output = ()> {
        let arrival = tokio::spawn(async move {
            tokio::time::sleep(wait).await;
            let mut state = self.backend.state();
            state.submit(&self.key, &self.claimed, &self.email);
            if accepted {
                state.accept(&self.key, &self.claimed, &self.email);
            }
        });
        async move { arrival.await.unwrap_or_default() }
    }
}

impl MemoryBackend {
    async fn submit_under(
        &self,
        course: CallPlan,
        answer: SesReaction,
        submission: Submission,
        timeout: Duration,
    ) -> Attempt {
        let claim_no = submission.claimed.claim_no;
        let (key, id): (EmailKey, EmailId) = (submission.key.clone(), submission.key.id);
        let again = submission.clone();
        // Faults of the call itself, independent of SES's answer.
        let answer = match course.fault {
            Fault::DieBefore => return self.die().await,
            Fault::Before => SesReaction::LostBefore,
            Fault::After => SesReaction::LostAfter,
            // A refusal for too many requests is an answer of SES, with odds of its own.
            Fault::None
            | Fault::DieAfter
            | Fault::Repeated
            | Fault::Late
            | Fault::Conflict
            | Fault::Throttled
            | Fault::Garbled
            | Fault::MissingPart => answer,
        };
        match answer {
            // No connection: SES was not called.
            SesReaction::Refuses(Cause::Unreached) => tokio::time::sleep(course.before).await,
            SesReaction::LostBefore | SesReaction::Refuses(_) => submission.deliver_after(course.before, false).await,
            SesReaction::Accepts | SesReaction::LostAfter => submission.deliver_after(course.before, true).await,
            SesReaction::AcceptsLate(later) => {
                drop(submission.deliver_after(timeout + later, true));
                tokio::time::sleep(timeout).await;
            }
            SesReaction::Hangs => {
                submission.deliver_after(course.before, false).await;
                tokio::time::sleep(timeout).await;
            }
        }
        if course.fault == Fault::DieAfter {
            return self.die().await;
        }
        tokio::time::sleep(course.after).await;
        if self.is_dead() {
            return std::future::pending().await;
        }
        if self.is(Broken::AskedTwice) && answer == SesReaction::LostAfter {
            again.deliver_after(course.before, true).await;
        }
        match answer {
            SesReaction::Accepts => Attempt::Accepted {
                message_id: format!("ses-{id}-{claim_no}"),
            },
            SesReaction::Refuses(cause) => {
                let spent = match cause.class() {
                    Class::Throttled | Class::Quota | Class::Paused | Class::Unreached => false,
                    Class::Transient | Class::Permanent | Class::Unknown => true,
                };
                self.state().notify_observer(&key, claim_no, Arrived::Refused { spent });
                Attempt::NotAccepted {
                    cause,
                    detail: "no".to_owned(),
                }
            }
            SesReaction::LostBefore | SesReaction::LostAfter | SesReaction::AcceptsLate(_) | SesReaction::Hangs => {
                Attempt::Ambiguous
            }
        }
    }
}

impl Provider for MemoryBackend {
    #[expect(clippy::panic, reason = "a crash that a test requested")]
    async fn submit(&self, claimed: &EmailRecord, email: EmailContent, timeout: Duration) -> Attempt {
        let call = Call {
            what: SUBMIT,
            email: Some(claimed.id),
            writes: true,
        };
        if let Some(course) = self.plan_call(&call).await {
            let answer = {
                let mut state = self.state();
                let answer = state
                    .fault_model
                    .as_mut()
                    .map(|fault_model| fault_model.ses_reaction(email.subject()));
                let answer = answer.unwrap_or(SesReaction::Accepts);
                if let (Some(fault_model), Some(kind)) = (&mut state.fault_model, answer.kind()) {
                    fault_model.count_fault(kind);
                }
                answer
            };
            let submission = Submission {
                backend: self.clone(),
                key: claimed.email_key(),
                claimed: claimed.clone(),
                email,
            };
            return self.submit_under(course, answer, submission, timeout).await;
        }
        let mut state = self.state();
        state.submitted.push((claimed.id, claimed.claim_no));
        let accepted = Attempt::Accepted {
            message_id: format!("ses-{}", state.submitted.len()),
        };
        let answer = state.answers.pop_front().unwrap_or(accepted);
        let poisoned = state.panics.contains(&claimed.id);
        let fault = state.fault_of_ses();
        if matches!(answer, Attempt::Accepted { .. }) && !matches!(fault, Fault::Before | Fault::DieBefore) {
            state.accepted.push((claimed.id, claimed.claim_no));
        }
        drop(state);
        assert!(!poisoned, "the test makes the backend panic");
        match fault {
            Fault::None
            | Fault::Repeated
            | Fault::Late
            | Fault::Conflict
            | Fault::Throttled
            | Fault::Garbled
            | Fault::MissingPart => answer,
            Fault::Before | Fault::After => Attempt::Ambiguous,
            Fault::DieBefore | Fault::DieAfter => panic!("crashed during the call of SES"),
        }
    }
}
