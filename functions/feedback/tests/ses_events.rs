//! Events of SES, in the in-memory backend.
#![expect(clippy::expect_used, reason = "a test that cannot go on says why")]

use std::sync::Mutex;
use std::time::Duration;

use aws::sqs::batch::AllFailed;
use aws_lambda_events::sqs::SqsEvent;
use domain::delivery::delivery_status::DeliveryStatus;
use domain::delivery::record::{EmailRecord, RecordStatus, recipient_key};
use domain::delivery::ses_event::{GREETING, SesEvent};
use domain::delivery::suppression::{Entry, Origin, SuppressionId};
use domain::id::{EmailId, EmailKey, TenantId};
use domain::message::address::EmailAddress;
use domain::timestamp::Timestamp;
use feedback::{FeedbackFunction, FeedbackOutcome, handler};
use memory::{Fault, MemoryBackend, samples};
use workflow::apply::ApplyError;

fn backend(count: u8) -> MemoryBackend {
    let backend = samples::backend(count).expect("the samples parse");
    for record in backend.state().records.values_mut() {
        record.status = RecordStatus::Uncertain;
        record.claim_no = 1;
    }
    backend
}

fn event(event_type: &str, part: &str, born: i64) -> String {
    let id = samples::id(1);
    format!(
        r#"{{"eventType":"{event_type}",{part}"mail":{{"timestamp":"1970-01-01T00:16:41.000Z","messageId":"m",
        "destination":["b@example.com"],
        "tags":{{"mq_tenant":["main"],"mq_id":["{id}"],"mq_claim":["1"],"mq_born":["{born}"]}}}}}}"#
    )
}

fn send() -> String {
    event("Send", "", 1_000_000)
}

fn delivery() -> String {
    let part = r#""delivery":{"timestamp":"1970-01-01T00:16:42.000Z","recipients":["b@example.com"]},"#;
    event("Delivery", part, 1_000_000)
}

fn bounce() -> String {
    let part = r#""bounce":{"timestamp":"1970-01-01T00:16:43.000Z","bounceType":"Permanent",
        "bouncedRecipients":[{"emailAddress":"B@example.com"}]},"#;
    event("Bounce", part, 1_000_000)
}

fn parsed(message: &str) -> SesEvent {
    SesEvent::parse(message).expect("an event")
}

fn feedback(backend: &MemoryBackend) -> FeedbackFunction<MemoryBackend> {
    FeedbackFunction {
        records: backend.clone(),
        system: backend.clone(),
        said: Mutex::default(),
    }
}

async fn heard(backend: &MemoryBackend, message: &str) -> Result<FeedbackOutcome, ApplyError> {
    feedback(backend).hear(&samples::key(1), &[parsed(message)]).await
}

async fn after(events: &[String]) -> EmailRecord {
    let backend = backend(1);
    for event in events {
        assert_eq!(heard(&backend, event).await.expect("heard"), FeedbackOutcome::Known);
    }
    backend.record(&samples::key(1)).expect("the row")
}

#[tokio::test]
async fn duplicated_events_in_any_order_agree() {
    let (send, delivery, bounce) = (send(), delivery(), bounce());
    let orders = [
        vec![send.clone(), delivery.clone(), bounce.clone()],
        vec![bounce.clone(), delivery.clone(), send.clone()],
        vec![
            delivery.clone(),
            bounce.clone(),
            bounce.clone(),
            send.clone(),
            delivery.clone(),
        ],
    ];
    for order in orders {
        let record = after(&order).await;
        assert_eq!(record.status, RecordStatus::Sent);
        assert_eq!(
            record.delivery_statuses.get(&recipient_key("b@example.com")),
            Some(&DeliveryStatus::Bounced)
        );
        assert_eq!(record.delivered_at, Some(Timestamp::from_millis(1_002_000)));
    }
}

#[tokio::test]
async fn an_event_without_news_is_not_written() {
    let backend = backend(1);
    for _ in 0..3 {
        heard(&backend, &send()).await.expect("heard");
    }
    assert_eq!(backend.state().calls, ["load", "write", "load", "load"]);
}

/// Concurrent events of one email would contend for its record.
#[tokio::test]
async fn events_of_an_email_are_written_together() {
    let backend = backend(1);
    let events: Vec<_> = [send(), delivery(), bounce(), delivery()]
        .iter()
        .map(|event| parsed(event))
        .collect();
    feedback(&backend).hear(&samples::key(1), &events).await.expect("heard");
    assert_eq!(
        backend.state().calls,
        ["load", "write", "write", "suppress", "change_account_rate"],
        "the acceptance, and the fates; then who bounced, and the senders are told"
    );
    let record = backend.record(&samples::key(1)).expect("the row");
    assert_eq!(
        record.delivery_statuses.get(&recipient_key("b@example.com")),
        Some(&DeliveryStatus::Bounced)
    );
}

/// Returns every suppressed address, with its origin, its email and its time.
fn suppressed(backend: &MemoryBackend) -> Vec<(String, Origin, Option<EmailId>, i64)> {
    let state = backend.state();
    let entries = state.suppressions.values().filter_map(|entry| match entry {
        Entry::Suppressed { suppression: known, .. } => Some((
            known.address.to_string(),
            known.origin,
            known.source,
            known.created_at.as_millis(),
        )),
        Entry::Released { .. } => None,
    });
    entries.collect()
}

fn complaint() -> String {
    let part = r#""complaint":{"timestamp":"1970-01-01T00:16:44.000Z",
        "complainedRecipients":[{"emailAddress":"B@example.com"}]},"#;
    event("Complaint", part, 1_000_000)
}

fn soft_bounce() -> String {
    bounce().replace("Permanent", "Transient")
}

/// Returns a backend with a clock that is later than the events.
fn later_world() -> MemoryBackend {
    let backend = backend(1);
    backend.state().now_ms = 1_100_000;
    backend
}

#[tokio::test]
async fn bounces_and_complaints_suppress_an_address() {
    for (message, origin, at) in [
        (bounce(), Origin::Bounce, 1_003_000),
        (complaint(), Origin::Complaint, 1_004_000),
    ] {
        let backend = later_world();
        heard(&backend, &message).await.expect("heard");
        let expected = ("b@example.com".to_owned(), origin, Some(samples::id(1)), at);
        assert_eq!(suppressed(&backend), [expected]);
        assert_eq!(backend.state().account_rate.settings_version, 1);
    }
    for harmless in [send(), delivery(), soft_bounce()] {
        let backend = later_world();
        heard(&backend, &harmless).await.expect("heard");
        assert_eq!(suppressed(&backend), []);
        let calls = backend.state().calls.clone();
        assert!(
            !calls.contains(&"suppress") && !calls.contains(&"change_account_rate"),
            "{calls:?}"
        );
    }
}

#[tokio::test]
async fn the_first_reason_of_a_suppression_stays() {
    let backend = later_world();
    for message in [bounce(), complaint(), bounce(), complaint()] {
        heard(&backend, &message).await.expect("heard");
    }
    let [(_, origin, ..)] = &suppressed(&backend)[..] else {
        panic!("one suppression")
    };
    assert_eq!(*origin, Origin::Bounce);
}

fn listed_bounce() -> String {
    bounce().replace(
        r#""bounceType""#,
        r#""bounceSubType":"OnAccountSuppressionList","bounceType""#,
    )
}

#[tokio::test]
async fn a_listed_address_is_not_suppressed() {
    let id = SuppressionId::of(
        &TenantId::main(),
        &EmailAddress::parse("b@example.com").expect("an address"),
    );
    for gone in [false, true] {
        let backend = later_world();
        if gone {
            backend.state().records.clear();
        }
        for _ in 0..2 {
            heard(&backend, &listed_bounce()).await.expect("heard");
        }
        assert_eq!(suppressed(&backend), []);
        let listed: Vec<_> = backend.state().listed.keys().cloned().collect();
        assert_eq!(listed, [(TenantId::main(), id)]);
    }
    let backend = later_world();
    backend
        .state()
        .faults_of
        .insert("remember_listed", [Fault::Before].into());
    assert!(
        heard(&backend, &listed_bounce()).await.is_err(),
        "the event comes again"
    );
}

#[tokio::test]
async fn only_a_first_shared_complaint_is_temporary() {
    let several = |id: u8| {
        let two = r#"[{"emailAddress":"b@example.com"},{"emailAddress":"c@example.com"}]"#;
        let text = complaint().replace(r#"[{"emailAddress":"B@example.com"}]"#, two);
        let text = text.replace(r#"["b@example.com"]"#, r#"["b@example.com","c@example.com"]"#);
        text.replace(&samples::id(1).to_string(), &samples::id(id).to_string())
    };
    let ends = |backend: &MemoryBackend| -> Vec<_> {
        let state = backend.state();
        let entries = state.suppressions.values();
        entries
            .map(|entry| {
                entry
                    .clone()
                    .in_force(Timestamp::from_millis(0))
                    .expect("suppressed")
                    .until
            })
            .collect()
    };
    let seven_days = Timestamp::from_millis(1_004_000 + 7 * 86_400_000);
    let backend = later_world();
    for _ in 0..2 {
        heard(&backend, &several(1)).await.expect("heard");
    }
    assert_eq!(
        ends(&backend),
        [Some(seven_days); 2],
        "the same one again is no second one"
    );
    feedback(&backend)
        .hear(&samples::key(2), &[parsed(&several(2))])
        .await
        .expect("heard");
    assert_eq!(ends(&backend), [None; 2]);
}

#[tokio::test]
async fn an_event_before_a_release_suppresses_nobody() {
    let backend = later_world();
    heard(&backend, &bounce()).await.expect("heard");
    let id = SuppressionId::of(
        &TenantId::main(),
        &EmailAddress::parse("b@example.com").expect("an address"),
    );
    for (released, again) in [(1_003_000, false), (1_050_000, false), (1_002_999, true)] {
        backend.state().suppressions.insert(
            (TenantId::main(), id),
            Entry::Released {
                at: Timestamp::from_millis(released),
            },
        );
        heard(&backend, &bounce()).await.expect("heard");
        assert_eq!(suppressed(&backend).len(), usize::from(again), "{released}");
    }
}

#[tokio::test]
async fn a_complaint_counts_without_its_record() {
    let backend = later_world();
    let key = samples::key(1);
    if let Some(record) = backend.state().records.get_mut(&key) {
        record.born = Timestamp::from_millis(5);
    }
    heard(&backend, &complaint()).await.expect("heard");
    assert_eq!(suppressed(&backend), []);
    backend.state().records.clear();
    assert_eq!(
        heard(&backend, &complaint()).await.expect("heard"),
        FeedbackOutcome::NoSuchEmail
    );
    assert_eq!(suppressed(&backend).len(), 1);
}

/// After a failure at any step the event is delivered again, and completes all of it, including the notice to
/// the senders.
#[tokio::test]
async fn a_repeated_event_completes_a_suppression() {
    for (what, fault) in [
        ("suppress", Fault::Before),
        ("suppress", Fault::After),
        ("change_account_rate", Fault::Before),
        ("change_account_rate", Fault::After),
    ] {
        let backend = later_world();
        backend.state().faults_of.insert(what, [fault].into());
        assert!(heard(&backend, &bounce()).await.is_err(), "{what} {fault:?}");
        let told = backend.state().account_rate.settings_version;
        heard(&backend, &bounce()).await.expect("heard");
        assert_eq!(suppressed(&backend).len(), 1, "{what} {fault:?}");
        assert!(backend.state().account_rate.settings_version > told, "{what} {fault:?}");
    }
}

#[tokio::test]
async fn a_foreign_event_changes_nothing() {
    let backend = backend(1);
    heard(&backend, &event("Send", "", 5)).await.expect("heard");
    assert_eq!(
        backend.record(&samples::key(1)).expect("the row").status,
        RecordStatus::Uncertain
    );
    let nobody = feedback(&backend).hear(&samples::key(9), &[parsed(&send())]).await;
    assert_eq!(nobody.expect("heard"), FeedbackOutcome::NoSuchEmail);
}

#[tokio::test]
async fn a_failing_table_brings_the_event_again() {
    let backend = backend(1);
    backend.fail_next(1);
    assert!(heard(&backend, &send()).await.is_err());
    heard(&backend, &send()).await.expect("heard the second time");
    assert_eq!(
        backend.record(&samples::key(1)).expect("the row").status,
        RecordStatus::Sent
    );
}

fn batch(messages: &[&str]) -> SqsEvent {
    let messages: Vec<_> = messages
        .iter()
        .zip(0..)
        .map(|(body, id)| serde_json::json!({"messageId": format!("m{id}"), "body": body}))
        .collect();
    serde_json::from_value(serde_json::json!({"Records": messages})).expect("an event of SQS")
}

async fn come_again(backend: &MemoryBackend, messages: &[&str]) -> Result<Vec<String>, AllFailed> {
    let response = handler::handle(&feedback(backend), batch(messages), Duration::from_secs(5)).await?;
    let failures = response.batch_item_failures.into_iter();
    Ok(failures.map(|failure| failure.item_identifier).collect())
}

#[tokio::test]
async fn unreadable_events_return_and_foreign_ones_do_not() {
    let strangers = send().replace("mq_id", "their_id");
    let messages = [
        "",
        GREETING,
        "{}",
        &strangers,
        "null",
        &send(),
        r#"{"eventType":"Send","mail":{}}"#,
    ];
    let again = come_again(&backend(1), &messages).await.expect("some went well");
    assert_eq!(again, ["m0", "m2", "m4", "m6"]);
}

#[tokio::test]
async fn an_invocation_fails_if_every_event_fails() {
    let backend = backend(1);
    backend.fail_next(1);
    let messages = [send(), delivery()];
    let result = come_again(&backend, &messages.each_ref().map(String::as_str)).await;
    assert_eq!(result, Err(AllFailed { messages: 2 }));
}

#[tokio::test]
async fn a_broken_event_fails_alone() {
    let event: SqsEvent =
        serde_json::from_str(include_str!("../../../events/feedback.json")).expect("the golden event parses");
    let ids: Vec<_> = event
        .records
        .iter()
        .filter_map(|message| message.message_id.clone())
        .collect();
    let backend = backend(10);
    let response = handler::handle(&feedback(&backend), event, Duration::from_secs(5))
        .await
        .expect("some went well");
    let failed: Vec<_> = response
        .batch_item_failures
        .iter()
        .map(|failure| &failure.item_identifier)
        .collect();
    assert_eq!(failed, [&ids[4]]);
    let record = |n| {
        backend
            .record(&EmailKey {
                tenant: domain::id::TenantId::main(),
                id: samples::id(n),
            })
            .expect("the row")
    };
    let delivery_statuses: Vec<_> = (1..=10)
        .map(|n| (record(n).status, record(n).delivery_statuses.into_values().next()))
        .collect();
    let sent = |delivery_status| (RecordStatus::Sent, delivery_status);
    assert_eq!(
        delivery_statuses,
        [
            sent(None),
            sent(Some(DeliveryStatus::Delivered)),
            sent(Some(DeliveryStatus::Bounced)),
            sent(Some(DeliveryStatus::Complained)),
            (RecordStatus::Uncertain, None),
            sent(Some(DeliveryStatus::DeliveryDelayed)),
            sent(Some(DeliveryStatus::Rejected)),
            sent(Some(DeliveryStatus::Rejected)),
            sent(None),
            sent(None),
        ]
    );
    assert!(record(9).opened_at.is_some() && record(10).clicked_at.is_some());
}

/// The time that `promote` uses as evidence.
#[tokio::test]
async fn progress_is_stored_every_half_minute() {
    let backend = backend(1);
    backend.state().now_ms = 2_000_000;
    let feedback = feedback(&backend);
    let hear = |message: String| {
        let feedback = &feedback;
        async move {
            let answer = handler::handle(feedback, batch(&[&message]), Duration::from_secs(5)).await;
            answer.expect("not all failed");
        }
    };
    let said = |backend: &MemoryBackend| {
        let calls = backend.state().calls.clone();
        calls.iter().filter(|call| **call == "raise_watermark").count()
    };
    hear(send()).await;
    assert_eq!(backend.state().newest_event, Some(Timestamp::from_millis(1_001_000)));
    hear(delivery()).await;
    assert_eq!(said(&backend), 1);
    backend.state().now_ms += 30_000;
    hear(bounce()).await;
    assert_eq!(backend.state().newest_event, Some(Timestamp::from_millis(1_003_000)));
    backend.state().now_ms += 30_000;
    hear(send()).await;
    assert_eq!(
        backend.state().newest_event,
        Some(Timestamp::from_millis(1_003_000)),
        "an older one says nothing new"
    );
}

#[tokio::test]
async fn failed_and_future_events_are_no_evidence() {
    let failing = backend(1);
    failing.fail_next(1);
    let result = handler::handle(&feedback(&failing), batch(&[&send()]), Duration::from_secs(5)).await;
    assert!(result.is_err());
    assert_eq!(failing.state().newest_event, None);

    let early = backend(1);
    early.state().now_ms = 1_000_500;
    let result = handler::handle(&feedback(&early), batch(&[&send()]), Duration::from_secs(5)).await;
    assert!(result.is_ok());
    assert_eq!(
        early.state().newest_event,
        Some(Timestamp::from_millis(1_000_500)),
        "SES's clock is ahead of ours"
    );
}
