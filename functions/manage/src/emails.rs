//! Reads of emails, one or a page.
//!
//! **Invariant:** a page costs a bounded number of calls, and holds a bounded number of contents in memory. An
//! unreadable content is missing from its own email only.
//! **Start reading at** [`ManageFunction::emails`].

use aws::http::auth::{ActsFor, TenantPrincipal};
use aws::http::query::Cursor;
use domain::api::email_view::{EmailView, ItemView, PageView};
use domain::delivery::record::EmailRecord;
use domain::id::{EmailId, EmailKey, TenantId};
use domain::message::email::EmailContent;
use domain::ports::{Bodies, Clock, EmailRecords, PortError};
use domain::reporting::listing::{Place, Start};
use domain::tenant::temporary::Preview;
use domain::timestamp::Timestamp;

use crate::commands::not_there;
use crate::paging::EmailPage;
use crate::{ManageError, ManageFunction, Ports};

/// Number of contents in memory. The largest request is 4 MiB; packed, unpacked and parsed it takes about 16 MB.
/// Eight of them fill half of a function of 256 MB.
pub(crate) const CONTENTS: usize = 8;

impl<P: Ports> ManageFunction<P> {
    /// Shows one email, without its content when that is gone.
    ///
    /// # Errors
    /// 404 when the tenant has no email with this id. Or a backend call failed.
    pub async fn email(&self, caller: &TenantPrincipal, id: EmailId) -> Result<EmailView, ManageError> {
        let now = self.system.now();
        let record = self.record_shown(caller, id, now).await?;
        let email = self.content(caller, &record).await?;
        Ok(EmailView::new(&record, email.as_ref(), &self.with.region, now))
    }

    /// Returns a caller's record as its queue shows it.
    pub(crate) async fn record_shown(
        &self,
        caller: &dyn ActsFor,
        id: EmailId,
        now: Timestamp,
    ) -> Result<EmailRecord, ManageError> {
        let key = EmailKey {
            tenant: caller.tenant().clone(),
            id,
        };
        let record = self.records.load(&key, now).await?.ok_or_else(not_there)?;
        self.as_its_queue_shows(record, now).await
    }

    /// Shows a page of the list, newest first in either direction.
    ///
    /// # Errors
    /// 422 when there is no email at the page's cursor. Or a backend call failed.
    pub async fn emails(&self, caller: &TenantPrincipal, page: &EmailPage) -> Result<PageView, ManageError> {
        let now = self.system.now();
        let tenant = caller.tenant();
        let start = self.start(tenant, page.cursor, now).await?;
        let check_at = |record| self.check_at(caller, record, &page.filter, now);
        let (items, next) = self.search(tenant, start, page, now, check_at).await?;
        Ok(PageView::new(items, next))
    }

    pub(crate) async fn start(
        &self,
        tenant: &TenantId,
        cursor: Option<Cursor<EmailId>>,
        now: Timestamp,
    ) -> Result<Start, ManageError> {
        let Some(cursor) = cursor else {
            return Ok(Start::Newest);
        };
        let key = EmailKey {
            tenant: tenant.clone(),
            id: cursor.id(),
        };
        match self.records.load(&key, now).await? {
            Some(record) => Ok(cursor.start(Place::of(&record))),
            None => Err(cursor.not_there("email").into()),
        }
    }

    /// Returns an email as the list shows it, without an unreadable content.
    pub(crate) async fn item(&self, caller: &TenantPrincipal, record: &EmailRecord, now: Timestamp) -> ItemView {
        let email = self.content(caller, record).await.unwrap_or_else(|error| {
            tracing::error!(id = %record.id, error = aws::runtime::telemetry::chain(&error), "a stored content could not be read");
            None
        });
        ItemView::new(record, email.as_ref(), &self.with.region, now)
    }

    /// Reads an email's content. It takes a [`TenantPrincipal`], because the deployer may not read content.
    ///
    /// `None` as with [`Self::stored_content`].
    pub(crate) async fn content(
        &self,
        _: &TenantPrincipal,
        record: &EmailRecord,
    ) -> Result<Option<EmailContent>, PortError> {
        self.stored_content(record).await
    }

    /// Reads the content of a previewed email. Only a [`TenantPrincipal`] gets a preview.
    ///
    /// `None` as with [`Self::stored_content`].
    pub(crate) async fn previewed_content(
        &self,
        _: &Preview,
        record: &EmailRecord,
    ) -> Result<Option<EmailContent>, PortError> {
        self.stored_content(record).await
    }

    /// Reads a content.
    ///
    /// `None` when the content is gone or this program cannot parse it. A retry would not help, and the status must
    /// be visible all the same.
    async fn stored_content(&self, record: &EmailRecord) -> Result<Option<EmailContent>, PortError> {
        let Some(content) = self.bodies.load(&record.email_key(), &record.body).await? else {
            return Ok(None);
        };
        EmailContent::from_body(&content).map(Some).or_else(|error| {
            tracing::error!(id = %record.id, error = aws::runtime::telemetry::chain(&error), "a stored content is malformed");
            Ok(None)
        })
    }
}
