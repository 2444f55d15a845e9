//! The stored form of a record, and the errors of unreadable items.

use domain::delivery::delivery_status::DeliveryStatus;
use domain::delivery::hook::Hook;

use super::super::samples::{at, full, record};
use super::*;

fn with_dropped_headers() -> EmailRecord {
    EmailRecord {
        dropped_headers: DroppedHeader::ALL.to_vec(),
        ..full()
    }
}

#[test]
fn records_are_read_back_unchanged() {
    for record in [record(), full(), with_dropped_headers()] {
        assert_eq!(to_record(&from_record(&record, 16)), Ok(record));
    }
}

#[test]
fn the_stored_form_does_not_change() {
    let item = from_record(&record(), 16);
    let mut stored: Vec<_> = item
        .iter()
        .map(|(name, value)| format!("{name}={}", value.as_s().or(value.as_n()).unwrap()))
        .collect();
    stored.sort();
    assert_eq!(
        stored,
        [
            "a=0",
            "b=1000",
            "c=0",
            "created_sk=000000000001000#00000000-0000-4000-8000-000000000000",
            "due_pk=check#00",
            "due_sk=000000000902000#00000000-0000-4000-8000-000000000000",
            "fn=0",
            &format!("h={}", "ab".repeat(32)),
            "l=normal",
            "n=2000",
            "o=resend",
            "p=table",
            "pk=main#00000000-0000-4000-8000-000000000000",
            "q=default",
            "r=1",
            "s=queued",
            "sk=email",
            "tenant_shard=main#00",
            "v=1",
            "x=9000000",
            "z=2048",
        ]
    );
}

/// Returns the size of an item: its names and texts in UTF-8. Two digits of a number take a byte, and its sign takes
/// another. Every number is assumed to have the digits of a current time.
///
/// Source: Amazon DynamoDB Developer Guide, "DynamoDB item sizes and formats".
#[expect(clippy::wildcard_enum_match_arm, reason = "the SDK's enum is open")]
fn size(item: &Item) -> usize {
    let value = |value: &AttributeValue| match value {
        AttributeValue::S(text) => text.len(),
        AttributeValue::N(digits) => digits.len().max(13).div_ceil(2) + 1,
        AttributeValue::Bool(_) => 1,
        AttributeValue::B(bytes) => bytes.as_ref().len(),
        AttributeValue::L(inner) => {
            3 + inner.len()
                + inner
                    .iter()
                    .filter_map(|text| text.as_s().ok())
                    .map(String::len)
                    .sum::<usize>()
        }
        AttributeValue::M(inner) => 3 + inner.len() + size(inner),
        other => panic!("no record has a {other:?}"),
    };
    item.iter().map(|(name, attribute)| name.len() + value(attribute)).sum()
}

#[test]
fn a_small_record_is_under_one_write_unit() {
    let (claim_no, message_id, at) = (1, "0100018f-x".repeat(6), at(6_000));
    let longest = EmailRecord {
        detail: Some("x".repeat(domain::limits::DETAIL_MAX)),
        sent: Some(Acceptance {
            claim_no,
            message_id,
            at,
        }),
        hook: None,
        ..full()
    };
    let size = size(&from_record(&longest, 16));
    assert!(size < 1024, "{size} bytes");
}

/// With a webhook, an email costs no more: neither when it ended unsent with all its words, nor when it was delivered.
#[test]
fn a_record_with_a_hook_fits_one_write_unit() {
    let hook = Hook::new(["someone@example.com"], Some("k".repeat(64)));
    let failed = EmailRecord {
        detail: Some("x".repeat(domain::limits::DETAIL_MAX)),
        sent: None,
        lease: None,
        uncertain_since: None,
        hook: Some(hook.clone()),
        ..full()
    };
    let recipient = "0123456789ab".to_owned();
    let words = "x".repeat(1_000);
    let said = Diagnostic::of(DeliveryStatus::Delivered, at(6_500), words, 1);
    let delivered = EmailRecord {
        outcomes: Vec::new(),
        delivery_statuses: [(recipient.clone(), DeliveryStatus::Delivered)].into(),
        diagnostics: [(recipient, said)].into(),
        cause: None,
        detail: None,
        due: None,
        lease: None,
        uncertain_since: None,
        retried_at: None,
        sent: Some(Acceptance {
            claim_no: 1,
            message_id: "0100018f-x".repeat(6),
            at: at(6_000),
        }),
        hook: Some(hook),
        ..full()
    };
    for record in [failed, delivered] {
        let size = size(&from_record(&record, 16));
        assert!(size < 1024, "{size} bytes");
    }
}

/// A typical email: accepted at the first attempt, and delivered to all recipients.
#[test]
fn a_delivery_and_its_diagnostic_fit_one_write_unit() {
    for recipients in [1_u32, 2, 5, 8, 10] {
        let names: Vec<_> = (0..recipients).map(|n| format!("{n:012x}")).collect();
        let words = "x".repeat(1_000);
        let said = |name: &String| {
            let said = Diagnostic::of(DeliveryStatus::Delivered, at(6_500), words.clone(), recipients);
            (name.clone(), said)
        };
        let delivered = EmailRecord {
            recipients,
            outcomes: Vec::new(),
            delivery_statuses: names
                .iter()
                .map(|name| (name.clone(), DeliveryStatus::Delivered))
                .collect(),
            diagnostics: names.iter().map(said).collect(),
            cause: None,
            detail: None,
            due: None,
            lease: None,
            uncertain_since: None,
            retried_at: None,
            sent: Some(Acceptance {
                claim_no: 1,
                message_id: "0100018f-x".repeat(6),
                at: at(6_000),
            }),
            hook: None,
            ..full()
        };
        let size = size(&from_record(&delivered, 16));
        assert!(size < 1024, "{size} bytes with {recipients} recipients");
    }
}

#[test]
fn a_malformed_attribute_is_named_in_the_error() {
    let whole = from_record(&with_dropped_headers(), 16);
    let required = [
        "pk", "v", "b", "q", "l", "r", "h", "p", "z", "o", "s", "n", "x", "c", "a", "fn",
    ];
    for attribute in required {
        let mut item = whole.clone();
        item.remove(attribute);
        assert_eq!(to_record(&item), Err(ItemError::Missing(attribute)));
    }
    for attribute in whole
        .keys()
        .filter(|name| !["sk", "tenant_shard", "created_sk"].contains(&name.as_str()))
    {
        for garbage in [
            AttributeValue::S("\u{0}".to_owned()),
            AttributeValue::N("1e400".to_owned()),
            AttributeValue::Null(true),
            AttributeValue::L(Vec::new()),
            AttributeValue::M(Item::from([("k".to_owned(), AttributeValue::Null(true))])),
        ] {
            let mut item = whole.clone();
            item.insert(attribute.clone(), garbage.clone());
            // Free text may be anything; every other attribute has a form.
            let free = ["h", "t", "si", "fd"].contains(&attribute.as_str()) && garbage.is_s();
            let none = attribute == "oc" && garbage.is_l();
            assert_eq!(to_record(&item).is_ok(), free || none, "{attribute}: {garbage:?}");
        }
    }
    let mut newer = whole;
    newer.extend([n("v", 2)]);
    assert_eq!(to_record(&newer), Err(ItemError::UnknownVersion(2)));
}
