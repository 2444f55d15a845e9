//! Later repetitions of a request for one email.

use domain::api::idempotency_key::IdempotencyKey;
use domain::api::requests::{BatchValidation, parse_email};
use domain::delivery::record::{BodyPlace, EmailRecord, RecordStatus};

use super::{
    RETENTION, accept, accept_batch, accepted, at, backend_at, batch, body, delays, email_key, kept_until, key,
    pass_to, refusal, refused, stored, tenant,
};
use crate::common::enqueue;

#[tokio::test]
async fn a_late_repetition_is_the_same_email() {
    for (options, later) in [
        (r#""scheduled_at":"1970-01-01T00:05:00Z""#, 86_400),
        (r#""expires_at":"1970-01-01T00:05:00Z""#, 300),
        // A relative time counts from the acceptance.
        (r#""scheduled_at":"in 5 minutes""#, 86_400),
        (r#""scheduled_at":"in 5 minutes","expires_at":"in 6 minutes""#, 86_400),
    ] {
        let backend = backend_at(0);
        let record = accepted(&backend, Some(&key()), options).await;
        let before = stored(&backend);
        pass_to(&backend, later);
        for _ in 0..2 {
            let again = accept(&backend, Some(&key()), options).await.expect("replayed");
            assert_eq!((again.id, again.replayed), (record.id, true), "{options}");
            assert_eq!(stored(&backend), before, "{options}");
        }
    }
}

#[tokio::test]
async fn a_request_without_a_key_is_always_new() {
    let options = r#""scheduled_at":"1970-01-01T00:05:00Z""#;
    let backend = backend_at(0);
    accepted(&backend, None, options).await;
    pass_to(&backend, 601);
    assert_eq!(refused(accept(&backend, None, options).await).status(), 422);
    assert_eq!(backend.state().records.len(), 1);
}

#[tokio::test]
async fn a_repeated_request_keeps_the_scheduled_time() {
    let options = r#""scheduled_at":"in 30 minutes""#;
    let backend = backend_at(0);
    accepted(&backend, Some(&key()), options).await;
    for (later, expected) in [
        (60, vec![]),
        (900, vec![900]),
        (1500, vec![900, 300]),
        (9000, vec![900, 300, 0]),
    ] {
        pass_to(&backend, later);
        accepted(&backend, Some(&key()), options).await;
        assert_eq!(delays(&backend), expected, "{later}");
    }
}

#[tokio::test]
async fn a_repeated_request_undoes_no_later_command() {
    let backend = backend_at(0);
    let record = accepted(&backend, Some(&key()), r#""scheduled_at":"in 5 minutes""#).await;
    for since in [
        EmailRecord {
            not_before: at(86_400),
            scheduled_at: Some(at(86_400)),
            ..record.clone()
        },
        EmailRecord {
            status: RecordStatus::Canceled,
            due: None,
            ..record.clone()
        },
    ] {
        backend.state().send_tasks.clear();
        backend.state().records.insert(record.email_key(), since.clone());
        let again = accepted(&backend, Some(&key()), r#""scheduled_at":"in 5 minutes""#).await;
        assert_eq!(again, since);
        assert!(backend.state().send_tasks.is_empty());
    }
}

#[tokio::test]
async fn other_options_are_another_request() {
    let first = r#""scheduled_at":"1970-01-01T02:00:00Z","expires_at":"1970-01-02T00:00:00Z""#;
    for other in [
        "",
        r#""scheduled_at":"1970-01-01T01:00:00Z","expires_at":"1970-01-02T00:00:00Z""#,
        r#""scheduled_at":"1970-01-01T02:00:00Z","expires_at":"1970-01-01T03:00:00Z""#,
        r#""scheduled_at":"1970-01-01T02:00:00Z""#,
        r#""expires_at":"1970-01-02T00:00:00Z""#,
        // The same times now, but other times if the request is repeated tomorrow.
        r#""scheduled_at":"in 2 hours","expires_at":"in 24 hours""#,
        r#""scheduled_at":"1970-01-01T02:00:00Z","expires_at":"1970-01-02T00:00:00Z","on_uncertain":"hold""#,
    ] {
        let backend = backend_at(0);
        let record = accepted(&backend, Some(&key()), first).await;
        let (kept, send_tasks) = (kept_until(&backend, &record), backend.state().send_tasks.len());
        let error = refused(accept(&backend, Some(&key()), other).await);
        assert_eq!(
            (error.status(), error.name().as_str()),
            (409, "invalid_idempotent_request"),
            "{other}"
        );
        assert_eq!(backend.record(&record.email_key()), Some(record.clone()), "{other}");
        assert_eq!(kept_until(&backend, &record), kept, "{other}");
        let state = backend.state();
        assert_eq!(
            (state.records.len(), state.send_tasks.len()),
            (1, send_tasks),
            "{other}"
        );
    }
}

#[tokio::test]
async fn a_late_request_with_another_time_is_refused() {
    let (first, other) = (
        r#""scheduled_at":"1970-01-01T00:05:00Z""#,
        r#""scheduled_at":"1970-01-01T00:06:00Z""#,
    );
    let backend = backend_at(0);
    accepted(&backend, Some(&key()), first).await;
    for validation in [BatchValidation::Strict, BatchValidation::Permissive] {
        let key = IdempotencyKey::parse(&format!("{validation:?}")).unwrap();
        accept_batch(&backend, Some(&key), batch(&[first], validation))
            .await
            .expect("accepted");
    }
    let before = stored(&backend);
    pass_to(&backend, 3600);
    let error = refused(accept(&backend, Some(&key()), other).await);
    assert_eq!(
        refusal(&error),
        (
            409,
            "invalid_idempotent_request",
            "Idempotency-Key: was already used for a different request; repeat that request, or use a new key."
        )
    );
    for validation in [BatchValidation::Strict, BatchValidation::Permissive] {
        let key = IdempotencyKey::parse(&format!("{validation:?}")).unwrap();
        let error = refused(accept_batch(&backend, Some(&key), batch(&[other], validation)).await);
        assert_eq!(error.status(), 409, "{validation:?}");
    }
    assert_eq!(stored(&backend), before);
}

#[tokio::test]
async fn a_repeated_request_keeps_the_retention() {
    for (text, place) in [
        ("Hi".to_owned(), BodyPlace::Table),
        ("x".repeat(5000), BodyPlace::Bucket),
    ] {
        for later in [0, 60, 86_400] {
            let backend = backend_at(0);
            let wished = body(&text, r#""scheduled_at":"1970-01-01T00:05:00Z""#);
            let wished = parse_email(wished.as_bytes()).unwrap();
            let first = enqueue(&backend)
                .accept(&tenant(), Some(&key()), &wished)
                .await
                .unwrap();
            let record = backend.record(&email_key(first.id)).unwrap();
            assert_eq!(record.body.place, place);
            // Another request has rescheduled the email since.
            let name = (record.email_key(), record.body.sha256.clone());
            backend.state().kept_until.insert(name, at(1_000_000_000));
            pass_to(&backend, later);
            let again = enqueue(&backend)
                .accept(&tenant(), Some(&key()), &wished)
                .await
                .unwrap();
            assert!(again.replayed, "{place:?} {later}");
            assert_eq!(
                kept_until(&backend, &record),
                Some(at(1_000_000_000)),
                "{place:?} {later}"
            );
        }
    }
}

#[tokio::test]
async fn a_leftover_object_is_kept_for_a_new_email() {
    let backend = backend_at(0);
    let large = parse_email(body(&"x".repeat(5000), "").as_bytes()).unwrap();
    let first = enqueue(&backend).accept(&tenant(), Some(&key()), &large).await.unwrap();
    backend.state().records.clear();
    backend.state().calls.clear();
    pass_to(&backend, 40 * 86_400);
    let again = enqueue(&backend).accept(&tenant(), Some(&key()), &large).await.unwrap();
    assert_eq!((again.id, again.replayed), (first.id, false));
    let record = backend.record(&email_key(again.id)).unwrap();
    assert_eq!(kept_until(&backend, &record), Some(record.expires_at.after(RETENTION)));
    assert_eq!(
        backend.state().calls,
        ["put", "create", "extend_retention", "keep_copy", "enqueue"]
    );
}
