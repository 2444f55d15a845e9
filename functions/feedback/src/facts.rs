//! Stores the facts of an email that webhooks need, beside its record.
//!
//! **Invariant:** a fact is stored before the record is written. So a crash in between brings the event again, and the
//! fact is known then. A fact is stored only for an event that concerns a record with a hook.
//! **A hook that is added meanwhile** raises the count of the record's delivery statuses, so that the write of these
//! events is refused and decided again. Then the facts are stored after the record.
//! **Erasure:** the record is looked at after the facts were stored. If it is gone, or has another birth, its facts are
//! deleted again: an erasure that runs at the same time may not have seen them.
//! **Start reading at** [`FeedbackFunction::store_facts`].

use domain::delivery::record::EmailRecord;
use domain::delivery::ses_event::SesEvent;
use domain::id::EmailKey;
use domain::ports::webhook_events::{EmailFacts, StoredFact};
use domain::ports::{EmailRecords, PortError};
use domain::timestamp::Timestamp;
use domain::webhook::fact::EmailFact;

use crate::{FeedbackFunction, Ports};

impl<P: Ports> FeedbackFunction<P> {
    /// Stores the facts behind these events, and returns them. A record without a hook has none, and costs no call.
    pub(crate) async fn store_facts(
        &self,
        record: &EmailRecord,
        events: &[SesEvent],
    ) -> Result<Vec<StoredFact>, PortError> {
        if record.hook.is_none() {
            return Ok(Vec::new());
        }
        let key = record.email_key();
        let events = events.iter().filter(|event| event.concerns(record));
        let fact = |fact| StoredFact {
            born: record.born,
            fact,
        };
        let facts: Vec<_> = events.filter_map(EmailFact::of).map(fact).collect();
        for fact in &facts {
            self.records.put_fact(&key, fact).await?;
        }
        Ok(facts)
    }

    /// Deletes the facts of events whose email has no record. An earlier invocation may have stored them after the erasure,
    /// and died before it looked at the record again.
    pub(crate) async fn delete_facts(&self, key: &EmailKey, events: &[SesEvent]) -> Result<(), PortError> {
        for fact in events.iter().filter_map(EmailFact::of) {
            self.records.delete_fact(key, fact.number()).await?;
        }
        Ok(())
    }

    /// Deletes facts whose record is gone.
    pub(crate) async fn withdraw_facts_without_record(
        &self,
        key: &EmailKey,
        facts: &[StoredFact],
        now: Timestamp,
    ) -> Result<(), PortError> {
        let record = self.records.load(key, now).await?;
        let is_gone = |fact: &&StoredFact| record.as_ref().is_none_or(|record| record.born != fact.born);
        for fact in facts.iter().filter(is_gone) {
            self.records.delete_fact(key, fact.fact.number()).await?;
        }
        Ok(())
    }
}
