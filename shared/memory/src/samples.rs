//! Sample emails and records for tests.

use std::time::Duration;

use domain::api::error::ApiError;
use domain::api::requests;
use domain::delivery::record::{BodyPlace, BodyRef, Due, DueKind, EmailRecord};
use domain::delivery::send_task::SendTask;
use domain::id::{EmailId, EmailKey, KeyId, QueueName, TenantId};
use domain::message::email::EmailContent;
use domain::tenant::key::{Actor, ApiKey, Permission};
use domain::tenant::token::{self, SECRET_BYTES, Token};
use domain::timestamp::Timestamp;
use serde_json::{Value, json};

use crate::MemoryBackend;

/// Birth of the sample records.
pub const BORN: Timestamp = Timestamp::from_millis(1_000_000);

/// The API key that every backend accepts: of the tenant `main`, with full access.
pub const API_KEY: &str =
    "mq_6b657973000040008000000000000001_5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a0b3aa3d0";

/// The value of its `Authorization` header.
#[must_use]
pub fn bearer() -> String {
    format!("Bearer {API_KEY}")
}

/// The deployer's key of the backend.
pub const DEPLOYER_KEY: &str = "deployer_5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a";

/// The stored form of [`API_KEY`]; its use is noted already, so that no test writes it.
#[must_use]
pub fn api_key() -> ApiKey {
    let id = 0x6b65_7973_0000_4000_8000_0000_0000_0001_u128;
    ApiKey {
        id: KeyId::of(EmailId::from_random(id.to_be_bytes())),
        tenant: TenantId::main(),
        name: "sample".to_owned(),
        sha256: token::hash(API_KEY.as_bytes()),
        permission: Permission::FullAccess,
        from_domains: Vec::new(),
        created_at: Timestamp::from_millis(0),
        created_by: Actor::Deployer,
        expires_at: None,
        revoked: None,
        last_used_at: Some(Timestamp::from_millis(32_503_680_000_000)),
    }
}

/// The `n`th key of a tenant, with full access, and its text.
#[must_use]
pub fn key_of(tenant: &TenantId, n: u8) -> (ApiKey, Token) {
    let id = KeyId::of(id(n));
    let token = Token::new(id, [n; SECRET_BYTES]);
    let key = ApiKey {
        id,
        tenant: tenant.clone(),
        name: format!("key {n}"),
        sha256: token.hash(),
        ..api_key()
    };
    (key, token)
}

/// An event of API Gateway: a request with an API key. `path` may have a query, and an empty body is none.
#[must_use]
pub fn event(key: &str, method: &str, path: &str, body: &str) -> Value {
    let (path, query) = path.split_once('?').unwrap_or((path, ""));
    json!({
        "rawPath": path,
        "rawQueryString": query,
        "headers": {"authorization": format!("Bearer {key}")},
        "requestContext": {"http": {"method": method, "path": path}},
        "body": (!body.is_empty()).then_some(body),
        "isBase64Encoded": false,
    })
}

/// A small email, parsed like a caller's request.
///
/// # Errors
/// None, unless the parser is broken.
pub fn email() -> Result<EmailContent, ApiError> {
    let body = br#"{"from":"a@example.com","to":"b@example.com","subject":"Hello","text":"Hi"}"#;
    Ok(requests::parse_email(body)?.email)
}

/// The id of the `n`th sample.
#[must_use]
pub fn id(n: u8) -> EmailId {
    EmailId::from_random([n; 16])
}

/// The key of the `n`th sample.
#[must_use]
pub fn key(n: u8) -> EmailKey {
    EmailKey {
        tenant: TenantId::main(),
        id: id(n),
    }
}

/// The `n`th sample: a queued record for an email, born at [`BORN`].
#[must_use]
pub fn record(n: u8, email: &EmailContent) -> EmailRecord {
    let body = BodyRef {
        sha256: email.hash(),
        place: BodyPlace::Table,
        bytes: 100,
    };
    EmailRecord {
        expires_at: BORN.after(Duration::from_secs(86_400)),
        due: Some(Due {
            kind: DueKind::Check,
            at: BORN,
        }),
        ..EmailRecord::new(TenantId::main(), id(n), body, 1, BORN)
    }
}

/// The send task of the `n`th sample.
#[must_use]
pub fn send_task(n: u8) -> SendTask {
    let EmailKey { tenant, id } = key(n);
    SendTask {
        v: SendTask::VERSION,
        tenant,
        id,
        recipients: 1,
        bytes: 100,
        queue: QueueName::default(),
        slot: None,
    }
}

/// Stores the `n`th sample as an email of a tenant, without its content.
///
/// # Errors
/// None, unless the parser is broken.
pub fn store_for(backend: &MemoryBackend, tenant: TenantId, n: u8) -> Result<(), ApiError> {
    let record = EmailRecord {
        tenant,
        ..record(n, &email()?)
    };
    backend.state().records.insert(record.email_key(), record);
    Ok(())
}

/// A backend at [`BORN`] with the samples 1 to `count`, queued and due, and their contents.
///
/// # Errors
/// None, unless the parser is broken.
pub fn backend(count: u8) -> Result<MemoryBackend, ApiError> {
    let (backend, email) = (MemoryBackend::default(), email()?);
    {
        let mut state = backend.state();
        state.now_ms = BORN.as_millis();
        for n in 1..=count {
            state.records.insert(key(n), record(n, &email));
            state.bodies.insert((key(n), email.hash()), email.to_body());
        }
    }
    Ok(backend)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sample_key_is_valid() {
        assert_eq!(token::id_of(API_KEY.as_bytes()), Some(api_key().id));
    }
}
