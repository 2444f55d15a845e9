//! Who may do what: API keys and tenants.

#![expect(dead_code, reason = "the fields of requests are described here and read elsewhere")]

use aws::query::{LIMIT_DEFAULT, LIMIT_MAX};
use domain::access::key::Permission;
use domain::limits;
use domain::wire::access_api::{
    ChangedView, KeysView, NewKeyView, RevokedView, TenantDeletedView, TenantView, TenantsView,
};
use schemars::JsonSchema;
use serde_json::json;

use crate::operation::Operation;
use crate::times::When;

pub(crate) fn operations() -> Vec<Operation> {
    let tenant = "/tenants/{name}";
    vec![
        Operation::new("get", "/api-keys", "list_api_keys", "Lists API keys, newest first")
            .details("Those of the key's own tenant that are not revoked. Of another tenant with the deployer's key, which names it in the query.")
            .query::<KeyQuery>()
            .answers::<KeysView>(200, "A page of the list.")
            .refuses(&[422]),
        Operation::new("post", "/api-keys", "create_api_key", "Makes an API key")
            .details("With a key of full access, or the deployer's. It can do no more than the key that makes it. A tenant has 100 at most.")
            .body::<NewKey>(json!({"name": "shop", "permission": "sending_access", "from_domains": ["example.com"]}))
            .answers::<NewKeyView>(201, "The key itself: it is shown this once.")
            .refuses(&[400, 409, 413, 422]),
        Operation::new("patch", "/api-keys/{id}", "change_api_key", "Changes an API key")
            .details("Its name, its From domains, or both. Its permission stays. It is so everywhere after half a minute. A key gets no domain that the key of the request may not send from.")
            .query::<ChangeQuery>()
            .body::<KeyChange>(json!({"name": "shop", "from_domains": ["example.com"]}))
            .answers::<ChangedView>(200, "It is so now.")
            .refuses(&[400, 404, 409, 413, 422]),
        Operation::new("delete", "/api-keys/{id}", "revoke_api_key", "Revokes an API key")
            .details("For good. It is good for nothing after half a minute. With `hold=true` nothing that was accepted with it is sent until POST /emails/release, also when the key was revoked before.")
            .query::<RevokeQuery>()
            .answers::<RevokedView>(200, "It is revoked.")
            .refuses(&[404, 409, 422]),
        Operation::new("get", "/tenants", "list_tenants", "Lists tenants, newest first")
            .details("With the deployer's key.")
            .answers::<TenantsView>(200, "All of them."),
        Operation::new("post", "/tenants", "create_tenant", "Makes a tenant")
            .details("With the deployer's key. A tenant sees nothing of another one.")
            .body::<NewTenant>(json!({"name": "acme", "from_domains": ["acme.example"], "daily_cap": 50_000, "rate": 10}))
            .answers::<TenantView>(201, "The tenant.")
            .refuses(&[400, 409, 413, 422]),
        Operation::new("get", tenant, "get_tenant", "Shows a tenant")
            .details("With the deployer's key.")
            .answers::<TenantView>(200, "The tenant.")
            .refuses(&[404]),
        Operation::new("patch", tenant, "change_tenant", "Changes a tenant")
            .details("With the deployer's key. It is so everywhere after half a minute. While a tenant is suspended its queues hold what waits, as in a pause.")
            .body::<TenantChange>(json!({"daily_cap": null, "suspended": true}))
            .answers::<TenantView>(200, "The tenant as it is now.")
            .refuses(&[400, 404, 413, 422]),
        Operation::new("delete", tenant, "delete_tenant", "Deletes a tenant")
            .details("With the deployer's key. The tenant must have been suspended for over 60 seconds, with no unfinished email and no running job; the 409 says what is left. Its keys are revoked, and its name is never used again.")
            .answers::<TenantDeletedView>(200, "It is gone.")
            .refuses(&[404, 409, 422]),
    ]
}

#[derive(JsonSchema)]
struct KeyQuery {
    /// How many keys.
    #[schemars(range(min = 1, max = LIMIT_MAX), extend("default" = LIMIT_DEFAULT))]
    limit: Option<usize>,
    /// The id of a key: the page has what comes after it.
    after: Option<String>,
    /// The id of a key: the page has what comes before it.
    before: Option<String>,
    /// Whose. Another tenant than the key's own is for the deployer's key.
    #[schemars(regex(pattern = "^[a-z0-9-]{1,64}$"))]
    tenant: Option<String>,
}

#[derive(JsonSchema)]
struct RevokeQuery {
    /// Revokes also every key that was made with it, by whatever keys between. Ask again after half a minute: an
    /// environment that still knew the key may have made one more.
    children: Option<bool>,
    /// Holds the emails that were accepted with the revoked keys, within five seconds. An email that is being
    /// sent goes out. Not with a key that is limited to From domains.
    hold: Option<bool>,
}

#[derive(JsonSchema)]
struct ChangeQuery {
    /// Holds the emails that were accepted with the key from domains that it does not keep, within five seconds.
    /// Needs `from_domains`. Not with a key that is limited to From domains.
    hold: Option<bool>,
}

/// A domain to send from: `example.com`; `*.example.com` is every domain below it, `*` every one.
#[derive(JsonSchema)]
#[schemars(transparent, example = "example.com")]
struct FromDomain(#[schemars(length(min = 1))] String);

/// A key that is to be made.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
struct NewKey {
    /// What people call it: not blank, and without control characters.
    #[schemars(length(min = 1, max = limits::KEY_NAME_MAX))]
    name: String,
    /// `full_access` when it is absent.
    permission: Option<Permission>,
    /// From where may be sent with it; from all of its tenant's domains when it is absent.
    #[schemars(length(min = 1, max = limits::FROM_DOMAINS_MAX))]
    from_domains: Option<Vec<FromDomain>>,
    /// From then on it is good for nothing. Within ten years.
    expires_at: Option<When>,
    /// Whose. Another tenant than the key's own is for the deployer's key.
    #[schemars(regex(pattern = "^[a-z0-9-]{1,64}$"))]
    tenant: Option<String>,
    /// Refused: domains have no ids here. Name them in `from_domains`.
    #[schemars(extend("type" = "null"))]
    domain_id: Option<String>,
}

/// The changes of a key, at least one.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields, extend("minProperties" = 1))]
struct KeyChange {
    /// The name that people use: not blank, and without control characters.
    #[schemars(length(min = 1, max = limits::KEY_NAME_MAX))]
    name: Option<String>,
    /// All From domains of the key. It loses those that are not named.
    #[schemars(length(min = 1, max = limits::FROM_DOMAINS_MAX))]
    from_domains: Option<Vec<FromDomain>>,
}

/// A tenant that is to be made.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
struct NewTenant {
    #[schemars(regex(pattern = "^[a-z0-9-]{1,64}$"))]
    name: String,
    /// From where it may send.
    #[schemars(length(min = 1, max = limits::FROM_DOMAINS_MAX))]
    from_domains: Vec<FromDomain>,
    #[schemars(flatten)]
    limits: TenantLimits,
}

/// What is to be changed of a tenant.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields, extend("required" = Vec::<String>::new()))]
struct TenantChange {
    /// From where it may send.
    #[schemars(length(min = 1, max = limits::FROM_DOMAINS_MAX))]
    from_domains: Vec<FromDomain>,
    #[schemars(flatten)]
    limits: TenantLimits,
}

/// What a tenant may use.
#[derive(JsonSchema)]
struct TenantLimits {
    /// Recipients in a day (UTC); as many as the account when it is null.
    #[schemars(range(min = 1, max = limits::DAILY_CAP_MAX))]
    daily_cap: Option<u64>,
    /// Recipients in a second, over ten of them; as many as the account when it is null.
    #[schemars(range(min = 1, max = limits::QUEUE_RATE_MAX))]
    rate: Option<u32>,
    /// Its keys are good for nothing, and nothing of it is sent.
    #[schemars(extend("type" = "boolean"))]
    suspended: Option<bool>,
}
