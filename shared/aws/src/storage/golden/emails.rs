//! The record of an email in each status, its tombstone and its content.

use std::collections::BTreeMap;

use domain::delivery::hook::{Hook, Reschedule};
use domain::delivery::record::{BodyPlace, Due, DueKind, EmailRecord, RecordStatus};
use domain::ports::erasure::Tombstones;
use domain::ports::{Bodies, EmailRecords, Packed};

use super::queues::news;
use super::{Golden, written_items};
use crate::runtime::replay::Replay;
use crate::runtime::settings::BucketSettings;
use crate::storage::attributes::name;
use crate::storage::bodies::BodyStore;
use crate::storage::records::samples::{at, full, record};

/// Returns a record in each status, and one in each place where records wait.
fn records() -> Vec<(String, EmailRecord)> {
    let due = |kind| Some(Due { kind, at: at(7_000) });
    let mut records = vec![("accepted".to_owned(), record()), ("everything".to_owned(), full())];
    for &status in RecordStatus::ALL {
        let due = match status {
            RecordStatus::Sent => None,
            RecordStatus::Queued | RecordStatus::Sending | RecordStatus::Failing | RecordStatus::Uncertain => {
                due(DueKind::Check)
            }
            RecordStatus::Failed | RecordStatus::Unknown | RecordStatus::Canceled | RecordStatus::Expired => {
                due(DueKind::Ended)
            }
        };
        let lease = full().lease.filter(|_| status == RecordStatus::Sending);
        let record = EmailRecord {
            status,
            due,
            lease,
            ..full()
        };
        records.push((name(&status), record));
    }
    for kind in [DueKind::Held, DueKind::RateLimited] {
        let record = EmailRecord {
            queue: news().name,
            due: due(kind),
            ..record()
        };
        records.push((name(&kind), record));
    }
    let hook = Hook {
        turn: 1,
        schedule: Some(Reschedule { turn: 1, at: at(1_500) }),
        ..Hook::new(["ann@example.com"], Some("key".to_owned()))
    };
    let hooked = EmailRecord {
        hook: Some(hook),
        ..record()
    };
    records.push(("hooked".to_owned(), hooked));
    records
}

#[tokio::test]
async fn records_in_every_status_are_read_and_written() {
    let mut golden = Golden::of("email");
    for (name, record) in records() {
        let stored = written_items(async |replay| {
            replay.table(16).create(&record, at(1_000)).await.unwrap();
        });
        golden.check(&name, &stored.await.only());
        let load = async |replay: Replay| {
            let loaded = replay.table(16).load(&record.email_key(), at(1_000)).await;
            loaded.unwrap().unwrap()
        };
        assert_eq!(load(golden.today(&name)).await, record, "{name}");
        // Slots of a rate limit and webhooks are newer.
        if !["paced", "hooked"].contains(&name.as_str()) {
            let old = EmailRecord {
                batch: None,
                generation: None,
                key: None,
                from_domain: None,
                facts: BTreeMap::new(),
                hook: None,
                ..record.clone()
            };
            assert_eq!(load(golden.old(&name)).await, old, "{name}");
        }
    }
    golden.assert_complete();
}

#[tokio::test]
async fn tombstones_are_read_and_written() {
    let mut golden = Golden::of("tombstone");
    let stored = written_items(async |replay| {
        replay
            .table(16)
            .replace_with_tombstone(&record(), at(1_000))
            .await
            .unwrap();
    });
    golden.check("erased", &stored.await.only());
    for replay in [golden.today("erased"), golden.old("erased")] {
        let tombstone = replay.table(16).tombstone(&record().email_key(), at(1_000)).await;
        assert_eq!(tombstone.unwrap(), Some(record().body.sha256));
    }
    golden.assert_complete();
}

#[tokio::test]
async fn contents_are_read_and_written() {
    fn store(replay: &Replay) -> BodyStore {
        let settings = BucketSettings {
            bucket: "contents".to_owned(),
        };
        BodyStore::new(replay.table(16), replay.clients().s3(), &settings)
    }
    let mut golden = Golden::of("content");
    let (key, body) = (record().email_key(), record().body);
    let stored = written_items(async |replay| {
        let store = store(replay);
        let packed = store.pack(b"content").unwrap();
        assert_eq!(packed.place, BodyPlace::Table);
        let Packed { place, bytes } = packed;
        let put = store.put(&key, &body, Packed { place, bytes }, at(9_000), at(1_000));
        put.await.unwrap();
    });
    golden.check("small", &stored.await.only());
    for replay in [golden.today("small"), golden.old("small")] {
        let store = store(&replay);
        assert_eq!(store.load(&key, &body).await.unwrap().as_deref(), Some(&b"content"[..]));
        let near = store.load_near(&key).await.unwrap();
        assert_eq!(near, BTreeMap::from([(body.sha256.clone(), b"content".to_vec())]));
    }
    golden.assert_complete();
}
