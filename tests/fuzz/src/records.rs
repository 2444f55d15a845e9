//! Stored records: reading returns the written record, and any stored item is a record or an error.

use std::collections::HashMap;

use arbitrary::{Result, Unstructured};
use aws::probe::{self, Item};
use aws_sdk_dynamodb::primitives::Blob;
use aws_sdk_dynamodb::types::AttributeValue;
use domain::delivery::record::EmailRecord;
use domain::delivery::send_task::SendTask;
use domain::lifecycle::Condition;
use domain::timestamp::Timestamp;

use crate::check::{check, check_eq};
use crate::generators::{records, texts};

/// Derives two records and an item from the bytes.
pub(crate) fn run(data: &[u8]) {
    // Too few bytes for a record: there is nothing to check.
    check_items(&mut Unstructured::new(data)).unwrap_or_default();
}

fn check_items(u: &mut Unstructured<'_>) -> Result<()> {
    let shards = *u.choose(&[16, 1, 0, 100, u16::MAX])?;
    let record = records::any(u)?;
    let stored = probe::from_record(&record, shards);
    check_eq!(
        Durability,
        probe::to_record(&stored),
        Ok(record.clone()),
        "a record reads back unchanged"
    );
    in_the_index(&record, &stored);
    if u.arbitrary()? {
        let after = EmailRecord {
            tenant: record.tenant.clone(),
            id: record.id,
            born: record.born,
            ..records::any(u)?
        };
        becomes(&record, &after, shards);
    } else {
        let found = mutate(u, stored)?;
        read(&found, shards);
    }
    Ok(())
}

/// A record due in `wake` appears there with all fields of its send task.
fn in_the_index(record: &EmailRecord, stored: &Item) {
    if let Some(due) = record.due
        && stored["due_pk"]
            .as_s()
            .is_ok_and(|partition| partition.starts_with("wake"))
    {
        let due_email = probe::to_due_email(stored);
        let found = due_email.map(|due_email| (due_email.send_task, due_email.priority, due_email.not_before));
        check_eq!(
            Durability,
            found,
            Ok((SendTask::of(record), record.priority, due.at)),
            "the index equals the record"
        );
    }
}

/// Applies the update from one record to another, in separate code.
fn becomes(before: &EmailRecord, after: &EmailRecord, shards: u16) {
    const TTL: i64 = 77;
    let condition = Condition::DeliveryUnmoved {
        delivery_version: before.delivery_version,
    };
    let update = probe::update(before, after, condition, shards, TTL);
    let mut item = probe::from_record(before, shards);
    let ttl = ("ttl".to_owned(), AttributeValue::N(TTL.to_string()));
    if before.status.is_final() {
        item.extend([ttl.clone()]);
    }
    carry_out(&update, &mut item);
    let mut wanted = probe::from_record(after, shards);
    if after.status.is_final() {
        wanted.extend([ttl]);
    }
    check_eq!(Durability, item, wanted, "{}", update.expression);
}

fn carry_out(update: &probe::Update, item: &mut Item) {
    let (set, remove) = match update.expression.split_once("REMOVE ") {
        Some((set, remove)) => (set, remove),
        None => (update.expression.as_str(), ""),
    };
    let set = set.trim().trim_start_matches("SET ");
    for part in set.split(", ").filter(|part| !part.is_empty()) {
        let (name, value) = part.split_once(" = ").unwrap_or_default();
        item.insert(update.names[name].clone(), update.values[value].clone());
    }
    for name in remove.split(", ").filter(|part| !part.is_empty()) {
        check!(
            Durability,
            item.remove(&update.names[name]).is_some(),
            "{name} was not there"
        );
    }
}

/// A stored item that a person or a later version has changed.
fn mutate(u: &mut Unstructured<'_>, mut item: Item) -> Result<Item> {
    let mut names: Vec<String> = item.keys().cloned().collect();
    names.sort();
    for _ in 0..=u.int_in_range(0..=3)? {
        let name = if u.ratio(1, 8)? {
            texts::text(u)?
        } else {
            u.choose(&names)?.clone()
        };
        if u.ratio(1, 4)? {
            item.remove(&name);
        } else {
            let value = value(u, item.get(&name))?;
            item.insert(name, value);
        }
    }
    Ok(item)
}

fn value(u: &mut Unstructured<'_>, old: Option<&AttributeValue>) -> Result<AttributeValue> {
    const NUMBERS: [&str; 12] = [
        "0",
        "-1",
        "2",
        "4294967296",
        "18446744073709551616",
        "9223372036854775808",
        "1e400",
        "1.0",
        "+5",
        "",
        "NaN",
        "007",
    ];
    Ok(match u.int_in_range(0..=7)? {
        0 => AttributeValue::N((*u.choose(&NUMBERS)?).to_owned()),
        1 => AttributeValue::N(u.arbitrary::<i64>()?.to_string()),
        2 => AttributeValue::S(texts::text(u)?),
        // A text of the right kind, cut or lengthened.
        3 => {
            let mut text = old.and_then(|old| old.as_s().ok()).cloned().unwrap_or_default();
            text.truncate(text.floor_char_boundary(u.int_in_range(0..=80)?));
            text.push_str(u.choose(&["", "#", "#high#1#2", "0", "é"])?);
            AttributeValue::S(text)
        }
        4 => AttributeValue::Bool(u.arbitrary()?),
        5 => AttributeValue::Null(true),
        6 => AttributeValue::M(HashMap::from([(
            texts::text(u)?,
            AttributeValue::S(texts::word(u, &["bounced", "delivered"])?),
        )])),
        _ => AttributeValue::B(Blob::new(u.arbitrary::<&[u8]>()?)),
    })
}

/// Every stored item is a record that can be written again, or an error.
fn read(found: &Item, shards: u16) {
    if let Ok(record) = probe::to_record(found) {
        let again = probe::from_record(&record, shards);
        check_eq!(
            Refusal,
            probe::to_record(&again),
            Ok(record),
            "a readable record can be written"
        );
    }
    if let Ok(due_email) = probe::to_due_email(found) {
        check_eq!(
            Refusal,
            SendTask::parse(&due_email.send_task.to_json()).ok(),
            Some(due_email.send_task),
            "its send task is readable"
        );
    }
    let forgotten = |millis| probe::is_forgotten(found, Timestamp::from_millis(millis));
    check!(
        Durability,
        !forgotten(0) || forgotten(i64::MAX),
        "an expired record stays expired"
    );
}
