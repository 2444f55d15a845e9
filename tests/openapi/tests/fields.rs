//! Every described field is read, every field that is read is described, and the description allows every accepted
//! request.
//!
//! Parsers do not list their fields. The tests therefore try every quoted word of the sources at every place where an
//! object is possible.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use access::api_keys::{KeyPage, Revocation};
use access::tenants::HoldChange;
use aws::http::query;
use domain::api::access_api::{parse_code, parse_key, parse_key_change, parse_tenant, parse_tenant_change};
use domain::api::attachments::parse_upload;
use domain::api::domain_api::{check_change, parse_create as parse_domain};
use domain::api::error::ApiError;
use domain::api::queue_api::{parse_change, parse_create, parse_pause, parse_redrive};
use domain::api::requests::{BatchValidation, parse_batch, parse_email, parse_reschedule, parse_retry};
use domain::api::suppressions::{parse_add, parse_add_many, parse_remove_many};
use domain::api::webhook_api;
use domain::tenant::domains::Tls;
use domains::reading::{DomainPage, Format};
use enqueue::dry_run;
use manage::by_key::{parse_cancellation, parse_release};
use manage::downloads::AttachmentPage;
use manage::paging::EmailPage;
use reports::failures::FailuresQuery;
use reports::metrics::MetricsQuery;
use serde_json::{Map, Value, json};
use suppressions::page::SuppressionPage;
use webhooks::page::{AttemptPage, EventPage, WebhookPage};

use crate::schema::{problems, problems_of_shape, resolved};

const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../..");

/// The description of a request, and its parser.
type Reader = (&'static str, fn(&[u8]) -> Result<(), ApiError>);

const READERS: &[Reader] = &[
    ("NewEmail", |body| parse_email(body).map(drop)),
    ("NewEmails", |body| parse_batch(body, BatchValidation::Strict).map(drop)),
    ("Reschedule", |body| parse_reschedule(body).map(drop)),
    ("Retry", |body| parse_retry(body).map(drop)),
    ("NewUpload", |body| parse_upload(body).map(drop)),
    ("NewQueue", |body| parse_create(body).map(drop)),
    ("QueueChange", |body| parse_change(body).map(drop)),
    ("Pause", |body| parse_pause(body).map(drop)),
    ("Redrive", |body| parse_redrive(body).map(drop)),
    ("NewSuppression", |body| parse_add(body).map(drop)),
    ("NewSuppressions", |body| parse_add_many(body).map(drop)),
    ("OldSuppressions", |body| parse_remove_many(body).map(drop)),
    ("NewDomain", |body| parse_domain(body, Tls::Opportunistic).map(drop)),
    ("DomainChange", |body| check_change(body, Tls::Opportunistic).map(drop)),
    ("NewWebhook", |body| webhook_api::parse_create(body).map(drop)),
    ("WebhookChange", |body| webhook_api::parse_change(body).map(drop)),
    ("NewSigningSecret", |body| webhook_api::parse_rotation(body).map(drop)),
    ("WebhookTest", |body| webhook_api::parse_test(body).map(drop)),
    ("Recover", |body| webhook_api::parse_recovery(body).map(drop)),
    ("NewKey", |body| parse_key(body).map(drop)),
    ("KeyChange", |body| parse_key_change(body).map(drop)),
    ("CodeExchange", |body| parse_code(body).map(drop)),
    ("NewTenant", |body| parse_tenant(body).map(drop)),
    ("TenantChange", |body| parse_tenant_change(body).map(drop)),
];

/// An operation, and the parser of its query.
type QueryReader = (&'static str, fn(&str) -> Result<(), ApiError>);

const QUERIES: &[QueryReader] = &[
    ("send_email", |query| dry_run::is_dry_run(query).map(drop)),
    ("list_emails", |query| EmailPage::parse(query).map(drop)),
    ("list_attachments", |query| AttachmentPage::parse(query).map(drop)),
    ("metrics", |query| MetricsQuery::parse(query).map(drop)),
    ("failures", |query| FailuresQuery::parse(query).map(drop)),
    ("delete_queue", |query| query::flag(query, "cancel").map(drop)),
    ("list_suppressions", |query| SuppressionPage::parse(query).map(drop)),
    ("list_domains", |query| DomainPage::parse(query).map(drop)),
    ("get_domain", |query| Format::parse(query).map(drop)),
    ("list_webhooks", |query| WebhookPage::parse(query).map(drop)),
    ("list_webhook_events", |query| EventPage::parse(query).map(drop)),
    ("list_webhook_attempts", |query| AttemptPage::parse(query).map(drop)),
    ("list_api_keys", |query| KeyPage::parse(query).map(drop)),
    ("change_api_key", |query| query::flag(query, "hold").map(drop)),
    ("revoke_api_key", |query| Revocation::parse(query).map(drop)),
    ("change_tenant", |query| HoldChange::parse(query).map(drop)),
    ("release_emails", |query| parse_release(query).map(drop)),
    ("cancel_emails", |query| parse_cancellation(query).map(drop)),
];

/// Returns all quoted words in the sources that may contain a parser's field names.
fn words() -> BTreeSet<String> {
    let mut words = BTreeSet::new();
    for source in [
        "shared/domain/src",
        "functions/access/src",
        "functions/domains/src",
        "functions/manage/src",
        "functions/reports/src",
        "functions/suppressions/src",
        "functions/webhooks/src",
        "functions/enqueue/src",
    ] {
        collect(&Path::new(ROOT).join(source), &mut words);
    }
    assert!(
        words.contains("scheduled_at") && words.contains("limit"),
        "the sources contain the fields"
    );
    words
}

fn collect(directory: &Path, words: &mut BTreeSet<String>) {
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            collect(&path, words);
            continue;
        }
        let source = fs::read_to_string(path).unwrap();
        for (at, _) in source.match_indices('"') {
            let rest = &source[at + 1..];
            let end = rest
                .find(|c: char| !(c.is_ascii_alphanumeric() || c == '_'))
                .unwrap_or(rest.len());
            if end > 0 && rest[end..].starts_with('"') {
                words.insert(rest[..end].to_owned());
            }
        }
    }
}

/// A place in a request where an object with known fields is possible.
struct Place {
    fields: BTreeSet<String>,
    /// The path from the outermost level; a field, or `None` for an entry of a list.
    path: Vec<Option<String>>,
}

impl Place {
    /// Returns a request with only this place, and in it one field with a number.
    fn with(&self, field: &str) -> String {
        let mut request = json!({field: 1});
        for step in self.path.iter().rev() {
            request = match step {
                Some(name) => json!({name: request}),
                None => json!([request]),
            };
        }
        request.to_string()
    }
}

fn places(document: &Value, schema: &Value, path: &[Option<String>], found: &mut Vec<Place>) {
    let schema = resolved(document, schema);
    for any in schema["anyOf"].as_array().into_iter().flatten() {
        places(document, any, path, found);
    }
    if schema["items"].is_object() {
        places(document, &schema["items"], &[path, &[None]].concat(), found);
    }
    if let Some(fields) = schema["properties"].as_object() {
        found.push(Place {
            fields: fields.keys().cloned().collect(),
            path: path.to_vec(),
        });
        for (name, field) in fields {
            places(document, field, &[path, &[Some(name.clone())]].concat(), found);
        }
    }
}

#[test]
fn fields_read_and_fields_described_are_the_same() {
    let (document, words) = (openapi::document(), words());
    let mut count = 0;
    for (name, read) in READERS {
        let mut found = Vec::new();
        places(&document, &document["components"]["schemas"][name], &[], &mut found);
        for place in found {
            // The parser reports an invalid Buffer in the same way for every field.
            if place.path.last() == Some(&Some("content".to_owned())) {
                continue;
            }
            let known = |word: &&String| match read(place.with(word).as_bytes()) {
                Ok(()) => true,
                Err(error) => !error.message().contains("unknown field") && !error.message().contains("not supported;"),
            };
            let read: BTreeSet<String> = words.iter().chain(&place.fields).filter(known).cloned().collect();
            assert_eq!(read, place.fields, "{name} at {:?}", place.path);
            count += 1;
        }
    }
    // Emails with their tags and files, alone and in batches; and all other bodies.
    assert!(count >= READERS.len() + 4, "{count} places");
}

#[test]
fn parameters_read_and_described_are_the_same() {
    let (document, words) = (openapi::document(), words());
    let mut with_query = BTreeSet::new();
    for operation in openapi::operations() {
        let described = &document["paths"][operation.path][operation.method]["parameters"];
        let described = described.as_array().into_iter().flatten();
        let described = described.filter(|parameter| parameter["in"] == "query");
        let described: BTreeSet<String> = described
            .map(|parameter| parameter["name"].as_str().unwrap().to_owned())
            .collect();
        let Some((_, parse)) = QUERIES.iter().find(|(name, _)| *name == operation.name) else {
            assert!(
                described.is_empty(),
                "no reader is listed for the query of {}",
                operation.name
            );
            continue;
        };
        let known = |word: &&String| match parse(&format!("{word}=1")) {
            Ok(()) => true,
            Err(error) => !error.message().starts_with("query: "),
        };
        let read: BTreeSet<String> = words.iter().chain(&described).filter(known).cloned().collect();
        assert_eq!(read, described, "{}", operation.name);
        with_query.insert(operation.name);
    }
    assert_eq!(with_query.len(), QUERIES.len());
}

/// Returns the descriptions of bodies, by operation.
fn bodies(document: &Value) -> Vec<(String, bool, Value)> {
    let operations = openapi::operations();
    let body = |operation: &openapi::operation::Operation| {
        let body = document["paths"][operation.path][operation.method].get("requestBody")?;
        let content = &body["content"]["application/json"];
        let name = content["schema"]["$ref"].as_str()?.rsplit('/').next()?.to_owned();
        Some((name, body["required"] == true, content["example"].clone()))
    };
    operations.iter().filter_map(body).collect()
}

#[test]
fn every_body_has_a_reader_and_its_example_is_accepted() {
    let document = openapi::document();
    let bodies = bodies(&document);
    assert_eq!(bodies.len(), READERS.len());
    for (name, required, example) in bodies {
        let (_, read) = READERS
            .iter()
            .find(|(reader, _)| *reader == name)
            .expect("every body has a reader");
        assert_eq!(read(example.to_string().as_bytes()), Ok(()), "{name}: {example}");
        assert_eq!(
            problems(&document, &document["components"]["schemas"][&name], &example),
            Vec::<String>::new()
        );
        assert_eq!(read(b"").is_err(), required, "{name} without a body");
    }
}

#[test]
fn only_required_fields_are_reported_as_missing() {
    let document = openapi::document();
    for (name, read) in READERS.iter().filter(|(name, _)| *name != "NewEmails") {
        let schema = &document["components"]["schemas"][name];
        let required = schema["required"].as_array().cloned().unwrap_or_default();
        let (_, _, example) = bodies(&document).into_iter().find(|(body, ..)| body == name).unwrap();
        for field in &required {
            let mut without: Map<String, Value> = example.as_object().unwrap().clone();
            without.remove(field.as_str().unwrap());
            let error = read(Value::from(without).to_string().as_bytes()).unwrap_err();
            assert_eq!(error.name().as_str(), "missing_required_field", "{name}: {field}");
        }
        // The required fields are enough, except where one of two fields is needed.
        let least: Map<String, Value> = example
            .as_object()
            .unwrap()
            .iter()
            .filter(|(field, _)| {
                required.iter().any(|name| name == *field)
                    || ["text", "emails", "name", "endpoint", "status"].contains(&field.as_str())
            })
            .map(|(field, value)| (field.clone(), value.clone()))
            .collect();
        assert_eq!(read(Value::from(least).to_string().as_bytes()), Ok(()), "{name}");
    }
}

/// The description allows every accepted input of the fuzzer's corpus and of its regressions.
#[test]
fn the_description_is_no_stricter_than_the_readers() {
    let document = openapi::document();
    let mut accepted = 0;
    for kind in ["corpus", "regressions"] {
        for file in fs::read_dir(Path::new(ROOT).join("tests/fuzz").join(kind).join("requests")).unwrap() {
            let bytes = fs::read(file.unwrap().path()).unwrap();
            for (name, read) in READERS {
                let (Ok(()), Ok(value)) = (read(&bytes), serde_json::from_slice::<Value>(&bytes)) else {
                    continue;
                };
                // An id in a body is either equal to the one in the path or refused later.
                let found = problems_of_shape(&document, &document["components"]["schemas"][name], &value);
                assert_eq!(found, Vec::<String>::new(), "{name}: {value}");
                accepted += 1;
            }
        }
    }
    assert!(accepted > 20, "only {accepted} of the recorded requests are accepted");
}
