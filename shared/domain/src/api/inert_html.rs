//! Replaces the tags with which an HTML content connects to a host despite every policy of its page.
//!
//! **Role:** `preview` shows contents of emails. The page's policy stops scripts and automatic loading.
//! **Source:** Chromium 156 connects to the host of a `link` for preconnecting, and of a `frame` or an `iframe`. The
//! browser tests of the console show it. local/fake_ses/src/message_html.rs does the same for the local inbox, which
//! shares no code with the product that it tests.

/// The beginnings of the tags, each with its replacement. The parser treats each replacement like the original tag, so
/// that the surrounding HTML does not change.
const REPLACED: [(&str, &str); 4] = [
    ("link", "meta"),
    ("frame", "meta"),
    ("iframe", "noframes"),
    ("/iframe", "/noframes"),
];

/// Returns the HTML without links to resources and without frames.
///
/// No escape can spell the name of a tag, so it appears literally, in upper or lower case.
pub(crate) fn without_links_and_frames(html: &str) -> String {
    let mut pieces = html.split('<');
    let mut shown = String::with_capacity(html.len());
    shown.push_str(pieces.next().unwrap_or_default());
    for piece in pieces {
        shown.push('<');
        let replaced = REPLACED.iter().find_map(|(name, other)| {
            let (start, rest) = piece.split_at_checked(name.len())?;
            start.eq_ignore_ascii_case(name).then_some((*other, rest))
        });
        let (name, rest) = replaced.unwrap_or(("", piece));
        shown.push_str(name);
        shown.push_str(rest);
    }
    shown
}
