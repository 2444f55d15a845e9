//! The embedded files: all of `assets/`, small, and without addresses elsewhere.

use std::collections::BTreeSet;

use console::assets::{all, find, hash, page};

/// Most bytes of all files with brotli.
const MOST_BYTES: usize = 100_000;

#[test]
fn all_files_together_are_small() {
    let bytes: usize = all().iter().map(|asset| asset.brotli.len()).sum();
    assert!(bytes < MOST_BYTES, "{bytes} bytes with brotli");
}

#[test]
fn brotli_has_the_same_content() {
    for asset in all() {
        let mut unpacked = Vec::new();
        brotli::BrotliDecompress(&mut &asset.brotli[..], &mut unpacked).unwrap();
        assert_eq!(unpacked, asset.plain, "{}", asset.path);
    }
}

#[test]
fn the_page_names_existing_files_by_the_hash() {
    let text = str::from_utf8(page().plain).unwrap();
    assert!(!text.contains("HASH"), "a place of the hash is left");
    let before = format!("./{}/", hash());
    let named: Vec<&str> = text.split(&before).skip(1).collect();
    assert!(!named.is_empty());
    for rest in named {
        let path = rest.split(['"', '\'', ' ', '>']).next().unwrap();
        assert!(find(path).is_some(), "index.html names {path}");
    }
}

/// Returns the files that a script imports at its start.
fn imports(path: &str) -> Vec<String> {
    let text = find(path).map_or("", |asset| str::from_utf8(asset.plain).unwrap_or_default());
    assert!(!text.is_empty(), "{path} is missing");
    let folder = path.rsplit_once('/').map(|(folder, _)| format!("{folder}/"));
    assert!(
        !text.contains(" from '../"),
        "{path} imports from another folder: resolve it here"
    );
    let named = text.split(" from './").skip(1);
    let named = named.filter_map(|rest| rest.split_once('\''));
    named
        .map(|(name, _)| format!("{}{name}", folder.as_deref().unwrap_or_default()))
        .collect()
}

/// Otherwise the browser learns of a file only after it has read another one, and the first text comes later.
#[test]
fn the_page_names_every_script_of_the_sign_in() {
    let (mut needed, mut unread) = (BTreeSet::new(), imports("main.js"));
    while let Some(path) = unread.pop() {
        if needed.insert(path.clone()) {
            unread.extend(imports(&path));
        }
    }
    let text = str::from_utf8(page().plain).unwrap();
    let before = format!(r#"<link rel="modulepreload" href="./{}/"#, hash());
    let named = text.split(&before).skip(1);
    let named: BTreeSet<String> = named.map(|rest| rest.split_once('"').unwrap().0.to_owned()).collect();
    assert_eq!(named, needed);
}

#[test]
fn the_page_has_no_inline_script_and_no_foreign_address() {
    let text = str::from_utf8(page().plain).unwrap();
    for part in ["<style", " style=", "onclick=", "onload=", "javascript:", "//", "<base"] {
        assert!(!text.contains(part), "index.html has {part}");
    }
    for script in text.split("<script").skip(1) {
        let (head, rest) = script.split_once('>').unwrap();
        assert!(head.contains(" src="), "an inline script: {head}");
        assert!(rest.starts_with("</script>"), "a script has a content: {head}");
    }
}

#[test]
fn files_are_found_only_by_their_path() {
    assert!(all().is_sorted_by_key(|asset| asset.path), "the search needs the order");
    for asset in all().iter().filter(|asset| asset.path != "index.html") {
        assert_eq!(find(asset.path), Some(asset));
    }
    for path in [
        "",
        "/",
        "index.html",
        "../Cargo.toml",
        "kit",
        "kit/",
        "README.md",
        "style.css/",
    ] {
        assert_eq!(find(path), None, "{path}");
    }
}
