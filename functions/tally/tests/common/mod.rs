//! Streams of changes for tests, and counters with concurrent writers between their calls.
#![expect(clippy::unwrap_used, reason = "a failing test panics with its reason")]

use std::collections::{BTreeMap, BTreeSet};

use domain::delivery::cause::Cause;
use domain::delivery::delivery_status::DeliveryStatus;
use domain::delivery::record::RecordStatus;
use domain::id::{EmailId, EmailKey, TenantId};
use domain::ports::{Counted, PortError, Tallies};
use domain::reporting::tally::change::{Change, CountedRecord, count_changes};
use domain::reporting::tally::change_id::{ChangeId, Fingerprint, Sequence};
use domain::reporting::tally::counter::{Counter, Figures};
use domain::reporting::tally::portion::{Span, Tally, Versions};
use domain::timestamp::Timestamp;
use fastrand::Rng;
use memory::MemoryBackend;

/// Beginning of the stream: shortly before the end of an hour.
const BEGIN_MS: i64 = 1_795_514_390_000;

/// Returns a stream of `count` changes of emails in three queues, of two tenants, over some minutes.
pub(crate) fn stream(rng: &mut Rng, count: usize) -> Vec<Change> {
    let mut records: BTreeMap<EmailKey, CountedRecord> = BTreeMap::new();
    let (mut at, mut sequence) = (BEGIN_MS, 100_000_u64);
    let tenants = ["main", "other"].map(|name| TenantId::parse(name).unwrap());
    (0..count)
        .map(|_| {
            at += i64::from(rng.u32(0..9_000));
            sequence += rng.u64(1..40_000_000);
            let key = EmailKey {
                tenant: rng.choice(&tenants).unwrap().clone(),
                id: EmailId::from_random([rng.u8(0..12); 16]),
            };
            let now = Timestamp::from_millis(at);
            let before = records.get(&key).cloned();
            let after = (before.is_none() || rng.u8(0..20) > 0).then(|| next(rng, before.as_ref(), now));
            match &after {
                Some(after) => records.insert(key.clone(), after.clone()),
                None => records.remove(&key),
            };
            Change {
                change_id: ChangeId::new(&key, Sequence::parse(&sequence.to_string()).unwrap(), now),
                key,
                at: now,
                before,
                after,
            }
        })
        .collect()
}

/// Returns any next record: counting must not depend on the possible transitions.
fn next(rng: &mut Rng, before: Option<&CountedRecord>, now: Timestamp) -> CountedRecord {
    let delivery_statuses = [
        DeliveryStatus::DeliveryDelayed,
        DeliveryStatus::Delivered,
        DeliveryStatus::Bounced,
        DeliveryStatus::Complained,
    ];
    let mut delivery_status = |name: &str| (name.to_owned(), *rng.choice(&delivery_statuses).unwrap());
    let delivery_statuses = BTreeMap::from([delivery_status("a"), delivery_status("b")]);
    let wait = *rng.choice(&[0, 50_000, 700_000, 9_000_000, 200_000_000]).unwrap();
    CountedRecord {
        born: before.map_or(now, |before| before.born),
        queue: (*rng.choice(&["default", "news", "alerts"]).unwrap()).to_owned(),
        status: *rng.choice(RecordStatus::ALL).unwrap(),
        cause: rng.choice(Cause::ALL).copied(),
        not_before: Timestamp::from_millis(now.as_millis() + wait),
        scheduled: rng.bool(),
        tried: rng.bool(),
        held: rng.u8(0..8) == 0,
        recipients: rng.u32(1..5),
        attachment_bytes: rng.u64(0..1000),
        delivery_statuses: if rng.bool() { delivery_statuses } else { BTreeMap::new() },
        facts: BTreeSet::new(),
        opened_at: rng.bool().then_some(now),
        clicked_at: rng.bool().then_some(now),
    }
}

/// Returns the expected counters.
pub(crate) fn expected(changes: &[Change]) -> BTreeMap<Counter, Figures> {
    let mut sum: BTreeMap<Counter, Figures> = BTreeMap::new();
    for change in changes {
        for (counter, delta) in count_changes(change) {
            for (figure, by) in delta.figures {
                *sum.entry(counter.clone()).or_default().entry(figure).or_default() += by;
            }
        }
    }
    without_nothing(sum)
}

/// Returns the stored counters.
pub(crate) fn found(backend: &MemoryBackend) -> BTreeMap<Counter, Figures> {
    let stored = backend.state().tally.counters.clone();
    without_nothing(
        stored
            .into_iter()
            .map(|(counter, stored)| (counter, stored.figures))
            .collect(),
    )
}

fn without_nothing(mut counters: BTreeMap<Counter, Figures>) -> BTreeMap<Counter, Figures> {
    for figures in counters.values_mut() {
        figures.retain(|_, number| *number != 0);
    }
    counters.retain(|_, figures| !figures.is_empty());
    counters
}

/// The counters of a backend with a concurrent writer between any two calls.
#[derive(Debug, Clone)]
pub(crate) struct ContendedBackend(pub MemoryBackend);

impl ContendedBackend {
    async fn others(&self) {
        for _ in 0..fastrand::u8(0..4) {
            tokio::task::yield_now().await;
        }
    }
}

impl Tallies for ContendedBackend {
    async fn versions(&self, counters: &BTreeSet<Counter>) -> Result<Versions, PortError> {
        self.others().await;
        self.0.versions(counters).await
    }

    async fn counted_fingerprints(&self, span: &Span) -> Result<Vec<Fingerprint>, PortError> {
        self.others().await;
        self.0.counted_fingerprints(span).await
    }

    async fn count(&self, tally: &Tally) -> Result<Counted, PortError> {
        self.others().await;
        self.0.count(tally).await
    }
}
