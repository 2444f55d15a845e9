//! Leaves out the comments and the indentation of a script, which only its readers need: a fifth of all bytes.
//!
//! **Invariant:** no string changes, because none spans several lines.
//! tests/console/support/assets.js does the same. A test on the local stack compares their results.

/// Returns the script without comments at the start of a line, empty lines and indentation.
///
/// # Errors
/// The number of the first line with a template literal that does not end there.
pub(crate) fn without_comments(script: &str) -> Result<String, usize> {
    let mut kept = String::with_capacity(script.len());
    let mut in_comment = false;
    for (index, line) in script.lines().enumerate() {
        let mut line = line.trim();
        if in_comment || line.starts_with("/*") {
            let end = line.split_once("*/");
            in_comment = end.is_none();
            line = end.map_or("", |(_, code)| code.trim_start());
        }
        if line.is_empty() || line.starts_with("//") {
            continue;
        }
        if line.matches('`').count() % 2 == 1 {
            return Err(index + 1);
        }
        kept.push_str(line);
        kept.push('\n');
    }
    Ok(kept)
}
