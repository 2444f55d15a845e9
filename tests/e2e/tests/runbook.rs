//! docs/OPERATIONS.md has a section for each alarm of the template, and for no other.

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

/// Returns the sections about alarms: the names in their headings, and their text.
fn sections() -> Vec<(Vec<String>, String)> {
    let runbook = fs::read_to_string(root().join("docs/OPERATIONS.md")).unwrap();
    let (_, alarms) = runbook.split_once("\n## Alarms\n").unwrap();
    let (alarms, _) = alarms.split_once("\n## ").unwrap();
    let sections = alarms
        .split("\n### ")
        .skip(1)
        .map(|section| section.split_once('\n').unwrap());
    let names = |heading: &str| heading.split(", ").map(str::to_owned).collect();
    sections
        .map(|(heading, text)| (names(heading), text.to_owned()))
        .collect()
}

#[test]
fn each_alarm_has_a_section_in_the_runbook() {
    let sections = sections();
    let named: BTreeSet<String> = sections.iter().flat_map(|(names, _)| names.clone()).collect();
    assert_eq!(named, alarms());
    for (names, text) in sections {
        for part in ["**Meaning.**", "**Look.**", "**Do.**"] {
            assert!(text.contains(part), "{names:?} has no {part}");
        }
    }
}
