//! Describes the API: makes `openapi.json` from the code that answers.
//!
//! **Role:** `make openapi` writes the file; `manage` serves it; nothing of this crate is deployed.
//! **Invariant:** what a field is called and what it may hold is said once. Answers are described by
//! the types that are answered; requests by types of their own, for they are read by hand (their
//! errors name the place), and tests compare these with the readers, field by field.
//! **A route more** is one [`Operation`] in its resource's file, and, unless `enqueue` has it, its name where its
//! function tells its routes' names.
//! **Start reading at** [`document`]. Why this way: docs/adr/0014.

mod about;
mod access;
mod attachments;
mod emails;
pub mod operation;
mod queues;
pub mod refusals;
mod reports;
mod schemas;
mod suppressions;
mod times;

use serde_json::{Map, Value, json};

use crate::operation::Operation;
use crate::schemas::Schemas;

/// Everything that the API offers, in the order in which it is shown.
#[must_use]
pub fn operations() -> Vec<Operation> {
    [
        emails::operations(),
        attachments::operations(),
        queues::operations(),
        suppressions::operations(),
        reports::operations(),
        access::operations(),
        about::operations(),
    ]
    .concat()
}

/// The description of the API: OpenAPI 3.1.
///
/// Source: OpenAPI Specification 3.1.1, read 2026-11-24.
#[must_use]
pub fn document() -> Value {
    let mut schemas = Schemas::new();
    let mut paths = Map::new();
    for operation in operations() {
        let described = operation.describe(&mut schemas);
        let path = paths.entry(operation.path).or_insert_with(|| json!({}));
        if let Value::Object(methods) = path {
            methods.insert(operation.method.to_owned(), described);
        }
    }
    let responses = refusals::responses(&mut schemas);
    json!({
        "openapi": "3.1.1",
        "info": {
            "title": "mailqueue",
            "version": env!("CARGO_PKG_VERSION"),
            "summary": about::SUMMARY,
            "description": about::description(),
            "license": {"name": "MIT", "identifier": "MIT"},
        },
        "servers": [{"url": ".", "description": "Where this document was found."}],
        "security": [{"key": []}],
        "tags": about::tags(),
        "paths": paths,
        "components": {
            "schemas": schemas.defined(),
            "responses": responses,
            "securitySchemes": {"key": {
                "type": "http",
                "scheme": "bearer",
                "description": "A key that was made with POST /api-keys; for tenants, and the first key, the one that the queue was deployed with.",
            }},
        },
    })
}

/// The document as it is kept and served.
#[must_use]
pub fn written() -> String {
    format!("{:#}\n", document())
}
