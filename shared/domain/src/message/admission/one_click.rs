//! Checks the two headers of an unsubscription by one click.
//!
//! Mailbox providers ignore the pair if it breaks one of these rules, and nobody would notice.

use crate::message::email::{Header, uris_in};
use crate::message::problem::{EmailError, bad};

/// The only value of `List-Unsubscribe-Post`.
const ONE_CLICK: &str = "List-Unsubscribe=One-Click";

/// Checks `List-Unsubscribe`, if `List-Unsubscribe-Post` is given.
///
/// # Errors
/// The header that has to change.
///
/// Source: RFC 8058, 3.1.
pub(super) fn check(headers: &[Header]) -> Result<(), EmailError> {
    let find = |name| {
        let mut headers = headers.iter();
        headers.find(|header| header.name().as_str().eq_ignore_ascii_case(name))
    };
    let path = |header: &Header| format!("headers.{}", header.name());
    let Some(post) = find("List-Unsubscribe-Post") else {
        return Ok(());
    };
    if post.value().trim() != ONE_CLICK {
        return Err(bad(path(post), "must be exactly List-Unsubscribe=One-Click"));
    }
    let Some(list) = find("List-Unsubscribe") else {
        return Err(bad(
            path(post),
            "needs the header List-Unsubscribe with an https URI, such as <https://example.com/unsubscribe>",
        ));
    };
    let rendered = list.to_header();
    let of_scheme = |scheme: &str| {
        let is_one = |uri: &&str| {
            uri.get(..scheme.len())
                .is_some_and(|given| given.eq_ignore_ascii_case(scheme))
        };
        uris_in(&rendered).filter(is_one).count()
    };
    if of_scheme("https://") != 1 || of_scheme("http://") != 0 {
        return Err(bad(
            path(list),
            "with the header List-Unsubscribe-Post, this header must have exactly one https URI (such as <https://example.com/unsubscribe>) and no http URI",
        ));
    }
    Ok(())
}
