//! The attributes of a record with a webhook.
//!
//! **Role:** a part of [`super::item`]. The filter of the stream for webhooks asks whether [`RECIPIENTS`] exists.

use aws_sdk_dynamodb::types::AttributeValue;
use domain::delivery::hook::{Hook, LeftOut, RecipientKey, Reschedule};
use domain::delivery::life::LifeFact;
use domain::timestamp::Timestamp;

use super::reading::{bytes, maybe, number, text};
use crate::storage::attributes::{Item, ItemError, b, n, s};

/// The recipients' keys, six bytes each.
pub(crate) const RECIPIENTS: &str = "hk";
const IDEMPOTENCY_KEY: &str = "hi";
const TURN: &str = "ht";
const SCHEDULE: &str = "hs";
const PAST: &str = "hp";
const LEFT_OUT: &str = "hl";

/// All of these attributes.
#[cfg(test)]
pub(crate) const ALL: [&str; 6] = [RECIPIENTS, IDEMPOTENCY_KEY, TURN, SCHEDULE, PAST, LEFT_OUT];

/// Returns the attributes; those with their default value are absent.
pub(super) fn attributes(hook: &Hook) -> Item {
    let keys: Vec<u8> = hook.recipients.iter().flat_map(|key| key.to_bytes()).collect();
    let mut item = Item::from([b(RECIPIENTS, &keys)]);
    item.extend(hook.idempotency_key.clone().map(|key| s(IDEMPOTENCY_KEY, key)));
    item.extend((hook.turn > 0).then(|| n(TURN, hook.turn)));
    item.extend(
        hook.schedule
            .map(|last| s(SCHEDULE, format!("{} {}", last.turn, last.at.as_millis()))),
    );
    if !hook.past.is_empty() {
        let past = hook.past.iter().filter_map(|fact| fact.to_text());
        let past = past.map(AttributeValue::S).collect();
        item.extend([(PAST.to_owned(), AttributeValue::L(past))]);
    }
    if !hook.left_out.is_empty() {
        let left_out = hook.left_out.iter().map(from_left_out).collect();
        item.extend([(LEFT_OUT.to_owned(), AttributeValue::L(left_out))]);
    }
    item
}

/// Reads the attributes; `None` without recipients.
pub(super) fn read(item: &Item) -> Result<Option<Hook>, ItemError> {
    let Some(keys) = maybe(item, RECIPIENTS, bytes)? else {
        return Ok(None);
    };
    let (keys, rest) = keys.as_chunks::<6>();
    if !rest.is_empty() {
        return Err(ItemError::Malformed(RECIPIENTS));
    }
    Ok(Some(Hook {
        recipients: keys.iter().map(|key| RecipientKey::from_bytes(*key)).collect(),
        idempotency_key: maybe(item, IDEMPOTENCY_KEY, text)?.map(str::to_owned),
        turn: maybe(item, TURN, number)?.unwrap_or(0),
        schedule: maybe(item, SCHEDULE, schedule)?,
        past: maybe(item, PAST, past)?.unwrap_or_default(),
        left_out: maybe(item, LEFT_OUT, left_out)?.unwrap_or_default(),
    }))
}

/// A claim and the keys of its recipients, as bytes.
fn from_left_out(LeftOut { claim_no, recipients }: &LeftOut) -> AttributeValue {
    let keys = recipients.iter().flat_map(|key| key.to_bytes());
    let bytes: Vec<u8> = claim_no.to_be_bytes().into_iter().chain(keys).collect();
    AttributeValue::B(bytes.into())
}

fn left_out(item: &Item, attribute: &'static str) -> Result<Vec<LeftOut>, ItemError> {
    let Some(AttributeValue::L(claims)) = item.get(attribute) else {
        return Err(ItemError::Malformed(attribute));
    };
    let claim = |value: &AttributeValue| {
        let bytes: &[u8] = value.as_b().ok()?.as_ref();
        let (claim_no, keys) = bytes.split_first_chunk::<4>()?;
        let (keys, rest) = keys.as_chunks::<6>();
        rest.is_empty().then(|| LeftOut {
            claim_no: u32::from_be_bytes(*claim_no),
            recipients: keys.iter().map(|key| RecipientKey::from_bytes(*key)).collect(),
        })
    };
    claims
        .iter()
        .map(claim)
        .collect::<Option<_>>()
        .ok_or(ItemError::Malformed(attribute))
}

fn schedule(item: &Item, attribute: &'static str) -> Result<Reschedule, ItemError> {
    let read = || {
        let (turn, at) = text(item, attribute).ok()?.split_once(' ')?;
        Some(Reschedule {
            turn: turn.parse().ok()?,
            at: Timestamp::from_millis(at.parse().ok()?),
        })
    };
    read().ok_or(ItemError::Malformed(attribute))
}

fn past(item: &Item, attribute: &'static str) -> Result<Vec<LifeFact>, ItemError> {
    let Some(AttributeValue::L(past)) = item.get(attribute) else {
        return Err(ItemError::Malformed(attribute));
    };
    let fact = |value: &AttributeValue| LifeFact::from_text(value.as_s().ok()?);
    past.iter()
        .map(fact)
        .collect::<Option<_>>()
        .ok_or(ItemError::Malformed(attribute))
}

#[cfg(test)]
mod tests {
    use domain::delivery::life::{End, LifeKind};
    use domain::delivery::record::EmailRecord;

    use super::super::item;
    use super::super::samples::{at, full, record};
    use super::*;

    fn hook() -> Hook {
        let kind = LifeKind::Ended {
            end: End::Failed,
            claim_no: 2,
            turn: 1,
            cause: None,
        };
        Hook {
            turn: 2,
            schedule: Some(Reschedule { turn: 2, at: at(7) }),
            past: vec![LifeFact { kind, at: at(5) }],
            left_out: vec![LeftOut {
                claim_no: 3,
                recipients: vec![RecipientKey::of("b@x.example")],
            }],
            ..Hook::new(["a@x.example", "b@x.example"], Some("key".to_owned()))
        }
    }

    #[test]
    fn a_hook_is_read_as_it_was_written() {
        for hook in [None, Some(Hook::new(["a@x.example"], None)), Some(hook())] {
            let record = EmailRecord { hook, ..full() };
            assert_eq!(item::to_record(&item::from_record(&record, 16)), Ok(record));
        }
    }

    #[test]
    fn a_record_without_a_hook_has_no_new_attribute() {
        let plain = item::from_record(&record(), 16);
        assert!(ALL.iter().all(|name| !plain.contains_key(*name)));
        let hooked = item::from_record(
            &EmailRecord {
                hook: Some(hook()),
                ..record()
            },
            16,
        );
        assert!(ALL.iter().all(|name| hooked.contains_key(*name)));
    }

    #[test]
    fn an_unreadable_hook_names_its_attribute() {
        let hooked = item::from_record(
            &EmailRecord {
                hook: Some(hook()),
                ..record()
            },
            16,
        );
        for (name, value) in [
            (RECIPIENTS, AttributeValue::B(vec![1, 2].into())),
            (SCHEDULE, AttributeValue::S("x".to_owned())),
            (PAST, AttributeValue::L(vec![AttributeValue::S("x".to_owned())])),
            (
                LEFT_OUT,
                AttributeValue::L(vec![AttributeValue::B(vec![0, 0, 0, 1, 2].into())]),
            ),
            (TURN, AttributeValue::S("1".to_owned())),
        ] {
            let mut bad = hooked.clone();
            bad.insert(name.to_owned(), value);
            assert_eq!(item::to_record(&bad), Err(ItemError::Malformed(name)));
        }
    }
}
