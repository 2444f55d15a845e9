//! Comparisons of values with schemas of the document.

use jsonschema::Validator;
use serde_json::{Value, json};

/// Returns a validator for a schema of the document.
pub(crate) fn validator(document: &Value, schema: &Value, formats: bool) -> Validator {
    let whole = json!({"components": document["components"], "allOf": [schema]});
    jsonschema::draft202012::options()
        .should_validate_formats(formats)
        .build(&whole)
        .expect("the schema is valid")
}

/// Returns the differences between a value and its description.
pub(crate) fn problems(document: &Value, schema: &Value, value: &Value) -> Vec<String> {
    errors_of(&validator(document, schema, true), value)
}

/// Like [`problems`], without checking the formats of texts.
pub(crate) fn problems_of_shape(document: &Value, schema: &Value, value: &Value) -> Vec<String> {
    errors_of(&validator(document, schema, false), value)
}

fn errors_of(validator: &Validator, value: &Value) -> Vec<String> {
    let problem = |error: jsonschema::ValidationError<'_>| format!("{}: {error}", error.instance_path());
    validator.iter_errors(value).map(problem).collect()
}

/// Returns the document with answers closed to undescribed fields.
pub(crate) fn closed() -> Value {
    let mut document = openapi::document();
    for schema in document["components"]["schemas"].as_object_mut().unwrap().values_mut() {
        // The document itself has more than its short description.
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
        schema = document.pointer(pointer).expect("the reference has a target");
    }
    schema
}
