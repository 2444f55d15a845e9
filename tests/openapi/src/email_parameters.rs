//! The headers and query parameters of requests about emails.

#![expect(dead_code, reason = "the parameters are described here and read elsewhere")]

use aws::http::query::{LIMIT_DEFAULT, LIMIT_MAX};
use domain::delivery::cause::Cause;
use domain::delivery::email_status::EmailStatus;
use domain::limits;
use schemars::JsonSchema;

#[derive(JsonSchema)]
pub(crate) struct SendHeaders {
    /// A repeated request with the same key returns the first response and sends nothing twice. A different request
    /// with the same key is refused. Keys are stored for at least 24 hours.
    #[schemars(rename = "Idempotency-Key", length(min = 1, max = limits::IDEMPOTENCY_KEY_MAX))]
    idempotency_key: Option<String>,
}

#[derive(JsonSchema)]
pub(crate) struct BatchHeaders {
    #[schemars(flatten)]
    same: SendHeaders,
    /// `strict`, the default, refuses the whole batch if one email is invalid. `permissive` accepts the valid emails
    /// and reports the others.
    #[schemars(rename = "x-batch-validation", extend("enum" = ["strict", "permissive"]))]
    validation: Option<String>,
}

/// The query of a request to send an email.
#[derive(JsonSchema)]
pub(crate) struct SendQuery {
    /// Checks the request and returns the expected sending time, recipients and cost. Stores and sends nothing.
    dry_run: Option<bool>,
}

#[derive(JsonSchema)]
pub(crate) struct PageQuery {
    /// The maximum number of emails on the page.
    #[schemars(range(min = 1, max = LIMIT_MAX), extend("default" = LIMIT_DEFAULT))]
    limit: Option<u32>,
    /// The id of an email. The page starts after it, with older emails.
    #[schemars(extend("format" = "uuid"))]
    after: Option<String>,
    /// The id of an email. The page ends before it, with newer emails. Not allowed together with `after`.
    #[schemars(extend("format" = "uuid"))]
    before: Option<String>,
    /// Only emails with this status. A filtered request checks at most 1,000 emails and 200 contents. Its page may
    /// have fewer than `limit` emails; `next` then continues the list.
    status: Option<EmailStatus>,
    /// Only emails of this queue.
    #[schemars(regex(pattern = "^[a-z0-9-]{1,64}$"))]
    queue: Option<String>,
    /// Only emails with this cause of failure.
    cause: Option<Cause>,
    /// Only emails accepted with this API key, by its id.
    #[schemars(extend("format" = "uuid"))]
    key: Option<String>,
    /// Only emails from this domain: `example.com`, or `*.example.com` for its subdomains. Domains longer than 40
    /// characters are not found.
    #[schemars(length(min = 1))]
    from_domain: Option<String>,
    /// Only emails with a tag of this name, or with this `name:value`.
    #[schemars(regex(pattern = "^[A-Za-z0-9_-]+(:[A-Za-z0-9_-]+)?$"))]
    tag: Option<String>,
    /// Only emails from this address.
    #[schemars(length(min = 3), regex(pattern = "@"))]
    from: Option<String>,
    /// Only emails to this address, in `to`, `cc` or `bcc`.
    #[schemars(length(min = 3), regex(pattern = "@"))]
    to: Option<String>,
    /// Only emails accepted at or after this time: a day such as `2026-11-24`, or a time with an offset.
    #[schemars(length(min = 1, max = 40), regex(pattern = "^[0-9]"))]
    since: Option<String>,
    /// Only emails accepted before this time.
    #[schemars(length(min = 1, max = 40), regex(pattern = "^[0-9]"))]
    until: Option<String>,
}

#[derive(JsonSchema)]
pub(crate) struct ReleaseQuery {
    /// The id of the API key, revoked or not. Required without `restored=true`.
    #[schemars(extend("format" = "uuid"))]
    key: Option<String>,
    /// `true`: the emails that wait since the table was restored.
    restored: Option<bool>,
    /// With `restored=true`: only the emails of this queue.
    queue: Option<String>,
    /// With `restored=true`: the `next` of an earlier response. The request continues after this email.
    #[schemars(extend("format" = "uuid"))]
    after: Option<String>,
}

#[derive(JsonSchema)]
pub(crate) struct CancelQuery {
    /// The id of the API key of the emails, revoked or not.
    #[schemars(extend("format" = "uuid"))]
    key: Option<String>,
    /// The From domain of the emails, also a removed From domain of the tenant: `example.com`, or `*.example.com` for
    /// its subdomains. Domains longer than 40 characters are not found.
    #[schemars(length(min = 1))]
    from_domain: Option<String>,
    /// `true`: the emails that wait since the table was restored.
    restored: Option<bool>,
    /// Only the emails of this queue.
    queue: Option<String>,
    /// The `next` of an earlier response. The request continues after this email.
    #[schemars(extend("format" = "uuid"))]
    after: Option<String>,
}
