//! The Content-IDs of an email's files, in the files and in the HTML.
//!
//! **Role:** called by [`super::attachments`], and by [`super::requests`] for the HTML. [`super::preview`] finds the
//! references of a stored HTML with it.
//! **Invariant:** an id that SES takes stays as it is. Any other gets a short form, always the same, so that a
//! repeated request is the same email.
//! **Start reading at** [`ContentIds::admit`].
//!
//! Source: Resend's API reference, "Send email": `content_id` is any text with fewer than 128 characters.

use crate::limits;
use crate::message::attachment::ContentId;
use crate::message::email::sha256_hex;
use crate::message::entity;
use crate::message::problem::Problem;

/// The beginning of a reference in HTML, in upper or lower case.
pub(super) const SCHEME: &str = "cid:";

/// The given Content-IDs, each with the id of its file.
#[derive(Clone, Default, PartialEq, Eq)]
pub(super) struct ContentIds {
    /// The ids, the longest first, because an id may begin like another.
    ids: Vec<(String, String)>,
}

impl ContentIds {
    /// Returns the id for a file.
    ///
    /// # Errors
    /// [`Problem`] when the given id is blank, too long, has control characters, or belongs to another file.
    pub(super) fn admit(&mut self, given: &str) -> Result<String, Problem> {
        let id = ContentId::without_brackets(given);
        let (found, max) = (id.chars().count(), limits::CONTENT_ID_INPUT_MAX);
        if found > max {
            return Err(Problem::TooLong { found, max });
        }
        if id.trim().is_empty() {
            return Err(Problem::Bad(
                "must not be blank; write an id such as logo or logo@example.com",
            ));
        }
        if id.chars().any(char::is_control) {
            return Err(Problem::Bad("control characters such as line breaks are not allowed"));
        }
        let ours = match ContentId::parse(id) {
            Ok(_) => id.to_owned(),
            Err(_) => sha256_hex(id.as_bytes()),
        };
        if self.ids.iter().any(|(_, other)| *other == ours) {
            return Err(Problem::Bad("another attachment has this content_id"));
        }
        let place = self.ids.partition_point(|(other, _)| other.len() >= id.len());
        self.ids.insert(place, (id.to_owned(), ours.clone()));
        Ok(ours)
    }

    /// The HTML with the ids of the files in its references.
    pub(super) fn rewrite(&self, html: String) -> String {
        if self.ids.iter().all(|(given, ours)| given == ours) {
            return html;
        }
        let longest = self.ids.iter().map(|(given, _)| given.len()).max().unwrap_or_default();
        let (mut rewritten, mut rest) = (String::with_capacity(html.len()), html.as_str());
        while let Some((before, reference)) = split_at_reference(rest) {
            rewritten.push_str(before);
            let spelt = Spelt::read(reference, longest);
            let found = self
                .ids
                .iter()
                .find_map(|(given, ours)| Some((given, ours, spelt.length(given)?)));
            let (kept, behind) = match found {
                Some((given, ours, length)) if given != ours => (ours.as_str(), reference.get(length..)),
                Some((_, _, length)) => (reference.get(..length).unwrap_or_default(), reference.get(length..)),
                None => ("", Some(reference)),
            };
            rewritten.push_str(kept);
            rest = behind.unwrap_or_default();
        }
        rewritten + rest
    }
}

/// Splits a text behind the first [`SCHEME`].
pub(super) fn split_at_reference(text: &str) -> Option<(&str, &str)> {
    let ends = text.match_indices(':').map(|(colon, _)| colon + 1);
    let is_scheme = |end: &usize| {
        let begun = end.checked_sub(SCHEME.len()).and_then(|start| text.get(start..*end));
        begun.is_some_and(|begun| begun.eq_ignore_ascii_case(SCHEME))
    };
    ends.into_iter()
        .find(is_scheme)
        .and_then(|end| text.split_at_checked(end))
}

/// The text behind a [`SCHEME`], and its meaning: the octets without the escapes of HTML and of URLs.
pub(super) struct Spelt<'a> {
    text: &'a str,
    meaning: Vec<u8>,
    /// For each octet of the meaning, the end of its spelling in the text.
    ends: Vec<usize>,
}

impl<'a> Spelt<'a> {
    /// Reads at least `longest` octets of the meaning, or all of a shorter text.
    pub(super) fn read(text: &'a str, longest: usize) -> Self {
        let (mut meaning, mut ends) = (Vec::with_capacity(longest), Vec::with_capacity(longest));
        let mut end = 0;
        while meaning.len() < longest
            && let Some(length) = text.get(end..).and_then(|rest| push_first(rest, &mut meaning))
        {
            end += length;
            ends.resize(meaning.len(), end);
        }
        Self { text, meaning, ends }
    }

    /// The length of the spelling of `id` at the start of the text; `None` if the text begins with something else.
    pub(super) fn length(&self, id: &str) -> Option<usize> {
        if self.text.starts_with(id) {
            return Some(id.len());
        }
        let last = id
            .len()
            .checked_sub(1)
            .filter(|_| self.meaning.starts_with(id.as_bytes()))?;
        self.ends.get(last).copied()
    }
}

/// Adds the octets of the first character or escape of a text; returns the length of its spelling.
fn push_first(text: &str, meaning: &mut Vec<u8>) -> Option<usize> {
    if let Some(octet) = first_octet(text) {
        meaning.push(octet);
        return Some("%20".len());
    }
    let mut push = |c: char| meaning.extend(c.encode_utf8(&mut [0; 4]).bytes());
    if let Some(escape) = entity::first(text) {
        escape.chars().for_each(push);
        return Some(escape.length);
    }
    let c = text.chars().next()?;
    push(c);
    Some(c.len_utf8())
}

/// The octet that a URL escapes at the start of a text.
fn first_octet(text: &str) -> Option<u8> {
    let digits = text.strip_prefix('%')?.get(..2)?;
    let all = digits.bytes().all(|digit| digit.is_ascii_hexdigit());
    u8::from_str_radix(digits, 16).ok().filter(|_| all)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ids(given: &[&str]) -> (ContentIds, Vec<String>) {
        let mut ids = ContentIds::default();
        let ours = given.iter().map(|id| ids.admit(id).unwrap()).collect();
        (ids, ours)
    }

    #[test]
    fn ids_valid_for_ses_are_unchanged() {
        let given = ["logo", "a.b@example.com", "<c>", "a%20b"];
        let (ids, ours) = ids(&given);
        assert_eq!(ours, ["logo", "a.b@example.com", "c", "a%20b"]);
        let html = "<img src=cid:logo><img src=CID:a%2Eb@example.com>cid:a%20b";
        assert_eq!(ids.rewrite(html.to_owned()), html);
    }

    #[test]
    fn other_ids_get_a_short_form_in_the_html_too() {
        for (id, spellings) in [
            (
                "my logo.png",
                &["my logo.png", "my%20logo.png", "my&#32;logo%2epng"][..],
            ),
            ("logo (1).png", &["logo (1).png", "logo%20%281%29.png"]),
            (
                "gr\u{f6}\u{df}e",
                &["gr\u{f6}\u{df}e", "gr%C3%B6%c3%9Fe", "gr&#246;&#xDF;e"],
            ),
            ("Tom & \"Co\"", &["Tom &amp; &quot;Co&quot;", "Tom%20%26%20%22Co%22"]),
            ("100% sure", &["100% sure", "100%25%20sure"]),
            (&"a".repeat(120), &[&"a".repeat(120)]),
        ] {
            let (ids, ours) = ids(&[id]);
            assert_eq!(ours, [sha256_hex(id.as_bytes())], "{id}");
            for spelling in spellings {
                for scheme in ["cid:", "CID:"] {
                    let html = |id: &str| format!("x:<img src='{scheme}{id}'>{scheme}other, {scheme}{id}{scheme}");
                    assert_eq!(ids.rewrite(html(spelling)), html(&ours[0]), "{spelling}");
                }
            }
        }
    }

    #[test]
    fn the_longest_id_decides() {
        let (ids, ours) = ids(&["a b", "a b c", "logo.", "logo.png", "a%20b"]);
        let html = "cid:a b,cid:a b c,cid:a%20b%20c,cid:a%20b,cid:logo.,cid:logo.png,cid:\u{e4}";
        let expected = format!(
            "cid:{0},cid:{1},cid:{1},cid:a%20b,cid:{2},cid:logo.png,cid:\u{e4}",
            ours[0], ours[1], ours[2]
        );
        assert_eq!(ids.rewrite(html.to_owned()), expected);
    }

    #[test]
    fn bad_ids_have_a_reason() {
        let long = "\u{f6}".repeat(129);
        for (id, why) in [
            ("", "must not be blank"),
            ("< >", "must not be blank"),
            ("a\r\nb", "control characters"),
            (long.as_str(), "is too long: 129"),
        ] {
            let problem = ContentIds::default().admit(id).unwrap_err().to_string();
            assert!(problem.starts_with(why), "{problem}");
        }
        assert!(ContentIds::default().admit(&"\u{f6}".repeat(128)).is_ok());
        let (mut ids, _) = ids(&["a b"]);
        assert!(ids.admit("<a b>").is_err() && ids.admit("a  b").is_ok());
    }
}
