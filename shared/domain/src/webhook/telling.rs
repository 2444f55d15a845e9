//! The events that follow from stored facts.
//!
//! | Fact | Event |
//! |---|---|
//! | a caller's time, later than its request | `email.scheduled` |
//! | an acceptance by SES | `email.sent`; `email.suppressed` for a recipient that was left out |
//! | failed, or unknown | `email.failed`; `email.suppressed` if every recipient is suppressed |
//! | canceled, expired | `email.canceled`, `email.expired` |
//! | a delivery status of a recipient | `email.delivered`, `delivery_delayed`, `bounced`, `complained`, `failed`, `suppressed` |
//! | an opening, a click | `email.opened`, `email.clicked` |
//! | a suppressed address, a released one | `suppression.added`, `suppression.removed` |
//! | a change of a sending domain | `domain.created`, `domain.updated`, `domain.deleted` |
//!
//! A second acceptance, a report that is no delivery status, and a status that only waits tell nothing.
//!
//! **Role:** `notify` asks here about each change of an item, and a recovery about each record.
//! **Invariant:** an event follows from stored facts alone, and [`crate::webhook::identity`] gives it one id. A record
//! that is gone, or that has another birth, tells nothing of the earlier one.
//! **Start reading at** [`told`].

mod email;
mod other;
#[cfg(test)]
mod samples;

use std::collections::BTreeSet;

pub use email::{ids_of_fact, life_identities, of_fact, recovered, told};
pub use other::{domain_told, suppression_told};

use crate::delivery::delivery_status::DeliveryStatus;
use crate::delivery::hook::RecipientKey;
use crate::delivery::life::LifeKind;
use crate::delivery::ses_event::{Agent, BounceType};
use crate::delivery::suppression::Suppression;
use crate::timestamp::Timestamp;
use crate::webhook::event_type::EventType;
use crate::webhook::identity::{EventId, Subject};

/// The content of an event, as far as its facts have it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Told {
    /// A fact of an email's life.
    Life(LifeKind),
    /// The sender left the recipient out, because the address is suppressed.
    LeftOut {
        /// The claim.
        claim_no: u32,
    },
    /// A recipient's delivery status.
    Status {
        /// The status.
        status: DeliveryStatus,
        /// The message about it; empty without one.
        words: String,
        /// The type of a bounce, if it is known.
        bounce: Option<BounceType>,
        /// The type of a complaint, if it is known.
        complaint: Option<String>,
        /// True if a complaint names several recipients.
        suspected: bool,
        /// SES's `MessageId` of the copy, if it is known.
        message_id: Option<String>,
    },
    /// An opening.
    Opened(Agent),
    /// A click.
    Clicked {
        /// The client.
        agent: Agent,
        /// The link.
        link: String,
    },
    /// A change of a suppressed address.
    Suppression(Box<Suppression>),
    /// A change of a sending domain.
    Domain,
}

/// An event of a webhook, before its payload is made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Telling {
    /// The id.
    pub id: EventId,
    /// The type.
    pub event_type: EventType,
    /// The subject.
    pub subject: Subject,
    /// The recipient; `None` for an event about none, or about none in particular.
    pub recipient: Option<RecipientKey>,
    /// Time of the fact, as it is stored.
    pub created_at: Timestamp,
    /// The rank ([`crate::webhook::rank`]).
    pub rank: u64,
    /// The content.
    pub told: Told,
}

/// Removes later events with the id of an earlier one.
fn distinct(tellings: impl IntoIterator<Item = Telling>) -> Vec<Telling> {
    let mut seen = BTreeSet::new();
    let is_new = |telling: &Telling| seen.insert(telling.id.clone());
    tellings.into_iter().filter(is_new).collect()
}
