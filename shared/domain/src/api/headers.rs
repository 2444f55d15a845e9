//! Reads `headers` of an email: a map, or a list of `{name, value}`.
//!
//! **Role:** called by [`super::requests`].
//! **Invariant:** a [`DroppedHeader`] reaches no email, whatever its value. No other header is dropped silently.
//! **Start reading at** [`read`].
//!
//! Source: the mailers of Laravel, Rails and Symfony pass these headers on, and Swoosh sends a list; run 2026-11-29.

#![expect(
    clippy::wildcard_enum_match_arm,
    reason = "JSON has only six types; all wrong types are the same error"
)]

use serde::Serialize;

use super::json::{Node, echo, object, text, text_or_number};
use super::spelling::unknown;
use crate::message::dropped_header::DroppedHeader;
use crate::message::email::{Addresses, EmailContent};
use crate::message::mailbox::{Mailbox, parse_list};
use crate::message::problem::{EmailError, Problem};

/// A part of an accepted request that has no effect.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Warning {
    /// The path of the part: `headers.Date`.
    path: String,
    /// The reason, as a sentence.
    message: &'static str,
}

impl Warning {
    /// The warning of a header under the name that the request gave it.
    fn of(name: &str) -> Self {
        Self {
            path: format!("headers.{}", echo(name)),
            message: "The value of this header is not sent: mailqueue, Amazon SES or the receiver sets it.",
        }
    }
}

impl From<DroppedHeader> for Warning {
    /// The warning of a header under its usual name.
    fn from(header: DroppedHeader) -> Self {
        Self::of(&header.to_string())
    }
}

/// The headers of a request.
#[derive(Default)]
pub(super) struct Headers {
    /// Names and values for the email.
    pub(super) kept: Vec<(String, String)>,
    /// The path and the addresses of `Reply-To`.
    reply_to: Option<(String, Vec<Mailbox>)>,
    /// The dropped headers, each once.
    pub(super) dropped: Vec<DroppedHeader>,
    /// One for each dropped header.
    pub(super) warnings: Vec<Warning>,
}

impl Headers {
    /// Passes `Reply-To` on to the field `reply_to`, if the request has no such field.
    pub(super) fn fill(&self, reply_to: &mut Addresses) {
        if let Some((_, mailboxes)) = &self.reply_to
            && reply_to.is_empty()
        {
            *reply_to = Addresses::Many(mailboxes.iter().map(ToString::to_string).collect());
        }
    }

    /// Checks that `Reply-To` has the addresses of `reply_to`, in any order and case.
    pub(super) fn agree(&self, email: &EmailContent) -> Result<(), EmailError> {
        let Some((path, mailboxes)) = &self.reply_to else {
            return Ok(());
        };
        let addresses = |list: &[Mailbox]| {
            let mut list: Vec<_> = list.iter().map(|entry| entry.address().lower_case()).collect();
            list.sort();
            list.dedup();
            list
        };
        if addresses(mailboxes) == addresses(email.reply_to()) {
            return Ok(());
        }
        let why = "must have the same addresses as the field reply_to: send only the header or only the field";
        Err(EmailError::at(path, Problem::Bad(why)))
    }

    fn add(&mut self, name: String, value: String) -> Result<(), EmailError> {
        if let Ok(header) = name.parse::<DroppedHeader>() {
            if !self.dropped.contains(&header) {
                self.dropped.push(header);
                self.warnings.push(Warning::of(&name));
            }
            return Ok(());
        }
        let value = unfolded(&value);
        if !name.eq_ignore_ascii_case("reply-to") {
            self.kept.push((name, value));
            return Ok(());
        }
        let path = format!("headers.{}", echo(&name));
        if self.reply_to.is_some() {
            return Err(EmailError::at(path, Problem::Repeated));
        }
        let mailboxes = parse_list(&value).map_err(|why| EmailError::at(&path, Problem::Address(why)))?;
        self.reply_to = Some((path, mailboxes));
        Ok(())
    }
}

/// Returns a value without folds: Symfony folds encoded words, and copied values such as `References` are often folded.
///
/// Only a line break before a space or a tab is a fold. Any other stays in the value, and is refused later.
///
/// Source: RFC 5322, 2.2.3. LF alone is the line break of most programs' texts.
fn unfolded(value: &str) -> String {
    let mut lines = value.split('\n');
    let mut whole = lines.next().unwrap_or_default().to_owned();
    for line in lines {
        let text = line.trim_start_matches([' ', '\t']);
        if text.len() == line.len() {
            whole.push('\n');
        } else {
            whole.truncate(whole.strip_suffix('\r').map_or(whole.len(), str::len));
            whole.push(' ');
        }
        whole.push_str(text);
    }
    whole
}

pub(super) fn read(node: Node) -> Result<Headers, EmailError> {
    let mut headers = Headers::default();
    match node {
        Node::Null => {}
        Node::Array(nodes) => {
            for (index, node) in nodes.into_iter().enumerate() {
                if let Some((name, value)) = pair(&format!("headers[{index}]"), node)? {
                    headers.add(name, value)?;
                }
            }
        }
        node => {
            for (name, value) in object("headers", node)? {
                if let Some(value) = text_or_number(&format!("headers.{}", echo(&name)), value)? {
                    headers.add(name, value)?;
                }
            }
        }
    }
    Ok(headers)
}

/// Reads an entry of a list; one without a value counts as none, as in a map.
fn pair(path: &str, node: Node) -> Result<Option<(String, String)>, EmailError> {
    let (mut name, mut value) = (None, None);
    let mut seen = Vec::new();
    for (key, node) in object(path, node)? {
        let path = format!("{path}.{}", echo(&key));
        if seen.contains(&key) {
            return Err(EmailError::at(path, Problem::Repeated));
        }
        match key.as_str() {
            "name" => name = text(&path, node)?,
            "value" => value = text_or_number(&path, node)?,
            _ => return Err(unknown(&path, &key, &["name", "value"])),
        }
        seen.push(key);
    }
    let missing = Problem::Missing("this field is required");
    let name = name.ok_or_else(|| EmailError::at(format!("{path}.name"), missing))?;
    Ok(value.map(|value| (name, value)))
}

#[cfg(test)]
#[path = "headers_tests.rs"]
mod tests;
