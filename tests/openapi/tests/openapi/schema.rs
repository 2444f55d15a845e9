//! Compares values with schemas of the document.

use jsonschema::Validator;
use serde_json::{Value, json};

/// What compares a value with a schema of the document.
pub(crate) fn validator(document: &Value, schema: &Value, formats: bool) -> Validator {
    let whole = json!({"components": document["components"], "allOf": [schema]});
    jsonschema::draft202012::options()
        .should_validate_formats(formats)
        .build(&whole)
        .expect("a schema of the document is one")
}

/// Nothing if the value is as described, else what is wrong with it.
pub(crate) fn problems(document: &Value, schema: &Value, value: &Value) -> Vec<String> {
    told(&validator(document, schema, true), value)
}

/// As [`problems`], whatever texts are meant to be.
pub(crate) fn problems_of_shape(document: &Value, schema: &Value, value: &Value) -> Vec<String> {
    told(&validator(document, schema, false), value)
}

fn told(validator: &Validator, value: &Value) -> Vec<String> {
    let problem = |error: jsonschema::ValidationError<'_>| format!("{}: {error}", error.instance_path());
    validator.iter_errors(value).map(problem).collect()
}

/// The document, with no room in its answers for what it does not describe.
pub(crate) fn closed() -> Value {
    let mut document = openapi::document();
    for schema in document["components"]["schemas"].as_object_mut().unwrap().values_mut() {
        // This document itself is more than is described of it.
        if schema["properties"].is_object() && schema["properties"].get("openapi").is_none() {
            schema["unevaluatedProperties"] = false.into();
        }
    }
    document
}

/// Follows references.
pub(crate) fn resolved<'a>(document: &'a Value, mut schema: &'a Value) -> &'a Value {
    while let Some(reference) = schema.get("$ref") {
        let pointer = reference.as_str().unwrap().trim_start_matches('#');
        schema = document.pointer(pointer).expect("a reference leads somewhere");
    }
    schema
}
