//! Tags: a caller's labels for an email, here and at SES.

use std::collections::HashSet;

use crate::limits;
use crate::message::problem::{EmailError, Problem, bad};

/// A tag: name and value of `[A-Za-z0-9_-]{1,256}`; the prefix `mq_` is reserved for us.
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
            return Err(bad(format!("{path}.name"), "names that start with mq_ are reserved"));
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

/// Checks all tags of an email.
pub(super) fn check(given: Vec<(String, String)>) -> Result<Vec<Tag>, EmailError> {
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
