//! The file in the repository is the one that is made.

use crate::schema;

#[test]
fn the_kept_file_is_the_one_that_is_made() {
    // Read when it is tested: `manage` holds it as it was when it was built.
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../openapi.json");
    let kept = std::fs::read_to_string(path).unwrap();
    assert!(
        kept == openapi::written(),
        "openapi.json is not what the code says: run make openapi"
    );
}

#[test]
fn every_schema_is_one() {
    let document = openapi::document();
    for (name, schema) in document["components"]["schemas"].as_object().unwrap() {
        jsonschema::meta::validate(schema).unwrap_or_else(|error| panic!("{name}: {error}"));
        schema::validator(&document, schema, true);
    }
}

#[test]
fn every_part_that_is_referred_to_is_there_and_every_part_is_referred_to() {
    let document = openapi::document();
    let text = document.to_string();
    for kind in ["schemas", "responses"] {
        for name in document["components"][kind].as_object().unwrap().keys() {
            // What a path's route has no use for: any route may have been asked by another method.
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
fn every_field_of_a_request_is_explained_or_its_type_is() {
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
    ] {
        let schema = &document["components"]["schemas"][name];
        assert!(schema["description"].is_string(), "{name}");
        assert_eq!(
            schema["additionalProperties"], false,
            "{name}: nobody knows other fields"
        );
    }
}
