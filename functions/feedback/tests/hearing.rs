//! Hearing, in a world in memory.
#![expect(clippy::expect_used, reason = "a test that cannot go on says why")]

use std::sync::Mutex;
use std::time::Duration;

use aws::batch::AllFailed;
use aws_lambda_events::sqs::SqsEvent;
use domain::address::EmailAddress;
use domain::apply::ApplyError;
use domain::fate::Fate;
use domain::id::{EmailId, TenantId};
use domain::ports::EmailKey;
use domain::record::{EmailRecord, Status, recipient_key};
use domain::suppression::{Entry, Origin, SuppressionId};
use domain::timestamp::Timestamp;
use domain::wire::ses_event::{GREETING, SesEvent};
use feedback::{Feedback, Heard, handler};
use world::{Fault, World, samples};

fn world(count: u8) -> World {
    let world = samples::world(count).expect("the samples parse");
    for record in world.state().records.values_mut() {
        record.status = Status::Uncertain;
        record.claim_no = 1;
    }
    world
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

fn feedback(world: &World) -> Feedback<World, World> {
    Feedback {
        records: world.clone(),
        system: world.clone(),
        said: Mutex::default(),
    }
}

async fn heard(world: &World, message: &str) -> Result<Heard, ApplyError> {
    feedback(world).hear(&samples::key(1), &[parsed(message)]).await
}

async fn after(events: &[String]) -> EmailRecord {
    let world = world(1);
    for event in events {
        assert_eq!(heard(&world, event).await.expect("heard"), Heard::Known);
    }
    world.record(&samples::key(1)).expect("the row")
}

#[tokio::test]
async fn events_in_any_order_and_doubled_give_one_result() {
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
        assert_eq!(record.status, Status::Sent);
        assert_eq!(record.fates.get(&recipient_key("b@example.com")), Some(&Fate::Bounced));
        assert_eq!(record.delivered_at, Some(Timestamp::from_millis(1_002_000)));
    }
}

#[tokio::test]
async fn an_event_that_says_nothing_new_is_not_written() {
    let world = world(1);
    for _ in 0..3 {
        heard(&world, &send()).await.expect("heard");
    }
    assert_eq!(world.state().calls, ["load", "write", "load", "load"]);
}

/// One by one, at the same time, they would fight each other for the record.
#[tokio::test]
async fn all_that_is_said_of_one_email_is_read_and_written_together() {
    let world = world(1);
    let events: Vec<_> = [send(), delivery(), bounce(), delivery()]
        .iter()
        .map(|event| parsed(event))
        .collect();
    feedback(&world).hear(&samples::key(1), &events).await.expect("heard");
    assert_eq!(
        world.state().calls,
        ["load", "write", "write", "suppress", "change_account_rate"],
        "the acceptance, and the fates; then who bounced, and the senders are told"
    );
    let record = world.record(&samples::key(1)).expect("the row");
    assert_eq!(record.fates.get(&recipient_key("b@example.com")), Some(&Fate::Bounced));
}

/// Every address that is suppressed, with its origin, its email and its time.
fn suppressed(world: &World) -> Vec<(String, Origin, Option<EmailId>, i64)> {
    let state = world.state();
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

/// A world whose clock is behind the events.
fn later_world() -> World {
    let world = world(1);
    world.state().now_ms = 1_100_000;
    world
}

#[tokio::test]
async fn who_bounces_for_good_or_complains_is_suppressed_and_the_senders_are_told() {
    for (message, origin, at) in [
        (bounce(), Origin::Bounce, 1_003_000),
        (complaint(), Origin::Complaint, 1_004_000),
    ] {
        let world = later_world();
        heard(&world, &message).await.expect("heard");
        let expected = ("b@example.com".to_owned(), origin, Some(samples::id(1)), at);
        assert_eq!(suppressed(&world), [expected]);
        assert_eq!(world.state().account_rate.settings_no, 1);
    }
    for harmless in [send(), delivery(), soft_bounce()] {
        let world = later_world();
        heard(&world, &harmless).await.expect("heard");
        assert_eq!(suppressed(&world), []);
        let calls = world.state().calls.clone();
        assert!(
            !calls.contains(&"suppress") && !calls.contains(&"change_account_rate"),
            "{calls:?}"
        );
    }
}

#[tokio::test]
async fn the_first_reason_stays_however_often_and_in_whatever_order_events_come() {
    let world = later_world();
    for message in [bounce(), complaint(), bounce(), complaint()] {
        heard(&world, &message).await.expect("heard");
    }
    let [(_, origin, ..)] = &suppressed(&world)[..] else {
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
async fn an_address_on_sess_list_is_remembered_and_not_suppressed() {
    let id = SuppressionId::of(
        &TenantId::main(),
        &EmailAddress::parse("b@example.com").expect("an address"),
    );
    for gone in [false, true] {
        let world = later_world();
        if gone {
            world.state().records.clear();
        }
        for _ in 0..2 {
            heard(&world, &listed_bounce()).await.expect("heard");
        }
        assert_eq!(suppressed(&world), []);
        let listed: Vec<_> = world.state().listed.keys().cloned().collect();
        assert_eq!(listed, [(TenantId::main(), id)]);
    }
    let world = later_world();
    world
        .state()
        .faults_of
        .insert("remember_listed", [Fault::Before].into());
    assert!(heard(&world, &listed_bounce()).await.is_err(), "the event comes again");
}

#[tokio::test]
async fn a_complaint_of_several_ends_and_a_second_one_does_not() {
    let several = |id: u8| {
        let two = r#"[{"emailAddress":"b@example.com"},{"emailAddress":"c@example.com"}]"#;
        let text = complaint().replace(r#"[{"emailAddress":"B@example.com"}]"#, two);
        let text = text.replace(r#"["b@example.com"]"#, r#"["b@example.com","c@example.com"]"#);
        text.replace(&samples::id(1).to_string(), &samples::id(id).to_string())
    };
    let ends = |world: &World| -> Vec<_> {
        let state = world.state();
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
    let world = later_world();
    for _ in 0..2 {
        heard(&world, &several(1)).await.expect("heard");
    }
    assert_eq!(
        ends(&world),
        [Some(seven_days); 2],
        "the same one again is no second one"
    );
    feedback(&world)
        .hear(&samples::key(2), &[parsed(&several(2))])
        .await
        .expect("heard");
    assert_eq!(ends(&world), [None; 2]);
}

#[tokio::test]
async fn an_event_from_before_its_release_suppresses_nobody_again() {
    let world = later_world();
    heard(&world, &bounce()).await.expect("heard");
    let id = SuppressionId::of(
        &TenantId::main(),
        &EmailAddress::parse("b@example.com").expect("an address"),
    );
    for (released, again) in [(1_003_000, false), (1_050_000, false), (1_002_999, true)] {
        world.state().suppressions.insert(
            (TenantId::main(), id),
            Entry::Released {
                at: Timestamp::from_millis(released),
            },
        );
        heard(&world, &bounce()).await.expect("heard");
        assert_eq!(suppressed(&world).len(), usize::from(again), "{released}");
    }
}

#[tokio::test]
async fn a_complaint_is_heeded_when_its_email_is_gone_but_not_of_another_life_of_the_id() {
    let world = later_world();
    let key = samples::key(1);
    if let Some(record) = world.state().records.get_mut(&key) {
        record.born = Timestamp::from_millis(5);
    }
    heard(&world, &complaint()).await.expect("heard");
    assert_eq!(suppressed(&world), []);
    world.state().records.clear();
    assert_eq!(heard(&world, &complaint()).await.expect("heard"), Heard::NoSuchEmail);
    assert_eq!(suppressed(&world).len(), 1);
}

/// Whatever of it fails, the event comes again, and then all of it is done: the senders are told too.
#[tokio::test]
async fn a_suppression_that_broke_off_anywhere_is_completed_when_the_event_comes_again() {
    for (what, fault) in [
        ("suppress", Fault::Before),
        ("suppress", Fault::After),
        ("change_account_rate", Fault::Before),
        ("change_account_rate", Fault::After),
    ] {
        let world = later_world();
        world.state().faults_of.insert(what, [fault].into());
        assert!(heard(&world, &bounce()).await.is_err(), "{what} {fault:?}");
        let told = world.state().account_rate.settings_no;
        heard(&world, &bounce()).await.expect("heard");
        assert_eq!(suppressed(&world).len(), 1, "{what} {fault:?}");
        assert!(world.state().account_rate.settings_no > told, "{what} {fault:?}");
    }
}

#[tokio::test]
async fn an_event_of_another_birth_or_of_nobody_changes_nothing() {
    let world = world(1);
    heard(&world, &event("Send", "", 5)).await.expect("heard");
    assert_eq!(
        world.record(&samples::key(1)).expect("the row").status,
        Status::Uncertain
    );
    let nobody = feedback(&world).hear(&samples::key(9), &[parsed(&send())]).await;
    assert_eq!(nobody.expect("heard"), Heard::NoSuchEmail);
}

#[tokio::test]
async fn when_the_table_fails_the_event_comes_again() {
    let world = world(1);
    world.fail_next(1);
    assert!(heard(&world, &send()).await.is_err());
    heard(&world, &send()).await.expect("heard the second time");
    assert_eq!(world.record(&samples::key(1)).expect("the row").status, Status::Sent);
}

fn batch(messages: &[&str]) -> SqsEvent {
    let messages: Vec<_> = messages
        .iter()
        .zip(0..)
        .map(|(body, id)| serde_json::json!({"messageId": format!("m{id}"), "body": body}))
        .collect();
    serde_json::from_value(serde_json::json!({"Records": messages})).expect("an event of SQS")
}

async fn come_again(world: &World, messages: &[&str]) -> Result<Vec<String>, AllFailed> {
    let response = handler::handle(&feedback(world), batch(messages), Duration::from_secs(5)).await?;
    let failures = response.batch_item_failures.into_iter();
    Ok(failures.map(|failure| failure.item_identifier).collect())
}

#[tokio::test]
async fn what_cannot_be_read_comes_again_until_a_person_sees_it_and_strangers_do_not() {
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
    let again = come_again(&world(1), &messages).await.expect("some went well");
    assert_eq!(again, ["m0", "m2", "m4", "m6"]);
}

#[tokio::test]
async fn when_nothing_goes_well_the_invocation_fails_so_that_the_alarm_tells() {
    let world = world(1);
    world.fail_next(1);
    let messages = [send(), delivery()];
    let result = come_again(&world, &messages.each_ref().map(String::as_str)).await;
    assert_eq!(result, Err(AllFailed { messages: 2 }));
}

#[tokio::test]
async fn every_type_of_event_is_recorded_and_the_broken_record_fails_alone() {
    let event: SqsEvent =
        serde_json::from_str(include_str!("../../../events/feedback.json")).expect("the golden event parses");
    let ids: Vec<_> = event
        .records
        .iter()
        .filter_map(|message| message.message_id.clone())
        .collect();
    let world = world(10);
    let response = handler::handle(&feedback(&world), event, Duration::from_secs(5))
        .await
        .expect("some went well");
    let failed: Vec<_> = response
        .batch_item_failures
        .iter()
        .map(|failure| &failure.item_identifier)
        .collect();
    assert_eq!(failed, [&ids[4]]);
    let record = |n| {
        world
            .record(&EmailKey {
                tenant: domain::id::TenantId::main(),
                id: samples::id(n),
            })
            .expect("the row")
    };
    let fates: Vec<_> = (1..=10)
        .map(|n| (record(n).status, record(n).fates.into_values().next()))
        .collect();
    let sent = |fate| (Status::Sent, fate);
    assert_eq!(
        fates,
        [
            sent(None),
            sent(Some(Fate::Delivered)),
            sent(Some(Fate::Bounced)),
            sent(Some(Fate::Complained)),
            (Status::Uncertain, None),
            sent(Some(Fate::DeliveryDelayed)),
            sent(Some(Fate::Rejected)),
            sent(Some(Fate::Rejected)),
            sent(None),
            sent(None),
        ]
    );
    assert!(record(9).opened_at.is_some() && record(10).clicked_at.is_some());
}

/// What `promote` takes for evidence.
#[tokio::test]
async fn how_far_it_is_is_said_at_most_every_half_minute() {
    let world = world(1);
    world.state().now_ms = 2_000_000;
    let feedback = feedback(&world);
    let hear = |message: String| {
        let feedback = &feedback;
        async move {
            let answer = handler::handle(feedback, batch(&[&message]), Duration::from_secs(5)).await;
            answer.expect("not all failed");
        }
    };
    let said = |world: &World| {
        let calls = world.state().calls.clone();
        calls.iter().filter(|call| **call == "raise_watermark").count()
    };
    hear(send()).await;
    assert_eq!(world.state().newest_event, Some(Timestamp::from_millis(1_001_000)));
    hear(delivery()).await;
    assert_eq!(said(&world), 1);
    world.state().now_ms += 30_000;
    hear(bounce()).await;
    assert_eq!(world.state().newest_event, Some(Timestamp::from_millis(1_003_000)));
    world.state().now_ms += 30_000;
    hear(send()).await;
    assert_eq!(
        world.state().newest_event,
        Some(Timestamp::from_millis(1_003_000)),
        "an older one says nothing new"
    );
}

#[tokio::test]
async fn an_event_that_was_not_worked_off_or_is_of_the_future_is_no_evidence() {
    let failing = world(1);
    failing.fail_next(1);
    let result = handler::handle(&feedback(&failing), batch(&[&send()]), Duration::from_secs(5)).await;
    assert!(result.is_err());
    assert_eq!(failing.state().newest_event, None);

    let early = world(1);
    early.state().now_ms = 1_000_500;
    let result = handler::handle(&feedback(&early), batch(&[&send()]), Duration::from_secs(5)).await;
    assert!(result.is_ok());
    assert_eq!(
        early.state().newest_event,
        Some(Timestamp::from_millis(1_000_500)),
        "SES's clock is ahead of ours"
    );
}
