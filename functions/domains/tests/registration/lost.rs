//! Domains that lost their verification: their emails wait.

use domain::id::{QueueKey, QueueName, TenantId};
use domain::queue::job::Task;
use domain::tenant::domains::identity::IdentityStatus;
use memory::{Fault, MemoryBackend};
use serde_json::json;

use crate::{ask, at_ses, created, verify_at_ses};

fn lead() -> QueueKey {
    QueueKey {
        tenant: TenantId::main(),
        name: QueueName::default(),
    }
}

/// Returns the domains whose emails wait.
fn held(backend: &MemoryBackend) -> Vec<String> {
    let state = backend.state();
    let lead = state.queues.get(&lead());
    lead.map_or_else(Vec::new, |lead| {
        lead.lost_verifications.domains().map(str::to_owned).collect()
    })
}

/// Registers a domain, and makes SES send for it.
async fn verified(backend: &MemoryBackend, name: &str) -> String {
    let path = created(backend, name).await;
    verify_at_ses(backend, name);
    ask(backend, "GET", &path, None).await;
    path
}

fn lose_at_ses(backend: &MemoryBackend, name: &str, status: IdentityStatus) {
    at_ses(backend, name, |identity| {
        identity.status = status;
        identity.may_send = false;
    });
}

#[tokio::test]
async fn a_lost_domain_says_that_its_emails_wait() {
    let backend = MemoryBackend::default();
    let path = verified(&backend, "example.com").await;
    let (_, domain) = ask(&backend, "GET", &path, None).await;
    assert_eq!((&domain["verified"], domain.get("hint")), (&json!("now"), None));
    assert!(backend.state().queues.is_empty(), "nothing is written without a loss");

    lose_at_ses(&backend, "example.com", IdentityStatus::Failed);
    let (_, domain) = ask(&backend, "GET", &path, None).await;
    let hint = domain["hint"].as_str().unwrap();
    let missing = "Restore these DKIM records in DNS: example-com1._domainkey.example.com, \
        example-com2._domainkey.example.com, example-com3._domainkey.example.com. Then call POST /domains/{id}/verify.";
    assert!(
        hint.contains("are accepted and wait") && hint.contains(missing),
        "{hint}"
    );
    let (_, list) = ask(&backend, "GET", "/domains", None).await;
    assert!(list["data"][0]["hint"].is_string(), "{list}");
    assert_eq!(held(&backend), ["example.com"]);

    verify_at_ses(&backend, "example.com");
    let (_, domain) = ask(&backend, "GET", &path, None).await;
    assert_eq!((&domain["verified"], domain.get("hint")), (&json!("now"), None));
    assert!(held(&backend).is_empty());
}

/// An adopted identity may refuse emails without its MAIL FROM domain.
#[tokio::test]
async fn a_lost_mail_from_domain_says_so_and_keeps_its_demand() {
    let backend = MemoryBackend::default();
    let path = verified(&backend, "example.com").await;
    at_ses(&backend, "example.com", |identity| {
        identity.may_send = false;
        identity.mail_from = Some(("bounce.example.com".to_owned(), IdentityStatus::Failed));
        identity.demands_mail_from = true;
    });
    let (_, domain) = ask(&backend, "GET", &path, None).await;
    assert_eq!(
        (&domain["status"], &domain["verified"]),
        (&json!("pending"), &json!("lost"))
    );
    let hint = domain["hint"].as_str().unwrap();
    let repair = "Restore the MX record of its MAIL FROM domain in DNS: bounce.example.com. Then call POST /domains/{id}/verify.";
    assert!(hint.contains(repair), "{hint}");
    let (_, list) = ask(&backend, "GET", "/domains", None).await;
    let hint = list["data"][0]["hint"].as_str().unwrap();
    assert!(hint.contains("MAIL FROM domain in DNS. Then call"), "{hint}");
    assert_eq!(held(&backend), ["example.com"]);

    assert_eq!(ask(&backend, "POST", &format!("{path}/verify"), None).await.0, 200);
    at_ses(&backend, "example.com", |identity| {
        let pending = Some(("bounce.example.com".to_owned(), IdentityStatus::Pending));
        assert_eq!((&identity.mail_from, identity.demands_mail_from), (&pending, true));
        identity.may_send = true;
    });
    ask(&backend, "GET", &path, None).await;
    assert!(held(&backend).is_empty());
}

#[tokio::test]
async fn a_deletion_lets_the_emails_go() {
    for fault in [None, Some(Fault::Before), Some(Fault::After)] {
        let backend = MemoryBackend::default();
        let path = verified(&backend, "example.com").await;
        lose_at_ses(&backend, "example.com", IdentityStatus::Failed);
        ask(&backend, "GET", &path, None).await;
        assert_eq!(held(&backend), ["example.com"]);
        backend
            .state()
            .faults_of
            .insert("remove_domain", fault.into_iter().collect());
        let (status, _) = ask(&backend, "DELETE", &path, None).await;
        assert_eq!(status, if fault.is_some() { 500 } else { 200 });
        assert_eq!(
            held(&backend).is_empty(),
            backend.state().domains.is_empty(),
            "{fault:?}"
        );
        ask(&backend, "DELETE", &path, None).await;
        assert!(
            held(&backend).is_empty() && backend.state().domains.is_empty(),
            "{fault:?}"
        );
        let state = backend.state();
        let newest = state.jobs.values().max_by_key(|job| job.queue_version).unwrap();
        assert_eq!(newest.task, Task::FollowTenant, "the job releases the emails");
    }
}

#[tokio::test]
async fn a_verified_subdomain_of_a_lost_domain_sends() {
    let backend = MemoryBackend::default();
    let above = verified(&backend, "example.com").await;
    let below = verified(&backend, "mail.example.com").await;
    let covers = |from: &str| {
        let state = backend.state();
        let mut record = memory::samples::record(1, &memory::samples::email().unwrap());
        record.from_domain = Some(from.to_owned());
        state.queues[&lead()].lost_verifications.cover(&record)
    };
    lose_at_ses(&backend, "example.com", IdentityStatus::Failed);
    ask(&backend, "GET", &above, None).await;
    assert!(covers("example.com") && covers("a.example.com") && !covers("mail.example.com"));
    // The subdomain is lost too, and comes back first.
    lose_at_ses(&backend, "mail.example.com", IdentityStatus::Failed);
    ask(&backend, "GET", &below, None).await;
    assert!(covers("mail.example.com"));
    verify_at_ses(&backend, "mail.example.com");
    ask(&backend, "GET", &below, None).await;
    assert!(covers("example.com") && !covers("mail.example.com"));
    ask(&backend, "DELETE", &below, None).await;
    assert!(
        covers("mail.example.com"),
        "emails from the subdomain belong to the lost domain again"
    );
}

#[tokio::test]
async fn an_interrupted_request_stores_neither_or_both() {
    let backend = MemoryBackend::default();
    let path = verified(&backend, "example.com").await;
    lose_at_ses(&backend, "example.com", IdentityStatus::Failed);
    backend.state().faults_of.insert("save_domain", [Fault::Before].into());
    assert_eq!(ask(&backend, "GET", &path, None).await.0, 500);
    assert!(held(&backend).is_empty());
    assert_eq!(ask(&backend, "GET", &path, None).await.0, 200);
    assert_eq!(held(&backend), ["example.com"]);
    assert!(backend.state().account_rate.settings_version > 0, "the senders know");
}
