//! The description of the API as a whole, and the route that returns it.

use domain::limits;
use schemars::JsonSchema;
use serde_json::{Value, json};

use crate::operation::Operation;

/// A one-line summary of the API.
pub(crate) const SUMMARY: &str = "An email queue in your own AWS account, compatible with the API of Resend.";

/// This document.
#[derive(JsonSchema)]
#[schemars(rename = "Description")]
#[expect(dead_code, reason = "its fields are described and never read")]
struct Description {
    /// The version of the OpenAPI Specification.
    openapi: String,
}

pub(crate) fn operations() -> Vec<Operation> {
    vec![
        Operation::new("get", "/openapi.json", "describe", "Describes this API")
            .public()
            .answers::<Description>(200, "This document."),
    ]
}

pub(crate) fn description() -> String {
    let mebibytes = limits::REQUEST_BYTES / 1024 / 1024;
    format!(
        "Resend's official SDKs, except the Java SDK, work with this API after you change their base URL.\n\n\
        - A 2xx response to an email request means that the email is stored and never lost. It ends as sent, failed, \
        canceled, expired or unknown. A dry run stores nothing.\n\
        - Every error is `{{\"statusCode\", \"name\", \"message\"}}`. If one field is wrong, the message \
        begins with its path.\n\
        - A method that the path does not support gets 405 `method_not_allowed`.\n\
        - Unknown fields and parameters are refused. A null field counts as absent.\n\
        - Responses give times in UTC with milliseconds. A request gives a time with its offset \
        (`2026-11-24T09:30:00Z`), as a wait (`in 5 minutes`), or as a day and a time (`tomorrow at 9am`).\n\
        - A request has at most {mebibytes} MiB. Each number in a byte list counts as one byte."
    )
}

pub(crate) fn tags() -> Value {
    json!([
        {"name": "emails", "description": "Sends, lists, shows, cancels and retries emails."},
        {"name": "previews", "description": "Shows the content of an email in a browser."},
        {"name": "attachments", "description": "Uploads files before they are sent."},
        {"name": "queues", "description": "Creates, changes, pauses, purges and restores named queues, and retries their emails."},
        {"name": "suppressions", "description": "Lists, adds and removes suppressed addresses."},
        {"name": "domains", "description": "Registers, verifies and deletes sending domains."},
        {"name": "webhooks", "description": "Creates, changes, tests and deletes webhooks, and shows, replays and recovers their events."},
        {"name": "failures", "description": "Shows the failures of emails."},
        {"name": "usage", "description": "Shows the usage of a tenant."},
        {"name": "account", "description": "Shows the state of the account."},
        {"name": "metrics", "description": "Shows figures for a scraper."},
        {"name": "api-keys", "description": "Manages API keys."},
        {"name": "console-codes", "description": "Creates one-time codes for the console, and exchanges them for API keys."},
        {"name": "tenants", "description": "Manages tenants, whose data are separate from each other."},
        {"name": "about", "description": "This document."},
    ])
}
