//! SES: acceptances, refusals, lost answers, and published events.

use std::time::Duration;

use domain::delivery::attempt::Attempt;
use domain::delivery::cause::{Cause, Class};
use domain::delivery::record::EmailRecord;
use domain::delivery::ses_event::SesEvent;
use domain::id::{EmailId, EmailKey};
use domain::message::address::EmailAddress;
use domain::message::email::EmailContent;
use domain::ports::{ListReason, Provider};
use domain::timestamp::Timestamp;

use crate::fault_model::{Broken, CallPlan, FaultModel};
use crate::observer::Arrived;
use crate::{Call, Fault, MemoryBackend, State};

/// The name of the call.
pub const SUBMIT: &str = "submit";

/// Longest time from the client's giving up to SES's acceptance. It is far less than the evidence window; later
/// acceptances correspond to late events.
const LATEST_ACCEPTANCE_MS: u64 = 60_000;

/// The reaction of SES to one submission.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Answer {
    /// It accepts, and answers.
    Accepts,
    /// It refuses, and answers.
    Refuses(Cause),
    /// The submission is lost without an answer.
    LostBefore,
    /// It accepts, and its answer is lost.
    LostAfter,
    /// It accepts this long after the client has given up.
    AcceptsLate(Duration),
    /// It neither accepts nor answers.
    Hangs,
}

impl Answer {
    fn kind(self) -> Option<&'static str> {
        match self {
            Self::Accepts => None,
            Self::Refuses(cause) => Some(match cause {
                Cause::Throttled => "SES throttles",
                Cause::QuotaExceeded => "SES's quota is spent",
                Cause::AccountPaused => "SES is paused",
                Cause::Unavailable => "SES is unavailable",
                Cause::Unreached => "SES is not reached",
                Cause::Rejected
                | Cause::InvalidRecipient
                | Cause::UnverifiedSender
                | Cause::Suppressed
                | Cause::TooLarge
                | Cause::BodyMissing
                | Cause::Crashed
                | Cause::BudgetSpent
                | Cause::Expired
                | Cause::AnswerLost
                | Cause::Purged => "SES rejects",
            }),
            Self::LostBefore => Some("submission lost"),
            Self::LostAfter => Some("answer of SES lost"),
            Self::AcceptsLate(_) => Some("SES accepts late"),
            Self::Hangs => Some("SES hangs"),
        }
    }
}

impl FaultModel {
    fn answer(&mut self, subject: &str) -> Answer {
        if let Some(answer) = self
            .script
            .get_mut(subject)
            .and_then(std::collections::VecDeque::pop_front)
        {
            return answer;
        }
        let now = self.now_ms();
        if let Some((cause, _)) = self.outage.filter(|(_, until)| *until > now) {
            return Answer::Refuses(cause);
        }
        if self.calm {
            return Answer::Accepts;
        }
        if let Some((cause, _)) = self.obstacle.filter(|(_, until)| *until > now) {
            return Answer::Refuses(cause);
        }
        let odds = self.odds;
        let later = Duration::from_millis(self.rng.u64(0..=LATEST_ACCEPTANCE_MS));
        let answers = [
            (Answer::Refuses(Cause::Throttled), odds.throttle),
            (Answer::Refuses(Cause::QuotaExceeded), odds.quota),
            (Answer::Refuses(Cause::AccountPaused), odds.pause),
            (Answer::Refuses(Cause::Rejected), odds.reject),
            (Answer::Refuses(Cause::Unavailable), odds.unavailable),
            (Answer::Refuses(Cause::Unreached), odds.unreached),
            (Answer::LostBefore, odds.lost_before),
            (Answer::LostAfter, odds.lost_after),
            (Answer::AcceptsLate(later), odds.accepts_late),
            (Answer::Hangs, odds.hangs),
        ];
        let mut drawn = self.rng.u32(0..10_000);
        for (answer, odds) in answers {
            if drawn < odds {
                if let Answer::Refuses(cause @ (Cause::QuotaExceeded | Cause::AccountPaused)) = answer {
                    let minutes = self.rng.i64(1..=8);
                    self.obstacle = Some((cause, now.saturating_add(minutes * 60_000)));
                }
                return answer;
            }
            drawn -= odds;
        }
        Answer::Accepts
    }

    /// Publishes the events after an acceptance, each at its time. Returns the addresses that are added to the
    /// account's list. SES sends nothing to addresses already on it.
    fn publish(
        &mut self,
        key: &EmailKey,
        born: Timestamp,
        claim_no: u32,
        recipients: &[EmailAddress],
        stops: impl Fn(&EmailAddress) -> bool,
    ) -> Vec<(EmailAddress, ListReason)> {
        let accepted = self.now();
        let happens = |fault_model: &mut Self, share| fault_model.rng.u32(0..100) < share;
        let mut what = vec![("Send", "send", String::new(), accepted)];
        let mut listed = Vec::new();
        for recipient in recipients {
            let mut at = accepted.after(self.up_to(20_000));
            let whom = format!(r#"[{{"emailAddress":"{recipient}"}}]"#);
            let bounce = |kind: &str, sub_type: &str, status: &str| {
                let status = if status.is_empty() {
                    String::new()
                } else {
                    format!(r#","status":"{status}""#)
                };
                let whom = format!(r#"[{{"emailAddress":"{recipient}"{status}}}]"#);
                format!(r#","bounceType":"{kind}","bounceSubType":"{sub_type}","bouncedRecipients":{whom}"#)
            };
            let complaint = |kind: &str| format!(r#","complaintFeedbackType":"{kind}","complainedRecipients":{whom}"#);
            if stops(recipient) {
                let more = bounce("Permanent", "OnAccountSuppressionList", "5.1.1");
                what.push(("Bounce", "bounce", more, at));
                continue;
            }
            if happens(self, 10) {
                what.push((
                    "DeliveryDelay",
                    "deliveryDelay",
                    format!(r#","delayedRecipients":{whom}"#),
                    at,
                ));
                at = at.after(self.up_to(60_000));
            }
            if happens(self, 15) {
                let more = if happens(self, 70) {
                    listed.push((recipient.clone(), ListReason::Bounce));
                    bounce("Permanent", "General", "5.1.1")
                } else {
                    bounce("Transient", "MailboxFull", "4.2.2")
                };
                what.push(("Bounce", "bounce", more, at));
                continue;
            }
            what.push(("Delivery", "delivery", format!(r#","recipients":["{recipient}"]"#), at));
            let later = at.after(self.up_to(120_000));
            if happens(self, 10) {
                what.push(("Open", "open", String::new(), later));
            }
            if happens(self, 5) {
                what.push(("Click", "click", String::new(), later));
            }
            if happens(self, 5) {
                listed.push((recipient.clone(), ListReason::Complaint));
                what.push(("Complaint", "complaint", complaint("abuse"), later));
            }
            if happens(self, 5) {
                what.push(("Complaint", "complaint", complaint("not-spam"), later));
            }
            // A server that took it bounces it later, or sends an absence notice.
            if happens(self, 10) {
                let status = if happens(self, 50) { "4.2.2" } else { "" };
                what.push(("Bounce", "bounce", bounce("Transient", "General", status), later));
            }
        }
        let addresses: Vec<_> = recipients.iter().map(EmailAddress::as_str).collect();
        for (kind, part, more, at) in what {
            let body = format!(
                r#"{{"eventType":"{kind}","mail":{{"timestamp":"{accepted}","messageId":"ses-{id}-{claim_no}","destination":["{to}"],"tags":{{"mq_tenant":["{tenant}"],"mq_id":["{id}"],"mq_claim":["{claim_no}"],"mq_born":["{born}"]}}}},"{part}":{{"timestamp":"{at}"{more}}}}}"#,
                to = addresses.join(r#"",""#),
                tenant = key.tenant,
                id = key.id,
                born = born.as_millis(),
            );
            let lost = self.happens(self.odds.event_lost);
            if let (Ok(event), Some(mut observer)) = (SesEvent::parse(&body), self.observer.take()) {
                observer.published(&event, lost);
                self.observer = Some(observer);
            }
            if lost {
                self.strike("event lost");
                continue;
            }
            let copies = if self.happens(self.odds.event_doubled) {
                self.strike("event doubled");
                2
            } else {
                1
            };
            for _ in 0..copies {
                let takes = if self.happens(self.odds.event_late) {
                    self.strike("event late");
                    self.up_to(1_800_000)
                } else {
                    self.up_to(3_000)
                };
                let (arrives, number) = (at.after(takes).as_millis(), self.number());
                self.travelling.insert((arrives, number), body.clone());
            }
            self.bells.events.notify_one();
        }
        listed
    }
}

impl State {
    fn tell(&mut self, key: &EmailKey, claim_no: u32, how: Arrived) {
        let stored = self.records.get(key);
        if let Some(fault_model) = &mut self.fault_model {
            let now = fault_model.now();
            if let Some(observer) = &mut fault_model.observer {
                observer.arrived(now, stored, key, claim_no, how);
            }
            let what = match how {
                Arrived::Asked => "SES is asked",
                Arrived::Accepted => "SES accepts",
                Arrived::Refused { .. } => "SES refuses",
            };
            fault_model.note(what, Some(key.id), claim_no);
        }
    }

    fn submit(&mut self, key: &EmailKey, claimed: &EmailRecord, email: &EmailContent) {
        let stored = self.records.get(key);
        if let Some(fault_model) = &mut self.fault_model {
            let now = fault_model.now();
            if let Some(observer) = &mut fault_model.observer {
                observer.submitted(now, stored, claimed, email);
            }
        }
        self.submitted.push((claimed.id, claimed.claim_no));
        self.tell(key, claimed.claim_no, Arrived::Asked);
    }

    fn accept(&mut self, key: &EmailKey, claimed: &EmailRecord, email: &EmailContent) {
        self.accepted.push((claimed.id, claimed.claim_no));
        self.tell(key, claimed.claim_no, Arrived::Accepted);
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
    /// It arrives after `wait`, and is accepted or not, even if its sender crashes.
    fn travels(self, wait: Duration, accepted: bool) -> impl Future<Output = ()> {
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
        answer: Answer,
        submission: Submission,
        timeout: Duration,
    ) -> Attempt {
        let claim_no = submission.claimed.claim_no;
        let (key, id): (EmailKey, EmailId) = (submission.key.clone(), submission.key.id);
        let again = submission.clone();
        // Faults of the call itself, independent of SES's answer.
        let answer = match course.fault {
            Fault::DieBefore => return self.die().await,
            Fault::Before => Answer::LostBefore,
            Fault::After => Answer::LostAfter,
            // A refusal for too many requests is an answer of SES, with odds of its own.
            Fault::None | Fault::DieAfter | Fault::Repeated | Fault::Late | Fault::Conflict | Fault::Throttled => {
                answer
            }
        };
        match answer {
            // No connection: SES was not called.
            Answer::Refuses(Cause::Unreached) => tokio::time::sleep(course.before).await,
            Answer::LostBefore | Answer::Refuses(_) => submission.travels(course.before, false).await,
            Answer::Accepts | Answer::LostAfter => submission.travels(course.before, true).await,
            Answer::AcceptsLate(later) => {
                drop(submission.travels(timeout + later, true));
                tokio::time::sleep(timeout).await;
            }
            Answer::Hangs => {
                submission.travels(course.before, false).await;
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
        if self.is(Broken::AskedTwice) && answer == Answer::LostAfter {
            again.travels(course.before, true).await;
        }
        match answer {
            Answer::Accepts => Attempt::Accepted {
                message_id: format!("ses-{id}-{claim_no}"),
            },
            Answer::Refuses(cause) => {
                let spent = match cause.class() {
                    Class::Throttled | Class::Quota | Class::Paused | Class::Unreached => false,
                    Class::Transient | Class::Permanent | Class::Unknown => true,
                };
                self.state().tell(&key, claim_no, Arrived::Refused { spent });
                Attempt::NotAccepted {
                    cause,
                    detail: "no".to_owned(),
                }
            }
            Answer::LostBefore | Answer::LostAfter | Answer::AcceptsLate(_) | Answer::Hangs => Attempt::Ambiguous,
        }
    }
}

impl Provider for MemoryBackend {
    #[expect(clippy::panic, reason = "a death that a test asked for")]
    async fn submit(&self, claimed: &EmailRecord, email: EmailContent, timeout: Duration) -> Attempt {
        let call = Call {
            what: SUBMIT,
            email: Some(claimed.id),
            writes: true,
        };
        if let Some(course) = self.course(&call).await {
            let answer = {
                let mut state = self.state();
                let answer = state
                    .fault_model
                    .as_mut()
                    .map(|fault_model| fault_model.answer(email.subject()));
                let answer = answer.unwrap_or(Answer::Accepts);
                if let (Some(fault_model), Some(kind)) = (&mut state.fault_model, answer.kind()) {
                    fault_model.strike(kind);
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
        assert!(!poisoned, "the world was told to panic");
        match fault {
            Fault::None | Fault::Repeated | Fault::Late | Fault::Conflict | Fault::Throttled => answer,
            Fault::Before | Fault::After => Attempt::Ambiguous,
            Fault::DieBefore | Fault::DieAfter => panic!("died while SES was asked"),
        }
    }
}
