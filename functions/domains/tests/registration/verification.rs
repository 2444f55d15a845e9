//! The progress of a verification, as SES and DNS report it.

use domain::tenant::domains::dns::{DnsAnswer, RecordType};
use domain::tenant::domains::identity::IdentityStatus;
use memory::MemoryBackend;
use serde_json::json;

use crate::{ask, at_ses, created, name, verify_at_ses};

fn in_dns(backend: &MemoryBackend, host: &str, record_type: RecordType, value: &str) {
    let answer = DnsAnswer::Values(vec![value.to_owned()]);
    backend.state().dns.insert((host.to_owned(), record_type), answer);
}

#[tokio::test]
async fn ses_and_dns_are_shown_beside_each_other() {
    let backend = MemoryBackend::default();
    let path = created(&backend, "mail.example.com").await;
    let cname = RecordType::Cname;
    let host = |number| format!("mail-example-com{number}._domainkey.mail.example.com");
    in_dns(&backend, &host(1), cname, "mail-example-com1.dkim.amazonses.com");
    in_dns(
        &backend,
        &host(2),
        cname,
        "mail-example-com2.dkim.amazonses.com.example.com",
    );
    in_dns(
        &backend,
        &format!("{}.example.com", host(3)),
        cname,
        "mail-example-com3.dkim.amazonses.com",
    );
    in_dns(&backend, "_dmarc.example.com", RecordType::Txt, "v=DMARC1; p=reject");
    let (status, domain) = ask(&backend, "GET", &path, None).await;
    assert_eq!(status, 200);
    let dns = |place: usize| domain["records"][place]["dns"]["status"].as_str().unwrap();
    assert_eq!(
        [0, 1, 2, 3, 4].map(dns),
        ["missing", "missing", "found", "different", "missing"]
    );
    assert_eq!(domain["records"][2]["status"], "pending", "SES has not seen it yet");
    for place in [3, 4] {
        assert!(
            domain["records"][place]["dns"]["hint"]
                .as_str()
                .unwrap()
                .contains("a dot at its end")
        );
    }
    assert_eq!(domain["dmarc"]["status"], "verified", "the policy of the zone applies");
}

#[tokio::test]
async fn a_verified_domain_leaves_the_registry() {
    let backend = MemoryBackend::default();
    let path = created(&backend, "example.com").await;
    verify_at_ses(&backend, "example.com");
    let (_, domain) = ask(&backend, "GET", &path, None).await;
    assert_eq!(
        (&domain["status"], &domain["verified"]),
        (&json!("verified"), &json!("now"))
    );
    assert!(backend.state().registry.unverified.is_empty());

    at_ses(&backend, "example.com", |identity| {
        identity.status = IdentityStatus::TemporaryFailure;
        identity.may_send = false;
    });
    let (_, domain) = ask(&backend, "GET", &path, None).await;
    assert_eq!(
        (&domain["status"], &domain["verified"]),
        (&json!("pending"), &json!("lost"))
    );
    assert_eq!(domain["records"][2]["status"], "temporary_failure");
    assert!(
        backend.state().registry.unverified.is_empty(),
        "its emails are still accepted"
    );
}

#[tokio::test]
async fn a_verification_starts_a_failed_one_again() {
    let backend = MemoryBackend::default();
    let path = created(&backend, "example.com").await;
    let hour = 3_600_000;
    backend.state().now_ms = 100 * hour;
    at_ses(&backend, "example.com", |identity| {
        identity.status = IdentityStatus::Failed
    });
    let (_, domain) = ask(&backend, "GET", &path, None).await;
    assert_eq!(domain["status"], "failed");
    let next = |backend: &MemoryBackend| backend.state().domains.values().next().unwrap().next_check;
    assert_eq!(next(&backend), None);

    let (status, answer) = ask(&backend, "POST", &format!("{path}/verify"), None).await;
    assert_eq!((status, &answer["object"]), (200, &json!("domain")));
    let (_, domain) = ask(&backend, "GET", &path, None).await;
    assert_eq!(domain["status"], "pending");
    assert!(next(&backend).is_some());
}

#[tokio::test]
async fn a_verification_restores_a_deleted_identity() {
    let backend = MemoryBackend::default();
    let path = created(&backend, "example.com").await;
    backend.state().identities.clear();
    let (_, domain) = ask(&backend, "GET", &path, None).await;
    assert_eq!(domain["status"], "not_started");
    assert_eq!(ask(&backend, "POST", &format!("{path}/verify"), None).await.0, 200);
    assert!(backend.state().identities.contains_key(&name("example.com")));
}

#[tokio::test]
async fn an_identity_of_others_proves_nothing() {
    let backend = MemoryBackend::default();
    let path = created(&backend, "example.com").await;
    verify_at_ses(&backend, "example.com");
    at_ses(&backend, "example.com", |identity| identity.owner = None);
    let (_, domain) = ask(&backend, "GET", &path, None).await;
    assert_eq!(
        (&domain["status"], &domain["verified"]),
        (&json!("not_started"), &json!("never"))
    );
    let (status, _) = ask(&backend, "POST", &format!("{path}/verify"), None).await;
    assert_eq!(status, 409);
}
