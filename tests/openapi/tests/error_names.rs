//! Every official SDK raises our errors: it knows their names.

use serde_json::Value;

const SDKS: &str = include_str!("../../interop/error_names.json");

/// Returns our names that an SDK lacks, each with that SDK, if the SDK does not raise an unknown name with its text.
fn lacking(names: &[Value]) -> Vec<String> {
    let facts: Value = serde_json::from_str(SDKS).unwrap();
    let sdks = facts["sdks"].as_array().unwrap();
    let closed: Vec<&Value> = sdks
        .iter()
        .filter(|sdk| ["success", "unreadable"].contains(&sdk["unknown_name"].as_str().unwrap()))
        .collect();
    assert!(closed.len() >= 2, "PHP and .NET have a closed list");
    let lacks = |sdk: &Value, name: &Value| !sdk["names"].as_array().unwrap().contains(name);
    let of_sdk = |sdk: &Value| {
        let lacked = names.iter().filter(|name| lacks(sdk, name));
        lacked.map(|name| format!("{}: {name}", sdk["sdk"])).collect::<Vec<_>>()
    };
    closed.into_iter().flat_map(of_sdk).collect()
}

#[test]
fn sdks_with_a_closed_list_know_every_error_name() {
    let document = openapi::document();
    let names = document["components"]["schemas"]["ErrorName"]["enum"]
        .as_array()
        .unwrap();
    assert_eq!(lacking(names), [""; 0]);
    // Earlier versions answered with a name of their own.
    assert_eq!(
        lacking(&["conflict".into()]),
        [r#""PHP": "conflict""#, r#"".NET": "conflict""#]
    );
}
