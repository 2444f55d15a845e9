//! Shows webhooks.
//!
//! **Invariant:** only the answer about one webhook has its secret.

use domain::api::error::ApiError;
use domain::api::webhook_view::{UNREADABLE_SECRET, WebhookPage as PageView, WebhookSummary, WebhookView};
use domain::ports::webhooks::{EndpointHealth, StoredSecrets, StoredWebhook, WebhookKey, WebhookSecrets, Webhooks};
use domain::ports::{Clock, PortError};
use domain::webhook::secret::Secrets;
use domain::webhook::settings::WebhookId;
use futures::future::{try_join, try_join_all};

use crate::owner::Owner;
use crate::page::{WebhookPage, cut};
use crate::{Ports, WebhooksError, WebhooksFunction};

impl<P: Ports> WebhooksFunction<P> {
    /// Shows a page of a tenant's webhooks, newest first in either direction.
    ///
    /// # Errors
    /// 422 when there is no webhook at the page's cursor. Or a backend call failed.
    pub async fn webhooks(&self, owner: &Owner, page: &WebhookPage) -> Result<PageView<WebhookSummary>, WebhooksError> {
        let list = self.endpoints.webhooks_of(owner.tenant(), self.system.now()).await?;
        let (shown, has_more) = cut(list.webhooks, |stored| stored.webhook.id, page, "webhook")?;
        let summaries = shown.iter().map(|stored| self.summary(stored));
        Ok(PageView::new(try_join_all(summaries).await?, has_more))
    }

    async fn summary(&self, stored: &StoredWebhook) -> Result<WebhookSummary, PortError> {
        let health = self.endpoints.health(&WebhookKey::of(&stored.webhook)).await?;
        Ok(WebhookSummary::new(&stored.webhook, &health))
    }

    /// Shows a webhook with its secret, or with the reason why the secret cannot be shown.
    ///
    /// # Errors
    /// 404 when the tenant has no webhook with this id. Or a backend call failed.
    pub async fn webhook(&self, owner: &Owner, id: WebhookId) -> Result<WebhookView, WebhooksError> {
        let key = owner.key(id);
        let stored = self.stored(&key).await?;
        let (secrets, health) = try_join(self.endpoints.secrets(&key), self.endpoints.health(&key)).await?;
        let secrets = secrets.and_then(StoredSecrets::readable);
        let secret = secrets.as_ref().map(|secrets| &secrets.current);
        Ok(WebhookView::new(&stored.webhook, &health, secret))
    }

    /// Returns the secrets of a webhook for signing.
    ///
    /// # Errors
    /// 409 when they are missing, or when nobody can decrypt them. Or a backend call failed.
    pub(crate) async fn signing(&self, key: &WebhookKey) -> Result<Secrets, WebhooksError> {
        match self.endpoints.secrets(key).await? {
            Some(StoredSecrets::Readable(secrets)) => Ok(secrets),
            Some(StoredSecrets::Unreadable(_)) | None => Err(ApiError::conflict(UNREADABLE_SECRET).into()),
        }
    }
}
