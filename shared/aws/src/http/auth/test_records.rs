//! Records of one key and one tenant, for the tests of authentication.

use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use domain::id::EmailId;
use domain::tenant::key::{Actor, KeyChange, Permission};
use domain::tenant::token::{SECRET_BYTES, Token};

use super::*;

pub(super) const DEPLOYER: &str = "deployer_0123456789abcdef0123456789abcdef0123456789abcdef";

/// A table with one key and one tenant.
#[derive(Default)]
pub(super) struct EmailRecords {
    pub(super) key: Mutex<Option<ApiKey>>,
    pub(super) tenant: Mutex<Option<Tenant>>,
    pub(super) reads: AtomicUsize,
    pub(super) noted: Mutex<Vec<Timestamp>>,
    pub(super) broken: bool,
    pub(super) has_webhooks: bool,
}

impl EmailRecords {
    fn read<T: Clone>(&self, stored: &Mutex<Option<T>>) -> Result<Option<T>, PortError> {
        self.reads.fetch_add(1, Ordering::Relaxed);
        if self.broken {
            return Err(crate::runtime::failure::port("reading")("broken".into()));
        }
        Ok(stored.lock().unwrap().clone())
    }

    pub(super) fn change(&self, change: impl FnOnce(&mut ApiKey)) {
        change(self.key.lock().unwrap().as_mut().unwrap());
    }
}

impl Keys for EmailRecords {
    async fn key(&self, id: KeyId) -> Result<Option<ApiKey>, PortError> {
        Ok(self.read(&self.key)?.filter(|key| key.id == id))
    }

    fn has_webhooks_as_read(&self, _: &TenantId, _: Timestamp) -> bool {
        self.has_webhooks
    }

    async fn keys(&self, _: &TenantId) -> Result<Vec<ApiKey>, PortError> {
        panic!("authentication lists nothing")
    }

    async fn add_key(&self, _: &ApiKey) -> Result<(), PortError> {
        panic!("authentication creates nothing")
    }

    async fn change(&self, _: Option<&TenantId>, _: KeyId, _: &KeyChange) -> Result<bool, PortError> {
        panic!("authentication changes nothing")
    }

    async fn revoke(&self, _: Option<&TenantId>, _: KeyId, _: Actor, _: Timestamp) -> Result<bool, PortError> {
        panic!("authentication revokes nothing")
    }

    async fn record_use(&self, _: KeyId, hour: Timestamp) -> Result<(), PortError> {
        self.noted.lock().unwrap().push(hour);
        Err(crate::runtime::failure::port("noting")(
            "a failed write changes no answer".into(),
        ))
    }
}

impl Tenants for EmailRecords {
    async fn tenant(&self, id: &TenantId) -> Result<Option<Tenant>, PortError> {
        Ok(self.read(&self.tenant)?.filter(|tenant| tenant.id == *id))
    }

    async fn tenants(&self) -> Result<Vec<Tenant>, PortError> {
        panic!("authentication lists nothing")
    }

    async fn save_tenant(&self, _: &Tenant) -> Result<bool, PortError> {
        panic!("authentication writes nothing")
    }

    async fn deleted_at(&self, _: &TenantId) -> Result<Option<Timestamp>, PortError> {
        panic!("authentication reads no deleted tenant")
    }

    async fn delete_tenant(&self, _: &Tenant, _: Timestamp) -> Result<bool, PortError> {
        panic!("authentication deletes nothing")
    }
}

pub(super) fn token() -> Token {
    Token::new(KeyId::of(EmailId::from_random([1; 16])), [9; SECRET_BYTES])
}

pub(super) fn key(tenant: &TenantId, permission: Permission) -> ApiKey {
    ApiKey {
        id: token::id_of(token().as_str().as_bytes()).unwrap(),
        tenant: tenant.clone(),
        name: "shop".to_owned(),
        sha256: token().hash(),
        permission,
        from_domains: Vec::new(),
        created_at: Timestamp::from_millis(0),
        created_by: Actor::Deployer,
        expires_at: None,
        revoked: None,
        last_used_at: None,
    }
}

pub(super) fn records(permission: Permission) -> EmailRecords {
    let records = EmailRecords::default();
    *records.key.lock().unwrap() = Some(key(&TenantId::main(), permission));
    records
}

pub(super) fn authenticator() -> Authenticator {
    Authenticator::new(KeySettings::of(DEPLOYER))
}

pub(super) fn with(values: &[&str]) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for value in values {
        headers.append(header::AUTHORIZATION, HeaderValue::from_str(value).unwrap());
    }
    headers
}

pub(super) async fn at_the_door(
    authenticator: &Authenticator,
    records: &EmailRecords,
    key: &str,
    now: Timestamp,
) -> Result<Principal, u16> {
    let principal = authenticator
        .authenticate(&with(&[&format!("Bearer {key}")]), Network::default(), records, now)
        .await;
    principal.map_err(|denied| match denied {
        Denied::Refused(error) => error.status(),
        Denied::Port(_) => 500,
    })
}

pub(super) async fn comes_in(
    authenticator: &Authenticator,
    records: &EmailRecords,
    key: &str,
    now: Timestamp,
) -> Result<(), u16> {
    at_the_door(authenticator, records, key, now).await.map(drop)
}
