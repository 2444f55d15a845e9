//! Emails of a domain that lost its verification wait, and go when SES sends for it again.
#![expect(clippy::unwrap_used, reason = "a failing test panics with its reason")]

use std::time::{Duration, Instant};

use domain::delivery::record::{DueKind, EmailRecord};
use domain::id::{DomainId, EmailId, EmailKey, QueueKey, QueueName, TenantId};
use domain::ports::domains::{Domains, Identities};
use domain::queue::Queue;
use domain::queue::lost_verifications::LostVerifications;
use domain::tenant::domains::name::DomainName;
use domain::tenant::domains::{Registry, SendingDomain, Verification};
use memory::samples::{self, BORN};
use memory::{Fault, MemoryBackend};

use crate::common::promote;

fn name() -> DomainName {
    DomainName::parse("example.com").unwrap()
}

fn other_tenant() -> TenantId {
    TenantId::parse("other").unwrap()
}

fn queue_of(tenant: TenantId, name: &str) -> QueueKey {
    let name = QueueName::parse(name).unwrap();
    QueueKey { tenant, name }
}

fn lead() -> QueueKey {
    queue_of(TenantId::main(), "default")
}

/// Returns a backend with a domain that is due for a question. SES sends for it no longer.
async fn backend() -> MemoryBackend {
    let backend = samples::backend(0).unwrap();
    let id = DomainId::of(EmailId::from_random([7; 16]));
    let domain = SendingDomain {
        verification: Verification::Now,
        next_check: Some(BORN),
        ..SendingDomain::new(id, TenantId::main(), name(), "send".to_owned(), BORN)
    };
    assert!(backend.register_domain(&domain, &Registry::default()).await.unwrap());
    backend.create_identity(&name(), &TenantId::main()).await.unwrap();
    backend
}

fn verify_at_ses(backend: &MemoryBackend) {
    backend.state().identities.get_mut(&name()).unwrap().may_send = true;
}

/// Stores an overdue email of a tenant and a queue.
fn store(backend: &MemoryBackend, n: u8, from: &str, queue: &QueueKey) -> EmailKey {
    let email = samples::email().unwrap();
    let record = EmailRecord {
        tenant: queue.tenant.clone(),
        queue: queue.name.clone(),
        from_domain: Some(from.to_owned()),
        ..samples::record(n, &email)
    };
    let key = record.email_key();
    let mut state = backend.state();
    state.bodies.insert((key.clone(), email.hash()), email.to_body());
    state.store_record(record);
    key
}

async fn run_at(backend: &MemoryBackend, seconds: u64) -> bool {
    backend.state().now_ms = BORN.after(Duration::from_secs(seconds)).as_millis();
    promote(backend)
        .run(Instant::now() + Duration::from_secs(60))
        .await
        .is_ok()
}

fn kind(backend: &MemoryBackend, key: &EmailKey) -> Option<DueKind> {
    backend.record(key).unwrap().due.map(|due| due.kind)
}

fn enqueued(backend: &MemoryBackend, key: &EmailKey) -> usize {
    let state = backend.state();
    let of = state.send_tasks.iter().map(|request| &request.send_task);
    of.filter(|task| (&task.tenant, task.id) == (&key.tenant, key.id))
        .count()
}

fn verification(backend: &MemoryBackend) -> Verification {
    backend.state().domains.values().next().unwrap().verification
}

fn is_held(backend: &MemoryBackend, queue: &QueueKey) -> bool {
    let state = backend.state();
    let queue = state.queues.get(queue);
    queue.is_some_and(|queue| queue.lost_verifications.domains().eq(["example.com"]))
}

#[tokio::test]
async fn emails_of_a_lost_domain_wait_and_go_once() {
    let backend = backend().await;
    let news = queue_of(TenantId::main(), "news");
    backend
        .state()
        .queues
        .insert(news.clone(), Queue::plain(news.clone(), BORN));
    run_at(&backend, 0).await;
    assert!(is_held(&backend, &lead()) && !is_held(&backend, &news));
    run_at(&backend, 1).await;
    assert!(
        is_held(&backend, &news),
        "the job of the first queue changes the others"
    );

    let held = [
        store(&backend, 1, "example.com", &lead()),
        store(&backend, 2, "a.example.com", &lead()),
        store(&backend, 3, "example.com", &news),
    ];
    let others = [
        store(&backend, 4, "other.example", &lead()),
        store(&backend, 5, "example.com", &queue_of(other_tenant(), "default")),
    ];
    run_at(&backend, 2).await;
    for key in &held {
        assert_eq!(
            (kind(&backend, key), enqueued(&backend, key)),
            (Some(DueKind::Held), 0),
            "{key:?}"
        );
    }
    for key in &others {
        assert_eq!(enqueued(&backend, key), 1, "{key:?}");
    }

    verify_at_ses(&backend);
    for seconds in [70, 71, 72, 200] {
        run_at(&backend, seconds).await;
    }
    assert_eq!(verification(&backend), Verification::Now);
    assert!(!is_held(&backend, &lead()) && !is_held(&backend, &news));
    for key in held.iter().chain(&others) {
        assert_eq!(enqueued(&backend, key), 1, "{key:?}");
        assert_ne!(kind(&backend, key), Some(DueKind::Held), "{key:?}");
    }
}

#[tokio::test]
async fn a_loss_is_stored_together_with_its_hold() {
    for call in ["related_domains", "queue", "save_domain"] {
        for fault in [Fault::Before, Fault::After] {
            let backend = backend().await;
            backend.state().faults_of.insert(call, [fault].into());
            run_at(&backend, 0).await;
            let is_stored = call == "save_domain" && fault == Fault::After;
            for seconds in [0, 70] {
                let expected = is_stored || seconds > 0;
                let is_lost = verification(&backend) == Verification::Lost;
                assert_eq!(
                    (is_lost, is_held(&backend, &lead())),
                    (expected, expected),
                    "{call} {fault:?} {seconds}"
                );
                run_at(&backend, 70).await;
            }
            assert!(
                backend.state().account_rate.settings_version > 0,
                "{call} {fault:?}: the senders know"
            );
        }
    }
}

#[tokio::test]
async fn a_concurrent_change_of_the_queue_keeps_both() {
    let backend = backend().await;
    run_at(&backend, 0).await;
    let (held, domain) = {
        let state = backend.state();
        let domain = state.domains.values().next().unwrap().clone();
        (state.queues[&lead()].clone(), domain)
    };
    // Somebody pauses the queue between the read and the write.
    let verified = SendingDomain {
        verification: Verification::Now,
        version: domain.version + 1,
        ..domain.clone()
    };
    let change = domain::ports::QueueChange {
        queue: Queue {
            lost_verifications: LostVerifications::default(),
            version: held.version + 1,
            ..held.clone()
        },
        job: None,
    };
    backend.state().queues.insert(lead(), held.with_suspension(true));
    assert!(!backend.save_domain(&domain, &verified, Some(&change)).await.unwrap());
    assert_eq!(verification(&backend), Verification::Lost, "neither is written");

    verify_at_ses(&backend);
    run_at(&backend, 70).await;
    assert_eq!(verification(&backend), Verification::Now);
    assert!(!is_held(&backend, &lead()) && backend.state().queues[&lead()].suspended);
}

#[tokio::test]
async fn a_dropped_list_is_written_again() {
    let backend = backend().await;
    run_at(&backend, 0).await;
    // An earlier version of mailqueue changed the queue.
    backend.state().queues.get_mut(&lead()).unwrap().lost_verifications = LostVerifications::default();
    run_at(&backend, 30).await;
    assert!(!is_held(&backend, &lead()), "not due yet");
    run_at(&backend, 70).await;
    assert!(is_held(&backend, &lead()));
    assert_eq!(verification(&backend), Verification::Lost);
}
