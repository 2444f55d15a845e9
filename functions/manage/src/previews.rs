//! Previews: the content of an email for a browser, at a URL without a key.
//!
//! **Invariant:** only a tenant's key that may read gets a URL. A URL opens one email for a minute. The record is read
//! again at each opening, so that an email which was erased meanwhile shows nothing.
//! **Why a URL of its own:** the content is hostile. Its policy differs from the console's, and a frame sends no key.
//! **Start reading at** [`ManageFunction::create_preview`].

use aws::http::auth::TenantPrincipal;
use domain::api::error::ApiError;
use domain::api::preview::{self, PreviewView, no_such_preview};
use domain::delivery::record::EmailRecord;
use domain::id::{EmailId, EmailKey};
use domain::message::attachment::Data;
use domain::message::email::EmailContent;
use domain::ports::temporary::Previews;
use domain::ports::{Clock, EmailRecords, Files, Random};
use domain::tenant::temporary::{self, Preview, TemporaryToken};

use crate::commands::not_there;
use crate::{ManageError, ManageFunction, Ports};

impl<P: Ports> ManageFunction<P> {
    /// Creates a preview of an email. `base_url`: the beginning of its URL.
    ///
    /// # Errors
    /// 404 when the tenant has no email with this id, or its content is gone. Or a backend call failed.
    pub async fn create_preview(
        &self,
        caller: &TenantPrincipal,
        id: EmailId,
        base_url: &str,
    ) -> Result<PreviewView, ManageError> {
        let now = self.system.now();
        let email = EmailKey {
            tenant: caller.tenant().clone(),
            id,
        };
        let record = self.records.load(&email, now).await?.ok_or_else(not_there)?;
        self.content(caller, &record).await?.ok_or_else(no_content)?;
        let preview = Preview {
            email,
            expires_at: temporary::end(now),
        };
        let token = TemporaryToken::new(self.system.temporary()?);
        self.records.add_preview(token.hash(), &preview).await?;
        Ok(PreviewView::new(base_url, &token, &preview))
    }

    /// Returns the id of the previewed email, and its page.
    ///
    /// # Errors
    /// 404 for a wrong or late token, and when the email or its content is gone. Or a backend call failed.
    pub async fn preview(&self, token: &str) -> Result<(String, String), ManageError> {
        let token = preview::parse_token(token)?;
        let now = self.system.now();
        let preview = self.records.preview(token.hash(), now).await?;
        let preview = preview.ok_or_else(no_such_preview)?;
        let record = self.records.load(&preview.email, now).await?;
        let record = record.ok_or_else(no_such_preview)?;
        let mut email = self
            .previewed_content(&preview, &record)
            .await?
            .ok_or_else(no_content)?;
        self.load_images(&record, &mut email).await?;
        Ok((record.id.to_string(), preview::page(&email)))
    }

    /// Loads the uploaded images that the page shows. A missing one is not shown.
    async fn load_images(&self, record: &EmailRecord, email: &mut EmailContent) -> Result<(), ManageError> {
        let places = preview::uploads(email);
        let key = record.email_key();
        for (_, file) in email
            .attachments_mut()
            .iter_mut()
            .enumerate()
            .filter(|(place, _)| places.contains(place))
        {
            if let Data::Uploaded { id, .. } = *file.data()
                && let Some(content) = self.bodies.load_file(&key, &record.body, id).await?
            {
                file.load(content);
            }
        }
        Ok(())
    }
}

fn no_content() -> ManageError {
    ApiError::not_found("The content of this email is deleted. It cannot be shown any more.").into()
}
