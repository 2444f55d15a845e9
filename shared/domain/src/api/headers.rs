//! Reads `headers` of an email: a map, or a list of `{name, value}`.
//!
//! **Role:** called by [`super::requests`].
//! **Invariant:** a header of [`DROPPED`] reaches no email, whatever its value. No other header is dropped silently.
//! **Start reading at** [`read`].
//!
//! Source: the mailers of Laravel, Rails and Symfony pass these headers on, and Swoosh sends a list; run 2026-11-29.

#![expect(
    clippy::wildcard_enum_match_arm,
    reason = "JSON has only six types; all wrong types are the same error"
)]

use serde::Serialize;

use super::json::{Node, echo, object, text, text_or_number};
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

/// Headers of frameworks that the queue and Amazon SES set themselves.
const DROPPED: [&str; 5] = ["date", "message-id", "mime-version", "return-path", "sender"];

/// The headers of a request.
#[derive(Default)]
pub(super) struct Headers {
    /// Names and values for the email.
    pub(super) kept: Vec<(String, String)>,
    /// The path and the addresses of `Reply-To`.
    reply_to: Option<(String, Vec<Mailbox>)>,
    /// One for each name of [`DROPPED`].
    pub(super) warnings: Vec<Warning>,
}

impl Headers {
    /// Passes `Reply-To` on to the field `reply_to`, if the request has no such field.
    pub(super) fn fill(&self, reply_to: &mut Addresses) {
        let is_empty = match reply_to {
            Addresses::Absent => true,
            Addresses::One(_) => false,
            Addresses::Many(texts) => texts.is_empty(),
        };
        if let Some((_, mailboxes)) = &self.reply_to
            && is_empty
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
        let why = "must have the same addresses as the field reply_to: leave one of them out";
        Err(EmailError::at(path, Problem::Bad(why)))
    }

    fn add(&mut self, name: String, value: String) -> Result<(), EmailError> {
        let key = name.to_ascii_lowercase();
        let path = format!("headers.{}", echo(&name));
        if let Some(dropped) = DROPPED.iter().position(|dropped| *dropped == key) {
            self.drop_once(dropped, path);
            return Ok(());
        }
        if key != "reply-to" {
            self.kept.push((name, value));
            return Ok(());
        }
        if self.reply_to.is_some() {
            return Err(EmailError::at(path, Problem::Repeated));
        }
        let mailboxes = parse_list(&value).map_err(|why| EmailError::at(&path, Problem::Address(why)))?;
        self.reply_to = Some((path, mailboxes));
        Ok(())
    }

    fn drop_once(&mut self, dropped: usize, path: String) {
        let key = |warning: &Warning| warning.path.to_ascii_lowercase();
        let given = DROPPED.get(dropped).map(|name| format!("headers.{name}"));
        if self.warnings.iter().all(|warning| Some(key(warning)) != given) {
            let message = "This header is not sent: the queue and Amazon SES set it.";
            self.warnings.push(Warning { path, message });
        }
    }
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
            _ => return Err(EmailError::at(path, Problem::Unknown(""))),
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
