//! Downloads of an email's attachments.
//!
//! **Invariant:** only a tenant's key reads them. A URL serves one file, as a file to save, for a short time.
//! **Erasure:** a file inside the content is copied for its URL. After the copy, this module looks for a tombstone
//! and erases the copy of an email that was erased meanwhile.
//! **After a crash** between the two: the copy expires within two days, or a repeated erasure deletes it.
//! **Start reading at** [`ManageFunction::downloads`]. Why this way: docs/adr/0040.

use std::ops::Range;

use aws::http::auth::TenantPrincipal;
use aws::http::query::{self, Cursor};
use domain::api::attachment_view::{AttachmentPageView, AttachmentView, DownloadView, RetrievedAttachment};
use domain::api::error::ApiError;
use domain::delivery::record::EmailRecord;
use domain::id::{AttachmentId, EmailId, EmailKey};
use domain::message::attachment::Attachment;
use domain::message::email::EmailContent;
use domain::ports::erasure::{Erasing, Tombstones};
use domain::ports::{Clock, Download, EmailRecords, Files};
use domain::timestamp::Timestamp;
use futures::stream::iter;
use futures::{StreamExt, TryStreamExt};

use crate::commands::not_there;
use crate::{ManageError, ManageFunction, Ports};

/// Number of files that are copied concurrently. Our choice: the largest request is 4 MiB, so all of them together
/// stay far below the memory of the function.
const COPIES: usize = 8;

/// A page of an email's attachments.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AttachmentPage {
    limit: usize,
    cursor: Option<Cursor<AttachmentId>>,
}

impl AttachmentPage {
    /// Reads the raw query of a URL.
    ///
    /// # Errors
    /// 422 `validation_error`.
    pub fn parse(query: &str) -> Result<Self, ApiError> {
        let [limit, after, before] = query::parameters(query, ["limit", "after", "before"])?;
        Ok(Self {
            limit: query::limit(limit.as_deref())?,
            cursor: Cursor::read(
                after.as_deref(),
                before.as_deref(),
                AttachmentId::parse,
                "an attachment",
            )?,
        })
    }

    /// Returns the places of the page among the files, and whether more follow in the direction of reading.
    ///
    /// # Errors
    /// 422 when no file is at the cursor.
    fn places(self, ids: &[AttachmentId]) -> Result<(Range<usize>, bool), ApiError> {
        let place = |cursor: Cursor<AttachmentId>| {
            let found = ids.iter().position(|id| *id == cursor.id());
            found.ok_or_else(|| cursor.not_there("attachment"))
        };
        let from = match self.cursor {
            None => 0,
            Some(cursor @ Cursor::After(_)) => place(cursor)?.saturating_add(1),
            Some(cursor @ Cursor::Before(_)) => {
                let until = place(cursor)?;
                let from = until.saturating_sub(self.limit);
                return Ok((from..until, from > 0));
            }
        };
        let until = from.saturating_add(self.limit).min(ids.len());
        Ok((from..until, until < ids.len()))
    }
}

impl<P: Ports> ManageFunction<P> {
    /// Shows a page of an email's attachments with download URLs, in their order.
    ///
    /// # Errors
    /// 404 when the tenant has no email with this id, or its content is gone. 422 when no attachment is at the
    /// page's cursor. Or a backend call failed.
    pub async fn email_attachments(
        &self,
        caller: &TenantPrincipal,
        id: EmailId,
        page: AttachmentPage,
    ) -> Result<AttachmentPageView, ManageError> {
        let now = self.system.now();
        let (record, email) = self.email_with_files(caller, id, now).await?;
        let (places, has_more) = page.places(&ids(id, &email))?;
        let downloads = self.downloads(&record, &email, places, now).await?;
        Ok(AttachmentPageView::new(downloads, has_more))
    }

    /// Shows an attachment with its download URL.
    ///
    /// # Errors
    /// 404 when the tenant has no email with this id, the email has no such attachment, or its content is gone. Or
    /// a backend call failed.
    pub async fn email_attachment(
        &self,
        caller: &TenantPrincipal,
        id: EmailId,
        attachment: AttachmentId,
    ) -> Result<RetrievedAttachment, ManageError> {
        let now = self.system.now();
        let (record, email) = self.email_with_files(caller, id, now).await?;
        let place = ids(id, &email).iter().position(|known| *known == attachment);
        let place = place.ok_or_else(no_such_file)?;
        let downloads = self
            .downloads(&record, &email, place..place.saturating_add(1), now)
            .await?;
        let file = downloads.into_iter().next().ok_or_else(no_such_file)?;
        Ok(file.into())
    }

    async fn email_with_files(
        &self,
        caller: &TenantPrincipal,
        id: EmailId,
        now: Timestamp,
    ) -> Result<(EmailRecord, EmailContent), ManageError> {
        let key = EmailKey {
            tenant: caller.tenant().clone(),
            id,
        };
        let record = self.records.load(&key, now).await?.ok_or_else(not_there)?;
        let email = self.content(caller, &record).await?.ok_or_else(|| {
            ApiError::not_found("The content of this email is deleted. Its attachments cannot be downloaded any more.")
        })?;
        Ok((record, email))
    }

    /// Lets the caller download the files at these places.
    async fn downloads(
        &self,
        record: &EmailRecord,
        email: &EmailContent,
        places: Range<usize>,
        now: Timestamp,
    ) -> Result<Vec<DownloadView>, ManageError> {
        let key = record.email_key();
        let files = email.attachments().iter().enumerate();
        let mut downloads = Vec::with_capacity(places.len());
        for (place, file) in files.skip(places.start).take(places.len()) {
            downloads.push(self.download(&key, record, place, file, now));
        }
        let downloads = iter(downloads).buffered(COPIES).try_collect().await?;
        // An erasure lists the objects after its tombstone is written, so it may have missed the copies.
        if self.records.tombstone(&key, now).await?.is_some() {
            self.bodies.erase(&key).await?;
            return Err(not_there());
        }
        Ok(downloads)
    }

    async fn download(
        &self,
        key: &EmailKey,
        record: &EmailRecord,
        place: usize,
        file: &Attachment,
        now: Timestamp,
    ) -> Result<DownloadView, ManageError> {
        let id = AttachmentId::at(record.id, place);
        let Download { url, expires_at } = self.bodies.download(key, &record.body, id, file, now).await?;
        let view = AttachmentView::new(record.id, place, file);
        Ok(DownloadView::new(view, url, expires_at))
    }
}

fn ids(id: EmailId, email: &EmailContent) -> Vec<AttachmentId> {
    let places = 0..email.attachments().len();
    places.map(|place| AttachmentId::at(id, place)).collect()
}

fn no_such_file() -> ManageError {
    ManageError::Refused(ApiError::not_found(NO_SUCH_FILE))
}

/// The message for an id without an attachment.
pub(crate) const NO_SUCH_FILE: &str = "No attachment of this email has this id. See GET /emails/{id}/attachments.";

#[cfg(test)]
mod tests {
    use super::*;

    fn email() -> EmailId {
        EmailId::parse("01010101-0101-4101-8101-010101010101").unwrap()
    }

    fn id(place: usize) -> AttachmentId {
        AttachmentId::at(email(), place)
    }

    #[test]
    fn a_page_starts_after_or_ends_before_its_cursor() {
        let ids = [id(0), id(1), id(2), id(3), id(4)];
        let page = |query: &str| {
            let (places, has_more) = AttachmentPage::parse(query).unwrap().places(&ids).unwrap();
            (places.collect::<Vec<_>>(), has_more)
        };
        for (query, places, has_more) in [
            (String::new(), vec![0, 1, 2, 3, 4], false),
            ("limit=5".to_owned(), vec![0, 1, 2, 3, 4], false),
            ("limit=2".to_owned(), vec![0, 1], true),
            (format!("limit=2&after={}", id(1)), vec![2, 3], true),
            (format!("limit=2&after={}", id(2)), vec![3, 4], false),
            (format!("after={}", id(4)), vec![], false),
            (format!("limit=2&before={}", id(3)), vec![1, 2], true),
            (format!("limit=2&before={}", id(1)), vec![0], false),
            (format!("before={}", id(0)), vec![], false),
        ] {
            assert_eq!(page(&query), (places, has_more), "{query}");
        }
    }

    #[test]
    fn a_bad_query_names_its_parameter() {
        for (query, path) in [
            ("limit=0", "limit"),
            ("limit=101", "limit"),
            ("after=x", "after"),
            ("before=", "before"),
            ("status=sent", "query"),
        ] {
            let error = AttachmentPage::parse(query).unwrap_err();
            assert!(error.message().starts_with(&format!("{path}: ")), "{query}: {error:?}");
        }
        let page = AttachmentPage::parse(&format!("after={}", id(7))).unwrap();
        let error = page.places(&[id(0)]).unwrap_err();
        let message = "after: no attachment has this id; start again without this parameter";
        assert_eq!((error.status(), error.message()), (422, message));
    }
}
