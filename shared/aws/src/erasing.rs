//! Erases what the table and the bucket have of an email's content.
//!
//! **Invariant:** by where it lies and not by what the record says, so that a content which a refused request
//! has left beside it goes as well.
//! **After a crash** anywhere: doing it again erases the rest.

use domain::ports::erasure::Erasing;
use domain::ports::{EmailKey, PortError};

use crate::bodies::{BodyStore, prefix};
use crate::failure::failed;
use crate::table::Query;
use crate::table::keys;

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
            let page = page.map_err(|error| failed(WHAT)(error))?;
            for name in page.contents().iter().filter_map(|object| object.key()) {
                let deleted = self.s3.delete_object().bucket(&self.bucket).key(name);
                deleted.send().await.map_err(|error| failed(WHAT)(error))?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
#[path = "erasing_tests.rs"]
mod tests;
