//! The events of webhooks at the end of a run.
//!
//! The set of received ids must be the set that records and facts imply: `recovered` computes it without a memory, and
//! the functions told each change when it happened. Both agree only if nothing is missed, and nothing has two ids.

use std::collections::{BTreeMap, BTreeSet};

use domain::delivery::record::EmailRecord;
use domain::id::EmailId;
use domain::timestamp::Timestamp;
use domain::webhook::fact::EmailFact;
use domain::webhook::identity::{EventId, Subject};
use domain::webhook::telling::recovered;
use invariants::Invariant;
use memory::MemoryBackend;
use memory::hooks::Hooks;
use serde_json::Value;

use super::Oracle;

/// The bodies of each received id.
pub(super) type Received = BTreeMap<String, BTreeSet<String>>;

/// Returns the facts of a record.
fn facts_of(hooks: &Hooks, record: &EmailRecord) -> Vec<EmailFact> {
    let key = record.email_key();
    let facts = hooks.facts.iter();
    let own = facts.filter(|((of, _), stored)| *of == key && stored.born == record.born);
    own.map(|(_, stored)| stored.fact.clone()).collect()
}

/// Returns the email that a body is about.
pub(super) fn email_of(body: &str) -> Option<EmailId> {
    let payload: Value = serde_json::from_str(body).ok()?;
    EmailId::parse(payload.pointer("/data/email_id")?.as_str()?)
}

impl Oracle {
    /// Records that webhooks are created while emails are accepted: events of later emails are told.
    pub fn record_webhooks(&self, now: Timestamp) {
        self.observations().webhooks_since = Some(now);
    }

    /// Checks the received events at the end of a run, in which nothing moves any more.
    pub fn end_of_telling(&self, backend: &MemoryBackend, received: &Received) {
        let state = backend.state();
        let mut seen = self.observations();
        let mut expected: BTreeSet<EventId> = BTreeSet::new();
        // A record gets its hook when it is accepted, or from the recovery of a new webhook.
        let mut without = state.records.values().filter(|record| record.hook.is_none());
        let missed = seen
            .webhooks_since
            .and_then(|since| without.find(|record| record.born >= since));
        if let Some(record) = missed {
            let detail = "it was accepted after the creation of the webhook, and is never told".to_owned();
            seen.broken(Invariant::Telling, Some(record.id), detail);
        }
        for record in state.records.values().filter(|record| record.hook.is_some()) {
            for telling in recovered(record, &facts_of(&state.hooks, record)) {
                let name = telling.event_type.as_str();
                let id = telling.id.clone();
                let place = (record.tenant.clone(), telling.subject, id.clone());
                if !state.hooks.payloads.contains_key(&place) {
                    let detail = format!("{name} ({id}) follows from the record, and is not stored");
                    seen.broken(Invariant::Telling, Some(record.id), detail);
                } else if !received.contains_key(id.as_str()) {
                    let detail = format!("{name} ({id}) is stored, and was never received");
                    seen.broken(Invariant::Telling, Some(record.id), detail);
                }
                expected.insert(id);
            }
        }
        let expected: BTreeSet<&str> = expected.iter().map(EventId::as_str).collect();
        let mut ids: BTreeMap<&str, &str> = BTreeMap::new();
        for (id, bodies) in received {
            let email = bodies.first().and_then(|body| email_of(body));
            if bodies.len() > 1 {
                let detail = format!("{id} was received with {} bodies", bodies.len());
                seen.broken(Invariant::Telling, email, detail);
            }
            for body in bodies {
                if let Some(other) = ids.insert(body.as_str(), id.as_str()) {
                    let detail = format!("{other} and {id} are one event");
                    seen.broken(Invariant::Telling, email, detail);
                }
            }
            let is_stored = |id: EmailId| state.records.values().any(|record| record.id == id);
            // An erased email was told before, and an event about none has no record.
            if !expected.contains(id.as_str()) && email.is_some_and(is_stored) {
                let detail = format!("{id} was received, and does not follow from the record");
                seen.broken(Invariant::Telling, email, detail);
            }
        }
    }

    /// Checks that nothing of an erased email is left.
    pub fn end_of_erased_events(&self, backend: &MemoryBackend) {
        let state = backend.state();
        let mut seen = self.observations();
        let erased = seen.known.iter().filter(|(_, known)| known.erased_at.is_some());
        let erased: BTreeSet<EmailId> = erased.map(|(id, _)| *id).collect();
        let erased = |id: &EmailId| erased.contains(id) && !state.records.values().any(|record| record.id == *id);
        let facts = state.hooks.facts.keys().map(|(key, _)| key.id);
        let payloads = state.hooks.payloads.keys().filter_map(|(_, subject, _)| match subject {
            Subject::Email(id) => Some(*id),
            Subject::Suppression(_) | Subject::Domain(_) => None,
        });
        let left: Vec<EmailId> = facts.chain(payloads).filter(erased).collect();
        for id in left {
            let detail = "it was erased, and a fact or an event is left".to_owned();
            seen.broken(Invariant::EventErasure, Some(id), detail);
        }
    }
}
