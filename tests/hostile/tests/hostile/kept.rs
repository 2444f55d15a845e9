//! The document in the repository is the one that is made.

#[test]
fn the_kept_document_is_the_one_that_is_made() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/HOSTILE_INPUT.md");
    let kept = std::fs::read_to_string(path).unwrap();
    assert!(
        kept == hostile::document(),
        "docs/HOSTILE_INPUT.md is not what the classes say: run make hostile"
    );
}
