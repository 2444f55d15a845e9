//! The ids of the events that the table's items imply, computed a second time.
//!
//! **Invariant:** pure, and separate code, so that a mistake of the product's code is not repeated here. It reads the
//! documented names of the items. ADR 51 has the hashed parts; `item.rs` and `hook.rs` in
//! `shared/aws/src/storage/records` have the attributes.
//!
//! | Stored | Event for each recipient | Number |
//! |---|---|---|
//! | `w` after `b`, or `hs` | `email.scheduled` | `schedule:<turn>` |
//! | `sent` | `email.sent`; `email.suppressed` for one that the accepted claim left out, in `hl` | `claim:<claim>` |
//! | `failed`, `unknown` | `email.failed`; `email.suppressed` if that is the cause | `end:<claim>:<turn>` |
//! | `canceled`, `expired` | `email.canceled`, `email.expired` | `end:<claim>:<turn>` |
//! | an entry of `hp` | the overwritten event | as it was |
//! | a fact of SES about recipients, or `f` with `dg`, or `ev` | the event of the delivery status | `at:<ms>` |
//!
//! An opening and a click have one event each, `email.opened` and `email.clicked`. It has no recipient in its id, and
//! the number `fact:<number>`.
//!
//! **Start reading at** [`HookedEmail::ids`].

use serde::Deserialize;
use sha2::{Digest, Sha256};

const ALPHABET: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/// Characters of an id after `msg_`: 160 bits.
const DIGITS: usize = 27;

/// A stored fact of SES.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct HookedFact {
    /// The number, from the item's key.
    pub number: String,
    /// Birth of the email, in ms.
    pub born: String,
    /// The content.
    pub json: String,
}

/// The attributes of a record with a webhook.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct HookedEmail {
    /// The tenant.
    pub tenant: String,
    /// The id of the email.
    pub id: String,
    /// `b`: birth in ms.
    pub born: String,
    /// `s`: the status.
    pub status: String,
    /// `e`: the cause of a failure.
    pub cause: String,
    /// `hk`: the recipients, 12 hex digits each.
    pub recipients: Vec<String>,
    /// `hl`: claims with a recipient that they left out, and its 12 hex digits.
    pub left_out: Vec<(String, String)>,
    /// `c`: the newest claim.
    pub claim: String,
    /// `sc`: the accepted claim.
    pub sent_by: String,
    /// `ht`: the turn.
    pub turn: String,
    /// `w`: the requested time in ms; empty without one.
    pub scheduled_at: String,
    /// `hs`: the turn and the time of the last reschedule; empty without one.
    pub rescheduled: String,
    /// `hp`: overwritten facts.
    pub past: Vec<String>,
    /// `f` with the times of `dg`, and `ev`: the delivery facts that the record itself keeps.
    pub statuses: Vec<KeptStatus>,
    /// The facts of SES.
    pub facts: Vec<HookedFact>,
}

/// A delivery fact in a record.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct KeptStatus {
    /// The recipient.
    pub recipient: String,
    /// The delivery status.
    pub status: String,
    /// SES's time in ms.
    pub at: String,
}

/// The stored form of a fact.
#[derive(Debug, Clone, Deserialize)]
struct StoredFact {
    kind: String,
    at: i64,
    #[serde(default)]
    recipients: Vec<RecipientFact>,
}

#[derive(Debug, Clone, Deserialize)]
struct RecipientFact {
    key: String,
    status: String,
}

/// Returns the id of six texts: tenant, subject, birth, type, recipient and number.
#[must_use]
pub fn id_of(parts: [&str; 6]) -> String {
    let text: String = parts.iter().map(|part| format!("{}:{part}", part.len())).collect();
    let hash = Sha256::digest(text.as_bytes());
    let mut digits = [0_u32; DIGITS];
    for byte in hash.iter().take(20) {
        let mut carry = u32::from(*byte);
        for digit in digits.iter_mut().rev() {
            let value = *digit * 256 + carry;
            (*digit, carry) = (value % 62, value / 62);
        }
    }
    let letter = |digit: u32| usize::try_from(digit).ok().and_then(|at| ALPHABET.get(at));
    let letters = digits.into_iter().filter_map(letter).map(|byte| char::from(*byte));
    format!("msg_{}", letters.collect::<String>())
}

impl HookedEmail {
    /// Returns the ids of all events of the record and its facts. A delivery fact may be in both.
    #[must_use]
    pub fn ids(&self) -> Vec<String> {
        let mut ids = self.of_life();
        ids.extend(self.past.iter().flat_map(|fact| self.of_past(fact)));
        let kept = self.statuses.iter();
        ids.extend(kept.filter_map(|kept| self.of_status(&kept.status, &kept.recipient, &kept.at)));
        let own = self.facts.iter().filter(|fact| fact.born == self.born);
        ids.extend(own.flat_map(|fact| self.of_fact(fact)));
        ids
    }

    fn id(&self, kind: &str, recipient: &str, number: &str) -> String {
        id_of([&self.tenant, &self.id, &self.born, kind, recipient, number])
    }

    fn for_all(&self, kind: &str, number: &str) -> Vec<String> {
        let ids = self.recipients.iter().map(|recipient| self.id(kind, recipient, number));
        ids.collect()
    }

    fn of_life(&self) -> Vec<String> {
        let mut ids = Vec::new();
        let millis = |text: &str| text.parse::<i64>().ok();
        if let Some((turn, _)) = self.rescheduled.split_once(' ') {
            ids.extend(self.for_all("email.scheduled", &format!("schedule:{turn}")));
        } else if millis(&self.scheduled_at) > millis(&self.born) {
            ids.extend(self.for_all("email.scheduled", "schedule:0"));
        }
        if self.status == "sent" {
            let number = format!("claim:{}", self.sent_by);
            for recipient in &self.recipients {
                let mut left_out = self.left_out.iter();
                let is_left_out = left_out.any(|(claim, other)| *claim == self.sent_by && other == recipient);
                let kind = if is_left_out { "email.suppressed" } else { "email.sent" };
                ids.push(self.id(kind, recipient, &number));
            }
        } else if let Some(kind) = kind_of_end(&self.status, &self.cause) {
            ids.extend(self.for_all(kind, &format!("end:{}:{}", self.claim, self.turn)));
        }
        ids
    }

    fn of_past(&self, fact: &str) -> Vec<String> {
        match fact.split(' ').collect::<Vec<_>>().as_slice() {
            ["scheduled", _, turn, _] => self.for_all("email.scheduled", &format!("schedule:{turn}")),
            [end, _, turn, claim, cause] => kind_of_end(end, cause)
                .map(|kind| self.for_all(kind, &format!("end:{claim}:{turn}")))
                .unwrap_or_default(),
            _ => Vec::new(),
        }
    }

    fn of_fact(&self, fact: &HookedFact) -> Vec<String> {
        let Ok(stored) = serde_json::from_str::<StoredFact>(&fact.json) else {
            return Vec::new();
        };
        let number = format!("fact:{}", fact.number);
        match stored.kind.as_str() {
            // SES does not say which recipient opened or clicked.
            "opened" => vec![self.id("email.opened", "", &number)],
            "clicked" => vec![self.id("email.clicked", "", &number)],
            _ => {
                let at = stored.at.to_string();
                let each = stored.recipients.iter();
                each.filter_map(|each| self.of_status(&each.status, &each.key, &at))
                    .collect()
            }
        }
    }

    fn of_status(&self, status: &str, recipient: &str, at: &str) -> Option<String> {
        Some(self.id(kind_of_status(status)?, recipient, &format!("at:{at}")))
    }
}

fn kind_of_end(status: &str, cause: &str) -> Option<&'static str> {
    Some(match status {
        "failed" | "unknown" if cause == "suppressed" => "email.suppressed",
        "failed" | "unknown" => "email.failed",
        "canceled" => "email.canceled",
        "expired" => "email.expired",
        _ => return None,
    })
}

fn kind_of_status(status: &str) -> Option<&'static str> {
    Some(match status {
        "delivery_delayed" => "email.delivery_delayed",
        "delivered" => "email.delivered",
        "absence" | "soft_bounced" | "bounced" => "email.bounced",
        "on_global_list" | "on_account_list" => "email.suppressed",
        "rejected" => "email.failed",
        "complained" => "email.complained",
        _ => return None,
    })
}

#[cfg(test)]
#[path = "product_tests.rs"]
mod product_tests;
#[cfg(test)]
#[path = "ids_tests.rs"]
mod tests;
