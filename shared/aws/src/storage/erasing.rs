//! Erases an email's content from the table and the bucket.
//!
//! **Invariant:** it deletes by location, not by the record's reference. So it also deletes a content that a refused
//! request left beside the email's own.
//! **After a crash** anywhere: a repetition deletes the rest.

use domain::id::EmailKey;
use domain::ports::PortError;
use domain::ports::erasure::Erasing;

use crate::runtime::failure::call_error;
use crate::storage::bodies::{BodyStore, prefix};
use crate::storage::table::Query;
use crate::storage::table::keys;

const WHAT: &str = "erasing a content";

impl Erasing for BodyStore {
    async fn erase(&self, key: &EmailKey) -> Result<(), PortError> {
        self.erase_items(key).await?;
        self.erase_objects(key).await
    }
}

impl BodyStore {
    async fn erase_items(&self, key: &EmailKey) -> Result<(), PortError> {
        let mut query = Query {
            projection: Some("pk, sk"),
            ..Query::beginning(keys::email_pk(key), keys::BODY)
        };
        loop {
            let page = self.table.query(query.clone(), WHAT).await?;
            for found in page.items {
                self.table.delete(found, WHAT).await?;
            }
            if page.next.is_none() {
                return Ok(());
            }
            query.from = page.next;
        }
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
            let page = page.map_err(|error| call_error(WHAT)(error))?;
            for name in page.contents().iter().filter_map(|object| object.key()) {
                let deleted = self.s3.delete_object().bucket(&self.bucket).key(name);
                deleted.send().await.map_err(|error| call_error(WHAT)(error))?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
#[path = "erasing_tests.rs"]
mod tests;
