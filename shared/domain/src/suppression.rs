//! Who is sent no more emails: addresses that bounced for good, that complained, or that a person named.
//!
//! **How addresses are compared:** the domain in lower-case A-labels, as every address has it; the local part
//! in lower case too ([`EmailAddress::lower_case`]). Nothing else is equal: neither `a+b@` to `a@` nor
//! `a.b@` to `ab@`, for their owners decide that.
//! **Marks:** senders remember a short mark of every suppressed address of a tenant, and read the
//! suppressions themselves only where one fits. A suppression and its mark are written together, so that
//! neither is ever there alone; then [`AccountRateChange::Settings`] tells every sender to read the marks anew.
//! **After a crash** between the two: the event comes again, or the caller repeats the request, and tells
//! the senders then, though nothing else is left to do.
//! **Invariant:** what a person has released stays so, whatever older event comes late or again.
//! **SES's lists** never add to this one: a bounce that says so is only remembered ([`Listed`]), so that a
//! release removes the address there too.
//! **Simulator addresses** are never suppressed.
//! **Start reading at** [`Entry::takes`]. Why this way: docs/adr/0015 and 0024.

use std::collections::BTreeSet;
use std::fmt;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use uuid::Uuid;

use crate::account_rate::AccountRateChange;
use crate::address::EmailAddress;
use crate::delivery_status::DeliveryStatus;
use crate::id::{EmailId, TenantId};
use crate::lifecycle::concerns;
use crate::limits;
use crate::ports::{AccountRates, PortError, Suppressions};
use crate::record::EmailRecord;
use crate::timestamp::Timestamp;
use crate::wire::ses_event::{SesEvent, SesEventKind};

/// Names a suppression: derived from the tenant and the address, so that either finds it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SuppressionId(Uuid);

impl SuppressionId {
    /// The id of an address, in whatever case (UUID version 8).
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

    /// Reads the hyphenated form only, in either case.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let uuid = (text.len() == 36).then(|| Uuid::try_parse(text).ok())?;
        uuid.map(Self)
    }

    /// Its last eight bytes.
    #[must_use]
    pub fn mark(self) -> HashPrefix {
        let (_, last) = self.0.as_u64_pair();
        HashPrefix(last.to_be_bytes())
    }
}

impl fmt::Display for SuppressionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.as_hyphenated().fmt(f)
    }
}

/// What senders remember of a suppressed address. 62 of its bits are of a hash: that an address fits by
/// chance is as good as never, and then only costs a look at the suppressions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct HashPrefix(pub [u8; 8]);

/// The marks of a tenant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SuppressionFilter {
    /// All of them.
    These(BTreeSet<HashPrefix>),
    /// There were more than [`limits::SUPPRESSED_MARKS`]: any address may be suppressed.
    TooMany,
}

impl Default for SuppressionFilter {
    fn default() -> Self {
        Self::These(BTreeSet::new())
    }
}

impl SuppressionFilter {
    /// Whether an address may be suppressed; what is not so here is not.
    #[must_use]
    pub fn fit(&self, id: SuppressionId) -> bool {
        match self {
            Self::These(marks) => marks.contains(&id.mark()),
            Self::TooMany => true,
        }
    }

    /// The marks with one more.
    #[must_use]
    pub fn with(self, mark: HashPrefix) -> Self {
        match self {
            Self::These(marks) if marks.len() >= limits::SUPPRESSED_MARKS => Self::TooMany,
            Self::These(mut marks) => {
                marks.insert(mark);
                Self::These(marks)
            }
            Self::TooMany => Self::TooMany,
        }
    }

    /// The marks without one.
    #[must_use]
    pub fn without(self, mark: HashPrefix) -> Self {
        match self {
            Self::These(mut marks) => {
                marks.remove(&mark);
                Self::These(marks)
            }
            Self::TooMany => Self::TooMany,
        }
    }
}

/// The origin of a suppression. Source: Resend's OpenAPI document, version 1.5.0, read 2026-11-24.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
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
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Bounce, Self::Complaint, Self::Manual];

    /// The name in the API and in the table.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Bounce => "bounce",
            Self::Complaint => "complaint",
            Self::Manual => "manual",
        }
    }

    /// Reads a name.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|origin| origin.as_str() == name)
    }
}

/// An address that is sent no more emails.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Suppression {
    /// Whose emails.
    pub tenant: TenantId,
    /// The address, in lower case.
    pub address: EmailAddress,
    /// Where it comes from.
    pub origin: Origin,
    /// The email that bounced or was complained of.
    pub source: Option<EmailId>,
    /// When it bounced, or when the person asked.
    pub created_at: Timestamp,
    /// The end of a suppression for a complaint that may be somebody else's; `None`: it has no end.
    pub until: Option<Timestamp>,
}

impl Suppression {
    /// As a person asks for it.
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

    /// Whether the address is suppressed at `now`.
    #[must_use]
    pub fn is_in_force(&self, now: Timestamp) -> bool {
        self.until.is_none_or(|until| until > now)
    }

    /// Its id.
    #[must_use]
    pub fn id(&self) -> SuppressionId {
        SuppressionId::of(&self.tenant, &self.address)
    }
}

/// An address that SES did not send to, for it is on the account's suppression list. It says nothing of our list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listed {
    /// The tenant whose email it was.
    pub tenant: TenantId,
    /// The address as the email had it: SES's list may tell cases apart.
    pub address: EmailAddress,
    /// The time of SES's word.
    pub at: Timestamp,
}

impl Listed {
    /// The id of the address, on our list and here.
    #[must_use]
    pub fn id(&self) -> SuppressionId {
        SuppressionId::of(&self.tenant, &self.address)
    }
}

/// What is stored under an id.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Entry {
    /// The address is suppressed, or was until its suppression's end.
    Suppressed {
        /// The suppression.
        suppression: Suppression,
        /// The last release before it.
        released_at: Option<Timestamp>,
    },
    /// It was, until a person released it. The address itself is not kept.
    Released {
        /// When.
        at: Timestamp,
    },
}

/// The effect of an addition on what is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Effect {
    /// This is to be stored instead, and a release before it remembered.
    Store(Suppression),
    /// Nothing is to be written.
    Nothing(Added),
}

/// What became of a suppression that was to be added.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Added {
    /// It is there now.
    New,
    /// The address was suppressed before: the first reason stays.
    Already,
    /// A person has released the address since that happened.
    Released,
}

impl Entry {
    /// The effect of `new` where this is stored.
    ///
    /// A suppression with an end ends no more when there is another reason: a second complaint, a bounce, or a
    /// person's word. The same complaint again is no second one.
    #[must_use]
    pub fn takes(&self, new: &Suppression) -> Effect {
        let by_person = new.origin == Origin::Manual;
        let released_at = match self {
            Self::Suppressed { released_at, .. } => *released_at,
            Self::Released { at } => Some(*at),
        };
        // What a person says last counts, whatever the clocks.
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

    /// The suppression that is in force at `now`.
    #[must_use]
    pub fn in_force(self, now: Timestamp) -> Option<Suppression> {
        match self {
            Self::Suppressed { suppression, .. } => Some(suppression).filter(|known| known.is_in_force(now)),
            Self::Released { .. } => None,
        }
    }
}

/// What an event adds. One about a record that is there must be of its birth and of a claim that was made; where
/// the record is gone (complaints take weeks) the event is enough, for only SES publishes them.
#[must_use]
pub fn added_by(event: &SesEvent, record: Option<&EmailRecord>, now: Timestamp) -> Vec<Suppression> {
    if record.is_some_and(|record| !concerns(record, event)) {
        return Vec::new();
    }
    let complained = matches!(&event.said, SesEventKind::DeliveryStatuses(delivery_statuses) if delivery_statuses.values().any(|delivery_status| *delivery_status == DeliveryStatus::Complained));
    let origin = if complained { Origin::Complaint } else { Origin::Bounce };
    // A clock that is ahead must not outlast a release.
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

/// The addresses that an event says are on the account's list, as [`added_by`] takes events.
#[must_use]
pub fn listed_by(event: &SesEvent, record: Option<&EmailRecord>) -> Vec<Listed> {
    if record.is_some_and(|record| !concerns(record, event)) {
        return Vec::new();
    }
    let of = |address: &EmailAddress| Listed {
        tenant: event.tenant.clone(),
        address: address.clone(),
        at: event.at,
    };
    event.on_account_list.iter().map(of).collect()
}

/// Adds suppressions one after the other, and tells the senders; returns what became of each.
///
/// # Errors
/// When one could not be added, or the senders could not be told: all of it must be done again. What was
/// added is told all the same, as far as that goes.
pub async fn add<S: Suppressions + AccountRates>(
    store: &S,
    suppressions: &[Suppression],
) -> Result<Vec<Added>, PortError> {
    let (mut added, mut failed) = (Vec::new(), None);
    for suppression in suppressions {
        match store.suppress(suppression).await {
            Ok(one) => added.push(one),
            Err(error) => {
                failed = Some(error);
                break;
            }
        }
    }
    // Told also of what was there already: who added it may have died before.
    if added.iter().any(|added| *added != Added::Released) {
        store.change_account_rate(&AccountRateChange::Settings).await?;
    }
    failed.map_or(Ok(added), Err)
}

#[cfg(test)]
#[path = "suppression_tests.rs"]
mod tests;
