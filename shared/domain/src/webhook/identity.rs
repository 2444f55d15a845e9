//! The identity of an event: one id for ever, however often its fact is looked at.
//!
//! **Invariant:** the id hashes stored facts alone: tenant, subject, birth, type, recipient, and the fact's own number.
//! No clock, no stream and no content is a part of it.
//! **Start reading at** [`Identity::id`]. Never change the hashed parts: receivers tell repetitions by these ids.

use std::fmt;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::delivery::hook::RecipientKey;
use crate::delivery::suppression::SuppressionId;
use crate::id::{DomainId, EmailId, TenantId};
use crate::timestamp::Timestamp;
use crate::webhook::event_type::EventType;
use crate::webhook::fact::FactNumber;

/// Beginning of each id, as in Resend's.
const PREFIX: &str = "msg_";

/// Characters of an id after its beginning: 160 bits in base 62.
const DIGITS: usize = 27;

const ALPHABET: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/// Partitions of a webhook's deliveries. One takes 1,000 writes a second. Never lower it.
pub const SHARDS: u8 = 4;

/// The id of an event: `msg_` and 27 letters and digits.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct EventId(String);

/// A text that is no id of an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not the id of an event")]
pub struct NoEventId;

impl EventId {
    /// The id of 20 bytes: a hash, or for an event without a fact a random number.
    #[must_use]
    pub fn from_bytes(bytes: [u8; 20]) -> Self {
        let mut number = bytes;
        let mut digits = [b'0'; DIGITS];
        for digit in digits.iter_mut().rev() {
            let mut rest = 0_u32;
            for byte in &mut number {
                let value = (rest << 8) | u32::from(*byte);
                *byte = u8::try_from(value / 62).unwrap_or(u8::MAX);
                rest = value % 62;
            }
            let at = usize::try_from(rest).unwrap_or(0);
            *digit = ALPHABET.get(at).copied().unwrap_or(b'0');
        }
        let digits: String = digits.iter().copied().map(char::from).collect();
        Self(format!("{PREFIX}{digits}"))
    }

    /// Reads an id.
    ///
    /// # Errors
    /// [`NoEventId`].
    pub fn parse(text: &str) -> Result<Self, NoEventId> {
        let digits = text.strip_prefix(PREFIX).ok_or(NoEventId)?;
        let fits = digits.len() == DIGITS && digits.bytes().all(|byte| byte.is_ascii_alphanumeric());
        fits.then(|| Self(text.to_owned())).ok_or(NoEventId)
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The permanent shard of its deliveries, by its last character.
    #[must_use]
    pub fn shard(&self) -> u8 {
        self.0.bytes().next_back().unwrap_or(0) % SHARDS
    }
}

impl fmt::Display for EventId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl TryFrom<String> for EventId {
    type Error = NoEventId;

    fn try_from(text: String) -> Result<Self, NoEventId> {
        Self::parse(&text)
    }
}

impl From<EventId> for String {
    fn from(id: EventId) -> Self {
        id.0
    }
}

/// The subject of an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Subject {
    /// An email.
    Email(EmailId),
    /// An address.
    Suppression(SuppressionId),
    /// A sending domain.
    Domain(DomainId),
}

impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Email(id) => id.fmt(f),
            Self::Suppression(id) => id.fmt(f),
            Self::Domain(id) => id.fmt(f),
        }
    }
}

/// The number of a fact among those of its subject, type and recipient.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Number {
    /// The turn of a schedule.
    Schedule(u32),
    /// The claim of an acceptance.
    Claim(u32),
    /// The claim and the turn of an end.
    End {
        /// The newest claim.
        claim_no: u32,
        /// The turn.
        turn: u32,
    },
    /// The time of a delivery fact, by SES's clock, or the stored time of a suppression's change.
    At(Timestamp),
    /// The number of an opening or a click.
    Fact(FactNumber),
    /// The version of a sending domain; 0 for its registration.
    Version(u64),
    /// The end of a sending domain.
    Deleted,
}

impl fmt::Display for Number {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Schedule(turn) => write!(f, "schedule:{turn}"),
            Self::Claim(claim_no) => write!(f, "claim:{claim_no}"),
            Self::End { claim_no, turn } => write!(f, "end:{claim_no}:{turn}"),
            Self::At(at) => write!(f, "at:{}", at.as_millis()),
            Self::Fact(number) => write!(f, "fact:{number}"),
            Self::Version(version) => write!(f, "version:{version}"),
            Self::Deleted => f.write_str("deleted"),
        }
    }
}

/// The identity of an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Identity<'a> {
    /// The tenant.
    pub tenant: &'a TenantId,
    /// The subject.
    pub subject: Subject,
    /// Birth of the subject, which tells a reused id from an earlier one.
    pub born: Timestamp,
    /// The type.
    pub event_type: EventType,
    /// The recipient; `None` for an event about none, or about none in particular.
    pub recipient: Option<RecipientKey>,
    /// The fact's own number.
    pub number: Number,
}

impl Identity<'_> {
    /// The id of the event.
    #[must_use]
    pub fn id(&self) -> EventId {
        let parts = [
            self.tenant.to_string(),
            self.subject.to_string(),
            self.born.as_millis().to_string(),
            self.event_type.as_str().to_owned(),
            self.recipient.map(|key| key.to_string()).unwrap_or_default(),
            self.number.to_string(),
        ];
        let mut hash = Sha256::new();
        // Lengths first: no two different lists hash the same bytes.
        for part in parts {
            hash.update(format!("{}:{part}", part.len()).as_bytes());
        }
        let mut bytes = [0_u8; 20];
        for (to, from) in bytes.iter_mut().zip(hash.finalize()) {
            *to = from;
        }
        EventId::from_bytes(bytes)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    fn at(millis: i64) -> Timestamp {
        Timestamp::from_millis(millis)
    }

    /// Receivers keep these ids. Whoever changes this test sends every event again.
    #[test]
    fn an_id_stays_the_same_in_every_version() {
        let tenant = TenantId::main();
        let identity = Identity {
            tenant: &tenant,
            subject: Subject::Email(EmailId::from_random([1; 16])),
            born: at(1_764_000_000_000),
            event_type: EventType::Sent,
            recipient: Some(RecipientKey::of("ann@example.com")),
            number: Number::Claim(1),
        };
        assert_eq!(identity.id().as_str(), "msg_HeEBPagwU7jg96adA5nN359ICQn");
    }

    #[test]
    fn each_part_of_an_identity_counts() {
        let (main, other) = (TenantId::main(), TenantId::parse("other").unwrap());
        let email = |byte| Subject::Email(EmailId::from_random([byte; 16]));
        let first = Identity {
            tenant: &main,
            subject: email(1),
            born: at(1),
            event_type: EventType::Sent,
            recipient: None,
            number: Number::Claim(1),
        };
        let key = Some(RecipientKey::of("a@x.example"));
        let numbers = [
            Number::Claim(2),
            Number::Schedule(1),
            Number::End { claim_no: 1, turn: 0 },
            Number::End { claim_no: 1, turn: 1 },
            Number::At(at(1)),
            Number::Version(1),
            Number::Deleted,
        ];
        let mut all = vec![
            first,
            Identity {
                tenant: &other,
                ..first
            },
            Identity {
                subject: email(2),
                ..first
            },
            Identity { born: at(2), ..first },
            Identity {
                event_type: EventType::Failed,
                ..first
            },
            Identity {
                recipient: key,
                ..first
            },
        ];
        all.extend(numbers.map(|number| Identity { number, ..first }));
        let ids: BTreeSet<_> = all.iter().map(Identity::id).collect();
        assert_eq!(ids.len(), all.len());
    }

    #[test]
    fn an_id_has_the_form_of_resends() {
        for bytes in [[0; 20], [255; 20], [7; 20]] {
            let id = EventId::from_bytes(bytes);
            assert_eq!(EventId::parse(id.as_str()), Ok(id.clone()));
            assert!(id.shard() < SHARDS);
        }
        assert_eq!(EventId::from_bytes([0; 20]).as_str(), "msg_000000000000000000000000000");
        assert_ne!(EventId::from_bytes([254; 20]), EventId::from_bytes([255; 20]));
        let long = format!("msg_{}", "0".repeat(28));
        for bad in ["", "msg_", "msg_0", &long, "evt_000000000000000000000000000"] {
            assert_eq!(EventId::parse(bad), Err(NoEventId), "{bad}");
        }
        let dash = format!("msg_{}-", "0".repeat(26));
        assert_eq!(EventId::parse(&dash), Err(NoEventId));
    }

    /// The events of a busy webhook must not meet in one partition.
    #[test]
    fn ids_spread_over_all_shards() {
        let mut counts = [0; SHARDS as usize];
        for byte in 0..=255 {
            let mut bytes = [7; 20];
            bytes[19] = byte;
            counts[usize::from(EventId::from_bytes(bytes).shard())] += 1;
        }
        assert!(counts.iter().all(|count| (54..=74).contains(count)), "{counts:?}");
    }
}
