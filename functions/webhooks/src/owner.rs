//! The right to manage the webhooks of a tenant.
//!
//! **Invariant:** only a caller's key creates an [`Owner`], so that no use case is reachable without the check.

use aws::http::auth::TenantPrincipal;
use domain::api::error::ApiError;
use domain::id::TenantId;
use domain::ports::webhooks::WebhookKey;
use domain::webhook::settings::WebhookId;

/// A caller that may manage the webhooks of its tenant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Owner(TenantId);

impl Owner {
    /// Checks a caller, whose key has full access.
    ///
    /// # Errors
    /// 401 `restricted_api_key` when its key is limited to some From domains: a webhook shows every email.
    pub fn of(caller: &TenantPrincipal) -> Result<Self, ApiError> {
        if caller.is_narrowed() {
            return Err(ApiError::restricted_api_key(
                "This API key is limited to some From domains, and a webhook covers all emails of the tenant. Use a key without this limit.",
            ));
        }
        Ok(Self(caller.tenant().clone()))
    }

    /// The tenant.
    #[must_use]
    pub const fn tenant(&self) -> &TenantId {
        &self.0
    }

    /// The key of a webhook of the tenant.
    #[must_use]
    pub fn key(&self, id: WebhookId) -> WebhookKey {
        let tenant = self.0.clone();
        WebhookKey { tenant, id }
    }
}
