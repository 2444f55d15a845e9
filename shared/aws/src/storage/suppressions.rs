//! Suppressions: one item per address, and one per tenant with the hash prefixes of all its addresses.
//!
//! **Invariant:** an address's item and its prefix change in one transaction, without a read before it. A
//! tenant's prefixes are one set of bytes, changed with `ADD` and `DELETE`. A full set is removed permanently,
//! and the item only says so.
//! **After a release** the item keeps the time of the release, even when the address is suppressed again.
//! **An addition** is first tried as if nothing were stored. If something is, [`Entry::effect_of_adding`] decides by
//! the item that the refusal returned.
//! **SES's account list:** an address that SES refused because of it has another item beside its own.
//! **The list** is in the index `by_tenant`, in a partition per origin; a released address is in none.
//! **Lost answers:** see [`Table::transact`].

mod items;

use std::collections::{BTreeMap, BTreeSet};

use domain::delivery::suppression::{
    Added, Effect, Entry, Listed, Origin, Suppression, SuppressionFilter, SuppressionId,
};
use domain::id::TenantId;
use domain::limits;
use domain::ports::{PortError, Rounds, Suppressions};
use domain::reporting::listing::{Place, Start};
use domain::timestamp::Timestamp;
use futures::future::try_join_all;
use items::{
    ADDRESS, CREATED_AT, ORIGIN, RELEASED_AT, SET, SOURCE, TOO_MANY, UNTIL, place_of, read, read_filter, read_listed,
    set_of,
};

use crate::runtime::failure::port;
use crate::storage::attributes::{self, Item, ItemError};
use crate::storage::mapping::attribute;
use crate::storage::table::{Check, ConditionOutcome, Expression, Table, Transacted, Write, keys};

/// Reads the item of an address.
pub(crate) fn to_entry(tenant: &TenantId, item: &Item) -> Result<Entry, ItemError> {
    read(tenant, item)
}

/// Returns the write of a suppression for an empty place or, by [`Entry::effect_of_adding`], over this suppression.
fn entry(suppression: &Suppression, over: Option<&Suppression>, is_told: bool) -> Expression {
    let place = Place {
        born: suppression.created_at,
        id: suppression.id(),
    };
    let (set_until, remove_until) = match suppression.until {
        Some(_) => (", #u = :u", ""),
        None => ("", ", #u"),
    };
    let (set_source, remove_source) = match suppression.source {
        Some(_) => (", #i = :i", ""),
        None => ("", ", #i"),
    };
    let set_told = if is_told { SET_TOLD } else { "" };
    let mut change = names(Expression::update(format!(
        "SET #a = :a, #g = :g, #b = :b, #shard = :shard, #sk = :sk{set_source}{set_until}{set_told} \
         REMOVE #ttl{remove_source}{remove_until}"
    )));
    if let Some(until) = suppression.until {
        change = change.with_value(":u", until.as_millis());
    }
    if let Some(source) = suppression.source {
        change = change.with_value(":i", source.to_string());
    }
    if is_told {
        change = told(change);
    }
    change = match (over, suppression.origin) {
        (Some(over), _) => change
            .when("attribute_exists(#a) AND #u = :known")
            .with_value(":known", over.until.map_or(0, Timestamp::as_millis)),
        (None, Origin::Manual) => change.when("attribute_not_exists(#a)"),
        (None, Origin::Bounce | Origin::Complaint) => change
            .when("attribute_not_exists(#a) AND (attribute_not_exists(#released_at) OR #released_at < :b)")
            .with_name("#released_at", RELEASED_AT),
    };
    change
        .with_value(":a", suppression.address.to_string())
        .with_value(":g", suppression.origin)
        .with_value(":b", suppression.created_at.as_millis())
        .with_value(":shard", keys::suppressions_of(&suppression.tenant, suppression.origin))
        .with_value(":sk", attributes::sortable(place.born, place.id))
}

/// Part of an update by which the filter of the stream for webhooks takes the change.
const SET_TOLD: &str = ", #hk = :hk";

/// Adds the placeholders of [`SET_TOLD`].
fn told(change: Expression) -> Expression {
    change.with_name("#hk", "hk").with_value(":hk", true)
}

/// Adds the attributes that both an addition and a release name.
fn names(change: Expression) -> Expression {
    change
        .with_name("#a", ADDRESS)
        .with_name("#g", ORIGIN)
        .with_name("#b", CREATED_AT)
        .with_name("#i", SOURCE)
        .with_name("#u", UNTIL)
        .with_name("#ttl", "ttl")
        .with_name("#shard", "tenant_shard")
        .with_name("#sk", "created_sk")
}

impl Table {
    /// Gives up the prefixes: from now on senders look up every recipient.
    async fn too_many(&self, tenant: &TenantId) -> Result<(), PortError> {
        let change = Expression::update("SET #too_many = :yes REMOVE #m")
            .with_name("#too_many", TOO_MANY)
            .with_name("#m", SET)
            .with_value(":yes", true);
        let given_up = self.update_if(
            keys::suppression_filter(tenant),
            change,
            None,
            "giving up the suppression filter",
        );
        given_up.await.map(drop)
    }

    /// Writes an address's item and its prefix.
    async fn suppress_over(
        &self,
        suppression: &Suppression,
        written: &Suppression,
        over: Option<&Suppression>,
        is_told: bool,
    ) -> Result<WriteOutcome, PortError> {
        let tenant = &suppression.tenant;
        let prefixes = Expression::update("ADD #m :mark")
            .when("attribute_not_exists(#too_many) AND (attribute_not_exists(#m) OR size(#m) < :most)")
            .with_name("#m", SET)
            .with_name("#too_many", TOO_MANY)
            .with_value(":mark", set_of(suppression.id().hash_prefix()))
            .with_value(":most", limits::SUPPRESSED_PREFIXES);
        let writes = vec![
            Write::Update {
                key: keys::suppression(tenant, suppression.id()),
                change: entry(written, over, is_told),
            },
            Write::Update {
                key: keys::suppression_filter(tenant),
                change: prefixes,
            },
        ];
        let checks = match self.transact(writes, SUPPRESSING).await? {
            Transacted::Done => return Ok(WriteOutcome::Done(Added::New)),
            Transacted::Refused(checks) => checks,
        };
        match checks.as_slice() {
            [Check::Failed(stored), _] => resolve_refusal(suppression, over, stored.as_ref()),
            [Check::Held, Check::Failed(prefixes)] => {
                // The prefixes are given up first: a lookup must never skip a suppressed address.
                let known = prefixes.as_ref().is_some_and(|item| item.contains_key(TOO_MANY));
                if !known {
                    self.too_many(tenant).await?;
                }
                self.suppress_without_prefix(suppression, written, over, is_told).await
            }
            _ => Err(port(SUPPRESSING)("DynamoDB gave no reason for each item".into())),
        }
    }

    /// Writes an address's item alone, for a tenant without prefixes.
    async fn suppress_without_prefix(
        &self,
        suppression: &Suppression,
        written: &Suppression,
        over: Option<&Suppression>,
        is_told: bool,
    ) -> Result<WriteOutcome, PortError> {
        let key = keys::suppression(&suppression.tenant, suppression.id());
        match self
            .update_if(key, entry(written, over, is_told), None, SUPPRESSING)
            .await?
        {
            ConditionOutcome::Done(_) => Ok(WriteOutcome::Done(Added::New)),
            ConditionOutcome::Refused(stored) => resolve_refusal(suppression, over, stored.as_ref()),
        }
    }
}

const SUPPRESSING: &str = "suppressing an address";

/// Decides about a suppression that this stored item refused. `over` is the suppression that it would have replaced.
fn resolve_refusal(
    suppression: &Suppression,
    over: Option<&Suppression>,
    stored: Option<&Item>,
) -> Result<WriteOutcome, PortError> {
    let stored = stored.ok_or(ItemError::Missing("pk"));
    let entry = stored.and_then(|stored| read(&suppression.tenant, stored));
    let entry = entry.map_err(|error| port(SUPPRESSING)(error.into()))?;
    match (entry.effect_of_adding(suppression), entry) {
        (Effect::Nothing(added), _) => Ok(WriteOutcome::Done(added)),
        (Effect::Store(next), Entry::Suppressed { suppression: known, .. }) => {
            Ok(WriteOutcome::Again(Box::new((next, Some(known)))))
        }
        // It was released between two writes.
        (Effect::Store(next), Entry::Released { .. }) if over.is_some() => {
            Ok(WriteOutcome::Again(Box::new((next, None))))
        }
        (Effect::Store(_), Entry::Released { .. }) => {
            Err(port(SUPPRESSING)("the condition and the decision differ".into()))
        }
    }
}

/// Outcome of one write of a suppression.
enum WriteOutcome {
    /// The addition is decided.
    Done(Added),
    /// The first suppression must be written over the second.
    Again(Box<(Suppression, Option<Suppression>)>),
}

impl Suppressions for Table {
    async fn suppress(&self, suppression: &Suppression, is_told: bool) -> Result<Added, PortError> {
        let (mut written, mut over) = (suppression.clone(), None);
        let mut rounds = Rounds::of(SUPPRESSING);
        loop {
            rounds.begin()?;
            match self
                .suppress_over(suppression, &written, over.as_ref(), is_told)
                .await?
            {
                WriteOutcome::Done(added) => return Ok(added),
                WriteOutcome::Again(next) => (written, over) = *next,
            }
        }
    }

    async fn release(
        &self,
        tenant: &TenantId,
        id: SuppressionId,
        is_told: bool,
        now: Timestamp,
    ) -> Result<bool, PortError> {
        const WHAT: &str = "releasing an address";
        let ttl = now.after(limits::RELEASE_REMEMBERED).as_secs();
        let set_told = if is_told { SET_TOLD } else { "" };
        let update = format!("SET #released_at = :now, #ttl = :ttl{set_told} REMOVE #a, #g, #b, #i, #u, #shard, #sk");
        let entry = Expression::update(update)
            .when("attribute_exists(#a) AND (attribute_not_exists(#u) OR #u > :now)")
            .with_name("#released_at", RELEASED_AT)
            .with_value(":now", now.as_millis())
            .with_value(":ttl", ttl);
        let entry = if is_told { told(entry) } else { entry };
        let prefixes = Expression::update("DELETE #m :mark")
            .with_name("#m", SET)
            .with_value(":mark", set_of(id.hash_prefix()));
        let writes = vec![
            Write::Update {
                key: keys::suppression(tenant, id),
                change: names(entry),
            },
            Write::Update {
                key: keys::suppression_filter(tenant),
                change: prefixes,
            },
        ];
        Ok(self.transact(writes, WHAT).await? == Transacted::Done)
    }

    async fn suppression_filter(&self, tenant: &TenantId) -> Result<SuppressionFilter, PortError> {
        const WHAT: &str = "reading the suppression filter";
        let item = self.get(keys::suppression_filter(tenant), WHAT).await?;
        read_filter(&item.unwrap_or_default()).map_err(|error| port(WHAT)(error.into()))
    }

    async fn suppressions(
        &self,
        tenant: &TenantId,
        ids: &[SuppressionId],
        now: Timestamp,
    ) -> Result<Vec<Suppression>, PortError> {
        const WHAT: &str = "reading suppressions";
        let distinct: BTreeSet<_> = ids.iter().collect();
        let keys = distinct.into_iter().map(|id| keys::suppression(tenant, *id)).collect();
        let mut found = BTreeMap::new();
        for item in self.get_many(keys, WHAT).await? {
            // An unreadable suppression must not look like a missing one.
            let entry = read(tenant, &item).map_err(|error| port(WHAT)(error.into()))?;
            found.extend(entry.in_force(now).map(|suppression| (suppression.id(), suppression)));
        }
        Ok(ids.iter().filter_map(|id| found.remove(id)).collect())
    }

    async fn suppression_places(
        &self,
        tenant: &TenantId,
        origins: &[Origin],
        start: Start<SuppressionId>,
        count: usize,
    ) -> Result<Vec<Place<SuppressionId>>, PortError> {
        const WHAT: &str = "reading the list of suppressions";
        let partitions = origins
            .iter()
            .map(|origin| self.entries(keys::suppressions_of(tenant, *origin), start, count, WHAT));
        let entries = try_join_all(partitions).await?;
        let places = entries.iter().flatten().filter_map(|entry| match place_of(entry) {
            Ok(place) => Some(place),
            Err(error) => {
                tracing::error!(pk = attribute::<String>(entry, "pk").ok(), %error, "an entry of the list cannot be read");
                None
            }
        });
        Ok(start.nearest(places, count))
    }

    async fn remember_listed(&self, listed: &Listed) -> Result<(), PortError> {
        let change = Expression::update("SET #a = :a, #b = :b")
            .with_name("#a", ADDRESS)
            .with_name("#b", CREATED_AT)
            .with_value(":a", listed.address.to_string())
            .with_value(":b", listed.at.as_millis());
        let key = keys::listed_address(&listed.tenant, listed.id());
        let stored = self.update_if(key, change, None, "storing that SES's suppression list has an address");
        stored.await.map(drop)
    }

    async fn find_listed(&self, tenant: &TenantId, ids: &[SuppressionId]) -> Result<Vec<Listed>, PortError> {
        const WHAT: &str = "reading the known addresses on SES's suppression list";
        let distinct: BTreeSet<_> = ids.iter().collect();
        let keys = distinct
            .into_iter()
            .map(|id| keys::listed_address(tenant, *id))
            .collect();
        let items = self.get_many(keys, WHAT).await?;
        let listed: Result<_, _> = items.iter().map(|item| read_listed(tenant, item)).collect();
        listed.map_err(|error| port(WHAT)(error.into()))
    }

    async fn forget_listed(&self, tenant: &TenantId, id: SuppressionId) -> Result<(), PortError> {
        let key = keys::listed_address(tenant, id);
        self.delete(key, "deleting the entry of an address on SES's suppression list")
            .await
    }
}

#[cfg(test)]
#[path = "suppressions_tests.rs"]
mod tests;
