//! The text of a request, before its values are read.
//!
//! **Role:** called by [`super::json`] and by the reader of batches.
//! **Invariant:** the text of a request keeps its length and its places, so that messages about them are right.
//! **Start reading at** [`text`].

use std::borrow::Cow;

use serde::de::IgnoredAny;

use crate::api::error::ApiError;
use crate::limits;

/// White space of RFC 8259, 2.
const SPACE: [char; 4] = [' ', '\t', '\n', '\r'];

/// Returns the text of a body, without a byte order mark and without lone surrogates.
pub(super) fn text(body: &[u8]) -> Result<Cow<'_, str>, ApiError> {
    if body.len() > limits::PAYLOAD_BYTES {
        return Err(too_large(limits::PAYLOAD_BYTES));
    }
    let text = std::str::from_utf8(body).map_err(|why| {
        let at = why.valid_up_to();
        ApiError::malformed(format!(
            "The request body is not UTF-8 at byte {at}; encode it as UTF-8, not as Latin-1."
        ))
    })?;
    // RFC 8259, 8.1: a reader may ignore a byte order mark. Some editors and PowerShell write one.
    Ok(without_lone_surrogates(text.strip_prefix('\u{feff}').unwrap_or(text)))
}

pub(super) fn too_large(max: usize) -> ApiError {
    ApiError::too_large(format!(
        "The request body is too large: at most {max} bytes are accepted. Upload large files with POST /attachments."
    ))
}

/// Replaces each half of a character (a lone surrogate) by U+FFFD. JavaScript's `slice` leaves such a half, and
/// encoders escape it.
///
/// Source: RFC 8259, 8.2; Unicode Standard, 3.9, "U+FFFD Substitution".
fn without_lone_surrogates(text: &str) -> Cow<'_, str> {
    if !text.contains("\\ud") && !text.contains("\\uD") {
        return Cow::Borrowed(text);
    }
    let (mut repaired, mut rest) = (String::with_capacity(text.len()), text);
    // A backslash begins an escape; so the second one of two begins none.
    while let Some((before, escape)) = rest.find('\\').and_then(|at| rest.split_at_checked(at)) {
        repaired.push_str(before);
        let length = match (unit(escape), escape.get(6..).and_then(unit)) {
            (Some(0xD800..=0xDBFF), Some(0xDC00..=0xDFFF)) => 12,
            (Some(0xD800..=0xDFFF), _) => 0,
            (Some(_), _) => 6,
            (None, _) => escape.char_indices().nth(2).map_or(escape.len(), |(at, _)| at),
        };
        let (kept, behind) = match length {
            0 => ("\\ufffd", escape.get(6..).unwrap_or_default()),
            length => escape.split_at_checked(length).unwrap_or((escape, "")),
        };
        repaired.push_str(kept);
        rest = behind;
    }
    repaired.push_str(rest);
    Cow::Owned(repaired)
}

/// The UTF-16 unit of the escape at the start of a text: `\ud83d`.
fn unit(escape: &str) -> Option<u16> {
    let digits = escape.strip_prefix("\\u")?.get(..4)?;
    let all = digits.bytes().all(|digit| digit.is_ascii_hexdigit());
    u16::from_str_radix(digits, 16).ok().filter(|_| all)
}

/// Returns the text of each element of an array; `None` unless the text is a well-formed array of 1 to
/// [`limits::BATCH_MAX`] elements.
pub(super) fn elements(text: &str) -> Option<Vec<&str>> {
    let mut rest = text.trim_start_matches(SPACE).strip_prefix('[')?;
    let mut found = Vec::new();
    while found.len() < limits::BATCH_MAX {
        // This checks the grammar, and neither depth nor numbers.
        let mut values = serde_json::Deserializer::from_str(rest).into_iter::<IgnoredAny>();
        values.next()?.ok()?;
        let (element, behind) = rest.split_at_checked(values.byte_offset())?;
        found.push(element);
        let behind = behind.trim_start_matches(SPACE);
        let Some(next) = behind.strip_prefix(',') else {
            let end = behind.strip_prefix(']')?.trim_start_matches(SPACE);
            return Some(found).filter(|_| end.is_empty());
        };
        rest = next;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn half_a_character_becomes_u_fffd() {
        for (given, expected) in [
            (r"Danke \ud83d", r"Danke \ufffd"),
            (r"\uDC99 \uD83D\u0020", r"\ufffd \ufffd\u0020"),
            (r"\ud83d\ud83d\udc99\udc99", r"\ufffd\ud83d\udc99\ufffd"),
            // These stay.
            (r"\uD83D\udc99 \u00e4", r"\uD83D\udc99 \u00e4"),
            (r"\\ud83d", r"\\ud83d"),
            (r"\\\ud83d\\\\udc99", r"\\\ufffd\\\\udc99"),
            (r"\u+d83 \ud8", r"\u+d83 \ud8"),
            ("\\\u{e4} \\ud8\u{e4} \\", "\\\u{e4} \\ud8\u{e4} \\"),
        ] {
            assert_eq!(without_lone_surrogates(given), expected, "{given}");
        }
    }

    #[test]
    fn an_array_is_split_into_its_elements() {
        let deep = format!("{}{}", "[".repeat(1_000), "]".repeat(1_000));
        let array = format!(" [1e999 , {{\"a\":[\"],\"]}}\n,{deep},\"\\ud83d\" ] ");
        let found = elements(&array).unwrap();
        let found: Vec<_> = found.into_iter().map(str::trim).collect();
        assert_eq!(found, ["1e999", "{\"a\":[\"],\"]}", &deep, "\"\\ud83d\""]);
        for bad in [
            "",
            "[",
            "{}",
            "[]",
            "[1",
            "[1,]",
            "[1] x",
            "[1 2]",
            "[\"\\x\"]",
            "[\"a\nb\"]",
        ] {
            assert_eq!(elements(bad), None, "{bad}");
        }
        let many = |count: usize| format!("[{}1]", "1,".repeat(count - 1));
        assert_eq!(elements(&many(500)).map(|found| found.len()), Some(500));
        assert_eq!(elements(&many(501)), None);
    }
}
