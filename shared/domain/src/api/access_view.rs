//! Responses about API keys and tenants.
//!
//! **Invariant:** a key's text is in one response, [`NewKeyView`] or [`ConsoleKeyView`], and nowhere else.
//!
//! Source: Resend's API reference, "API keys", read 2026-11-24; `from_domains`, `expires_at`, `tenant` and
//! `read_access` are ours.

use serde::Serialize;

use crate::id::{KeyId, TenantId};
use crate::queue::hold::Held;
use crate::tenant::Tenant;
use crate::tenant::console_code::ConsoleCode;
use crate::tenant::key::{ApiKey, Permission};
use crate::tenant::temporary::TemporaryToken;
use crate::tenant::token::Token;
use crate::timestamp::Timestamp;

/// A new API key. Only this response contains the key itself.
#[derive(Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(rename = "NewApiKey"))]
pub struct NewKeyView {
    id: String,
    /// The key itself. No other response contains it.
    token: String,
}

impl NewKeyView {
    /// The response for a new key.
    #[must_use]
    pub fn new(id: KeyId, token: &Token) -> Self {
        Self {
            id: id.to_string(),
            token: token.as_str().to_owned(),
        }
    }

    /// The id of the key.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.id
    }
}

/// A one-time code of the console. Only this response contains it.
#[derive(Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(rename = "ConsoleCode"))]
pub struct ConsoleCodeView {
    #[cfg_attr(feature = "schema", schemars(extend("const" = "console_code")))]
    object: &'static str,
    /// The code works once.
    code: String,
    /// The URL of the console with the code. It has the host of the request.
    url: String,
    /// The end of the code, after 60 seconds.
    expires_at: String,
}

impl ConsoleCodeView {
    /// The response for a new code. `base_url` has no slash at its end.
    #[must_use]
    pub fn new(base_url: &str, token: &TemporaryToken, code: &ConsoleCode) -> Self {
        Self {
            object: "console_code",
            code: token.as_str().to_owned(),
            url: format!("{base_url}/console/#code={}", token.as_str()),
            expires_at: code.expires_at.to_string(),
        }
    }
}

/// The API key of a console. Only this response contains the key itself.
#[derive(Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(rename = "ConsoleKey"))]
pub struct ConsoleKeyView {
    #[cfg_attr(feature = "schema", schemars(extend("const" = "api_key")))]
    object: &'static str,
    id: String,
    /// The key itself. No other response contains it.
    token: String,
    /// The end of the key, at most twelve hours ahead.
    expires_at: Option<String>,
}

impl ConsoleKeyView {
    /// The response for a new key.
    #[must_use]
    pub fn new(key: &ApiKey, token: &Token) -> Self {
        Self {
            object: "api_key",
            id: key.id.to_string(),
            token: token.as_str().to_owned(),
            expires_at: key.expires_at.map(|at| at.to_string()),
        }
    }

    /// The id of the key.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.id
    }
}

/// An API key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(rename = "ApiKey"))]
pub struct KeyView {
    #[cfg_attr(feature = "schema", schemars(extend("const" = "api_key")))]
    object: &'static str,
    id: String,
    name: String,
    tenant: String,
    permission: Permission,
    /// The domains that the key may send from. Null: all domains of its tenant.
    from_domains: Option<Vec<String>>,
    created_at: String,
    /// The creator: `deployer`, or the id of an API key.
    created_by: String,
    expires_at: Option<String>,
    /// The hour of the last use.
    last_used_at: Option<String>,
}

impl KeyView {
    /// The response for a key.
    #[must_use]
    pub fn new(key: &ApiKey) -> Self {
        let domains = key.from_domains.iter().map(ToString::to_string).collect();
        Self {
            object: "api_key",
            id: key.id.to_string(),
            name: key.name.clone(),
            tenant: key.tenant.to_string(),
            permission: key.permission,
            from_domains: (!key.from_domains.is_empty()).then_some(domains),
            created_at: key.created_at.to_string(),
            created_by: key.created_by.to_string(),
            expires_at: key.expires_at.map(|at| at.to_string()),
            last_used_at: key.last_used_at.map(|at| at.to_string()),
        }
    }
}

/// A page of the API keys of a tenant.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(rename = "ApiKeys"))]
pub struct KeysView {
    #[cfg_attr(feature = "schema", schemars(extend("const" = "list")))]
    object: &'static str,
    has_more: bool,
    data: Vec<KeyView>,
}

impl KeysView {
    /// A page, newest first. `has_more`: there are more in the direction of reading.
    #[must_use]
    pub fn new(keys: &[ApiKey], has_more: bool) -> Self {
        Self {
            object: "list",
            has_more,
            data: keys.iter().map(KeyView::new).collect(),
        }
    }
}

/// The emails that are held because of API keys.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(rename = "KeyHold"))]
pub struct HoldView {
    /// The API keys whose emails are held.
    keys: Vec<String>,
    /// The number of held emails, among the newest 10,000 of the tenant.
    emails: u64,
    /// All emails of the tenant were counted. Otherwise the true number may be higher than `emails`.
    counted_all: bool,
    /// Repeat the request at this time to find keys created in the meantime. Null if none can exist.
    repeat_at: Option<String>,
}

impl HoldView {
    /// The response for a hold of these keys.
    #[must_use]
    pub fn new(keys: &[KeyId], held: Held, repeat_at: Option<Timestamp>) -> Self {
        Self {
            keys: keys.iter().map(ToString::to_string).collect(),
            emails: held.emails,
            counted_all: held.counted_all,
            repeat_at: repeat_at.map(|at| at.to_string()),
        }
    }
}

/// The response to a changed API key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(rename = "ApiKeyChanged"))]
pub struct ChangedView {
    #[cfg_attr(feature = "schema", schemars(extend("const" = "api_key")))]
    object: &'static str,
    id: String,
    /// The held emails. Present with `hold=true`.
    #[serde(skip_serializing_if = "Option::is_none")]
    hold: Option<HoldView>,
}

impl ChangedView {
    /// Creates the response.
    #[must_use]
    pub fn new(id: KeyId, hold: Option<HoldView>) -> Self {
        Self {
            object: "api_key",
            id: id.to_string(),
            hold,
        }
    }
}

/// The response to a revoked API key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(rename = "ApiKeyRevoked"))]
pub struct RevokedView {
    #[cfg_attr(feature = "schema", schemars(extend("const" = "api_key")))]
    object: &'static str,
    id: String,
    deleted: bool,
    /// The held emails. Present with `hold=true`.
    #[serde(skip_serializing_if = "Option::is_none")]
    hold: Option<HoldView>,
}

impl RevokedView {
    /// The response for a revoked key.
    #[must_use]
    pub fn new(id: KeyId, hold: Option<HoldView>) -> Self {
        Self {
            object: "api_key",
            id: id.to_string(),
            deleted: true,
            hold,
        }
    }
}

/// A tenant.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(rename = "Tenant"))]
pub struct TenantView {
    #[cfg_attr(feature = "schema", schemars(extend("const" = "tenant")))]
    object: &'static str,
    name: String,
    from_domains: Vec<String>,
    /// The maximum recipients in a UTC day.
    daily_cap: Option<u64>,
    /// The maximum recipients per second, averaged over ten seconds.
    rate: Option<u32>,
    suspended: bool,
    suspended_at: Option<String>,
    created_at: Option<String>,
}

impl TenantView {
    /// The response for a tenant.
    #[must_use]
    pub fn new(tenant: &Tenant) -> Self {
        Self {
            object: "tenant",
            name: tenant.id.to_string(),
            from_domains: tenant.from_domains.iter().map(ToString::to_string).collect(),
            daily_cap: tenant.daily_cap,
            rate: tenant.rate,
            suspended: tenant.suspended,
            suspended_at: tenant.suspended_at.map(|at| at.to_string()),
            created_at: (tenant.created_at.as_millis() > 0).then(|| tenant.created_at.to_string()),
        }
    }
}

/// The response to a deleted tenant.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(rename = "TenantDeleted"))]
pub struct TenantDeletedView {
    #[cfg_attr(feature = "schema", schemars(extend("const" = "tenant")))]
    object: &'static str,
    name: String,
    deleted: bool,
}

impl TenantDeletedView {
    /// Creates the response.
    #[must_use]
    pub fn new(id: &TenantId) -> Self {
        Self {
            object: "tenant",
            name: id.to_string(),
            deleted: true,
        }
    }
}

/// All tenants.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(rename = "Tenants"))]
pub struct TenantsView {
    #[cfg_attr(feature = "schema", schemars(extend("const" = "list")))]
    object: &'static str,
    has_more: bool,
    data: Vec<TenantView>,
}

impl TenantsView {
    /// Creates the list.
    #[must_use]
    pub fn new(tenants: &[Tenant]) -> Self {
        Self {
            object: "list",
            has_more: false,
            data: tenants.iter().map(TenantView::new).collect(),
        }
    }
}

/// The emails that are held because of removed From domains of a tenant.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(rename = "DomainHold"))]
pub struct DomainHoldView {
    /// The number of held emails, among the newest 10,000 of the tenant.
    emails: u64,
    /// All emails of the tenant were counted. Otherwise the true number may be higher than `emails`.
    counted_all: bool,
    /// Repeat the request at this time to count the emails accepted in the meantime. They are held already.
    repeat_at: String,
}

impl DomainHoldView {
    /// The response for a hold of removed From domains.
    #[must_use]
    pub fn new(held: Held, repeat_at: Timestamp) -> Self {
        Self {
            emails: held.emails,
            counted_all: held.counted_all,
            repeat_at: repeat_at.to_string(),
        }
    }
}

/// The response to a changed tenant.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(rename = "TenantChanged"))]
pub struct TenantChangedView {
    #[serde(flatten)]
    tenant: TenantView,
    /// The held emails. Present with `hold=true`.
    #[serde(skip_serializing_if = "Option::is_none")]
    hold: Option<DomainHoldView>,
}

impl TenantChangedView {
    /// Creates the response.
    #[must_use]
    pub fn new(tenant: &Tenant, hold: Option<DomainHoldView>) -> Self {
        Self {
            tenant: TenantView::new(tenant),
            hold,
        }
    }
}

#[cfg(test)]
#[path = "access_view_tests.rs"]
mod tests;
