//! The suppressions: one item for each address, and one for each tenant with the marks of all of them.
//!
//! **Invariant:** an address's item and its mark change in one transaction, and no read comes before it. A
//! tenant's marks are one set of bytes, changed with `ADD` and `DELETE`; when it is full, it is taken away for
//! good, and the item only says so.
//! **After a release** the item keeps the time of it, also when the address is suppressed again.
//! **An addition** is tried as if nothing were stored. Where something is, [`Entry::takes`] decides over what the
//! refusal brought back.
//! **SES's list of the account:** an address that SES refused for it is an item beside the address's own.
//! **The list** is in the index `by_tenant`, in a partition for each origin; who was released is in none.
//! **Lost answers:** the SDK repeats a transaction under the token that it gave it, and DynamoDB knows it.
//! **Start reading at** [`Table::transact`].

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use aws_sdk_dynamodb::operation::transact_write_items::TransactWriteItemsError;
use aws_sdk_dynamodb::operation::update_item::UpdateItemError;
use aws_sdk_dynamodb::primitives::Blob;
use aws_sdk_dynamodb::types::builders::UpdateBuilder;
use aws_sdk_dynamodb::types::{
    AttributeValue, CancellationReason, ReturnValuesOnConditionCheckFailure, TransactWriteItem,
    Update as TransactUpdate,
};
use domain::address::EmailAddress;
use domain::id::{EmailId, TenantId};
use domain::limits;
use domain::listing::{Place, Start};
use domain::ports::{PortError, Suppressions};
use domain::suppression::{Added, Effect, Entry, Listed, Mark, Marks, Origin, Suppression, SuppressionId};
use domain::timestamp::Timestamp;
use futures::future::try_join_all;

use crate::attributes::{self, Item, ItemError, maybe, named, text, time};
use crate::failure::port;
use crate::rows::Table;

/// The sort key of an address's item.
const SUPPRESSION: &str = "suppression";
/// The sort key of a tenant's marks.
const MARKS: &str = "marks";
/// The set of marks.
const SET: &str = "m";
/// There were too many.
const TOO_MANY: &str = "too_many";
/// The address.
const ADDRESS: &str = "a";
/// The origin.
const ORIGIN: &str = "g";
/// The id of the email that caused it.
const SOURCE: &str = "i";
/// Milliseconds since 1970.
const CREATED_AT: &str = "b";
/// Milliseconds since 1970: when it was last taken away. The address is suppressed if its item has the address.
const RELEASED_AT: &str = "released_at";
/// Milliseconds since 1970: the end of a suppression that has one.
const UNTIL: &str = "u";
/// The sort key of an address that SES refused for the account's list.
const LISTED: &str = "account_list";

/// Rounds of a transaction that another one stands in the way of. Many addresses of a tenant bounce at once.
const ROUNDS: u32 = 6;

/// The wait after such a round, doubled each time.
const PAUSE: Duration = Duration::from_millis(25);

/// The partition key of an address. No email's looks like it.
fn pk(tenant: &TenantId, id: SuppressionId) -> String {
    format!("{tenant}#suppressed#{id}")
}

fn key(tenant: &TenantId, id: SuppressionId) -> Item {
    Item::from([
        attributes::s("pk", pk(tenant, id)),
        attributes::s("sk", SUPPRESSION.to_owned()),
    ])
}

fn marks_pk(tenant: &TenantId) -> String {
    format!("{tenant}#suppressed")
}

fn marks_key(tenant: &TenantId) -> Item {
    Item::from([
        attributes::s("pk", marks_pk(tenant)),
        attributes::s("sk", MARKS.to_owned()),
    ])
}

/// The partition of an origin in the index `by_tenant`. No shard of the emails looks like it.
fn partition(tenant: &TenantId, origin: Origin) -> String {
    format!("{tenant}#suppressed#{}", origin.as_str())
}

fn read(tenant: &TenantId, item: &Item) -> Result<Entry, ItemError> {
    let released_at = maybe(item, RELEASED_AT, time)?;
    if let (Some(at), false) = (released_at, item.contains_key(ADDRESS)) {
        return Ok(Entry::Released { at });
    }
    let address = EmailAddress::parse(text(item, ADDRESS)?).map_err(|_| ItemError::Malformed(ADDRESS))?;
    let source = maybe(item, SOURCE, text)?.map(|id| EmailId::parse(id).ok_or(ItemError::Malformed(SOURCE)));
    let suppression = Suppression {
        tenant: tenant.clone(),
        address,
        origin: named(item, ORIGIN)?,
        source: source.transpose()?,
        created_at: time(item, CREATED_AT)?,
        until: maybe(item, UNTIL, time)?,
    };
    Ok(Entry::Suppressed {
        suppression,
        released_at,
    })
}

fn listed_key(tenant: &TenantId, id: SuppressionId) -> Item {
    Item::from([
        attributes::s("pk", pk(tenant, id)),
        attributes::s("sk", LISTED.to_owned()),
    ])
}

fn read_listed(tenant: &TenantId, item: &Item) -> Result<Listed, ItemError> {
    Ok(Listed {
        tenant: tenant.clone(),
        address: EmailAddress::parse(text(item, ADDRESS)?).map_err(|_| ItemError::Malformed(ADDRESS))?,
        at: time(item, CREATED_AT)?,
    })
}

fn read_marks(item: &Item) -> Result<Marks, ItemError> {
    if item.contains_key(TOO_MANY) {
        return Ok(Marks::TooMany);
    }
    let Some(set) = item.get(SET) else {
        return Ok(Marks::default());
    };
    let set = set.as_bs().map_err(|_| ItemError::Malformed(SET))?;
    let mark = |mark: &Blob| mark.as_ref().try_into().map(Mark);
    let marks: Result<BTreeSet<_>, _> = set.iter().map(mark).collect();
    marks.map(Marks::These).map_err(|_| ItemError::Malformed(SET))
}

fn n(value: impl ToString) -> AttributeValue {
    AttributeValue::N(value.to_string())
}

fn set_of(mark: Mark) -> AttributeValue {
    AttributeValue::Bs(vec![Blob::new(mark.0)])
}

impl Table {
    fn change(&self, key: Item) -> UpdateBuilder {
        TransactUpdate::builder()
            .table_name(&self.table)
            .set_key(Some(key))
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
    }

    /// The write of a suppression where nothing is stored or, by [`Entry::takes`], over this one.
    fn entry(&self, suppression: &Suppression, over: Option<&Suppression>) -> UpdateBuilder {
        let place = Place {
            born: suppression.created_at,
            id: suppression.id(),
        };
        let update = self.change(key(&suppression.tenant, place.id));
        let update = match (over, suppression.origin) {
            (Some(over), _) => {
                let until = over.until.map_or(0, Timestamp::as_millis);
                update
                    .condition_expression("attribute_exists(#a) AND #u = :known")
                    .expression_attribute_values(":known", n(until))
            }
            (None, Origin::Manual) => update.condition_expression("attribute_not_exists(#a)"),
            (None, Origin::Bounce | Origin::Complaint) => update
                .condition_expression(
                    "attribute_not_exists(#a) AND (attribute_not_exists(#released_at) OR #released_at < :b)",
                )
                .expression_attribute_names("#released_at", RELEASED_AT),
        };
        let (until, set_until) = match suppression.until {
            Some(until) => (Some(n(until.as_millis())), ", #u = :u"),
            None => (None, ""),
        };
        let remove_until = if until.is_none() { ", #u" } else { "" };
        let update = match until {
            Some(until) => update.expression_attribute_values(":u", until),
            None => update,
        };
        let (source, set_source) = match suppression.source {
            Some(id) => (Some(AttributeValue::S(id.to_string())), ", #i = :i"),
            None => (None, ""),
        };
        let remove_source = if source.is_none() { ", #i" } else { "" };
        let update = match source {
            Some(source) => update.expression_attribute_values(":i", source),
            None => update,
        };
        update
            .update_expression(format!(
                "SET #a = :a, #g = :g, #b = :b, #shard = :shard, #sk = :sk{set_source}{set_until} \
                 REMOVE #ttl{remove_source}{remove_until}"
            ))
            .expression_attribute_names("#u", UNTIL)
            .expression_attribute_names("#a", ADDRESS)
            .expression_attribute_names("#g", ORIGIN)
            .expression_attribute_names("#b", CREATED_AT)
            .expression_attribute_names("#i", SOURCE)
            .expression_attribute_names("#ttl", "ttl")
            .expression_attribute_names("#shard", "tenant_shard")
            .expression_attribute_names("#sk", "created_sk")
            .expression_attribute_values(":a", AttributeValue::S(suppression.address.to_string()))
            .expression_attribute_values(":g", AttributeValue::S(attributes::name(&suppression.origin)))
            .expression_attribute_values(":b", n(suppression.created_at.as_millis()))
            .expression_attribute_values(
                ":shard",
                AttributeValue::S(partition(&suppression.tenant, suppression.origin)),
            )
            .expression_attribute_values(":sk", AttributeValue::S(attributes::sortable(place.born, place.id)))
    }

    /// Changes an address's item and the marks together; returns why not, for each of them.
    async fn transact(
        &self,
        changes: [UpdateBuilder; 2],
        what: &'static str,
    ) -> Result<Result<(), Vec<CancellationReason>>, PortError> {
        let updates = changes.map(UpdateBuilder::build);
        let updates: Vec<_> = updates
            .into_iter()
            .map(|update| update.map(|update| TransactWriteItem::builder().update(update).build()))
            .collect::<Result<_, _>>()
            .map_err(|error| port(what)(error.into()))?;
        let mut pause = PAUSE;
        for _ in 0..ROUNDS {
            let call = self
                .client
                .transact_write_items()
                .set_transact_items(Some(updates.clone()));
            let Err(error) = call.send().await else {
                return Ok(Ok(()));
            };
            let Some(TransactWriteItemsError::TransactionCanceledException(canceled)) = error.as_service_error() else {
                return Err(port(what)(error.into()));
            };
            let reasons = canceled.cancellation_reasons();
            if reasons.iter().any(refused) {
                return Ok(Err(reasons.to_vec()));
            }
            let conflict = |reason: &CancellationReason| reason.code() == Some("TransactionConflict");
            if !reasons.iter().any(conflict) {
                return Err(port(what)(error.into()));
            }
            tokio::time::sleep(pause).await;
            pause = pause.saturating_mul(2);
        }
        Err(port(what)("others change the suppressions at the same time".into()))
    }

    /// From now on senders look every recipient up.
    async fn too_many(&self, tenant: &TenantId) -> Result<(), PortError> {
        let update = self
            .client
            .update_item()
            .table_name(&self.table)
            .set_key(Some(marks_key(tenant)))
            .update_expression("SET #too_many = :yes REMOVE #m")
            .expression_attribute_names("#too_many", TOO_MANY)
            .expression_attribute_names("#m", SET)
            .expression_attribute_values(":yes", AttributeValue::Bool(true));
        let done = update.send().await.map(drop);
        done.map_err(|error| port("giving the marks up")(error.into()))
    }

    /// Writes an address's item and its mark.
    async fn suppress_over(
        &self,
        suppression: &Suppression,
        written: &Suppression,
        over: Option<&Suppression>,
    ) -> Result<Taken, PortError> {
        let tenant = &suppression.tenant;
        let marks = self
            .change(marks_key(tenant))
            .update_expression("ADD #m :mark")
            .condition_expression("attribute_not_exists(#too_many) AND (attribute_not_exists(#m) OR size(#m) < :most)")
            .expression_attribute_names("#m", SET)
            .expression_attribute_names("#too_many", TOO_MANY)
            .expression_attribute_values(":mark", set_of(suppression.id().mark()))
            .expression_attribute_values(":most", n(limits::SUPPRESSED_MARKS));
        let Err(reasons) = self.transact([self.entry(written, over), marks], SUPPRESSING).await? else {
            return Ok(Taken::Done(Added::New));
        };
        match reasons.as_slice() {
            [entry, _] if refused(entry) => taken(suppression, over, entry.item.as_ref()),
            [_, marks] => {
                // Given up first: an address must never be suppressed without being looked for.
                let known = marks.item.as_ref().is_some_and(|item| item.contains_key(TOO_MANY));
                if !known {
                    self.too_many(tenant).await?;
                }
                self.suppress_unmarked(suppression, written, over).await
            }
            _ => Err(port(SUPPRESSING)("DynamoDB gave no reason for each item".into())),
        }
    }

    /// Writes an address's item alone, for a tenant that has no marks any more.
    async fn suppress_unmarked(
        &self,
        suppression: &Suppression,
        written: &Suppression,
        over: Option<&Suppression>,
    ) -> Result<Taken, PortError> {
        let update = self.entry(written, over).build();
        let update = update.map_err(|error| port(SUPPRESSING)(error.into()))?;
        let call = self
            .client
            .update_item()
            .table_name(update.table_name)
            .set_key(Some(update.key))
            .update_expression(update.update_expression)
            .set_condition_expression(update.condition_expression)
            .set_expression_attribute_names(update.expression_attribute_names)
            .set_expression_attribute_values(update.expression_attribute_values)
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld);
        let Err(error) = call.send().await else {
            return Ok(Taken::Done(Added::New));
        };
        match error.as_service_error() {
            Some(UpdateItemError::ConditionalCheckFailedException(refused)) => {
                taken(suppression, over, refused.item.as_ref())
            }
            Some(_) | None => Err(port(SUPPRESSING)(error.into())),
        }
    }
}

const SUPPRESSING: &str = "suppressing an address";

fn refused(reason: &CancellationReason) -> bool {
    reason.code() == Some("ConditionalCheckFailed")
}

/// The effect of a suppression whose condition did not hold over this item, and the suppression it would replace.
fn taken(suppression: &Suppression, over: Option<&Suppression>, stored: Option<&Item>) -> Result<Taken, PortError> {
    let stored = stored.ok_or(ItemError::Missing("pk"));
    let entry = stored.and_then(|stored| read(&suppression.tenant, stored));
    let entry = entry.map_err(|error| port(SUPPRESSING)(error.into()))?;
    match (entry.takes(suppression), entry) {
        (Effect::Nothing(added), _) => Ok(Taken::Done(added)),
        (Effect::Store(next), Entry::Suppressed { suppression: known, .. }) => Ok(Taken::Again(next, Some(known))),
        // It was released between two writes.
        (Effect::Store(next), Entry::Released { .. }) if over.is_some() => Ok(Taken::Again(next, None)),
        (Effect::Store(_), Entry::Released { .. }) => {
            Err(port(SUPPRESSING)("the condition and the decision differ".into()))
        }
    }
}

/// The outcome of one write of a suppression.
enum Taken {
    /// It is decided.
    Done(Added),
    /// This is to be written, over that.
    Again(Suppression, Option<Suppression>),
}

impl Suppressions for Table {
    async fn suppress(&self, suppression: &Suppression) -> Result<Added, PortError> {
        let (mut written, mut over) = (suppression.clone(), None);
        for _ in 0..ROUNDS {
            match self.suppress_over(suppression, &written, over.as_ref()).await? {
                Taken::Done(added) => return Ok(added),
                Taken::Again(next, known) => (written, over) = (next, known),
            }
        }
        Err(port(SUPPRESSING)(
            "others change the suppression at the same time".into(),
        ))
    }

    async fn release(&self, tenant: &TenantId, id: SuppressionId, now: Timestamp) -> Result<bool, PortError> {
        const WHAT: &str = "releasing an address";
        let ttl = now.after(limits::RELEASE_REMEMBERED).as_secs();
        let entry = self
            .change(key(tenant, id))
            .update_expression("SET #released_at = :now, #ttl = :ttl REMOVE #a, #g, #b, #i, #u, #shard, #sk")
            .condition_expression("attribute_exists(#a) AND (attribute_not_exists(#u) OR #u > :now)")
            .expression_attribute_names("#u", UNTIL)
            .expression_attribute_names("#a", ADDRESS)
            .expression_attribute_names("#g", ORIGIN)
            .expression_attribute_names("#b", CREATED_AT)
            .expression_attribute_names("#i", SOURCE)
            .expression_attribute_names("#shard", "tenant_shard")
            .expression_attribute_names("#sk", "created_sk")
            .expression_attribute_names("#released_at", RELEASED_AT)
            .expression_attribute_names("#ttl", "ttl")
            .expression_attribute_values(":now", n(now.as_millis()))
            .expression_attribute_values(":ttl", n(ttl));
        let marks = self
            .change(marks_key(tenant))
            .update_expression("DELETE #m :mark")
            .expression_attribute_names("#m", SET)
            .expression_attribute_values(":mark", set_of(id.mark()));
        Ok(self.transact([entry, marks], WHAT).await?.is_ok())
    }

    async fn marks(&self, tenant: &TenantId) -> Result<Marks, PortError> {
        const WHAT: &str = "reading the marks";
        let item = self.get(marks_pk(tenant), MARKS.to_owned(), WHAT).await?;
        read_marks(&item.unwrap_or_default()).map_err(|error| port(WHAT)(error.into()))
    }

    async fn suppressions(
        &self,
        tenant: &TenantId,
        ids: &[SuppressionId],
        now: Timestamp,
    ) -> Result<Vec<Suppression>, PortError> {
        const WHAT: &str = "reading suppressions";
        let distinct: BTreeSet<_> = ids.iter().collect();
        let keys = distinct.into_iter().map(|id| key(tenant, *id)).collect();
        let mut found = BTreeMap::new();
        for item in self.get_many(keys, WHAT).await? {
            // One that cannot be read must not look like one that is not there.
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
            .map(|origin| self.entries(partition(tenant, *origin), start, count, WHAT));
        let entries = try_join_all(partitions).await?;
        let places = entries.iter().flatten().filter_map(|entry| match place_of(entry) {
            Ok(place) => Some(place),
            Err(error) => {
                tracing::error!(pk = text(entry, "pk").ok(), %error, "an entry of the list cannot be read");
                None
            }
        });
        Ok(start.nearest(places, count))
    }

    async fn remember_listed(&self, listed: &Listed) -> Result<(), PortError> {
        let update = self
            .client
            .update_item()
            .table_name(&self.table)
            .set_key(Some(listed_key(&listed.tenant, listed.id())))
            .update_expression("SET #a = :a, #b = :b")
            .expression_attribute_names("#a", ADDRESS)
            .expression_attribute_names("#b", CREATED_AT)
            .expression_attribute_values(":a", AttributeValue::S(listed.address.to_string()))
            .expression_attribute_values(":b", n(listed.at.as_millis()));
        let done = update.send().await.map(drop);
        done.map_err(|error| port("remembering an address of SES's list")(error.into()))
    }

    async fn listed(&self, tenant: &TenantId, ids: &[SuppressionId]) -> Result<Vec<Listed>, PortError> {
        const WHAT: &str = "reading which addresses are on SES's list";
        let distinct: BTreeSet<_> = ids.iter().collect();
        let keys = distinct.into_iter().map(|id| listed_key(tenant, *id)).collect();
        let items = self.get_many(keys, WHAT).await?;
        let listed: Result<_, _> = items.iter().map(|item| read_listed(tenant, item)).collect();
        listed.map_err(|error| port(WHAT)(error.into()))
    }

    async fn forget_listed(&self, tenant: &TenantId, id: SuppressionId) -> Result<(), PortError> {
        let delete = self
            .client
            .delete_item()
            .table_name(&self.table)
            .set_key(Some(listed_key(tenant, id)));
        let done = delete.send().await.map(drop);
        done.map_err(|error| port("forgetting an address of SES's list")(error.into()))
    }
}

fn place_of(entry: &Item) -> Result<Place<SuppressionId>, ItemError> {
    const ATTRIBUTE: &str = "created_sk";
    let created = text(entry, ATTRIBUTE)?;
    let born = attributes::parse_sortable(created).ok_or(ItemError::Malformed(ATTRIBUTE))?;
    let id = created.split_once('#').and_then(|(_, id)| SuppressionId::parse(id));
    let id = id.ok_or(ItemError::Malformed(ATTRIBUTE))?;
    Ok(Place { born, id })
}

#[cfg(test)]
#[path = "suppressions_tests.rs"]
mod tests;
