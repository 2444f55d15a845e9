//! docs/OPERATIONS.md has a section for each alarm of the template.

use std::collections::BTreeSet;
use std::fs;

use e2e::root;
use yaml_serde::Value;

/// Returns the logical ids of the template's alarms.
fn alarms() -> BTreeSet<String> {
    let template: Value = yaml_serde::from_str(&fs::read_to_string(root().join("template.yaml")).unwrap()).unwrap();
    let resources = template["Resources"].as_mapping().unwrap();
    let alarms = resources
        .iter()
        .filter(|(_, resource)| resource["Type"] == "AWS::CloudWatch::Alarm");
    alarms.map(|(id, _)| id.as_str().unwrap().to_owned()).collect()
}

/// Returns the names in the runbook's headings.
fn sections() -> BTreeSet<String> {
    let runbook = fs::read_to_string(root().join("docs/OPERATIONS.md")).unwrap();
    let headings = runbook.lines().filter_map(|line| line.strip_prefix("### "));
    headings.flat_map(|line| line.split(", ").map(str::to_owned)).collect()
}

#[test]
fn each_alarm_has_a_section_in_the_runbook() {
    let alarms = alarms();
    assert!(alarms.len() > 20, "{alarms:?}");
    let missing: Vec<_> = alarms.difference(&sections()).cloned().collect();
    assert!(missing.is_empty(), "docs/OPERATIONS.md has no section for {missing:?}");
}
