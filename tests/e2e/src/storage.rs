//! The items and objects that an email has in the table and the bucket.

use aws::runtime::clients::Clients;
use aws::runtime::settings::of_process;
use aws_sdk_dynamodb::types::AttributeValue;

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
        let table = of_process().get("MAILQUEUE_TABLE").cloned().expect("a table");
        let items = clients
            .dynamodb()
            .query()
            .table_name(table)
            .key_condition_expression("pk = :pk")
            .expression_attribute_values(":pk", AttributeValue::S(format!("main#{id}")))
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
        Self {
            items: items.collect(),
            objects,
        }
    }
}
