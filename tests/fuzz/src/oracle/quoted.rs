//! Local parts with and without quotes, by RFC 5321, 4.1.2.

use domain::message::email::EmailContent;

use crate::check::{check, violated};

/// Checks that a local part is a dot-atom, or a quoted string that cannot be one. No backslash is without need.
pub(super) fn local_part(local: &str) {
    if is_dot_atom(local) {
        return;
    }
    let Some(mut rest) = local.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')) else {
        violated!(Refusal, "neither a dot-atom nor in quotes: {local}");
    };
    let mut content = String::new();
    while let Some(c) = rest.chars().next() {
        let pair = rest.get(..2).filter(|pair| ["\\\"", "\\\\"].contains(pair));
        check!(Refusal, pair.is_some() || !matches!(c, '"' | '\\'), "{local}");
        check!(Refusal, (' '..='~').contains(&c), "qtextSMTP: {local}");
        content.push_str(pair.map_or(rest.get(..1), |pair| pair.get(1..)).unwrap_or_default());
        rest = rest.get(pair.map_or(1, str::len)..).unwrap_or_default();
    }
    check!(Refusal, !content.is_empty(), "nothing in quotes");
    check!(Refusal, !is_dot_atom(&content), "quotes without need: {local}");
}

fn is_dot_atom(text: &str) -> bool {
    let atext = |b: u8| b.is_ascii_alphanumeric() || b"!#$%&'*+-/=?^_`{|}~".contains(&b);
    let mut atoms = text.split('.');
    atoms.all(|atom| !atom.is_empty() && atom.bytes().all(atext))
}

/// Checks that no reader of a new email can take a part of its addresses for another address.
pub(super) fn admitted(email: &EmailContent) {
    let from = email.from().address().as_str();
    let is_usual = |b: u8| b.is_ascii_alphanumeric() || b"\".@!#$%&'*+-/=?^_`{|}~".contains(&b);
    check!(Refusal, from.bytes().all(is_usual), "a sender's local part");
    check!(Refusal, from.matches('@').count() == 1, "a sender's domain");
    let lists = [email.to(), email.cc(), email.bcc(), email.reply_to()];
    for address in lists.into_iter().flatten().map(|mailbox| mailbox.address().as_str()) {
        let mut parts = address.rsplit('@').skip(1).collect::<Vec<_>>();
        // The first part is before each `@`; the others look like hosts.
        parts.pop();
        let is_host = |part: &&str| part.contains(['.', '[']);
        check!(Refusal, !parts.iter().any(is_host), "an address in quotes: {address}");
        check!(Refusal, !address.contains("=?"), "an encoded word: {address}");
        check!(Refusal, !address.contains(['!', '%']), "a route: {address}");
    }
}

/// Tells whether the reader in `mime` knows such an address. In brackets it takes parentheses for a comment, also in
/// quotes, and reads neither a bracket nor a backslash there. It decodes encoded words.
pub(super) fn is_readable(address: &str) -> bool {
    !address.contains(['(', ')', '>', '\\']) && !address.contains("=?")
}
