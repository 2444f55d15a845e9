//! Records SES events of emails: acceptance, delivery, bounce, complaint. Suppresses recipients that bounced
//! permanently or complained.
//!
//! **Role:** consumes the SQS queue that receives SES's events by way of SNS.
//! **Invariant:** events arrive in any order, duplicated and late; none of it changes the result. The record is
//! read before it is written: most events bring nothing new. All events of a batch about one email are applied
//! together, so that they do not contend for the record.
//! **After a crash:** the events are delivered again.
//! **Webhooks:** [`facts`] stores what their payloads need, before the record.
//! **Start reading at** [`FeedbackFunction::handle`]; [`handler`] is SQS.

mod facts;
pub mod handler;
pub mod settings;

use std::sync::Mutex;
use std::time::Duration;

use aws::runtime::cache::lock;
use domain::delivery::record::EmailRecord;
use domain::delivery::ses_event::SesEvent;
use domain::delivery::suppression::{added_by, listed_by};
use domain::id::EmailKey;
use domain::lifecycle::{handle_event, update_recipients};
use domain::ports::rate_limits::RateLimits;
use domain::ports::webhook_events::EmailFacts;
use domain::ports::webhooks::WebhookFlags;
use domain::ports::{AccountRates, Clock, EmailRecords, PortError, Suppressions, Watermark};
use domain::timestamp::Timestamp;
use workflow::apply::{ApplyError, apply};
use workflow::suppressions::add;

/// Outcome of the events of one email.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FeedbackOutcome {
    /// The record contains them.
    Known,
    /// There is no such record.
    NoSuchEmail,
}

/// Minimum time between two writes of the progress by one environment. Each write costs money.
const PROGRESS_INTERVAL: Duration = Duration::from_secs(30);

/// The ports of this function.
pub trait Ports {
    /// Records with their facts, suppressions, and the stored progress.
    type Records: EmailRecords + RateLimits + Watermark + Suppressions + AccountRates + EmailFacts + WebhookFlags;
    /// Clock.
    type System: Clock;
}

/// A backend that is every port, such as the in-memory backend.
impl<T> Ports for T
where
    T: EmailRecords + RateLimits + Watermark + Suppressions + AccountRates + EmailFacts + WebhookFlags + Clock,
{
    type Records = T;
    type System = T;
}

/// The function and its ports.
#[derive(Debug)]
pub struct FeedbackFunction<P: Ports> {
    /// See [`Ports::Records`].
    pub records: P::Records,
    /// See [`Ports::System`].
    pub system: P::System,
    /// Time of the last progress write of this environment.
    pub progress_stored_at: Mutex<Option<Timestamp>>,
}

impl<P: Ports> FeedbackFunction<P> {
    /// Carries out events about one email.
    ///
    /// # Errors
    /// The record could not be read or written, or an address could not be suppressed. The events must be
    /// delivered again.
    pub async fn handle(&self, key: &EmailKey, events: &[SesEvent]) -> Result<FeedbackOutcome, ApplyError> {
        let now = self.system.now();
        let Some(mut record) = self.records.load(key, now).await? else {
            self.delete_facts(key, events).await?;
            self.suppress(key, None, events, now).await?;
            return Ok(FeedbackOutcome::NoSuchEmail);
        };
        let mut facts = self.store_facts(&record, events).await?;
        let before = record.clone();
        for event in events {
            (_, record) = apply(&self.records, record, now, |record| handle_event(record, event)).await?;
        }
        (_, record) = apply(&self.records, record, now, |record| update_recipients(record, events)).await?;
        let got_hook = before.hook.is_none() && record.hook.is_some();
        if got_hook {
            // A recovery has added the hook meanwhile, and refused the first write. It may have read the record before the
            // second one. After a crash the events come again, and find the hook.
            facts = self.store_facts(&record, events).await?;
        }
        // A record that changed after its facts were stored was there.
        if !facts.is_empty() && (record == before || got_hook) {
            self.withdraw_facts_without_record(key, &facts, now).await?;
        }
        self.suppress(key, Some(&record), events, now).await?;
        Ok(FeedbackOutcome::Known)
    }

    /// Suppresses addresses after the record is written. After a failure, the events are delivered again, and the
    /// record is written already.
    /// Most events suppress nobody, and cost no call. The others read the flag of the tenant, unless the record has a hook.
    async fn suppress(
        &self,
        key: &EmailKey,
        record: Option<&EmailRecord>,
        events: &[SesEvent],
        now: Timestamp,
    ) -> Result<(), PortError> {
        for listed in events.iter().flat_map(|event| listed_by(event, record)) {
            self.records.remember_listed(&listed).await?;
        }
        let suppressions: Vec<_> = events.iter().flat_map(|event| added_by(event, record, now)).collect();
        if !suppressions.is_empty() {
            // An email from before the first webhook has no hook, and its suppression is told all the same.
            let has_hook = record.is_some_and(|record| record.hook.is_some());
            let is_told = has_hook || self.records.has_webhooks(&key.tenant, now).await?;
            add(&self.records, &suppressions, is_told).await?;
        }
        Ok(())
    }

    /// Stores that the events up to this time are recorded, at most once per interval. After a failure, a later batch
    /// stores the progress.
    pub async fn store_progress(&self, newest: Timestamp) {
        let now = self.system.now();
        {
            let mut stored_at = lock(&self.progress_stored_at);
            if stored_at.is_some_and(|at| now.since(at) < PROGRESS_INTERVAL) {
                return;
            }
            *stored_at = Some(now);
        }
        // A fast clock or a forged event must not claim the future.
        if let Err(error) = self.records.raise_watermark(newest.min(now)).await {
            let error = aws::runtime::telemetry::chain(&error);
            tracing::warn!(error, "the progress of feedback could not be stored");
        }
    }
}
