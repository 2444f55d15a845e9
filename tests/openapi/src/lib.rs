//! Describes the API: generates `openapi.json` from the code that answers.
//!
//! **Role:** `make openapi` writes the file; `reports` serves it; nothing of this crate is deployed.
//! **Invariant:** the name of a field and its allowed values are defined once. The types that functions serialize
//! describe the answers. Requests are parsed by hand, so that errors name the field; types of this crate describe
//! them. Tests compare these types with the parsers, field by field.
//! **A new route** is one entry in its function's route table, and one [`Operation`] in its resource's file.
//! **Start reading at** [`document`]. Why this way: docs/adr/0014.

mod about;
mod access;
mod attachments;
mod domains;
mod email_parameters;
mod emails;
pub mod operation;
mod queues;
pub mod refusals;
mod reports;
mod schemas;
mod suppressions;
mod times;
mod webhooks;

use serde_json::{Map, Value, json};

use crate::operation::Operation;
use crate::schemas::Schemas;

/// Returns all operations of the API, in the order of the document.
#[must_use]
pub fn operations() -> Vec<Operation> {
    [
        emails::operations(),
        attachments::operations(),
        queues::operations(),
        suppressions::operations(),
        domains::operations(),
        webhooks::operations(),
        reports::operations(),
        access::operations(),
        about::operations(),
    ]
    .concat()
}

/// Returns the description of the API: OpenAPI 3.1.
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
        "servers": [{"url": ".", "description": "The server of this document."}],
        "security": [{"key": []}],
        "tags": about::tags(),
        "paths": paths,
        "components": {
            "schemas": schemas.defined(),
            "responses": responses,
            "securitySchemes": {"key": {
                "type": "http",
                "scheme": "bearer",
                "description": "An API key from POST /api-keys. For tenants and for the first API key: the deployer's key.",
            }},
        },
    })
}

/// Returns the text of `openapi.json`.
#[must_use]
pub fn written() -> String {
    format!("{:#}\n", document())
}
