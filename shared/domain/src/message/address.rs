//! Email addresses: parsing, and the form for SES.
//!
//! **Role:** called by [`crate::message::email`]; calls `idna` only.
//! **Invariant:** an [`EmailAddress`] is ASCII, has one `@` outside of quotes, and holds nothing that could end a
//! header's line.
//! **Privacy:** `Debug` never shows a local part; [`AddressError`] never repeats input.
//! **Start reading at** [`EmailAddress::parse`].

mod local_part;

use std::borrow::Cow;
use std::fmt;

use idna::uts46::{AsciiDenyList, DnsLength, Hyphens, Uts46};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::limits;
pub(super) use local_part::is_atext;

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
    /// `"ann"b@example.com`.
    #[error("quotes before the @ must enclose the whole part, as in \"two words\"@example.com")]
    QuotedLocal,
    /// `"two words"@example.com` as sender.
    #[error("a sender's quoted part before the @ may contain only letters, digits, dots and !#$%&'*+-/=?^_`{{|}}~")]
    QuotedSender,
    /// `"eve@example.org x"@example.com`.
    #[error("the quoted part could be read as another address: it has a dot or a [ after an @")]
    QuotedAddress,
    /// Angle brackets missing, doubled or misplaced.
    #[error("the address must look like user@example.com or Name <user@example.com>")]
    Shape,
    /// A quote or a backslash in an unquoted display name.
    #[error("put the display name in double quotes, because it contains \\ or \"")]
    NameNeedsQuotes,
    /// An unquoted display name that contains an address: `a@b.c, Ada <d@e.f>`.
    #[error("the text before the < contains another address: use an array for several, or put a name in double quotes")]
    NameHasAddress,
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
    /// `delivered+label@resend.dev` with a label that the simulator's address has no room for.
    #[error("the label of a test address has at most {max} characters after the +", max = limits::TEST_LABEL_MAX)]
    TestLabelTooLong,
    /// `onboarding@resend.dev` as sender.
    #[error(
        "resend.dev belongs to Resend and cannot send from here: use an address of a domain that is verified in Amazon SES, such as shop@example.com"
    )]
    ResendSender,
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

/// One address, `local@domain`: an ASCII local part and a domain in lower-case A-labels.
///
/// The local part is a dot-atom, or it is in quotes: `"ann..b"`, `"two words"`. Quotes may hold each printable
/// character of ASCII. New emails have stricter rules, because parsers disagree about quotes: docs/adr/0041.
///
/// Source: RFC 5321 (lengths; 4.1.2, quotes), RFC 5322, 3.4.1 (dot-atom), UTS #46 (domain).
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct EmailAddress {
    text: String,
    at: usize,
}

impl EmailAddress {
    /// Reads an address without display name or brackets. The domain is mapped to lower-case A-labels. The local part
    /// stays unchanged, because only its owner decides which spellings are equal. It loses only quotes and backslashes
    /// that it does not need: `"ann"@example.com` is `ann@example.com`.
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
        // The following checks concern the text outside of quotes.
        let (quoted, open) = if input.starts_with('"') {
            local_part::split_quoted(input).map(|(text, open)| (Some(text), open))?
        } else {
            (None, input)
        };
        if open.contains(['(', ')']) {
            return Err(AddressError::Comment);
        }
        if open.contains(['<', '>']) {
            return Err(AddressError::Shape);
        }
        let (local, domain) = open.rsplit_once('@').ok_or(AddressError::At)?;
        if domain.starts_with('[') {
            return Err(AddressError::IpLiteral);
        }
        if open.contains(':') {
            return Err(AddressError::Group);
        }
        if open.contains([',', ';']) {
            return Err(AddressError::Several);
        }
        if local.contains('@') {
            return Err(AddressError::At);
        }
        if open.chars().any(char::is_whitespace) {
            return Err(AddressError::Space);
        }
        match quoted {
            Some(text) => Self::checked(local_part::form(&text), true, domain),
            None => Self::checked(local.to_owned(), false, domain),
        }
    }

    /// The address with a local part of this text, which gets the quotes that it needs.
    ///
    /// # Errors
    /// As [`Self::parse`].
    pub(crate) fn of(local: &str, domain: &str) -> Result<Self, AddressError> {
        if local.is_empty() {
            return Err(AddressError::LocalEmpty);
        }
        if local.chars().chain(domain.chars()).any(char::is_control) {
            return Err(AddressError::Control);
        }
        Self::checked(local_part::form(local), true, domain)
    }

    fn checked(local: String, is_quoted: bool, domain: &str) -> Result<Self, AddressError> {
        local_part::check(&local, is_quoted)?;
        let domain = parse_domain(domain)?;
        let at = local.len();
        let text = local + "@" + &domain;
        if text.len() > limits::ADDRESS_MAX {
            return Err(AddressError::TooLong);
        }
        Ok(Self { text, at })
    }

    /// The whole address. It is personal data: not for logs.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The form in which addresses of recipients are compared: the local part is in lower case, too. Strictly, only the
    /// owner of an address decides which spellings are equal; in practice nobody tells `Ann` from `ann`.
    #[must_use]
    pub fn lower_case(&self) -> Self {
        Self {
            text: self.text.to_ascii_lowercase(),
            at: self.at,
        }
    }

    /// The local part in its one form.
    pub(super) fn local(&self) -> &str {
        self.text.get(..self.at).unwrap_or_default()
    }

    /// The text of the local part, without quotes.
    pub(super) fn unquoted(&self) -> Cow<'_, str> {
        local_part::text(self.local())
    }

    /// True if a space or another special character makes quotes necessary, and not dots alone.
    pub(super) fn quotes_specials(&self) -> bool {
        let is_special = |c: char| c != '.' && !is_atext(c);
        self.unquoted().contains(is_special)
    }

    /// The domain: A-labels, lower case.
    #[must_use]
    pub fn domain(&self) -> &str {
        self.text.get(self.at + 1..).unwrap_or_default()
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
    let ascii = to_a_labels(domain).ok_or(AddressError::Domain)?;
    // Checked after the mapping, because IDNA maps other dots and digits to these.
    let Some((_, last)) = ascii.rsplit_once('.') else {
        return Err(AddressError::NoDot);
    };
    if last.bytes().all(|b| b.is_ascii_digit()) {
        return Err(AddressError::IpLiteral);
    }
    Ok(ascii)
}

/// A domain in lower-case A-labels.
pub(super) fn to_a_labels(domain: &str) -> Option<String> {
    // `Verify` limits a label to 63 and a domain to 253 octets. `CheckFirstLast`, not `Check`: labels like `r3---abc`
    // are registered and used.
    let ascii = Uts46::new().to_ascii(
        domain.as_bytes(),
        AsciiDenyList::STD3,
        Hyphens::CheckFirstLast,
        DnsLength::Verify,
    );
    Some(ascii.ok()?.into_owned())
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

#[cfg(test)]
#[path = "address_tests.rs"]
mod tests;
