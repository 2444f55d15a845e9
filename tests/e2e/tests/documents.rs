//! Every test that a document names exists.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use e2e::root;

/// Collects the names of all tests in the Rust files below a directory.
fn tests_below(directory: &Path, names: &mut BTreeSet<String>) {
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            tests_below(&path, names);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            names.extend(tests_in(&fs::read_to_string(&path).unwrap()));
        }
    }
}

/// Returns the functions after a `#[test]` or `#[tokio::test]`.
fn tests_in(code: &str) -> Vec<String> {
    let mut names = Vec::new();
    let mut expects_one = false;
    for line in code.lines().map(str::trim) {
        if line.starts_with("#[test]") || line.starts_with("#[tokio::test") {
            expects_one = true;
        } else if let Some((_, behind)) = line.split_once("fn ")
            && expects_one
        {
            names.extend(behind.split('(').next().map(str::to_owned));
            expects_one = false;
        }
    }
    names
}

/// Returns the texts in backticks that look like test names: four or more words.
fn named_in(document: &str) -> BTreeSet<String> {
    let looks_like_one = |text: &&str| {
        text.matches('_').count() >= 3
            && text
                .bytes()
                .all(|b| b.is_ascii_lowercase() || b == b'_' || b.is_ascii_digit())
    };
    document.split('`').filter(looks_like_one).map(str::to_owned).collect()
}

#[test]
fn every_test_named_in_a_document_exists() {
    let mut there = BTreeSet::new();
    for directory in ["functions", "shared", "tests", "local"] {
        tests_below(&root().join(directory), &mut there);
    }
    assert!(there.len() > 300, "{} tests were found", there.len());
    for document in [
        "docs/RELIABILITY.md",
        "docs/HOSTILE_INPUT.md",
        "docs/SECURITY.md",
        "docs/INVARIANTS.md",
        "docs/STATES.md",
        "docs/COST.md",
        "README.md",
        "ARCHITECTURE.md",
    ] {
        let named = named_in(&fs::read_to_string(root().join(document)).unwrap());
        let missing: Vec<_> = named.difference(&there).collect();
        assert!(missing.is_empty(), "{document} names no test of ours: {missing:?}");
        assert!(document != "docs/RELIABILITY.md" || named.len() > 60, "{}", named.len());
    }
}

#[test]
fn every_glossary_term_is_in_its_file() {
    let glossary = fs::read_to_string(root().join("docs/GLOSSARY.md")).unwrap();
    let entries: Vec<_> = glossary.lines().filter(|line| line.starts_with("- **")).collect();
    assert!((20..=30).contains(&entries.len()), "{} terms", entries.len());
    for entry in entries {
        let name = entry.split('`').nth(1).expect("a name in the code");
        let file = entry.rsplit("](").next().and_then(|link| link.strip_suffix(')'));
        let file = root().join("docs").join(file.expect("a link to a file"));
        let code = fs::read_to_string(&file).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
        let mut words = code.split(|c: char| !c.is_alphanumeric() && c != '_');
        assert!(words.any(|word| word == name), "{} has no {name}", file.display());
    }
}
