//! The comments of a script are left out, and nothing else.

#[path = "../build/without_comments.rs"]
mod without_comments;

use without_comments::without_comments;

#[test]
fn comments_and_indentation_are_left_out() {
    let script = "// Shows.\n\n/**\n * Adds.\n * @param {number} a\n */\nfunction add(a,\n    /** @type {number} */ b) {\n  return a + b; // both\n}\n";
    let short = "function add(a,\nb) {\nreturn a + b; // both\n}\n";
    assert_eq!(without_comments(script), Ok(short.to_owned()));
}

#[test]
fn no_string_changes() {
    let script = "const url = 'https://example.com/*';\nconst mark = `  ${a} /* b */`;\n";
    assert_eq!(without_comments(script), Ok(script.to_owned()));
}

#[test]
fn a_template_literal_of_several_lines_is_refused() {
    assert_eq!(without_comments("a();\nconst text = `one\n  two`;\n"), Err(2));
}
