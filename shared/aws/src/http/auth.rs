//! Authentication for the HTTP API: identifies the principal of a request and its permissions.
//!
//! **Role:** called first by every function behind the API.
//! **Invariant:** only this module creates a [`TenantPrincipal`], an [`Operator`], a [`Deployer`], a [`Viewer`] or a
//! [`KeyAuthor`]. A handler that takes one is unreachable without a key that permits it. A caller's tenant is the
//! tenant of its key.
//! The deployer's key names a tenant in [`TENANT_HEADER`]. A tenant's key may name its own tenant there, and no
//! other.
//! **Calls:** an environment reads a key and its tenant once in thirty seconds; the tenant `main` is never
//! read. Where emails are accepted, the same reads bring the tenant's flag of webhooks. A revocation, a suspension or
//! another change applies everywhere after that time.
//! After too many lookups of unknown keys for one network within a second, further unknown keys are refused without a
//! call. A key that the environment knows is always read again.
//! **Why not in an authorizer of API Gateway:** an HTTP API cannot shape an authorizer's errors, and an
//! authorizer costs an invocation all the same.
//! **Start reading at** [`Authenticator::authenticate`].

mod guesses;
mod origin;
mod principal;

use std::fmt;
use std::time::Duration;

use domain::api::error::ApiError;
use domain::id::{KeyId, TenantId};
use domain::ports::PortError;
use domain::ports::access::{Keys, Tenants};
use domain::tenant::Tenant;
use domain::tenant::key::ApiKey;
use domain::tenant::token;
use domain::timestamp::Timestamp;
use lambda_http::http::{HeaderMap, HeaderValue, header};
use subtle::ConstantTimeEq;

use self::guesses::Guesses;
pub use self::guesses::Network;
pub use self::origin::{ORIGIN_HEADER, check as check_origin};
pub use self::principal::{
    ActsFor, Denied, Deployer, KeyAuthor, NamedTenant, Operator, Principal, TENANT_HEADER, TenantPrincipal, Viewer,
    not_for_the_deployer,
};
use crate::runtime::cache::Cached;
use crate::runtime::settings::KeySettings;

/// Cache lifetime of a key and its tenant.
const FRESH: Duration = Duration::from_secs(30);

/// Maximum number of cached unknown ids. Anybody can forge a key with a correct checksum: its id must not evict
/// an existing key.
const MOST_UNKNOWN: usize = 100;

/// Maximum length of a key that is checked; ours have 92 characters.
const KEY_MAX: usize = 512;

/// Authenticator of an environment, with its cache.
pub struct Authenticator {
    deployer: KeySettings,
    keys: KeyCache,
    guesses: Guesses,
}

/// Cached keys and unknown ids.
struct KeyCache {
    known: Cached<KeyId, CachedKey>,
    unknown: Cached<KeyId, ()>,
}

impl KeyCache {
    /// Returns a recent read of an id; an inner [`None`] means that no key has the id.
    fn fresh(&self, id: KeyId, now: Timestamp) -> Option<Option<CachedKey>> {
        let known = self.known.fresh(&id, now, FRESH).map(Some);
        known.or_else(|| self.unknown.fresh(&id, now, FRESH).map(|()| None))
    }

    /// Whether the last lookup of an id found a key, however old it is.
    fn knows(&self, id: KeyId) -> bool {
        self.known.get(&id, |_| true).is_some()
    }

    fn remember(&self, id: KeyId, now: Timestamp, known: Option<&CachedKey>) {
        match known {
            Some(known) => {
                self.unknown.remove(&id);
                self.known.put(id, now, known.clone());
            }
            None => {
                self.known.remove(&id);
                self.unknown.put(id, now, ());
            }
        }
    }
}

impl fmt::Debug for Authenticator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Authenticator")
    }
}

/// A key and its tenant.
#[derive(Clone)]
struct CachedKey {
    key: ApiKey,
    tenant: Tenant,
    has_webhooks: bool,
}

impl Authenticator {
    /// Creates an authenticator with an empty cache.
    #[must_use]
    pub fn new(deployer: KeySettings) -> Self {
        Self {
            deployer,
            keys: KeyCache {
                known: Cached::default(),
                unknown: Cached::of(MOST_UNKNOWN),
            },
            guesses: Guesses::default(),
        }
    }

    /// Checks that a request came through the deployer's proxy, if one is configured.
    ///
    /// # Errors
    /// 403 `validation_error`.
    pub fn check_origin(&self, headers: &HeaderMap) -> Result<(), ApiError> {
        check_origin(&self.deployer.origins, headers)
    }

    /// Checks that a network has not sent too many unknown keys and wrong tokens within this second.
    ///
    /// # Errors
    /// 429 `rate_limit_exceeded`.
    pub fn check_guesses(&self, network: Network, now: Timestamp) -> Result<(), ApiError> {
        if self.guesses.are_too_many(network, now) {
            let message = "Too many requests with unknown API keys or tokens. Repeat the request after one second.";
            return Err(ApiError::rate_limit_exceeded(message));
        }
        Ok(())
    }

    /// Counts a wrong temporary token of a network.
    pub fn count_guess(&self, network: Network, now: Timestamp) {
        self.guesses.count_lookup(network, now);
    }

    /// Authenticates a request by `Authorization: Bearer <key>`.
    ///
    /// # Errors
    /// 401 `missing_api_key` without a key. 403 `invalid_api_key` with an unknown, revoked or expired key, or
    /// one of a suspended tenant. 401 `restricted_api_key` with a tenant's key and another tenant's name in
    /// [`TENANT_HEADER`]. 429 `rate_limit_exceeded` with a key that the environment does not know, after too many
    /// unknown ones of the network within a second. Or a backend call failed.
    pub async fn authenticate<R: Keys + Tenants>(
        &self,
        headers: &HeaderMap,
        network: Network,
        records: &R,
        now: Timestamp,
    ) -> Result<Principal, Denied> {
        let given = bearer(headers).ok_or_else(|| {
            ApiError::missing_api_key(
                "Authorization: the API key is missing; send this header as \"Bearer <API key>\".",
            )
        })?;
        if given.len() > KEY_MAX {
            return Err(invalid().into());
        }
        // Hashes are compared, so that timing reveals neither length nor content of the key.
        let hash = token::hash(given);
        if token::is_deployers(given) && hash.ct_eq(&self.deployer.sha256).into() {
            return Ok(Principal::Deployer(Deployer(()), named_tenant(headers)));
        }
        let id = token::id_of(given).ok_or_else(|| malformed(given))?;
        let known = self.find_key(id, network, records, now).await?.ok_or_else(invalid)?;
        let CachedKey {
            key,
            tenant,
            has_webhooks,
        } = known;
        if !bool::from(hash.ct_eq(&key.sha256)) {
            return Err(invalid().into());
        }
        key.check(now)
            .map_err(|bad| ApiError::invalid_api_key(format!("Authorization: this API key {bad}.")))?;
        if tenant.suspended {
            let message = "Authorization: the tenant of this API key is suspended; ask the deployer of this mailqueue.";
            return Err(ApiError::invalid_api_key(message).into());
        }
        match named_tenant(headers) {
            NamedTenant::Absent => {}
            NamedTenant::Named(named) if named == tenant.id => {}
            NamedTenant::Named(_) | NamedTenant::Malformed => {
                return Err(ApiError::restricted_api_key(format!(
                    "{TENANT_HEADER}: this API key works only for its own tenant; remove the header."
                ))
                .into());
            }
        }
        Ok(Principal::Tenant(TenantPrincipal {
            tenant,
            key: key.id,
            name: key.name,
            permission: key.permission,
            from_domains: key.from_domains,
            expires_at: key.expires_at,
            has_webhooks,
        }))
    }

    /// Returns the key of an id, at most as old as the cache lifetime. The requester may know only the id, so the
    /// key's hash must be compared afterwards.
    async fn find_key<R: Keys + Tenants>(
        &self,
        id: KeyId,
        network: Network,
        records: &R,
        now: Timestamp,
    ) -> Result<Option<CachedKey>, Denied> {
        if let Some(known) = self.keys.fresh(id, now) {
            return Ok(known);
        }
        if !self.keys.knows(id) {
            self.check_guesses(network, now)?;
        }
        let known = match records.key(id).await? {
            None => None,
            Some(key) => tenant_of(&key, records).await?.map(|tenant| CachedKey {
                has_webhooks: records.has_webhooks_as_read(&tenant.id, now),
                key,
                tenant,
            }),
        };
        match &known {
            Some(known) => record_use(&known.key, records, now).await,
            None => self.guesses.count_lookup(network, now),
        }
        self.keys.remember(id, now, known.as_ref());
        Ok(known)
    }
}

async fn tenant_of<R: Tenants>(key: &ApiKey, records: &R) -> Result<Option<Tenant>, PortError> {
    if key.tenant == TenantId::main() {
        return Ok(Some(Tenant::main()));
    }
    records.tenant(&key.tenant).await
}

/// Records the hour of use. A failure is only logged, because the next read of the key records the use again.
async fn record_use<R: Keys>(key: &ApiKey, records: &R, now: Timestamp) {
    if let (Ok(()), Some(hour)) = (key.check(now), key.use_to_record(now))
        && let Err(error) = records.record_use(key.id, hour).await
    {
        tracing::warn!(
            error = crate::runtime::telemetry::chain(&error),
            "the last use of an API key could not be stored"
        );
    }
}

fn invalid() -> ApiError {
    ApiError::invalid_api_key(
        "Authorization: the API key is not recognised; check the environment variable MAILQUEUE_API_KEY, or ask the deployer of this mailqueue.",
    )
}

/// Returns the error of a text that is no key of ours.
fn malformed(given: &[u8]) -> ApiError {
    if given.starts_with(b"re_") {
        return ApiError::invalid_api_key(
            "Authorization: this is a key of Resend; create one here with POST /api-keys.",
        );
    }
    invalid()
}

/// Returns the tenant that a request names.
fn named_tenant(headers: &HeaderMap) -> NamedTenant {
    let mut values = headers.get_all(TENANT_HEADER).iter();
    let (first, second) = (values.next(), values.next());
    let name = |value: &HeaderValue| value.to_str().ok().and_then(TenantId::parse);
    match (first, second) {
        (None, _) => NamedTenant::Absent,
        (Some(value), None) => name(value).map_or(NamedTenant::Malformed, NamedTenant::Named),
        (Some(_), Some(_)) => NamedTenant::Malformed,
    }
}

/// Returns the key if exactly one header holds one.
fn bearer(headers: &HeaderMap) -> Option<&[u8]> {
    let mut values = headers.get_all(header::AUTHORIZATION).iter();
    let (value, None) = (values.next()?.as_bytes(), values.next()) else {
        return None;
    };
    let (scheme, key) = value.split_at_checked("Bearer ".len())?;
    let key = key.trim_ascii();
    (scheme.eq_ignore_ascii_case(b"Bearer ") && !key.is_empty()).then_some(key)
}

#[cfg(test)]
mod principal_tests;
#[cfg(test)]
mod test_records;
#[cfg(test)]
#[path = "auth_tests.rs"]
mod tests;
