//! Filters of the list, in the in-memory backend: results, and the number of reads.
#![expect(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "a failing test panics with its reason"
)]

use std::time::Duration;

use crate::common::{ask, read};
use domain::api::requests;
use domain::delivery::cause::Cause;
use domain::delivery::record::{EmailRecord, RecordStatus};
use domain::id::{EmailId, EmailKey, QueueName, TenantId};
use domain::message::email::EmailContent;
use domain::reporting::listing::Place;
use manage::search::{CONTENTS_MAX, RECORDS_MAX};
use memory::samples::{self, BORN};
use memory::{Fault, MemoryBackend};
use serde_json::{Value, json};

fn event(query: &str) -> Value {
    samples::event(samples::API_KEY, "GET", &format!("/emails?{query}"), "")
}

/// Returns the ids of a page, and the start of the next one.
fn found((status, page): (u16, Value)) -> (Vec<String>, Option<String>) {
    assert_eq!(status, 200, "{page}");
    let text = |value: &Value| value.as_str().map(str::to_owned);
    let ids = page["data"].as_array().unwrap().iter();
    let next = text(&page["next"]);
    assert_eq!(page["has_more"], next.is_some(), "{page}");
    (ids.map(|item| text(&item["id"]).unwrap()).collect(), next)
}

async fn search(backend: &MemoryBackend, query: &str) -> (Vec<String>, Option<String>) {
    found(read(&ask(backend, &event(query)).await))
}

fn email(more: Value) -> EmailContent {
    let mut body = json!({"from": "Shop <shop@example.com>", "to": "b@example.com", "subject": "s", "text": "t"});
    if let (Some(body), Value::Object(more)) = (body.as_object_mut(), more) {
        body.extend(more);
    }
    requests::parse_email(body.to_string().as_bytes()).unwrap().email
}

/// Stores an email that was accepted this many seconds after the first.
fn store(backend: &MemoryBackend, n: u16, email: &EmailContent, change: impl FnOnce(&mut EmailRecord)) -> String {
    let id = EmailId::from_batch_key(&TenantId::main(), "searched", usize::from(n));
    let key = EmailKey {
        tenant: TenantId::main(),
        id,
    };
    let mut record = EmailRecord {
        id,
        born: BORN.after(Duration::from_secs(n.into())),
        ..samples::record(1, email)
    };
    change(&mut record);
    let mut state = backend.state();
    state.bodies.insert((key.clone(), email.hash()), email.to_body());
    state.records.insert(key, record);
    id.to_string()
}

#[tokio::test]
async fn each_filter_finds_only_matching_emails() {
    let backend = samples::backend(0).unwrap();
    let plain = email(json!({}));
    let tagged = email(json!({"tags": [{"name": "campaign", "value": "spring"}]}));
    let copied = email(json!({"cc": ["C@Example.com"], "bcc": ["d+x@example.com", "\"Two words\"@example.com"]}));
    let other = email(json!({"from": "news@example.com"}));
    let failed = |record: &mut EmailRecord| {
        (record.status, record.cause) = (RecordStatus::Failed, Some(Cause::Rejected));
        record.due = None;
    };
    let held = |record: &mut EmailRecord| record.queue = QueueName::parse("bulk").unwrap();
    let ids = [
        store(&backend, 0, &plain, |_| ()),
        store(&backend, 1, &tagged, |_| ()),
        store(&backend, 2, &copied, |_| ()),
        store(&backend, 3, &other, |_| ()),
        store(&backend, 4, &plain, failed),
        store(&backend, 5, &plain, held),
    ];
    let at = |seconds: u64| {
        let time = BORN.after(Duration::from_secs(seconds)).to_string();
        time.replace(':', "%3A")
    };
    for (query, expected) in [
        ("status=failed".to_owned(), &[4][..]),
        ("status=queued".to_owned(), &[5, 3, 2, 1, 0]),
        ("status=sent".to_owned(), &[]),
        ("cause=rejected".to_owned(), &[4]),
        ("cause=throttled".to_owned(), &[]),
        ("queue=bulk".to_owned(), &[5]),
        ("queue=default".to_owned(), &[4, 3, 2, 1, 0]),
        ("queue=none-such".to_owned(), &[]),
        ("tag=campaign".to_owned(), &[1]),
        ("tag=campaign:spring".to_owned(), &[1]),
        ("tag=campaign:autumn".to_owned(), &[]),
        ("tag=spring".to_owned(), &[]),
        ("from=news@example.com".to_owned(), &[3]),
        ("from=SHOP@example.com".to_owned(), &[5, 4, 2, 1, 0]),
        ("to=b@example.com".to_owned(), &[5, 4, 3, 2, 1, 0]),
        ("to=c@example.com".to_owned(), &[2]),
        ("to=D+x@example.com".to_owned(), &[2]),
        ("to=d%2Bx@example.com".to_owned(), &[2]),
        ("to=%22two%20Words%22@example.com".to_owned(), &[2]),
        ("to=shop@example.com".to_owned(), &[]),
        (format!("since={}", at(4)), &[5, 4]),
        (format!("until={}", at(2)), &[1, 0]),
        (format!("since={}&until={}", at(1), at(3)), &[2, 1]),
        (format!("since={}", at(6)), &[]),
        (format!("until={}", at(0)), &[]),
        ("status=queued&queue=default&from=news@example.com".to_owned(), &[3]),
        ("status=failed&tag=campaign".to_owned(), &[]),
    ] {
        let expected = expected.iter().map(|n: &usize| ids[*n].clone()).collect();
        assert_eq!(search(&backend, &query).await, (expected, None), "{query}");
    }
}

#[tokio::test]
async fn pages_of_a_filter_meet_in_both_directions() {
    let backend = samples::backend(0).unwrap();
    let plain = email(json!({}));
    let mut expected = Vec::new();
    for n in 0..40 {
        let id = store(&backend, n, &plain, |record| {
            if n % 3 == 0 {
                record.queue = QueueName::parse("bulk").unwrap();
            }
        });
        if n % 3 == 0 {
            expected.insert(0, id);
        }
    }
    for limit in [1, 4, 13, 14] {
        let (mut seen, mut query) = (Vec::new(), format!("queue=bulk&limit={limit}"));
        loop {
            let (ids, next) = search(&backend, &query).await;
            assert!(ids.len() <= limit);
            seen.extend(ids);
            let Some(next) = next else { break };
            query = format!("queue=bulk&limit={limit}&after={next}");
        }
        assert_eq!(seen, expected, "{limit}");

        let oldest = expected.last().unwrap().clone();
        let (mut seen, mut cursor) = (vec![oldest.clone()], oldest);
        loop {
            let (ids, next) = search(&backend, &format!("queue=bulk&limit={limit}&before={cursor}")).await;
            seen.splice(0..0, ids);
            let Some(next) = next else { break };
            cursor = next;
        }
        assert_eq!(seen, expected, "{limit}");
    }
}

fn calls(backend: &MemoryBackend, what: &str) -> usize {
    backend.state().calls.iter().filter(|call| **call == what).count()
}

#[tokio::test]
async fn a_page_reads_a_bounded_number_and_continues() {
    let backend = samples::backend(0).unwrap();
    let plain = email(json!({}));
    let count = u16::try_from(RECORDS_MAX).unwrap() * 2 + 300;
    for n in 0..count {
        store(&backend, n, &plain, |_| ());
    }
    for (query, looked_at, contents) in [
        // By the record alone: no content is read.
        ("status=failed", RECORDS_MAX, 0),
        // By the content: at most a few contents are read without being examined.
        ("tag=none-such", CONTENTS_MAX, CONTENTS_MAX + 8),
    ] {
        let (mut pages, mut from) = (0, String::new());
        loop {
            backend.state().calls.clear();
            let (ids, next) = search(&backend, &format!("{query}{from}")).await;
            assert!(ids.is_empty(), "{query}: {ids:?}");
            let read = ["load_body", "places"].map(|what| calls(&backend, what));
            assert!(read[0] <= contents && read[1] <= 5, "{query}: {read:?}");
            pages += 1;
            let Some(next) = next else { break };
            from = format!("&after={next}");
        }
        assert_eq!(pages, usize::from(count).div_ceil(looked_at), "{query}");
    }
}

#[tokio::test]
async fn emails_outside_the_period_are_not_read() {
    let backend = samples::backend(0).unwrap();
    let plain = email(json!({}));
    let ids: Vec<_> = (0..1500).map(|n| store(&backend, n, &plain, |_| ())).collect();
    let at = |seconds: u64| BORN.after(Duration::from_secs(seconds)).to_string();
    // The oldest emails fit into one page: newer ones are skipped.
    let query = format!("status=queued&limit=3&until={}", at(2));
    assert_eq!(
        search(&backend, &query).await,
        (vec![ids[1].clone(), ids[0].clone()], None)
    );
    // Only the newest email is in the period: older ones are not read.
    let query = format!("status=queued&since={}", at(1499));
    assert_eq!(search(&backend, &query).await, (vec![ids[1499].clone()], None));
    let query = format!("status=queued&until={}&before={}", at(4), ids[1]);
    assert_eq!(
        search(&backend, &query).await,
        (vec![ids[3].clone(), ids[2].clone()], None)
    );
}

#[tokio::test]
async fn missing_emails_end_no_page_early() {
    let backend = samples::backend(0).unwrap();
    let plain = email(json!({}));
    let ids = [store(&backend, 0, &plain, |_| ()), store(&backend, 900, &plain, |_| ())];
    let gone = |n: usize| Place {
        born: BORN.after(Duration::from_secs(100)),
        id: EmailId::from_batch_key(&TenantId::main(), "gone", n),
    };
    backend.state().forgotten = (0..600).map(gone).collect();
    let (found, next) = search(&backend, "status=queued").await;
    assert_eq!((found, next), (vec![ids[1].clone(), ids[0].clone()], None));
    backend.state().forgotten = (0..5_000).map(gone).collect();
    backend.state().calls.clear();
    assert_eq!(search(&backend, "status=queued").await, (vec![ids[1].clone()], None));
    assert!(calls(&backend, "places") <= 5);
}

#[tokio::test]
async fn an_unreadable_email_is_no_mismatch() {
    let backend = samples::backend(0).unwrap();
    let id = store(&backend, 0, &email(json!({})), |_| ());
    for (query, expected) in [("to=b@example.com", 500), ("status=queued", 200)] {
        backend.state().faults_of.insert("load_body", [Fault::Before].into());
        let (status, page) = read(&ask(&backend, &event(query)).await);
        assert_eq!(status, expected, "{page}");
        if status == 200 {
            assert_eq!(page["data"][0]["id"], *id, "the email is shown without its content");
        }
    }
}
