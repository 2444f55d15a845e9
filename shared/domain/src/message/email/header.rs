//! Headers that a caller adds.
//!
//! **Invariant:** neither the queue nor SES writes a header of the same name, and a value cannot end its line. Only
//! new requests are refused if they contain receivers' headers ([`crate::message::admission`]).

use std::collections::HashSet;
use std::fmt;

use super::structured;
use crate::limits;
use crate::message::mailbox::encode_text;
use crate::message::problem::{EmailError, Problem, bad};

/// The name of a custom header: RFC 5322's `ftext`, except names that we or SES write.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HeaderName(String);

/// Headers that are fields of the request, or that the queue, SES or the receiver write.
const RESERVED_HEADERS: &[&str] = &[
    "from",
    "sender",
    "to",
    "cc",
    "bcc",
    "subject",
    "date",
    "message-id",
    "return-path",
    "received",
    "mime-version",
    "x-email-id",
];

/// Reserved prefixes of header names.
const RESERVED_PREFIXES: &[&str] = &["content-", "dkim-", "x-ses-", "arc-", "resent-"];

impl HeaderName {
    /// Reads a header's name.
    ///
    /// # Errors
    /// [`Problem`] when it is empty, too long, not `ftext`, or reserved.
    ///
    /// Source: RFC 5322, 3.6.8; Amazon SES API v2 reference, `MessageHeader`.
    pub fn parse(name: &str) -> Result<Self, Problem> {
        if name.is_empty() {
            return Err(Problem::Bad("the header name is empty"));
        }
        if !name.bytes().all(|b| b.is_ascii_graphic() && b != b':') {
            return Err(Problem::Bad(
                "a header name may contain only printable ASCII without spaces and colons",
            ));
        }
        if name.len() > limits::HEADER_NAME_MAX {
            let (found, max) = (name.len(), limits::HEADER_NAME_MAX);
            return Err(Problem::TooLong { found, max });
        }
        let key = name.to_ascii_lowercase();
        if key == "reply-to" {
            return Err(Problem::Bad("use the field reply_to"));
        }
        if RESERVED_HEADERS.contains(&key.as_str()) || RESERVED_PREFIXES.iter().any(|prefix| key.starts_with(prefix)) {
            return Err(Problem::Bad("mailqueue or Amazon SES writes this header"));
        }
        Ok(Self(name.to_owned()))
    }

    /// The given name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The name in lower case for comparison: headers ignore case.
    fn key(&self) -> String {
        self.0.to_ascii_lowercase()
    }
}

impl fmt::Display for HeaderName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A custom header.
#[derive(Clone, PartialEq, Eq)]
pub struct Header {
    name: HeaderName,
    value: String,
}

impl Header {
    fn new(name: String, value: String) -> Result<Self, EmailError> {
        // An invalid name is not repeated: the error's path is that of the map.
        let name = HeaderName::parse(&name).map_err(|problem| {
            let printable =
                name.len() <= limits::HEADER_NAME_MAX && !name.is_empty() && name.bytes().all(|b| b.is_ascii_graphic());
            let path = if printable {
                format!("headers.{name}")
            } else {
                "headers".to_owned()
            };
            EmailError::at(path, problem)
        })?;
        let path = format!("headers.{name}");
        if value.trim().is_empty() {
            return Err(bad(path, "the value is empty"));
        }
        if value.chars().any(char::is_control) {
            let why = "control characters such as line breaks are not allowed";
            return Err(bad(path, why));
        }
        let header = Self { name, value };
        let (found, max) = (header.to_header().len(), limits::HEADER_VALUE_MAX);
        if found > max {
            let too_long = Problem::TooLong { found, max };
            return Err(EmailError::at(path, header.check_grammar().err().unwrap_or(too_long)));
        }
        Ok(header)
    }

    /// The name.
    #[must_use]
    pub fn name(&self) -> &HeaderName {
        &self.name
    }

    /// The given value: any Unicode without control characters.
    #[must_use]
    pub fn value(&self) -> &str {
        &self.value
    }

    /// The value for SES: printable ASCII, encoded by the grammar of its header, else by RFC 2047 if necessary.
    #[must_use]
    pub fn to_header(&self) -> String {
        // A value without that grammar is ASCII, or was accepted before the grammar was known.
        structured::render(&self.name.key(), &self.value).unwrap_or_else(|_| encode_text(&self.value))
    }

    /// Checks that the header's grammar can express the value.
    pub(in crate::message) fn check_grammar(&self) -> Result<(), Problem> {
        structured::render(&self.name.key(), &self.value).map(drop)
    }

    /// True if the value has to be URIs.
    pub(in crate::message) fn has_uris(&self) -> bool {
        structured::has_uris(&self.name.key())
    }

    /// True if an encoded word (`=?...?=`) has no meaning in any part of the value.
    pub(in crate::message) fn takes_no_encoded_word(&self) -> bool {
        structured::takes_no_encoded_word(&self.name.key())
    }
}

impl fmt::Debug for Header {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: ***", self.name)
    }
}

/// Checks all headers of an email, and sorts them.
pub(super) fn check(given: Vec<(String, String)>) -> Result<Vec<Header>, EmailError> {
    if given.len() > limits::HEADERS_MAX {
        let (found, max) = (given.len(), limits::HEADERS_MAX);
        return Err(EmailError::at("headers", Problem::TooMany { found, max }));
    }
    let mut seen = HashSet::new();
    let mut headers = given
        .into_iter()
        .map(|(name, value)| {
            let header = Header::new(name, value)?;
            if seen.insert(header.name.key()) {
                Ok(header)
            } else {
                let path = format!("headers.{}", header.name);
                Err(EmailError::at(path, Problem::Repeated))
            }
        })
        .collect::<Result<Vec<_>, _>>()?;
    // Their order has no meaning, and some clients' maps change it on every try. A retry with the same idempotency
    // key must be the same request.
    headers.sort_by_cached_key(|header| header.name.key());
    Ok(headers)
}
