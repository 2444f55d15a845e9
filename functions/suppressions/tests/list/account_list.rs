//! Releases from the suppression list of the SES account.

use domain::delivery::suppression::Listed;
use domain::id::TenantId;
use domain::ports::{ListReason, Suppressions};
use domain::timestamp::Timestamp;
use memory::{Fault, MemoryBackend};
use serde_json::{Value, json};

use crate::{address, answer_to, asked_of, function, suppress};

/// Records that SES refused an email of `main` to this address, which is on the account's list for a reason.
async fn refused_by_ses(backend: &MemoryBackend, text: &str, reason: Option<ListReason>) {
    let listed = Listed {
        tenant: TenantId::main(),
        address: address(text),
        at: Timestamp::from_millis(500),
    };
    backend.remember_listed(&listed).await.unwrap();
    let mut state = backend.state();
    state.account_list.is_on = true;
    if let Some(reason) = reason {
        state.account_list.add(&listed.address, reason);
    }
}

#[tokio::test]
async fn a_release_also_applies_at_ses() {
    for suppressed_here in [true, false] {
        let backend = MemoryBackend::default();
        backend.state().now_ms = 1_000;
        refused_by_ses(&backend, "Ann@example.com", Some(ListReason::Bounce)).await;
        if suppressed_here {
            suppress(&backend, "ann@example.com").await;
        }
        let path = "/suppressions/ann@example.com";
        let (status, answer) = answer_to(&backend, "DELETE", path, None).await;
        assert_eq!(
            (status, &answer["deleted"], &answer["account_list"]),
            (200, &json!(true), &json!("removed"))
        );
        assert!(!backend.state().account_list.stops(&address("ann@example.com")));
        assert_eq!(
            answer_to(&backend, "DELETE", path, None).await.0,
            404,
            "the refusal by SES is forgotten"
        );
    }
}

#[tokio::test]
async fn ses_is_queried_only_about_refused_addresses() {
    let backend = MemoryBackend::default();
    backend.state().now_ms = 1_000;
    backend.state().account_list.is_on = true;
    let other = address("ann@example.com");
    backend.state().account_list.add(&other, ListReason::Bounce);
    suppress(&backend, "ann@example.com").await;
    let (status, answer) = answer_to(&backend, "DELETE", "/suppressions/ann@example.com", None).await;
    assert_eq!((status, answer.get("account_list")), (200, None));
    assert!(
        backend.state().account_list.stops(&other),
        "another tenant's, or another sender's"
    );
}

#[tokio::test]
async fn the_deployment_decides_about_complaints_at_ses() {
    let backend = MemoryBackend::default();
    backend.state().now_ms = 1_000;
    let path = "/suppressions/ann@example.com";
    refused_by_ses(&backend, "ann@example.com", Some(ListReason::Complaint)).await;
    let (status, answer) = answer_to(&backend, "DELETE", path, None).await;
    assert_eq!((status, answer["name"].as_str().unwrap()), (422, "validation_error"));
    assert!(
        answer["message"].as_str().unwrap().contains("ReleaseComplaints"),
        "{answer}"
    );
    suppress(&backend, "ann@example.com").await;
    let (status, answer) = answer_to(&backend, "DELETE", path, None).await;
    assert_eq!((status, &answer["account_list"]), (200, &json!("kept_for_complaint")));
    assert!(backend.state().account_list.stops(&address("ann@example.com")));

    let mut allowed = function(&backend);
    allowed.releases_complaints = true;
    let (status, answer) = asked_of(&allowed, "DELETE", path, None).await;
    assert_eq!((status, &answer["account_list"]), (200, &json!("removed")), "{answer}");
    assert!(!backend.state().account_list.stops(&address("ann@example.com")));
}

#[tokio::test]
async fn many_are_released_at_ses_too() {
    let backend = MemoryBackend::default();
    backend.state().now_ms = 1_000;
    refused_by_ses(&backend, "ann@example.com", Some(ListReason::Bounce)).await;
    refused_by_ses(&backend, "gone@example.com", None).await;
    let emails = json!({"emails": ["ann@example.com", "gone@example.com", "nobody@example.com"]});
    let (status, answer) = answer_to(&backend, "POST", "/suppressions/batch/remove", Some(emails)).await;
    let said: Vec<_> = answer["data"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| (one["deleted"].clone(), one["account_list"].clone()))
        .collect();
    let expected = [
        (json!(true), json!("removed")),
        (json!(true), json!("removed")),
        (json!(false), Value::Null),
    ];
    assert_eq!((status, said.as_slice()), (200, expected.as_slice()));
}

#[tokio::test]
async fn a_repetition_completes_a_release_at_ses() {
    for (what, fault) in [
        ("reason on the account's list", Fault::Before),
        ("remove from the account's list", Fault::Before),
        ("remove from the account's list", Fault::After),
        ("release", Fault::Before),
        ("release", Fault::After),
        ("forget_listed", Fault::Before),
    ] {
        let backend = MemoryBackend::default();
        backend.state().now_ms = 1_000;
        refused_by_ses(&backend, "ann@example.com", Some(ListReason::Bounce)).await;
        suppress(&backend, "ann@example.com").await;
        backend.state().faults_of.insert(what, [fault].into());
        let path = "/suppressions/ann@example.com";
        assert_eq!(
            answer_to(&backend, "DELETE", path, None).await.0,
            500,
            "{what} {fault:?}"
        );
        let (status, answer) = answer_to(&backend, "DELETE", path, None).await;
        assert_eq!(
            (status, &answer["account_list"]),
            (200, &json!("removed")),
            "{what} {fault:?}"
        );
        assert!(!backend.state().account_list.stops(&address("ann@example.com")));
        assert_eq!(answer_to(&backend, "GET", path, None).await.0, 404);
    }
}
