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

/// Fields of other APIs for an email, each with ours.
///
/// Source: Postmark's and SendGrid's API references, and Resend's SDK for Node.
const ALIASES: &[(&str, &str)] = &[
    ("body", "text or html"),
    ("content", "text or html"),
    ("htmlbody", "html"),
    ("message", "text or html"),
    ("recipients", "to"),
    ("replyto", "reply_to"),
    ("scheduledat", "scheduled_at"),
    ("sender", "from"),
    ("textbody", "text"),
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

/// The error of an unknown field, with the nearest known one.
pub(super) fn unknown(path: &str, key: &str, known: &[&'static str]) -> EmailError {
    let folded = key.to_lowercase();
    let of_another_api = ALIASES
        .iter()
        .find(|(other, _)| *other == folded)
        .map(|(_, ours)| *ours);
    let is_ours = |ours: &&str| known.contains(&ours.split(' ').next().unwrap_or_default());
    let meant = of_another_api
        .filter(is_ours)
        .or_else(|| nearest(key, known.iter().copied()));
    let problem = meant.map_or(Problem::Unknown(""), Problem::Misspelt);
    EmailError::at(path, problem)
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
        let said = |key: &str| unknown("x", key, &["from", "text", "html", "scheduled_at"]).to_string();
        assert_eq!(said("body"), "x: unknown field; did you mean text or html?");
        assert_eq!(said("HtmlBody"), "x: unknown field; did you mean html?");
        assert_eq!(said("scheduledAt"), "x: unknown field; did you mean scheduled_at?");
        assert_eq!(said("personalizations"), "x: unknown field");
    }
}
