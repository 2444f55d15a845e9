//! The pages about invariants and states say the same as the code.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking, in its helpers too")]

use std::fs;
use std::path::Path;

use chaos::oracle::Defect;
use checker::property::Property;
use fuzz::TARGETS;
use invariants::{Invariant, transitions};
use simulation::oracle::CHECKED;

fn page(name: &str) -> String {
    let docs = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs");
    fs::read_to_string(docs.join(name)).unwrap()
}

/// A harness, its source, and its own names of the checks; none if it does not check the invariant.
fn line(harness: &str, source: &str, names: &[&str]) -> String {
    let file = source.rsplit('/').next().unwrap_or_default();
    let names: Vec<_> = names.iter().map(|name| format!("`{name}`")).collect();
    let behind = if names.is_empty() {
        String::new()
    } else {
        format!(": {}", names.join(", "))
    };
    format!("- {harness}, [`{file}`](../tests/{source}){behind}")
}

/// The harnesses that check an invariant, by their own lists.
fn checked_by(invariant: Invariant) -> Vec<String> {
    let properties = Property::ALL
        .iter()
        .filter(|property| property.invariant() == invariant);
    let properties: Vec<_> = properties.map(|property| property.name()).collect();
    let defects = Defect::ALL.iter().filter(|defect| defect.invariant() == invariant);
    let defects: Vec<_> = defects.map(|defect| defect.name()).collect();
    let targets = TARGETS.iter().filter(|target| target.invariants.contains(&invariant));
    let targets: Vec<_> = targets.map(|target| target.name).collect();
    let mut lines = Vec::new();
    if !properties.is_empty() {
        lines.push(line("Checker", "checker/src/property.rs", &properties));
    }
    if CHECKED.contains(&invariant) {
        lines.push(line("Simulation", "simulation/src/oracle.rs", &[]));
    }
    if !defects.is_empty() {
        lines.push(line("Chaos", "chaos/src/oracle.rs", &defects));
    } else if chaos::oracle::checked_invariants().contains(&invariant) {
        lines.push(line("Chaos", "chaos/src/report.rs", &[invariant.name()]));
    }
    if !targets.is_empty() {
        lines.push(line("Fuzzing", "fuzz/src/lib.rs", &targets));
    }
    lines
}

fn section(invariant: Invariant) -> String {
    format!(
        "## {}. {}\n\n{}\n\n```text\n{}\n```\n\nChecked by:\n\n{}\n",
        invariant.id(),
        invariant.name(),
        invariant.sentence(),
        invariant.formal().join("\n"),
        checked_by(invariant).join("\n")
    )
}

#[test]
fn the_page_and_the_code_list_the_same_invariants() {
    let page = page("INVARIANTS.md");
    let (before, found) = page.split_at(page.find("## I1.").unwrap());
    let sections: Vec<_> = Invariant::ALL.iter().map(|invariant| section(*invariant)).collect();
    let expected = sections.join("\n");
    if found != expected {
        let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join("INVARIANTS.md");
        fs::write(&path, format!("{before}{expected}")).unwrap();
        panic!(
            "docs/INVARIANTS.md differs from the code. The expected page: {}",
            path.display()
        );
    }
}

#[test]
fn readme_quotes_each_invariant_that_it_links() {
    let readme = page("../README.md");
    let linked = |invariant: &&Invariant| readme.contains(&format!("[{}](docs/INVARIANTS.md#", invariant.id()));
    let linked: Vec<_> = Invariant::ALL.iter().filter(linked).collect();
    assert!(linked.len() >= 5, "README links {linked:?} only");
    for invariant in linked {
        assert!(
            readme.contains(invariant.sentence()),
            "README does not quote {invariant}"
        );
    }
}

#[test]
fn every_invariant_is_checked() {
    for invariant in Invariant::ALL {
        assert!(!checked_by(*invariant).is_empty(), "no harness checks {invariant}");
    }
}

#[test]
fn every_harness_is_on_the_page() {
    let page = page("INVARIANTS.md");
    for harness in ["Checker", "Simulation", "Chaos", "Fuzzing"] {
        assert!(page.contains(&format!("\n- {harness}, [")), "{harness} checks nothing");
    }
}

#[test]
fn the_page_of_the_states_is_current() {
    assert_eq!(page("STATES.md"), transitions::page(), "run make states");
}
