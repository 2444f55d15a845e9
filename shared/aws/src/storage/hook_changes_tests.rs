//! Changes that lead to events, from records of the table's stream.

use domain::delivery::hook::Hook;
use domain::delivery::record::EmailRecord;
use domain::id::{DomainId, EmailId, TenantId};
use domain::tenant::domains::SendingDomain;
use domain::tenant::domains::name::DomainName;
use serde_json::json;

use super::*;
use crate::runtime::replay::dynamodb_json;
use crate::storage::records::item::from_record;
use crate::storage::records::samples::{at, full, record};

fn stream_record(pk: &str, sk: &str, before: Option<Value>, after: Option<Value>) -> Value {
    let mut change = json!({
        "Keys": {"pk": {"S": pk}, "sk": {"S": sk}},
        "SequenceNumber": "4421584500000000017450439091",
    });
    for (name, image) in [("OldImage", before), ("NewImage", after)] {
        if let Some(image) = image {
            change[name] = image;
        }
    }
    json!({"eventName": "MODIFY", "dynamodb": change})
}

/// Every attribute of a record is read, also its binary ones and lists.
#[test]
fn a_record_is_read_whole() {
    let hooked = EmailRecord {
        hook: Some(Hook::new(["a@x.example", "b@x.example"], Some("key".to_owned()))),
        ..full()
    };
    let image = |record: &EmailRecord| Some(dynamodb_json(&from_record(record, 16)));
    let pk = keys::email_pk(&hooked.email_key());
    let change = read(&stream_record(&pk, "email", image(&record()), image(&hooked))).unwrap();
    let expected = HookChange::Email {
        key: hooked.email_key(),
        before: Some(Box::new(record())),
        after: Some(Box::new(hooked)),
    };
    assert_eq!(change, Some(expected));
}

#[test]
fn a_tombstone_is_a_missing_record() {
    let pk = keys::email_pk(&record().email_key());
    let image = Some(dynamodb_json(&from_record(&record(), 16)));
    let tombstone = Some(json!({"pk": {"S": pk}, "sk": {"S": "email"}, "v": {"N": "1"}, "er": {"S": "ab"}}));
    let Some(HookChange::Email { before, after, .. }) = read(&stream_record(&pk, "email", image, tombstone)).unwrap()
    else {
        panic!("a change of an email")
    };
    assert!(before.is_some() && after.is_none());
}

#[test]
fn a_deleted_fact_tells_nothing() {
    let pk = keys::email_pk(&record().email_key());
    let image = Some(json!({"b": {"N": "1"}, "j": {"S": "{}"}, "ttl": {"N": "1"}}));
    assert_eq!(read(&stream_record(&pk, "fact#01", image.clone(), None)).unwrap(), None);
    assert!(
        read(&stream_record(&pk, "fact#01", None, image)).is_err(),
        "no fact of ours"
    );
}

#[test]
fn a_deleted_domain_has_its_former_state() {
    let id = DomainId::of(EmailId::from_random([7; 16]));
    let name = DomainName::parse("shop.example.com").unwrap();
    let domain = SendingDomain::new(id, TenantId::main(), name, "send".to_owned(), at(1)).leaving(at(9));
    let image = json!({
        "pk": {"S": "domains"}, "sk": {"S": "com.example.shop"}, "id": {"S": id.to_string()}, "tenant": {"S": "main"},
        "return_path": {"S": "send"}, "created_at": {"N": "1"}, "changed_at": {"N": "9"}, "hk": {"BOOL": true},
        "status": {"S": "not_started"}, "verification": {"S": "never"}, "waits_since": {"N": "1"},
        "next_check": {"N": domain.next_check.unwrap().as_millis().to_string()}, "no": {"N": "2"},
        "tenant_shard": {"S": "main#domains"}, "created_sk": {"S": "x"},
    });
    let change = read(&stream_record("domains", "com.example.shop", Some(image), None)).unwrap();
    let expected = HookChange::Domain {
        tenant: TenantId::main(),
        id,
        before: Some(Box::new(domain)),
        after: None,
    };
    assert_eq!(change, Some(expected));
    for sk in ["registry#", "id#x"] {
        assert_eq!(
            read(&stream_record("domains", sk, None, Some(json!({"a": {"S": "b"}})))).unwrap(),
            None
        );
    }
}

#[test]
fn other_items_are_left_out() {
    for (pk, sk) in [
        ("main#queues", "queue#news"),
        ("main#hooks", "hook#x"),
        ("warm", "warm"),
    ] {
        assert_eq!(
            read(&stream_record(pk, sk, None, Some(json!({"a": {"S": "b"}})))).unwrap(),
            None,
            "{sk}"
        );
    }
}

#[test]
fn a_job_is_told_when_it_is_written() {
    let id = EmailId::from_random([3; 16]);
    let written = Some(json!({"hk": {"BOOL": true}}));
    let change = read(&stream_record("main#hooks", &format!("hookjob#{id}"), None, written)).unwrap();
    let tenant = TenantId::main();
    assert_eq!(change, Some(HookChange::Job { tenant, id }));
}
