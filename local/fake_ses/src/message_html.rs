//! The HTML of a message for the sandboxed frame.
//!
//! **Role:** the frame's sandbox and policy stop scripts and automatic loading. This module removes the tags that
//! they do not stop, and repairs the images and links that they would break.
//! **Invariant:** pure; the message itself stays as submitted.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::mailbox::{Attachment, Message};

/// Image types that browsers show and that cannot carry scripts.
const INLINE_IMAGES: [&str; 4] = ["image/png", "image/jpeg", "image/gif", "image/webp"];

/// The beginnings of tags that no message needs, each with its replacement.
///
/// Chromium connects to the host of a `link` for preconnecting, or of a `frame`, despite every policy. An `iframe`
/// may contain its own document, with links of its own. The parser treats each replacement like the original tag, so
/// that the surrounding HTML does not change.
const REPLACED: [(&str, &str); 4] = [
    ("link", "meta"),
    ("frame", "meta"),
    ("iframe", "noframes"),
    ("/iframe", "/noframes"),
];

/// Returns the HTML to show, if the message has any.
pub fn html_to_show(message: &Message) -> Option<String> {
    let html = message.submission.html.as_deref()?;
    let html = without_links_and_frames(html);
    let html = with_inline_images(html, &message.submission.attachments);
    Some(with_links_in_new_tabs(&html))
}

/// A tag's name appears literally in the text, in either case: no escape can spell it.
fn without_links_and_frames(html: &str) -> String {
    let mut pieces = html.split('<');
    let mut shown = pieces.next().unwrap_or_default().to_owned();
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

/// Replaces `cid:` images by their data, since the frame may load nothing.
fn with_inline_images(mut html: String, files: &[Attachment]) -> String {
    for file in files {
        if let (Some(id), Some(media_type)) = (&file.content_id, image_type(file)) {
            let id = id.trim_matches(['<', '>']);
            if !id.is_empty() {
                let data = format!("data:{media_type};base64,{}", STANDARD.encode(&file.content));
                html = html.replace(&format!("cid:{id}"), &data);
            }
        }
    }
    html
}

/// Adds one line that makes links open outside the frame. The line follows the document type, which is valid only at
/// the start.
fn with_links_in_new_tabs(html: &str) -> String {
    const LINKS: &str = r#"<base target="_blank">"#;
    let (start, rest) = match html.split_once('>') {
        Some((start, rest)) if start.trim_start().to_ascii_lowercase().starts_with("<!doctype") => (start, rest),
        Some(_) | None => return format!("{LINKS}{html}"),
    };
    format!("{start}>{LINKS}{rest}")
}

fn image_type(file: &Attachment) -> Option<&'static str> {
    let submitted = file.content_type.as_deref()?;
    INLINE_IMAGES
        .into_iter()
        .find(|known| submitted.eq_ignore_ascii_case(known))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_and_frames_are_replaced_in_any_spelling() {
        for (html, expected) in [
            (
                "<LiNk rel=preconnect href=//a>b<link/rel=x>",
                "<meta rel=preconnect href=//a>b<meta/rel=x>",
            ),
            (
                "<iframe srcdoc='&lt;link&gt;'>a</IFRAME>",
                "<noframes srcdoc='&lt;link&gt;'>a</noframes>",
            ),
            (
                "<frameset><FRAME src=//a></frameset>",
                "<metaset><meta src=//a></frameset>",
            ),
            ("<<link>", "<<meta>"),
            ("a < b <li><line ü>", "a < b <li><line ü>"),
            ("<lin", "<lin"),
            ("", ""),
        ] {
            assert_eq!(without_links_and_frames(html), expected);
        }
    }

    #[test]
    fn links_open_in_new_tabs_after_the_document_type() {
        for (html, expected) in [
            ("<p>a > b", r#"<base target="_blank"><p>a > b"#),
            ("", r#"<base target="_blank">"#),
            (
                "\n<!DOCTYPE html><html>",
                "\n<!DOCTYPE html><base target=\"_blank\"><html>",
            ),
        ] {
            assert_eq!(with_links_in_new_tabs(html), expected);
        }
    }
}
