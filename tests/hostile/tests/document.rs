//! The document in the repository is up to date.

#[test]
fn the_hostile_input_document_is_up_to_date() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/HOSTILE_INPUT.md");
    let kept = std::fs::read_to_string(path).unwrap();
    assert!(
        kept == hostile::document(),
        "docs/HOSTILE_INPUT.md is out of date: run make hostile"
    );
}
