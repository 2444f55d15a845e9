//! Pages of the list, over several shards, in the in-memory backend.
#![expect(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "a failing test panics with its reason"
)]

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use crate::common::{ask, authenticator, manage, read};
use aws::http::auth::Network;
use domain::delivery::record::{BodyRef, EmailRecord};
use domain::id::{AttachmentId, EmailId, EmailKey, TenantId, UploadId};
use domain::message::attachment::{Attachment, Upload, Uploaded};
use domain::ports::erasure::Erasing;
use domain::ports::{Bodies, Download, Files, Invitation, Packed, PortError, Put};
use domain::reporting::listing::Place;
use domain::tenant::key::Action;
use domain::timestamp::Timestamp;
use lambda_http::http::{HeaderMap, HeaderValue};
use manage::paging::EmailPage;
use memory::{MemoryBackend, samples};
use serde_json::Value;

/// Returns a backend with emails that were accepted this many seconds after the first.
fn backend(seconds: &[(u8, u64)]) -> MemoryBackend {
    let backend = samples::backend(0).unwrap();
    let email = samples::email().unwrap();
    for (n, secs) in seconds {
        let record = EmailRecord {
            born: samples::BORN.after(Duration::from_secs(*secs)),
            ..samples::record(*n, &email)
        };
        backend.state().records.insert(samples::key(*n), record);
    }
    backend
}

/// Returns a place without an email, this many seconds after the first email.
fn gone(secs: u64, index: usize) -> Place {
    let id = EmailId::from_batch_key(&TenantId::main(), "gone", index);
    Place {
        born: samples::BORN.after(Duration::from_secs(secs)),
        id,
    }
}

async fn page(backend: &MemoryBackend, query: &str) -> (u16, Value) {
    let event = samples::event(samples::API_KEY, "GET", &format!("/emails?{query}"), "");
    read(&ask(backend, &event).await)
}

/// Returns the samples on a page, and whether there are more.
async fn shown(backend: &MemoryBackend, query: &str) -> (Vec<u8>, bool) {
    let (status, page) = page(backend, query).await;
    assert_eq!(status, 200, "{query}: {page}");
    let id = |item: &Value| {
        item["id"]
            .as_str()
            .and_then(|id| u8::from_str_radix(id.get(..2)?, 16).ok())
    };
    let ids = page["data"]
        .as_array()
        .unwrap()
        .iter()
        .map(|item| id(item).unwrap())
        .collect();
    (ids, page["has_more"].as_bool().unwrap())
}

#[tokio::test]
async fn the_newest_of_all_shards_come_first() {
    let backend = backend(&[(1, 30), (2, 10), (3, 50), (4, 20), (5, 40), (9, 60)]);
    assert_eq!(shown(&backend, "").await, (vec![9, 3, 5, 1, 4, 2], false));
    for (limit, has_more) in [(1, true), (5, true), (6, false), (7, false)] {
        let expected = [9, 3, 5, 1, 4, 2].into_iter().take(limit).collect();
        assert_eq!(
            shown(&backend, &format!("limit={limit}")).await,
            (expected, has_more),
            "{limit}"
        );
    }
    assert_eq!(shown(&samples::backend(0).unwrap(), "").await, (vec![], false));
}

#[tokio::test]
async fn pages_meet_without_gap_or_overlap() {
    // All but two were accepted in the same millisecond.
    let backend = backend(&[(1, 0), (2, 5), (3, 5), (4, 5), (5, 5), (6, 5), (7, 5), (8, 9)]);
    let all = [8, 7, 6, 5, 4, 3, 2, 1];
    for limit in 1..=9 {
        let (mut seen, mut query) = (Vec::<u8>::new(), format!("limit={limit}"));
        loop {
            let (ids, has_more) = shown(&backend, &query).await;
            seen.extend(&ids);
            assert_eq!(has_more, seen.len() < all.len(), "{limit}: {seen:?}");
            let Some(last) = ids.last().filter(|_| has_more) else {
                break;
            };
            query = format!("limit={limit}&after={}", samples::id(*last));
        }
        assert_eq!(seen, all, "{limit}");

        let (mut seen, mut first) = (vec![1_u8], 1);
        loop {
            let (ids, has_more) = shown(&backend, &format!("limit={limit}&before={}", samples::id(first))).await;
            seen.splice(0..0, ids.iter().copied());
            assert_eq!(has_more, seen.len() < all.len(), "{limit}: {seen:?}");
            let Some(next) = ids.first().filter(|_| has_more) else {
                break;
            };
            first = *next;
        }
        assert_eq!(seen, all, "{limit}");
    }
}

#[tokio::test]
async fn new_emails_move_no_page() {
    let backend = backend(&[(1, 1), (2, 2), (3, 3), (4, 4)]);
    assert_eq!(shown(&backend, "limit=2").await, (vec![4, 3], true));
    let newer = EmailRecord {
        born: samples::BORN.after(Duration::from_secs(5)),
        ..backend.record(&samples::key(4)).unwrap()
    };
    backend.state().records.insert(
        samples::key(5),
        EmailRecord {
            id: samples::id(5),
            ..newer
        },
    );
    assert_eq!(
        shown(&backend, &format!("limit=2&after={}", samples::id(3))).await,
        (vec![2, 1], false)
    );
    assert_eq!(
        shown(&backend, &format!("before={}", samples::id(4))).await,
        (vec![5], false)
    );
}

#[tokio::test]
async fn a_foreign_cursor_is_refused() {
    let backend = backend(&[(1, 1)]);
    samples::store_for(&backend, TenantId::parse("other").unwrap(), 7).unwrap();
    for (parameter, n) in [("after", 9), ("before", 9), ("after", 7)] {
        let (status, body) = page(&backend, &format!("{parameter}={}", samples::id(n))).await;
        assert_eq!(
            (status, &body["name"]),
            (422, &"validation_error".into()),
            "{parameter} {n}"
        );
        assert!(
            body["message"].as_str().unwrap().starts_with(&format!("{parameter}: ")),
            "{body}"
        );
    }
    assert_eq!(
        shown(&backend, "").await,
        (vec![1], false),
        "the other tenant's email is not in the caller's list"
    );
}

#[tokio::test]
async fn missing_records_do_not_end_the_list() {
    let backend = backend(&[(1, 1), (2, 2), (3, 900), (4, 901)]);
    backend.state().forgotten = (0..300).map(|n| gone(100 + n, usize::try_from(n).unwrap())).collect();
    assert_eq!(shown(&backend, "limit=3").await, (vec![4, 3, 2], true));
    assert_eq!(shown(&backend, "limit=4").await, (vec![4, 3, 2, 1], false));
    assert_eq!(
        shown(&backend, &format!("limit=1&before={}", samples::id(2))).await,
        (vec![3], true)
    );
    // Only missing emails are left: there is nothing more.
    backend.state().records.retain(|key, _| *key == samples::key(4));
    assert_eq!(shown(&backend, "limit=1").await, (vec![4], false));
}

#[tokio::test]
async fn a_page_costs_a_bounded_number_of_calls() {
    let backend = backend(&[]);
    backend.state().forgotten = (0..5_000).map(|n| gone(1, n)).collect();
    assert_eq!(shown(&backend, "limit=100").await, (vec![], false));
    let calls = backend.state().calls.len();
    assert!(calls <= 20, "{calls}");
}

/// Contents that count how many are held concurrently.
struct Counted {
    backend: MemoryBackend,
    held: AtomicUsize,
    most: AtomicUsize,
}

impl Files for Counted {
    async fn invite(&self, tenant: &TenantId, id: UploadId, upload: &Upload) -> Result<Invitation, PortError> {
        self.backend.invite(tenant, id, upload).await
    }

    async fn find_upload(&self, tenant: &TenantId, id: UploadId) -> Result<Option<Uploaded>, PortError> {
        self.backend.find_upload(tenant, id).await
    }

    async fn attach(
        &self,
        key: &EmailKey,
        body: &BodyRef,
        id: UploadId,
        keep_until: Timestamp,
        now: Timestamp,
    ) -> Result<Option<Put>, PortError> {
        self.backend.attach(key, body, id, keep_until, now).await
    }

    async fn keep_file(
        &self,
        key: &EmailKey,
        body: &BodyRef,
        id: UploadId,
        keep_until: Timestamp,
        now: Timestamp,
    ) -> Result<bool, PortError> {
        self.backend.keep_file(key, body, id, keep_until, now).await
    }

    async fn load_file(&self, key: &EmailKey, body: &BodyRef, id: UploadId) -> Result<Option<Vec<u8>>, PortError> {
        self.backend.load_file(key, body, id).await
    }

    async fn download(
        &self,
        key: &EmailKey,
        body: &BodyRef,
        id: AttachmentId,
        file: &Attachment,
        now: Timestamp,
    ) -> Result<Download, PortError> {
        self.backend.download(key, body, id, file, now).await
    }
}

impl Bodies for Counted {
    fn pack(&self, content: &[u8]) -> Result<Packed, PortError> {
        self.backend.pack(content)
    }

    async fn put(
        &self,
        key: &EmailKey,
        body: &BodyRef,
        packed: Packed,
        keep_until: Timestamp,
        now: Timestamp,
    ) -> Result<Put, PortError> {
        self.backend.put(key, body, packed, keep_until, now).await
    }

    async fn extend_retention(
        &self,
        key: &EmailKey,
        body: &BodyRef,
        keep_until: Timestamp,
        now: Timestamp,
    ) -> Result<bool, PortError> {
        self.backend.extend_retention(key, body, keep_until, now).await
    }

    async fn load_near(&self, key: &EmailKey) -> Result<BTreeMap<String, Vec<u8>>, PortError> {
        self.backend.load_near(key).await
    }

    async fn load(&self, key: &EmailKey, body: &BodyRef) -> Result<Option<Vec<u8>>, PortError> {
        let held = self.held.fetch_add(1, Ordering::Relaxed) + 1;
        self.most.fetch_max(held, Ordering::Relaxed);
        tokio::task::yield_now().await;
        self.held.fetch_sub(1, Ordering::Relaxed);
        self.backend.load(key, body).await
    }
}

impl Erasing for Counted {
    async fn erase(&self, key: &EmailKey) -> Result<(), PortError> {
        self.backend.erase(key).await
    }
}

#[tokio::test]
async fn a_page_holds_few_contents_at_a_time() {
    let backend = samples::backend(120).unwrap();
    let bodies = Counted {
        backend: backend.clone(),
        held: AtomicUsize::new(0),
        most: AtomicUsize::new(0),
    };
    let manage = manage(&backend, bodies);
    let mut headers = HeaderMap::new();
    headers.insert("authorization", HeaderValue::try_from(samples::bearer()).unwrap());
    let principal = authenticator()
        .authenticate(&headers, Network::default(), &backend, samples::BORN)
        .await
        .unwrap();
    let caller = principal.to_do(Action::Read).unwrap();
    manage
        .emails(&caller, &EmailPage::parse("limit=100").unwrap())
        .await
        .unwrap();
    let most = manage.bodies.most.into_inner();
    assert!((2..=8).contains(&most), "{most} at a time");
}
