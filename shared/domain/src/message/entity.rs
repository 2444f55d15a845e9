//! Characters that are escaped for HTML: `&amp;`, `&eacute;`, `&#39;`, `&#x27;`.
//!
//! **Invariant:** pure; a text without escapes stays as it is.
//! **Start reading at** [`first`].
//!
//! **Why a list of our own:** every function reads display names. The tables of crates hold two pointers for each name,
//! which a relocatable program relocates: about 200 KB for each function. This list takes 27 KB. A test compares it
//! with the tokenizer's table, which only `send` contains.

use std::iter;
use std::sync::LazyLock;

/// An escape at the start of a text.
pub(crate) struct Escape {
    meant: char,
    /// The combining character of a name that means two characters.
    combining: Option<char>,
    /// The length of its spelling.
    pub(crate) length: usize,
}

impl Escape {
    /// The meant characters.
    pub(crate) fn chars(&self) -> impl Iterator<Item = char> + use<> {
        iter::once(self.meant).chain(self.combining)
    }
}

/// The names that end with a semicolon, in the order of their octets, each with its one or two characters.
///
/// Source: HTML Living Standard, 13.5, "Named character references", by way of Python's `html.entities`, read
/// 2026-11-29.
static NAMES: LazyLock<Vec<(&str, &str)>> = LazyLock::new(|| {
    let entries = include_str!("entity/names.txt").split_ascii_whitespace();
    entries.filter_map(|entry| entry.split_once('=')).collect()
});

/// Most characters between `&` and `;` of an escape: `CounterClockwiseContourIntegral`.
const LONGEST: usize = 31;

/// Reads an escape at the start of a text.
pub(crate) fn first(text: &str) -> Option<Escape> {
    let begun = text.strip_prefix('&')?;
    let end = begun.bytes().take(LONGEST + 1).position(|byte| byte == b';')?;
    let name = begun.get(..end)?;
    let (meant, combining) = match name.strip_prefix('#') {
        None => named(name)?,
        Some(digits) => match digits.strip_prefix(['x', 'X']) {
            None => (number(digits, 10)?, None),
            Some(digits) => (number(digits, 16)?, None),
        },
    };
    let length = end + "&;".len();
    Some(Escape {
        meant,
        combining,
        length,
    })
}

fn named(name: &str) -> Option<(char, Option<char>)> {
    let at = NAMES.binary_search_by_key(&name, |(known, _)| *known).ok()?;
    let (_, characters) = NAMES.get(at)?;
    let mut characters = characters.split('+').filter_map(|digits| number(digits, 16));
    Some((characters.next()?, characters.next()))
}

fn number(digits: &str, radix: u32) -> Option<char> {
    let all = digits.chars().all(|digit| digit.is_digit(radix));
    u32::from_str_radix(digits, radix)
        .ok()
        .filter(|_| all)
        .and_then(char::from_u32)
}

/// The text with a character in place of each escape.
pub(crate) fn decoded(text: &str) -> String {
    let (mut plain, mut rest) = (String::with_capacity(text.len()), text);
    while let Some((before, escape)) = rest.find('&').and_then(|at| rest.split_at_checked(at)) {
        plain.push_str(before);
        let length = if let Some(escape) = first(escape) {
            plain.extend(escape.chars());
            escape.length
        } else {
            plain.push('&');
            1
        };
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
            ("&#228;&#x1F98A;&#0000000065;", "\u{e4}\u{1f98a}A"),
            (
                "Caf&eacute; Gr&uuml;&szlig;e &AMP; &Uuml;",
                "Caf\u{e9} Gr\u{fc}\u{df}e & \u{dc}",
            ),
            ("&CounterClockwiseContourIntegral;&nvlt;", "\u{2233}<\u{20d2}"),
            // These stay.
            (
                "Tom & Co; &amp &Eacute &eAcute; &eacutes; &#; &#x; &#+65; &; &",
                "Tom & Co; &amp &Eacute &eAcute; &eacutes; &#; &#x; &#+65; &; &",
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

    #[test]
    fn every_name_means_the_same_as_in_html() {
        assert_eq!(NAMES.len(), 2125);
        assert!(NAMES.is_sorted());
        for (name, _) in NAMES.iter() {
            assert!(name.len() <= LONGEST, "{name}");
            let html = format!("&{name};");
            let tokens = html5gum::Tokenizer::new(&html);
            let read: String = tokens
                .map(|Ok(token)| {
                    let html5gum::Token::String(text) = token else {
                        panic!("{token:?}")
                    };
                    String::from_utf8(text.to_vec()).unwrap()
                })
                .collect();
            assert_eq!(decoded(&html), read, "{name}");
        }
    }
}
