//! The folders of `shared/domain` and `shared/aws` import only the folders that this file allows, in one order. No files
//! of a shared crate import each other in a circle.
//!
//! Tests inside the crates may import everything. A re-export (`pub use`) is no import.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use e2e::root;

/// A folder, and the folders of the same crate that it may import: only earlier ones. Every folder may import the
/// values beside it: ids, limits and times.
type Rule = (&'static str, &'static [&'static str]);

const DOMAIN: &[Rule] = &[
    ("message", &[]),
    ("delivery", &["message"]),
    ("tenant", &["delivery", "message"]),
    ("queue", &["delivery", "tenant"]),
    ("lifecycle", &["delivery", "queue"]),
    ("webhook", &["delivery", "message", "tenant"]),
    ("reporting", &["delivery", "queue"]),
    (
        "api",
        &["delivery", "message", "queue", "reporting", "tenant", "webhook"],
    ),
    (
        "ports",
        &[
            "delivery",
            "lifecycle",
            "message",
            "queue",
            "reporting",
            "tenant",
            "webhook",
        ],
    ),
];

const AWS: &[Rule] = &[
    ("runtime", &[]),
    ("storage", &["runtime"]),
    ("sqs", &["runtime"]),
    ("ses", &["runtime"]),
    ("cloudwatch", &["runtime"]),
    ("http", &["runtime"]),
];

/// The path of a module in its crate.
type Module = Vec<String>;

/// A crate's modules without its tests, with their code.
fn modules(crate_sources: &str) -> BTreeMap<Module, String> {
    let folder = root().join(crate_sources);
    let mut files = Vec::new();
    sources(&folder, &mut files);
    let files = files.into_iter().filter(|file| !is_test(file));
    let read = |file: PathBuf| {
        let path = file.with_extension("");
        let parts = path.strip_prefix(&folder).unwrap().iter();
        let parts = parts.map(|part| part.to_str().unwrap().to_owned());
        (parts.collect(), code(&fs::read_to_string(&file).unwrap()))
    };
    files.map(read).collect()
}

/// Collects the Rust files below a path.
fn sources(path: &Path, found: &mut Vec<PathBuf>) {
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
    let is_golden = path.iter().any(|part| part == "golden");
    is_golden || name.ends_with("tests") || ["golden", "replay", "samples"].contains(&name)
}

/// A source without its comments, its inline tests and its re-exports.
fn code(source: &str) -> String {
    let code = source.split("#[cfg(test)]\nmod tests").next().unwrap();
    let lines: Vec<_> = code.lines().map(|line| line.split("//").next().unwrap()).collect();
    let code = lines.join("\n");
    let statements = code.split(';').filter(|statement| {
        let mut words = statement.split_whitespace();
        !(words.next().is_some_and(|word| word.starts_with("pub")) && words.next() == Some("use"))
    });
    statements.collect::<Vec<_>>().join(";")
}

/// The modules that a module imports; those of other crates are left out.
fn imports(module: &Module, code: &str, modules: &BTreeMap<Module, String>) -> BTreeSet<Module> {
    let mut found = BTreeSet::new();
    for keyword in ["crate::", "self::", "super::"] {
        for (at, _) in code.match_indices(keyword) {
            if code[..at].ends_with(|c: char| c.is_alphanumeric() || "_:".contains(c)) {
                continue;
            }
            found.extend(paths(&code[at..]).into_iter().filter_map(|path| {
                let path = absolute(module, &path);
                let known = (1..=path.len()).rev().map(|length| path[..length].to_vec());
                known.into_iter().find(|prefix| modules.contains_key(prefix))
            }));
        }
    }
    found.remove(module);
    found
}

/// The paths that begin with a text: several for `super::a::{b, c::D}`.
fn paths(text: &str) -> Vec<Vec<String>> {
    let end = text.find(|c: char| !(c.is_alphanumeric() || c == '_'));
    let (name, rest) = text.split_at(end.unwrap_or(text.len()));
    let tails = match rest.strip_prefix("::") {
        None => vec![Vec::new()],
        Some(rest) => match rest.strip_prefix('{') {
            None => paths(rest),
            Some(group) => branches(group)
                .into_iter()
                .flat_map(|branch| paths(branch.trim()))
                .collect(),
        },
    };
    tails
        .into_iter()
        .map(|tail| [vec![name.to_owned()], tail].concat())
        .collect()
}

/// The branches of a group of imports, whose opening brace is left out.
fn branches(group: &str) -> Vec<&str> {
    let (mut branches, mut begin, mut depth) = (Vec::new(), 0, 0);
    for (at, c) in group.char_indices() {
        match c {
            '{' => depth += 1,
            ',' | '}' if depth == 0 => {
                branches.push(&group[begin..at]);
                begin = at + 1;
                if c == '}' {
                    break;
                }
            }
            '}' => depth -= 1,
            _ => {}
        }
    }
    branches
}

/// A path from the crate's root.
fn absolute(module: &Module, path: &[String]) -> Module {
    let supers = path.iter().take_while(|part| *part == "super").count();
    let base = match path[0].as_str() {
        "crate" => &[],
        "self" => &module[..],
        _ => &module[..module.len() - supers],
    };
    [base, &path[supers.max(1)..]].concat()
}

fn check_folders(crate_sources: &str, rules: &[Rule]) {
    let modules = modules(crate_sources);
    let mut earlier = BTreeSet::new();
    for (folder, allowed) in rules {
        let late: Vec<_> = allowed.iter().filter(|allowed| !earlier.contains(*allowed)).collect();
        assert!(
            late.is_empty(),
            "{folder} may import only earlier folders, not {late:?}"
        );
        earlier.insert(*folder);
        let mut used = BTreeSet::new();
        for (module, code) in modules.iter().filter(|(module, _)| module[0] == *folder) {
            for import in imports(module, code, &modules) {
                let import = import[0].clone();
                if import != *folder && rules.iter().any(|(other, _)| *other == import) {
                    assert!(allowed.contains(&import.as_str()), "{module:?} imports {import}");
                    used.insert(import);
                }
            }
        }
        let unused: Vec<_> = allowed.iter().filter(|allowed| !used.contains(**allowed)).collect();
        assert!(
            unused.is_empty(),
            "{folder} does not import {unused:?}: take it out of the rule"
        );
    }
}

/// The folders in the first sentence behind a label of a header.
fn named(source: &str, label: &str) -> Option<BTreeSet<String>> {
    let line = source.lines().find_map(|line| line.strip_prefix(label))?;
    let sentence = line.split(". ").next()?;
    Some(sentence.split('`').skip(1).step_by(2).map(str::to_owned).collect())
}

fn check_headers(crate_sources: &str, rules: &[Rule]) {
    for (folder, allowed) in rules {
        let source = fs::read_to_string(root().join(crate_sources).join(format!("{folder}.rs"))).unwrap();
        let importers = rules.iter().filter(|(_, allowed)| allowed.contains(folder));
        let importers: Vec<_> = importers.map(|(importer, _)| *importer).collect();
        for (label, expected) in [
            ("//! **May import:** ", allowed.to_vec()),
            ("//! **Imported by:** ", importers),
        ] {
            let expected: BTreeSet<_> = expected.into_iter().map(str::to_owned).collect();
            assert_eq!(named(&source, label), Some(expected), "{folder}: {label}");
        }
    }
}

#[test]
fn each_folders_header_names_its_imports_and_importers() {
    check_headers("shared/domain/src", DOMAIN);
    check_headers("shared/aws/src", AWS);
}

#[test]
fn folders_of_the_domain_import_only_allowed_ones() {
    check_folders("shared/domain/src", DOMAIN);
}

#[test]
fn folders_of_the_adapters_import_only_allowed_ones() {
    check_folders("shared/aws/src", AWS);
}

#[test]
fn no_files_import_each_other_in_a_circle() {
    for (sources, least) in [
        ("shared/domain/src", 100),
        ("shared/aws/src", 100),
        ("shared/workflow/src", 1),
        ("shared/memory/src", 20),
        ("shared/outgoing/src", 20),
    ] {
        let modules = modules(sources);
        let import = |(module, code): (&Module, &String)| (module.clone(), imports(module, code, &modules));
        let mut open: BTreeMap<Module, BTreeSet<Module>> = modules.iter().map(import).collect();
        let edges: usize = open.values().map(BTreeSet::len).sum();
        assert!(edges >= least, "{sources} has only {edges} imports");
        // A module that imports no open module is in no circle.
        while let Some(done) = open
            .iter()
            .find(|(_, imports)| imports.is_empty())
            .map(|(module, _)| module.clone())
        {
            open.remove(&done);
            open.values_mut().for_each(|imports| _ = imports.remove(&done));
        }
        // Nor is a module that no open module imports.
        while let Some(first) = open
            .keys()
            .find(|module| !open.values().any(|imports| imports.contains(*module)))
        {
            let first = first.clone();
            open.remove(&first);
        }
        assert!(open.is_empty(), "a circle is among the imports of {sources}: {open:?}");
    }
}
