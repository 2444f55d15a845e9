//! Emails that the state machine moves, counted from the stream of the in-memory backend.

use std::time::Duration;

use domain::delivery::attempt::Attempt;
use domain::delivery::cause::Cause;
use domain::delivery::policy::Policy;
use domain::delivery::record::EmailRecord;
use domain::delivery::retry::Jitter;
use domain::id::TenantId;
use domain::lifecycle::{Decision, claim_record, commands, fail, record_attempt};
use domain::ports::Counts;
use domain::reporting::hours::Hours;
use domain::reporting::tally::counter::{Figure, HOUR_MS, hour_of};
use domain::reporting::tally::queue_counts::QueueCounts;
use domain::timestamp::Timestamp;
use memory::{MemoryBackend, samples};
use tally::TallyFunction;

fn written(decision: Decision) -> EmailRecord {
    let Decision::Write(transition) = decision else {
        unreachable!("{decision:?}")
    };
    transition.record
}

#[tokio::test]
async fn moves_of_the_state_machine_are_counted() {
    let (backend, email) = (MemoryBackend::default(), samples::email().unwrap());
    let (policy, now) = (Policy::standard(), samples::BORN);
    backend.state().now_ms = now.as_millis();
    backend.state().tally.stream = Some(Vec::new());
    let store = |record: &EmailRecord| backend.state().store_record(record.clone());
    let refused = || Attempt::NotAccepted {
        cause: Cause::Rejected,
        detail: String::new(),
    };
    let unavailable = || Attempt::NotAccepted {
        cause: Cause::Unavailable,
        detail: String::new(),
    };
    let accepted = || Attempt::Accepted {
        message_id: "m".to_owned(),
    };
    for (n, attempt) in [
        (1, accepted()),
        (2, refused()),
        (3, unavailable()),
        (4, Attempt::Ambiguous),
    ] {
        let record = samples::record(n, &email);
        store(&record);
        let record = claim_record(record, &policy, 1, now);
        store(&record);
        let record = written(record_attempt(&record, 1, attempt, &policy, Jitter::NONE, now));
        store(&record);
        if n == 2 {
            store(&written(fail(&record, 1, now)));
        }
    }
    let record = samples::record(5, &email);
    store(&record);
    store(&written(commands::cancel(&record, &policy, now).unwrap()));

    let changes = backend.state().tally.stream.clone().unwrap();
    let counting = TallyFunction {
        counters: backend.clone(),
        system: backend.clone(),
    };
    for batch in [&changes[..], &changes[..]] {
        counting.count(batch).await.unwrap();
    }
    let tenant = TenantId::main();
    let queue_counts = |now: Timestamp| backend.queue_counts(&tenant, "default", now);
    let expected = QueueCounts {
        sending: 1,
        retry: 1,
        ..QueueCounts::default()
    };
    assert_eq!(queue_counts(now).await.unwrap(), expected);
    let later = QueueCounts {
        queued: 1,
        retry: 0,
        ..expected
    };
    assert_eq!(queue_counts(now.after(Duration::from_secs(120))).await.unwrap(), later);

    let from = hour_of(now);
    let until = Timestamp::from_millis(from.as_millis().saturating_add(HOUR_MS));
    let hours = Hours { from, until };
    for queue in [Some("default"), None] {
        let flow = backend.flow(&tenant, queue, hours).await.unwrap();
        let figures = flow.get(&from).unwrap();
        let of = |figure| figures.get(&figure).copied().unwrap_or(0);
        let counts = [
            Figure::Accepted,
            Figure::Sent,
            Figure::Failed,
            Figure::Canceled,
            Figure::Expired,
        ]
        .map(of);
        assert_eq!(counts, [5, 1, 1, 1, 0]);
    }
    let failures = backend.failures(&tenant, None, hours).await.unwrap().unwrap();
    assert_eq!(failures.len(), 1);
    let failure = failures.first().unwrap();
    assert_eq!(
        (failure.cause, failure.count, failure.latest),
        (Cause::Rejected, 1, Some((now, samples::id(2))))
    );
}
