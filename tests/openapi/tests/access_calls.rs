//! Calls of the operations of keys, codes of the console and tenants, and the data of the tokens.

use std::time::Duration;

use domain::id::TenantId;
use domain::tenant::console_code::ConsoleCode;
use domain::tenant::key::Actor;
use domain::tenant::temporary::{Preview, TEMPORARY_BYTES, TemporaryToken};
use memory::MemoryBackend;
use memory::samples::{self, BORN};

use crate::caller::Call;
use crate::calls::{NOBODYS, TOKEN};

/// The code of a tenant with too many keys.
const TOKEN_OF_FULL: &str = "f1f1f1f1f1f1f1f1f1f1f1f1f1f1f1f1f1f1f1f1f1f1f1f1f1f1f1f1f1f1f1f1";

/// Adds a preview of the first email, and two codes of the console.
pub(crate) fn add_tokens(backend: &MemoryBackend) {
    let expires_at = BORN.after(Duration::from_secs(60));
    let hash = |byte| TemporaryToken::new([byte; TEMPORARY_BYTES]).hash();
    let code = |tenant| ConsoleCode {
        tenant,
        asked_by: Actor::Deployer,
        expires_at,
    };
    let preview = Preview {
        email: samples::key(1),
        expires_at,
    };
    let full = TenantId::parse("full").unwrap();
    let mut state = backend.state();
    state.previews.insert(hash(0xA5), preview);
    state.console_codes.insert(hash(0xA5), (code(TenantId::main()), None));
    state.console_codes.insert(hash(0xF1), (code(full), None));
}

/// Returns the calls for keys, codes of the console and tenants.
pub(crate) fn calls_of_access(large: &str) -> Vec<(Call, u16)> {
    let call = Call::new;
    let key = format!("/api-keys/{}", samples::api_key().id);
    let nobodys = NOBODYS.replace("/emails", "/api-keys");
    let full = format!(
        "/api-keys/{}",
        samples::key_of(&TenantId::parse("full").unwrap(), 0).0.id
    );
    let deployer = format!("Bearer {}", samples::DEPLOYER_KEY);
    let exchange = call("exchange_console_code", "/console-codes/exchange");
    let deployers = |name, path| Call::new(name, path).header("authorization", &deployer);
    let tenant = r#"{"name":"new","from_domains":["*.example.com"],"daily_cap":5,"rate":null,"suspended":false}"#;
    vec![
        (call("list_api_keys", "/api-keys").query("limit=1"), 200),
        (call("list_api_keys", "/api-keys").query("after=x"), 422),
        (
            call("create_api_key", "/api-keys").body(r#"{"name":"k","from_domains":["*"],"expires_at":"in 1 hour"}"#),
            201,
        ),
        (call("create_api_key", "/api-keys").body("{"), 400),
        (call("create_api_key", "/api-keys").body(large), 413),
        (call("create_api_key", "/api-keys").body("{}"), 422),
        (
            deployers("create_api_key", "/api-keys").body(r#"{"name":"k","tenant":"full"}"#),
            409,
        ),
        (call("change_api_key", &key).body(r#"{"name":"new"}"#), 200),
        (
            call("change_api_key", &key)
                .query("hold=true")
                .body(r#"{"from_domains":["a.example"]}"#),
            200,
        ),
        (
            deployers("change_api_key", &full)
                .query("hold=true")
                .body(r#"{"from_domains":["a.example"]}"#),
            409,
        ),
        (
            call("change_api_key", &key)
                .query("hold=true")
                .body(r#"{"name":"new"}"#),
            422,
        ),
        (call("change_api_key", &key).body("{"), 400),
        (call("change_api_key", &nobodys).body(r#"{"name":"new"}"#), 404),
        (call("change_api_key", &key).body(large), 413),
        (call("change_api_key", &key).body("{}"), 422),
        (call("revoke_api_key", &key), 200),
        (call("revoke_api_key", &key).query("children=true&hold=true"), 200),
        (deployers("revoke_api_key", &full).query("hold=true"), 409),
        (call("revoke_api_key", &nobodys), 404),
        (call("revoke_api_key", &key).query("children=x"), 422),
        (call("create_console_code", "/console-codes"), 201),
        (exchange.clone().body(format!(r#"{{"code":"{TOKEN}"}}"#)), 201),
        (exchange.clone().body("{"), 400),
        (exchange.clone().body(r#"{"code":"x"}"#), 404),
        (exchange.clone().body(format!(r#"{{"code":"{TOKEN_OF_FULL}"}}"#)), 409),
        (exchange.clone().body(large), 413),
        (exchange.body("{}"), 422),
        (deployers("list_tenants", "/tenants"), 200),
        (deployers("create_tenant", "/tenants").body(tenant), 201),
        (deployers("create_tenant", "/tenants").body("{"), 400),
        (
            deployers("create_tenant", "/tenants").body(tenant.replace("new", "full")),
            409,
        ),
        (deployers("create_tenant", "/tenants").body(large), 413),
        (deployers("create_tenant", "/tenants").body("{}"), 422),
        (deployers("get_tenant", "/tenants/full"), 200),
        (deployers("get_tenant", "/tenants/nobody"), 404),
        (deployers("change_tenant", "/tenants/full").body(r#"{"rate":7}"#), 200),
        (
            deployers("change_tenant", "/tenants/leaving")
                .query("hold=true")
                .body(r#"{"from_domains":["a.example"]}"#),
            200,
        ),
        (
            deployers("change_tenant", "/tenants/full")
                .query("hold=true")
                .body(r#"{"from_domains":["a.example"]}"#),
            409,
        ),
        (
            deployers("change_tenant", "/tenants/full")
                .query("hold=true")
                .body("{}"),
            422,
        ),
        (
            deployers("change_tenant", "/tenants/full")
                .query("release=true")
                .body("{}"),
            200,
        ),
        (deployers("change_tenant", "/tenants/full").body("{"), 400),
        (deployers("change_tenant", "/tenants/nobody").body("{}"), 404),
        (deployers("change_tenant", "/tenants/full").body(large), 413),
        (deployers("change_tenant", "/tenants/full").body(r#"{"rate":0}"#), 422),
        (deployers("delete_tenant", "/tenants/leaving"), 200),
        (deployers("delete_tenant", "/tenants/nobody"), 404),
        (deployers("delete_tenant", "/tenants/full"), 409),
        (deployers("delete_tenant", "/tenants/main"), 422),
    ]
}
