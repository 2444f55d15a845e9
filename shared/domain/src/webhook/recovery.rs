//! A recovery: a job that sends a webhook's events again, and computes missing ones from records and facts.
//!
//! First come the stored events of its period, then the emails that were accepted in it, newest first.
//!
//! **Role:** made by the API and by each creation of a webhook; `notify` works on it page by page.
//! **Invariant:** pure. A page that is done twice does no harm: an event has one id, and is stored once.
//! **Erasure:** the emails of a page are stored in the job before the first of them is worked on. So a killed page can be
//! found again, even if its emails are erased and in no list any more.
//! **Start reading at** [`RecoverJob::after_page`].

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::id::EmailId;
use crate::timestamp::Timestamp;
use crate::webhook::delivery::{Delivery, DeliveryState, GUARD};
use crate::webhook::settings::{Webhook, WebhookId};

/// Events of a job that are sent within a minute: a receiver that comes back must not drown.
const PER_MINUTE: u64 = 600;

/// Longest time for which events are planned ahead. A job that has planned more waits until they are sent.
const AHEAD: Duration = Duration::from_secs(60);

/// Difference between the clocks of two environments that a recovery allows for. Our choice: those of Lambda differ by
/// much less.
const CLOCKS: Duration = Duration::from_secs(2);

/// A part of the work.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Phase {
    /// The stored events.
    Events,
    /// The emails.
    Emails,
    /// Nothing is left.
    Done,
}

/// A job with its progress.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RecoverJob {
    /// Format version; [`RecoverJob::VERSION`] is written.
    pub v: u8,
    /// The id.
    pub id: EmailId,
    /// The webhook.
    pub webhook: WebhookId,
    /// Begin of the period.
    pub since: Timestamp,
    /// End of the period.
    pub until: Timestamp,
    /// True to send also what the receiver has already.
    pub all: bool,
    /// The phase.
    pub phase: Phase,
    /// The place reached in the phase's list.
    pub cursor: Option<String>,
    /// Places of the emails that are worked on, behind the cursor. An earlier run may have worked on each of them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub page: Vec<String>,
    /// Time of the first attempt of the next event; `None` for at once.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_slot: Option<Timestamp>,
    /// Events sent again, or stored.
    pub events: u64,
    /// Emails looked at.
    pub emails: u64,
    /// Earliest time of the next page.
    pub due: Timestamp,
    /// Version: the number of its writes.
    pub version: u64,
}

impl RecoverJob {
    /// The version that is written.
    pub const VERSION: u8 = 1;

    /// A job that a caller requests.
    #[must_use]
    pub const fn new(
        id: EmailId,
        webhook: WebhookId,
        (since, until): (Timestamp, Timestamp),
        all: bool,
        now: Timestamp,
    ) -> Self {
        Self {
            v: Self::VERSION,
            id,
            webhook,
            since,
            until,
            all,
            phase: Phase::Events,
            cursor: None,
            page: Vec::new(),
            next_slot: None,
            events: 0,
            emails: 0,
            due: now,
            version: 0,
        }
    }

    /// The job of a new webhook: the emails that were accepted while some environments did not know it yet. It begins a
    /// little before the creation, because the clock of such an environment may be behind.
    #[must_use]
    pub fn of_creation(id: EmailId, webhook: &Webhook) -> Self {
        let (since, until) = (first_acceptance(webhook), webhook.active_at());
        Self {
            phase: Phase::Emails,
            ..Self::new(id, webhook.id, (since, until), false, until)
        }
    }

    /// The job of a new webhook, if its tenant has these already. It begins with an earlier webhook that is not active
    /// yet: an email of that time may have no hook until the earlier one's job adds it, and that job tells its own webhook
    /// only.
    #[must_use]
    pub fn beside<'a>(self, others: impl IntoIterator<Item = &'a Webhook>) -> Self {
        let others = others.into_iter().filter(|other| other.active_at() > self.since);
        let since = others.map(first_acceptance).fold(self.since, Timestamp::min);
        Self { since, ..self }
    }

    /// True if a page may be done at `now`.
    #[must_use]
    pub fn is_due(&self, now: Timestamp) -> bool {
        self.phase != Phase::Done && self.due <= now
    }

    /// Time of its entry in the due index; `None` when it is done. A job that stops half-way is found again.
    #[must_use]
    pub fn check(&self, now: Timestamp) -> Option<Timestamp> {
        (self.phase != Phase::Done).then(|| if self.due > now { self.due } else { now.after(GUARD) })
    }

    /// The next delivery of a stored event, if the job sends it again. An event whose next attempt is planned, or that
    /// the receiver has, is sent only by a job for all.
    #[must_use]
    pub fn resend(&self, delivery: &Delivery, place: u64, now: Timestamp) -> Option<Delivery> {
        let in_period = (self.since..=self.until).contains(&delivery.created_at);
        let is_missing = delivery.state != DeliveryState::Success && delivery.next.is_none();
        (in_period && (self.all || is_missing)).then(|| delivery.replayed(self.slot(place, now), now))
    }

    /// Time of the first attempt of the event at a place, counted from the next event.
    #[must_use]
    pub fn slot(&self, place: u64, now: Timestamp) -> Timestamp {
        let millis = place.saturating_mul(60_000).checked_div(PER_MINUTE).unwrap_or(0);
        let begin = self.next_slot.map_or(now, |slot| slot.max(now));
        begin.after(Duration::from_millis(millis))
    }

    /// True if another event may be planned, after so many that the job has not counted yet.
    #[must_use]
    pub fn has_room(&self, events: u64, now: Timestamp) -> bool {
        self.slot(events, now) < now.after(AHEAD)
    }

    /// The job with its next page of emails. It is stored before the first of them is worked on.
    #[must_use]
    pub fn begin_page(&self, page: Vec<String>, now: Timestamp) -> Self {
        Self {
            page,
            ..self.paused(now)
        }
    }

    /// The job after the first email of its page, with so many new events. It is stored with the next page, or when the
    /// work pauses.
    #[must_use]
    pub fn after_email(&self, events: u64, is_found: bool, now: Timestamp) -> Self {
        let mut page = self.page.clone();
        let done = (!page.is_empty()).then(|| page.remove(0));
        Self {
            cursor: done.or_else(|| self.cursor.clone()),
            page,
            emails: self.emails.saturating_add(u64::from(is_found)),
            ..self.planned(events, now)
        }
    }

    /// The job as it is stored when the work pauses. A job whose minute is full waits until its events are sent.
    #[must_use]
    pub fn paused(&self, now: Timestamp) -> Self {
        Self {
            due: if self.has_room(0, now) { now } else { self.slot(0, now) },
            version: self.version.saturating_add(1),
            ..self.clone()
        }
    }

    /// The job after so many events were planned.
    fn planned(&self, events: u64, now: Timestamp) -> Self {
        Self {
            events: self.events.saturating_add(events),
            next_slot: if events == 0 {
                self.next_slot
            } else {
                Some(self.slot(events, now))
            },
            ..self.clone()
        }
    }

    /// The job after a page with so many events and emails; `next` is the start of the next page.
    #[must_use]
    pub fn after_page(&self, events: u64, emails: u64, next: Option<String>, now: Timestamp) -> Self {
        let phase = match (&next, self.phase) {
            (Some(_), phase) => phase,
            (None, Phase::Events) => Phase::Emails,
            (None, Phase::Emails | Phase::Done) => Phase::Done,
        };
        let planned = self.planned(events, now);
        Self {
            phase,
            cursor: next,
            page: Vec::new(),
            emails: planned.emails.saturating_add(emails),
            // A finished job plans nothing more.
            next_slot: planned.next_slot.filter(|_| phase != Phase::Done),
            ..planned.paused(now)
        }
    }
}

/// The earliest time of acceptance of an email that knows a webhook, on any clock.
fn first_acceptance(webhook: &Webhook) -> Timestamp {
    webhook.created_at.before(CLOCKS)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::id::TenantId;
    use crate::webhook::event_type::EventType;
    use crate::webhook::identity::EventId;
    use crate::webhook::settings::Target;

    fn at(secs: u64) -> Timestamp {
        Timestamp::from_millis(1_764_000_000_000).after(Duration::from_secs(secs))
    }

    fn job(all: bool) -> RecoverJob {
        let webhook = WebhookId::of(EmailId::from_random([2; 16]));
        RecoverJob::new(EmailId::from_random([1; 16]), webhook, (at(100), at(200)), all, at(300))
    }

    fn delivery(state: DeliveryState, created: u64, is_planned: bool) -> Delivery {
        let new = Delivery::new(
            EventId::from_bytes([1; 20]),
            EventType::Sent,
            at(created),
            is_planned,
            at(created),
        );
        Delivery { state, ..new }
    }

    #[test]
    fn a_job_goes_through_events_and_emails() {
        let first = job(false);
        let second = first.after_page(2, 0, Some("x".to_owned()), at(300));
        assert_eq!((second.phase, second.cursor.as_deref()), (Phase::Events, Some("x")));
        let third = second.after_page(1, 0, None, at(301));
        assert_eq!(
            (third.phase, third.cursor.clone(), third.events),
            (Phase::Emails, None, 3)
        );
        let done = third.after_page(4, 9, None, at(302));
        assert_eq!(
            (done.phase, done.events, done.emails, done.version),
            (Phase::Done, 7, 9, 3)
        );
        assert!(first.is_due(at(300)) && !done.is_due(at(9_999)));
        assert_eq!((done.check(at(302)), first.check(at(300))), (None, Some(at(300 + 900))));
    }

    #[test]
    fn only_missing_events_are_sent_again() {
        use DeliveryState::{Attempting, Failed, Pending, Success};
        let sent = |all, state, is_planned| job(all).resend(&delivery(state, 150, is_planned), 0, at(300)).is_some();
        for (state, is_planned, by_default) in [
            (Pending, false, true),
            (Pending, true, false),
            (Attempting, false, true),
            (Attempting, true, false),
            (Failed, false, true),
            (Success, false, false),
        ] {
            assert_eq!(sent(false, state, is_planned), by_default, "{state:?} {is_planned}");
            assert!(sent(true, state, is_planned), "{state:?}");
        }
    }

    #[test]
    fn only_events_of_the_period_are_sent_again() {
        let sent = |created| {
            job(true)
                .resend(&delivery(DeliveryState::Failed, created, false), 0, at(300))
                .is_some()
        };
        assert_eq!([99, 100, 200, 201].map(sent), [false, true, true, false]);
    }

    /// A receiver that was down for a day comes back, and thousands of events wait.
    #[test]
    fn a_recovery_does_not_flood_its_receiver() {
        let failed = delivery(DeliveryState::Failed, 150, false);
        let time = |place| {
            job(false)
                .resend(&failed, place, at(300))
                .and_then(|next| next.next)
                .unwrap()
                .at
        };
        assert_eq!([time(0), time(600), time(6_000)], [at(300), at(360), at(900)]);
        let next = job(false).after_page(600, 0, Some("x".to_owned()), at(300));
        assert!(!next.is_due(at(359)) && next.is_due(at(360)));
        assert_eq!(next.check(at(300)), Some(at(360)));
    }

    /// Most emails have an event or two. A page of them must not end a minute's work.
    #[test]
    fn a_job_goes_on_until_a_minute_is_full() {
        let first = job(false).begin_page(vec!["2#x".to_owned(), "1#y".to_owned()], at(300));
        let mut next = first.after_email(50, true, at(300));
        assert!(next.has_room(0, at(300)) && next.paused(at(301)).is_due(at(301)));
        assert_eq!(next.slot(0, at(300)), at(305), "behind the planned events");
        assert_eq!(next.slot(0, at(310)), at(310), "never in the past");
        for _ in 0..11 {
            next = next.after_email(50, true, at(300));
        }
        assert!(!next.has_room(0, at(300)) && next.has_room(0, at(301)));
        let paused = next.paused(at(300));
        assert!(!paused.is_due(at(359)) && paused.is_due(at(360)));
        assert_eq!((paused.events, paused.emails), (600, 12));
    }

    #[test]
    fn a_page_is_named_before_it_is_worked_on() {
        let page = vec!["2#x".to_owned(), "1#y".to_owned()];
        let begun = job(false).begin_page(page.clone(), at(300));
        assert_eq!((&begun.page, &begun.cursor, begun.version), (&page, &None, 1));
        let half = begun.after_email(1, true, at(301));
        assert_eq!(
            (half.page.as_slice(), half.cursor.as_deref()),
            (&page[1..], Some("2#x"))
        );
        assert_eq!((half.version, half.events, half.emails), (1, 1, 1), "stored later");
        let done = half.after_email(0, false, at(302));
        assert_eq!(
            (done.page.len(), done.cursor.as_deref(), done.emails),
            (0, Some("1#y"), 1)
        );
        assert_eq!(done.paused(at(302)).version, 2);
    }

    #[test]
    fn a_new_webhook_recovers_the_emails_of_its_first_minute() {
        let target = Target::Push {
            endpoint: "https://example.com".to_owned(),
        };
        let id = WebhookId::of(EmailId::from_random([2; 16]));
        let webhook = Webhook::new(id, TenantId::main(), target, Vec::new(), at(0));
        let job = RecoverJob::of_creation(EmailId::from_random([1; 16]), &webhook);
        assert_eq!((job.since, job.until), (at(0).before(CLOCKS), at(60)));
        assert_eq!(job.phase, Phase::Emails);
        assert!(!job.is_due(at(59)) && job.is_due(at(60)));
        assert_eq!(job.check(at(0)), Some(at(60)));
    }

    /// An email of the first one's minute may be sent after the second one's creation, and has no hook yet.
    #[test]
    fn two_new_webhooks_recover_their_common_minute() {
        let created = |secs| {
            let target = Target::Push {
                endpoint: "https://example.com".to_owned(),
            };
            let id = WebhookId::of(EmailId::from_random([2; 16]));
            Webhook::new(id, TenantId::main(), target, Vec::new(), at(secs))
        };
        let job = || RecoverJob::of_creation(EmailId::from_random([1; 16]), &created(100));
        let since = |others: &[Webhook]| job().beside(others).since;
        assert_eq!(since(&[created(70), created(50)]), at(48));
        assert_eq!(since(&[created(30)]), at(98), "it is active");
    }

    #[test]
    fn a_job_is_read_as_it_was_written() {
        let job = job(true).after_page(1, 2, Some("x".to_owned()), at(5));
        let text = serde_json::to_string(&job).unwrap();
        assert_eq!(serde_json::from_str::<RecoverJob>(&text).unwrap(), job);
    }
}
