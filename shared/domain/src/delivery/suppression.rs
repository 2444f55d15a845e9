//! Suppressed addresses: they bounced for good, complained, or were named by a person, and get no more emails.
//!
//! **Comparison of addresses:** the domain in lower-case A-labels, as in every address; the local part in lower case
//! too ([`EmailAddress::lower_case`]). Nothing else is equal: neither `a+b@` to `a@` nor `a.b@` to `ab@`, because
//! their owners decide that.
//! **Filter:** senders cache a hash prefix of every suppressed address of a tenant, and read the stored suppressions
//! only after a match. A suppression and its prefix are written together, so that neither exists alone. Afterwards the
//! account rate carries a new settings version, which makes every sender read the filter again.
//! **After a crash** between the two, the event comes again, or the caller repeats the request. Then the senders are
//! notified, even if nothing else is left to do.
//! **Invariant:** an address that a person has released stays released, even if an older event comes late or again.
//! **SES's lists** never add to this one. A bounce because of them is only remembered ([`Listed`]), so that a release
//! removes the address there too.
//! **Simulator addresses** and test addresses are never suppressed.
//! **Start reading at** [`Entry::effect_of_adding`]. Why this way: docs/adr/0015 and 0024.

use std::collections::BTreeSet;
use std::fmt;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use strum::{EnumString, IntoStaticStr, VariantArray};
use uuid::Uuid;

use crate::delivery::delivery_status::DeliveryStatus;
use crate::delivery::record::EmailRecord;
use crate::delivery::ses_event::{SesEvent, SesEventKind};
use crate::id::{EmailId, TenantId};
use crate::limits;
use crate::message::address::EmailAddress;
use crate::timestamp::Timestamp;

/// The id of a suppression, derived from the tenant and the address, so that either finds it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SuppressionId(Uuid);

impl SuppressionId {
    /// The id of an address, in upper or lower case (UUID version 8).
    #[must_use]
    pub fn of(tenant: &TenantId, address: &EmailAddress) -> Self {
        // A tenant's name holds no line break: no two pairs hash the same bytes.
        let text = format!("{tenant}\n{}", address.lower_case());
        let mut bytes = [0u8; 16];
        for (to, from) in bytes.iter_mut().zip(Sha256::digest(text.as_bytes())) {
            *to = from;
        }
        Self(uuid::Builder::from_custom_bytes(bytes).into_uuid())
    }

    /// Reads the hyphenated form only, in lower or upper case.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let uuid = (text.len() == 36).then(|| Uuid::try_parse(text).ok())?;
        uuid.map(Self)
    }

    /// The last eight bytes of the id.
    #[must_use]
    pub fn hash_prefix(self) -> HashPrefix {
        let (_, last) = self.0.as_u64_pair();
        HashPrefix(last.to_be_bytes())
    }
}

impl fmt::Display for SuppressionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.as_hyphenated().fmt(f)
    }
}

/// The hash prefix of a suppressed address, which senders cache. 62 of its bits come from a hash. An address
/// practically never matches by chance, and then only costs a read of the suppressions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct HashPrefix(pub [u8; 8]);

/// The hash prefixes of a tenant's suppressed addresses.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SuppressionFilter {
    /// All of them.
    These(BTreeSet<HashPrefix>),
    /// There were more than [`limits::SUPPRESSED_PREFIXES`]: any address may be suppressed.
    TooMany,
}

impl Default for SuppressionFilter {
    fn default() -> Self {
        Self::These(BTreeSet::new())
    }
}

impl SuppressionFilter {
    /// True if an address may be suppressed; `false` is certain.
    #[must_use]
    pub fn fit(&self, id: SuppressionId) -> bool {
        match self {
            Self::These(prefixes) => prefixes.contains(&id.hash_prefix()),
            Self::TooMany => true,
        }
    }

    /// The filter with one more prefix.
    #[must_use]
    pub fn with(self, prefix: HashPrefix) -> Self {
        match self {
            Self::These(prefixes) if prefixes.len() >= limits::SUPPRESSED_PREFIXES => Self::TooMany,
            Self::These(mut prefixes) => {
                prefixes.insert(prefix);
                Self::These(prefixes)
            }
            Self::TooMany => Self::TooMany,
        }
    }

    /// The filter without one prefix.
    #[must_use]
    pub fn without(self, prefix: HashPrefix) -> Self {
        match self {
            Self::These(mut prefixes) => {
                prefixes.remove(&prefix);
                Self::These(prefixes)
            }
            Self::TooMany => Self::TooMany,
        }
    }
}

/// The origin of a suppression. Source: Resend's OpenAPI document, version 1.5.0, read 2026-11-24.
#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    Serialize,
    Deserialize,
    EnumString,
    IntoStaticStr,
    VariantArray,
)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub enum Origin {
    /// An email to the address bounced permanently.
    Bounce,
    /// The recipient reported an email as spam.
    Complaint,
    /// A person or a program added it through the API.
    Manual,
}

impl Origin {
    /// All origins.
    pub const ALL: &'static [Self] = Self::VARIANTS;

    /// The name in the API and in the table.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        self.into()
    }
}

/// A suppressed address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Suppression {
    /// The tenant whose emails it concerns.
    pub tenant: TenantId,
    /// The address, in lower case.
    pub address: EmailAddress,
    /// The origin.
    pub origin: Origin,
    /// The email that bounced or caused the complaint.
    pub source: Option<EmailId>,
    /// Time of the bounce, the complaint, or the request.
    pub created_at: Timestamp,
    /// End of a suppression after a complaint that may come from another recipient; `None` for no end.
    pub until: Option<Timestamp>,
}

impl Suppression {
    /// A suppression that a person requests.
    #[must_use]
    pub fn manual(tenant: TenantId, address: &EmailAddress, now: Timestamp) -> Self {
        Self {
            tenant,
            address: address.lower_case(),
            origin: Origin::Manual,
            source: None,
            created_at: now,
            until: None,
        }
    }

    /// True if the address is suppressed at `now`.
    #[must_use]
    pub fn is_in_force(&self, now: Timestamp) -> bool {
        self.until.is_none_or(|until| until > now)
    }

    /// The id of the suppression.
    #[must_use]
    pub fn id(&self) -> SuppressionId {
        SuppressionId::of(&self.tenant, &self.address)
    }
}

/// An address to which SES did not send, because it is on the account's suppression list. It does not affect our
/// list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listed {
    /// The tenant whose email it was.
    pub tenant: TenantId,
    /// The address as in the email: SES's list may distinguish cases.
    pub address: EmailAddress,
    /// The time of SES's event.
    pub at: Timestamp,
}

impl Listed {
    /// The id of the address, on our list and here.
    #[must_use]
    pub fn id(&self) -> SuppressionId {
        SuppressionId::of(&self.tenant, &self.address)
    }
}

/// The stored state of an id.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Entry {
    /// The address is suppressed, or was until the suppression's end.
    Suppressed {
        /// The suppression.
        suppression: Suppression,
        /// The last release before it.
        released_at: Option<Timestamp>,
    },
    /// The address was suppressed until a person released it. The address itself is not kept.
    Released {
        /// Time of the release.
        at: Timestamp,
    },
}

/// The effect of an addition on the stored state.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Effect {
    /// Store this instead, and keep the time of an earlier release.
    Store(Suppression),
    /// Write nothing.
    Nothing(Added),
}

/// The result of adding a suppression.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Added {
    /// The suppression is stored now.
    New,
    /// The address was suppressed before: the first reason stays.
    Already,
    /// A person has released the address since that event.
    Released,
}

impl Entry {
    /// The effect of adding `new` to this entry.
    ///
    /// A suppression with an end becomes permanent for another reason: a second complaint, a bounce, or a person's
    /// request. A repetition of the same complaint is no second one.
    #[must_use]
    pub fn effect_of_adding(&self, new: &Suppression) -> Effect {
        let by_person = new.origin == Origin::Manual;
        let released_at = match self {
            Self::Suppressed { released_at, .. } => *released_at,
            Self::Released { at } => Some(*at),
        };
        // The last request of a person counts, independent of the clocks.
        let is_old = !by_person && released_at.is_some_and(|at| new.created_at <= at);
        match self {
            Self::Suppressed { suppression: known, .. } if known.until.is_none() => Effect::Nothing(Added::Already),
            _ if is_old => Effect::Nothing(Added::Released),
            Self::Released { .. } => Effect::Store(new.clone()),
            Self::Suppressed { suppression: known, .. } if new.until.is_some() && new.source == known.source => {
                Effect::Nothing(Added::Already)
            }
            Self::Suppressed { .. } => Effect::Store(Suppression {
                until: None,
                ..new.clone()
            }),
        }
    }

    /// The suppression that is active at `now`.
    #[must_use]
    pub fn in_force(self, now: Timestamp) -> Option<Suppression> {
        match self {
            Self::Suppressed { suppression, .. } => Some(suppression).filter(|known| known.is_in_force(now)),
            Self::Released { .. } => None,
        }
    }
}

/// The suppressions that an event adds. If there is a record, its birth must match the event and the event's claim
/// must exist. Without a record (complaints take weeks) the event suffices, because only SES publishes events.
#[must_use]
pub fn added_by(event: &SesEvent, record: Option<&EmailRecord>, now: Timestamp) -> Vec<Suppression> {
    if record.is_some_and(|record| !event.concerns(record)) {
        return Vec::new();
    }
    let complained = matches!(&event.kind, SesEventKind::DeliveryStatuses(delivery_statuses) if delivery_statuses.values().any(|delivery_status| *delivery_status == DeliveryStatus::Complained));
    let origin = if complained { Origin::Complaint } else { Origin::Bounce };
    // A time from a clock that is ahead must not outlast a release.
    let created_at = event.at.min(now);
    let of = |address: &EmailAddress| Suppression {
        tenant: event.tenant.clone(),
        address: address.lower_case(),
        origin,
        source: Some(event.id),
        created_at,
        until: event.suspected.then(|| created_at.after(limits::SUSPECTED_COMPLAINT)),
    };
    event.suppresses.iter().map(of).collect()
}

/// The addresses on the account's list that an event names. The event is checked as in [`added_by`].
#[must_use]
pub fn listed_by(event: &SesEvent, record: Option<&EmailRecord>) -> Vec<Listed> {
    if record.is_some_and(|record| !event.concerns(record)) {
        return Vec::new();
    }
    let of = |address: &EmailAddress| Listed {
        tenant: event.tenant.clone(),
        address: address.clone(),
        at: event.at,
    };
    event.on_account_list.iter().map(of).collect()
}

#[cfg(test)]
#[path = "suppression_tests.rs"]
mod tests;
