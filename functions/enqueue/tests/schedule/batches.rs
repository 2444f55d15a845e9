//! Scheduled times of a batch, and later repetitions of it.

use domain::api::requests::{BatchValidation, parse_email};
use enqueue::acceptance::AcceptedBatch;
use enqueue::errors::AcceptError;
use memory::Fault;

use super::{
    IMPOSSIBLE, RETENTION, accept, accept_batch, backend_at, batch, body, delays, email_key, kept_until, key, pass_to,
    refusal, refused, stored, tenant,
};
use crate::common::enqueue;

#[tokio::test]
async fn one_impossible_time_refuses_a_strict_batch() {
    for (options, message) in IMPOSSIBLE {
        for key in [None, Some(key())] {
            let backend = backend_at(0);
            let before = stored(&backend);
            let items = batch(&["", options, ""], BatchValidation::Strict);
            let error = refused(accept_batch(&backend, key.as_ref(), items).await);
            let message = format!("[1].{message}");
            assert_eq!(refusal(&error), (422, "validation_error", message.as_str()));
            assert_eq!(stored(&backend), before, "{options}");
            assert!(backend.state().send_tasks.is_empty(), "{options}");
        }
    }
}

#[tokio::test]
async fn a_permissive_batch_reports_impossible_times() {
    let options = [
        r#""scheduled_at":"in 5 minutes""#,
        r#""scheduled_at":"1979-12-31T23:59:59Z","subject":"given twice""#,
        r#""scheduled_at":"1981-01-01T00:00:00Z""#,
        r#""expires_at":"1969-12-31T00:00:00Z""#,
        "",
    ];
    let request = || batch(&options, BatchValidation::Permissive);
    let expected = [
        (1, "subject: is given more than once"),
        (2, "scheduled_at: must be within the next 10 years"),
        (3, "expires_at: is in the past"),
    ];
    let errors = |answer: &AcceptedBatch| -> Vec<_> {
        let errors = answer.errors.iter();
        errors.map(|error| (error.index, error.message.clone())).collect()
    };
    let expected: Vec<_> = expected.map(|(index, message)| (index, message.to_owned())).into();

    let backend = backend_at(0);
    let answer = accept_batch(&backend, None, request()).await.expect("accepted");
    assert_eq!((answer.ids.len(), errors(&answer)), (2, expected.clone()));

    let backend = backend_at(0);
    let first = accept_batch(&backend, Some(&key()), request()).await.expect("accepted");
    assert_eq!((first.ids.len(), errors(&first)), (2, expected.clone()));
    assert!(!first.replayed);
    let before = stored(&backend);
    // In an hour, the scheduled time of the first email is over.
    for later in [60, 3_600] {
        pass_to(&backend, later);
        let again = accept_batch(&backend, Some(&key()), request()).await.expect("replayed");
        assert_eq!((&again.ids, errors(&again)), (&first.ids, expected.clone()), "{later}");
        assert!(again.replayed, "{later}");
        assert_eq!(stored(&backend), before, "{later}");
    }
}

#[tokio::test]
async fn a_wholly_impossible_batch_stores_only_its_key() {
    let backend = backend_at(0);
    let request = || batch(&[r#""scheduled_at":"in 3654 days""#], BatchValidation::Permissive);
    for _ in 0..2 {
        let answer = accept_batch(&backend, Some(&key()), request()).await.expect("answered");
        assert_eq!((answer.ids.len(), answer.errors.len(), answer.replayed), (0, 1, false));
    }
    let state = backend.state();
    assert_eq!(
        (state.records.len(), state.bodies.len(), state.batches.len()),
        (0, 0, 1)
    );
}

#[tokio::test]
async fn a_late_repeated_batch_has_the_same_emails() {
    let options = [
        r#""scheduled_at":"1970-01-01T00:05:00Z""#,
        "",
        r#""scheduled_at":"in 5 minutes","expires_at":"1970-01-01T00:10:00Z""#,
        r#""scheduled_at":"in 1 day""#,
    ];
    for validation in [BatchValidation::Strict, BatchValidation::Permissive] {
        let backend = backend_at(0);
        let request = || batch(&options, validation);
        let first = accept_batch(&backend, Some(&key()), request()).await.expect("accepted");
        assert_eq!(delays(&backend), [300, 0, 300], "the last one is far away");
        let before = stored(&backend);
        pass_to(&backend, 3600);
        let again = accept_batch(&backend, Some(&key()), request()).await.expect("replayed");
        assert_eq!(
            again,
            AcceptedBatch {
                replayed: true,
                begun_before: true,
                ..first
            },
            "{validation:?}"
        );
        assert_eq!(stored(&backend), before, "{validation:?}");
    }
}

#[tokio::test]
async fn a_batch_with_another_time_is_another_batch() {
    let backend = backend_at(0);
    let first = ["", r#""scheduled_at":"in 1 hour""#];
    accept_batch(&backend, Some(&key()), batch(&first, BatchValidation::Strict))
        .await
        .expect("accepted");
    let before = stored(&backend);
    for other in [
        ["", r#""scheduled_at":"in 2 hours""#],
        ["", r#""scheduled_at":"1970-01-01T01:00:00Z""#],
        [r#""scheduled_at":"in 1 hour""#, ""],
        ["", ""],
    ] {
        let other = batch(&other, BatchValidation::Strict);
        let error = refused(accept_batch(&backend, Some(&key()), other).await);
        assert_eq!(
            (error.status(), error.name().as_str()),
            (409, "invalid_idempotent_request")
        );
        assert_eq!(stored(&backend), before);
    }
}

#[tokio::test]
async fn a_broken_batch_is_completed_in_time() {
    let options = [r#""scheduled_at":"1970-01-01T00:05:00Z""#; 3];
    for validation in [BatchValidation::Strict, BatchValidation::Permissive] {
        let backend = backend_at(0);
        // The second record cannot be written.
        backend
            .state()
            .faults_of
            .insert("create", [Fault::None, Fault::Before].into());
        let first = accept_batch(&backend, Some(&key()), batch(&options, validation)).await;
        assert!(matches!(first, Err(AcceptError::Broken(_))));
        pass_to(&backend, 299);
        let done = accept_batch(&backend, Some(&key()), batch(&options, validation))
            .await
            .expect("completed");
        assert_eq!((done.ids.len(), done.errors.len(), done.replayed), (3, 0, false));
        assert_eq!(backend.state().records.len(), 3);
    }
}

#[tokio::test]
async fn a_broken_batch_is_completed_after_its_time() {
    let options = [
        "",
        r#""scheduled_at":"1970-01-01T00:05:00Z""#,
        r#""scheduled_at":"in 3654 days""#,
    ];
    let request = || batch(&options, BatchValidation::Permissive);
    let backend = backend_at(0);
    // The batch and its first record are written, the second record is not.
    backend
        .state()
        .faults_of
        .insert("create", [Fault::None, Fault::Before].into());
    let first = accept_batch(&backend, Some(&key()), request()).await;
    assert!(matches!(first, Err(AcceptError::Broken(_))));
    pass_to(&backend, 3600);
    for _ in 0..2 {
        let answer = accept_batch(&backend, Some(&key()), request()).await.expect("answered");
        let errors: Vec<_> = answer
            .errors
            .iter()
            .map(|error| (error.index, error.message.as_str()))
            .collect();
        assert_eq!(answer.ids.len(), 2, "times that were valid when the batch started");
        assert_eq!(errors, [(2, "scheduled_at: must be within the next 10 years")]);
    }
    assert_eq!(backend.state().records.len(), 2);
}

#[tokio::test]
async fn the_content_is_kept_for_a_late_repetition() {
    for options in [
        r#""scheduled_at":"1970-01-01T00:05:00Z""#,
        r#""expires_at":"1970-01-01T00:05:00Z""#,
    ] {
        let backend = backend_at(0);
        // The record is written, the content is not: no response was sent.
        backend.state().faults_of.insert("put", [Fault::Before].into());
        let first = accept(&backend, Some(&key()), options).await;
        assert!(matches!(first, Err(AcceptError::Port(_))));
        pass_to(&backend, 3600);
        let again = accept(&backend, Some(&key()), options).await.expect("completed");
        let record = backend.record(&email_key(again.id)).unwrap();
        assert!(
            kept_until(&backend, &record) >= Some(record.expires_at.after(RETENTION)),
            "{options}"
        );
    }
}

#[tokio::test]
async fn a_leftover_object_is_kept_after_a_failure() {
    for fault in [Fault::Before, Fault::After] {
        let backend = backend_at(0);
        let large = parse_email(body(&"x".repeat(5000), "").as_bytes()).unwrap();
        enqueue(&backend).accept(&tenant(), Some(&key()), &large).await.unwrap();
        backend.state().records.clear();
        pass_to(&backend, 40 * 86_400);
        backend.state().faults_of.insert("extend_retention", [fault].into());
        let first = enqueue(&backend).accept(&tenant(), Some(&key()), &large).await;
        assert!(matches!(first, Err(AcceptError::Port(_))), "{fault:?}");
        let again = enqueue(&backend).accept(&tenant(), Some(&key()), &large).await.unwrap();
        let record = backend.record(&email_key(again.id)).unwrap();
        assert!(
            kept_until(&backend, &record) >= Some(record.expires_at.after(RETENTION)),
            "{fault:?}"
        );
    }
}
