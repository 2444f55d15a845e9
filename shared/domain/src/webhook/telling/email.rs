//! The events of an email.

use std::collections::BTreeSet;

use super::{Telling, Told, distinct};
use crate::delivery::cause::Cause;
use crate::delivery::delivery_status::DeliveryStatus;
use crate::delivery::history::{Diagnostic, Fact};
use crate::delivery::hook::{Hook, RecipientKey};
use crate::delivery::life::{End, LifeFact, LifeKind, life};
use crate::delivery::record::EmailRecord;
use crate::id::EmailKey;
use crate::timestamp::Timestamp;
use crate::webhook::event_type::EventType;
use crate::webhook::fact::{EmailFact, FactKind};
use crate::webhook::identity::{EventId, Identity, Number, Subject};
use crate::webhook::rank;

/// The events of a change of a record.
///
/// The whole life of a record with another birth is told. Nothing is told of a record that has no hook, or that is gone.
/// A record that gets its hook later tells nothing by that: the recovery that adds the hook tells its own webhook, and
/// the other webhooks did not ask for old emails. No other change comes with that write.
#[must_use]
pub fn told(before: Option<&EmailRecord>, after: Option<&EmailRecord>) -> Vec<Telling> {
    let Some(after) = after else {
        return Vec::new();
    };
    let before = before.filter(|before| before.born == after.born);
    if before.is_some_and(|before| before.hook.is_none()) {
        return Vec::new();
    }
    let known = before.into_iter().flat_map(of_life);
    let known: BTreeSet<EventId> = known.map(|telling| telling.id).collect();
    let all = of_life(after).into_iter();
    distinct(all.filter(|telling| !known.contains(&telling.id)))
}

/// The events of a fact of a record.
#[must_use]
pub fn of_fact(record: &EmailRecord, fact: &EmailFact) -> Vec<Telling> {
    let Some(hook) = &record.hook else {
        return Vec::new();
    };
    let about = About(record);
    match &fact.kind {
        FactKind::Recipients {
            recipients,
            bounce,
            complaint,
            suspected,
        } => {
            let each = recipients.iter().filter_map(|each| {
                let told = Told::Status {
                    status: each.status,
                    words: each.words.clone(),
                    bounce: bounce.clone(),
                    complaint: complaint.clone(),
                    suspected: *suspected,
                    message_id: Some(fact.message_id.clone()).filter(|id| !id.is_empty()),
                };
                about.status(RecipientKey::parse(&each.key)?, each.status, fact.at, told)
            });
            each.collect()
        }
        FactKind::Opened(agent) => {
            let told = Told::Opened(agent.clone());
            vec![about.engagement(hook, EventType::Opened, fact, rank::opened(fact.at), told)]
        }
        FactKind::Clicked { agent, link } => {
            let told = Told::Clicked {
                agent: agent.clone(),
                link: link.clone(),
            };
            vec![about.engagement(hook, EventType::Clicked, fact, rank::clicked(fact.at), told)]
        }
    }
}

/// The ids of the events of a fact, also without its record.
#[must_use]
pub fn ids_of_fact(key: &EmailKey, born: Timestamp, fact: &EmailFact) -> Vec<EventId> {
    let id = |event_type, recipient, number| {
        let identity = Identity {
            tenant: &key.tenant,
            subject: Subject::Email(key.id),
            born,
            event_type,
            recipient,
            number,
        };
        identity.id()
    };
    let number = || Number::Fact(fact.number());
    match &fact.kind {
        FactKind::Recipients { recipients, .. } => {
            let each = recipients.iter().filter_map(|each| {
                let recipient = RecipientKey::parse(&each.key)?;
                Some(id(type_of(each.status)?, Some(recipient), Number::At(fact.at)))
            });
            each.collect()
        }
        FactKind::Opened(_) => vec![id(EventType::Opened, None, number())],
        FactKind::Clicked { .. } => vec![id(EventType::Clicked, None, number())],
    }
}

/// All events of a record and its facts, with the ids that they had when they happened.
///
/// A record whose facts were not stored, because it had no hook then, tells the delivery statuses that it keeps.
#[must_use]
pub fn recovered(record: &EmailRecord, facts: &[EmailFact]) -> Vec<Telling> {
    if record.hook.is_none() {
        return Vec::new();
    }
    let of_facts = facts.iter().flat_map(|fact| of_fact(record, fact));
    distinct(of_life(record).into_iter().chain(of_facts).chain(of_statuses(record)))
}

/// The events of a record's life, for each recipient.
fn of_life(record: &EmailRecord) -> Vec<Telling> {
    let Some(hook) = &record.hook else {
        return Vec::new();
    };
    let about = About(record);
    let facts = life(record).into_iter();
    let each = facts.flat_map(|fact| hook.recipients.iter().map(move |key| about.life(*key, fact)));
    each.collect()
}

/// The identities of the events of a record's life, but for the parts that all of them share.
///
/// The set only grows. The ids hash these parts, and comparing the parts is cheaper.
#[must_use]
pub fn life_identities(record: &EmailRecord) -> Vec<(EventType, RecipientKey, Number)> {
    let Some(hook) = &record.hook else {
        return Vec::new();
    };
    let about = About(record);
    let of_fact = |fact: LifeFact| {
        let each = hook.recipients.iter().map(move |key| {
            let (event_type, number, _) = about.part(*key, fact);
            (event_type, *key, number)
        });
        each.collect::<Vec<_>>()
    };
    life(record).into_iter().flat_map(of_fact).collect()
}

/// The delivery facts that the record itself keeps.
fn of_statuses(record: &EmailRecord) -> Vec<Telling> {
    let about = About(record);
    let told = |key: &str, status: DeliveryStatus, said: &Diagnostic| {
        let told = Told::Status {
            status,
            words: said.words.clone(),
            bounce: None,
            complaint: None,
            suspected: false,
            message_id: None,
        };
        about.status(RecipientKey::parse(key)?, status, said.at, told)
    };
    // A recipient that was left out has no time of its own: its event follows from the acceptance.
    let now = record.delivery_statuses.iter();
    let now = now.filter_map(|(key, status)| told(key, *status, record.diagnostics.get(key)?));
    let earlier = record.facts.iter();
    let earlier = earlier.filter_map(|((key, fact), said)| told(key, status_of(*fact)?, said));
    now.chain(earlier).collect()
}

/// The delivery status behind a kept fact; the other facts tell nothing.
const fn status_of(fact: Fact) -> Option<DeliveryStatus> {
    match fact {
        Fact::Delivered => Some(DeliveryStatus::Delivered),
        Fact::SoftBounced => Some(DeliveryStatus::SoftBounced),
        Fact::OnGlobalList => Some(DeliveryStatus::OnGlobalList),
        Fact::OnAccountList => Some(DeliveryStatus::OnAccountList),
        Fact::Bounced => Some(DeliveryStatus::Bounced),
        Fact::Rejected => Some(DeliveryStatus::Rejected),
        Fact::NotSpam | Fact::AuthFailure => None,
    }
}

/// The event type of a delivery status. SES's lists have the type that Resend gives them.
const fn type_of(status: DeliveryStatus) -> Option<EventType> {
    match status {
        DeliveryStatus::Suppressed => None,
        DeliveryStatus::DeliveryDelayed => Some(EventType::DeliveryDelayed),
        DeliveryStatus::Delivered => Some(EventType::Delivered),
        DeliveryStatus::Absence | DeliveryStatus::SoftBounced | DeliveryStatus::Bounced => Some(EventType::Bounced),
        DeliveryStatus::OnGlobalList | DeliveryStatus::OnAccountList => Some(EventType::Suppressed),
        DeliveryStatus::Rejected => Some(EventType::Failed),
        DeliveryStatus::Complained => Some(EventType::Complained),
    }
}

/// Makes the events of one record.
#[derive(Clone, Copy)]
struct About<'a>(&'a EmailRecord);

impl About<'_> {
    fn telling(
        self,
        (event_type, recipient, number): (EventType, Option<RecipientKey>, Number),
        (created_at, rank): (Timestamp, u64),
        told: Told,
    ) -> Telling {
        let subject = Subject::Email(self.0.id);
        let identity = Identity {
            tenant: &self.0.tenant,
            subject,
            born: self.0.born,
            event_type,
            recipient,
            number,
        };
        Telling {
            id: identity.id(),
            event_type,
            subject,
            recipient,
            created_at,
            rank,
            told,
        }
    }

    /// The type and the number of a fact of the life for one recipient, and the content of its event.
    fn part(self, key: RecipientKey, fact: LifeFact) -> (EventType, Number, Told) {
        match fact.kind {
            LifeKind::Scheduled { turn, .. } => (EventType::Scheduled, Number::Schedule(turn), Told::Life(fact.kind)),
            LifeKind::Sent { claim_no } => {
                let hook = self.0.hook.as_ref();
                if hook.is_some_and(|hook| hook.leaves_out(claim_no, key)) {
                    (
                        EventType::Suppressed,
                        Number::Claim(claim_no),
                        Told::LeftOut { claim_no },
                    )
                } else {
                    (EventType::Sent, Number::Claim(claim_no), Told::Life(fact.kind))
                }
            }
            LifeKind::Ended {
                end,
                claim_no,
                turn,
                cause,
            } => {
                let number = Number::End { claim_no, turn };
                match (end, cause) {
                    (End::Failed | End::Unknown, Some(Cause::Suppressed)) => {
                        (EventType::Suppressed, number, Told::LeftOut { claim_no })
                    }
                    (End::Failed | End::Unknown, _) => (EventType::Failed, number, Told::Life(fact.kind)),
                    (End::Canceled, _) => (EventType::Canceled, number, Told::Life(fact.kind)),
                    (End::Expired, _) => (EventType::Expired, number, Told::Life(fact.kind)),
                }
            }
        }
    }

    fn life(self, key: RecipientKey, fact: LifeFact) -> Telling {
        let (event_type, number, told) = self.part(key, fact);
        self.telling(
            (event_type, Some(key), number),
            (fact.at, rank::of_life(fact.kind)),
            told,
        )
    }

    fn status(self, key: RecipientKey, status: DeliveryStatus, at: Timestamp, told: Told) -> Option<Telling> {
        let identity = (type_of(status)?, Some(key), Number::At(at));
        Some(self.telling(identity, (at, rank::of_status(status, at)), told))
    }

    /// SES does not say which recipient opened or clicked; of one recipient there is no doubt. The id has no recipient, so
    /// that the fact alone implies it.
    fn engagement(self, hook: &Hook, event_type: EventType, fact: &EmailFact, rank: u64, told: Told) -> Telling {
        let only = match hook.recipients.as_slice() {
            [only] => Some(*only),
            _ => None,
        };
        let identity = (event_type, None, Number::Fact(fact.number()));
        Telling {
            recipient: only,
            ..self.telling(identity, (fact.at, rank), told)
        }
    }
}

#[cfg(test)]
#[path = "fact_tests.rs"]
mod fact_tests;
#[cfg(test)]
#[path = "email_tests.rs"]
mod tests;
