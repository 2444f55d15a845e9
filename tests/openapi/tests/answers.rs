//! Every answer matches the description, and every described answer occurs.

use std::collections::BTreeSet;

use aws::http::auth::TENANT_HEADER;
use domain::api::open_metrics::OPEN_METRICS;
use memory::MemoryBackend;
use memory::samples;
use openapi::operation::Operation;
use serde_json::{Value, json};

use crate::backend::backend;
use crate::caller::{Call, HTML};
use crate::calls::{EMAIL, FIRST, calls};
use crate::schema::{closed, problems, resolved};

/// The comparison of actual answers with the description.
struct Comparison {
    document: Value,
    operations: Vec<Operation>,
    given: BTreeSet<(&'static str, u16)>,
}

impl Comparison {
    /// Whether the deployer's key may call an operation for a tenant, and also for all of them.
    fn is_for_deployer(&self, name: &str) -> (bool, bool) {
        let operation = self.operations.iter().find(|operation| operation.name == name);
        operation.map_or((false, false), |operation| {
            (operation.for_operator, operation.for_viewer)
        })
    }

    /// Whether an operation needs no key.
    fn is_public(&self, name: &str) -> bool {
        self.operations
            .iter()
            .any(|operation| operation.name == name && operation.public)
    }

    async fn of(&mut self, backend: &MemoryBackend, call: &Call, expected: u16) -> Value {
        let operation = self
            .operations
            .iter()
            .find(|operation| operation.name == call.name)
            .unwrap();
        let described = &self.document["paths"][operation.path][operation.method]["responses"];
        let (status, answer) = call.ask(backend, operation).await;
        assert_eq!(status, expected, "{} {}: {answer}", call.name, call.path);
        let response = resolved(&self.document, &described[status.to_string()]);
        let media_type = match (answer.is_string(), call.name) {
            (true, "show_preview") => HTML,
            (true, _) => OPEN_METRICS,
            (false, _) => "application/json",
        };
        let schema = &response["content"][media_type]["schema"];
        assert!(schema.is_object(), "{} {status} is not described", call.name);
        let found = problems(&self.document, schema, &answer);
        assert_eq!(found, Vec::<String>::new(), "{} {status}: {answer}", call.name);
        self.given.insert((operation.name, status));
        answer
    }
}

fn comparison() -> Comparison {
    Comparison {
        document: closed(),
        operations: openapi::operations(),
        given: BTreeSet::new(),
    }
}

#[tokio::test]
async fn answers_match_the_description_and_all_occur() {
    let mut compared = comparison();
    let mut good = BTreeSet::new();
    for (call, status) in calls() {
        compared.of(&backend(), &call, status).await;
        if !good.insert(call.name) || call.name == "describe" {
            continue;
        }
        if !compared.is_public(call.name) {
            let mut keyless = call.clone();
            keyless.headers.as_object_mut().unwrap().remove("authorization");
            compared.of(&backend(), &keyless, 401).await;
            compared
                .of(&backend(), &call.clone().header("authorization", "Bearer x"), 403)
                .await;
        }
        let failing = backend();
        failing.fail_next(1);
        compared.of(&failing, &call, 500).await;
        let busy = backend();
        busy.state().faults = [memory::Fault::Throttled].into();
        compared.of(&busy, &call, 503).await;
        let (for_operator, for_viewer) = compared.is_for_deployer(call.name);
        if for_operator || for_viewer {
            let deployer = format!("Bearer {}", samples::DEPLOYER_KEY);
            let deployers = call.clone().header("authorization", &deployer);
            let without_a_tenant = if for_viewer { status } else { 422 };
            compared.of(&backend(), &deployers, without_a_tenant).await;
            for (tenant, status) in [("main", status), ("nobody", 404), ("No name", 422)] {
                let acting = deployers.clone().header(TENANT_HEADER, tenant);
                compared.of(&backend(), &acting, status).await;
            }
        }
    }
    // The same key again: with the same request, and with another.
    let backend = backend();
    for (name, path, body) in [
        ("send_email", "/emails", EMAIL.to_owned()),
        ("send_emails", "/emails/batch", format!("[{EMAIL}]")),
    ] {
        let call = Call::new(name, path).header("idempotency-key", name).body(body.clone());
        let first = compared.of(&backend, &call, 200).await;
        assert_eq!(compared.of(&backend, &call, 200).await, first);
        compared
            .of(&backend, &call.body(body.replace("\"S\"", "\"Other\"")), 409)
            .await;
    }
    for operation in &compared.operations {
        let described = &compared.document["paths"][operation.path][operation.method]["responses"];
        for status in described.as_object().unwrap().keys() {
            let given = compared.given.contains(&(operation.name, status.parse().unwrap()));
            // Only the gateway answers 429.
            assert!(
                given || status == "429",
                "{} is never answered {status}",
                operation.name
            );
        }
    }
}

#[tokio::test]
async fn a_surplus_or_missing_field_breaks_the_description() {
    let document = closed();
    let schema = json!({"$ref": "#/components/schemas/Email"});
    let mut compared = comparison();
    let email = compared.of(&backend(), &Call::new("get_email", FIRST), 200).await;
    assert_eq!(problems(&document, &schema, &email), Vec::<String>::new());
    for field in email.as_object().unwrap().keys() {
        let mut less = email.clone();
        less.as_object_mut().unwrap().remove(field);
        // An email without tags has no list of them.
        assert_ne!(
            problems(&document, &schema, &less).is_empty(),
            field != "tags",
            "{field}"
        );
    }
    for (field, value) in [
        ("more", json!(1)),
        ("id", json!("x")),
        ("created_at", json!("x")),
        ("status", json!("x")),
    ] {
        let mut other = email.clone();
        other[field] = value;
        assert_ne!(problems(&document, &schema, &other), Vec::<String>::new(), "{field}");
    }
}
