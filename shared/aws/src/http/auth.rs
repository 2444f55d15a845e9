//! Authentication for the HTTP API: identifies the principal of a request and its permissions.
//!
//! **Role:** called first by every function behind the API.
//! **Invariant:** only this module creates a [`TenantPrincipal`], an [`Operator`], a [`Deployer`] or a [`KeyAuthor`]. A
//! handler that takes one is unreachable without a key that permits it. A caller's tenant is the tenant of its
//! key.
//! The deployer's key names a tenant in [`TENANT_HEADER`]. A tenant's key may name its own tenant there, and no
//! other.
//! **Calls:** an environment reads a key and its tenant once in thirty seconds; the tenant `main` is never
//! read. A revocation, a suspension or another change applies everywhere after that time.
//! **Why not in an authorizer of API Gateway:** an HTTP API cannot shape an authorizer's errors, and an
//! authorizer costs an invocation all the same.
//! **Start reading at** [`Authenticator::authenticate`].

use std::collections::HashMap;
use std::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use domain::api::error::ApiError;
use domain::id::{KeyId, TenantId};
use domain::message::address::EmailAddress;
use domain::ports::PortError;
use domain::ports::access::{Keys, Tenants};
use domain::tenant::Tenant;
use domain::tenant::key::{Action, Actor, ApiKey, Permission};
use domain::tenant::sender::{FromDomain, Scope, told};
use domain::tenant::token;
use domain::timestamp::Timestamp;
use lambda_http::http::{HeaderMap, HeaderValue, header};
use subtle::ConstantTimeEq;

use crate::runtime::settings::KeySettings;

/// Cache lifetime of a key and its tenant.
const FRESH: Duration = Duration::from_secs(30);

/// Maximum number of cached keys.
const MOST: usize = 1_000;

/// Header in which the deployer's key names the tenant that it acts for.
pub const TENANT_HEADER: &str = "x-mailqueue-tenant";

/// Maximum number of cached unknown ids. Anybody can forge a key with a correct checksum: its id must not evict
/// an existing key.
const MOST_UNKNOWN: usize = 100;

/// Maximum length of a key that is checked; ours have 92 characters.
const KEY_MAX: usize = 512;

/// Authenticator of an environment, with its cache.
pub struct Authenticator {
    deployer: KeySettings,
    keys: Mutex<Cached>,
}

/// Cached keys and unknown ids, each with the time of its read.
#[derive(Default)]
struct Cached {
    known: HashMap<KeyId, (Timestamp, Known)>,
    unknown: HashMap<KeyId, Timestamp>,
}

impl Cached {
    /// Returns a recent read of an id; the inner [`None`]: no such key exists.
    fn fresh(&self, id: KeyId, now: Timestamp) -> Option<Option<Known>> {
        let is_fresh = |at: Timestamp| now.since(at) < FRESH;
        if let Some((at, known)) = self.known.get(&id)
            && is_fresh(*at)
        {
            return Some(Some(known.clone()));
        }
        self.unknown.get(&id).is_some_and(|at| is_fresh(*at)).then_some(None)
    }

    fn remember(&mut self, id: KeyId, now: Timestamp, known: Option<&Known>) {
        match known {
            Some(known) => {
                self.unknown.remove(&id);
                make_room(&mut self.known, MOST);
                self.known.insert(id, (now, known.clone()));
            }
            None => {
                self.known.remove(&id);
                make_room(&mut self.unknown, MOST_UNKNOWN);
                self.unknown.insert(id, now);
            }
        }
    }
}

fn make_room<T>(all: &mut HashMap<KeyId, T>, most: usize) {
    if all.len() >= most {
        all.clear();
    }
}

impl fmt::Debug for Authenticator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Door")
    }
}

/// A key and its tenant.
#[derive(Clone)]
struct Known {
    key: ApiKey,
    tenant: Tenant,
}

/// Reason why a request is not authenticated.
#[derive(Debug, thiserror::Error)]
pub enum Denied {
    /// The caller has to change the request.
    #[error("refused: {0}")]
    Refused(#[from] ApiError),
    /// A backend call failed: the caller may repeat the request.
    #[error("a key could not be checked")]
    Port(#[from] PortError),
}

/// Principal with a valid key.
#[derive(Debug, Clone)]
pub enum Principal {
    /// The key of a tenant.
    Tenant(TenantPrincipal),
    /// The deployer's key, and the tenant that the request names.
    Deployer(Deployer, NamedTenant),
}

/// Value of [`TENANT_HEADER`] in a request of the deployer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NamedTenant {
    /// The header is missing.
    Absent,
    /// The header is a valid name; the tenant may not exist.
    Named(TenantId),
    /// The header occurs twice, or is no valid name.
    Malformed,
}

/// The deployer, acting for one tenant. An operator pauses, resumes, purges, cancels and lists. It reads no
/// content and sends nothing, because the functions for both take a [`TenantPrincipal`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Operator {
    tenant: TenantId,
}

/// The acting party of a request that neither needs content nor sends: a [`TenantPrincipal`] or an [`Operator`].
pub trait ActsFor: sealed::Sealed + Sync {
    /// Tenant that the request concerns.
    fn tenant(&self) -> &TenantId;

    /// Whether it is limited to emails from some From domains.
    fn is_narrowed(&self) -> bool;
}

mod sealed {
    /// Limits [`super::ActsFor`] to the types of this module.
    pub trait Sealed {}

    impl Sealed for super::TenantPrincipal {}
    impl Sealed for super::Operator {}
}

impl ActsFor for TenantPrincipal {
    fn tenant(&self) -> &TenantId {
        &self.tenant.id
    }

    fn is_narrowed(&self) -> bool {
        Self::is_narrowed(self)
    }
}

impl ActsFor for Operator {
    fn tenant(&self) -> &TenantId {
        &self.tenant
    }

    fn is_narrowed(&self) -> bool {
        false
    }
}

/// A principal that acts for a tenant, with a key that permits it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TenantPrincipal {
    tenant: Tenant,
    key: KeyId,
    permission: Permission,
    from_domains: Vec<FromDomain>,
    expires_at: Option<Timestamp>,
}

/// The deployer, who creates tenants and keys for them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Deployer(());

/// A principal that may create, list and revoke keys.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum KeyAuthor {
    /// For every tenant.
    Deployer(Deployer),
    /// For its own tenant, and no key with more rights than its own.
    TenantPrincipal(TenantPrincipal),
}

impl Authenticator {
    /// Creates an authenticator with an empty cache.
    #[must_use]
    pub fn new(deployer: KeySettings) -> Self {
        Self {
            deployer,
            keys: Mutex::default(),
        }
    }

    /// Authenticates a request by `Authorization: Bearer <key>`.
    ///
    /// # Errors
    /// 401 `missing_api_key` without a key. 403 `invalid_api_key` with an unknown, revoked or expired key, or
    /// one of a suspended tenant. 401 `restricted_api_key` with a tenant's key and another tenant's name in
    /// [`TENANT_HEADER`]. Or a backend call failed.
    pub async fn authenticate<R: Keys + Tenants>(
        &self,
        headers: &HeaderMap,
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
        let id = token::id_of(given).ok_or_else(invalid)?;
        let Known { key, tenant } = self.know(id, records, now).await?.ok_or_else(invalid)?;
        if !bool::from(hash.ct_eq(&key.sha256)) {
            return Err(invalid().into());
        }
        key.check(now)
            .map_err(|bad| ApiError::invalid_api_key(format!("Authorization: this API key {bad}.")))?;
        if tenant.suspended {
            let message = "Authorization: the tenant of this API key is suspended; ask the deployer of this queue.";
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
            permission: key.permission,
            from_domains: key.from_domains,
            expires_at: key.expires_at,
        }))
    }

    /// Returns the key of an id, at most as old as the cache lifetime. The requester may know the id without
    /// the key.
    async fn know<R: Keys + Tenants>(
        &self,
        id: KeyId,
        records: &R,
        now: Timestamp,
    ) -> Result<Option<Known>, PortError> {
        let fresh = self.lock().fresh(id, now);
        if let Some(known) = fresh {
            return Ok(known);
        }
        let known = match records.key(id).await? {
            None => None,
            Some(key) => tenant_of(&key, records).await?.map(|tenant| Known { key, tenant }),
        };
        if let Some(known) = &known {
            note_use(&known.key, records, now).await;
        }
        self.lock().remember(id, now, known.as_ref());
        Ok(known)
    }

    fn lock(&self) -> MutexGuard<'_, Cached> {
        self.keys.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

async fn tenant_of<R: Tenants>(key: &ApiKey, records: &R) -> Result<Option<Tenant>, PortError> {
    if key.tenant == TenantId::main() {
        return Ok(Some(Tenant::main()));
    }
    records.tenant(&key.tenant).await
}

/// Records the hour of use; after a failure the next environment records it.
async fn note_use<R: Keys>(key: &ApiKey, records: &R, now: Timestamp) {
    if let (Ok(()), Some(hour)) = (key.check(now), key.use_to_note(now))
        && let Err(error) = records.note_use(key.id, hour).await
    {
        tracing::warn!(
            error = crate::runtime::telemetry::chain(&error),
            "the last use of an API key could not be stored"
        );
    }
}

fn invalid() -> ApiError {
    ApiError::invalid_api_key(
        "Authorization: the API key is not recognised; check MAILQUEUE_API_KEY, or ask the deployer of this queue.",
    )
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

impl Principal {
    /// Returns the identity for the log: a key's id, or `deployer`.
    #[must_use]
    pub fn maker(&self) -> Actor {
        match self {
            Self::Tenant(caller) => Actor::Key(caller.key),
            Self::Deployer(..) => Actor::Deployer,
        }
    }

    /// Returns the tenant for the log: the key's own, or the one that the deployer names.
    #[must_use]
    pub fn tenant(&self) -> Option<&TenantId> {
        match self {
            Self::Tenant(caller) => Some(caller.tenant()),
            Self::Deployer(_, NamedTenant::Named(tenant)) => Some(tenant),
            Self::Deployer(_, NamedTenant::Absent | NamedTenant::Malformed) => None,
        }
    }

    /// Returns the caller if its key has the permission.
    ///
    /// # Errors
    /// 401 `restricted_api_key` when the key lacks it.
    pub fn to_do(self, action: Action) -> Result<TenantPrincipal, ApiError> {
        match self {
            Self::Deployer(..) => Err(not_for_the_deployer()),
            Self::Tenant(caller) => caller.to_do(action),
        }
    }

    /// Returns the deployer.
    ///
    /// # Errors
    /// 401 `restricted_api_key` when it is not the deployer's key. 422 when the request names a tenant in
    /// [`TENANT_HEADER`].
    pub fn deployer(self) -> Result<Deployer, ApiError> {
        match self {
            Self::Deployer(deployer, named) => deployer.for_nobody(&named),
            Self::Tenant(_) => Err(ApiError::restricted_api_key(
                "Only the deployer's key may do this. Its hash is the template parameter ApiKeySha256.",
            )),
        }
    }

    /// Returns the principal for the management of keys.
    ///
    /// # Errors
    /// 401 `restricted_api_key` when the key has less than full access. 422 when the deployer's key names a
    /// tenant in [`TENANT_HEADER`].
    pub fn key_maker(self) -> Result<KeyAuthor, ApiError> {
        match self {
            Self::Deployer(deployer, named) => deployer.for_nobody(&named).map(KeyAuthor::Deployer),
            principal @ Self::Tenant(_) => principal.to_do(Action::Manage).map(KeyAuthor::TenantPrincipal),
        }
    }
}

/// Returns the refusal of a request that reads content, sends, or changes a tenant's settings.
#[must_use]
pub fn not_for_the_deployer() -> ApiError {
    ApiError::restricted_api_key(
        "The deployer's key cannot send emails or read their content. It manages keys and tenants, and pauses, resumes, purges, cancels and lists for a tenant. For other requests, create a key with POST /api-keys.",
    )
}

impl Deployer {
    /// Returns the deployer, acting for the tenant that its request names.
    ///
    /// # Errors
    /// 422 when [`TENANT_HEADER`] is missing or is no valid name. 404 when the tenant does not exist. Or a
    /// backend call failed.
    pub async fn act_for<R: Tenants>(self, named: NamedTenant, records: &R) -> Result<Operator, Denied> {
        let say = "name the tenant of the request, such as main";
        let tenant = match named {
            NamedTenant::Named(tenant) => tenant,
            NamedTenant::Absent => {
                return Err(ApiError::missing_field(TENANT_HEADER, format!("this header is required: {say}")).into());
            }
            NamedTenant::Malformed => {
                let problem = format!("must be one tenant name of 1 to 64 lower-case letters, digits or dashes: {say}");
                return Err(ApiError::validation(TENANT_HEADER, problem).into());
            }
        };
        if tenant != TenantId::main() && records.tenant(&tenant).await?.is_none() {
            let message = format!("{TENANT_HEADER}: no tenant has this name.");
            return Err(ApiError::not_found(message).into());
        }
        Ok(Operator { tenant })
    }

    /// Returns the deployer, acting for no tenant. A silently ignored header would change another tenant than
    /// the intended one.
    fn for_nobody(self, named: &NamedTenant) -> Result<Self, ApiError> {
        match named {
            NamedTenant::Absent => Ok(self),
            NamedTenant::Named(_) | NamedTenant::Malformed => {
                let problem = "does not apply to keys and tenants: name the tenant in the path, the query or the body";
                Err(ApiError::validation(TENANT_HEADER, problem))
            }
        }
    }
}

impl TenantPrincipal {
    /// Returns the caller if its key has the permission.
    ///
    /// # Errors
    /// 401 `restricted_api_key` when the key lacks it.
    pub fn to_do(self, action: Action) -> Result<Self, ApiError> {
        if self.permission.allows(action) {
            return Ok(self);
        }
        let only = match self.permission {
            Permission::SendingAccess => "only send emails",
            Permission::ReadAccess => "only read",
            Permission::FullAccess => "do everything",
        };
        Err(ApiError::restricted_api_key(format!("This API key may {only}.")))
    }

    /// Tenant whose emails the caller may see and send.
    #[must_use]
    pub fn tenant(&self) -> &TenantId {
        &self.tenant.id
    }

    /// The tenant, with its limits.
    #[must_use]
    pub fn limits(&self) -> &Tenant {
        &self.tenant
    }

    /// API key of the request.
    #[must_use]
    pub fn key(&self) -> KeyId {
        self.key
    }

    /// Expiry of the key.
    #[must_use]
    pub fn expires_at(&self) -> Option<Timestamp> {
        self.expires_at
    }

    /// From domains of the key, which narrow those of its tenant.
    #[must_use]
    pub fn from_domains(&self) -> &[FromDomain] {
        &self.from_domains
    }

    /// Whether its key is limited to some From domains.
    #[must_use]
    pub fn is_narrowed(&self) -> bool {
        !self.from_domains.is_empty()
    }

    /// The From domains that both its tenant and its key allow.
    #[must_use]
    pub fn scope(&self) -> Scope {
        Scope::new(&self.tenant.from_domains, &self.from_domains)
    }

    /// Checks whether it may send from an address. `path` is the field that holds the address.
    ///
    /// # Errors
    /// 401 `restricted_api_key` when its key may not. 422 `invalid_from_address` when its tenant may not.
    pub fn check_from(&self, path: &str, from: &EmailAddress) -> Result<(), ApiError> {
        let domain = from.domain();
        if !self.tenant.may_send_from(domain) {
            let allowed = told(&self.tenant.from_domains);
            return Err(ApiError::invalid_from(
                path,
                format!("this tenant may send only from {allowed}"),
            ));
        }
        self.check_key_from(path, from)
    }

    /// Checks whether its key may act on email from an address. `path` is the field that holds the address.
    ///
    /// # Errors
    /// 401 `restricted_api_key` when it may not.
    pub fn check_key_from(&self, path: &str, from: &EmailAddress) -> Result<(), ApiError> {
        let (domain, narrow) = (from.domain(), &self.from_domains);
        if narrow.is_empty() || narrow.iter().any(|allowed| allowed.covers(domain)) {
            return Ok(());
        }
        let allowed = told(narrow);
        Err(ApiError::restricted_api_key(format!(
            "{path}: this API key may send only from {allowed}"
        )))
    }
}

impl KeyAuthor {
    /// Returns the identity that is stored with the keys it creates.
    #[must_use]
    pub fn maker(&self) -> Actor {
        match self {
            Self::Deployer(_) => Actor::Deployer,
            Self::TenantPrincipal(caller) => Actor::Key(caller.key),
        }
    }
}

#[cfg(test)]
#[path = "auth_tests.rs"]
mod tests;
