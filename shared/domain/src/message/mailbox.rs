//! An address with its display name: parsing, and the form for a header.
//!
//! **Invariant:** the result of [`Mailbox::to_header`] is ASCII, and holds nothing that could end a header's line.
//! **Privacy:** `Debug` never shows a local part or a name.
//! **Start reading at** [`Mailbox::parse`].

mod list;

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

pub(crate) use list::parse_list;

use crate::limits;
use crate::message::address::{AddressError, EmailAddress, is_atext};
use crate::message::{entity, quoted_string};

/// An address with an optional display name.
///
/// Source: RFC 5322, 3.4 (`mailbox`), without comments, groups and routes.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Mailbox {
    name: Option<String>,
    address: EmailAddress,
}

impl Mailbox {
    /// Reads `a@b.c`, `<a@b.c>`, `Name <a@b.c>` or `"Quoted, Name" <a@b.c>`. Spaces around either part are dropped; an
    /// empty name counts as none. A name may lack its quotes, as in `Acme, Inc. <a@b.c>`, unless a part of it between
    /// commas is another address. A name without quotes may have been escaped for HTML: `Tom &amp; Co <a@b.c>`.
    ///
    /// # Errors
    /// The first reason, as [`AddressError`].
    pub fn parse(input: &str) -> Result<Self, AddressError> {
        if input.chars().any(char::is_control) {
            return Err(AddressError::Control);
        }
        let input = input.trim();
        let (name, address) = if input.starts_with('"') {
            match quoted_string::read(input).ok_or(AddressError::Shape)? {
                // The quotes are those of a local part.
                (_, rest) if rest.trim_start().starts_with('@') => (String::new(), input),
                (name, rest) => (name, in_brackets(rest.trim_start())?),
            }
        } else if let Some(open) = input.find('<') {
            let (name, rest) = input.split_at(open);
            let own = in_brackets(rest);
            if name.contains(['(', ')', '>', '@', ',', ';', ':', '\\', '"']) {
                check_unquoted(name, rest, own.as_deref().ok())?;
            }
            let own = own?;
            (unescaped(name, own)?, own)
        } else {
            (String::new(), input)
        };
        let address = EmailAddress::parse(address)?;
        let name = Some(name.trim().to_owned()).filter(|name| !name.is_empty());
        let mailbox = Self { name, address };
        if mailbox.to_header().len() > limits::MAILBOX_MAX {
            return Err(AddressError::NameTooLong);
        }
        Ok(mailbox)
    }

    /// An address without a display name.
    pub(crate) const fn bare(address: EmailAddress) -> Self {
        Self { name: None, address }
    }

    /// The display name, decoded: any Unicode without control characters.
    #[must_use]
    pub fn name(&self) -> Option<&str> {
        self.name.as_deref()
    }

    /// The address.
    #[must_use]
    pub fn address(&self) -> &EmailAddress {
        &self.address
    }

    /// The form for SES (`FromEmailAddress`, `ToAddresses`, ...): printable ASCII on one line. The name is rendered
    /// as atoms, else as a quoted string, else as RFC 2047 encoded words.
    #[must_use]
    pub fn to_header(&self) -> String {
        let Some(name) = &self.name else {
            // Some readers take the quotes of a bare address for those of a name.
            let is_quoted = self.address.as_str().starts_with('"');
            return if is_quoted {
                format!("<{}>", self.address)
            } else {
                self.address.to_string()
            };
        };
        let atoms = name
            .split(' ')
            .all(|word| !word.is_empty() && word.chars().all(is_atext));
        if atoms {
            format!("{name} <{}>", self.address)
        } else if name.is_ascii() {
            format!("{} <{}>", quoted_string::write(name), self.address)
        } else {
            format!("{} <{}>", encode_text(name), self.address)
        }
    }
}

/// The form that [`Mailbox::parse`] reads back: the name in quotes if necessary.
impl fmt::Display for Mailbox {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.name {
            None => write!(f, "{}", self.address),
            Some(name) if name.contains(['(', ')', '<', '>', '@', ',', ';', ':', '\\', '"']) => {
                write!(f, "{} <{}>", quoted_string::write(name), self.address)
            }
            Some(name) => write!(f, "{name} <{}>", self.address),
        }
    }
}

impl fmt::Debug for Mailbox {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = if self.name.is_some() { "*** " } else { "" };
        write!(f, "{name}<{:?}>", self.address)
    }
}

impl std::str::FromStr for Mailbox {
    type Err = AddressError;

    fn from_str(input: &str) -> Result<Self, Self::Err> {
        Self::parse(input)
    }
}

impl Serialize for Mailbox {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Mailbox {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::parse(&text).map_err(serde::de::Error::custom)
    }
}

/// Checks a name with special characters and without quotes. `rest` follows it, and has the `own` address if it is one
/// address in brackets.
fn check_unquoted(name: &str, rest: &str, own: Option<&str>) -> Result<(), AddressError> {
    // `a@b.c, d <d@e.f>` is a list, and `g: d <d@e.f>;` is a group.
    Err(if name.contains('>') {
        AddressError::Shape
    } else if own.is_none() && rest.trim_end().ends_with(';') {
        AddressError::Group
    } else if own.is_none() {
        AddressError::Several
    } else if name.contains(['"', '\\']) {
        AddressError::NameNeedsQuotes
    } else if own.is_some_and(|own| names_a_recipient(name, own)) {
        AddressError::NameHasAddress
    } else {
        return Ok(());
    })
}

/// A name without quotes, and without escapes of HTML. No name that was accepted earlier has an escape: its semicolon
/// needed quotes.
fn unescaped(name: &str, own: &str) -> Result<String, AddressError> {
    if !name.contains('&') {
        return Ok(name.to_owned());
    }
    let plain = entity::decoded(name);
    // The escapes are read last: they hide no address and no line break.
    if plain.chars().any(char::is_control) {
        return Err(AddressError::Control);
    }
    if names_a_recipient(&plain, own) {
        return Err(AddressError::NameHasAddress);
    }
    Ok(plain)
}

/// True if a part of a name is another address, or a mailbox whose brackets were escaped. Such a name is a list, which
/// would lose a recipient. `Ann via ann@b.c` and `Support (help@b.c)` are names, and so is the `own` address.
fn names_a_recipient(name: &str, own: &str) -> bool {
    name.split([',', ';', ':']).any(|part| {
        let plain = without_comments(part);
        let words = plain.split(|c: char| c.is_whitespace() || matches!(c, '<' | '>'));
        let is_other = |word: &&str| !word.is_empty() && !word.trim_matches('\'').eq_ignore_ascii_case(own);
        let mut words = words.filter(is_other).peekable();
        if part.contains('<') {
            return words.any(looks_like_an_address);
        }
        words.peek().is_some() && words.all(looks_like_an_address)
    })
}

/// A text without its comments in parentheses.
fn without_comments(text: &str) -> String {
    let mut depth = 0_usize;
    let mut is_outside = |c: &char| match c {
        '(' => {
            depth += 1;
            false
        }
        ')' => {
            depth = depth.saturating_sub(1);
            false
        }
        _ => depth == 0,
    };
    text.chars().filter(|c| is_outside(c)).collect()
}

/// True for each address, and for each text that a mailer could take for one: such a recipient must not be lost. A
/// word with several `@` may contain an address between them.
fn looks_like_an_address(word: &str) -> bool {
    let has_dot = |domain: &str| {
        let inner = domain.trim_matches('.');
        inner.contains(['.', '\u{3002}', '\u{ff0e}', '\u{ff61}'])
    };
    let (locals, domains) = (word.split('@'), word.split('@').skip(1));
    locals
        .zip(domains)
        .any(|(local, domain)| !local.is_empty() && has_dot(domain))
}

fn in_brackets(text: &str) -> Result<&str, AddressError> {
    let inner = text
        .strip_prefix('<')
        .and_then(|text| text.strip_suffix('>'))
        .ok_or(AddressError::Shape)?;
    let inner = inner.trim();
    // Brackets in the quotes of a local part are text.
    let open = quoted_string::read(inner).map_or(inner, |(_, rest)| rest);
    // `<a@b.c>, <d@e.f>` begins and ends with brackets, too.
    if open.contains(['<', '>']) {
        return Err(if open.contains(',') {
            AddressError::Several
        } else {
            AddressError::Shape
        });
    }
    Ok(inner)
}

/// Renders text for a header that takes only printable ASCII. ASCII text stays as it is. Other text becomes RFC 2047
/// words (`=?UTF-8?B?...?=`, at most 75 characters each, no character split). They are separated by one space, which
/// a reader drops.
///
/// Source: RFC 2047, 2 and 4.1.
#[must_use]
pub fn encode_text(text: &str) -> String {
    if text.is_ascii() {
        return text.to_owned();
    }
    /// Most bytes of text in one encoded word. 75 minus `=?UTF-8?B?` and `?=` leaves 63; 60 of them are whole groups of
    /// base64.
    const CHUNK: usize = (limits::ENCODED_WORD_MAX - 12) / 4 * 3;
    let mut words = String::new();
    let mut chunk = String::new();
    let mut flush = |chunk: &mut String| {
        if !words.is_empty() {
            words.push(' ');
        }
        words.push_str("=?UTF-8?B?");
        words.push_str(&BASE64.encode(chunk.as_bytes()));
        words.push_str("?=");
        chunk.clear();
    };
    for c in text.chars() {
        if chunk.len() + c.len_utf8() > CHUNK {
            flush(&mut chunk);
        }
        chunk.push(c);
    }
    flush(&mut chunk);
    words
}

#[cfg(test)]
#[path = "mailbox_tests.rs"]
mod tests;
