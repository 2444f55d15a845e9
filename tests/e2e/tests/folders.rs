//! The folders of `shared/domain` and `shared/aws` import only the folders that this page allows.
//!
//! Tests inside the crates may import everything.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use e2e::root;

/// A folder, and the folders of the same crate that it may import. Every folder may import the values beside it:
/// ids, limits and times.
type Rule = (&'static str, &'static [&'static str]);

/// `delivery` and `queue` decide together about an email of a queue, and `ports` names the types of both.
const DOMAIN: &[Rule] = &[
    ("message", &[]),
    ("delivery", &["api", "message", "ports", "queue"]),
    ("queue", &["delivery", "ports", "reporting", "tenant"]),
    ("tenant", &["delivery", "message"]),
    ("reporting", &["delivery", "ports"]),
    ("ports", &["api", "delivery", "message", "queue", "reporting", "tenant"]),
    ("api", &["delivery", "message", "ports", "queue", "reporting", "tenant"]),
];

const AWS: &[Rule] = &[
    ("runtime", &[]),
    ("storage", &["runtime"]),
    ("sqs", &["runtime"]),
    ("ses", &["runtime"]),
    ("http", &["runtime"]),
];

/// Collects the Rust files below a path.
pub(crate) fn sources(path: &Path, found: &mut Vec<PathBuf>) {
    if path.is_dir() {
        for entry in fs::read_dir(path).unwrap() {
            sources(&entry.unwrap().path(), found);
        }
    } else if path.extension().is_some_and(|extension| extension == "rs") {
        found.push(path.to_owned());
    }
}

fn is_test(path: &Path) -> bool {
    let name = path.file_stem().unwrap().to_str().unwrap();
    name.ends_with("tests") || path.iter().any(|part| part == "golden") || name == "golden" || name == "replay"
}

/// The folders that a source imports, without its comments and its inline tests.
fn imports(source: &str) -> BTreeSet<String> {
    let code = source.split("#[cfg(test)]\nmod tests").next().unwrap();
    let lines = code.lines().map(|line| line.split("//").next().unwrap());
    let paths = lines.flat_map(|line| line.split("crate::").skip(1));
    let names = paths.filter_map(|path| path.split(|c: char| !(c.is_alphanumeric() || c == '_')).next());
    names.map(str::to_owned).collect()
}

fn check(crate_sources: &str, rules: &[Rule]) {
    let folders: BTreeSet<&str> = rules.iter().map(|(folder, _)| *folder).collect();
    for (folder, allowed) in rules {
        let mut files = Vec::new();
        sources(&root().join(crate_sources).join(folder), &mut files);
        files.push(root().join(crate_sources).join(format!("{folder}.rs")));
        assert!(files.len() > 1, "{folder} has no files");
        let mut used = BTreeSet::new();
        for file in files.iter().filter(|file| !is_test(file)) {
            let imports = imports(&fs::read_to_string(file).unwrap());
            for import in imports.iter().filter(|import| folders.contains(import.as_str())) {
                let is_allowed = import == folder || allowed.contains(&import.as_str());
                assert!(is_allowed, "{} imports {import}", file.display());
                used.insert(import.clone());
            }
        }
        let unused: Vec<_> = allowed.iter().filter(|allowed| !used.contains(**allowed)).collect();
        assert!(
            unused.is_empty(),
            "{folder} does not import {unused:?}: take it out of the rule"
        );
    }
}

#[test]
fn folders_of_the_domain_import_only_allowed_ones() {
    check("shared/domain/src", DOMAIN);
}

#[test]
fn folders_of_the_adapters_import_only_allowed_ones() {
    check("shared/aws/src", AWS);
}
