//! The stream in, and partial failures out; suppressed addresses and sending domains.
#![expect(clippy::unwrap_used, reason = "a failing test panics with its reason")]

use std::time::Duration;

use domain::delivery::suppression::{Suppression, SuppressionId};
use domain::id::{DomainId, EmailId, TenantId};
use domain::message::address::EmailAddress;
use domain::ports::Suppressions;
use domain::ports::domains::Domains;
use domain::tenant::domains::identity::{Identity, IdentityStatus};
use domain::tenant::domains::name::DomainName;
use domain::tenant::domains::{Registry, SendingDomain};
use memory::Fault;
use notify::handler;
use serde_json::{Value, json};

use crate::common::{add, at, backend, bodies, notify, tell_all, types, webhook};

fn address() -> EmailAddress {
    EmailAddress::parse("ann@example.com").unwrap()
}

/// The stream's record of an address that was suppressed.
fn suppressed(sequence: &str) -> Value {
    let id = SuppressionId::of(&TenantId::main(), &address());
    json!({
        "eventName": "INSERT",
        "dynamodb": {
            "SequenceNumber": sequence,
            "Keys": {"pk": {"S": format!("main#suppressed#{id}")}, "sk": {"S": "suppression"}},
            "NewImage": {"a": {"S": address().to_string()}, "g": {"S": "manual"}, "b": {"N": "1000"}, "hk": {"BOOL": true}},
        },
    })
}

#[tokio::test]
async fn an_unreadable_record_blocks_no_later_one() {
    let backend = backend(0);
    add(&backend, webhook(9, &["suppression.added"]));
    let unreadable = json!({"dynamodb": {"SequenceNumber": "1", "Keys": {"pk": {"S": "x"}, "sk": {"S": "email"}}}});
    let event = json!({"Records": [unreadable, suppressed("2")]});
    let answer = handler::handle(&notify(&backend), &event, Duration::from_secs(58)).await;
    assert_eq!(answer.continues_at(), None);
    assert_eq!(serde_json::to_value(&answer).unwrap(), json!({"batchItemFailures": []}));
    assert_eq!(types(&backend), ["suppression.added"]);
}

#[tokio::test]
async fn a_failure_is_answered_with_the_place_to_continue() {
    let backend = backend(0);
    add(&backend, webhook(9, &["suppression.added"]));
    backend.state().faults_of.insert("put_payload", [Fault::Before].into());
    let unreadable = json!({"dynamodb": {"SequenceNumber": "1"}});
    let event = json!({"Records": [unreadable, suppressed("2")]});
    let answer = handler::handle(&notify(&backend), &event, Duration::from_secs(58)).await;
    let expected = json!({"batchItemFailures": [{"itemIdentifier": "2"}]});
    assert_eq!(serde_json::to_value(&answer).unwrap(), expected);
}

#[tokio::test]
async fn an_address_is_told_when_it_comes_and_goes() {
    let backend = backend(0);
    add(&backend, webhook(9, &["suppression.added", "suppression.removed"]));
    let tenant = TenantId::main();
    let suppression = Suppression::manual(tenant.clone(), &address(), at(1));
    backend.suppress(&suppression, true).await.unwrap();
    // The item stays marked.
    assert!(backend.release(&tenant, suppression.id(), false, at(2)).await.unwrap());
    tell_all(&backend).await;
    assert_eq!(types(&backend), ["suppression.added", "suppression.removed"]);
    for body in bodies(&backend) {
        assert_eq!(body["data"]["email"], "ann@example.com");
    }
}

/// A new domain of a tenant with a webhook.
fn domain() -> SendingDomain {
    let id = DomainId::of(EmailId::from_random([7; 16]));
    let name = DomainName::parse("shop.example.com").unwrap();
    SendingDomain {
        is_told: true,
        ..SendingDomain::new(id, TenantId::main(), name, "send".to_owned(), at(1))
    }
}

#[tokio::test]
async fn a_domain_is_told_when_ses_answers_something_new() {
    let backend = backend(0);
    add(&backend, webhook(9, &["domain.updated"]));
    let identity = |status| Identity {
        status,
        tokens: vec!["token".to_owned()],
        ..Identity::default()
    };
    let domain = domain();
    assert!(backend.register_domain(&domain, &Registry::default()).await.unwrap());
    let pending = domain.observed(Some(&identity(IdentityStatus::Pending)), at(2));
    let same = pending.observed(Some(&identity(IdentityStatus::Pending)), at(3));
    let failed = same.observed(Some(&identity(IdentityStatus::Failed)), at(4));
    for (before, after) in [(&domain, &pending), (&pending, &same), (&same, &failed)] {
        assert!(backend.save_domain(before, after, None).await.unwrap());
    }
    tell_all(&backend).await;
    let mut updates = bodies(&backend);
    updates.sort_by_key(|body| body["data"]["rank"].as_u64());
    let told: Vec<_> = updates
        .iter()
        .map(|body| {
            (
                body["type"].clone(),
                body["created_at"].clone(),
                body["data"]["status"].clone(),
            )
        })
        .collect();
    let update = |time: u64, status: &str| (json!("domain.updated"), json!(at(time).to_string()), json!(status));
    assert_eq!(
        told,
        [update(2, "pending"), update(4, "failed")],
        "the same answer is no change"
    );
    assert_eq!(updates[1]["data"]["id"], domain.id.to_string());
}

#[tokio::test]
async fn a_domain_is_told_when_it_comes_and_goes() {
    let backend = backend(0);
    add(
        &backend,
        webhook(9, &["domain.created", "domain.updated", "domain.deleted"]),
    );
    let domain = domain();
    assert!(backend.register_domain(&domain, &Registry::default()).await.unwrap());
    let leaving = domain.leaving(at(5));
    assert!(backend.save_domain(&domain, &leaving, None).await.unwrap());
    assert!(backend.remove_domain(&leaving, None).await.unwrap());
    tell_all(&backend).await;
    assert_eq!(types(&backend), ["domain.created", "domain.deleted"]);
    let deleted = bodies(&backend)
        .into_iter()
        .find(|body| body["type"] == "domain.deleted")
        .unwrap();
    assert_eq!(deleted["created_at"], at(5).to_string());
    assert_eq!(deleted["data"]["name"], "shop.example.com");
    assert!(deleted["data"]["records"].is_array() && deleted["data"].get("object").is_none());
}
