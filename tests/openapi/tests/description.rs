//! The file in the repository is up to date.

use crate::schema;

#[test]
fn the_description_file_is_up_to_date() {
    // The test reads the file, because `reports` embeds its content at build time.
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../openapi.json");
    let kept = std::fs::read_to_string(path).unwrap();
    assert!(
        kept == openapi::written(),
        "openapi.json is out of date: run make openapi"
    );
}

#[test]
fn every_schema_is_valid() {
    let document = openapi::document();
    for (name, schema) in document["components"]["schemas"].as_object().unwrap() {
        jsonschema::meta::validate(schema).unwrap_or_else(|error| panic!("{name}: {error}"));
        schema::validator(&document, schema, true);
    }
}

#[test]
fn references_and_components_match() {
    let document = openapi::document();
    let text = document.to_string();
    for kind in ["schemas", "responses"] {
        for name in document["components"][kind].as_object().unwrap().keys() {
            // No operation refers to it: any path may be called with a wrong method.
            let used = name == "MethodNotAllowed" || text.contains(&format!("\"#/components/{kind}/{name}\""));
            assert!(used, "nothing refers to {name}");
        }
    }
    for reference in text.split("\"#/components/").skip(1) {
        let path = reference.split('"').next().unwrap();
        assert!(
            document.pointer(&format!("/components/{path}")).is_some(),
            "there is no {path}"
        );
    }
}

#[test]
fn every_request_schema_is_described_and_closed() {
    let document = openapi::document();
    for name in [
        "NewEmail",
        "NewAttachment",
        "Reschedule",
        "Retry",
        "NewUpload",
        "NewQueue",
        "QueueChange",
        "Pause",
        "Redrive",
        "NewSuppression",
        "NewSuppressions",
        "OldSuppressions",
        "NewWebhook",
        "WebhookChange",
        "NewSigningSecret",
        "WebhookTest",
        "Recover",
        "CodeExchange",
    ] {
        let schema = &document["components"]["schemas"][name];
        assert!(schema["description"].is_string(), "{name}");
        assert_eq!(
            schema["additionalProperties"], false,
            "{name}: other fields must be refused"
        );
    }
}
