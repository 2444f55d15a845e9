//! Sending domains.

#![expect(dead_code, reason = "the fields of requests are described here and read elsewhere")]

use aws::http::query::LIMIT_MAX;
use domain::api::domain_view::{DomainChanged, DomainDeleted, DomainView, DomainsView};
use schemars::JsonSchema;
use serde_json::json;

use crate::operation::Operation;

pub(crate) fn operations() -> Vec<Operation> {
    let one = "/domains/{domain}";
    vec![
        Operation::new("get", "/domains", "list_domains", "Lists domains, newest first")
            .for_operator()
            .query::<DomainQuery>()
            .answers::<DomainsView>(200, "A page of the list.")
            .refuses(&[422]),
        Operation::new("post", "/domains", "create_domain", "Registers a domain")
            .for_operator()
            .details("Creates the identity in Amazon SES, and answers with the DNS records to add. After a 5xx response, the same request completes the registration.")
            .body::<NewDomain>(json!({"name": "example.com"}))
            .answers::<DomainView>(201, "The domain is registered.")
            .refuses(&[400, 409, 413, 422]),
        Operation::new("get", one, "get_domain", "Shows a domain with its DNS records")
            .for_operator()
            .details("Each record has the status of Amazon SES, and the state in DNS now.")
            .query::<FormatQuery>()
            .answers::<DomainView>(200, "The domain, or its records as a zone file.")
            .or_text("text/dns")
            .refuses(&[404, 422]),
        Operation::new("patch", one, "update_domain", "Changes a domain")
            .details("For compatibility with Resend. Every setting has only one supported value.")
            .body::<DomainChange>(json!({"open_tracking": false}))
            .answers::<DomainChanged>(200, "The domain has these settings.")
            .refuses(&[400, 404, 413, 422]),
        Operation::new("delete", one, "delete_domain", "Deletes a domain")
            .details("Also deletes the identity in Amazon SES, unless the deployer adopted it. After a 5xx response, the same request completes the deletion.")
            .answers::<DomainDeleted>(200, "The deletion is done.")
            .refuses(&[404]),
        Operation::new("post", "/domains/{domain}/verify", "verify_domain", "Verifies a domain")
            .details("Starts a failed verification again. mailqueue then asks Amazon SES each minute for an hour, then each hour until 72 hours have passed.")
            .answers::<DomainChanged>(200, "The verification has started.")
            .refuses(&[404, 409]),
    ]
}

/// The capabilities of a domain: every domain sends, and none receives.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
struct NewCapabilities {
    #[schemars(extend("enum" = ["enabled", null]))]
    sending: Option<String>,
    #[schemars(extend("enum" = ["disabled", null]))]
    receiving: Option<String>,
}

#[derive(JsonSchema)]
#[schemars(inline, extend("enum" = [false]))]
struct Off(bool);

/// Only that of the deployment: `enforced` with the template parameter `TlsPolicy=REQUIRE`, else `opportunistic`.
#[derive(JsonSchema)]
#[schemars(inline, extend("enum" = ["opportunistic", "enforced"]))]
struct OwnTls(String);

/// A new domain.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
struct NewDomain {
    /// A domain that you own. All domains above and below it belong to the same tenant.
    #[schemars(length(min = 3))]
    name: String,
    /// The region of the deployment.
    region: Option<String>,
    /// The first label of the MAIL FROM domain. Default: `send`.
    #[schemars(length(min = 1, max = 63))]
    custom_return_path: Option<String>,
    /// Takes over an existing identity of Amazon SES. Only for the deployer's key.
    adopt: Option<bool>,
    open_tracking: Option<Off>,
    click_tracking: Option<Off>,
    /// Not supported.
    #[schemars(extend("enum" = [null]))]
    tracking_subdomain: Option<String>,
    tls: Option<OwnTls>,
    capabilities: Option<NewCapabilities>,
}

/// Settings of a domain.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
struct DomainChange {
    /// The id in the path, which some SDKs repeat here.
    id: Option<String>,
    open_tracking: Option<Off>,
    click_tracking: Option<Off>,
    /// Not supported.
    #[schemars(extend("enum" = [null]))]
    tracking_subdomain: Option<String>,
    tls: Option<OwnTls>,
    capabilities: Option<NewCapabilities>,
}

#[derive(JsonSchema)]
struct DomainQuery {
    /// The maximum number of domains on the page. Default: all domains.
    #[schemars(range(min = 1, max = LIMIT_MAX))]
    limit: Option<u32>,
    /// The id of a domain. The page starts after it, with older domains.
    #[schemars(extend("format" = "uuid"))]
    after: Option<String>,
    /// The id of a domain. The page ends before it, with newer domains. Not allowed together with `after`.
    #[schemars(extend("format" = "uuid"))]
    before: Option<String>,
}

#[derive(JsonSchema)]
struct FormatQuery {
    /// `zone`: the records as a zone file (BIND).
    #[schemars(extend("enum" = ["json", "zone"], "default" = "json"))]
    format: Option<String>,
}
