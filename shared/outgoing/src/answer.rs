//! An answer and its headers.
//!
//! **Invariant:** pure. Everything that is kept of an answer is bounded, because the server chooses it.
//!
//! Source: RFC 9110, sections 10.2.3 (Retry-After) and 5.6.7 (dates); Standard Webhooks 1.0.0, "Delivery success and
//! failure", read 2026-11-29.

use std::time::{Duration, UNIX_EPOCH};

use hyper::HeaderMap;
use hyper::header::RETRY_AFTER;

/// Bytes of the longest value of `webhook-delivery` that is kept.
const MAX_DELIVERY: usize = 64;

/// The value of `webhook-delivery` that ends the attempts of one event.
const ABORT: &str = "abort-message";

/// The reason for which the body in an [`Answer`] is not the whole body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cut {
    /// The body is longer than the limit.
    Length,
    /// The time of the call ended during the body.
    Time,
    /// The connection broke during the body.
    Broken,
}

/// The time before which a server wants no further request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RetryAfter {
    /// Seconds from the answer.
    Seconds(u64),
    /// Seconds since 1970-01-01, UTC.
    At(u64),
}

impl RetryAfter {
    /// Reads a value: a number of seconds, or a date of HTTP in any of its three forms.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        if text.bytes().all(|byte| byte.is_ascii_digit()) {
            return text.parse().ok().map(Self::Seconds);
        }
        let date = httpdate::parse_http_date(text).ok()?;
        let since = date.duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO);
        Some(Self::At(since.as_secs()))
    }

    /// Returns the seconds to wait at `now_secs` (since 1970-01-01, UTC). A date in the past gives 0. The caller limits
    /// the wait.
    #[must_use]
    pub const fn wait_secs(self, now_secs: u64) -> u64 {
        match self {
            Self::Seconds(seconds) => seconds,
            Self::At(at) => at.saturating_sub(now_secs),
        }
    }
}

/// An answer. The server read the request, so that its status counts even if the body is cut.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// The status, from 100 to 999. Redirects (3xx) are not followed.
    pub status: u16,
    /// The beginning of the body as text, at most as many bytes as the limit. Bytes that are not UTF-8 become U+FFFD.
    pub body: String,
    /// The reason for which the body is incomplete; `None` for a whole body.
    pub cut: Option<Cut>,
    /// The header `retry-after`, if it is well-formed.
    pub retry_after: Option<RetryAfter>,
    /// The header `webhook-delivery` in lower case.
    pub delivery: Option<String>,
}

impl Answer {
    pub(crate) fn new(status: u16, headers: &HeaderMap, body: &[u8], limit: usize, cut: Option<Cut>) -> Self {
        let header = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
        Self {
            status,
            body: text_of(body, limit, cut.is_some()),
            cut,
            retry_after: header(RETRY_AFTER.as_str()).and_then(RetryAfter::parse),
            delivery: header("webhook-delivery").map(|value| {
                let value = value.trim();
                let end = value.floor_char_boundary(MAX_DELIVERY);
                value.get(..end).unwrap_or_default().to_ascii_lowercase()
            }),
        }
    }

    /// True for the statuses 200 to 299, the only ones of a delivered webhook.
    #[must_use]
    pub const fn is_success(&self) -> bool {
        self.status >= 200 && self.status <= 299
    }

    /// True if the server asks that this event is not tried again: `webhook-delivery: abort-message`.
    #[must_use]
    pub fn asks_to_abort(&self) -> bool {
        self.delivery.as_deref() == Some(ABORT)
    }
}

/// Returns bytes as text of at most `limit` bytes. If the bytes are the beginning of more, an incomplete last character
/// is left out.
fn text_of(bytes: &[u8], limit: usize, more: bool) -> String {
    let mut text = String::new();
    let mut chunks = bytes.utf8_chunks().peekable();
    while let Some(chunk) = chunks.next() {
        text.push_str(chunk.valid());
        let is_cut = more && chunks.peek().is_none();
        if !chunk.invalid().is_empty() && !is_cut {
            text.push(char::REPLACEMENT_CHARACTER);
        }
    }
    text.truncate(text.floor_char_boundary(limit));
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_forms_of_retry_after_are_read() {
        for (text, expected) in [
            ("120", Some(RetryAfter::Seconds(120))),
            (" 0 ", Some(RetryAfter::Seconds(0))),
            ("Sun, 06 Nov 1994 08:49:37 GMT", Some(RetryAfter::At(784_111_777))),
            ("Sunday, 06-Nov-94 08:49:37 GMT", Some(RetryAfter::At(784_111_777))),
            ("Sun Nov  6 08:49:37 1994", Some(RetryAfter::At(784_111_777))),
            ("", None),
            ("-1", None),
            ("+1", None),
            ("1.5", None),
            ("99999999999999999999999", None),
            ("soon", None),
            ("1994-11-06T08:49:37Z", None),
        ] {
            assert_eq!(RetryAfter::parse(text), expected, "{text}");
        }
    }

    #[test]
    fn a_date_becomes_a_wait() {
        assert_eq!(RetryAfter::At(1000).wait_secs(940), 60);
        assert_eq!(RetryAfter::At(1000).wait_secs(2000), 0);
        assert_eq!(RetryAfter::Seconds(5).wait_secs(2000), 5);
    }

    #[test]
    fn a_body_becomes_bounded_text() {
        assert_eq!(text_of(b"ok", 1024, false), "ok");
        assert_eq!(text_of(b"a\xffb", 1024, false), "a\u{fffd}b");
        assert_eq!(text_of("aä".as_bytes().get(..2).unwrap(), 1024, true), "a");
        assert_eq!(text_of("aä".as_bytes().get(..2).unwrap(), 1024, false), "a\u{fffd}");
        let text = text_of(&[0xff; 1024], 1024, true);
        assert!(
            text.len() <= 1024 && text.chars().all(|c| c == '\u{fffd}'),
            "{}",
            text.len()
        );
    }

    #[test]
    fn headers_of_an_answer_are_read() {
        let mut headers = HeaderMap::new();
        headers.insert("retry-after", "7".parse().unwrap());
        headers.insert("webhook-delivery", " Abort-Message ".parse().unwrap());
        let answer = Answer::new(500, &headers, b"x", 1024, None);
        assert_eq!(answer.retry_after, Some(RetryAfter::Seconds(7)));
        assert!(answer.asks_to_abort() && !answer.is_success());
        headers.insert("webhook-delivery", "x".repeat(500).parse().unwrap());
        let answer = Answer::new(299, &headers, b"x", 1024, None);
        assert_eq!(answer.delivery.as_deref().map(str::len), Some(MAX_DELIVERY));
        assert!(answer.is_success() && !answer.asks_to_abort());
        for status in [199, 300, 301, 410] {
            assert!(!Answer::new(status, &headers, b"", 1024, None).is_success());
        }
    }
}
