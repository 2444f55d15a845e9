//! The nearest known name of a misspelt one.
//!
//! **Role:** called by the readers of requests and by the router, for their error messages.
//! **Invariant:** pure, and bounded: a name longer than [`LONGEST`] has no nearest one.
//! **Start reading at** [`nearest`].

use crate::message::problem::{EmailError, Problem};

/// Most bytes of a name that is compared. Source: our choice; twice as long as any name of ours.
const LONGEST: usize = 64;

/// Most changes from a misspelt name to the meant one.
///
/// Source: our choice: two letters swapped are two changes.
const CHANGES_MAX: usize = 2;

/// Names of other APIs in small letters and digits, each with our fields. A name may have one entry for each object.
///
/// Source: the API references of Postmark, SendGrid, Mailgun and Brevo, and the options of nodemailer.
const ALIASES: &[(&str, &str)] = &[
    ("address", "email"),
    ("address", "emails"),
    ("addresses", "emails"),
    ("body", "text or html"),
    ("cid", "content_id"),
    ("content", "text or html"),
    ("data", "content"),
    ("domains", "from_domains"),
    ("expires", "expires_at"),
    ("files", "attachments"),
    ("fromemail", "from"),
    ("fromname", "from"),
    ("href", "content or id"),
    ("htmlbody", "html"),
    ("htmlcontent", "html"),
    ("key", "name"),
    ("message", "text or html"),
    ("mimetype", "content_type"),
    ("name", "filename"),
    ("personalizations", "to, cc and bcc"),
    ("plaintext", "text"),
    ("rate", "rate_per_second"),
    ("ratelimit", "rate"),
    ("ratelimit", "rate_per_second"),
    ("ratepersecond", "rate"),
    ("recipients", "to"),
    ("sendat", "scheduled_at"),
    ("sender", "from"),
    ("textbody", "text"),
    ("textcontent", "text"),
    ("toemail", "to"),
    ("type", "content_type"),
    ("url", "content or id"),
];

/// Returns the known name that needs the fewest changes, at most [`CHANGES_MAX`] and less than half of the letters.
/// Upper and lower case are the same letter.
#[must_use]
pub fn nearest<'a>(given: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    if given.len() > LONGEST {
        return None;
    }
    let given = given.to_lowercase();
    let near = |name: &&str| {
        let changes = changes(&given, name);
        changes <= CHANGES_MAX && changes.saturating_mul(2) < name.len().max(given.len())
    };
    let names = known.into_iter().filter(near);
    names.min_by_key(|name| changes(&given, name))
}

/// The error of an unknown field of an object, with the known one that was probably meant.
pub(super) fn unknown(path: &str, key: &str, known: &[&'static str]) -> EmailError {
    EmailError::at(path, meant(key, known).map_or(Problem::Unknown, Problem::Misspelt))
}

/// Returns the field in another spelling, the field to which another API gives this name, or the nearest one.
fn meant(key: &str, known: &[&'static str]) -> Option<&'static str> {
    if key.len() > LONGEST {
        return None;
    }
    let given = folded(key);
    let mut names = known.iter().copied();
    let is_known = |ours: &&str| {
        ours.split([' ', ','])
            .next()
            .is_some_and(|first| known.contains(&first))
    };
    let mut of_other_apis = ALIASES
        .iter()
        .filter(|(other, _)| *other == given)
        .map(|(_, ours)| *ours);
    names
        .find(|name| folded(name) == given)
        .or_else(|| of_other_apis.find(is_known))
        .or_else(|| nearest(key, known.iter().copied()))
}

/// Returns the letters and digits of a name, with one case: `replyTo` and `reply-to` are `reply_to`.
fn folded(name: &str) -> String {
    let letters = name.chars().filter(|c| c.is_alphanumeric());
    letters.flat_map(char::to_lowercase).collect()
}

/// Returns the number of characters to insert, remove or replace.
fn changes(given: &str, name: &str) -> usize {
    let name: Vec<char> = name.chars().collect();
    let mut above: Vec<usize> = (0..=name.len()).collect();
    for (row, letter) in given.chars().enumerate() {
        let mut corner = row;
        let mut left = row + 1;
        let mut line = vec![left];
        for (other, up) in name.iter().zip(above.iter().skip(1)) {
            let replaced = corner + usize::from(letter != *other);
            left = replaced.min(left + 1).min(up + 1);
            corner = *up;
            line.push(left);
        }
        above = line;
    }
    above.last().copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_misspelt_name_has_a_nearest_one() {
        let known = ["from", "to", "subject", "reply_to", "cc", "bcc"];
        for (given, expected) in [
            ("subjet", Some("subject")),
            ("sbuject", Some("subject")),
            ("Subject", Some("subject")),
            ("From", Some("from")),
            ("TO", Some("to")),
            ("Bcc", Some("bcc")),
            ("replyTo", Some("reply_to")),
            // Too far away, or too short to be sure.
            ("personalizations", None),
            ("ab", None),
            ("", None),
            (&"subject".repeat(20), None),
        ] {
            assert_eq!(nearest(given, known), expected, "{given}");
        }
    }

    #[test]
    fn changes_are_counted() {
        for (given, name, expected) in [
            ("", "", 0),
            ("", "ab", 2),
            ("ab", "", 2),
            ("abc", "abx", 1),
            ("kitten", "sitting", 3),
        ] {
            assert_eq!(changes(given, name), expected, "{given} {name}");
        }
    }

    #[test]
    fn fields_of_other_apis_are_translated() {
        const EMAIL: &[&str] = &["from", "to", "text", "html", "reply_to", "scheduled_at", "attachments"];
        const FILE: &[&str] = &["filename", "content", "content_type", "content_id", "id", "path"];
        for (key, known, meant) in [
            ("body", EMAIL, Some("text or html")),
            ("HtmlBody", EMAIL, Some("html")),
            ("html_body", EMAIL, Some("html")),
            ("text_body", EMAIL, Some("text")),
            ("from_email", EMAIL, Some("from")),
            ("scheduledAt", EMAIL, Some("scheduled_at")),
            ("reply-to", EMAIL, Some("reply_to")),
            ("recipients", EMAIL, Some("to")),
            ("personalizations", EMAIL, Some("to, cc and bcc")),
            ("message", EMAIL, Some("text or html")),
            ("fileName", FILE, Some("filename")),
            ("name", FILE, Some("filename")),
            ("type", FILE, Some("content_type")),
            ("mimeType", FILE, Some("content_type")),
            ("url", FILE, Some("content or id")),
            ("data", FILE, Some("content")),
            ("cid", FILE, Some("content_id")),
            ("key", &["name", "value"], Some("name")),
            ("address", &["email"], Some("email")),
            ("address", &["emails", "ids"], Some("emails")),
            ("rate", &["rate_per_second"], Some("rate_per_second")),
            ("ratePerSecond", &["rate", "daily_cap"], Some("rate")),
            // An object without the field.
            ("type", EMAIL, None),
            ("body", FILE, None),
            ("", FILE, None),
            ("__proto__", EMAIL, None),
        ] {
            let said = unknown("x", key, known).to_string();
            let meant = meant.map_or_else(String::new, |meant| format!("; did you mean {meant}?"));
            assert_eq!(said, format!("x: unknown field{meant}"), "{key}");
        }
    }
}
