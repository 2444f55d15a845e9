//! The emails as the table, the reports and the fake SES show them.

use std::collections::{BTreeMap, HashMap};

use aws_sdk_dynamodb::types::AttributeValue;
use futures::future;
use futures::stream::{self, StreamExt, TryStreamExt};
use reqwest::Method;
use serde::Deserialize;
use serde_json::{Value, json};

use super::{AT_ONCE, Stack, trouble};
use crate::Trouble;
use crate::oracle::{SentCopy, StoredEmail};
use crate::readers::{SentMessage, engagements};

/// The header with the id of the email.
const ID_HEADER: &str = "X-Email-Id";

impl Stack {
    /// Returns the records of all emails, by id.
    ///
    /// # Errors
    /// When the table cannot be read.
    pub async fn records(&self) -> Result<BTreeMap<String, StoredEmail>, Trouble> {
        let mut records = BTreeMap::new();
        let mut from = None;
        loop {
            let scan = self
                .dynamodb
                .scan()
                .table_name(&self.settings.table)
                .consistent_read(true)
                .filter_expression("sk = :email")
                .expression_attribute_values(":email", AttributeValue::S("email".to_owned()))
                .set_exclusive_start_key(from);
            let page = scan.send().await.map_err(|error| unreadable(&error.into()))?;
            records.extend(page.items.unwrap_or_default().iter().filter_map(record));
            match page.last_evaluated_key {
                Some(last) if !last.is_empty() => from = Some(last),
                Some(_) | None => return Ok(records),
            }
        }
    }

    /// Returns the numbers of accepted and sent recipients in the reports.
    ///
    /// # Errors
    /// When there is no answer.
    pub async fn metrics(&self) -> Result<(usize, usize), Trouble> {
        const WHAT: &str = "The reports cannot be read";
        let path = "/emails/metrics?metrics=accepted,sent";
        let answer = self.api(Method::GET, path, None, &json!({})).await;
        let answer = answer.map_err(trouble(WHAT))?;
        let total = |name: &str| {
            let total = answer.body.pointer(&format!("/totals/{name}")).and_then(Value::as_u64);
            total.and_then(|total| usize::try_from(total).ok())
        };
        match (total("accepted"), total("sent")) {
            (Some(accepted), Some(sent)) => Ok((accepted, sent)),
            _ => Err(Trouble(format!("{WHAT}: {}.", answer.body))),
        }
    }

    /// Returns the messages that SES accepted, by the email's id.
    ///
    /// # Errors
    /// When the fake SES does not answer, or a message does not name its email.
    pub async fn copies(&self) -> Result<BTreeMap<String, Vec<SentCopy>>, Trouble> {
        let messages: Vec<Message> = self
            .read(
                "The fake SES does not list its messages",
                self.ses(Method::GET, "messages"),
            )
            .await?;
        let mut copies: BTreeMap<String, Vec<SentCopy>> = BTreeMap::new();
        for message in messages {
            let mut ids = message.headers.into_iter().filter(|header| header.name == ID_HEADER);
            let (Some(id), None) = (ids.next(), ids.next()) else {
                return Err(Trouble(format!(
                    "Message {} has not exactly one {ID_HEADER}.",
                    message.id
                )));
            };
            let claim = message.tags.into_iter().find(|tag| tag.name == "mq_claim");
            copies.entry(id.value).or_default().push(SentCopy {
                message_id: message.id,
                subject: message.subject,
                received_at: message.received_at,
                claim: claim.map(|tag| tag.value).unwrap_or_default(),
            });
        }
        Ok(copies)
    }

    /// Lets recipients open emails and click links: puts SES's events about them into the feedback queue. Returns the
    /// number of events.
    ///
    /// # Errors
    /// When the fake SES does not list its messages, or the queue does not take an event.
    pub async fn engage(&self) -> Result<usize, Trouble> {
        let messages = self.ses(Method::GET, "messages");
        let messages: Vec<SentMessage> = self.read("The fake SES does not list its messages", messages).await?;
        let events = engagements(&messages);
        let queues = self.queues(&["FeedbackQueue"]).await?;
        let sends = queues.iter().flat_map(|queue| {
            let send = move |event: &String| self.sqs.send_message().queue_url(queue).message_body(event).send();
            events.iter().map(send)
        });
        let sent = stream::iter(sends).buffer_unordered(AT_ONCE);
        sent.try_for_each(|_| future::ok(()))
            .await
            .map_err(|error| Trouble(format!("The feedback queue does not take an event: {error:?}.")))?;
        Ok(events.len())
    }
}

fn unreadable(error: &aws_sdk_dynamodb::Error) -> Trouble {
    Trouble(format!("The table cannot be read: {error:?}."))
}

#[derive(Debug, Deserialize)]
struct Pair {
    name: String,
    value: String,
}

#[derive(Debug, Deserialize)]
struct Message {
    id: String,
    subject: String,
    received_at: String,
    headers: Vec<Pair>,
    tags: Vec<Pair>,
}

/// Reads a record by the documented names of its item (`shared/aws/src/storage/records/item.rs`). This is separate
/// code, so that a mistake there is not repeated here.
fn record(item: &HashMap<String, AttributeValue>) -> Option<(String, StoredEmail)> {
    let text = |name: &str| item.get(name).and_then(|value| value.as_s().ok()).cloned();
    let number = |name: &str| item.get(name).and_then(|value| value.as_n().ok()?.parse::<u64>().ok());
    let is_set = |name: &str| item.get(name).is_some_and(|value| value.as_bool() == Ok(&true));
    let pk = text("pk")?;
    let (_, id) = pk.rsplit_once('#')?;
    let record = StoredEmail {
        status: text("s").unwrap_or_default(),
        cause: text("e"),
        flagged: is_set("m"),
        duplicate: is_set("d"),
        indexed: item.contains_key("due_pk"),
        claim_no: number("c").unwrap_or_default(),
        attempts: number("a").unwrap_or_default(),
        sent_by: number("sc"),
        recipients: number("r")
            .and_then(|count| usize::try_from(count).ok())
            .unwrap_or_default(),
    };
    Some((id.to_owned(), record))
}
