//! The invariants of every refusal.

use domain::api::error::ApiError;

use super::one_line;
use crate::check::{check, check_eq, violated};

/// Checks the refusal of a request with this body.
pub(crate) fn refused(error: &ApiError, body: &[u8]) {
    let (status, name, message) = (error.status(), error.name().as_str(), error.message());
    let names: &[&str] = match status {
        400 | 413 => &["validation_error"],
        422 => &[
            "validation_error",
            "missing_required_field",
            "invalid_from_address",
            "invalid_attachment",
        ],
        other => violated!(Refusal, "a request is refused with {other}"),
    };
    check!(Refusal, names.contains(&name), "{status} {name}");
    check!(Refusal, status != 413 || body.len() > 4 * 1024 * 1024, "{status}");
    one_line("a message", message);
    check!(
        Refusal,
        (1..=1_500).contains(&message.len()),
        "a message of {} bytes",
        message.len()
    );
    if status == 422 {
        begins_with_a_path(message);
    }
    let shown = serde_json::json!({"statusCode": status, "name": name, "message": message});
    check_eq!(
        Refusal,
        serde_json::from_str(&error.body()).ok(),
        Some(shown),
        "the answer's body"
    );
    hides_content(message, body);
}

/// The fields that a request may have, as the first step of a path.
const FIELDS: &[&str] = &[
    "code",
    "filename",
    "content_type",
    "size",
    "from",
    "to",
    "cc",
    "bcc",
    "reply_to",
    "replyTo",
    "subject",
    "html",
    "text",
    "headers",
    "tags",
    "scheduled_at",
    "scheduledAt",
    "email_id",
    "contentType",
    "expires_at",
    "on_uncertain",
    "attachments",
    "expires_in_seconds",
    "priority",
    "queue",
    "tracking",
    "react",
    "template",
    "topic_id",
    "id",
    "force",
    "x-batch-validation",
    "name",
    // Fields of keys and tenants.
    "permission",
    "from_domains",
    "domain_id",
    "daily_cap",
    "suspended",
    "rate",
    // Fields of domains.
    "region",
    "custom_return_path",
    "open_tracking",
    "click_tracking",
    "tls",
    "adopt",
    "capabilities",
    "tracking_subdomain",
    // Fields of webhooks.
    "endpoint",
    "events",
    "signing_secret",
    "delivery",
    "webhook_id",
    "type",
    "only",
    "include",
    // Fields of queues.
    "rate_per_second",
    "retry_waits_seconds",
    "default_expires_in_seconds",
    "reason",
    "until",
    "cause",
    "since",
    "email",
    "emails",
    "ids",
    // Parameters of queries.
    "query",
    "limit",
    "after",
    "before",
    "status",
    "tag",
    "from_domain",
    "tenant",
    "dry_run",
    "cancel",
    "children",
    "hold",
    "release",
    "key",
    "start_date",
    "end_date",
    "origin",
    "granularity",
    "timezone",
    "metrics",
    "dimensions",
    "format",
    "restored",
];

/// The other fields that a message suggests, of attachments, tags and headers.
const OF_ATTACHMENTS_AND_PAIRS: &[&str] = &["content", "content_id", "path", "value"];

fn begins_with_a_path(message: &str) {
    let about_all = ["must be an object, not ", "A batch must contain 1 to 500 emails; "];
    if about_all.iter().any(|beginning| message.starts_with(beginning)) {
        return;
    }
    // An unknown field is named as the request spelled it.
    let named = [": unknown field", ": is given more than once"];
    if named.iter().any(|end| message.ends_with(end)) || suggests_a_field(message) {
        return;
    }
    // The path of a batch item begins with its index.
    let mut path = message;
    if let Some((index, rest)) = message.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        check!(
            Refusal,
            index.parse::<usize>().is_ok_and(|index| index < 500),
            "{message}"
        );
        path = rest.strip_prefix('.').unwrap_or(rest);
        if path.starts_with(": must be an object, not ") {
            return;
        }
    }
    let (path, _) = path.split_once(": ").unwrap_or((message, ""));
    let first = path.split(['[', '.']).next().unwrap_or_default();
    check!(Refusal, FIELDS.contains(&first), "no path: {message}");
}

/// Whether a message ends with the suggestion of known fields, after the field of the request.
fn suggests_a_field(message: &str) -> bool {
    let meant = message
        .rsplit_once(": unknown field; did you mean ")
        .map(|(_, meant)| meant);
    let meant = meant.and_then(|meant| meant.strip_suffix('?'));
    let are_fields = |meant: &str| {
        let mut names = meant.split([' ', ',']).filter(|word| !["", "or", "and"].contains(word));
        names.all(|name| FIELDS.contains(&name) || OF_ATTACHMENTS_AND_PAIRS.contains(&name))
    };
    meant.is_some_and(are_fields)
}

/// A value that no message may repeat. Tests write it into addresses, subjects and contents.
pub(crate) const CANARY: &str = "canary";

/// A message may name keys, because they are fields; it never repeats a value.
fn hides_content(message: &str, body: &[u8]) {
    let key_has_it = || {
        let text = String::from_utf8_lossy(body);
        // An escaped text, or one before a colon, may belong to a key.
        text.contains('\\') || text.split(CANARY).skip(1).any(|behind| behind.contains(':'))
    };
    check!(
        Refusal,
        !message.contains(CANARY) || key_has_it(),
        "a message repeats content"
    );
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::FIELDS;

    fn description() -> Value {
        let description = concat!(env!("CARGO_MANIFEST_DIR"), "/../../openapi.json");
        serde_json::from_slice(&std::fs::read(description).unwrap()).unwrap()
    }

    fn operations(description: &Value) -> impl Iterator<Item = &Value> {
        let paths = description["paths"].as_object().unwrap().values();
        paths.flat_map(|path| path.as_object().unwrap().values())
    }

    /// Returns the fields of a schema of openapi.json, through references, lists and choices.
    fn fields(description: &Value, schema: &Value) -> Vec<String> {
        if let Some(reference) = schema["$ref"].as_str() {
            return fields(
                description,
                description.pointer(reference.trim_start_matches('#')).unwrap(),
            );
        }
        let choices = ["oneOf", "anyOf", "allOf"].map(|kind| schema[kind].as_array().into_iter().flatten());
        let inner = choices.into_iter().flatten().chain(schema.get("items"));
        let own = schema["properties"]
            .as_object()
            .into_iter()
            .flat_map(|own| own.keys().cloned());
        own.chain(inner.flat_map(|inner| fields(description, inner))).collect()
    }

    #[test]
    fn every_query_parameter_is_a_known_field() {
        let description = description();
        let parameters =
            operations(&description).flat_map(|operation| operation["parameters"].as_array().into_iter().flatten());
        let queries = parameters.filter(|parameter| parameter["in"] == "query");
        let names: Vec<_> = queries.map(|parameter| parameter["name"].as_str().unwrap()).collect();
        assert!(names.contains(&"from_domain"), "{names:?}");
        for name in names {
            assert!(FIELDS.contains(&name), "{name} is missing in FIELDS");
        }
    }

    #[test]
    fn every_field_of_a_body_is_a_known_field() {
        let description = description();
        let bodies = operations(&description).filter_map(|operation| operation["requestBody"]["content"].as_object());
        let schemas = bodies.flat_map(|content| content.values().map(|content| &content["schema"]));
        let names: Vec<_> = schemas.flat_map(|schema| fields(&description, schema)).collect();
        assert!(names.iter().any(|name| name == "daily_cap"), "{names:?}");
        for name in names {
            assert!(FIELDS.contains(&name.as_str()), "{name} is missing in FIELDS");
        }
    }
}
