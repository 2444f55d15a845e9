//! The events of webhooks: the ids that the table implies, compared with the requests that the receiver got.
//!
//! **Invariant:** pure. The set of ids received equals the set that the table implies. Two computations give this set:
//! the product's own recovery over records and facts, and separate code over the documented names of the items
//! ([`ids`]). An id that only one of them gives is a defect, so that a mistake of the one is not repeated in the other.
//! **Start reading at** [`compare_events`].

pub mod ids;

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;
use serde_json::Value;
use sha2::{Digest, Sha256};

use crate::hooks::ids::HookedEmail;
use crate::oracle::{Defect, Verdict};

/// An event that the product's own recovery implies.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Implied {
    /// The email.
    pub email: String,
    /// The id of the event.
    pub id: String,
}

/// A request that the receiver got.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Received {
    /// The headers, with names in lower case.
    pub headers: Vec<Header>,
    /// The body.
    pub body: String,
    /// Whether its signatures are genuine.
    pub verified: bool,
}

/// A header.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Header {
    /// The name.
    pub name: String,
    /// The value.
    pub value: String,
}

/// The fact that a payload states: type, email, recipient and time. Two ids for one such fact are one too many.
type Stated<'a> = (&'a str, &'a str, Option<&'a str>, &'a str);

/// The parts of a received event that the oracle compares.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Event<'a> {
    id: &'a str,
    kind: String,
    /// The email; empty for an event about none.
    email: String,
    recipient: Option<String>,
    created_at: String,
}

impl Event<'_> {
    fn stated(&self) -> Stated<'_> {
        (&self.kind, &self.email, self.recipient.as_deref(), &self.created_at)
    }
}

impl Received {
    fn event(&self) -> Event<'_> {
        let payload: Value = serde_json::from_str(&self.body).unwrap_or_default();
        let text = |place: &str| payload.pointer(place).and_then(Value::as_str).unwrap_or_default();
        let id = self.headers.iter().find(|header| header.name == "webhook-id");
        let recipient = Some(text("/data/to/0")).filter(|address| !address.is_empty());
        Event {
            id: id.map_or("", |header| header.value.as_str()),
            kind: text("/type").to_owned(),
            email: text("/data/email_id").to_owned(),
            recipient: recipient.map(key_of),
            created_at: text("/created_at").to_owned(),
        }
    }
}

/// Returns a recipient's key: 12 hex digits of the hash of the address.
fn key_of(address: &str) -> String {
    let address = address.rsplit_once('<').map_or(address, |(_, address)| address);
    let address = address.trim_end_matches('>').trim().to_ascii_lowercase();
    let hash = Sha256::digest(address.replace(['"', '\\'], "").as_bytes());
    hash.iter().take(6).map(|byte| format!("{byte:02x}")).collect()
}

/// Compares the received events with those that the table implies, and adds the defects to the verdict.
///
/// An id that the table does not imply is a second id, if another one states the same fact, and else false.
pub fn compare_events(verdict: &mut Verdict, emails: &[HookedEmail], implied: &[Implied], received: &[Received]) {
    let events: Vec<(Event<'_>, &Received)> = received.iter().map(|request| (request.event(), request)).collect();
    let came: BTreeSet<&str> = events.iter().map(|(event, _)| event.id).collect();
    let recovered: BTreeMap<&str, &str> = implied
        .iter()
        .map(|one| (one.id.as_str(), one.email.as_str()))
        .collect();
    let computed: BTreeMap<String, &str> = emails
        .iter()
        .flat_map(|email| email.ids().into_iter().map(|id| (id, email.id.as_str())))
        .collect();
    let computed: BTreeMap<&str, &str> = computed.iter().map(|(id, email)| (id.as_str(), *email)).collect();

    let either: BTreeMap<&str, &str> = recovered
        .iter()
        .chain(&computed)
        .map(|(id, email)| (*id, *email))
        .collect();
    for (_, email) in either.iter().filter(|(id, _)| !came.contains(*id)) {
        verdict.find(email, Defect::NotTold);
    }

    let is_implied = |id: &str| recovered.contains_key(id) && computed.contains_key(id);
    let mut bodies: BTreeMap<&str, &str> = BTreeMap::new();
    let mut ids_of: BTreeMap<Stated<'_>, BTreeSet<&str>> = BTreeMap::new();
    for (event, _) in &events {
        ids_of.entry(event.stated()).or_default().insert(event.id);
    }
    let mut judged = BTreeSet::new();
    for (event, request) in &events {
        let body = request.body.as_str();
        if *bodies.entry(event.id).or_insert(body) != body {
            verdict.find(&event.email, Defect::ToldTwice);
        }
        if !request.verified {
            verdict.find(&event.email, Defect::ToldFalsely);
        }
        if is_implied(event.id) || !judged.insert(event.id) {
            continue;
        }
        let has_other = ids_of.get(&event.stated()).is_some_and(|ids| ids.len() > 1);
        let defect = if has_other {
            Defect::ToldTwice
        } else {
            Defect::ToldFalsely
        };
        verdict.find(&event.email, defect);
    }
    let kinds: BTreeMap<&str, &str> = events
        .iter()
        .map(|(event, _)| (event.id, event.kind.as_str()))
        .collect();
    verdict.events = kinds.len();
    for kind in kinds.into_values() {
        *verdict.events_by_type.entry(kind.to_owned()).or_default() += 1;
    }
}

#[cfg(test)]
#[path = "hooks_tests.rs"]
mod tests;
