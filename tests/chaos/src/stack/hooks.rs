//! The webhook of the run: its settings, its receiver, its stored facts, and its events.

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use aws::runtime::settings::TableSettings;
use aws::storage::records::Table;
use aws_sdk_dynamodb::types::AttributeValue;
use domain::delivery::record::EmailRecord;
use domain::id::{EmailId, EmailKey, TenantId};
use domain::ports::webhook_events::EmailFacts;
use domain::ports::{EmailRecords, PortError};
use domain::timestamp::Timestamp;
use domain::webhook::telling::{Telling, recovered};
use futures::stream::{self, StreamExt, TryStreamExt};
use reqwest::Method;
use serde_json::{Value, json};

use super::{AT_ONCE, HttpResponse, Stack, trouble};
use crate::Trouble;
use crate::client::insist;
use crate::deliveries::{StoredAttempt, StoredDelivery};
use crate::hooks::ids::{HookedEmail, HookedFact, KeptStatus};
use crate::hooks::{Implied, Received};

/// The receiver's box in the local inbox.
const BOX: &str = "box=chaos";

/// The beginning of a fact's sort key.
const FACT: &str = "fact#";

/// The beginning of a delivery's sort key.
const EVENT: &str = "event#";

/// The tenant of the stack's API key.
const TENANT: &str = "main";

/// The partitions of a webhook's deliveries.
const SHARDS: u8 = 4;

/// Every event about emails.
const EVENTS: [&str; 12] = [
    "email.scheduled",
    "email.sent",
    "email.delivered",
    "email.delivery_delayed",
    "email.bounced",
    "email.complained",
    "email.opened",
    "email.clicked",
    "email.failed",
    "email.suppressed",
    "email.canceled",
    "email.expired",
];

impl Stack {
    /// Creates a webhook for all events, with this receiver; returns its id.
    ///
    /// # Errors
    /// When the API or the inbox refuses it.
    pub async fn create_webhook(&self, receiver: &str) -> Result<String, Trouble> {
        let endpoint = format!("{receiver}/webhook-inbox?{BOX}");
        let wanted = json!({"endpoint": endpoint, "events": EVENTS});
        // Once: a repetition would create a second webhook.
        let made = self.api(Method::POST, "/webhooks", None, &wanted).await;
        let made = good("POST /webhooks", made.map_err(trouble("POST /webhooks"))?)?;
        let secrets = json!({"secrets": [text_of(&made, "signing_secret")]});
        let put = self.ses(Method::PUT, &format!("webhook-inbox?{BOX}")).json(&secrets);
        self.send_request("The receiver does not take its secret", put).await?;
        Ok(text_of(&made, "id"))
    }

    /// Makes a request of a well-behaved client, which repeats it.
    async fn insist(&self, method: Method, path: &str, body: &Value) -> Result<Value, Trouble> {
        let asked = format!("{method} {path}");
        let answer = insist(self, method, path, None, body).await;
        good(&asked, answer.map_err(Trouble)?)
    }

    /// Replaces the faults of the receiver.
    ///
    /// # Errors
    /// When the inbox does not accept them.
    pub async fn strike_receiver(&self, faults: &Value) -> Result<(), Trouble> {
        let put = self.ses(Method::PUT, &format!("webhook-inbox/faults?{BOX}"));
        let put = put.json(&json!({"faults": faults}));
        self.send_request("The receiver does not take its faults", put).await
    }

    /// Returns every request that the receiver got, and answered with 200. An answer without an end has this status too.
    ///
    /// # Errors
    /// When the inbox does not answer.
    pub async fn received(&self) -> Result<Vec<Received>, Trouble> {
        let listed = self.ses(Method::GET, &format!("webhook-inbox?{BOX}"));
        let all: Vec<Value> = self.read("The receiver does not list its requests", listed).await?;
        let good = all.into_iter().filter(|request| {
            let fault = request.get("fault");
            fault == Some(&Value::Null) || fault == Some(&json!("endless"))
        });
        let read = |request| serde_json::from_value(request).map_err(|error| Trouble(format!("{error}.")));
        good.map(read).collect()
    }

    /// Returns the faults of the receiver, with their remaining counts.
    ///
    /// # Errors
    /// When the inbox does not answer.
    pub async fn receiver_faults(&self) -> Result<Value, Trouble> {
        let asked = self.ses(Method::GET, &format!("webhook-inbox/faults?{BOX}"));
        let mut plan: Value = self.read("The receiver does not tell its faults", asked).await?;
        let faults = plan.get_mut("faults").map(Value::take);
        faults.ok_or_else(|| Trouble("The receiver has no list of faults.".to_owned()))
    }

    /// Enables the webhook again if an answer of 410 has disabled it.
    ///
    /// # Errors
    /// When the API does not answer, or refuses it.
    pub async fn keep_enabled(&self, webhook: &str) -> Result<(), Trouble> {
        let path = format!("/webhooks/{webhook}");
        let shown = self.insist(Method::GET, &path, &Value::Null).await?;
        if text_of(&shown, "status") == "disabled" {
            let enabled = json!({"status": "enabled"});
            self.insist(Method::PATCH, &path, &enabled).await?;
        }
        Ok(())
    }

    /// Sends an event again, at once.
    ///
    /// # Errors
    /// When the API does not answer, or refuses it.
    pub async fn replay(&self, webhook: &str, event: &str) -> Result<(), Trouble> {
        let path = format!("/webhooks/{webhook}/events/{event}/replay");
        self.insist(Method::POST, &path, &json!({})).await.map(drop)
    }

    /// Returns the stored deliveries of the webhook, by the documented names of the items.
    ///
    /// # Errors
    /// When the table cannot be read.
    pub async fn deliveries(&self, webhook: &str) -> Result<Vec<StoredDelivery>, Trouble> {
        let mut deliveries = Vec::new();
        for shard in 0..SHARDS {
            let mut from = None;
            loop {
                let query = self
                    .dynamodb
                    .query()
                    .table_name(&self.settings.table)
                    .consistent_read(true)
                    .key_condition_expression("pk = :pk AND begins_with(sk, :event)")
                    .expression_attribute_values(":pk", AttributeValue::S(format!("hook:{TENANT}#{webhook}#{shard}")))
                    .expression_attribute_values(":event", AttributeValue::S(EVENT.to_owned()))
                    .set_exclusive_start_key(from);
                let page = query.send().await;
                let page = page.map_err(|error| Trouble(format!("The table cannot be read: {error:?}.")))?;
                deliveries.extend(page.items.unwrap_or_default().iter().filter_map(delivery));
                match page.last_evaluated_key {
                    Some(last) if !last.is_empty() => from = Some(last),
                    Some(_) | None => break,
                }
            }
        }
        Ok(deliveries)
    }

    /// Returns the records with a hook and their facts, by the documented names of the items.
    ///
    /// # Errors
    /// When the table cannot be read.
    pub async fn hooked_emails(&self) -> Result<Vec<HookedEmail>, Trouble> {
        let (mut emails, mut facts) = (Vec::new(), BTreeMap::<String, Vec<HookedFact>>::new());
        let mut from = None;
        loop {
            let scan = self
                .dynamodb
                .scan()
                .table_name(&self.settings.table)
                .consistent_read(true)
                .filter_expression("(sk = :email AND attribute_exists(hk)) OR begins_with(sk, :fact)")
                .expression_attribute_values(":email", AttributeValue::S("email".to_owned()))
                .expression_attribute_values(":fact", AttributeValue::S(FACT.to_owned()))
                .set_exclusive_start_key(from);
            let page = scan.send().await;
            let page = page.map_err(|error| Trouble(format!("The table cannot be read: {error:?}.")))?;
            for item in page.items.unwrap_or_default() {
                match text(&item, "sk").strip_prefix(FACT) {
                    Some(number) => facts.entry(text(&item, "pk")).or_default().push(fact(number, &item)),
                    None => emails.extend(hooked(&item)),
                }
            }
            match page.last_evaluated_key {
                Some(last) if !last.is_empty() => from = Some(last),
                Some(_) | None => break,
            }
        }
        for email in &mut emails {
            let pk = format!("{}#{}", email.tenant, email.id);
            email.facts = facts.remove(&pk).unwrap_or_default();
        }
        Ok(emails)
    }

    /// Returns the events of these emails as the product's own recovery computes them.
    ///
    /// # Errors
    /// When the table cannot be read.
    pub async fn implied(&self, emails: &[HookedEmail]) -> Result<Vec<Implied>, Trouble> {
        let table = Table::new(self.dynamodb.clone(), &self.table_settings());
        let key = |email: &HookedEmail| {
            let (tenant, id) = (TenantId::parse(&email.tenant)?, EmailId::parse(&email.id)?);
            Some(EmailKey { tenant, id })
        };
        let keys: Vec<EmailKey> = emails.iter().filter_map(key).collect();
        let unreadable = |error: PortError| Trouble(format!("The table cannot be read: {error:?}."));
        // Nothing has expired at this time.
        let records = table
            .load_many(&keys, Timestamp::from_millis(0))
            .await
            .map_err(unreadable)?;
        let of_record = |record: EmailRecord| {
            let table = &table;
            async move {
                let facts = table.facts_of(&record.email_key(), record.born).await?;
                let implied = |telling: Telling| Implied {
                    email: record.id.to_string(),
                    id: telling.id.to_string(),
                };
                Ok::<_, PortError>(recovered(&record, &facts).into_iter().map(implied).collect::<Vec<_>>())
            }
        };
        let implied: Result<Vec<_>, PortError> = stream::iter(records)
            .map(of_record)
            .buffered(AT_ONCE)
            .try_collect()
            .await;
        Ok(implied.map_err(unreadable)?.concat())
    }

    fn table_settings(&self) -> TableSettings {
        TableSettings {
            table: self.settings.table.clone(),
            // Only writes depend on these two.
            shards: 1,
            retention: Duration::from_secs(0),
        }
    }
}

/// Returns the body of an answer of 2xx.
fn good(asked: &str, answer: HttpResponse) -> Result<Value, Trouble> {
    if (200..300).contains(&answer.status) {
        Ok(answer.body)
    } else {
        Err(Trouble(format!("{asked} answered {}: {}.", answer.status, answer.body)))
    }
}

fn text_of(value: &Value, name: &str) -> String {
    value.get(name).and_then(Value::as_str).unwrap_or_default().to_owned()
}

fn text(item: &HashMap<String, AttributeValue>, name: &str) -> String {
    let value = item.get(name).and_then(|value| value.as_s().ok());
    value.cloned().unwrap_or_default()
}

fn digits(item: &HashMap<String, AttributeValue>, name: &str) -> Option<String> {
    item.get(name).and_then(|value| value.as_n().ok()).cloned()
}

fn fact(number: &str, item: &HashMap<String, AttributeValue>) -> HookedFact {
    HookedFact {
        number: number.to_owned(),
        born: digits(item, "b").unwrap_or_default(),
        json: text(item, "j"),
    }
}

/// Reads a delivery: the event in its key, the state in `s`, and each attempt in `at`, as JSON.
fn delivery(item: &HashMap<String, AttributeValue>) -> Option<StoredDelivery> {
    let attempts = item.get("at").and_then(|value| value.as_l().ok()).into_iter().flatten();
    let attempt = |value: &AttributeValue| {
        let attempt: Value = serde_json::from_str(value.as_s().ok()?).ok()?;
        Some(StoredAttempt {
            status: attempt.get("s")?.as_u64()?,
            words: text_of(&attempt, "w"),
        })
    };
    Some(StoredDelivery {
        event: text(item, "sk").strip_prefix(EVENT)?.to_owned(),
        received: text(item, "s") == "success",
        attempts: attempts.filter_map(attempt).collect(),
    })
}

/// Returns the digits of recipients' keys: six bytes each.
fn keys_of(bytes: &[u8]) -> Vec<String> {
    let hex = |key: &[u8]| key.iter().map(|byte| format!("{byte:02x}")).collect();
    bytes.chunks(6).map(hex).collect()
}

/// Reads a claim with the recipients that it left out: four bytes, then their keys.
fn left_out(value: &AttributeValue) -> Vec<(String, String)> {
    let bytes: &[u8] = value.as_b().map(AsRef::as_ref).unwrap_or_default();
    let Some((claim, keys)) = bytes.split_first_chunk::<4>() else {
        return Vec::new();
    };
    let claim = u32::from_be_bytes(*claim).to_string();
    let keys = keys_of(keys).into_iter();
    keys.map(|key| (claim.clone(), key)).collect()
}

/// Reads the delivery facts that a record keeps: the status in `f` has its time in `dg`, and `ev` has earlier ones.
fn kept_statuses(item: &HashMap<String, AttributeValue>) -> Vec<KeptStatus> {
    let map = |name: &str| {
        let texts = item.get(name).and_then(|value| value.as_m().ok()).into_iter().flatten();
        let texts = texts.filter_map(|(key, value)| Some((key.clone(), value.as_s().ok()?.clone())));
        texts.collect::<BTreeMap<String, String>>()
    };
    let kept = |recipient: &str, status: &str, said: &str| KeptStatus {
        recipient: recipient.to_owned(),
        status: status.to_owned(),
        at: said.split(' ').next().unwrap_or_default().to_owned(),
    };
    let (statuses, said) = (map("f"), map("dg"));
    let now = statuses.iter();
    let now = now.filter_map(|(key, status)| Some(kept(key, status, said.get(key)?)));
    let earlier = map("ev");
    let earlier = earlier.iter().filter_map(|(fact, said)| {
        let (key, status) = fact.split_once(' ')?;
        Some(kept(key, status, said))
    });
    now.chain(earlier).collect()
}

/// Reads a record by the documented names of its item.
fn hooked(item: &HashMap<String, AttributeValue>) -> Option<HookedEmail> {
    let pk = text(item, "pk");
    let (tenant, id) = pk.rsplit_once('#')?;
    let keys = item.get("hk").and_then(|value| value.as_b().ok())?;
    let list = |name: &str| item.get(name).and_then(|value| value.as_l().ok()).into_iter().flatten();
    Some(HookedEmail {
        tenant: tenant.to_owned(),
        id: id.to_owned(),
        born: digits(item, "b").unwrap_or_default(),
        status: text(item, "s"),
        cause: text(item, "e"),
        recipients: keys_of(keys.as_ref()),
        left_out: list("hl").flat_map(left_out).collect(),
        claim: digits(item, "c").unwrap_or_default(),
        sent_by: digits(item, "sc").unwrap_or_default(),
        turn: digits(item, "ht").unwrap_or_else(|| "0".to_owned()),
        scheduled_at: digits(item, "w").unwrap_or_default(),
        rescheduled: text(item, "hs"),
        past: list("hp").filter_map(|fact| fact.as_s().ok().cloned()).collect(),
        statuses: kept_statuses(item),
        facts: Vec::new(),
    })
}

#[cfg(test)]
#[path = "hooks_tests.rs"]
mod tests;
