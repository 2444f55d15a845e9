use std::collections::BTreeMap;

use domain::delivery::delivery_status::DeliveryStatus;
use domain::delivery::record::{Due, DueKind, EmailRecord, RecordStatus};
use serde_json::{Value, json};

use super::*;
use crate::runtime::replay::dynamodb_json;
use crate::storage::records::samples::{at, full, record};
use crate::storage::table::keys;

/// Returns the stream record of a write of an email's record.
fn stream_record(before: Option<&EmailRecord>, after: Option<&EmailRecord>) -> Value {
    let image = |record: Option<&EmailRecord>| record.map(|record| dynamodb_json(&item::from_record(record, 16)));
    let some = before.or(after).unwrap();
    let mut change = json!({
        "ApproximateCreationDateTime": 1_795_514_390,
        "Keys": {"pk": {"S": keys::email_pk(&some.email_key())}, "sk": {"S": "email"}},
        "SequenceNumber": "4421584500000000017450439091",
        "SizeBytes": 26,
        "StreamViewType": "NEW_AND_OLD_IMAGES",
    });
    for (name, image) in [("OldImage", image(before)), ("NewImage", image(after))] {
        if let Some(image) = image {
            change[name] = image;
        }
    }
    json!({"eventID": "1", "eventName": "MODIFY", "eventSource": "aws:dynamodb", "dynamodb": change})
}

fn read_change(stream_record: &Value) -> Change {
    read(stream_record).unwrap().expect("it concerns a record")
}

#[test]
fn a_write_of_a_record_is_a_change() {
    let (before, after) = (record(), full());
    let change = read_change(&stream_record(Some(&before), Some(&after)));
    assert_eq!(change.key, after.email_key());
    assert_eq!(change.at, Timestamp::from_millis(1_795_514_390_000));
    let counted = change.after.unwrap();
    assert_eq!(
        (counted.born, counted.status, counted.cause),
        (after.born, after.status, after.cause)
    );
    assert_eq!(
        (counted.queue, counted.recipients),
        (after.queue.to_string(), after.recipients)
    );
    assert_eq!(
        (counted.scheduled, counted.tried),
        (after.scheduled_at.is_some(), after.claim_no > 0)
    );
    assert_eq!(
        (counted.delivery_statuses, counted.opened_at),
        (after.delivery_statuses.clone(), after.opened_at)
    );
    assert!(change.before.is_some_and(|before| !before.tried));
    let created = read_change(&stream_record(None, Some(&before)));
    assert!(created.before.is_none() && created.after.is_some());
    let gone = read_change(&stream_record(Some(&before), None));
    assert!(gone.before.is_some() && gone.after.is_none());
}

#[test]
fn other_items_are_ignored() {
    let mut body = stream_record(None, Some(&record()));
    body["dynamodb"]["Keys"]["sk"] = json!({"S": "body#00"});
    assert_eq!(read(&body).unwrap(), None);
    assert_eq!(read(&json!({"dynamodb": {"Keys": {}}})).unwrap(), None);
    assert_eq!(read(&json!(5)).unwrap(), None);
}

#[test]
fn values_of_a_newer_version_are_tolerated() {
    let mut stream_record = stream_record(None, Some(&full()));
    for (partition, held) in [
        ("held#main#news#03", true),
        ("ended#03", false),
        ("later#1", false),
        ("wake#01", false),
    ] {
        let image = &mut stream_record["dynamodb"]["NewImage"];
        image["due_pk"] = json!({"S": partition});
        image["e"] = json!({"S": "a_cause_of_tomorrow"});
        image["f"] = json!({"M": {"a": {"S": "a_fate_of_tomorrow"}, "b": {"S": "delivered"}}});
        image["new"] = json!({"NULL": true});
        image["list"] = json!({"L": []});
        let counted = read_change(&stream_record).after.unwrap();
        assert_eq!((counted.held, counted.cause), (held, None), "{partition}");
        assert_eq!(
            counted.delivery_statuses,
            BTreeMap::from([("b".to_owned(), DeliveryStatus::Delivered)])
        );
    }
}

#[test]
fn a_tombstone_is_no_record() {
    let mut erased = stream_record(Some(&record()), Some(&record()));
    erased["dynamodb"]["NewImage"] = json!({"pk": {"S": "x"}, "sk": {"S": "email"}, "ttl": {"N": "9"}});
    let change = read_change(&erased);
    assert!(change.before.is_some() && change.after.is_none());
}

#[test]
fn an_unreadable_record_is_an_error_without_values() {
    for (attribute, value) in [
        ("s", json!({"S": "secret"})),
        ("r", json!({"N": "secret"})),
        ("q", json!({"N": "1"})),
        ("b", json!({"S": "secret"})),
    ] {
        let mut stream_record = stream_record(None, Some(&record()));
        stream_record["dynamodb"]["NewImage"][attribute] = value;
        let error = crate::runtime::telemetry::chain(&read(&stream_record).unwrap_err());
        assert!(
            error.contains(&format!("attribute {attribute}")) && !error.contains("secret"),
            "{error}"
        );
    }
    for gone in ["SequenceNumber", "ApproximateCreationDateTime"] {
        let mut stream_record = stream_record(None, Some(&record()));
        stream_record["dynamodb"].as_object_mut().unwrap().remove(gone);
        assert!(read(&stream_record).is_err(), "{gone}");
        assert_eq!(sequence_number(&stream_record) == "none", gone == "SequenceNumber");
    }
}

#[test]
fn a_bad_sequence_number_is_explained() {
    let mut stream_record = stream_record(None, Some(&record()));
    let mut read_number = |number: Value| {
        stream_record["dynamodb"]["SequenceNumber"] = number;
        read(&stream_record).map(drop).map_err(|error| error.to_string())
    };
    assert_eq!(read_number("1".repeat(56).into()), Ok(()));
    assert_eq!(
        read_number("1".repeat(65).into()).unwrap_err(),
        "a record of the stream has a sequence number that is not 1 to 64 digits"
    );
    assert_eq!(
        read_number(Value::Null).unwrap_err(),
        "a record of the stream has no sequence number"
    );
}

#[test]
fn the_times_of_lambda_are_read() {
    for (text, millis_of) in [
        ("1795514390", Some(1_795_514_390_000)),
        ("1795514390.0", Some(1_795_514_390_000)),
        ("1795514390.25", Some(1_795_514_390_250)),
        ("1.79551439E9", Some(1_795_514_390_000)),
        ("1.795514390125E9", Some(1_795_514_390_125)),
        ("null", None),
        ("\"1795514390\"", None),
        ("1e99", None),
        ("1e-9", None),
    ] {
        assert_eq!(millis(text).map(Timestamp::as_millis), millis_of, "{text}");
    }
}

#[test]
fn the_index_decides_where_a_record_waits() {
    let waits = EmailRecord {
        due: Some(Due {
            kind: DueKind::Check,
            at: at(5),
        }),
        status: RecordStatus::Queued,
        ..record()
    };
    assert!(!read_change(&stream_record(None, Some(&waits))).after.unwrap().held);
}
