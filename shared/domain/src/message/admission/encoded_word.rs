//! Checks the content of RFC 2047's encoded words in a caller's text.
//!
//! Callers may write encoded words: PHP's `mb_encode_mimeheader` does. But they must not hide characters that are
//! refused in plain text.
//! **Invariant:** lenient: it checks everything that any reader may take for an encoded word.

use base64::Engine as _;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};

use super::text;

/// Base64 in its lenient form.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new()
        .with_decode_padding_mode(DecodePaddingMode::Indifferent)
        .with_decode_allow_trailing_bits(true),
);

/// True if an encoded word in the text holds a line break or NUL. In a known charset, also if it holds a control
/// character other than a tab, or a misleading one.
///
/// Source: RFC 2047, 2; "Mailsploit", 2017.
pub(super) fn hides_control(text: &str) -> bool {
    words(text).any(|word| {
        let bytes = word.decode();
        // In no charset of headers are these octets a part of another character.
        bytes.iter().any(|b| matches!(b, 0 | b'\r' | b'\n'))
            || (is_known(word.charset) && String::from_utf8_lossy(&bytes).chars().any(is_bad))
    })
}

/// True if a reader may take a part of the text for an encoded word.
pub(super) fn is_in(text: &str) -> bool {
    words(text).next().is_some()
}

fn is_bad(c: char) -> bool {
    (c.is_control() && c != '\t') || text::misleads(c)
}

/// True for charsets whose control characters are known. ISO-2022-JP, for one, contains escapes.
fn is_known(charset: &str) -> bool {
    // RFC 2231, 5: a language may follow.
    let name = charset.split('*').next().unwrap_or_default();
    ["utf-8", "utf8", "us-ascii"]
        .iter()
        .any(|known| name.eq_ignore_ascii_case(known))
}

/// A text that a reader may take for an encoded word.
struct Word<'a> {
    charset: &'a str,
    is_base64: bool,
    encoded: &'a str,
}

impl Word<'_> {
    fn decode(&self) -> Vec<u8> {
        if self.is_base64 {
            base64(self.encoded)
        } else {
            quoted_printable(self.encoded.as_bytes())
        }
    }
}

/// All encoded words, at every possible start, in linear time. Of quoted-printable words with the same end, only the
/// longest, and the longest with a known charset, are returned: they contain the others.
fn words(text: &str) -> impl Iterator<Item = Word<'_>> {
    // The end of the last word, and whether words with this end were yielded: any word, and one of a known charset.
    let (mut end, mut given) = (0, (false, false));
    text.match_indices("=?").filter_map(move |(at, _)| {
        let (charset, rest) = text.get(at + 2..)?.split_once('?')?;
        let (encoding, rest) = rest.split_once('?')?;
        let is_base64 = encoding.eq_ignore_ascii_case("b");
        if is_base64 {
            let (encoded, _) = rest.split_once('?')?;
            return Some(Word {
                charset,
                is_base64,
                encoded,
            });
        }
        if !encoding.eq_ignore_ascii_case("q") {
            return None;
        }
        let begin = text.len() - rest.len();
        if end < begin {
            end = rest.find("?=").map_or(usize::MAX, |length| begin + length);
            given = (false, false);
        }
        let encoded = text.get(begin..end)?;
        let is_known = is_known(charset);
        if given.1 || (given.0 && !is_known) {
            return None;
        }
        given = (true, is_known);
        Some(Word {
            charset,
            is_base64,
            encoded,
        })
    })
}

fn base64(encoded: &str) -> Vec<u8> {
    let in_alphabet = |c: &char| c.is_ascii_alphanumeric() || matches!(c, '+' | '/');
    let mut digits: String = encoded.chars().filter(in_alphabet).collect();
    // A single digit at the end is no octet.
    if digits.len() % 4 == 1 {
        digits.pop();
    }
    BASE64.decode(digits).unwrap_or_default()
}

fn quoted_printable(encoded: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut rest = encoded;
    while let [first, behind @ ..] = rest {
        let escaped = match (first, behind) {
            (b'=', [high, low, ..]) => hex(*high).zip(hex(*low)),
            _ => None,
        };
        match escaped {
            Some((high, low)) => {
                bytes.push(high * 16 + low);
                rest = behind.get(2..).unwrap_or_default();
            }
            None => {
                bytes.push(*first);
                rest = behind;
            }
        }
    }
    bytes
}

fn hex(digit: u8) -> Option<u8> {
    let digit = char::from(digit).to_digit(16)?;
    u8::try_from(digit).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_with_one_end_are_decoded_once() {
        for (charset, end, looked_into) in [("x", "?=", 1), ("utf-8", "?=", 2), ("utf-8", "", 0)] {
            let text = format!("{}{end}", format!("=?x?q?a=?{charset}?q?b").repeat(200_000));
            assert_eq!(words(&text).count(), looked_into, "{charset}{end}");
        }
    }

    #[test]
    fn hidden_control_characters_are_found() {
        for hidden in [
            "=?utf-8?q?=0D=0ABcc:_x?=",
            "=?UTF-8?Q?a=00b?=",
            "=?utf-8?b?AA==?=",
            "=?utf-8?B?cG90dXMK?=",
            "=?utf-8?b?c G90 dXMK?=",
            "=?utf-8?b?Cg?=",
            "=?iso-8859-1?q?=0a?=",
            "=?utf-8*en?q?=1b[2J?=",
            "=?utf-8?q?=E2=80=AE?=",
            "=?utf-8?q?=e2=80=a8?=",
            "=?x?=?utf-8?q?=00?=",
            "=?x?q?a?=?utf-8?q?=00?=",
            "=?x?b?a?=?utf-8?q?=00?=",
            "=?x?q?=?utf-8?b?AA==?=",
            "=?x?q?a=?utf-8?q?=E2=80=AE?=",
            "Ann =?utf-8?q?=7F?= Bell",
        ] {
            assert!(hides_control(hidden), "{hidden}");
        }
        for plain in [
            "",
            "=?",
            "=?=",
            "=?utf-8?q?",
            "=?utf-8?q?=0A",
            "=?utf-8?b?AA==",
            "=?utf-8?q?Gr=C3=BC=C3=9Fe_=3D?=",
            "=?UTF-8?B?R3LDvMOfZQ==?=",
            "=?utf-8?q?a=09b?=",
            "=?utf-8?q?=?=",
            "=?utf-8?q?=0?=",
            "=?utf-8?x?=00?=",
            "=?ISO-2022-JP?B?GyRCRnxLXBsoQg==?=",
            "=?utf-8?b?A?=",
            "the meaning of =? and ?=",
        ] {
            assert!(!hides_control(plain), "{plain}");
        }
    }
}
