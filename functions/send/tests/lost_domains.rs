//! Emails of a domain that lost its verification, in the in-memory backend.
#![expect(
    clippy::expect_used,
    clippy::unwrap_used,
    reason = "a failing test panics with its reason"
)]

use std::time::Duration;

use domain::delivery::attempt::Attempt;
use domain::delivery::cause::Cause;
use domain::delivery::record::{DueKind, EmailRecord, RecordStatus};
use domain::id::{DomainId, EmailId, TenantId};
use domain::ports::domains::{Domains, Identities};
use domain::tenant::domains::name::DomainName;
use domain::tenant::domains::{Registry, SendingDomain, Verification};
use memory::samples::{self, BORN};
use memory::{Fault, MemoryBackend};
use send::TaskOutcome;
use send::rate_limiter::Permit;
use tokio::time::Instant;
use workflow::domains::{Wait, observe, remove};

fn name() -> DomainName {
    DomainName::parse("example.com").unwrap()
}

/// Returns one email from this domain.
fn backend(from: Option<&str>) -> MemoryBackend {
    let backend = samples::backend(1).unwrap();
    let record = EmailRecord {
        from_domain: from.map(str::to_owned),
        ..record(&backend)
    };
    backend.state().store_record(record);
    backend
}

async fn register(backend: &MemoryBackend, tenant: &TenantId, verification: Verification) {
    let id = DomainId::of(EmailId::from_random([7; 16]));
    let domain = SendingDomain {
        verification,
        ..SendingDomain::new(id, tenant.clone(), name(), "send".to_owned(), BORN)
    };
    assert!(backend.register_domain(&domain, &Registry::default()).await.unwrap());
    backend.create_identity(&name(), tenant).await.unwrap();
}

fn domain_of(backend: &MemoryBackend) -> SendingDomain {
    backend.state().domains.values().next().unwrap().clone()
}

async fn ask_ses(backend: &MemoryBackend, may_send: bool) {
    backend.state().identities.get_mut(&name()).unwrap().may_send = may_send;
    let now = backend.state().now();
    let observed = observe(backend, backend, domain_of(backend), Wait::Continued, now).await;
    let expected = if may_send {
        Verification::Now
    } else {
        Verification::Lost
    };
    assert_eq!(observed.unwrap().unwrap().domain.verification, expected);
}

fn record(backend: &MemoryBackend) -> EmailRecord {
    backend.record(&samples::key(1)).unwrap()
}

fn place(backend: &MemoryBackend) -> (RecordStatus, Option<DueKind>) {
    let record = record(backend);
    (record.status, record.due.map(|due| due.kind))
}

async fn process(backend: &MemoryBackend) -> TaskOutcome {
    let end = Instant::now() + Duration::from_secs(60);
    let sender = crate::common::sender(backend, backend.clone());
    let outcome = sender.process(samples::send_task(1), Permit::At(BORN), end).await;
    outcome.expect("carried out")
}

fn refused(named: &str) -> Attempt {
    let words = "MessageRejected: Email address is not verified. The following identities failed the check in region";
    Attempt::NotAccepted {
        cause: Cause::UnverifiedSender,
        detail: format!("{words} US-EAST-1: {named}"),
    }
}

#[tokio::test]
async fn an_email_of_a_lost_domain_is_parked_unclaimed() {
    let backend = backend(Some("a.example.com"));
    register(&backend, &TenantId::main(), Verification::Now).await;
    ask_ses(&backend, false).await;
    for _ in 0..2 {
        assert_eq!(process(&backend).await, TaskOutcome::Done);
        assert_eq!(place(&backend), (RecordStatus::Queued, Some(DueKind::Held)));
    }
    assert!(backend.state().submitted.is_empty());
    assert_eq!(record(&backend).claim_no, 0);

    ask_ses(&backend, true).await;
    for _ in 0..2 {
        assert_eq!(process(&backend).await, TaskOutcome::Done);
    }
    assert_eq!(place(&backend), (RecordStatus::Sent, None));
    assert_eq!(backend.state().submitted, [(samples::id(1), 1)]);
}

#[tokio::test]
async fn a_deleted_domain_holds_no_email() {
    let backend = backend(Some("example.com"));
    register(&backend, &TenantId::main(), Verification::Now).await;
    ask_ses(&backend, false).await;
    remove(&backend, domain_of(&backend), BORN).await.unwrap();
    assert_eq!(process(&backend).await, TaskOutcome::Done);
    assert_eq!(place(&backend).0, RecordStatus::Sent);
}

#[tokio::test]
async fn only_emails_of_the_lost_domain_are_read_and_held() {
    for from in [Some("other.example"), None] {
        let backend = backend(from);
        register(&backend, &TenantId::main(), Verification::Now).await;
        ask_ses(&backend, false).await;
        assert_eq!(process(&backend).await, TaskOutcome::Done);
        assert_eq!(place(&backend).0, RecordStatus::Sent, "{from:?}");
    }
}

#[tokio::test]
async fn a_refusal_of_a_lost_domain_is_tried_again() {
    for verification in [Verification::Now, Verification::Lost] {
        let backend = backend(Some("a.example.com"));
        register(&backend, &TenantId::main(), verification).await;
        backend.state().answers = [refused("Shop <shop@A.example.com>")].into();
        process(&backend).await;
        let refused = record(&backend);
        assert_eq!(
            (refused.status, refused.cause, refused.attempts),
            (RecordStatus::Queued, Some(Cause::Unavailable), 1),
            "{verification:?}"
        );
        assert!(refused.not_before > BORN && backend.state().dead_letters.is_empty());

        // Meanwhile `promote` has asked SES.
        ask_ses(&backend, false).await;
        backend.state().now_ms = refused.not_before.as_millis();
        process(&backend).await;
        assert_eq!(place(&backend), (RecordStatus::Queued, Some(DueKind::Held)));
        assert_eq!(backend.state().submitted.len(), 1);
    }
}

#[tokio::test]
async fn unreadable_domains_fail_no_email() {
    let backend = backend(Some("example.com"));
    backend.state().answers = [refused("shop@example.com")].into();
    backend
        .state()
        .faults_of
        .insert("related_domains", [Fault::Before].into());
    process(&backend).await;
    assert_eq!(record(&backend).cause, Some(Cause::Unavailable));
}

#[tokio::test]
async fn other_refused_senders_fail_at_once() {
    let (main, other) = (TenantId::main(), TenantId::parse("other").unwrap());
    for (from, named, registered) in [
        (Some("example.com"), "shop@example.com", None),
        (
            Some("example.com"),
            "shop@example.com",
            Some((&main, Verification::Never)),
        ),
        (
            Some("example.com"),
            "shop@example.com",
            Some((&other, Verification::Now)),
        ),
        (
            Some("example.com"),
            "ann@recipient.example",
            Some((&main, Verification::Now)),
        ),
        (
            Some("other.example"),
            "shop@other.example",
            Some((&main, Verification::Now)),
        ),
        (None, "shop@example.com", Some((&main, Verification::Now))),
    ] {
        let backend = backend(from);
        if let Some((tenant, verification)) = registered {
            register(&backend, tenant, verification).await;
        }
        backend.state().answers = [refused(named)].into();
        process(&backend).await;
        let failing = record(&backend);
        assert_eq!(
            (failing.status, failing.cause),
            (RecordStatus::Failing, Some(Cause::UnverifiedSender)),
            "{from:?} {named} {registered:?}"
        );
    }
}
