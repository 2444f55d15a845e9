//! Sending domains that wait for SES.
#![expect(clippy::unwrap_used, reason = "a failing test panics with its reason")]

use std::time::{Duration, Instant};

use domain::id::{DomainId, EmailId, TenantId};
use domain::ports::domains::{Domains, Identities};
use domain::tenant::domains::name::DomainName;
use domain::tenant::domains::{Registry, SendingDomain, Verification};
use memory::{Fault, MemoryBackend};

use crate::common::promote;

fn name() -> DomainName {
    DomainName::parse("example.com").unwrap()
}

async fn registered() -> MemoryBackend {
    let backend = MemoryBackend::default();
    let id = DomainId::of(EmailId::from_random([7; 16]));
    let now = backend.state().now();
    let domain = SendingDomain::new(id, TenantId::main(), name(), "send".to_owned(), now);
    assert!(backend.register_domain(&domain, &Registry::default()).await.unwrap());
    backend.create_identity(&name(), &TenantId::main()).await.unwrap();
    backend
}

async fn run_at(backend: &MemoryBackend, minute: i64) {
    backend.state().now_ms = minute * 60_000;
    let deadline = Instant::now() + Duration::from_secs(10);
    promote(backend).run(deadline).await.unwrap();
}

fn stored(backend: &MemoryBackend) -> SendingDomain {
    backend.state().domains.values().next().unwrap().clone()
}

fn asked(backend: &MemoryBackend) -> usize {
    let state = backend.state();
    state.calls.iter().filter(|call| **call == "identity").count()
}

#[tokio::test]
async fn ses_is_asked_each_minute_then_each_hour() {
    let backend = registered().await;
    for minute in 1..=70 {
        run_at(&backend, minute).await;
    }
    assert_eq!(asked(&backend), 60, "the first hour");
    for hour in 2..=80 {
        run_at(&backend, hour * 60).await;
    }
    assert_eq!(asked(&backend), 60 + 71, "until SES gives up");
    assert_eq!(stored(&backend).next_check, None);
}

#[tokio::test]
async fn a_verification_and_its_loss_are_noticed() {
    let backend = registered().await;
    let send = |may_send| backend.state().identities.get_mut(&name()).unwrap().may_send = may_send;
    send(true);
    run_at(&backend, 1).await;
    assert_eq!(stored(&backend).verification, Verification::Now);
    assert!(backend.state().registry.unverified.is_empty());
    send(false);
    run_at(&backend, 30).await;
    assert_eq!(
        stored(&backend).verification,
        Verification::Now,
        "a verified domain is asked about each hour"
    );
    run_at(&backend, 61).await;
    assert_eq!(stored(&backend).verification, Verification::Lost);
}

#[tokio::test]
async fn a_failed_question_is_repeated_by_the_next_run() {
    let backend = registered().await;
    backend.state().identities.get_mut(&name()).unwrap().may_send = true;
    for what in ["due_domains", "domain_named", "identity", "save_domain"] {
        backend.state().faults_of.insert(what, [Fault::Before].into());
        run_at(&backend, 1).await;
        assert_eq!(stored(&backend).verification, Verification::Never, "{what}");
    }
    run_at(&backend, 1).await;
    assert_eq!(stored(&backend).verification, Verification::Now);
}
