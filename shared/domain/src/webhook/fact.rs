//! A fact of an email: one event of SES about delivery, an opening or a click, with everything that a payload tells.
//!
//! **Role:** `feedback` stores each one in an item of its own, before the record. The record lacks these parts, and
//! keeps only the worst of several facts.
//! **Invariant:** its [`FactNumber`] follows from the event alone, so that a repeated event is the same fact.
//! **Start reading at** [`EmailFact::of`].

use std::fmt;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::delivery::delivery_status::DeliveryStatus;
use crate::delivery::history::clip;
use crate::delivery::hook::RecipientKey;
use crate::delivery::ses_event::{Agent, BounceType, SesEvent, SesEventKind};
use crate::limits;
use crate::timestamp::Timestamp;

/// The number of a fact: 64 bits of a hash of its event.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FactNumber([u8; 8]);

impl fmt::Display for FactNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

/// A recipient's part of a fact.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RecipientFact {
    /// The recipient: [`RecipientKey`].
    pub key: String,
    /// The delivery status.
    pub status: DeliveryStatus,
    /// The message of the recipient's server or of SES; empty without one.
    pub words: String,
}

/// The content of a fact.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "kind")]
pub enum FactKind {
    /// Delivery statuses of some recipients.
    Recipients {
        /// The recipients.
        recipients: Vec<RecipientFact>,
        /// The type of a bounce.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        bounce: Option<BounceType>,
        /// The type of a complaint.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        complaint: Option<String>,
        /// True if a complaint names several recipients, of whom some may not have complained.
        #[serde(default)]
        suspected: bool,
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
}

/// A fact of an email.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EmailFact {
    /// Format version; [`EmailFact::VERSION`] is written.
    pub v: u8,
    /// The claim whose copy it is about.
    pub claim_no: u32,
    /// SES's `MessageId` of that copy.
    pub message_id: String,
    /// Time by SES's clock.
    pub at: Timestamp,
    /// The content.
    #[serde(flatten)]
    pub kind: FactKind,
}

impl EmailFact {
    /// The version that is written.
    pub const VERSION: u8 = 1;

    /// The fact behind an event, if webhooks tell it. The caller has checked that the event concerns the record.
    #[must_use]
    pub fn of(event: &SesEvent) -> Option<Self> {
        let agent = || Agent {
            ip_address: clipped(&event.details.agent.ip_address, limits::FACT_IP_MAX),
            user_agent: clipped(&event.details.agent.user_agent, limits::FACT_AGENT_MAX),
        };
        let kind = match &event.kind {
            SesEventKind::Accepted | SesEventKind::Reported { .. } => return None,
            SesEventKind::Opened => FactKind::Opened(agent()),
            SesEventKind::Clicked => FactKind::Clicked {
                agent: agent(),
                link: clipped(event.details.link.as_deref().unwrap_or_default(), limits::FACT_LINK_MAX),
            },
            SesEventKind::DeliveryStatuses(statuses) if statuses.is_empty() => return None,
            SesEventKind::DeliveryStatuses(statuses) => {
                let share = (limits::FACT_DIAGNOSTICS_MAX / statuses.len().max(1)).max(limits::FACT_WORDS_MIN);
                let recipients = statuses.iter().map(|(key, status)| RecipientFact {
                    key: key.clone(),
                    status: *status,
                    words: clipped(&event.message_about(key), share),
                });
                FactKind::Recipients {
                    recipients: recipients.collect(),
                    bounce: event.details.bounce.clone(),
                    complaint: event.details.complaint.clone(),
                    suspected: event.suspected,
                }
            }
        };
        Some(Self {
            v: Self::VERSION,
            claim_no: event.claim_no,
            message_id: event.message_id.clone(),
            at: event.at,
            kind,
        })
    }

    /// The number. Only parts that never change their form are hashed: a later version must give the same number.
    #[must_use]
    pub fn number(&self) -> FactNumber {
        let mut parts = vec![self.claim_no.to_string(), self.at.as_millis().to_string()];
        match &self.kind {
            FactKind::Recipients { recipients, .. } => {
                parts.push("recipients".to_owned());
                let name = |status| serde_json::to_string(&status).unwrap_or_default();
                let each = recipients
                    .iter()
                    .map(|each| format!("{} {}", each.key, name(each.status)));
                parts.extend(each);
            }
            FactKind::Opened(agent) => {
                parts.extend(["opened".to_owned(), agent.ip_address.clone(), agent.user_agent.clone()]);
            }
            FactKind::Clicked { agent, link } => {
                let client = [agent.ip_address.clone(), agent.user_agent.clone()];
                parts.extend(["clicked".to_owned(), link.clone()].into_iter().chain(client));
            }
        }
        let mut hash = Sha256::new();
        for part in parts {
            hash.update(format!("{}:{part}", part.len()).as_bytes());
        }
        let mut bytes = [0_u8; 8];
        for (to, from) in bytes.iter_mut().zip(hash.finalize()) {
            *to = from;
        }
        FactNumber(bytes)
    }

    /// The stored form.
    ///
    /// # Errors
    /// None in practice: every part has a JSON form.
    pub fn to_json(&self) -> Result<String, serde_json::Error> {
        serde_json::to_string(self)
    }

    /// Reads the stored form; `None` if it is malformed, or newer than this version.
    #[must_use]
    pub fn from_json(text: &str) -> Option<Self> {
        let fact: Self = serde_json::from_str(text).ok()?;
        let known = match &fact.kind {
            FactKind::Recipients { recipients, .. } => {
                recipients.iter().all(|each| RecipientKey::parse(&each.key).is_some())
            }
            FactKind::Opened(_) | FactKind::Clicked { .. } => true,
        };
        (fact.v == Self::VERSION && known).then_some(fact)
    }
}

fn clipped(text: &str, bytes: usize) -> String {
    let mut text = text.to_owned();
    clip(&mut text, bytes);
    text
}

#[cfg(test)]
#[path = "fact_tests.rs"]
mod tests;
