//! Headers with a grammar of their own, and their form for SES.
//!
//! RFC 2047, 5 allows no encoded word in a URI, an address, a message id or a token. Receivers ignore a header that has
//! one there: Gmail then shows no link to unsubscribe.
//! **Invariant:** the result of [`render`] is one line of printable ASCII. Apart from encoded parts and shortened
//! `References`, it is the caller's text.
//! **Start reading at** [`Grammar`].

use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};

use crate::limits;
use crate::message::address::to_a_labels;
use crate::message::mailbox::{Mailbox, encode_text, parse_list};
use crate::message::problem::Problem;

/// The grammar of a header's value.
enum Grammar {
    /// Any text: encoded by RFC 2047.
    Unstructured,
    /// URIs in angle brackets, with commas and comments between them (RFC 2369, 2; RFC 5064, 2).
    Uris,
    /// A phrase and an identifier like a domain, in angle brackets (RFC 2919, 3).
    ListId,
    /// Message ids in angle brackets (RFC 5322, 3.6.4).
    MessageIds,
    /// Message ids from the first email of a conversation to its newest one (RFC 5322, 3.6.4).
    References,
    /// Mailboxes (RFC 8098, 2.1).
    Mailboxes,
    /// Words and parameters in ASCII (RFC 3834, 5; RFC 8058, 3.1; RFC 4021).
    Token,
}

impl Grammar {
    /// The grammar of a name in lower case.
    fn of(key: &str) -> Self {
        match key {
            "list-unsubscribe" | "list-subscribe" | "list-help" | "list-post" | "list-owner" | "list-archive"
            | "archived-at" => Self::Uris,
            "list-id" => Self::ListId,
            "in-reply-to" | "original-message-id" | "supersedes" => Self::MessageIds,
            "references" => Self::References,
            "disposition-notification-to"
            | "return-receipt-to"
            | "errors-to"
            | "mail-followup-to"
            | "mail-reply-to" => Self::Mailboxes,
            "accept-language"
            | "auto-submitted"
            | "expires"
            | "importance"
            | "list-unsubscribe-post"
            | "precedence"
            | "priority"
            | "sensitivity" => Self::Token,
            _ => Self::Unstructured,
        }
    }
}

/// Characters that no URI contains. `%` stays: a caller's escapes are not escaped again.
///
/// Source: RFC 3986, 2.
const NOT_IN_URIS: &AsciiSet = &CONTROLS
    .add(b' ')
    .add(b'"')
    .add(b'<')
    .add(b'>')
    .add(b'\\')
    .add(b'^')
    .add(b'`')
    .add(b'{')
    .add(b'|')
    .add(b'}');

/// Renders a value by the grammar of its header, whose name is in lower case.
///
/// # Errors
/// The grammar cannot express the value, or not in [`limits::HEADER_VALUE_MAX`] characters.
pub(super) fn render(key: &str, value: &str) -> Result<String, Problem> {
    let rendered = match Grammar::of(key) {
        Grammar::Unstructured => return Ok(encode_text(value)),
        Grammar::Uris if key == "list-post" && forbids_posts(value) => value.to_owned(),
        Grammar::Uris => uris(value)?,
        Grammar::ListId => list_id(value)?,
        Grammar::MessageIds => ascii(value, "must be message ids in ASCII, such as <id@example.com>")?.to_owned(),
        Grammar::References => references(value)?,
        Grammar::Mailboxes => mailboxes(value)?,
        Grammar::Token => ascii(value, "must be ASCII, because this header cannot be encoded")?.to_owned(),
    };
    let (found, max) = (rendered.len(), limits::HEADER_VALUE_MAX);
    if found > max {
        return Err(Problem::TooLong { found, max });
    }
    Ok(rendered)
}

/// True for headers of URIs. A receiver shows no link if such a header has another form.
pub(super) fn has_uris(key: &str) -> bool {
    matches!(Grammar::of(key), Grammar::Uris)
}

/// True for `NO`, with a comment or without, in ASCII.
///
/// Source: RFC 2369, 3.4.
fn forbids_posts(value: &str) -> bool {
    let word = value.trim_start().split([' ', '(']).next().unwrap_or_default();
    word.eq_ignore_ascii_case("no") && value.is_ascii()
}

/// True for headers without a phrase.
pub(super) fn takes_no_encoded_word(key: &str) -> bool {
    match Grammar::of(key) {
        Grammar::Uris | Grammar::MessageIds | Grammar::References | Grammar::Token => true,
        Grammar::Unstructured | Grammar::ListId | Grammar::Mailboxes => false,
    }
}

fn ascii<'a>(text: &'a str, why: &'static str) -> Result<&'a str, Problem> {
    if text.is_ascii() {
        Ok(text)
    } else {
        Err(Problem::Bad(why))
    }
}

/// The problem of a value that is no list of URIs.
const URIS: Problem = Problem::Bad(
    "must be URIs in angle brackets, such as <https://example.com/unsubscribe> or <mailto:unsubscribe@example.com>",
);

/// Renders URIs and the ASCII text between them. A single URI gets the brackets that it lacks.
fn uris(value: &str) -> Result<String, Problem> {
    let alone = value.trim();
    if !alone.contains(['<', '>', ',', ' ']) && uri(alone).is_ok() {
        return Ok(format!("<{}>", uri(alone)?));
    }
    let mut rendered = String::with_capacity(value.len());
    let mut rest = value;
    while let Some((between, behind)) = rest.split_once('<') {
        let (inside, after) = behind.split_once('>').ok_or(URIS)?;
        rendered.push_str(between);
        rendered.push('<');
        rendered.push_str(&uri(inside)?);
        rendered.push('>');
        rest = after;
    }
    rendered.push_str(rest);
    if !rendered.contains('<') || !rendered.is_ascii() {
        return Err(URIS);
    }
    Ok(rendered)
}

/// The URIs of a rendered value.
pub(in crate::message) fn uris_in(rendered: &str) -> impl Iterator<Item = &str> {
    let inside = rendered.split('<').skip(1);
    inside.filter_map(|uri| uri.split_once('>').map(|(uri, _)| uri))
}

/// Renders one URI: percent-encoded UTF-8, and a domain in A-labels.
///
/// Source: RFC 3987, 3.1; RFC 6068, 2.
fn uri(text: &str) -> Result<String, Problem> {
    let (scheme, rest) = text.trim().split_once(':').ok_or(URIS)?;
    let is_scheme = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'-' | b'.');
    if !scheme.starts_with(|c: char| c.is_ascii_alphabetic()) || !scheme.bytes().all(is_scheme) || rest.contains('<') {
        return Err(URIS);
    }
    if scheme.eq_ignore_ascii_case("mailto") {
        let (addresses, fields) = rest.split_at(rest.find('?').unwrap_or(rest.len()));
        let addresses: Vec<_> = addresses.split(',').map(with_host).collect::<Result<_, _>>()?;
        return Ok(format!("{scheme}:{}{}", addresses.join(","), percent_encoded(fields)));
    }
    let Some(rest) = rest.strip_prefix("//") else {
        return Ok(format!("{scheme}:{}", percent_encoded(rest)));
    };
    let (authority, path) = rest.split_at(rest.find(['/', '?', '#']).unwrap_or(rest.len()));
    let (authority, port) = match authority.rsplit_once(':') {
        Some((authority, port)) if port.bytes().all(|b| b.is_ascii_digit()) => (authority, format!(":{port}")),
        _ => (authority, String::new()),
    };
    Ok(format!(
        "{scheme}://{}{port}{}",
        with_host(authority)?,
        percent_encoded(path)
    ))
}

/// Renders a host, with the text before its `@` if there is one.
fn with_host(text: &str) -> Result<String, Problem> {
    let (before, host) = text.split_at(text.rfind('@').map_or(0, |at| at + 1));
    let host = if host.is_ascii() {
        percent_encoded(host)
    } else {
        domain(host)?
    };
    Ok(percent_encoded(before) + &host)
}

fn percent_encoded(text: &str) -> String {
    utf8_percent_encode(text, NOT_IN_URIS).to_string()
}

fn domain(text: &str) -> Result<String, Problem> {
    to_a_labels(text).ok_or(Problem::Bad("contains an invalid domain name"))
}

/// Renders a list's phrase as encoded words, and its identifier in A-labels.
fn list_id(value: &str) -> Result<String, Problem> {
    const SHAPE: Problem = Problem::Bad("must be an identifier in angle brackets, such as Name <list.example.com>");
    let (phrase, rest) = value.trim().split_once('<').ok_or(SHAPE)?;
    let id = rest.strip_suffix('>').ok_or(SHAPE)?;
    let phrase = if phrase.is_ascii() {
        phrase.to_owned()
    } else {
        let unquoted = phrase.trim();
        let unquoted = unquoted
            .strip_prefix('"')
            .and_then(|text| text.strip_suffix('"'))
            .unwrap_or(unquoted);
        format!("{} ", encode_text(unquoted))
    };
    let id = if id.is_ascii() {
        id.to_owned()
    } else {
        domain(id.trim())?
    };
    Ok(format!("{phrase}<{id}>"))
}

/// Renders mailboxes with their names as encoded words. ASCII stays unchanged.
fn mailboxes(value: &str) -> Result<String, Problem> {
    if value.is_ascii() {
        return Ok(value.to_owned());
    }
    let list = parse_list(value).map_err(Problem::Address)?;
    let list: Vec<_> = list.iter().map(Mailbox::to_header).collect();
    Ok(list.join(", "))
}

/// Renders message ids. If they are too long together, the first one stays, and as many of the newest ones as possible.
///
/// Source: RFC 5322, 3.6.4, for the order; RFC 5537, 3.4.4, which keeps the first id and the newest ones.
fn references(value: &str) -> Result<String, Problem> {
    const SHAPE: &str =
        "must be message ids in ASCII with spaces between them, such as <a@example.com> <b@example.com>";
    let value = ascii(value, SHAPE)?;
    let (found, max) = (value.len(), limits::HEADER_VALUE_MAX);
    if found <= max {
        return Ok(value.to_owned());
    }
    if found > limits::REFERENCES_MAX {
        let max = limits::REFERENCES_MAX;
        return Err(Problem::TooLong { found, max });
    }
    let ids = message_ids(value).ok_or(Problem::Bad(SHAPE))?;
    let (first, later) = ids.split_first().ok_or(Problem::Bad(SHAPE))?;
    let mut length = first.len();
    let fitting = later.iter().rev().take_while(|id| {
        length += " ".len() + id.len();
        length <= max
    });
    let left_out = later.len() - fitting.count();
    let newest = later.get(left_out..).unwrap_or_default();
    if newest.is_empty() {
        return Err(Problem::TooLong { found, max });
    }
    Ok([&[*first], newest].concat().join(" "))
}

/// The message ids of a text, if it has nothing else but spaces and commas.
fn message_ids(text: &str) -> Option<Vec<&str>> {
    let mut ids = Vec::new();
    let mut rest = text.trim();
    while !rest.is_empty() {
        let end = rest.find('>')? + 1;
        let (id, behind) = rest.split_at(end);
        if !id.starts_with('<') || id.matches('<').count() > 1 {
            return None;
        }
        ids.push(id);
        rest = behind.trim_start_matches([' ', ',']);
    }
    Some(ids)
}

#[cfg(test)]
#[path = "structured_tests.rs"]
mod tests;
