//! Exact counts: each change is counted once, in any order of delivery.

#![expect(clippy::indexing_slicing, reason = "a failing test panics with its reason")]

use crate::common::{ContendedBackend, expected, found, stream};
use domain::delivery::record::RecordStatus;
use domain::reporting::tally::change::{Change, CountedRecord};
use domain::reporting::tally::change_id::{ChangeId, Sequence};
use fastrand::Rng;
use futures::future::join_all;
use memory::{Fault, MemoryBackend};
use tally::TallyFunction;

/// Number of streams per shape.
const SEEDS: u64 = 60;

fn tally(backend: &MemoryBackend) -> TallyFunction<ContendedBackend, MemoryBackend> {
    TallyFunction {
        counters: ContendedBackend(backend.clone()),
        system: backend.clone(),
    }
}

/// Counts each batch until it is counted, as Lambda does.
async fn deliver(backend: &MemoryBackend, batches: impl IntoIterator<Item = &[Change]>) {
    let tally = tally(backend);
    for batch in batches {
        while tally.count(batch).await.is_err() {}
    }
}

/// Returns a random part of a stream.
fn stretch<'a>(rng: &mut Rng, changes: &'a [Change]) -> &'a [Change] {
    let (one, other) = (rng.usize(0..=changes.len()), rng.usize(0..=changes.len()));
    &changes[one.min(other)..one.max(other)]
}

/// Returns a stream for each seed, and a random generator that the seed repeats.
fn streams() -> impl Iterator<Item = (u64, Rng, Vec<Change>)> {
    (0..SEEDS).map(|seed| {
        let mut rng = Rng::with_seed(seed);
        fastrand::seed(seed);
        let count = rng.usize(1..160);
        let changes = stream(&mut rng, count);
        (seed, rng, changes)
    })
}

#[tokio::test(start_paused = true)]
async fn a_repeated_batch_counts_nothing() {
    for (seed, _, changes) in streams() {
        let backend = MemoryBackend::default();
        deliver(&backend, [&changes[..], &changes[..], &changes[..]]).await;
        assert_eq!(found(&backend), expected(&changes), "seed {seed}");
    }
}

#[tokio::test(start_paused = true)]
async fn overlapping_batches_count_only_new_changes() {
    for (seed, mut rng, changes) in streams() {
        let backend = MemoryBackend::default();
        for _ in 0..3 {
            deliver(&backend, changes.chunks(rng.usize(1..30))).await;
            deliver(&backend, [stretch(&mut rng, &changes)]).await;
        }
        assert_eq!(found(&backend), expected(&changes), "seed {seed}");
    }
}

#[tokio::test(start_paused = true)]
async fn split_batches_count_each_change_once() {
    for (seed, mut rng, changes) in streams() {
        let backend = MemoryBackend::default();
        // A part of the batch before a failure, then its halves, then everything from some place on.
        deliver(&backend, [&changes[..rng.usize(0..=changes.len())]]).await;
        let (front, back) = changes.split_at(changes.len() / 2);
        deliver(&backend, [front, front, back]).await;
        deliver(&backend, [&changes[rng.usize(0..changes.len())..]]).await;
        assert_eq!(found(&backend), expected(&changes), "seed {seed}");
    }
}

#[tokio::test(start_paused = true)]
async fn concurrent_invocations_count_changes_once() {
    let mut refused = 0;
    for (seed, mut rng, changes) in streams() {
        let backend = MemoryBackend::default();
        let batches: Vec<_> = (0..5).map(|_| stretch(&mut rng, &changes)).collect();
        join_all(batches.into_iter().map(|batch| deliver(&backend, [batch]))).await;
        join_all([&changes[..], &changes[..]].map(|batch| deliver(&backend, [batch]))).await;
        assert_eq!(found(&backend), expected(&changes), "seed {seed}");
        refused += backend.state().tally.refused;
    }
    assert!(refused > 100, "only {refused} writes met another");
}

#[tokio::test(start_paused = true)]
async fn lost_answers_and_failures_change_nothing() {
    let mut lost = 0;
    for (seed, mut rng, changes) in streams() {
        let backend = MemoryBackend::default();
        let faults = (0..400).map(|_| {
            *rng.choice(&[Fault::None, Fault::None, Fault::Before, Fault::After])
                .unwrap()
        });
        let faults: Vec<_> = faults.collect();
        lost += faults.iter().filter(|fault| **fault == Fault::After).count();
        backend.state().faults = faults.into();
        let batches: Vec<_> = changes.chunks(rng.usize(1..50)).collect();
        // Two pollers of the same shard, the second of which begins anywhere.
        let late = &batches[rng.usize(0..batches.len())..];
        join_all([&batches[..], late].map(|batches| deliver(&backend, batches.iter().copied()))).await;
        assert_eq!(found(&backend), expected(&changes), "seed {seed}");
    }
    assert!(lost > 100);
}

#[tokio::test(start_paused = true)]
async fn equal_sequence_numbers_of_two_shards_are_distinct() {
    let mut rng = Rng::with_seed(7);
    let one = stream(&mut rng, 80);
    // The same places and times, of other emails.
    let key = |change: &Change| domain::id::EmailKey {
        tenant: domain::id::TenantId::parse("third").unwrap(),
        id: change.key.id,
    };
    let other = one.iter().map(|change| Change {
        key: key(change),
        change_id: ChangeId::new(&key(change), change.change_id.sequence.clone(), change.at),
        ..change.clone()
    });
    let other: Vec<_> = other.collect();
    let backend = MemoryBackend::default();
    deliver(&backend, [&one[..], &other[..], &one[..], &other[..]]).await;
    assert_eq!(found(&backend), expected(&[one, other].concat()));
}

/// One invocation counts a change and its opposite, the other only the change. The first invocation adds zero, but its
/// changes must count as known all the same.
#[tokio::test(start_paused = true)]
async fn changes_that_cancel_out_are_counted_once() {
    for seed in 0..SEEDS {
        fastrand::seed(seed);
        let mut rng = Rng::with_seed(seed);
        let first = stream(&mut rng, 1).remove(0);
        let record = |status| {
            first.after.clone().map(|record| CountedRecord {
                status,
                held: false,
                scheduled: false,
                tried: false,
                ..record
            })
        };
        let (queued, sending) = (record(RecordStatus::Queued), record(RecordStatus::Sending));
        let change = |sequence: &str, before: &Option<CountedRecord>, after: &Option<CountedRecord>| Change {
            change_id: ChangeId::new(&first.key, Sequence::parse(sequence).unwrap(), first.at),
            before: before.clone(),
            after: after.clone(),
            ..first.clone()
        };
        let both = [change("1", &queued, &sending), change("2", &sending, &queued)];
        let backend = MemoryBackend::default();
        join_all([&both[..1], &both[..]].map(|batch| deliver(&backend, [batch]))).await;
        assert_eq!(found(&backend), expected(&both), "seed {seed}");
    }
}
