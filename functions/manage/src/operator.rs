//! Requests of the deployer for a tenant: lists emails and their history without content, and cancels.
//!
//! **Invariant:** nothing here takes a [`TenantPrincipal`](aws::http::auth::TenantPrincipal), so that nothing here can read a
//! content, and the views have no field for one. Replies of mail servers are left out too: they may repeat
//! addresses.
//! The operator's commands on queues are in [`crate::queue_commands`], whose functions take either party.
//! **Start reading at** [`ManageFunction::emails_metadata`]. Why this way: docs/adr/0030.

use std::future::ready;

use aws::http::auth::{ActsFor, Operator};
use domain::api::metadata_view::{EmailMetadata, EmailMetadataPage, EventsMetadata};
use domain::delivery::record::EmailRecord;
use domain::id::EmailId;
use domain::lifecycle::commands;
use domain::ports::Clock;

use crate::commands::CommandResponse;
use crate::paging::EmailPage;
use crate::search::ExaminedEmail;
use crate::{ManageError, ManageFunction, Ports};

impl<P: Ports> ManageFunction<P> {
    /// Shows one email without its content.
    ///
    /// # Errors
    /// 404 when the tenant has no email with this id. Or a backend call failed.
    pub async fn email_metadata(&self, operator: &Operator, id: EmailId) -> Result<EmailMetadata, ManageError> {
        let now = self.system.now();
        let record = self.record_shown(operator, id, now).await?;
        Ok(EmailMetadata::new(&record, now))
    }

    /// Shows a page of the tenant's emails without their contents, newest first in either direction.
    ///
    /// # Errors
    /// 422 when there is no email at the page's cursor. Or a backend call failed.
    pub async fn emails_metadata(
        &self,
        operator: &Operator,
        page: &EmailPage,
    ) -> Result<EmailMetadataPage, ManageError> {
        let now = self.system.now();
        let tenant = operator.tenant();
        let start = self.start(tenant, page.cursor, now).await?;
        let check_at = |record: EmailRecord| {
            let item = page
                .filter
                .admits(&record, now)
                .then(|| EmailMetadata::new(&record, now));
            ready(Ok(ExaminedEmail {
                id: record.id,
                was_read: false,
                item,
            }))
        };
        let (items, next) = self.search(tenant, start, page, now, check_at).await?;
        Ok(EmailMetadataPage::new(items, next))
    }

    /// Shows the history of an email without its recipients and without the replies of mail servers.
    ///
    /// # Errors
    /// 404 when the tenant has no email with this id. Or a backend call failed.
    pub async fn events_metadata(&self, operator: &Operator, id: EmailId) -> Result<EventsMetadata, ManageError> {
        let now = self.system.now();
        let record = self.record_shown(operator, id, now).await?;
        Ok(EventsMetadata::new(&record, now))
    }

    /// Cancels an email of the tenant that is not being sent yet.
    ///
    /// # Errors
    /// 404 when the tenant has no email with this id. 409 when it is too late. Or a backend call failed.
    pub async fn cancel_for(&self, operator: &Operator, id: EmailId) -> Result<CommandResponse, ManageError> {
        let now = self.system.now();
        let record = self.record(operator, id, now).await?;
        self.carry_out(record, now, |record| commands::cancel(record, &self.with.policy, now))
            .await
    }
}
