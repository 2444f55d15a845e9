//! Headers with a grammar of their own.
//!
//! A stored email may be older than the rules. Its value may then be an encoded word, as before.

use crate::check::{check, check_eq};

const URIS: [&str; 7] = [
    "list-unsubscribe",
    "list-subscribe",
    "list-help",
    "list-post",
    "list-owner",
    "list-archive",
    "archived-at",
];

const WORDS: [&str; 11] = [
    "in-reply-to",
    "original-message-id",
    "supersedes",
    "accept-language",
    "auto-submitted",
    "expires",
    "importance",
    "list-unsubscribe-post",
    "precedence",
    "priority",
    "sensitivity",
];

const PHRASES: [&str; 6] = [
    "list-id",
    "disposition-notification-to",
    "return-receipt-to",
    "errors-to",
    "mail-followup-to",
    "mail-reply-to",
];

/// Tells whether a header, in lower case, has a grammar.
pub(super) fn is_one(key: &str) -> bool {
    takes_no_encoded_word(key) || PHRASES.contains(&key)
}

/// Tells whether a header, in lower case, has only URIs, message ids or words.
pub(crate) fn takes_no_encoded_word(key: &str) -> bool {
    key == "references" || URIS.contains(&key) || WORDS.contains(&key)
}

/// Checks the rendered value of such a header.
pub(super) fn rendered(key: &str, value: &str, rendered: &str) {
    if key == "references" {
        references(value, rendered);
    } else if URIS.contains(&key) {
        uris(value, rendered);
    } else if value.is_ascii() {
        check_eq!(Content, rendered, value, "ASCII is unchanged");
    }
}

/// Checks that a shortened list has the first and the last message id, and nothing new.
fn references(value: &str, rendered: &str) {
    if value.len() <= 870 {
        if value.is_ascii() {
            check_eq!(Content, rendered, value, "short lists stay as they are");
        }
        return;
    }
    let ids = |list: &str| {
        let ends = list.match_indices('>').map(|(end, _)| end);
        let id = |end: usize| list.get(..=end).and_then(|start| start.get(start.rfind('<')?..));
        ends.filter_map(|end| id(end).map(str::to_owned)).collect::<Vec<_>>()
    };
    let (given, kept) = (ids(value), ids(rendered));
    check!(Content, kept.len() >= 2, "the first and the newest id");
    check_eq!(Content, kept.first(), given.first(), "the first id");
    let newest = kept.get(1..).unwrap_or_default();
    check!(Content, given.ends_with(newest), "the newest ids in their order");
}

/// Checks that no URI is lost, and that a URI without special characters stays as it is.
fn uris(value: &str, rendered: &str) {
    let special = |c: char| !c.is_ascii_graphic() || "\"\\^`{|}".contains(c);
    if !value.contains(special) && value.contains('<') {
        check_eq!(Content, rendered, value, "an encoded URI is unchanged");
    }
    if value.is_ascii() {
        let brackets = |text: &str| (text.matches('<').count(), text.matches('>').count());
        let given = brackets(value);
        let alone = given == (0, 0) && brackets(rendered) == (1, 1);
        check!(Content, alone || brackets(rendered) == given, "the URIs: {rendered}");
    }
}
