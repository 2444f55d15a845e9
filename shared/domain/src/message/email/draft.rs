//! A new email in the request's form, and its checks.
//!
//! **Invariant:** the checks need no I/O: a refusal does not depend on time or place.
//! **Start reading at** [`Draft::check`].

use super::{EmailContent, header, tag};
use crate::limits;
use crate::message::attachment::Attachment;
use crate::message::mailbox::Mailbox;
use crate::message::problem::{EmailError, Problem, bad, missing};

/// A list of addresses as given; the form decides the path of an error.
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
    /// True if there is no entry, or only blank ones.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        match self {
            Self::Absent => true,
            Self::One(text) => is_blank(text),
            Self::Many(texts) => texts.iter().all(|text| is_blank(text)),
        }
    }

    /// The entries, each with its path.
    fn entries<'a>(&'a self, field: &str) -> Vec<(String, &'a str)> {
        match self {
            Self::Absent => Vec::new(),
            Self::One(text) => vec![(field.to_owned(), text)],
            Self::Many(texts) => {
                let path = |(index, text): (usize, &'a String)| (format!("{field}[{index}]"), text.as_str());
                texts.iter().enumerate().map(path).collect()
            }
        }
    }

    /// The entries that name somebody, each with its path. The email adapter of Payload CMS sends a blank text for each
    /// unused field.
    pub(in crate::message) fn named<'a>(&'a self, field: &str) -> Vec<(String, &'a str)> {
        let mut entries = self.entries(field);
        entries.retain(|(_, text)| !is_blank(text));
        entries
    }
}

fn mailboxes(field: &str, entries: Vec<(String, &str)>, max: usize) -> Result<Vec<Mailbox>, EmailError> {
    let found = entries.len();
    if found > max {
        return Err(EmailError::at(field, Problem::TooMany { found, max }));
    }
    let parse = |(path, text)| Mailbox::parse(text).map_err(|why| EmailError::at(path, Problem::Address(why)));
    entries.into_iter().map(parse).collect()
}

fn is_blank(text: &str) -> bool {
    text.trim().is_empty()
}

/// An email as given: of the right types, but unchecked.
#[derive(Clone, Default)]
pub struct Draft {
    /// Sender, which is required.
    pub from: Option<String>,
    /// Recipients, which are required.
    pub to: Addresses,
    /// Copies. Blank entries name nobody, here and in the next two lists.
    pub cc: Addresses,
    /// Blind copies.
    pub bcc: Addresses,
    /// Addresses for replies.
    pub reply_to: Addresses,
    /// Subject, which is required. Spaces and line breaks at its ends are dropped.
    pub subject: Option<String>,
    /// HTML. This or `text` is required; an empty text counts as none.
    pub html: Option<String>,
    /// Text. This or `html` is required. An empty text counts as none, and forbids to make one from the HTML.
    pub text: Option<String>,
    /// Names and values, in any order.
    pub headers: Vec<(String, String)>,
    /// Names and values.
    pub tags: Vec<(String, String)>,
    /// Files, each checked already.
    pub attachments: Vec<Attachment>,
    /// Whether SES counts opens and clicks. `None`: the deployment's default.
    pub tracking: Option<bool>,
}

impl Draft {
    /// Checks an email as far as possible without I/O.
    ///
    /// # Errors
    /// The first problem with its path, in the order of [`Draft`]'s fields.
    pub fn check(self) -> Result<EmailContent, EmailError> {
        let from = self.from.ok_or_else(|| missing("from"))?;
        let from = Mailbox::parse(&from).map_err(|why| EmailError::at("from", Problem::From(why)))?;
        match &self.to {
            Addresses::Absent => return Err(missing("to")),
            Addresses::Many(texts) if texts.is_empty() => {
                return Err(bad("to", "at least one recipient is needed"));
            }
            Addresses::One(_) | Addresses::Many(_) => {}
        }
        let to = mailboxes("to", self.to.entries("to"), limits::RECIPIENTS_MAX)?;
        let cc = mailboxes("cc", self.cc.named("cc"), limits::RECIPIENTS_MAX)?;
        let bcc = mailboxes("bcc", self.bcc.named("bcc"), limits::RECIPIENTS_MAX)?;
        let found = to.len() + cc.len() + bcc.len();
        if found > limits::RECIPIENTS_MAX {
            let max = limits::RECIPIENTS_MAX;
            return Err(EmailError::at("to", Problem::TooManyRecipients { found, max }));
        }
        let reply_to = mailboxes("reply_to", self.reply_to.named("reply_to"), limits::REPLY_TO_MAX)?;
        let subject = check_subject(self.subject.ok_or_else(|| missing("subject"))?)?;
        let given = self.html.is_some() || self.text.is_some();
        let html = check_content("html", self.html)?;
        let is_html_only = html.is_some() && self.text.as_deref() == Some("");
        let text = check_content("text", self.text)?;
        if html.is_none() && text.is_none() {
            return Err(if given {
                bad("html", "html and text are both empty")
            } else {
                let problem = Problem::Missing("html or text is required");
                EmailError::at("html", problem)
            });
        }
        let email = EmailContent {
            from,
            to,
            cc,
            bcc,
            reply_to,
            subject,
            html,
            text,
            is_html_only,
            headers: header::check(self.headers)?,
            tags: tag::check(self.tags)?,
            attachments: Vec::new(),
            tracking: self.tracking,
        };
        email.with_attachments(self.attachments)
    }
}

fn check_subject(subject: String) -> Result<String, EmailError> {
    let subject = without_breaks(subject);
    if subject.is_empty() {
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

/// A subject without the control characters at its ends that count as spaces, such as the line breaks of templates.
/// Spaces alone stay: an email that was accepted with them keeps its hash, and [`EmailContent::subject`] drops them.
fn without_breaks(subject: String) -> String {
    let trimmed = subject.trim();
    if trimmed.is_empty() {
        return String::new();
    }
    let kept = subject.trim_matches([' ', '\t', '\r', '\n']);
    if kept.chars().any(char::is_control) {
        return trimmed.to_owned();
    }
    if kept.len() == subject.trim_matches(' ').len() {
        return subject;
    }
    kept.to_owned()
}

fn check_content(field: &str, content: Option<String>) -> Result<Option<String>, EmailError> {
    let content = content.filter(|content| !content.is_empty());
    if content.as_ref().is_some_and(|content| content.contains('\0')) {
        return Err(bad(field, "the NUL character is not allowed"));
    }
    Ok(content)
}
