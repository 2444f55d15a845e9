//! The stored forms of suppressions, hash prefixes and addresses on SES's list.

use std::collections::BTreeSet;

use domain::delivery::suppression::{Entry, HashPrefix, Listed, Origin, Suppression, SuppressionFilter, SuppressionId};
use domain::id::{EmailId, TenantId};
use domain::message::address::EmailAddress;
use domain::reporting::listing::Place;
use domain::timestamp::Timestamp;
use serde::{Deserialize, Serialize};

use crate::storage::attributes::{self, Item, ItemError};
use crate::storage::mapping::{Bytes, attribute, decode};

/// Stored form of a suppressed or released address, without its key. Only update expressions write it, like the
/// other items here. The address is suppressed if its item contains the address.
#[derive(Deserialize)]
struct StoredEntry {
    #[serde(rename = "a")]
    address: Option<EmailAddress>,
    #[serde(rename = "g")]
    origin: Option<Origin>,
    /// Id of the email that caused it.
    #[serde(rename = "i")]
    source: Option<String>,
    #[serde(rename = "b")]
    created_at: Option<Timestamp>,
    /// Time of the last release.
    released_at: Option<Timestamp>,
    /// End of a temporary suppression.
    #[serde(rename = "u")]
    until: Option<Timestamp>,
}

/// Stored form of an address on SES's list.
#[derive(Deserialize)]
struct StoredListed {
    #[serde(rename = "a")]
    address: EmailAddress,
    #[serde(rename = "b")]
    created_at: Timestamp,
}

/// Stored form of the hash prefixes.
#[derive(Deserialize)]
struct StoredFilter {
    #[serde(rename = "m")]
    set: Option<Vec<Bytes>>,
    /// True if the prefixes were given up.
    too_many: Option<bool>,
}

/// Attributes that expressions name.
pub(super) const SET: &str = "m";
pub(super) const TOO_MANY: &str = "too_many";
pub(super) const ADDRESS: &str = "a";
pub(super) const ORIGIN: &str = "g";
pub(super) const SOURCE: &str = "i";
pub(super) const CREATED_AT: &str = "b";
pub(super) const RELEASED_AT: &str = "released_at";
pub(super) const UNTIL: &str = "u";

/// Reads the item of an address.
pub(super) fn read(tenant: &TenantId, item: &Item) -> Result<Entry, ItemError> {
    let stored: StoredEntry = decode(item)?;
    if let (Some(at), None) = (stored.released_at, &stored.address) {
        return Ok(Entry::Released { at });
    }
    let source = stored
        .source
        .map(|id| EmailId::parse(&id).ok_or(ItemError::Malformed(SOURCE)));
    let suppression = Suppression {
        tenant: tenant.clone(),
        address: stored.address.ok_or(ItemError::Missing(ADDRESS))?,
        origin: stored.origin.ok_or(ItemError::Missing(ORIGIN))?,
        source: source.transpose()?,
        created_at: stored.created_at.ok_or(ItemError::Missing(CREATED_AT))?,
        until: stored.until,
    };
    Ok(Entry::Suppressed {
        suppression,
        released_at: stored.released_at,
    })
}

/// Reads the item of an address on SES's list.
pub(super) fn read_listed(tenant: &TenantId, item: &Item) -> Result<Listed, ItemError> {
    let stored: StoredListed = decode(item)?;
    Ok(Listed {
        tenant: tenant.clone(),
        address: stored.address,
        at: stored.created_at,
    })
}

/// Reads the hash prefixes of a tenant.
pub(super) fn read_filter(item: &Item) -> Result<SuppressionFilter, ItemError> {
    let stored: StoredFilter = decode(item)?;
    if stored.too_many.is_some() {
        return Ok(SuppressionFilter::TooMany);
    }
    let set = stored.set.unwrap_or_default().into_iter();
    let prefixes: Result<BTreeSet<_>, _> = set.map(|Bytes(prefix)| prefix.try_into().map(HashPrefix)).collect();
    prefixes
        .map(SuppressionFilter::These)
        .map_err(|_| ItemError::Malformed(SET))
}

/// A set of hash prefixes, as expressions add and remove it.
#[derive(Serialize)]
#[serde(transparent)]
pub(super) struct PrefixSet(#[serde(with = "serde_dynamo::binary_set")] [Bytes; 1]);

/// Returns the set with one prefix.
pub(super) fn set_of(HashPrefix(prefix): HashPrefix) -> PrefixSet {
    PrefixSet([Bytes(prefix.to_vec())])
}

/// Reads the place of an entry of the list.
pub(super) fn place_of(entry: &Item) -> Result<Place<SuppressionId>, ItemError> {
    const ATTRIBUTE: &str = "created_sk";
    let created: String = attribute(entry, ATTRIBUTE)?;
    let born = attributes::parse_sortable(&created).ok_or(ItemError::Malformed(ATTRIBUTE))?;
    let id = created.split_once('#').and_then(|(_, id)| SuppressionId::parse(id));
    let id = id.ok_or(ItemError::Malformed(ATTRIBUTE))?;
    Ok(Place { born, id })
}
