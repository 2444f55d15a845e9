//! Erases what the table and the bucket have of an email's content.
//!
//! **Invariant:** by where it lies and not by what the row says, so that a content which a refused request
//! has left beside it goes as well.
//! **After a crash** anywhere: doing it again erases the rest.

use aws_sdk_dynamodb::types::AttributeValue;
use domain::ports::erasure::Erasing;
use domain::ports::{EmailKey, PortError};

use crate::bodies::{BODY, BodyStore, prefix};
use crate::failure::port;
use crate::rows::item;

const WHAT: &str = "erasing a content";

impl Erasing for BodyStore {
    async fn erase(&self, key: &EmailKey) -> Result<(), PortError> {
        self.erase_items(key).await?;
        self.erase_objects(key).await
    }
}

impl BodyStore {
    async fn erase_items(&self, key: &EmailKey) -> Result<(), PortError> {
        let table = &self.table;
        let mut pages = table
            .client
            .query()
            .table_name(&table.table)
            .key_condition_expression("pk = :pk AND begins_with(sk, :beginning)")
            .expression_attribute_values(":pk", AttributeValue::S(item::pk(key)))
            .expression_attribute_values(":beginning", AttributeValue::S(BODY.to_owned()))
            .projection_expression("pk, sk")
            .consistent_read(true)
            .into_paginator()
            .items()
            .send();
        while let Some(found) = pages.next().await {
            let found = found.map_err(|error| port(WHAT)(error.into()))?;
            let deleted = table.client.delete_item().table_name(&table.table).set_key(Some(found));
            deleted.send().await.map_err(|error| port(WHAT)(error.into()))?;
        }
        Ok(())
    }

    async fn erase_objects(&self, key: &EmailKey) -> Result<(), PortError> {
        let mut pages = self
            .s3
            .list_objects_v2()
            .bucket(&self.bucket)
            .prefix(prefix(key))
            .into_paginator()
            .send();
        while let Some(page) = pages.next().await {
            let page = page.map_err(|error| port(WHAT)(error.into()))?;
            for name in page.contents().iter().filter_map(|object| object.key()) {
                let deleted = self.s3.delete_object().bucket(&self.bucket).key(name);
                deleted.send().await.map_err(|error| port(WHAT)(error.into()))?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
#[path = "erasing_tests.rs"]
mod tests;
