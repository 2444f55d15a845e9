//! Burying, in a world in memory.
#![expect(clippy::expect_used, reason = "a test that cannot go on says why")]

use std::time::Duration;

use aws_lambda_events::sqs::SqsEvent;
use dead_letter::{DeadLetterOutcome, handler, process};
use domain::ports::EmailKey;
use domain::record::Status;
use domain::timestamp::Timestamp;
use world::{World, samples};

const NOW: Timestamp = Timestamp::from_millis(2_000_000);

fn world(status: Status) -> (World, EmailKey, String) {
    let world = samples::world(1).expect("the samples parse");
    let key = samples::key(1);
    if let Some(record) = world.state().records.get_mut(&key) {
        record.status = status;
        record.claim_no = 2;
    }
    let message = format!(r#"{{"v":1,"tenant":"main","id":"{}","claim_no":2}}"#, key.id);
    (world, key, message)
}

fn status(world: &World, key: &EmailKey) -> Status {
    world.record(key).expect("the row").status
}

#[tokio::test]
async fn failing_becomes_failed_and_a_doubled_message_changes_nothing() {
    let (world, key, message) = world(Status::Failing);
    for _ in 0..2 {
        assert_eq!(
            process(&world, &message, NOW).await.expect("tombstone"),
            DeadLetterOutcome::Failed
        );
        assert_eq!(status(&world, &key), Status::Failed);
    }
    assert_eq!(world.state().calls.iter().filter(|call| **call == "write").count(), 1);
}

#[tokio::test]
async fn a_message_never_fails_what_is_not_failing() {
    for other in [
        Status::Queued,
        Status::Sending,
        Status::Uncertain,
        Status::Sent,
        Status::Canceled,
    ] {
        let (world, key, message) = world(other);
        assert_eq!(
            process(&world, &message, NOW).await.expect("tombstone"),
            DeadLetterOutcome::Stale
        );
        assert_eq!(status(&world, &key), other);
    }
    let (world, key, message) = world(Status::Failing);
    let old = message.replace(r#""claim_no":2"#, r#""claim_no":1"#);
    assert_eq!(
        process(&world, &old, NOW).await.expect("tombstone"),
        DeadLetterOutcome::Stale
    );
    assert_eq!(status(&world, &key), Status::Failing);
}

#[tokio::test]
async fn what_sqs_moved_by_itself_proves_nothing() {
    let (world, key, _) = world(Status::Failing);
    let send_task = format!(
        r#"{{"v":1,"tenant":"main","id":"{}","recipients":1,"bytes":1}}"#,
        key.id
    );
    for message in [send_task.as_str(), "", "{}", "not json", "[1]"] {
        assert_eq!(
            process(&world, message, NOW).await.expect("read"),
            DeadLetterOutcome::NotADeadLetter,
            "{message}"
        );
    }
    assert_eq!(status(&world, &key), Status::Failing);
}

/// Record 10 finds the table down, and it alone comes again; the garbage is acknowledged.
#[tokio::test]
async fn one_bad_record_among_nine_good_ones_fails_alone() {
    let event: SqsEvent =
        serde_json::from_str(include_str!("../../../events/dead_letter.json")).expect("the golden event parses");
    let world = samples::world(10).expect("the samples parse");
    for record in world.state().records.values_mut() {
        record.status = Status::Failing;
        record.claim_no = 1;
    }
    let ids: Vec<_> = event
        .records
        .iter()
        .filter_map(|message| message.message_id.clone())
        .collect();
    // Of every record the record is read once; the last read fails.
    world.state().faults = std::iter::repeat_n(world::Fault::None, 16)
        .chain([world::Fault::Before])
        .collect();
    let response = handler::handle(&world, &world, event, Duration::from_secs(5))
        .await
        .expect("some went well");
    let failed: Vec<_> = response
        .batch_item_failures
        .iter()
        .map(|failure| &failure.item_identifier)
        .collect();
    assert_eq!(failed, [&ids[9]]);
    let failed = world
        .state()
        .records
        .values()
        .filter(|record| record.status == Status::Failed)
        .count();
    assert_eq!(failed, 8, "nine rows but the last; one record is garbage");
}
