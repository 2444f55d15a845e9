//! Principals: the callers of a request, and their rights.
//!
//! **Invariant:** the fields are private to [`super`], so that only authentication creates a principal.

use domain::api::error::ApiError;
use domain::id::{KeyId, TenantId};
use domain::message::address::EmailAddress;
use domain::ports::PortError;
use domain::ports::access::Tenants;
use domain::tenant::Tenant;
use domain::tenant::key::{Action, Actor, Permission};
use domain::tenant::sender::{FromDomain, Scope, list_in_words};
use domain::timestamp::Timestamp;

/// Header in which the deployer's key names the tenant that it acts for.
pub const TENANT_HEADER: &str = "x-mailqueue-tenant";

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

    /// Whether the principal is limited to emails from some From domains.
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
    pub(super) tenant: Tenant,
    pub(super) key: KeyId,
    pub(super) name: String,
    pub(super) permission: Permission,
    pub(super) from_domains: Vec<FromDomain>,
    pub(super) expires_at: Option<Timestamp>,
    pub(super) has_webhooks: bool,
}

/// The deployer: creates tenants, and keys for them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Deployer(pub(super) ());

/// A principal that may create, list and revoke keys.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum KeyAuthor {
    /// The deployer, for every tenant.
    Deployer(Deployer),
    /// The caller with a tenant's key: for its own tenant, and no key with more rights than its own.
    TenantPrincipal(TenantPrincipal),
}

/// A principal that views figures.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Viewer {
    /// The caller with a tenant's key, for the figures of its own tenant.
    Tenant(TenantPrincipal),
    /// The deployer, for the figures of the account and of one tenant; without a named tenant, of all tenants.
    Deployer(Deployer, Option<Operator>),
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

    /// Returns the principal that views figures.
    ///
    /// # Errors
    /// 401 `restricted_api_key` when a tenant's key may not read. Or as [`Deployer::act_for`] when the deployer's key
    /// names a tenant.
    pub async fn viewer<R: Tenants>(self, records: &R) -> Result<Viewer, Denied> {
        match self {
            Self::Tenant(caller) => Ok(Viewer::Tenant(caller.to_do(Action::Read)?)),
            Self::Deployer(deployer, NamedTenant::Absent) => Ok(Viewer::Deployer(deployer, None)),
            Self::Deployer(deployer, named) => {
                let operator = deployer.act_for(named, records).await?;
                Ok(Viewer::Deployer(deployer, Some(operator)))
            }
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
        "The deployer's key cannot send emails or read their content. It manages API keys and tenants. For one tenant it lists emails, queues and domains, cancels emails, registers domains, and pauses, resumes and purges queues. It also reads figures and jobs. For other requests, create a key with POST /api-keys.",
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

    /// Whether the tenant has a webhook, as far as its key's last read showed.
    #[must_use]
    pub fn has_webhooks(&self) -> bool {
        self.has_webhooks
    }

    /// API key of the request.
    #[must_use]
    pub fn key(&self) -> KeyId {
        self.key
    }

    /// Display name of the key.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Permission of the key.
    #[must_use]
    pub fn permission(&self) -> Permission {
        self.permission
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

    /// Checks whether the caller may send from an address. `path` is the field that holds the address.
    ///
    /// # Errors
    /// 401 `restricted_api_key` when its key may not. 422 `invalid_from_address` when its tenant may not.
    pub fn check_from(&self, path: &str, from: &EmailAddress) -> Result<(), ApiError> {
        let domain = from.domain();
        if !self.tenant.may_send_from(domain) {
            let allowed = list_in_words(&self.tenant.from_domains);
            return Err(ApiError::invalid_from(
                path,
                format!("this tenant may send only from {allowed}"),
            ));
        }
        self.check_key_from(path, from)
    }

    /// Checks whether the caller's key may act on email from an address. `path` is the field that holds the address.
    ///
    /// # Errors
    /// 401 `restricted_api_key` when it may not.
    pub fn check_key_from(&self, path: &str, from: &EmailAddress) -> Result<(), ApiError> {
        let (domain, narrow) = (from.domain(), &self.from_domains);
        if narrow.is_empty() || narrow.iter().any(|allowed| allowed.covers(domain)) {
            return Ok(());
        }
        let allowed = list_in_words(narrow);
        Err(ApiError::restricted_api_key(format!(
            "{path}: this API key may send only from {allowed}"
        )))
    }
}

impl KeyAuthor {
    /// Returns the identity that is stored with the keys that the caller creates.
    #[must_use]
    pub fn maker(&self) -> Actor {
        match self {
            Self::Deployer(_) => Actor::Deployer,
            Self::TenantPrincipal(caller) => Actor::Key(caller.key),
        }
    }
}
