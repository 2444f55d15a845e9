//! The From domain of an email, compared with the registered domains.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a failing test panics with its reason"
)]

use aws::http::auth::Authenticator;
use aws::http::{endpoint, gateway};
use aws::runtime::settings::KeySettings;
use domain::id::{DomainId, EmailId, TenantId};
use domain::ports::domains::Domains;
use domain::tenant::domains::identity::Identity;
use domain::tenant::domains::name::DomainName;
use domain::tenant::domains::{Registry, SendingDomain, Verification};
use domain::timestamp::Timestamp;
use enqueue::EnqueueFunction;
use lambda_http::Body;
use memory::{MemoryBackend, samples};
use serde_json::{Value, json};

const EVENT: &str = include_str!("../../../events/enqueue.json");

/// Registers `example.com` for a tenant.
async fn register(backend: &MemoryBackend, tenant: &str, name: &str, verification: Verification) {
    let id = DomainId::of(EmailId::from_random([7; 16]));
    let (name, tenant) = (DomainName::parse(name).unwrap(), TenantId::parse(tenant).unwrap());
    let now = Timestamp::from_millis(0);
    let domain = SendingDomain {
        tokens: ["a", "b", "c"].map(str::to_owned).to_vec(),
        ..SendingDomain::new(id, tenant, name, "send".to_owned(), now)
    };
    assert!(backend.register_domain(&domain, &Registry::default()).await.unwrap());
    let seen = |may_send| {
        Some(Identity {
            may_send,
            ..Identity::default()
        })
    };
    let verified = domain.observed(seen(true).as_ref(), now);
    match verification {
        Verification::Never => {}
        Verification::Now => assert!(backend.save_domain(&domain, &verified, None).await.unwrap()),
        Verification::Lost => {
            assert!(backend.save_domain(&domain, &verified, None).await.unwrap());
            let lost = verified.observed(seen(false).as_ref(), now);
            assert!(backend.save_domain(&verified, &lost, None).await.unwrap());
        }
    }
}

async fn post(enqueue: &EnqueueFunction<MemoryBackend>, path: &str, body: Value) -> (u16, Value) {
    let mut event: Value = serde_json::from_str(EVENT).unwrap();
    event["headers"].as_object_mut().unwrap().remove("idempotency-key");
    event["rawPath"] = path.into();
    event["body"] = body.to_string().into();
    let request = gateway::request(serde_json::from_value(event).unwrap()).unwrap();
    let authenticator = Authenticator::new(KeySettings::of(samples::DEPLOYER_KEY));
    let response = endpoint::handle(enqueue, &authenticator, request).await;
    let Body::Text(text) = response.body() else {
        panic!("an answer is text")
    };
    (response.status().as_u16(), serde_json::from_str(text).unwrap())
}

fn email(from: &str) -> Value {
    json!({"from": from, "to": "ann@example.org", "subject": "Hello", "text": "Hello"})
}

#[tokio::test]
async fn an_unverified_domain_is_refused_with_its_records() {
    let backend = MemoryBackend::default();
    register(&backend, "main", "example.com", Verification::Never).await;
    let enqueue = crate::common::enqueue(&backend);
    let (status, error) = post(&enqueue, "/emails", email("Shop <shop@Example.com>")).await;
    assert_eq!((status, &error["name"]), (403, &json!("validation_error")));
    let message = error["message"].as_str().unwrap();
    assert!(
        message.starts_with("from: The example.com domain is not verified."),
        "{message}"
    );
    for token in ["a", "b", "c"] {
        let record = format!("{token}._domainkey.example.com with the value {token}.dkim.amazonses.com");
        assert!(message.contains(&record), "{message}");
    }
    let batch = json!([email("a@example.org"), email("a@example.com")]);
    let (status, error) = post(&enqueue, "/emails/batch", batch).await;
    assert!(
        status == 403 && error["message"].as_str().unwrap().starts_with("[1].from: "),
        "{error}"
    );
    assert!(backend.state().records.is_empty());
}

#[tokio::test]
async fn only_the_owner_sees_the_records_of_a_domain() {
    let backend = MemoryBackend::default();
    register(&backend, "other", "example.com", Verification::Never).await;
    let (status, error) = post(&crate::common::enqueue(&backend), "/emails", email("a@example.com")).await;
    assert_eq!(
        (status, &error["message"]),
        (403, &json!("from: The example.com domain is not verified."))
    );
}

/// SES may have an identity of the subdomain itself.
#[tokio::test]
async fn a_domain_below_an_unverified_one_is_accepted() {
    let backend = MemoryBackend::default();
    register(&backend, "main", "example.com", Verification::Never).await;
    let (status, answer) = post(
        &crate::common::enqueue(&backend),
        "/emails",
        email("a@mail.example.com"),
    )
    .await;
    assert_eq!(status, 200, "{answer}");
}

#[tokio::test]
async fn verified_lost_and_unregistered_domains_are_accepted() {
    for verification in [Verification::Now, Verification::Lost] {
        let backend = MemoryBackend::default();
        register(&backend, "main", "example.com", verification).await;
        let enqueue = crate::common::enqueue(&backend);
        for from in ["a@example.com", "a@mail.example.com", "a@example.org"] {
            let (status, answer) = post(&enqueue, "/emails", email(from)).await;
            assert_eq!(status, 200, "{verification:?} {from}: {answer}");
        }
    }
}

#[tokio::test]
async fn an_accepted_email_reads_no_domain() {
    let backend = MemoryBackend::default();
    register(&backend, "main", "example.com", Verification::Now).await;
    backend.state().calls.clear();
    post(&crate::common::enqueue(&backend), "/emails", email("a@example.com")).await;
    let calls = backend.calls_inside();
    assert!(
        !calls
            .iter()
            .any(|call| call.contains("domain") || call.contains("registry")),
        "{calls:?}"
    );
}

#[tokio::test]
async fn a_deployment_can_require_registered_domains() {
    let backend = MemoryBackend::default();
    register(&backend, "main", "example.com", Verification::Now).await;
    let mut enqueue = crate::common::enqueue(&backend);
    enqueue.with.requires_domains = true;
    for (from, expected) in [
        ("a@example.com", 200),
        ("a@mail.example.com", 200),
        ("a@example.org", 403),
        ("a@com.example.com.evil.example", 403),
    ] {
        assert_eq!(post(&enqueue, "/emails", email(from)).await.0, expected, "{from}");
    }
    backend.state().calls.clear();
    post(&enqueue, "/emails", email("a@example.com")).await;
    assert!(
        !backend.calls_inside().contains(&"domain_named"),
        "the domain is cached"
    );

    let backend = MemoryBackend::default();
    register(&backend, "other", "example.com", Verification::Now).await;
    let mut enqueue = crate::common::enqueue(&backend);
    enqueue.with.requires_domains = true;
    assert_eq!(
        post(&enqueue, "/emails", email("a@example.com")).await.0,
        403,
        "the domain is another tenant's"
    );
}
