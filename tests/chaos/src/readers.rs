//! The openings and clicks of recipients, which the fake SES does not know.
//!
//! **Role:** the run puts SES's events about them into the feedback queue itself, where SNS puts SES's own ones.
//! **Invariant:** pure. The opened messages follow from their order, and each event comes twice, because SNS and SQS
//! deliver at least once.
//!
//! Source: Amazon SES Developer Guide, "Examples of event data that Amazon SES publishes to Amazon SNS", read
//! 2026-11-30.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::{Value, json};

/// Of so many messages one is opened.
const OPENED: usize = 10;

/// A message that SES accepted.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct SentMessage {
    /// SES's id.
    pub id: String,
    /// The recipients in To.
    pub to: Vec<String>,
    /// The time of acceptance.
    pub received_at: String,
    /// The tags.
    pub tags: Vec<Tag>,
}

/// A tag of a message.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Tag {
    /// The name.
    pub name: String,
    /// The value.
    pub value: String,
}

/// Returns SES's events about openings and clicks of some of these messages: two openings of one person, and a click.
#[must_use]
pub fn engagements(messages: &[SentMessage]) -> Vec<String> {
    let opened = messages.iter().step_by(OPENED);
    let events = opened.flat_map(|message| {
        let client =
            |device: &str| json!({"timestamp": message.received_at, "ipAddress": "127.0.0.1", "userAgent": device});
        let mut click = client("telephone");
        if let Some(click) = click.as_object_mut() {
            click.insert("link".to_owned(), json!("https://mailqueue.example/offer"));
        }
        [
            event(message, ("Open", "open"), &client("telephone")),
            event(message, ("Open", "open"), &client("computer")),
            event(message, ("Click", "click"), &click),
        ]
    });
    events.flat_map(|event| [event.clone(), event]).collect()
}

fn event(message: &SentMessage, (kind, key): (&str, &str), content: &Value) -> String {
    let tags: BTreeMap<&str, [&str; 1]> = message
        .tags
        .iter()
        .map(|tag| (tag.name.as_str(), [tag.value.as_str()]))
        .collect();
    let mail = json!({
        "timestamp": message.received_at,
        "messageId": message.id,
        "destination": message.to,
        "tags": tags,
    });
    json!({"eventType": kind, "mail": mail, key: content}).to_string()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use domain::delivery::ses_event::{SesEvent, SesEventKind};
    use domain::webhook::fact::EmailFact;

    use super::*;

    fn message(claim: &str) -> SentMessage {
        let tags = [
            ("mq_tenant", "main"),
            ("mq_id", "01010101-0101-4101-8101-010101010101"),
            ("mq_claim", claim),
            ("mq_born", "1764000000000"),
        ];
        let tag = |(name, value): (&str, &str)| Tag {
            name: name.to_owned(),
            value: value.to_owned(),
        };
        SentMessage {
            id: format!("m{claim}"),
            to: vec!["ann@example.com".to_owned()],
            received_at: "2026-11-24T10:00:00.000Z".to_owned(),
            tags: tags.map(tag).to_vec(),
        }
    }

    #[test]
    fn the_product_reads_two_openings_and_a_click() {
        let messages: Vec<_> = (1..=11).map(|claim| message(&claim.to_string())).collect();
        let events = engagements(&messages);
        let events: Vec<_> = events.iter().map(|event| SesEvent::parse(event).unwrap()).collect();
        let claims: BTreeSet<u32> = events.iter().map(|event| event.claim_no).collect();
        assert_eq!(claims, BTreeSet::from([1, 11]), "one of ten is opened");
        let of_first: Vec<_> = events.iter().filter(|event| event.claim_no == 1).collect();
        let openings = of_first.iter().filter(|event| event.kind == SesEventKind::Opened);
        let clicks = of_first.iter().filter(|event| event.kind == SesEventKind::Clicked);
        assert_eq!((openings.count(), clicks.count()), (4, 2), "each comes twice");
        let facts: BTreeSet<_> = of_first
            .iter()
            .map(|event| EmailFact::of(event).unwrap().number())
            .collect();
        assert_eq!(facts.len(), 3);
    }

    #[test]
    fn without_messages_nobody_opens_one() {
        assert_eq!(engagements(&[]), Vec::<String>::new());
    }
}
