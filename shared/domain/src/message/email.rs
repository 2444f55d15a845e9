//! The content of one email: checked, stored and compared.
//!
//! **Role:** called by [`crate::api::requests`] and by readers of stored bodies.
//! **Invariant:** an [`EmailContent`] exists only after [`Draft::check`]. The same email always has the same
//! [`EmailContent::to_body`] and therefore the same [`EmailContent::hash`], which names its body.
//! **Privacy:** `Debug` shows counts only.
//! **Map:** `draft` is the request's form and its checks. `header` and `tag` are parts of an email. `structured` is
//! the grammar of some headers. `body` is the stored form.
//! **Start reading at** [`Draft::check`].

mod body;
mod draft;
mod header;
mod structured;
mod tag;

use std::fmt;

pub use body::{BodyError, sha256_hex};
pub use draft::{Addresses, Draft};
pub use header::{Header, HeaderName};
pub(in crate::message) use structured::uris_in;
pub use tag::Tag;

use crate::limits;
use crate::message::address::EmailAddress;
use crate::message::attachment::{self, Attachment};
use crate::message::mailbox::Mailbox;
use crate::message::plain_text;
use crate::message::problem::{EmailError, Problem};
use crate::message::test_address;

/// A checked email: SES accepts every part of it as it is rendered here.
#[derive(Clone, PartialEq, Eq)]
pub struct EmailContent {
    from: Mailbox,
    to: Vec<Mailbox>,
    cc: Vec<Mailbox>,
    bcc: Vec<Mailbox>,
    reply_to: Vec<Mailbox>,
    subject: String,
    html: Option<String>,
    text: Option<String>,
    /// True if the caller gave an empty text, which forbids a generated one.
    is_html_only: bool,
    headers: Vec<Header>,
    tags: Vec<Tag>,
    attachments: Vec<Attachment>,
    tracking: Option<bool>,
}

impl EmailContent {
    /// The sender.
    #[must_use]
    pub fn from(&self) -> &Mailbox {
        &self.from
    }

    /// The recipients; at least one, unless [`Self::without`] removed some.
    #[must_use]
    pub fn to(&self) -> &[Mailbox] {
        &self.to
    }

    /// The recipients of a copy.
    #[must_use]
    pub fn cc(&self) -> &[Mailbox] {
        &self.cc
    }

    /// The recipients of a copy that others do not see.
    #[must_use]
    pub fn bcc(&self) -> &[Mailbox] {
        &self.bcc
    }

    /// The addresses for replies.
    #[must_use]
    pub fn reply_to(&self) -> &[Mailbox] {
        &self.reply_to
    }

    /// The subject without the spaces at its ends. SES gets it with the charset UTF-8, or by
    /// [`crate::message::mailbox::encode_text`].
    ///
    /// The canonical body keeps the spaces: an email that was accepted with them keeps its hash.
    #[must_use]
    pub fn subject(&self) -> &str {
        self.subject.trim()
    }

    /// The HTML part; never empty.
    #[must_use]
    pub fn html(&self) -> Option<&str> {
        self.html.as_deref()
    }

    /// The given text part; never empty.
    #[must_use]
    pub fn text(&self) -> Option<&str> {
        self.text.as_deref()
    }

    /// The text as the caller gave it: an empty one forbids a generated text.
    #[must_use]
    pub fn given_text(&self) -> Option<&str> {
        self.text().or(self.is_html_only.then_some(""))
    }

    /// The text part for an email with HTML only, made from the HTML. `None` if the caller gave a text, even an empty
    /// one. Also `None` if the HTML is too long or shows no text, or if the message would become too large.
    #[must_use]
    pub fn generated_text(&self) -> Option<String> {
        let html = self.html.as_deref()?;
        if self.text.is_some() || self.is_html_only {
            return None;
        }
        let text = plain_text::of_html(html)?;
        attachment::fits(self.encoded(text.len())).is_ok().then_some(text)
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

    /// The attached files.
    #[must_use]
    pub fn attachments(&self) -> &[Attachment] {
        &self.attachments
    }

    /// Whether SES counts opens and clicks of this email. `None`: the deployment's default.
    #[must_use]
    pub fn tracking(&self) -> Option<bool> {
        self.tracking
    }

    /// The files, for loading their content.
    pub fn attachments_mut(&mut self) -> &mut [Attachment] {
        &mut self.attachments
    }

    /// Removes and returns the files.
    #[must_use]
    pub fn take_attachments(&mut self) -> Vec<Attachment> {
        std::mem::take(&mut self.attachments)
    }

    /// The same email with these files in place of its own.
    ///
    /// # Errors
    /// An [`EmailError`] if SES does not take so many files, or files of this total size.
    pub fn with_attachments(self, attachments: Vec<Attachment>) -> Result<Self, EmailError> {
        let refuse = |problem| EmailError::at("attachments", problem).of_attachment();
        if attachments.len() > limits::ATTACHMENTS_MAX {
            let (found, max) = (attachments.len(), limits::ATTACHMENTS_MAX);
            return Err(refuse(Problem::TooMany { found, max }));
        }
        let email = Self { attachments, ..self };
        if !email.attachments.is_empty() {
            attachment::fits(email.encoded(0)).map_err(refuse)?;
        }
        Ok(email)
    }

    /// The size of the parts in a message, with `more` bytes of text.
    fn encoded(&self, more: usize) -> u64 {
        let texts = [&self.html, &self.text].into_iter().flatten();
        let texts = texts.map(String::len).fold(more, usize::saturating_add);
        let texts = attachment::encoded(u64::try_from(texts).unwrap_or(u64::MAX));
        self.attachments
            .iter()
            .map(Attachment::encoded)
            .fold(texts, u64::saturating_add)
    }

    /// The number of recipients that SES counts: `to`, `cc` and `bcc`, each entry once.
    #[must_use]
    pub fn recipients(&self) -> usize {
        self.to.len() + self.cc.len() + self.bcc.len()
    }

    /// The email without these recipients, possibly without any.
    #[must_use]
    pub fn without(mut self, left_out: &[EmailAddress]) -> Self {
        for list in [&mut self.to, &mut self.cc, &mut self.bcc] {
            list.retain(|mailbox| !left_out.contains(mailbox.address()));
        }
        self
    }

    /// The email with the simulator's addresses in place of Resend's test addresses. It is only for submission: the
    /// stored email keeps the given addresses.
    #[must_use]
    pub fn with_simulator(mut self) -> Self {
        for mailbox in [&mut self.to, &mut self.cc, &mut self.bcc].into_iter().flatten() {
            if let Some(simulator) = test_address::simulator(mailbox.address()) {
                *mailbox = Mailbox::bare(simulator);
            }
        }
        self
    }

    /// Estimate of the bytes that a sender holds for it: its text without encoding, and the files that it contains at
    /// the moment.
    #[must_use]
    pub fn bytes(&self) -> usize {
        let lists = [&self.to, &self.cc, &self.bcc, &self.reply_to];
        let mailboxes = lists.into_iter().flatten().chain([&self.from]);
        let mailbox = |mailbox: &Mailbox| mailbox.name().map_or(0, str::len) + mailbox.address().as_str().len();
        let header = |header: &Header| header.name().as_str().len() + header.value().len();
        let tag = |tag: &Tag| tag.name().len() + tag.value().len();
        self.subject.len()
            + self.html.as_ref().map_or(0, String::len)
            + self.text.as_ref().map_or(0, String::len)
            + mailboxes.map(mailbox).sum::<usize>()
            + self.headers.iter().map(header).sum::<usize>()
            + self.tags.iter().map(tag).sum::<usize>()
            + self.attachments.iter().map(Attachment::held).sum::<usize>()
    }
}

impl fmt::Debug for EmailContent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Email")
            .field("recipients", &self.recipients())
            .field("bytes", &self.bytes())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_removes_from_every_list() {
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

    #[test]
    fn only_test_addresses_become_the_simulators() {
        let list = |texts: &[&str]| Addresses::Many(texts.iter().map(|text| (*text).to_owned()).collect());
        let email = Draft {
            to: list(&["Ann <delivered+1@resend.dev>", "Ann <a@d.example>"]),
            cc: list(&["bounced@resend.dev"]),
            bcc: list(&["complained@resend.dev"]),
            reply_to: list(&["delivered@resend.dev"]),
            ..draft()
        };
        let email = email.check().unwrap();
        let sent = email.clone().with_simulator();
        let texts = |list: &[Mailbox]| list.iter().map(ToString::to_string).collect::<Vec<_>>();
        assert_eq!(
            texts(sent.to()),
            ["success+resend.dev+1@simulator.amazonses.com", "Ann <a@d.example>"]
        );
        assert_eq!(texts(sent.cc()), ["bounce+resend.dev@simulator.amazonses.com"]);
        assert_eq!(texts(sent.bcc()), ["complaint+resend.dev@simulator.amazonses.com"]);
        assert_eq!(sent.reply_to(), email.reply_to());
        assert_eq!(sent.recipients(), email.recipients());
    }

    pub(super) fn draft() -> Draft {
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

    #[test]
    fn debug_shows_no_content() {
        let debug = format!("{:?}", draft().check().unwrap());
        assert!(debug.starts_with("Email { recipients: 2, bytes: "), "{debug}");
    }
}
