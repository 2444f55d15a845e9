//! Email addresses: parsing, and the form for SES.
//!
//! **Role:** called by [`crate::message::email`]; calls `idna` only.
//! **Invariant:** an [`EmailAddress`] is ASCII, has one `@`, and holds nothing that could end a header's line. The
//! same holds for the result of [`Mailbox::to_header`].
//! **Privacy:** `Debug` never shows a local part or a name; [`AddressError`] never repeats input.
//! **Start reading at** [`EmailAddress::parse`].

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use idna::uts46::{AsciiDenyList, DnsLength, Hyphens, Uts46};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::limits;

/// The reason why a string is not an address, as a sentence for the caller.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum AddressError {
    /// Nothing but spaces.
    #[error("the address is empty")]
    Empty,
    /// CR, LF, NUL or another control character.
    #[error("control characters such as line breaks are not allowed in an address")]
    Control,
    /// More than one address in one string.
    #[error("give one address per entry: use an array for several")]
    Several,
    /// `<@relay:user@example.com>`.
    #[error("source routes such as <@a,@b:user@example.com> are not accepted")]
    Route,
    /// `name: a@b.c;`.
    #[error("groups such as \"name: a@example.com;\" are not accepted")]
    Group,
    /// `user(comment)@example.com`.
    #[error("comments in parentheses are not accepted in an address")]
    Comment,
    /// `"quoted local"@example.com`.
    #[error("quoted local parts such as \"a b\"@example.com are not accepted: many receivers refuse them")]
    QuotedLocal,
    /// Angle brackets missing, doubled or misplaced.
    #[error("the address must look like user@example.com or Name <user@example.com>")]
    Shape,
    /// A character in an unquoted display name that has another meaning there.
    #[error("put the display name in double quotes, because it contains one of ( ) @ , ; : \\ \"")]
    NameNeedsQuotes,
    /// White space inside the address.
    #[error("spaces are not allowed in an address")]
    Space,
    /// No `@`, or more than one.
    #[error("the address must contain exactly one @")]
    At,
    /// Nothing before the `@`.
    #[error("the part before the @ is empty")]
    LocalEmpty,
    /// Over 64 octets before the `@`.
    #[error("the part before the @ is longer than 64 characters")]
    LocalTooLong,
    /// A local part outside ASCII: SES has no SMTPUTF8.
    #[error("the part before the @ must be ASCII, because Amazon SES supports nothing else")]
    LocalNotAscii,
    /// Not a dot-atom.
    #[error("the part before the @ has a forbidden character, a dot at its start or end, or two dots in a row")]
    LocalSyntax,
    /// Nothing after the `@`.
    #[error("the domain is empty")]
    DomainEmpty,
    /// `user@[192.0.2.1]`, `user@192.0.2.1`.
    #[error("IP addresses are not accepted as a domain")]
    IpLiteral,
    /// `user@example.com.`.
    #[error("the domain must not end with a dot")]
    TrailingDot,
    /// `user@localhost`.
    #[error("the domain must contain a dot, as in example.com")]
    NoDot,
    /// Refused by IDNA (UTS #46, strict) or by DNS's grammar.
    #[error("the domain is not a valid domain name")]
    Domain,
    /// Over 253 octets after the `@`.
    #[error("the domain is longer than 253 characters")]
    DomainTooLong,
    /// Over 254 octets in all.
    #[error("the address is longer than 254 characters")]
    TooLong,
    /// `user%relay@example.com`, `relay!user@example.com`.
    #[error("routes with % or ! in the part before the @ are not accepted")]
    LocalRoute,
    /// `=?utf-8?q?...?=@example.com`.
    #[error("encoded words (=?...?=) are not accepted in an address")]
    LocalEncoded,
    /// A label of the domain that mixes scripts, such as Latin and Cyrillic.
    #[error("a label of the domain mixes scripts that do not belong together")]
    MixedScripts,
    /// The display name overrides the text direction, or contains a line separator.
    #[error(
        "characters that reverse the display name or break its line (U+202D, U+202E, U+2028, U+2029) are not allowed"
    )]
    NameMisleads,
    /// `=?utf-8?q?=0D=0A?= <user@example.com>`.
    #[error("an encoded word (=?...?=) in the display name hides a control character")]
    NameHides,
    /// The display name makes the rendered address longer than a line.
    #[error("the display name is too long")]
    NameTooLong,
}

/// One address, `local@domain`: an ASCII dot-atom and a domain in lower-case A-labels.
///
/// Source: RFC 5321 (lengths), RFC 5322, 3.4.1 (dot-atom), UTS #46 (domain).
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct EmailAddress {
    text: String,
    at: usize,
}

impl EmailAddress {
    /// Reads an address without display name or brackets. The domain is mapped to lower-case A-labels. The local part
    /// stays unchanged, because only its owner decides which spellings are equal.
    ///
    /// # Errors
    /// The first reason, as [`AddressError`].
    pub fn parse(input: &str) -> Result<Self, AddressError> {
        if input.is_empty() {
            return Err(AddressError::Empty);
        }
        if input.chars().any(char::is_control) {
            return Err(AddressError::Control);
        }
        if input.starts_with('@') {
            // A route always has a colon; `@example.com` only lacks its local part.
            return Err(if input.contains(':') {
                AddressError::Route
            } else {
                AddressError::LocalEmpty
            });
        }
        if input.starts_with('"') {
            return Err(AddressError::QuotedLocal);
        }
        if input.contains(['(', ')']) {
            return Err(AddressError::Comment);
        }
        if input.contains(['<', '>']) {
            return Err(AddressError::Shape);
        }
        let (local, domain) = input.rsplit_once('@').ok_or(AddressError::At)?;
        if domain.starts_with('[') {
            return Err(AddressError::IpLiteral);
        }
        if input.contains(':') {
            return Err(AddressError::Group);
        }
        if input.contains([',', ';']) {
            return Err(AddressError::Several);
        }
        if local.contains('@') {
            return Err(AddressError::At);
        }
        if input.chars().any(char::is_whitespace) {
            return Err(AddressError::Space);
        }
        check_local(local)?;
        let domain = parse_domain(domain)?;
        let text = format!("{local}@{domain}");
        if text.len() > limits::ADDRESS_MAX {
            return Err(AddressError::TooLong);
        }
        Ok(Self { text, at: local.len() })
    }

    /// The whole address. It is personal data: not for logs.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The address as recipients are compared: its local part in lower case, too. Strictly, only its owner decides
    /// which spellings are equal; in practice nobody tells `Ann` from `ann`.
    #[must_use]
    pub fn lower_case(&self) -> Self {
        Self {
            text: self.text.to_ascii_lowercase(),
            at: self.at,
        }
    }

    /// The domain: A-labels, lower case.
    #[must_use]
    pub fn domain(&self) -> &str {
        self.text.get(self.at + 1..).unwrap_or_default()
    }

    /// True for an address of SES's mailbox simulator. It behaves the same every time, and no list takes it.
    ///
    /// Source: Amazon SES Developer Guide, "Using the mailbox simulator to test email sending", read 2026-11-24.
    #[must_use]
    pub fn is_simulated(&self) -> bool {
        self.domain() == "simulator.amazonses.com"
    }
}

fn check_local(local: &str) -> Result<(), AddressError> {
    if !local.is_ascii() {
        return Err(AddressError::LocalNotAscii);
    }
    if local.len() > limits::LOCAL_PART_MAX {
        return Err(AddressError::LocalTooLong);
    }
    let dot_atom = local
        .split('.')
        .all(|atom| !atom.is_empty() && atom.chars().all(is_atext));
    if dot_atom {
        Ok(())
    } else {
        Err(AddressError::LocalSyntax)
    }
}

fn parse_domain(domain: &str) -> Result<String, AddressError> {
    if domain.is_empty() {
        return Err(AddressError::DomainEmpty);
    }
    if domain.len() > limits::DOMAIN_INPUT_MAX {
        return Err(AddressError::DomainTooLong);
    }
    if domain.is_ascii() && domain.len() > limits::DOMAIN_MAX {
        return Err(AddressError::DomainTooLong);
    }
    if domain.ends_with('.') {
        return Err(AddressError::TrailingDot);
    }
    // `Verify` limits a label to 63 and a domain to 253 octets. `CheckFirstLast`, not `Check`: labels like `r3---abc`
    // are registered and used.
    let ascii = Uts46::new()
        .to_ascii(
            domain.as_bytes(),
            AsciiDenyList::STD3,
            Hyphens::CheckFirstLast,
            DnsLength::Verify,
        )
        .map_err(|_| AddressError::Domain)?;
    // Checked after the mapping, because IDNA maps other dots and digits to these.
    let Some((_, last)) = ascii.rsplit_once('.') else {
        return Err(AddressError::NoDot);
    };
    if last.bytes().all(|b| b.is_ascii_digit()) {
        return Err(AddressError::IpLiteral);
    }
    Ok(ascii.into_owned())
}

/// RFC 5322, 3.2.3.
fn is_atext(c: char) -> bool {
    c.is_ascii_alphanumeric() || "!#$%&'*+-/=?^_`{|}~".contains(c)
}

impl fmt::Display for EmailAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl fmt::Debug for EmailAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "***@{}", self.domain())
    }
}

impl std::str::FromStr for EmailAddress {
    type Err = AddressError;

    fn from_str(input: &str) -> Result<Self, Self::Err> {
        Self::parse(input)
    }
}

impl Serialize for EmailAddress {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.text)
    }
}

impl<'de> Deserialize<'de> for EmailAddress {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::parse(&text).map_err(serde::de::Error::custom)
    }
}

/// An address with an optional display name.
///
/// Source: RFC 5322, 3.4 (`mailbox`), without comments, groups and routes.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Mailbox {
    name: Option<String>,
    address: EmailAddress,
}

impl Mailbox {
    /// Reads `a@b.c`, `<a@b.c>`, `Name <a@b.c>` or `"Quoted, Name" <a@b.c>`. Spaces around either part are dropped;
    /// an empty name counts as none.
    ///
    /// # Errors
    /// The first reason, as [`AddressError`].
    pub fn parse(input: &str) -> Result<Self, AddressError> {
        if input.chars().any(char::is_control) {
            return Err(AddressError::Control);
        }
        let input = input.trim();
        let (name, address) = if input.starts_with('"') {
            let (name, rest) = read_quoted(input)?;
            let rest = rest.trim_start();
            if rest.starts_with('@') {
                return Err(AddressError::QuotedLocal);
            }
            (name, in_brackets(rest)?)
        } else if let Some(open) = input.find('<') {
            let (name, rest) = input.split_at(open);
            let inner = in_brackets(rest);
            if name.contains(['(', ')', '>', '@', ',', ';', ':', '\\', '"']) {
                // `a@b.c, d <d@e.f>` and `g: d <d@e.f>;` are lists; a closed bracket is a name.
                return Err(if name.contains('>') {
                    AddressError::Shape
                } else if inner.is_ok() {
                    AddressError::NameNeedsQuotes
                } else if rest.trim_end().ends_with(';') {
                    AddressError::Group
                } else {
                    AddressError::Several
                });
            }
            (name.to_owned(), inner?)
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
            return self.address.text.clone();
        };
        let atoms = name
            .split(' ')
            .all(|word| !word.is_empty() && word.chars().all(is_atext));
        if atoms {
            format!("{name} <{}>", self.address)
        } else if name.is_ascii() {
            format!("{} <{}>", quote(name), self.address)
        } else {
            format!("{} <{}>", encode_text(name), self.address)
        }
    }
}

/// Reads a quoted string at the start; returns its content and the rest.
fn read_quoted(input: &str) -> Result<(String, &str), AddressError> {
    let mut content = String::new();
    let mut escaped = false;
    for (at, c) in input.char_indices().skip(1) {
        if escaped {
            content.push(c);
            escaped = false;
        } else if c == '\\' {
            escaped = true;
        } else if c == '"' {
            let rest = input.get(at + 1..).unwrap_or_default();
            return Ok((content, rest));
        } else {
            content.push(c);
        }
    }
    Err(AddressError::Shape)
}

fn in_brackets(text: &str) -> Result<&str, AddressError> {
    let inner = text
        .strip_prefix('<')
        .and_then(|text| text.strip_suffix('>'))
        .ok_or(AddressError::Shape)?;
    // `<a@b.c>, <d@e.f>` begins and ends with brackets, too.
    if inner.contains(['<', '>']) {
        return Err(if inner.contains(',') {
            AddressError::Several
        } else {
            AddressError::Shape
        });
    }
    Ok(inner.trim())
}

fn quote(name: &str) -> String {
    let mut quoted = String::with_capacity(name.len() + 2);
    quoted.push('"');
    for c in name.chars() {
        if matches!(c, '"' | '\\') {
            quoted.push('\\');
        }
        quoted.push(c);
    }
    quoted.push('"');
    quoted
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
    /// 75 minus `=?UTF-8?B?` and `?=` leaves 63; 60 of them are whole groups of base64.
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

/// The form that [`Mailbox::parse`] reads back: the name in quotes if necessary.
impl fmt::Display for Mailbox {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.name {
            None => write!(f, "{}", self.address),
            Some(name) if name.contains(['(', ')', '<', '>', '@', ',', ';', ':', '\\', '"']) => {
                write!(f, "{} <{}>", quote(name), self.address)
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_read() {
        let long = format!("{}@example.com", "a".repeat(64));
        for (input, text) in [
            ("user@example.com", "user@example.com"),
            ("User.Name+tag@EXAMPLE.com", "User.Name+tag@example.com"),
            ("o'brien!#$%&*/=?^_`{|}~-@b.co", "o'brien!#$%&*/=?^_`{|}~-@b.co"),
            ("a@bücher.example", "a@xn--bcher-kva.example"),
            ("a@BÜCHER。example", "a@xn--bcher-kva.example"),
            ("a@xn--bcher-kva.example", "a@xn--bcher-kva.example"),
            ("a@r3---sn.example.com", "a@r3---sn.example.com"),
            (long.as_str(), long.as_str()),
        ] {
            assert_eq!(EmailAddress::parse(input).unwrap().as_str(), text, "{input}");
        }
        assert_eq!(EmailAddress::parse("a@b.example").unwrap().domain(), "b.example");
    }

    #[test]
    fn every_bad_address_has_its_reason() {
        use AddressError as E;
        let long_local = format!("{}@example.com", "a".repeat(65));
        let long_label = format!("a@{}.com", "b".repeat(64));
        let long_domain = format!("a@{}com", "b.".repeat(126));
        let huge_domain = format!("a@{}.com", "ü".repeat(2_000_000));
        let long_all = format!("{}@{}com", "a".repeat(64), "b.".repeat(95));
        for (input, reason) in [
            ("", E::Empty),
            ("a@b.c\r\nBcc: x@y.z", E::Control),
            ("a\0@b.c", E::Control),
            ("a\u{85}@b.c", E::Control),
            ("plain", E::At),
            ("a@b@c.d", E::At),
            ("@b.c", E::LocalEmpty),
            ("a@", E::DomainEmpty),
            (".a@b.c", E::LocalSyntax),
            ("a.@b.c", E::LocalSyntax),
            ("a..b@c.d", E::LocalSyntax),
            ("a\\b@c.d", E::LocalSyntax),
            ("a b@c.d", E::Space),
            ("a@b.c ", E::Space),
            ("a@b.c\u{a0}", E::Space),
            ("ä@b.c", E::LocalNotAscii),
            (long_local.as_str(), E::LocalTooLong),
            (long_label.as_str(), E::Domain),
            (long_domain.as_str(), E::DomainTooLong),
            (huge_domain.as_str(), E::DomainTooLong),
            (long_all.as_str(), E::TooLong),
            ("\"a b\"@c.d", E::QuotedLocal),
            ("a(x)@b.c", E::Comment),
            ("a@b.c(x)", E::Comment),
            ("a@[192.0.2.1]", E::IpLiteral),
            ("a@[IPv6:2001:db8::1]", E::IpLiteral),
            ("a@192.0.2.1", E::IpLiteral),
            ("a@b.c.", E::TrailingDot),
            ("a@b.c。", E::Domain),
            ("a@localhost", E::NoDot),
            ("a@b..c", E::Domain),
            ("a@-b.c", E::Domain),
            ("a@b_c.d", E::Domain),
            ("a@b＠c.d", E::Domain),
            ("a@xn--.c", E::Domain),
            ("a@b.c,d@e.f", E::Several),
            ("a@b.c;d@e.f", E::Several),
            ("g:a@b.c;", E::Group),
            ("@a,@b:c@d.e", E::Route),
            ("<a@b.c>", E::Shape),
        ] {
            let shown: String = input.chars().take(60).collect();
            assert_eq!(EmailAddress::parse(input), Err(reason), "{shown}");
        }
    }

    #[test]
    fn mailboxes_are_read_and_rendered() {
        for (input, name, header) in [
            ("a@b.co", None, "a@b.co"),
            (" <a@b.co> ", None, "a@b.co"),
            ("\"\" <a@b.co>", None, "a@b.co"),
            ("Ada <a@b.co>", Some("Ada"), "Ada <a@b.co>"),
            ("Ada<a@b.co>", Some("Ada"), "Ada <a@b.co>"),
            ("Acme Inc. <a@b.co>", Some("Acme Inc."), "\"Acme Inc.\" <a@b.co>"),
            ("[Acme] <a@b.co>", Some("[Acme]"), "\"[Acme]\" <a@b.co>"),
            (
                "\"Acme, \\\"A\\\" Inc\" <a@b.co>",
                Some("Acme, \"A\" Inc"),
                "\"Acme, \\\"A\\\" Inc\" <a@b.co>",
            ),
            ("\"<x@y.z>\" <a@b.co>", Some("<x@y.z>"), "\"<x@y.z>\" <a@b.co>"),
            ("Grüße <a@b.co>", Some("Grüße"), "=?UTF-8?B?R3LDvMOfZQ==?= <a@b.co>"),
            (
                "=?UTF-8?B?R3LDvMOfZQ==?= <a@b.co>",
                Some("=?UTF-8?B?R3LDvMOfZQ==?="),
                "=?UTF-8?B?R3LDvMOfZQ==?= <a@b.co>",
            ),
        ] {
            let mailbox = Mailbox::parse(input).unwrap();
            assert_eq!(mailbox.name(), name, "{input}");
            assert_eq!(mailbox.to_header(), header, "{input}");
            assert_eq!(Mailbox::parse(&mailbox.to_string()).unwrap(), mailbox, "{input}");
        }
    }

    #[test]
    fn every_bad_mailbox_has_its_reason() {
        use AddressError as E;
        let long = format!("{} <a@b.co>", "x".repeat(1000));
        for (input, reason) in [
            ("", E::Empty),
            ("   ", E::Empty),
            ("<>", E::Empty),
            ("Ada <>", E::Empty),
            ("Ada", E::At),
            ("Ada <a@b.co", E::Shape),
            ("Ada a@b.co>", E::Shape),
            ("<<a@b.co>>", E::Shape),
            ("Ada <a@b.co> x", E::Shape),
            ("\"Ada <a@b.co>", E::Shape),
            ("\"Ada\" a@b.co", E::Shape),
            ("\"a b\"@c.de", E::QuotedLocal),
            ("Ada\r\nBcc: x@y.z <a@b.co>", E::Control),
            ("\"A\0\" <a@b.co>", E::Control),
            ("Acme, Inc <a@b.co>", E::NameNeedsQuotes),
            ("Ada (x) <a@b.co>", E::NameNeedsQuotes),
            ("a@b.co, d@e.fg", E::Several),
            ("<a@b.co>, <d@e.fg>", E::Several),
            ("g: a@b.co;", E::Group),
            ("g: Ada <a@b.co>;", E::Group),
            ("<@a,@b:c@d.ef>", E::Route),
            ("Ada <@a:c@d.ef>", E::Route),
            (long.as_str(), E::NameTooLong),
        ] {
            assert_eq!(Mailbox::parse(input), Err(reason), "{input}");
        }
    }

    #[test]
    fn encoded_words_are_short_and_complete() {
        for text in ["日本語".repeat(40), "é".repeat(200), format!("x{}", "🦀".repeat(30))] {
            let encoded = encode_text(&text);
            let mut decoded = String::new();
            for word in encoded.split(' ') {
                assert!(word.len() <= limits::ENCODED_WORD_MAX, "{word}");
                let inner = word.strip_prefix("=?UTF-8?B?").unwrap().strip_suffix("?=").unwrap();
                decoded.push_str(&String::from_utf8(BASE64.decode(inner).unwrap()).unwrap());
            }
            assert_eq!(decoded, text);
        }
    }

    #[test]
    fn debug_is_masked_and_serde_parses() {
        let mailbox = Mailbox::parse("Ada Lovelace <ada@example.com>").unwrap();
        assert_eq!(format!("{mailbox:?}"), "*** <***@example.com>");
        assert_eq!(format!("{:?}", mailbox.address()), "***@example.com");
        let json = serde_json::to_string(&mailbox).unwrap();
        assert_eq!(json, "\"Ada Lovelace <ada@example.com>\"");
        assert_eq!(serde_json::from_str::<Mailbox>(&json).unwrap(), mailbox);
        assert!(serde_json::from_str::<EmailAddress>("\"nobody\"").is_err());
    }
}
