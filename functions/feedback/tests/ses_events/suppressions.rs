//! Bounces and complaints suppress addresses.

use domain::delivery::suppression::{Entry, Origin, SuppressionId};
use domain::id::{EmailId, TenantId};
use domain::message::address::EmailAddress;
use domain::timestamp::Timestamp;
use feedback::FeedbackOutcome;
use memory::{Fault, MemoryBackend, samples};

use crate::{backend, bounce, delivery, event, feedback, heard, parsed, send};

/// Returns every suppressed address, with its origin, its email and its time.
fn suppressed(backend: &MemoryBackend) -> Vec<(String, Origin, Option<EmailId>, i64)> {
    let state = backend.state();
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

/// Returns a backend with a clock that is later than the events.
fn later_backend() -> MemoryBackend {
    let backend = backend(1);
    backend.state().now_ms = 1_100_000;
    backend
}

#[tokio::test]
async fn bounces_and_complaints_suppress_an_address() {
    for (message, origin, at) in [
        (bounce(), Origin::Bounce, 1_003_000),
        (complaint(), Origin::Complaint, 1_004_000),
    ] {
        let backend = later_backend();
        heard(&backend, &message).await.expect("heard");
        let expected = ("b@example.com".to_owned(), origin, Some(samples::id(1)), at);
        assert_eq!(suppressed(&backend), [expected]);
        assert_eq!(backend.state().account_rate.settings_version, 1);
    }
    for harmless in [send(), delivery(), soft_bounce()] {
        let backend = later_backend();
        heard(&backend, &harmless).await.expect("heard");
        assert_eq!(suppressed(&backend), []);
        let calls = backend.state().calls.clone();
        assert!(
            !calls.contains(&"suppress") && !calls.contains(&"change_account_rate"),
            "{calls:?}"
        );
    }
}

#[tokio::test]
async fn the_first_reason_of_a_suppression_stays() {
    let backend = later_backend();
    for message in [bounce(), complaint(), bounce(), complaint()] {
        heard(&backend, &message).await.expect("heard");
    }
    let [(_, origin, ..)] = &suppressed(&backend)[..] else {
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
async fn a_listed_address_is_not_suppressed() {
    let id = SuppressionId::of(
        &TenantId::main(),
        &EmailAddress::parse("b@example.com").expect("an address"),
    );
    for gone in [false, true] {
        let backend = later_backend();
        if gone {
            backend.state().records.clear();
        }
        for _ in 0..2 {
            heard(&backend, &listed_bounce()).await.expect("heard");
        }
        assert_eq!(suppressed(&backend), []);
        let listed: Vec<_> = backend.state().listed.keys().cloned().collect();
        assert_eq!(listed, [(TenantId::main(), id)]);
    }
    let backend = later_backend();
    backend
        .state()
        .faults_of
        .insert("remember_listed", [Fault::Before].into());
    assert!(
        heard(&backend, &listed_bounce()).await.is_err(),
        "the event comes again"
    );
}

#[tokio::test]
async fn only_a_first_shared_complaint_is_temporary() {
    let several = |id: u8| {
        let two = r#"[{"emailAddress":"b@example.com"},{"emailAddress":"c@example.com"}]"#;
        let text = complaint().replace(r#"[{"emailAddress":"B@example.com"}]"#, two);
        let text = text.replace(r#"["b@example.com"]"#, r#"["b@example.com","c@example.com"]"#);
        text.replace(&samples::id(1).to_string(), &samples::id(id).to_string())
    };
    let ends = |backend: &MemoryBackend| -> Vec<_> {
        let state = backend.state();
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
    let backend = later_backend();
    for _ in 0..2 {
        heard(&backend, &several(1)).await.expect("heard");
    }
    assert_eq!(
        ends(&backend),
        [Some(seven_days); 2],
        "the same complaint again is no second complaint"
    );
    feedback(&backend)
        .handle(&samples::key(2), &[parsed(&several(2))])
        .await
        .expect("heard");
    assert_eq!(ends(&backend), [None; 2]);
}

#[tokio::test]
async fn an_event_before_a_release_suppresses_no_address() {
    let backend = later_backend();
    heard(&backend, &bounce()).await.expect("heard");
    let id = SuppressionId::of(
        &TenantId::main(),
        &EmailAddress::parse("b@example.com").expect("an address"),
    );
    for (released, again) in [(1_003_000, false), (1_050_000, false), (1_002_999, true)] {
        backend.state().suppressions.insert(
            (TenantId::main(), id),
            Entry::Released {
                at: Timestamp::from_millis(released),
            },
        );
        heard(&backend, &bounce()).await.expect("heard");
        assert_eq!(suppressed(&backend).len(), usize::from(again), "{released}");
    }
}

#[tokio::test]
async fn a_complaint_counts_without_its_record() {
    let backend = later_backend();
    let key = samples::key(1);
    if let Some(record) = backend.state().records.get_mut(&key) {
        record.born = Timestamp::from_millis(5);
    }
    heard(&backend, &complaint()).await.expect("heard");
    assert_eq!(suppressed(&backend), []);
    backend.state().records.clear();
    assert_eq!(
        heard(&backend, &complaint()).await.expect("heard"),
        FeedbackOutcome::NoSuchEmail
    );
    assert_eq!(suppressed(&backend).len(), 1);
}

/// After a failure at any step, the event is delivered again and completes all steps, including the notice to the
/// senders.
#[tokio::test]
async fn a_repeated_event_completes_a_suppression() {
    for (what, fault) in [
        ("suppress", Fault::Before),
        ("suppress", Fault::After),
        ("change_account_rate", Fault::Before),
        ("change_account_rate", Fault::After),
    ] {
        let backend = later_backend();
        backend.state().faults_of.insert(what, [fault].into());
        assert!(heard(&backend, &bounce()).await.is_err(), "{what} {fault:?}");
        let version = backend.state().account_rate.settings_version;
        heard(&backend, &bounce()).await.expect("heard");
        assert_eq!(suppressed(&backend).len(), 1, "{what} {fault:?}");
        assert!(
            backend.state().account_rate.settings_version > version,
            "{what} {fault:?}"
        );
    }
}
