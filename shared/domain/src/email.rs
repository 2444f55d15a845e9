//! One email: from what a caller gave to what can be sent, stored and compared.
//!
//! **Role:** called by [`crate::wire::api`] and by whoever loads a stored body.
//! **Invariant:** an [`Email`] exists only after [`Draft::check`]; the same email always has the
//! same [`Email::to_body`] and so the same [`Email::hash`], by which its body is named.
//! **Privacy:** `Debug` shows counts only.
//! **Start reading at** [`Draft::check`].

use std::collections::HashSet;
use std::fmt;

use serde::Deserialize;
use sha2::{Digest, Sha256};

use crate::address::{AddressError, EmailAddress, Mailbox, encode_text};
use crate::attachment::{self, Attachment};
use crate::limits;

/// The version that [`Email::to_body`] writes.
const BODY_VERSION: u32 = 1;

/// The version of an email with attachments: whoever knows only version 1 must not take it for a
/// broken one.
const BODY_VERSION_WITH_ATTACHMENTS: u32 = 2;

/// What is wrong with one field, as a sentence without its path and without its content.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Problem {
    /// The From is not an address.
    #[error("{0}")]
    From(AddressError),
    /// Another field is not an address.
    #[error("{0}")]
    Address(AddressError),
    /// A required field is absent.
    #[error("{0}")]
    Missing(&'static str),
    /// A JSON value of another type.
    #[error("must be {expected}, not {found}")]
    WrongType {
        /// What it must be, with its article.
        expected: &'static str,
        /// What it is, with its article.
        found: &'static str,
    },
    /// A field that nobody knows.
    #[error("unknown field{0}")]
    Unknown(&'static str),
    /// A field that is known and not implemented.
    #[error("this field is not supported yet")]
    Unsupported,
    /// A key that an object has twice.
    #[error("is given more than once")]
    Repeated,
    /// More entries than allowed.
    #[error("has {found} entries; at most {max} are allowed")]
    TooMany {
        /// How many there are.
        found: usize,
        /// How many there may be.
        max: usize,
    },
    /// More recipients than allowed in `to`, `cc` and `bcc` together.
    #[error("to, cc and bcc have {found} recipients together; at most {max} are allowed")]
    TooManyRecipients {
        /// How many there are.
        found: usize,
        /// How many there may be.
        max: usize,
    },
    /// More uploads than a batch may use.
    #[error("the batch has {found} attachments by id up to here; at most {max} are allowed")]
    TooManyUploads {
        /// How many there are.
        found: usize,
        /// How many there may be.
        max: usize,
    },
    /// Longer than allowed.
    #[error("is too long: {found} bytes; at most {max} are allowed")]
    TooLong {
        /// How long it is, in bytes, as it is rendered.
        found: usize,
        /// How long it may be.
        max: usize,
    },
    /// Larger than SES takes.
    #[error("too large: {found} bytes as they are sent; at most {max} are allowed in an email")]
    TooLarge {
        /// How large it is, in bytes of a message.
        found: u64,
        /// How large it may be.
        max: u64,
    },
    /// A number out of its range, or none that is whole.
    #[error("must be a whole number from {min} to {max}")]
    Range {
        /// The least.
        min: i64,
        /// The most.
        max: i64,
    },
    /// A queue that there is not; the names of those that there are.
    #[error("there is no queue of this name; there are {0}")]
    NoQueue(String),
    /// Any other bad value.
    #[error("{0}")]
    Bad(&'static str),
    /// Any of these, of an attachment.
    #[error("{0}")]
    Attachment(Box<Problem>),
}

/// What is wrong with an email, and where: `to[3]: the domain must contain a dot`.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{path}: {problem}")]
pub struct EmailError {
    /// The field's path inside the email; empty for the email itself.
    pub path: String,
    /// What is wrong with it.
    pub problem: Problem,
}

impl EmailError {
    /// Puts a problem to its place.
    pub fn at(path: impl Into<String>, problem: Problem) -> Self {
        let path = path.into();
        Self { path, problem }
    }

    /// Says that it is about an attachment.
    #[must_use]
    pub fn of_attachment(self) -> Self {
        if matches!(self.problem, Problem::Attachment(_)) {
            return self;
        }
        let problem = Problem::Attachment(Box::new(self.problem));
        Self { problem, ..self }
    }
}

/// A list of addresses as it was given; the form decides the path of an error.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Addresses {
    /// The field is absent or null.
    #[default]
    Absent,
    /// One string: its path is `to`.
    One(String),
    /// An array: the paths are `to[0]`, `to[1]`, ...
    Many(Vec<String>),
}

impl Addresses {
    fn check(self, field: &str, max: usize) -> Result<Vec<Mailbox>, EmailError> {
        let parse =
            |path: String, text: &str| Mailbox::parse(text).map_err(|why| EmailError::at(path, Problem::Address(why)));
        match self {
            Self::Absent => Ok(Vec::new()),
            Self::One(text) => Ok(vec![parse(field.to_owned(), &text)?]),
            Self::Many(texts) if texts.len() > max => {
                let found = texts.len();
                Err(EmailError::at(field, Problem::TooMany { found, max }))
            }
            Self::Many(texts) => texts
                .iter()
                .enumerate()
                .map(|(index, text)| parse(format!("{field}[{index}]"), text))
                .collect(),
        }
    }
}

/// An email as it was given, of the right types but unchecked.
#[derive(Clone, Default)]
pub struct Draft {
    /// Required.
    pub from: Option<String>,
    /// Required.
    pub to: Addresses,
    /// Copies.
    pub cc: Addresses,
    /// Blind copies.
    pub bcc: Addresses,
    /// Where answers go.
    pub reply_to: Addresses,
    /// Required.
    pub subject: Option<String>,
    /// This or `text` is required; an empty one is none.
    pub html: Option<String>,
    /// This or `html` is required; an empty one is none.
    pub text: Option<String>,
    /// Names and values, in any order.
    pub headers: Vec<(String, String)>,
    /// Names and values.
    pub tags: Vec<(String, String)>,
    /// Files; each is checked already.
    pub attachments: Vec<Attachment>,
}

impl Draft {
    /// Checks everything that can be known of an email without asking anyone.
    ///
    /// # Errors
    /// The first problem with its path, in the order of [`Draft`]'s fields.
    pub fn check(self) -> Result<Email, EmailError> {
        let from = self.from.ok_or_else(|| missing("from"))?;
        let from = Mailbox::parse(&from).map_err(|why| EmailError::at("from", Problem::From(why)))?;
        match &self.to {
            Addresses::Absent => return Err(missing("to")),
            Addresses::Many(texts) if texts.is_empty() => {
                return Err(bad("to", "at least one recipient is needed"));
            }
            Addresses::One(_) | Addresses::Many(_) => {}
        }
        let to = self.to.check("to", limits::RECIPIENTS_MAX)?;
        let cc = self.cc.check("cc", limits::RECIPIENTS_MAX)?;
        let bcc = self.bcc.check("bcc", limits::RECIPIENTS_MAX)?;
        let found = to.len() + cc.len() + bcc.len();
        if found > limits::RECIPIENTS_MAX {
            let max = limits::RECIPIENTS_MAX;
            return Err(EmailError::at("to", Problem::TooManyRecipients { found, max }));
        }
        let reply_to = self.reply_to.check("reply_to", limits::REPLY_TO_MAX)?;
        let subject = check_subject(self.subject.ok_or_else(|| missing("subject"))?)?;
        let given = self.html.is_some() || self.text.is_some();
        let html = check_content("html", self.html)?;
        let text = check_content("text", self.text)?;
        if html.is_none() && text.is_none() {
            return Err(if given {
                bad("html", "html and text are both empty")
            } else {
                let problem = Problem::Missing("html or text is required");
                EmailError::at("html", problem)
            });
        }
        let email = Email {
            from,
            to,
            cc,
            bcc,
            reply_to,
            subject,
            html,
            text,
            headers: check_headers(self.headers)?,
            tags: check_tags(self.tags)?,
            attachments: Vec::new(),
        };
        email.with_attachments(self.attachments)
    }
}

fn missing(field: &str) -> EmailError {
    EmailError::at(field, Problem::Missing("this field is required"))
}

fn bad(path: impl Into<String>, why: &'static str) -> EmailError {
    EmailError::at(path, Problem::Bad(why))
}

fn check_subject(subject: String) -> Result<String, EmailError> {
    if subject.trim().is_empty() {
        return Err(bad("subject", "the subject is empty"));
    }
    if subject.chars().any(char::is_control) {
        let why = "control characters such as line breaks are not allowed";
        return Err(bad("subject", why));
    }
    if subject.len() > limits::SUBJECT_MAX {
        let (found, max) = (subject.len(), limits::SUBJECT_MAX);
        return Err(EmailError::at("subject", Problem::TooLong { found, max }));
    }
    Ok(subject)
}

fn check_content(field: &str, content: Option<String>) -> Result<Option<String>, EmailError> {
    let content = content.filter(|content| !content.is_empty());
    if content.as_ref().is_some_and(|content| content.contains('\0')) {
        return Err(bad(field, "the NUL character is not allowed"));
    }
    Ok(content)
}

fn check_headers(given: Vec<(String, String)>) -> Result<Vec<Header>, EmailError> {
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
    // Their order means nothing, and some clients' maps have a new one on every try: a
    // retry with the same idempotency key must be the same request.
    headers.sort_by_cached_key(|header| header.name.key());
    Ok(headers)
}

fn check_tags(given: Vec<(String, String)>) -> Result<Vec<Tag>, EmailError> {
    if given.len() > limits::TAGS_MAX {
        let (found, max) = (given.len(), limits::TAGS_MAX);
        return Err(EmailError::at("tags", Problem::TooMany { found, max }));
    }
    let mut seen = HashSet::new();
    given
        .into_iter()
        .enumerate()
        .map(|(index, (name, value))| {
            let path = format!("tags[{index}]");
            let tag = Tag::new(&path, name, value)?;
            if seen.insert(tag.name.clone()) {
                Ok(tag)
            } else {
                Err(EmailError::at(format!("{path}.name"), Problem::Repeated))
            }
        })
        .collect()
}

/// The name of a custom header: RFC 5322's `ftext`, and none that we or SES write.
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

/// Beginnings of such headers.
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
            return Err(Problem::Bad("a header's name is empty"));
        }
        if !name.bytes().all(|b| b.is_ascii_graphic() && b != b':') {
            return Err(Problem::Bad(
                "a header's name may hold printable ASCII without spaces and colons only",
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
            return Err(Problem::Bad("this header is written by the queue or by Amazon SES"));
        }
        Ok(Self(name.to_owned()))
    }

    /// The name as it was given.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The name as it is compared: headers ignore case.
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
        // A name that is no name is not repeated: the error is the map's.
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
            return Err(EmailError::at(path, Problem::TooLong { found, max }));
        }
        Ok(header)
    }

    /// The name.
    #[must_use]
    pub fn name(&self) -> &HeaderName {
        &self.name
    }

    /// The value as it was given: any Unicode without control characters.
    #[must_use]
    pub fn value(&self) -> &str {
        &self.value
    }

    /// The value as SES is given it: printable ASCII, by RFC 2047 where it was not.
    #[must_use]
    pub fn to_header(&self) -> String {
        encode_text(&self.value)
    }
}

impl fmt::Debug for Header {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: ***", self.name)
    }
}

/// A tag: `[A-Za-z0-9_-]{1,256}` each, the name not beginning with `mq_`.
///
/// Source: Amazon SES API v2 reference, `MessageTag`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tag {
    name: String,
    value: String,
}

impl Tag {
    fn new(path: &str, name: String, value: String) -> Result<Self, EmailError> {
        for (part, text) in [("name", &name), ("value", &value)] {
            let allowed = |b: u8| b.is_ascii_alphanumeric() || b == b'_' || b == b'-';
            if text.is_empty() || text.len() > limits::TAG_MAX || !text.bytes().all(allowed) {
                return Err(bad(
                    format!("{path}.{part}"),
                    "must be 1 to 256 ASCII letters, digits, underscores or dashes",
                ));
            }
        }
        let reserved = name
            .get(..limits::TAG_RESERVED_PREFIX.len())
            .is_some_and(|start| start.eq_ignore_ascii_case(limits::TAG_RESERVED_PREFIX));
        if reserved {
            return Err(bad(format!("{path}.name"), "names that begin with mq_ are reserved"));
        }
        Ok(Self { name, value })
    }

    /// The name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The value.
    #[must_use]
    pub fn value(&self) -> &str {
        &self.value
    }
}

/// A checked email: everything in it can be given to SES as it is rendered here.
#[derive(Clone, PartialEq, Eq)]
pub struct Email {
    from: Mailbox,
    to: Vec<Mailbox>,
    cc: Vec<Mailbox>,
    bcc: Vec<Mailbox>,
    reply_to: Vec<Mailbox>,
    subject: String,
    html: Option<String>,
    text: Option<String>,
    headers: Vec<Header>,
    tags: Vec<Tag>,
    attachments: Vec<Attachment>,
}

impl Email {
    /// The sender.
    #[must_use]
    pub fn from(&self) -> &Mailbox {
        &self.from
    }

    /// The recipients; at least one, unless some were taken out ([`Self::without`]).
    #[must_use]
    pub fn to(&self) -> &[Mailbox] {
        &self.to
    }

    /// Who gets a copy.
    #[must_use]
    pub fn cc(&self) -> &[Mailbox] {
        &self.cc
    }

    /// Who gets a copy that the others do not see.
    #[must_use]
    pub fn bcc(&self) -> &[Mailbox] {
        &self.bcc
    }

    /// Where answers go.
    #[must_use]
    pub fn reply_to(&self) -> &[Mailbox] {
        &self.reply_to
    }

    /// The subject as given; SES is given it with the charset UTF-8, or by [`encode_text`].
    #[must_use]
    pub fn subject(&self) -> &str {
        &self.subject
    }

    /// The HTML part; never empty.
    #[must_use]
    pub fn html(&self) -> Option<&str> {
        self.html.as_deref()
    }

    /// The text part; never empty.
    #[must_use]
    pub fn text(&self) -> Option<&str> {
        self.text.as_deref()
    }

    /// The caller's headers, ordered by name.
    #[must_use]
    pub fn headers(&self) -> &[Header] {
        &self.headers
    }

    /// The caller's tags.
    #[must_use]
    pub fn tags(&self) -> &[Tag] {
        &self.tags
    }

    /// The files that go with it.
    #[must_use]
    pub fn attachments(&self) -> &[Attachment] {
        &self.attachments
    }

    /// The files, to be loaded.
    pub fn attachments_mut(&mut self) -> &mut [Attachment] {
        &mut self.attachments
    }

    /// Takes the files out.
    #[must_use]
    pub fn take_attachments(&mut self) -> Vec<Attachment> {
        std::mem::take(&mut self.attachments)
    }

    /// The same email with these files in place of its own.
    ///
    /// # Errors
    /// When they are more, or together larger, than SES takes.
    pub fn with_attachments(self, attachments: Vec<Attachment>) -> Result<Self, EmailError> {
        let refuse = |problem| EmailError::at("attachments", problem).of_attachment();
        if attachments.len() > limits::ATTACHMENTS_MAX {
            let (found, max) = (attachments.len(), limits::ATTACHMENTS_MAX);
            return Err(refuse(Problem::TooMany { found, max }));
        }
        if !attachments.is_empty() {
            let texts = [&self.html, &self.text].into_iter().flatten();
            let texts: usize = texts.map(String::len).sum();
            let texts = attachment::encoded(u64::try_from(texts).unwrap_or(u64::MAX));
            let files = attachments.iter().map(Attachment::encoded);
            attachment::fits(files.fold(texts, u64::saturating_add)).map_err(refuse)?;
        }
        Ok(Self { attachments, ..self })
    }

    /// How many recipients SES counts: `to`, `cc` and `bcc`, each entry once.
    #[must_use]
    pub fn recipients(&self) -> usize {
        self.to.len() + self.cc.len() + self.bcc.len()
    }

    /// The email without these recipients, and perhaps without any.
    #[must_use]
    pub fn without(mut self, left_out: &[EmailAddress]) -> Self {
        for list in [&mut self.to, &mut self.cc, &mut self.bcc] {
            list.retain(|mailbox| !left_out.contains(mailbox.address()));
        }
        self
    }

    /// About how many bytes a sender holds for it: all its text, without encoding, and its files; those
    /// that are stored as part of it as long as they are there.
    #[must_use]
    pub fn bytes(&self) -> usize {
        let lists = [&self.to, &self.cc, &self.bcc, &self.reply_to];
        let mailboxes = lists.into_iter().flatten().chain([&self.from]);
        let mailbox = |mailbox: &Mailbox| mailbox.name().map_or(0, str::len) + mailbox.address().as_str().len();
        let header = |header: &Header| header.name.as_str().len() + header.value.len();
        let tag = |tag: &Tag| tag.name.len() + tag.value.len();
        self.subject.len()
            + self.html.as_ref().map_or(0, String::len)
            + self.text.as_ref().map_or(0, String::len)
            + mailboxes.map(mailbox).sum::<usize>()
            + self.headers.iter().map(header).sum::<usize>()
            + self.tags.iter().map(tag).sum::<usize>()
            + self.attachments.iter().map(Attachment::held).sum::<usize>()
    }

    /// The email as canonical JSON: versioned, fields in a fixed order, empty ones left out.
    #[must_use]
    pub fn to_body(&self) -> Vec<u8> {
        // Put together by hand: the bytes name the body, so neither a field's position in
        // a struct nor a feature of the JSON library may change them.
        let version = if self.attachments.is_empty() {
            BODY_VERSION
        } else {
            BODY_VERSION_WITH_ATTACHMENTS
        };
        let mut json = format!("{{\"v\":{version},\"from\":{}", quoted(&self.from));
        for (field, list) in [
            ("to", &self.to),
            ("cc", &self.cc),
            ("bcc", &self.bcc),
            ("reply_to", &self.reply_to),
        ] {
            push_list(&mut json, field, list.iter().map(quoted));
        }
        json.push_str(",\"subject\":");
        json.push_str(&quoted(&self.subject));
        for (field, content) in [("html", &self.html), ("text", &self.text)] {
            if let Some(content) = content {
                json.push_str(&format!(",\"{field}\":"));
                json.push_str(&quoted(content));
            }
        }
        let pair = |name: &str, value: &str| format!("[{},{}]", quoted(name), quoted(value));
        let headers = self.headers.iter().map(|h| pair(h.name.as_str(), &h.value));
        push_list(&mut json, "headers", headers);
        let tags = self.tags.iter().map(|tag| pair(&tag.name, &tag.value));
        push_list(&mut json, "tags", tags);
        push_list(
            &mut json,
            "attachments",
            self.attachments.iter().map(Attachment::to_json),
        );
        json.push('}');
        json.into_bytes()
    }

    /// Reads what [`Email::to_body`] wrote, and checks it as if it had just been given.
    ///
    /// # Errors
    /// [`BodyError`] when it is no such JSON, of a later version, or no longer valid.
    pub fn from_body(body: &[u8]) -> Result<Self, BodyError> {
        let Version { v } = serde_json::from_slice(body).map_err(BodyError::Json)?;
        if !(BODY_VERSION..=BODY_VERSION_WITH_ATTACHMENTS).contains(&v) {
            return Err(BodyError::Version(v));
        }
        let stored: StoredV2 = serde_json::from_slice(body).map_err(BodyError::Json)?;
        Ok(stored.into_draft()?.check()?)
    }

    /// The SHA-256 of [`Email::to_body`] in lower-case hex: the body's name, and what makes
    /// two requests the same.
    #[must_use]
    pub fn hash(&self) -> String {
        sha256_hex(&self.to_body())
    }
}

impl fmt::Debug for Email {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Email")
            .field("recipients", &self.recipients())
            .field("bytes", &self.bytes())
            .finish_non_exhaustive()
    }
}

/// The SHA-256 of some bytes in lower-case hex.
#[must_use]
pub fn sha256_hex(bytes: &[u8]) -> String {
    Sha256::digest(bytes)
        .iter()
        .flat_map(|byte| [byte >> 4, byte & 15])
        .filter_map(|digit| char::from_digit(u32::from(digit), 16))
        .collect()
}

fn quoted(text: &(impl ToString + ?Sized)) -> String {
    serde_json::Value::from(text.to_string()).to_string()
}

fn push_list(json: &mut String, field: &str, items: impl Iterator<Item = String>) {
    let items: Vec<String> = items.collect();
    if !items.is_empty() {
        json.push_str(&format!(",\"{field}\":[{}]", items.join(",")));
    }
}

/// Why a stored body cannot be read. `Display` holds no content.
#[derive(Debug, thiserror::Error)]
pub enum BodyError {
    /// Not the JSON that was written.
    #[error("the stored body cannot be decoded")]
    Json(#[source] serde_json::Error),
    /// Written by a later version of this program.
    #[error("the stored body has version {0}, which this version cannot read")]
    Version(u32),
    /// A limit was lowered, or someone wrote it by hand.
    #[error("the stored body is not a valid email")]
    Invalid(#[from] EmailError),
}

#[derive(Deserialize)]
struct Version {
    v: u32,
}

/// Version 2, and version 1, which has no attachments. An unknown field is refused: dropping it would send half an email.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct StoredV2 {
    #[serde(rename = "v")]
    _v: u32,
    from: String,
    to: Vec<String>,
    #[serde(default)]
    cc: Vec<String>,
    #[serde(default)]
    bcc: Vec<String>,
    #[serde(default)]
    reply_to: Vec<String>,
    subject: String,
    html: Option<String>,
    text: Option<String>,
    #[serde(default)]
    headers: Vec<(String, String)>,
    #[serde(default)]
    tags: Vec<(String, String)>,
    #[serde(default)]
    attachments: Vec<attachment::Stored>,
}

impl StoredV2 {
    fn into_draft(self) -> Result<Draft, EmailError> {
        let stored = self.attachments.into_iter().enumerate();
        let attachments = stored.map(|(index, stored)| stored.check(&format!("attachments[{index}]")));
        Ok(Draft {
            attachments: attachments.collect::<Result<_, _>>()?,
            from: Some(self.from),
            to: Addresses::Many(self.to),
            cc: Addresses::Many(self.cc),
            bcc: Addresses::Many(self.bcc),
            reply_to: Addresses::Many(self.reply_to),
            subject: Some(self.subject),
            html: self.html,
            text: self.text,
            headers: self.headers,
            tags: self.tags,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn recipients_are_taken_out_of_every_list_whatever_their_names() {
        let list = |texts: &[&str]| Addresses::Many(texts.iter().map(|text| (*text).to_owned()).collect());
        let email = Draft {
            to: list(&["Ann <a@d.example>", "b@d.example"]),
            cc: list(&["a@d.example", "c@d.example"]),
            bcc: list(&["x <a@d.example>"]),
            ..draft()
        };
        let email = email.check().unwrap();
        let address = |text| EmailAddress::parse(text).unwrap();
        let left = email.clone().without(&[address("a@d.example")]);
        let texts = |list: &[Mailbox]| list.iter().map(ToString::to_string).collect::<Vec<_>>();
        assert_eq!(
            (texts(left.to()), texts(left.cc())),
            (vec!["b@d.example".to_owned()], vec!["c@d.example".to_owned()])
        );
        assert_eq!((left.bcc().len(), left.recipients()), (0, 2));
        let rest = [address("b@d.example"), address("c@d.example")];
        assert_eq!(left.without(&rest).recipients(), 0);
        assert_eq!(email.clone().without(&[]), email);
    }

    fn draft() -> Draft {
        Draft {
            from: Some("Ada, Inc. <ada@example.com>".replace("Ada, Inc.", "\"Ada, Inc.\"")),
            to: Addresses::Many(vec!["Grüße <b@BÜCHER.example>".into(), "c@d.example".into()]),
            reply_to: Addresses::One("r@example.com".into()),
            subject: Some("Hällo \"you\"".into()),
            html: Some("<p>\r\n\thi \u{2028}</p>".into()),
            text: Some(String::new()),
            headers: vec![("X-b".into(), "ä".into()), ("X-A".into(), "1".into())],
            tags: vec![("k".into(), "v".into())],
            ..Draft::default()
        }
    }

    const GOLDEN: &str = "{\"v\":1,\"from\":\"\\\"Ada, Inc.\\\" <ada@example.com>\",\"to\":[\"Grüße <b@xn--bcher-kva.example>\",\"c@d.example\"],\"reply_to\":[\"r@example.com\"],\"subject\":\"Hällo \\\"you\\\"\",\"html\":\"<p>\\r\\n\\thi \u{2028}</p>\",\"headers\":[[\"X-A\",\"1\"],[\"X-b\",\"ä\"]],\"tags\":[[\"k\",\"v\"]]}";

    #[test]
    fn a_body_is_canonical_and_reads_back() {
        let email = draft().check().unwrap();
        assert_eq!(String::from_utf8(email.to_body()).unwrap(), GOLDEN);
        let again = Email::from_body(GOLDEN.as_bytes()).unwrap();
        assert_eq!(again, email);
        assert_eq!(again.hash(), email.hash());
        assert_eq!(email.hash(), sha256_hex(GOLDEN.as_bytes()));
        assert_eq!(email.recipients(), 2);
        assert!(email.bytes() > 80 && email.bytes() < GOLDEN.len());
        assert_eq!(email.headers().last().unwrap().to_header(), "=?UTF-8?B?w6Q=?=");
    }

    #[test]
    fn the_order_of_headers_does_not_change_the_hash() {
        let mut other = draft();
        other.headers.reverse();
        assert_eq!(other.check().unwrap().hash(), draft().check().unwrap().hash());
    }

    #[test]
    fn sha256_is_the_known_one() {
        assert_eq!(
            sha256_hex(b"abc"),
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
        );
    }

    #[test]
    fn bodies_that_cannot_be_read_say_why() {
        let read = |body: &str| Email::from_body(body.as_bytes()).unwrap_err();
        assert!(matches!(read("{"), BodyError::Json(_)));
        assert!(matches!(read("{\"v\":3,\"new\":1}"), BodyError::Version(3)));
        let unknown = GOLDEN.replace("\"tags\"", "\"files\"");
        assert!(matches!(read(&unknown), BodyError::Json(_)));
        let invalid = GOLDEN.replace("c@d.example", "c@d");
        assert!(matches!(read(&invalid), BodyError::Invalid(error) if error.path == "to[1]"));
    }

    #[test]
    fn debug_shows_no_content() {
        let debug = format!("{:?}", draft().check().unwrap());
        assert!(debug.starts_with("Email { recipients: 2, bytes: "), "{debug}");
    }
}
