//! Requests about API keys and tenants.
//!
//! **Role:** called by `access`; calls [`super::json`].
//! **Invariant:** as in [`super::requests`], any bytes end in a request or an [`ApiError`] with the field's path.
//!
//! Source: Resend's API reference, "API keys", read 2026-11-24; `from_domains`, `expires_at`, `tenant` and
//! `read_access` are ours.

#![expect(
    clippy::wildcard_enum_match_arm,
    reason = "JSON has only six types; all wrong types are the same error"
)]

use std::collections::BTreeSet;

use super::fields::each_field;
use super::json::{Node, text, texts, whole, wrong_type};
use super::spelling::unknown;
use super::times::TimeInput;
use crate::api::error::ApiError;
use crate::id::TenantId;
use crate::limits;
use crate::message::problem::{EmailError, Problem};
use crate::tenant::Tenant;
use crate::tenant::key::{KeyChange, Permission};
use crate::tenant::sender::FromDomain;
use crate::tenant::temporary::TemporaryToken;
use crate::timestamp::Timestamp;

/// The grammar of a tenant's name, as an error message.
const TENANT_NAME: &str = "must be 1 to 64 lower-case letters, digits or dashes";

/// Fields of an API key, as an error suggests them.
const KEY_FIELDS: &[&str] = &["name", "permission", "from_domains", "expires_at", "tenant"];

/// Settings of a tenant, as an error suggests them.
const TENANT_FIELDS: &[&str] = &["from_domains", "daily_cap", "rate", "suspended"];

/// The request of `POST /api-keys`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewKey {
    /// Display name of the key.
    pub name: String,
    /// Access level of the key.
    pub permission: Permission,
    /// From domains that the key may use.
    pub from_domains: Vec<FromDomain>,
    /// Time of expiry, from which on the key is rejected.
    pub expires_at: Option<TimeInput>,
    /// The tenant of the key, which only the deployer may name.
    pub tenant: Option<TenantId>,
}

/// Reads the body of `POST /api-keys`.
///
/// # Errors
/// As [`super::requests::parse_email`].
pub fn parse_key(body: &[u8]) -> Result<NewKey, ApiError> {
    let (mut name, mut permission, mut from_domains) = (None, None, None);
    let (mut expires_at, mut tenant) = (None, None);
    each_field(body, |key, path, value| {
        match key {
            "name" => name = text(path, value)?.map(|name| key_name(path, name)).transpose()?,
            "permission" => {
                let given = text(path, value)?.map(|name| name.parse());
                let bad = |_| bad(path, "must be full_access, sending_access or read_access");
                permission = given.map(|given| given.map_err(bad)).transpose()?;
            }
            "from_domains" => from_domains = domains(path, value)?,
            "expires_at" => expires_at = text(path, value)?.map(|at| TimeInput::parse(path, &at)).transpose()?,
            "tenant" => tenant = text(path, value)?.map(|name| tenant_id(path, &name)).transpose()?,
            // Resend's SDKs send this field too.
            "domain_id" if matches!(value, Node::Null) => {}
            "domain_id" => {
                return Err(bad(
                    path,
                    "domain ids are not supported: name the domains in from_domains",
                ));
            }
            _ => return Err(unknown(path, key, KEY_FIELDS)),
        }
        Ok(())
    })?;
    Ok(NewKey {
        name: name.ok_or_else(|| ApiError::missing_field("name", "this field is required"))?,
        permission: permission.unwrap_or_default(),
        from_domains: from_domains.unwrap_or_default(),
        expires_at,
        tenant,
    })
}

/// Reads the body of `PATCH /api-keys/{id}`: the key's new name, its From domains, or both.
///
/// # Errors
/// As [`super::requests::parse_email`].
pub fn parse_key_change(body: &[u8]) -> Result<KeyChange, ApiError> {
    let mut change = KeyChange::default();
    each_field(body, |key, path, value| {
        match key {
            "name" => change.name = text(path, value)?.map(|name| key_name(path, name)).transpose()?,
            "from_domains" => change.from_domains = domains(path, value)?,
            _ => return Err(unknown(path, key, &["name", "from_domains"])),
        }
        Ok(())
    })?;
    if change == KeyChange::default() {
        return Err(ApiError::missing_field(
            "name",
            "this field or from_domains is required",
        ));
    }
    Ok(change)
}

/// Reads the body of `POST /console-codes/exchange`.
///
/// # Errors
/// As [`super::requests::parse_email`]; for a text that cannot be a code, [`no_such_code`].
pub fn parse_code(body: &[u8]) -> Result<TemporaryToken, ApiError> {
    let mut code = None;
    each_field(body, |key, path, value| {
        match key {
            "code" => code = text(path, value)?,
            _ => return Err(unknown(path, key, &["code"])),
        }
        Ok(())
    })?;
    let code = code.ok_or_else(|| ApiError::missing_field("code", "this field is required"))?;
    TemporaryToken::parse(&code).ok_or_else(no_such_code)
}

/// The refusal of a wrong, used or late code, and of one whose key may no longer be used.
#[must_use]
pub fn no_such_code() -> ApiError {
    ApiError::not_found("code: this code does not exist, was used or has expired. Ask for a new code.")
}

/// Settings of a tenant in a request: `None` leaves a value as it is, `Some(None)` removes a limit.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TenantSettings {
    /// The domains that the tenant may send from.
    pub from_domains: Option<Vec<FromDomain>>,
    /// Recipients per day.
    pub daily_cap: Option<Option<u64>>,
    /// Recipients per second.
    pub rate: Option<Option<u32>>,
    /// True to reject all its keys.
    pub suspended: Option<bool>,
}

impl TenantSettings {
    /// The tenant with these settings from `now` on; it counts as changed.
    #[must_use]
    pub fn on(&self, tenant: &Tenant, now: Timestamp) -> Tenant {
        let mut next = tenant.clone();
        next.version = next.version.saturating_add(1);
        self.set(next, now)
    }

    /// Changes a tenant to these settings, without counting a change.
    #[must_use]
    pub fn set(&self, mut tenant: Tenant, now: Timestamp) -> Tenant {
        if let Some(domains) = &self.from_domains {
            tenant.from_domains.clone_from(domains);
        }
        if let Some(cap) = self.daily_cap {
            tenant.daily_cap = cap;
        }
        if let Some(rate) = self.rate {
            tenant.rate = rate;
        }
        match self.suspended {
            Some(suspended) => tenant.with_suspension(suspended, now),
            None => tenant,
        }
    }

    fn read(&mut self, key: &str, path: &str, value: Node) -> Result<(), EmailError> {
        match key {
            "from_domains" => {
                let domains = domains(path, value)?.ok_or_else(|| bad(path, NO_DOMAIN))?;
                self.from_domains = Some(domains);
            }
            "daily_cap" => {
                let cap = whole(path, value, 1, limits::DAILY_CAP_MAX)?;
                self.daily_cap = Some(cap.and_then(|cap| u64::try_from(cap).ok()));
            }
            "rate" => {
                let rate = whole(path, value, 1, limits::QUEUE_RATE_MAX)?;
                self.rate = Some(rate.and_then(|rate| u32::try_from(rate).ok()));
            }
            "suspended" => match value {
                Node::Bool(suspended) => self.suspended = Some(suspended),
                node => return Err(wrong_type(path, "a boolean", &node)),
            },
            _ => return Err(unknown(path, key, TENANT_FIELDS)),
        }
        Ok(())
    }
}

const NO_DOMAIN: &str = "must have at least one domain; [\"*\"] allows every domain";

/// Reads the body of `POST /tenants`.
///
/// # Errors
/// As [`super::requests::parse_email`].
pub fn parse_tenant(body: &[u8]) -> Result<(TenantId, TenantSettings), ApiError> {
    let (mut name, mut settings) = (None, TenantSettings::default());
    each_field(body, |key, path, value| {
        match key {
            "name" => name = text(path, value)?.map(|name| tenant_id(path, &name)).transpose()?,
            _ => settings.read(key, path, value)?,
        }
        Ok(())
    })?;
    let missing = |field| ApiError::missing_field(field, "this field is required");
    let name = name.ok_or_else(|| missing("name"))?;
    if settings.from_domains.is_none() {
        return Err(missing("from_domains"));
    }
    Ok((name, settings))
}

/// Reads the body of `PATCH /tenants/{name}`.
///
/// # Errors
/// As [`super::requests::parse_email`].
pub fn parse_tenant_change(body: &[u8]) -> Result<TenantSettings, ApiError> {
    let mut settings = TenantSettings::default();
    each_field(body, |key, path, value| settings.read(key, path, value))?;
    Ok(settings)
}

fn bad(path: &str, why: &'static str) -> EmailError {
    EmailError::at(path, Problem::Bad(why))
}

fn key_name(path: &str, name: String) -> Result<String, EmailError> {
    let found = name.chars().count();
    if found > limits::KEY_NAME_MAX {
        let max = limits::KEY_NAME_MAX;
        return Err(EmailError::at(path, Problem::TooLong { found, max }));
    }
    if name.trim().is_empty() || name.chars().any(char::is_control) {
        return Err(bad(
            path,
            "must not be blank or contain control characters such as line breaks",
        ));
    }
    Ok(name)
}

fn tenant_id(path: &str, name: &str) -> Result<TenantId, EmailError> {
    TenantId::parse(name).ok_or_else(|| bad(path, TENANT_NAME))
}

fn domains(path: &str, node: Node) -> Result<Option<Vec<FromDomain>>, EmailError> {
    const GRAMMAR: &str = "must be a domain such as example.com, *.example.com or *";
    let domains = texts(path, node, (limits::FROM_DOMAINS_MAX, NO_DOMAIN), |path, text| {
        FromDomain::parse(text).map_err(|_| bad(path, GRAMMAR))
    })?;
    // Two spellings of one domain are one entry.
    let mut seen = BTreeSet::new();
    Ok(domains.map(|domains| {
        domains
            .into_iter()
            .filter(|domain| seen.insert(domain.clone()))
            .collect()
    }))
}

#[cfg(test)]
#[path = "access_api_tests.rs"]
mod tests;
