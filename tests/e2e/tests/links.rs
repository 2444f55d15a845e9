//! The links between the documents, and from them to the code.

use std::fs;
use std::path::{Path, PathBuf};

use e2e::root;

/// The Markdown files that people read.
fn documents() -> Vec<PathBuf> {
    let mut found = Vec::new();
    for folder in ["", "docs", "docs/adr", "events"] {
        for entry in fs::read_dir(root().join(folder)).unwrap() {
            let path = entry.unwrap().path();
            if path.extension().is_some_and(|extension| extension == "md") {
                found.push(path);
            }
        }
    }
    found
}

/// The relative targets of a document's links, without their anchors.
fn targets(document: &str) -> Vec<&str> {
    let links = document.split("](").skip(1);
    links
        .filter_map(|rest| rest.split(')').next())
        .filter_map(|link| link.split('#').next())
        .filter(|path| !path.is_empty() && !path.contains("://"))
        .collect()
}

#[test]
fn each_relative_link_leads_to_a_file() {
    let documents = documents();
    assert!(documents.len() > 30, "{documents:?}");
    for document in documents {
        let text = fs::read_to_string(&document).unwrap();
        let folder = document.parent().unwrap_or(Path::new("."));
        let broken: Vec<&str> = targets(&text)
            .into_iter()
            .filter(|target| !folder.join(target).exists())
            .collect();
        assert!(broken.is_empty(), "{} has broken links: {broken:?}", document.display());
    }
}
