//! The tenants of a run, and requests with their API keys: `main`, and in a run with webhooks another one.

use domain::id::TenantId;
use domain::tenant::Tenant;
use lambda_http::http::Method;
use lambda_http::{Body, Request};
use memory::{MemoryBackend, samples};
use serde_json::Value;

use crate::run::START;

/// Number of the sample key of the other tenant.
const KEY: u8 = 77;

/// The other tenant. It gives no commands to queues.
#[must_use]
pub fn other() -> TenantId {
    TenantId::parse("other").unwrap_or_else(TenantId::main)
}

/// Adds the other tenant, with its key.
pub(crate) fn add_other(backend: &MemoryBackend) {
    let (key, _) = samples::key_of(&other(), KEY);
    let tenant = Tenant {
        id: other(),
        created_at: START,
        version: 1,
        ..Tenant::main()
    };
    let mut state = backend.state();
    state.keys.insert(key.id, key);
    state.tenants.insert(tenant.id.clone(), tenant);
}

/// Makes a request with the key of a tenant.
pub(crate) fn request(tenant: &TenantId, method: Method, path: &str, body: &Value) -> Request {
    let body = if body.is_null() {
        Body::Empty
    } else {
        Body::Text(body.to_string())
    };
    let mut request = Request::new(body);
    *request.method_mut() = method;
    *request.uri_mut() = path.parse().unwrap_or_default();
    let (_, token) = samples::key_of(tenant, KEY);
    let key = if *tenant == TenantId::main() {
        samples::API_KEY
    } else {
        token.as_str()
    };
    if let Ok(key) = format!("Bearer {key}").parse() {
        request.headers_mut().insert("authorization", key);
    }
    request
}
