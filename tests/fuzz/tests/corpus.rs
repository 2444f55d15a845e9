//! Runs every target on the recorded inputs, without an engine.
#![expect(clippy::expect_used, reason = "a failing test panics with its reason")]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use fuzz::{GUIDANCE, TARGETS, Target};

fn kept(kind: &str, target: &Target) -> Vec<PathBuf> {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join(kind).join(target.name);
    let Ok(entries) = fs::read_dir(directory) else {
        return Vec::new();
    };
    let mut paths: Vec<_> = entries.map(|entry| entry.expect("an input").path()).collect();
    paths.sort();
    paths
}

/// Runs a target on a file; returns the failure, if there is one.
fn run(target: &Target, path: &Path) -> Result<(), String> {
    let data = fs::read(path).expect("an input is readable");
    let ran = std::panic::catch_unwind(|| (target.run)(&data));
    ran.map_err(|_| format!("{} fails on {}", target.name, path.display()))
}

#[test]
fn every_target_passes_on_the_recorded_inputs() {
    let mut failed = Vec::new();
    for target in &TARGETS {
        let corpus = kept("corpus", target);
        assert!(corpus.len() > 10, "{} has {} inputs", target.name, corpus.len());
        let inputs = corpus.into_iter().chain(kept("regressions", target));
        failed.extend(inputs.filter_map(|path| run(target, &path).err()));
        // Empty input, and input of one repeated byte.
        (target.run)(&[]);
        (target.run)(&[0xff; 64]);
    }
    assert!(failed.is_empty(), "{failed:#?}");
}

#[test]
fn the_planted_defect_fails() {
    let found = std::panic::catch_unwind(|| (GUIDANCE.run)(b"mailq!!"));
    assert!(found.is_err());
    (GUIDANCE.run)(b"mail?");
    (GUIDANCE.run)(b"");
}

#[test]
fn every_recorded_input_has_a_target() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    for kind in ["corpus", "regressions"] {
        let Ok(entries) = fs::read_dir(root.join(kind)) else {
            continue;
        };
        for entry in entries {
            let name = entry.expect("a directory").file_name();
            assert!(TARGETS.iter().any(|target| target.name == name), "{kind}/{name:?}");
        }
    }
}

/// The invariants that the checks of the targets name.
fn named_in_checks() -> BTreeSet<String> {
    let mut folders = vec![Path::new(env!("CARGO_MANIFEST_DIR")).join("src")];
    let mut files = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).expect("the sources") {
            let path = entry.expect("a source").path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") && !path.ends_with("check.rs") {
                files.push(path);
            }
        }
    }
    let mut names = BTreeSet::new();
    for path in files {
        let code = fs::read_to_string(path).expect("a source is readable");
        for call in ["check!(", "check_eq!(", "violated!("] {
            let behind = code.split(call).skip(1);
            names.extend(behind.filter_map(|code| code.trim_start().split(',').next().map(str::to_owned)));
        }
    }
    names
}

#[test]
fn the_targets_list_their_checked_invariants() {
    let listed = TARGETS.iter().flat_map(|target| target.invariants);
    let listed: BTreeSet<_> = listed.map(|invariant| invariant.name().to_owned()).collect();
    assert_eq!(listed, named_in_checks());
}
