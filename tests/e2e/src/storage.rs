//! The items and objects that an email has in the table and the bucket, and the time of a webhook's next attempt.

use aws::runtime::clients::Clients;
use aws::runtime::settings::of_process;
use aws_sdk_dynamodb::types::AttributeValue;
use domain::webhook::identity::EventId;

fn table() -> String {
    of_process().get("MAILQUEUE_TABLE").cloned().expect("a table")
}

/// The stored parts of one email.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredParts {
    /// The sort keys of its items, each with the sorted names of its attributes.
    pub items: Vec<(String, Vec<String>)>,
    /// The names of its objects.
    pub objects: Vec<String>,
}

impl StoredParts {
    /// Reads the table and the bucket.
    ///
    /// # Panics
    /// When one of them cannot be read.
    pub async fn of(id: &str) -> Self {
        let clients = Clients::connect().expect("clients can be made");
        let items = Self::items_in(&format!("main#{id}")).await;
        let buckets = clients.s3().list_buckets().send().await.expect("buckets can be listed");
        let mut objects = Vec::new();
        for bucket in buckets.buckets().iter().filter_map(|bucket| bucket.name()) {
            let listed = clients
                .s3()
                .list_objects_v2()
                .bucket(bucket)
                .prefix(format!("main/{id}/"));
            let listed = listed.send().await.expect("the bucket can be listed");
            objects.extend(
                listed
                    .contents()
                    .iter()
                    .filter_map(|object| object.key().map(str::to_owned)),
            );
        }
        Self { items, objects }
    }

    /// Reads a partition of the table: the sort key of each item, with the sorted names of its attributes.
    ///
    /// # Panics
    /// When the table cannot be read.
    pub async fn items_in(partition: &str) -> Vec<(String, Vec<String>)> {
        let clients = Clients::connect().expect("clients can be made");
        let items = clients
            .dynamodb()
            .query()
            .table_name(table())
            .key_condition_expression("pk = :pk")
            .expression_attribute_values(":pk", AttributeValue::S(partition.to_owned()))
            .consistent_read(true)
            .send()
            .await
            .expect("the table can be read");
        let items = items.items().iter().map(|item| {
            let mut names: Vec<_> = item.keys().cloned().collect();
            names.sort();
            let sort_key = item.get("sk").and_then(|sk| sk.as_s().ok());
            (sort_key.cloned().unwrap_or_default(), names)
        });
        items.collect()
    }
}

/// Makes the next attempt of a webhook's event due, as if its wait had passed.
///
/// # Panics
/// When the event has no next attempt, or the table cannot be written.
pub async fn make_attempt_due(tenant: &str, webhook: &str, event: &str) {
    /// Milliseconds since 1970: long past.
    const DUE: u8 = 1;
    let clients = Clients::connect().expect("clients can be made");
    let shard = EventId::parse(event).expect("an event's id").shard();
    clients
        .dynamodb()
        .update_item()
        .table_name(table())
        .key("pk", AttributeValue::S(format!("hook:{tenant}#{webhook}#{shard}")))
        .key("sk", AttributeValue::S(format!("event#{event}")))
        .update_expression("SET n = :due, due_sk = :place")
        .condition_expression("attribute_exists(n) AND attribute_exists(due_sk)")
        .expression_attribute_values(":due", AttributeValue::N(DUE.to_string()))
        .expression_attribute_values(":place", AttributeValue::S(format!("{DUE:015}#{webhook}#{event}")))
        .send()
        .await
        .expect("the event has a next attempt");
}
