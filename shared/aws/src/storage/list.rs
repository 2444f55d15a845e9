//! List of a tenant's emails, from the index `by_tenant`.
//!
//! **Role:** read by `manage`; `access` reads its entries of keys and tenants too.
//! **Invariant:** a page costs one query per shard, whatever the number of emails, and no scan. Every shard is
//! queried for a whole page, because one shard may hold all of it. The index holds keys only, so that this
//! costs less than a second query.
//! **Start reading at** `shard_places`.

use std::fmt::Display;

use domain::id::{EmailKey, TenantId};
use domain::ports::{Listing, PortError};
use domain::reporting::listing::{Place, Start};
use futures::stream::{StreamExt, TryStreamExt, iter};

use crate::storage::attributes::{self, Item, ItemError};
use crate::storage::mapping::attribute;
use crate::storage::table::keys;
use crate::storage::table::{Expression, Query, Table};

/// Name of the index.
const BY_TENANT: &str = "by_tenant";

/// Number of shards that are queried concurrently. Our choice: the usual sixteen take two rounds, with no more
/// connections than a page's contents need afterwards.
const AT_ONCE: usize = 8;

const WHAT: &str = "reading the list of emails";

impl Table {
    /// Reads the nearest entries of one shard. An entry has at most 300 bytes, so that a page ends by its count
    /// and never by DynamoDB's megabyte.
    async fn shard_places(
        &self,
        tenant: &TenantId,
        shard: u16,
        start: Start,
        count: usize,
    ) -> Result<Vec<Place>, PortError> {
        let entries = self
            .entries(keys::tenant_shard(tenant, shard), start, count, WHAT)
            .await?;
        let places = entries.iter().filter_map(|entry| match place_of(entry) {
            Ok(place) => Some(place),
            Err(error) => {
                tracing::error!(pk = attribute::<String>(entry, "pk").ok(), %error, "an entry of the list cannot be read");
                None
            }
        });
        Ok(places.collect())
    }

    /// Reads the nearest entries of a partition of the index.
    pub(crate) async fn entries<I: Display>(
        &self,
        partition: String,
        start: Start<I>,
        count: usize,
        what: &'static str,
    ) -> Result<Vec<Item>, PortError> {
        let keys = |condition: &str| {
            let keys = Expression::condition(condition).with_name("#pk", "tenant_shard");
            keys.with_value(":pk", &partition)
        };
        let exceeded = |condition: &str, place: Place<I>| {
            keys(condition)
                .with_name("#sk", "created_sk")
                .with_value(":place", attributes::sortable(place.born, place.id))
        };
        let (keys, forward) = match start {
            Start::Newest => (keys("#pk = :pk"), false),
            Start::OlderThan(place) => (exceeded("#pk = :pk AND #sk < :place", place), false),
            Start::NewerThan(place) => (exceeded("#pk = :pk AND #sk > :place", place), true),
        };
        let query = Query {
            index: Some(BY_TENANT),
            forward: Some(forward),
            limit: Some(i32::try_from(count).unwrap_or(i32::MAX)),
            ..Query::of(keys)
        };
        Ok(self.query(query, what).await?.items)
    }
}

impl Listing for Table {
    async fn places(&self, tenant: &TenantId, start: Start, count: usize) -> Result<Vec<Place>, PortError> {
        let shards: Vec<_> = (0..self.shards)
            .map(|shard| self.shard_places(tenant, shard, start, count))
            .collect();
        let places: Vec<Vec<Place>> = iter(shards).buffer_unordered(AT_ONCE).try_collect().await?;
        Ok(start.nearest(places.into_iter().flatten(), count))
    }
}

fn place_of(item: &Item) -> Result<Place, ItemError> {
    let EmailKey { id, .. } = keys::to_email(item)?;
    let created: String = attribute(item, "created_sk")?;
    let born = attributes::parse_sortable(&created).ok_or(ItemError::Malformed("created_sk"))?;
    Ok(Place { born, id })
}

#[cfg(test)]
mod tests {
    use domain::id::EmailId;
    use domain::timestamp::Timestamp;
    use serde_json::{Value, json};

    use super::*;
    use crate::runtime::replay::Replay;

    fn place(millis: i64, id: u8) -> Place {
        Place {
            born: Timestamp::from_millis(millis),
            id: EmailId::from_random([id; 16]),
        }
    }

    fn entry(place: Place) -> Value {
        let (tenant, id) = (TenantId::main(), place.id);
        json!({
            "pk": {"S": keys::email_pk(&EmailKey { tenant, id })},
            "sk": {"S": "email"},
            "tenant_shard": {"S": "main#00"},
            "created_sk": {"S": attributes::sortable(place.born, id)},
        })
    }

    fn page(entries: &[Value]) -> (u16, String) {
        (200, json!({"Items": entries, "Count": entries.len()}).to_string())
    }

    #[tokio::test]
    async fn the_newest_of_all_shards_come_first() {
        let [a, b, c, d] = [place(1, 1), place(2, 2), place(2, 3), place(3, 4)];
        let replay = Replay::new([page(&[entry(c), entry(a)]), page(&[entry(d), entry(b)]), page(&[])]);
        let places = replay
            .table(3)
            .places(&TenantId::main(), Start::Newest, 3)
            .await
            .unwrap();
        assert_eq!(places, [d, c, b]);

        let requests = replay.requests();
        let mut shards: Vec<_> = requests
            .iter()
            .map(|request| &request["ExpressionAttributeValues"][":pk"]["S"])
            .collect();
        shards.sort_by_key(|shard| shard.as_str());
        assert_eq!(shards, ["main#00", "main#01", "main#02"]);
        for request in &requests {
            assert_eq!(
                (&request["TableName"], &request["IndexName"]),
                (&"T".into(), &"by_tenant".into())
            );
            assert_eq!(
                (&request["Limit"], &request["ScanIndexForward"]),
                (&3.into(), &false.into())
            );
            assert_eq!(request["KeyConditionExpression"], "#pk = :pk");
            assert_eq!(request["ExpressionAttributeNames"], json!({"#pk": "tenant_shard"}));
        }
    }

    #[tokio::test]
    async fn a_page_begins_after_its_cursor() {
        let (a, b, c) = (place(1, 1), place(2, 2), place(2, 3));
        for (start, found, places, condition, upwards) in [
            (Start::OlderThan(c), [b, a], [b, a], "#pk = :pk AND #sk < :place", false),
            (Start::NewerThan(a), [b, c], [b, c], "#pk = :pk AND #sk > :place", true),
        ] {
            let replay = Replay::new([page(&found.map(entry))]);
            assert_eq!(
                replay.table(1).places(&TenantId::main(), start, 9).await.unwrap(),
                places
            );
            let [request] = &replay.requests()[..] else {
                panic!("one shard is one query")
            };
            assert_eq!(request["KeyConditionExpression"], condition);
            assert_eq!(request["ScanIndexForward"], upwards);
            let bound = if upwards { a } else { c };
            assert_eq!(
                request["ExpressionAttributeValues"][":place"]["S"],
                attributes::sortable(bound.born, bound.id)
            );
        }
    }

    #[tokio::test]
    async fn an_unreadable_entry_is_left_out() {
        let good = place(1, 1);
        let mut other = entry(place(2, 2));
        other["pk"] = json!({"S": "no key"});
        let mut older = entry(place(3, 3));
        older["created_sk"] = json!({"S": "yesterday"});
        let replay = Replay::new([page(&[other, older, entry(good)])]);
        assert_eq!(
            replay
                .table(1)
                .places(&TenantId::main(), Start::Newest, 9)
                .await
                .unwrap(),
            [good]
        );
    }

    #[tokio::test]
    async fn a_failing_shard_fails_the_page() {
        let refused = (
            400,
            json!({"__type": "AccessDeniedException", "message": "no"}).to_string(),
        );
        let replay = Replay::new([page(&[]), refused]);
        let error = replay
            .table(2)
            .places(&TenantId::main(), Start::Newest, 9)
            .await
            .unwrap_err();
        assert_eq!(error.to_string(), WHAT);
    }
}
