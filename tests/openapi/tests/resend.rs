//! Every difference from Resend's OpenAPI document has a reason in docs/SDKS.md.

use std::process::Command;

use serde_json::Value;

/// Returns the faults that the comparison finds in a document, or nothing.
fn faults(name: &str, document: &Value) -> String {
    let file = std::env::temp_dir().join(format!("{name}-{}.json", std::process::id()));
    std::fs::write(&file, document.to_string()).unwrap();
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/../interop/resend_openapi");
    let done = Command::new(script).arg("--check").arg(&file).output().unwrap();
    std::fs::remove_file(&file).unwrap();
    let printed = [done.stdout, done.stderr].concat();
    assert_eq!(done.status.success(), printed.is_empty());
    String::from_utf8(printed).unwrap()
}

#[test]
fn every_difference_from_resend_has_a_reason() {
    assert_eq!(faults("described", &openapi::document()), "");
}

#[test]
fn a_changed_field_needs_a_new_reason() {
    let mut document = openapi::document();
    let fields = document["components"]["schemas"]["NewEmail"]["properties"]
        .as_object_mut()
        .unwrap();
    fields.remove("html");
    fields["text"]["type"] = "integer".into();
    let reasons = "add it with its reason to differences.json.\n";
    let expected: Vec<String> = ["/emails", "/emails/batch"]
        .into_iter()
        .flat_map(|path| {
            [
                ("html", "only Resend"),
                ("text", "also integer"),
                ("text", "not string"),
            ]
            .map(|(field, kind)| format!("POST {path}: request {field}: {kind}: {reasons}"))
        })
        .collect();
    assert_eq!(faults("changed", &document), expected.concat());
}
