//! A source file has at most 400 lines, or its header says why it is longer.

use std::fs;

use e2e::root;

use crate::folders::sources;

/// The checked folders.
const FOLDERS: [&str; 4] = ["functions", "local", "shared", "tests"];

/// The largest number of lines of a file without a reason.
const MOST: usize = 400;

/// The beginning of the reason.
const REASON: &str = "//! **Long, because** ";

#[test]
fn a_long_file_gives_its_reason() {
    let mut files = Vec::new();
    for folder in FOLDERS {
        sources(&root().join(folder), &mut files);
    }
    assert!(files.len() > 200, "{} files were found", files.len());
    for file in files {
        let source = fs::read_to_string(&file).unwrap();
        let has_reason = source.lines().any(|line| line.starts_with(REASON));
        let is_long = source.lines().count() > MOST;
        assert_eq!(
            is_long,
            has_reason,
            "{}: split it, or begin a line of its header with {REASON}",
            file.display()
        );
    }
}
