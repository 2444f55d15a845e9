//! A file of Rust or Python has at most 400 lines, or its header gives the reason for more.

use std::fs;
use std::path::{Path, PathBuf};

use e2e::root;

/// The checked folders.
const FOLDERS: [&str; 5] = ["deploy", "functions", "local", "shared", "tests"];

/// The largest number of lines of a file without a reason.
const MOST: usize = 400;

/// The beginnings of the reason: in a header of Rust, and in a docstring of Python.
const REASONS: [&str; 2] = ["//! **Long, because** ", "**Long, because** "];

/// Collects the files of Rust and Python below a path.
fn sources(path: &Path, found: &mut Vec<PathBuf>) {
    if path.is_dir() {
        for entry in fs::read_dir(path).unwrap() {
            sources(&entry.unwrap().path(), found);
        }
    } else if path
        .extension()
        .is_some_and(|extension| extension == "rs" || extension == "py")
    {
        found.push(path.to_owned());
    }
}

#[test]
fn a_long_file_gives_its_reason() {
    let mut files = Vec::new();
    for folder in FOLDERS {
        sources(&root().join(folder), &mut files);
    }
    assert!(files.len() > 200, "{} files were found", files.len());
    for file in files {
        let source = fs::read_to_string(&file).unwrap();
        let has_reason = source
            .lines()
            .any(|line| REASONS.iter().any(|reason| line.starts_with(reason)));
        let is_long = source.lines().count() > MOST;
        assert_eq!(
            is_long,
            has_reason,
            "{}: split it, or begin a line of its header with {REASONS:?}",
            file.display()
        );
    }
}
