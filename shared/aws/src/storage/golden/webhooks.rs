//! The items of webhooks: flags, settings, secrets, health, jobs, facts, payloads and deliveries.

use domain::delivery::ses_event::Agent;
use domain::id::{EmailId, TenantId};
use domain::ports::webhook_events::{
    Deliveries, DueDeliveries, DueDelivery, EmailFacts, Payloads, StoredDelivery, StoredFact, StoredPayload,
};
use domain::ports::webhooks::{
    EndpointHealth, RecoverJobs, SlowPermits, StoredSecrets, StoredWebhook, WebhookKey, WebhookList, WebhookSecrets,
    Webhooks,
};
use domain::webhook::delivery::{Delivery, DeliveryState, NextAttempt, PastAttempt};
use domain::webhook::event_type::EventType;
use domain::webhook::fact::{EmailFact, FactKind};
use domain::webhook::health::Health;
use domain::webhook::identity::{EventId, Subject};
use domain::webhook::permits::CallPermits;
use domain::webhook::recovery::RecoverJob;
use domain::webhook::secret::{SECRET_BYTES, Secrets, SigningSecret};
use domain::webhook::settings::{Target, Webhook, WebhookId};

use super::{Golden, written_items};
use crate::runtime::replay::Replay;
use crate::storage::permits::to_permits;
use crate::storage::records::samples::{at, record};
use crate::storage::table::keys::webhooks as keys;
use crate::storage::webhook_secrets::SecretTable;

fn key() -> WebhookKey {
    WebhookKey {
        tenant: TenantId::main(),
        id: WebhookId::of(EmailId::from_random([2; 16])),
    }
}

fn webhook(target: Target) -> Webhook {
    let events = vec!["email.sent".to_owned()];
    Webhook::new(key().id, key().tenant, target, events, at(1_000))
}

fn pushed() -> Webhook {
    let endpoint = "https://example.com/hook".to_owned();
    webhook(Target::Push { endpoint })
}

fn pulled() -> Webhook {
    webhook(Target::Pull { until: at(90_000) })
}

fn job() -> RecoverJob {
    let id = EmailId::from_random([3; 16]);
    RecoverJob::new(id, key().id, (at(1_000), at(2_000)), false, at(5_000))
}

fn event() -> EventId {
    EventId::from_bytes([1; 20])
}

#[tokio::test]
async fn settings_and_flags_are_read_and_written() {
    let (mut settings, mut flag) = (Golden::of("webhook"), Golden::of("webhook_flag"));
    for (name, webhook) in [("pushed", pushed()), ("pulled", pulled())] {
        let stored = written_items(async |replay| {
            let list = WebhookList::default();
            let added = replay.table(16).add_webhook(&list, &webhook, &job(), at(5_000)).await;
            assert!(added.unwrap());
        });
        let stored = stored.await;
        settings.check(name, &stored.of(&format!("hook#{}", key().id)));
        flag.check(name, &stored.of("hooks"));
        let expected = StoredWebhook { webhook, version: 1 };
        let read = settings.today(name).table(16).webhook(&key(), at(5_000)).await;
        assert_eq!(read.unwrap(), Some(expected));
    }
    settings.assert_complete();
    flag.assert_complete();
}

#[tokio::test]
async fn recovery_jobs_are_read_and_written() {
    let mut golden = Golden::of("recover_job");
    let done = job()
        .after_page(3, 0, None, at(5_000))
        .after_page(2, 9, None, at(6_000));
    for (name, job) in [("open", job()), ("done", done)] {
        let stored = written_items(async |replay| {
            let table = replay.table(16);
            assert!(table.save_recover_job(&key().tenant, &job, at(5_000)).await.unwrap());
        });
        golden.check(name, &stored.await.only());
        let read = golden.today(name).table(16).recover_job(&key().tenant, job.id).await;
        assert_eq!(read.unwrap(), Some(job));
    }
    golden.assert_complete();
}

#[tokio::test]
async fn the_health_of_endpoints_is_read_and_written() {
    let mut golden = Golden::of("endpoint");
    let failing = Health {
        failures: 3,
        failing_since: Some(at(4_000)),
        closed_until: Some(at(10_000)),
        pauses: 1,
        slow_until: Some(at(1_805_000)),
        permits: CallPermits::default(),
    };
    let tried = Health {
        permits: CallPermits::default().with(1, u64::MAX, at(5_000)).unwrap(),
        ..failing.clone()
    };
    for (name, health) in [("failing", failing), ("tried", tried)] {
        let stored = written_items(async |replay| {
            let change = replay
                .table(16)
                .change_health(&key(), &Health::default(), &health)
                .await;
            change.unwrap();
        });
        golden.check(name, &stored.await.only());
        assert_eq!(golden.today(name).table(16).health(&key()).await.unwrap(), health);
    }
    golden.assert_complete();
}

#[tokio::test]
async fn the_permits_of_slow_endpoints_are_read_and_written() {
    let mut golden = Golden::of("slow_permits");
    let none = CallPermits::default();
    let two = none
        .with(2, u64::MAX, at(5_000))
        .unwrap()
        .with(2, 7, at(6_000))
        .unwrap();
    for (name, permits) in [("one", two.without(u64::MAX)), ("two", two)] {
        let stored = written_items(async |replay| {
            replay.table(16).change_slow_permits(&none, &permits).await.unwrap();
        });
        golden.check(name, &stored.await.only());
        let read = golden.today(name).table(16).get(keys::slow_permits(), "testing").await;
        assert_eq!(to_permits(read.unwrap().as_ref()), permits);
    }
    golden.assert_complete();
}

#[tokio::test]
async fn signing_secrets_are_read_and_written() {
    fn secrets_of(replay: &Replay) -> SecretTable {
        SecretTable::new(replay.table(16), "S", replay.clients().kms(), None)
    }
    let mut golden = Golden::of("webhook_secret");
    let secret = |byte| SigningSecret::new([byte; SECRET_BYTES]);
    let new = Secrets::new(secret(1));
    let rotated = new.rotated(secret(2), at(5_000));
    let ending = new.clone().ending_at(Some(at(90_000)));
    for (name, secrets) in [("new", new), ("rotated", rotated), ("ending", ending)] {
        let stored = written_items(async |replay| {
            assert!(secrets_of(replay).save_secrets(&key(), None, &secrets).await.unwrap());
        });
        golden.check(name, &stored.await.only());
        let read = secrets_of(&golden.today(name)).secrets(&key()).await;
        assert_eq!(read.unwrap(), Some(StoredSecrets::Readable(secrets)));
    }
    golden.assert_complete();
}

#[tokio::test]
async fn facts_are_read_and_written() {
    let mut golden = Golden::of("fact");
    let fact = EmailFact {
        v: EmailFact::VERSION,
        claim_no: 1,
        message_id: "m".to_owned(),
        at: at(6_000),
        kind: FactKind::Opened(Agent {
            ip_address: "192.0.2.1".to_owned(),
            user_agent: "Mail/1.0".to_owned(),
        }),
    };
    let stored_fact = StoredFact {
        born: record().born,
        fact: fact.clone(),
    };
    let stored = written_items(async |replay| {
        replay
            .table(16)
            .put_fact(&record().email_key(), &stored_fact)
            .await
            .unwrap();
    });
    golden.check("opened", &stored.await.only());
    let read = golden
        .today("opened")
        .table(16)
        .facts_of(&record().email_key(), record().born)
        .await;
    assert_eq!(read.unwrap(), [fact]);
    golden.assert_complete();
}

#[tokio::test]
async fn payloads_are_read_and_written() {
    let mut golden = Golden::of("event_payload");
    let payload = StoredPayload {
        event: event(),
        event_type: EventType::Sent,
        subject: Subject::Email(record().id),
        born: record().born,
        created_at: at(6_000),
        body: r#"{"type":"email.sent"}"#.to_owned(),
    };
    let replay = golden.today("sent");
    let put = replay
        .table(16)
        .put_payload(&key().tenant, &payload, &[key().id], at(7_000))
        .await;
    assert!(put.is_err(), "the answer of this table has no attributes");
    let stored = super::GoldenTable::after(&replay.requests());
    golden.check("sent", &stored.only());
    let read = golden
        .today("sent")
        .table(16)
        .payloads(&key().tenant, &[(payload.subject, event())])
        .await;
    assert_eq!(read.unwrap(), [payload]);
    golden.assert_complete();
}

#[tokio::test]
async fn deliveries_are_read_and_written() {
    let mut golden = Golden::of("delivery");
    let new = Delivery::new(event(), EventType::Sent, at(6_000), true, at(7_000));
    let tried = Delivery {
        state: DeliveryState::Attempting,
        attempts: 1,
        postponed: 2,
        next: Some(NextAttempt {
            at: at(12_000),
            check: at(912_000),
        }),
        tried: 1,
        past: vec![PastAttempt {
            number: 1,
            at: at(8_000),
            status: 500,
            words: "no".to_owned(),
        }],
        version: 3,
        ..new.clone()
    };
    let kept = Delivery::new(event(), EventType::Sent, at(6_000), false, at(7_000));
    for (name, delivery) in [("new", new), ("tried", tried), ("kept", kept)] {
        let subject = Subject::Email(record().id);
        let delivery = StoredDelivery { delivery, subject };
        let stored = written_items(async |replay| {
            let table = replay.table(16);
            assert_eq!(table.add_delivery(&key(), &delivery).await.unwrap(), None);
        });
        golden.check(name, &stored.await.only());
        let read = golden.today(name).table(16).deliveries(&key(), &[event()]).await;
        assert_eq!(read.unwrap(), std::slice::from_ref(&delivery));
        let page = golden
            .today(name)
            .table(16)
            .due_deliveries(event().shard(), (at(0), at(9_000_000)), None, 10)
            .await;
        // The table of this test answers each query with its item, also without a place in the index.
        if let Some(next) = delivery.delivery.next {
            let [
                DueDelivery {
                    key: of,
                    event: due,
                    cursor,
                    behind,
                },
            ] = &page.unwrap().items[..]
            else {
                panic!("one delivery is due")
            };
            assert_eq!((of, due), (&key(), &event()));
            assert!(behind > cursor, "{behind:?}");
            assert!(
                cursor.0.starts_with(&format!("{:015}#", next.check.as_millis())),
                "{cursor:?}"
            );
        }
    }
    golden.assert_complete();
}
