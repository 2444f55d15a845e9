//! Reads a list of mailboxes in one text, as in a header.

use super::Mailbox;
use crate::message::address::AddressError;

/// Reads one mailbox, or a list with commas.
///
/// # Errors
/// The first reason, as [`AddressError`].
pub(crate) fn parse_list(text: &str) -> Result<Vec<Mailbox>, AddressError> {
    match Mailbox::parse(text) {
        Ok(one) => Ok(vec![one]),
        Err(why) => {
            let parts = parts(text);
            if parts.len() < 2 {
                return Err(why);
            }
            parts.into_iter().map(Mailbox::parse).collect()
        }
    }
}

/// Splits a list at the commas outside of quotes.
fn parts(list: &str) -> Vec<&str> {
    let (mut quoted, mut escaped) = (false, false);
    list.split(|c| {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = quoted,
            '"' => quoted = !quoted,
            _ => {}
        }
        c == ',' && !quoted
    })
    .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commas_in_quotes_separate_nothing() {
        for (list, expected) in [
            (
                "\"a, b\"@c.de, \"d\\\", e\"@c.de",
                vec!["\"a, b\"@c.de", "\"d\\\", e\"@c.de"],
            ),
            (
                "Ada <\"a, b\"@c.de>, \"A, B\" <d@e.fg>",
                vec!["Ada <\"a, b\"@c.de>", "\"A, B\" <d@e.fg>"],
            ),
        ] {
            let read: Vec<_> = parse_list(list).unwrap().iter().map(ToString::to_string).collect();
            assert_eq!(read, expected);
        }
        assert_eq!(parse_list("\"a, b@c.de, d@e.fg"), Err(AddressError::Shape));
    }
}
