//! Forms of the identifiers, and their derivation from idempotency keys.

use super::*;

#[test]
fn a_key_gives_the_same_id_in_its_tenant_only() {
    let (a, b) = (TenantId::main(), TenantId("other".to_owned()));
    assert_eq!(EmailId::from_key(&a, "k"), EmailId::from_key(&a, "k"));
    assert_ne!(EmailId::from_key(&a, "k"), EmailId::from_key(&b, "k"));
    let item = |key, index| EmailId::from_batch_key(&a, key, index);
    assert_ne!(item("k", 0), item("k", 1));
    assert_ne!(item("k1", 1), item("k", 11));
    assert_ne!(
        item("k", 0),
        EmailId::from_key(&a, "k"),
        "a batch's item has another id than a single email"
    );
}

#[test]
fn batches_with_one_key_share_no_id() {
    let tenant = TenantId::main();
    let mut ids = std::collections::BTreeSet::from([EmailId::from_key(&tenant, "k")]);
    for index in 0..12 {
        ids.insert(EmailId::from_batch_key(&tenant, "k", index));
        for ms in [0, 1, 11, 1_795_512_600_000] {
            let begun_at = Timestamp::from_millis(ms);
            ids.insert(EmailId::from_begun_batch(&tenant, "k", begun_at, index));
        }
    }
    assert_eq!(ids.len(), 1 + 12 + 12 * 4);
}

#[test]
fn only_the_hyphenated_form_is_read() {
    let id = EmailId::from_random([7; 16]);
    assert_eq!(EmailId::parse(&id.to_string()), Some(id));
    assert_eq!(EmailId::parse(&id.to_string().to_uppercase()), Some(id));
    for bad in ["", "x", "07070707070747078707070707070707", "../../etc/passwd"] {
        assert_eq!(EmailId::parse(bad), None, "{bad}");
    }
}

#[test]
fn shards_are_spread_and_bounded() {
    for byte in 0..=255 {
        assert!(EmailId::from_random([byte; 16]).shard(16) < 16);
    }
    assert_eq!(EmailId::from_random([9; 16]).shard(0), 0);
}

#[test]
fn queue_names_fit_into_a_url() {
    for name in ["a", "news-2", &"x".repeat(64)] {
        assert_eq!(QueueName::parse(name).map(String::from).as_deref(), Ok(name));
    }
    for name in ["", "A", "a_b", "a.b", "a/b", "ä", "a b", "a\n", &"x".repeat(65)] {
        assert_eq!(QueueName::parse(name), Err(NoQueueName), "{name}");
    }
    assert!(QueueName::default().is_default());
}
