//! Characters that are escaped for HTML: `&amp;`, `&#39;`, `&#x27;`.
//!
//! **Invariant:** pure; a text without escapes stays as it is.
//! **Start reading at** [`first`].
//!
//! These are the escapes that libraries write. HTML has 2,231 names; a table of them does not fit into a function that
//! starts fast.

/// The names that escaping functions write, and their characters.
///
/// Source: PHP's `htmlspecialchars`, Python's `html.escape`, Go's `html.EscapeString`, and lodash's `escape`.
const NAMES: [(&str, char); 6] = [
    ("amp", '&'),
    ("apos", '\''),
    ("gt", '>'),
    ("lt", '<'),
    ("nbsp", '\u{a0}'),
    ("quot", '"'),
];

/// Most characters between `&` and `;` of an escape: `#x10ffff`.
const LONGEST: usize = 8;

/// Returns the character that is escaped at the start of a text, and the length of its escape.
pub(crate) fn first(text: &str) -> Option<(char, usize)> {
    let begun = text.strip_prefix('&')?;
    let end = begun.bytes().take(LONGEST + 1).position(|byte| byte == b';')?;
    let name = begun.get(..end)?;
    let number = |digits: &str, radix| {
        let all = digits.chars().all(|digit| digit.is_digit(radix));
        u32::from_str_radix(digits, radix)
            .ok()
            .filter(|_| all)
            .and_then(char::from_u32)
    };
    let known = |name: &str| NAMES.iter().find(|(known, _)| *known == name).map(|(_, meant)| *meant);
    let meant = match name.strip_prefix('#') {
        None => known(name)?,
        Some(digits) => match digits.strip_prefix(['x', 'X']) {
            None => number(digits, 10)?,
            Some(digits) => number(digits, 16)?,
        },
    };
    Some((meant, end + "&;".len()))
}

/// The text with a character in place of each escape.
pub(crate) fn decoded(text: &str) -> String {
    let (mut plain, mut rest) = (String::with_capacity(text.len()), text);
    while let Some((before, escape)) = rest.find('&').and_then(|at| rest.split_at_checked(at)) {
        plain.push_str(before);
        let (meant, length) = first(escape).unwrap_or(('&', 1));
        plain.push(meant);
        rest = escape.get(length..).unwrap_or_default();
    }
    plain + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escapes_become_characters_once() {
        for (text, expected) in [
            ("Tom &amp; Co", "Tom & Co"),
            ("Tom &amp;amp; Co", "Tom &amp; Co"),
            ("O&#39;Hara &#x2F;&#X2f; &lt;3 &quot;x&quot;", "O'Hara // <3 \"x\""),
            ("&#228;&#x1F98A;", "\u{e4}\u{1f98a}"),
            // These stay.
            (
                "Tom & Co; &amp &AMP; &uuml; &#; &#x; &#+65; &;",
                "Tom & Co; &amp &AMP; &uuml; &#; &#x; &#+65; &;",
            ),
            (
                "&#xd800; &#x110000; &#99999999999;",
                "&#xd800; &#x110000; &#99999999999;",
            ),
            ("&\u{e4}\u{e4}\u{e4}\u{e4}\u{e4};", "&\u{e4}\u{e4}\u{e4}\u{e4}\u{e4};"),
        ] {
            assert_eq!(decoded(text), expected, "{text}");
        }
    }
}
