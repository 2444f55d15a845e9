//! The operations of API keys and tenants.

#![expect(dead_code, reason = "the fields of requests are described here and read elsewhere")]

use aws::http::query::LIMIT_MAX;
use domain::api::access_view::{
    ChangedView, ConsoleCodeView, ConsoleKeyView, KeysView, NewKeyView, RevokedView, TenantChangedView,
    TenantDeletedView, TenantView, TenantsView,
};
use domain::limits;
use domain::tenant::key::Permission;
use schemars::JsonSchema;
use serde_json::json;

use crate::operation::Operation;
use crate::times::When;

pub(crate) fn operations() -> Vec<Operation> {
    let tenant = "/tenants/{name}";
    vec![
        Operation::new("get", "/api-keys", "list_api_keys", "Lists API keys, newest first")
            .details("Lists the API keys of the caller's tenant, without revoked ones. With the deployer's key, the query names the tenant.")
            .query::<KeyQuery>()
            .answers::<KeysView>(200, "A page of the list.")
            .refuses(&[422]),
        Operation::new("post", "/api-keys", "create_api_key", "Creates an API key")
            .details("Needs a key with full access, or the deployer's key. The new key can do no more than its creator. A tenant has at most 100 keys.")
            .body::<NewKey>(json!({"name": "shop", "permission": "sending_access", "from_domains": ["example.com"]}))
            .answers::<NewKeyView>(201, "The new key. Only this response contains the key itself.")
            .refuses(&[400, 409, 413, 422]),
        Operation::new("patch", "/api-keys/{id}", "change_api_key", "Changes an API key")
            .details("Changes the name, the From domains, or both. The permission stays unchanged. The change takes effect within half a minute. The key of the request can only grant domains that it may send from.")
            .query::<ChangeQuery>()
            .body::<KeyChange>(json!({"name": "shop", "from_domains": ["example.com"]}))
            .answers::<ChangedView>(200, "The change is done.")
            .refuses(&[400, 404, 409, 413, 422]),
        Operation::new("delete", "/api-keys/{id}", "revoke_api_key", "Revokes an API key")
            .details("The key stops working within half a minute and cannot be restored. With `hold=true`, emails accepted with the key are not sent until POST /emails/release. This also applies to a key that is already revoked.")
            .query::<RevokeQuery>()
            .answers::<RevokedView>(200, "The key is revoked.")
            .refuses(&[404, 409, 422]),
        Operation::new("post", "/console-codes", "create_console_code", "Creates a one-time code for the console")
            .for_operator()
            .details("The code works once within 60 seconds. The console exchanges it for a key with the permission and the From domains of this request's key. That key lasts at most twelve hours, and no longer than the key of this request. With the deployer's key, the new key has full access to the tenant. A key that may only send gets no code.")
            .answers::<ConsoleCodeView>(201, "The code. Only this response contains it."),
        Operation::new(
            "post",
            "/console-codes/exchange",
            "exchange_console_code",
            "Exchanges a code for an API key",
        )
        .public()
        .details("Needs no key. A wrong, used or late code is a 404, also after its creator was revoked.")
        .body::<CodeExchange>(json!({"code": "6f".repeat(32)}))
        .answers::<ConsoleKeyView>(201, "The key of the console. Only this response contains the key itself.")
        .refuses(&[400, 404, 409, 413, 422, 500, 503]),
        Operation::new("get", "/tenants", "list_tenants", "Lists tenants, newest first")
            .details("Requires the deployer's key.")
            .answers::<TenantsView>(200, "All tenants."),
        Operation::new("post", "/tenants", "create_tenant", "Creates a tenant")
            .details("Requires the deployer's key. A tenant cannot see the data of another tenant.")
            .body::<NewTenant>(json!({"name": "acme", "from_domains": ["acme.example"], "daily_cap": 50_000, "rate": 10}))
            .answers::<TenantView>(201, "The tenant.")
            .refuses(&[400, 409, 413, 422]),
        Operation::new("get", tenant, "get_tenant", "Shows a tenant")
            .details("Requires the deployer's key.")
            .answers::<TenantView>(200, "The tenant.")
            .refuses(&[404]),
        Operation::new("patch", tenant, "change_tenant", "Changes a tenant")
            .details("Requires the deployer's key. The change takes effect within half a minute. While a tenant is suspended, its queues hold their emails. With `hold=true`, emails of every API key from the removed From domains wait until a request with `release=true`.")
            .query::<HoldQuery>()
            .body::<TenantChange>(json!({"daily_cap": null, "suspended": true}))
            .answers::<TenantChangedView>(200, "The changed tenant.")
            .refuses(&[400, 404, 409, 413, 422]),
        Operation::new("delete", tenant, "delete_tenant", "Deletes a tenant")
            .details("Requires the deployer's key. The tenant must have been suspended for more than 60 seconds. It must have no unfinished emails, and no jobs that restore or retry emails. A 409 response says why the tenant cannot be deleted. For unfinished work, it counts the emails by status, and the jobs that restore or retry emails. The keys of a deleted tenant are revoked, and its name cannot be reused.")
            .answers::<TenantDeletedView>(200, "The deletion is done.")
            .refuses(&[404, 409, 422]),
    ]
}

#[derive(JsonSchema)]
struct KeyQuery {
    /// The maximum number of keys on the page. Default: all keys.
    #[schemars(range(min = 1, max = LIMIT_MAX))]
    limit: Option<usize>,
    /// The id of an API key. The page starts after it.
    after: Option<String>,
    /// The id of an API key. The page ends before it.
    before: Option<String>,
    /// The tenant of the key. Only the deployer's key may name another tenant than its own.
    #[schemars(regex(pattern = "^[a-z0-9-]{1,64}$"))]
    tenant: Option<String>,
}

#[derive(JsonSchema)]
struct RevokeQuery {
    /// Also revokes every key created with it, directly or through other keys. Repeat the request after half a
    /// minute: an environment with a cached key may have created another one.
    children: Option<bool>,
    /// Holds the emails accepted with the revoked keys, within five seconds. Emails that are being sent are not
    /// stopped. Not allowed with a key that is limited to From domains.
    hold: Option<bool>,
}

#[derive(JsonSchema)]
struct ChangeQuery {
    /// Holds the emails accepted with the key from its removed domains, within five seconds. Requires `from_domains`.
    /// Not allowed with a key that is limited to From domains.
    hold: Option<bool>,
}

#[derive(JsonSchema)]
struct HoldQuery {
    /// Holds the emails from domains that are not in `from_domains`, within five seconds. Also holds those that are
    /// accepted within the next minute. Requires `from_domains`.
    hold: Option<bool>,
    /// Ends the holds of the tenant's removed From domains, even if they stay removed. Sending continues within two
    /// minutes. With `hold=true`, the new hold replaces the earlier ones.
    release: Option<bool>,
}

/// A sending domain: `example.com`. `*.example.com` covers its subdomains, and `*` covers every domain.
#[derive(JsonSchema)]
#[schemars(transparent, example = "example.com")]
struct FromDomain(#[schemars(length(min = 1))] String);

/// A new API key.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
struct NewKey {
    /// The display name. Not blank, without control characters.
    #[schemars(length(min = 1, max = limits::KEY_NAME_MAX))]
    name: String,
    /// The permission of the key. Default: `full_access`.
    permission: Option<Permission>,
    /// The domains that the key may send from. Default: all domains of its tenant.
    #[schemars(length(min = 1, max = limits::FROM_DOMAINS_MAX))]
    from_domains: Option<Vec<FromDomain>>,
    /// The time when the key expires, at most ten years ahead.
    expires_at: Option<When>,
    /// The tenant of the key. Only the deployer's key may name another tenant than its own.
    #[schemars(regex(pattern = "^[a-z0-9-]{1,64}$"))]
    tenant: Option<String>,
    /// Not supported: name the domains in `from_domains`.
    #[schemars(extend("type" = "null"))]
    domain_id: Option<String>,
}

/// A one-time code of the console.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
struct CodeExchange {
    /// The code from POST /console-codes. A text of another form is answered as a wrong code.
    code: String,
}

/// The changes of an API key. At least one is required.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields, extend("minProperties" = 1))]
struct KeyChange {
    /// The display name. Not blank, without control characters.
    #[schemars(length(min = 1, max = limits::KEY_NAME_MAX))]
    name: Option<String>,
    /// All From domains of the key. The list replaces the current domains.
    #[schemars(length(min = 1, max = limits::FROM_DOMAINS_MAX))]
    from_domains: Option<Vec<FromDomain>>,
}

/// A new tenant.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
struct NewTenant {
    #[schemars(regex(pattern = "^[a-z0-9-]{1,64}$"))]
    name: String,
    /// The domains that the tenant may send from.
    #[schemars(length(min = 1, max = limits::FROM_DOMAINS_MAX))]
    from_domains: Vec<FromDomain>,
    #[schemars(flatten)]
    limits: TenantLimits,
}

/// The changes of a tenant.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields, extend("required" = Vec::<String>::new()))]
struct TenantChange {
    /// The domains that the tenant may send from.
    #[schemars(length(min = 1, max = limits::FROM_DOMAINS_MAX))]
    from_domains: Vec<FromDomain>,
    #[schemars(flatten)]
    limits: TenantLimits,
}

/// The limits of a tenant.
#[derive(JsonSchema)]
struct TenantLimits {
    /// The maximum recipients in a UTC day. Null: the tenant has no cap of its own.
    #[schemars(range(min = 1, max = limits::DAILY_CAP_MAX))]
    daily_cap: Option<u64>,
    /// The maximum recipients per second, averaged over ten seconds. Null: the tenant has no rate limit of its own.
    #[schemars(range(min = 1, max = limits::QUEUE_RATE_MAX))]
    rate: Option<u32>,
    /// Suspends the tenant: its API keys stop working, and its emails are not sent.
    #[schemars(extend("type" = "boolean"))]
    suspended: Option<bool>,
}
