//! The rules for the names and the tags of identities.
//!
//! **Invariant:** pure.
//!
//! Source: Amazon SES API v2 Reference, `Tag`, and the sources of [`crate::identities`]; read 2026-11-29.

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::ses_error::SesError;

/// Tags of one identity.
const MAX_TAGS: usize = 50;
/// Characters of a tag's key.
const MAX_TAG_KEY: usize = 128;
/// Characters of a tag's value.
const MAX_TAG_VALUE: usize = 256;

/// A tag on the wire.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub struct Tag {
    /// The key.
    pub key: String,
    /// The value.
    pub value: String,
}

/// The name of an identity as it is stored: domains ignore case, local parts do not.
pub fn canonical(name: &str) -> String {
    match name.rsplit_once('@') {
        Some((local, domain)) => format!("{local}@{}", domain.to_ascii_lowercase()),
        None => name.to_ascii_lowercase(),
    }
}

/// Returns a domain, and then each domain above it.
pub fn parents(domain: &str) -> impl Iterator<Item = &str> {
    std::iter::successors(Some(domain), |domain| domain.split_once('.').map(|(_, above)| above))
}

/// Tells whether a domain is below another.
pub fn is_below(domain: &str, above: &str) -> bool {
    domain
        .strip_suffix(above)
        .is_some_and(|rest| rest.len() > 1 && rest.ends_with('.'))
}

/// Checks the name of an identity, or a domain.
///
/// # Errors
/// `BadRequestException`.
pub fn check_name(name: &str) -> Result<(), SesError> {
    let domain = name.rsplit_once('@').map_or(name, |(_, domain)| domain);
    let is_label = |label: &str| {
        let is_plain = label
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte));
        (1..=63).contains(&label.len()) && is_plain && !label.starts_with('-') && !label.ends_with('-')
    };
    if domain.len() <= 253 && domain.contains('.') && domain.split('.').all(is_label) {
        Ok(())
    } else {
        Err(SesError::bad_request(format!("Invalid domain name <{domain}>.")))
    }
}

/// Returns tags with others added or replaced.
///
/// # Errors
/// `BadRequestException` for tags that SES refuses.
pub fn merged(old: &BTreeMap<String, String>, tags: Vec<Tag>) -> Result<BTreeMap<String, String>, SesError> {
    let (mut all, mut new) = (old.clone(), BTreeMap::new());
    for Tag { key, value } in tags {
        let is_plain = |text: &str| {
            text.chars()
                .all(|c| c.is_alphanumeric() || c.is_whitespace() || "_.:/=+-@".contains(c))
        };
        let (key_length, value_length) = (key.chars().count(), value.chars().count());
        if !(1..=MAX_TAG_KEY).contains(&key_length)
            || value_length > MAX_TAG_VALUE
            || !is_plain(&key)
            || !is_plain(&value)
        {
            return Err(SesError::bad_request(format!("The tag <{key}> is invalid.")));
        }
        if key.to_ascii_lowercase().starts_with("aws:") {
            return Err(SesError::bad_request(
                "A tag key must not begin with aws:, which is reserved.",
            ));
        }
        if new.insert(key, value).is_some() {
            return Err(SesError::bad_request("Duplicate tag keys found."));
        }
    }
    all.append(&mut new);
    if all.len() > MAX_TAGS {
        return Err(SesError::bad_request(format!(
            "An identity has at most {MAX_TAGS} tags."
        )));
    }
    Ok(all)
}
