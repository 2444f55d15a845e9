//! Takes what SES says about emails: that it accepted them, and what became of them; who bounced for good
//! or complained is suppressed.
//!
//! **Role:** behind the queue that SES's events arrive in, by way of SNS.
//! **Invariant:** events come in any order, doubled and late; none of it changes the result.
//! Reads before it writes: most events say nothing new. All that a batch says of one email is
//! taken together, or its events would fight each other for the record.
//! **After a crash:** the events come again.
//! **Start reading at** [`Feedback::hear`]; [`handler`] is SQS.

pub mod handler;

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use domain::apply::{ApplyError, apply};
use domain::lifecycle::{heard, learned};
use domain::ports::rate_limits::RateLimits;
use domain::ports::{Clock, EmailKey, EmailRecords, Paces, PortError, Suppressions, Watermark};
use domain::record::EmailRecord;
use domain::suppression::{add, added_by, listed_by};
use domain::timestamp::Timestamp;
use domain::wire::ses_event::SesEvent;

/// What became of events.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Heard {
    /// The record knows what they say.
    Known,
    /// There is no such record.
    NoSuchEmail,
}

/// How often an environment says how far it is, at most: a write for that is money.
const SAY_AFTER: Duration = Duration::from_secs(30);

/// Takes events with what the world offers.
#[derive(Debug)]
pub struct Feedback<R, S> {
    /// The records, who is suppressed, and where it is said how far this is.
    pub records: R,
    /// The clock.
    pub system: S,
    /// When this environment said it last.
    pub said: Mutex<Option<Timestamp>>,
}

impl<R, S> Feedback<R, S>
where
    R: EmailRecords + RateLimits + Watermark + Suppressions + Paces,
    S: Clock,
{
    /// Carries out events about one email.
    ///
    /// # Errors
    /// When the record could not be read or written, or an address could not be suppressed: the events must
    /// come again.
    pub async fn hear(&self, key: &EmailKey, events: &[SesEvent]) -> Result<Heard, ApplyError> {
        let now = self.system.now();
        let Some(mut record) = self.records.load(key, now).await? else {
            self.suppress(None, events, now).await?;
            return Ok(Heard::NoSuchEmail);
        };
        for event in events {
            (_, record) = apply(&self.records, record, now, |record| heard(record, event)).await?;
        }
        (_, record) = apply(&self.records, record, now, |record| learned(record, events)).await?;
        self.suppress(Some(&record), events, now).await?;
        Ok(Heard::Known)
    }

    /// Behind the record: what fails here comes again, and finds the record written. Most events suppress nobody,
    /// and ask nothing.
    async fn suppress(
        &self,
        record: Option<&EmailRecord>,
        events: &[SesEvent],
        now: Timestamp,
    ) -> Result<(), PortError> {
        for listed in events.iter().flat_map(|event| listed_by(event, record)) {
            self.records.remember_listed(&listed).await?;
        }
        let suppressions: Vec<_> = events.iter().flat_map(|event| added_by(event, record, now)).collect();
        if !suppressions.is_empty() {
            add(&self.records, &suppressions).await?;
        }
        Ok(())
    }

    /// Says that an event of this time was worked off, unless it was said of another one just
    /// now. What fails is said with a later batch.
    pub async fn say_how_far(&self, newest: Timestamp) {
        let now = self.system.now();
        {
            let mut said = self.said.lock().unwrap_or_else(PoisonError::into_inner);
            if said.is_some_and(|said| now.since(said) < SAY_AFTER) {
                return;
            }
            *said = Some(now);
        }
        // A clock that is ahead, or an event that was made up, must not speak for the future.
        if let Err(error) = self.records.raise_watermark(newest.min(now)).await {
            let error = aws::telemetry::chain(&error);
            tracing::warn!(error, "how far feedback is could not be written down");
        }
    }
}
