//! Lambda's events: counted records, and batches that are delivered again.

use std::time::Duration;

use memory::{Fault, MemoryBackend};
use serde_json::{Value, json};
use tally::TallyFunction;
use tally::handler::{BatchError, handle};

const GOLDEN: &str = include_str!("../../../events/tally.json");

fn counting(backend: &MemoryBackend) -> TallyFunction<MemoryBackend, MemoryBackend> {
    TallyFunction {
        counters: backend.clone(),
        system: backend.clone(),
    }
}

async fn counted(backend: &MemoryBackend, event: &Value) -> Result<(), BatchError> {
    handle(&counting(backend), event, Duration::from_secs(30)).await
}

#[tokio::test]
async fn every_readable_record_is_counted() {
    let (backend, event) = (MemoryBackend::default(), serde_json::from_str(GOLDEN).unwrap());
    counted(&backend, &event).await.unwrap();
    let marks: usize = backend
        .state()
        .tally
        .markers
        .iter()
        .map(|marker| marker.fingerprints.len())
        .sum();
    assert_eq!(
        marks, 2,
        "an email that is accepted, and one that is sent; not the body, nor the broken one"
    );
    let before = backend.state().tally.counters.clone();
    counted(&backend, &event).await.unwrap();
    assert_eq!(backend.state().tally.counters, before, "the second time counts nothing");
}

#[tokio::test(start_paused = true)]
async fn an_uncounted_batch_is_delivered_again() {
    let event = serde_json::from_str(GOLDEN).unwrap();
    for fault in [Fault::Before, Fault::After] {
        for call in ["versions", "counted_fingerprints", "count"] {
            let backend = MemoryBackend::default();
            backend.state().faults_of.insert(call, [fault].into());
            let result = counted(&backend, &event).await;
            assert!(matches!(result, Err(BatchError::Tally(_))), "{call}: {result:?}");
        }
    }
}

#[tokio::test]
async fn an_empty_event_succeeds() {
    for event in [json!({}), json!({"Records": []}), json!({"Records": 5}), json!(null)] {
        let backend = MemoryBackend::default();
        counted(&backend, &event).await.unwrap();
        assert!(backend.state().calls.is_empty(), "{event}");
    }
}
