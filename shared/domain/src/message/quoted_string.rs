//! Quoted strings of a header: `"Acme, \"A\" Inc"`, for display names and for local parts.
//!
//! **Invariant:** [`read`] returns the text that [`write`] was given.
//!
//! Source: RFC 5322, 3.2.4; RFC 5321, 4.1.2.

/// Reads a quoted string at the start of a text. Returns its content without backslashes, and the rest. `None` if no
/// quoted string is there, or if it does not end.
pub(crate) fn read(text: &str) -> Option<(String, &str)> {
    let begun = text.strip_prefix('"')?;
    let mut content = String::new();
    let mut characters = begun.char_indices();
    while let Some((at, c)) = characters.next() {
        match c {
            '"' => return Some((content, begun.get(at + 1..)?)),
            '\\' => content.push(characters.next()?.1),
            _ => content.push(c),
        }
    }
    None
}

/// Writes a text in quotes, with a backslash before each quote and each backslash.
pub(crate) fn write(content: &str) -> String {
    let mut quoted = String::with_capacity(content.len() + 2);
    quoted.push('"');
    for c in content.chars() {
        if matches!(c, '"' | '\\') {
            quoted.push('\\');
        }
        quoted.push(c);
    }
    quoted.push('"');
    quoted
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quoted_string_is_read_as_it_was_written() {
        for (content, quoted) in [("", "\"\""), ("a, b", "\"a, b\""), ("\"a\" \\", "\"\\\"a\\\" \\\\\"")] {
            assert_eq!(write(content), quoted);
            assert_eq!(read(&format!("{quoted}@x")), Some((content.to_owned(), "@x")));
        }
        assert_eq!(read("\"\\a\\ b\""), Some(("a b".to_owned(), "")));
        for text in ["", "a", "a\"b\"", "\"", "\"a", "\"a\\\"", "\"a\\"] {
            assert_eq!(read(text), None, "{text}");
        }
    }
}
