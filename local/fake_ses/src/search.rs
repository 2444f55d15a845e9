//! The filter of the inbox's list.
//!
//! **Invariant:** pure. Without parameters every message matches.

use crate::mailbox::Message;

/// A filter; all of its parts must match.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Filter {
    text: Option<String>,
    recipient: Option<String>,
    tag: Option<String>,
}

impl Filter {
    /// Reads the raw query of a URL. An empty value counts as absent.
    ///
    /// # Errors
    /// A sentence about a parameter that is unknown or given twice.
    pub fn parse(query: Option<&str>) -> Result<Self, String> {
        let mut filter = Self::default();
        for (name, value) in form_urlencoded::parse(query.unwrap_or_default().as_bytes()) {
            let (part, value) = match name.as_ref() {
                "q" => (&mut filter.text, value.to_lowercase()),
                "recipient" => (&mut filter.recipient, value.to_lowercase()),
                "tag" => (&mut filter.tag, value.into_owned()),
                _ => return Err(format!("The parameter {name} is unknown: use q, recipient or tag.")),
            };
            if part.is_some() {
                return Err(format!("The parameter {name} is given twice."));
            }
            *part = Some(value);
        }
        for part in [&mut filter.text, &mut filter.recipient, &mut filter.tag] {
            part.take_if(|value| value.is_empty());
        }
        Ok(filter)
    }

    /// Tells whether a message matches.
    pub fn matches(&self, message: &Message) -> bool {
        let all = |part: &Option<String>, matches: &dyn Fn(&str) -> bool| part.as_deref().is_none_or(matches);
        all(&self.text, &|text| has_text(message, text))
            && all(&self.recipient, &|text| has_recipient(message, text))
            && all(&self.tag, &|tag| has_tag(message, tag))
    }
}

fn contains(text: &str, part: &str) -> bool {
    text.to_lowercase().contains(part)
}

fn has_text(message: &Message, part: &str) -> bool {
    let submission = &message.submission;
    let bodies = [submission.text.as_deref(), submission.html.as_deref()];
    let headers = submission.headers.iter().map(|header| header.value.as_str());
    [message.id.as_str(), &submission.from, &submission.subject]
        .into_iter()
        .chain(bodies.into_iter().flatten())
        .chain(headers)
        .any(|text| contains(text, part))
        || has_recipient(message, part)
}

fn has_recipient(message: &Message, part: &str) -> bool {
    message
        .submission
        .recipients()
        .iter()
        .any(|recipient| contains(recipient, part))
}

/// A tag is `name` or `name:value`; SES allows no colon in either.
fn has_tag(message: &Message, tag: &str) -> bool {
    let (name, value) = tag
        .split_once(':')
        .map_or((tag, None), |(name, value)| (name, Some(value)));
    let tags = &message.submission.tags;
    tags.iter()
        .any(|tag| tag.name == name && value.is_none_or(|value| tag.value == value))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mailbox::{Pair, Submission};

    fn message() -> Message {
        let pair = |name: &str, value: &str| Pair {
            name: name.to_owned(),
            value: value.to_owned(),
        };
        Message {
            id: "0100-x".to_owned(),
            submission: Submission {
                from: "Shop <shop@example.com>".to_owned(),
                to: vec!["Ann <ann@example.org>".to_owned()],
                bcc: vec!["bob@example.net".to_owned()],
                subject: "Grüße".to_owned(),
                text: Some("Your order".to_owned()),
                html: Some("<p>Twice</p>".to_owned()),
                headers: vec![pair("X-Email-Id", "7f")],
                tags: vec![pair("kind", "receipt")],
                ..Submission::default()
            },
            received_at: String::new(),
        }
    }

    fn finds(query: &str) -> bool {
        Filter::parse(Some(query)).unwrap().matches(&message())
    }

    #[test]
    fn every_part_of_a_message_can_be_searched() {
        for query in [
            "q=GR%C3%9C%C3%9FE",
            "q=shop",
            "q=ORDER",
            "q=twice",
            "q=0100-x",
            "q=7F",
            "q=bob%40",
            "q=",
            "",
            "recipient=ann%20%3CANN",
            "recipient=bob",
            "tag=kind",
            "tag=kind:receipt",
            "q=order&recipient=ann&tag=kind",
        ] {
            assert!(finds(query), "{query}");
        }
        for query in [
            "q=nothing",
            "recipient=shop",
            "tag=kin",
            "tag=Kind",
            "tag=kind:rec",
            "tag=kind:",
            "q=order&recipient=eve",
        ] {
            assert!(!finds(query), "{query}");
        }
    }

    #[test]
    fn a_wrong_parameter_is_named() {
        for (query, sentence) in [
            ("to=ann", "The parameter to is unknown: use q, recipient or tag."),
            ("q=a&q=b", "The parameter q is given twice."),
            ("tag=&tag=a", "The parameter tag is given twice."),
        ] {
            assert_eq!(Filter::parse(Some(query)), Err(sentence.to_owned()), "{query}");
        }
        assert_eq!(Filter::parse(None), Ok(Filter::default()));
    }
}
