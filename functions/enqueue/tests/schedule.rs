//! Scheduled times and later repetitions of the same request, in the in-memory backend.
#![expect(
    clippy::expect_used,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test that cannot go on says why"
)]

mod common;

use std::time::Duration;

use common::enqueue;
use domain::api::error::ApiError;
use domain::api::requests::{BatchRequest, BatchValidation, EmailRequest, IdempotencyKey, parse_batch, parse_email};
use domain::delivery::record::{BodyPlace, Due, DueKind, EmailRecord, OnUncertain, RecordStatus};
use domain::delivery::send_task::SendTask;
use domain::id::{EmailId, EmailKey, TenantId};
use domain::ports::SendTaskRequest;
use domain::timestamp::Timestamp;
use enqueue::{AcceptError, Accepted, AcceptedBatch};
use memory::{Fault, MemoryBackend};

/// Settings in `common`.
const TWO_WEEKS: Duration = Duration::from_secs(14 * 86_400);
const RETENTION: Duration = Duration::from_secs(30 * 86_400);

/// Returns the time this many seconds after the backend began, at 1970-01-01T00:00:00Z.
fn at(after: i64) -> Timestamp {
    Timestamp::from_millis(after * 1000)
}

fn world_at(after: i64) -> MemoryBackend {
    let backend = MemoryBackend::default();
    pass_to(&backend, after);
    backend
}

fn pass_to(backend: &MemoryBackend, after: i64) {
    backend.state().now_ms = at(after).as_millis();
}

fn tenant() -> TenantId {
    TenantId::main()
}

fn key() -> IdempotencyKey {
    IdempotencyKey::parse("k").unwrap()
}

/// Returns an email as JSON: its text, and the additional options.
fn body(text: &str, options: &str) -> String {
    let comma = if options.is_empty() { "" } else { "," };
    format!(r#"{{"from":"a@example.com","to":"b@example.com","subject":"S","text":"{text}"{comma}{options}}}"#)
}

fn request(options: &str) -> EmailRequest {
    parse_email(body("Hi", options).as_bytes()).unwrap()
}

/// Returns a batch with an email for each of the send options.
fn batch(options: &[&str], validation: BatchValidation) -> BatchRequest {
    let items: Vec<_> = options.iter().map(|options| body("Hi", options)).collect();
    parse_batch(format!("[{}]", items.join(",")).as_bytes(), validation).unwrap()
}

fn email_key(id: EmailId) -> EmailKey {
    EmailKey { tenant: tenant(), id }
}

async fn accept(backend: &MemoryBackend, key: Option<&IdempotencyKey>, options: &str) -> Result<Accepted, AcceptError> {
    enqueue(backend).accept(&tenant(), key, &request(options)).await
}

async fn accept_batch(
    backend: &MemoryBackend,
    key: Option<&IdempotencyKey>,
    batch: BatchRequest,
) -> Result<AcceptedBatch, AcceptError> {
    enqueue(backend).accept_batch(&tenant(), key, &batch).await
}

/// Accepts an email, and returns its record.
async fn accepted(backend: &MemoryBackend, key: Option<&IdempotencyKey>, options: &str) -> EmailRecord {
    let accepted = accept(backend, key, options).await.expect("accepted");
    backend.record(&email_key(accepted.id)).expect("a row")
}

fn refused(result: Result<impl std::fmt::Debug, AcceptError>) -> ApiError {
    match result {
        Err(AcceptError::Refused(error)) => error,
        other => panic!("not refused: {other:?}"),
    }
}

fn refusal(error: &ApiError) -> (u16, &str, &str) {
    (error.status(), error.name().as_str(), error.message())
}

/// Returns the end of retention of a record's content.
fn kept_until(backend: &MemoryBackend, record: &EmailRecord) -> Option<Timestamp> {
    let name = (record.email_key(), record.body.sha256.clone());
    let state = backend.state();
    assert!(state.bodies.contains_key(&name), "there is a content");
    state.kept_until.get(&name).copied()
}

/// Returns everything stored, to detect changes. The record of a batch may be kept for longer.
fn stored(backend: &MemoryBackend) -> impl PartialEq + std::fmt::Debug + use<> {
    let state = backend.state();
    let records: Vec<_> = state.batches.values().map(|(record, _)| record.clone()).collect();
    (state.records.clone(), state.bodies.clone(), records)
}

/// Returns the delays of the sent send tasks, in seconds.
fn delays(backend: &MemoryBackend) -> Vec<u64> {
    backend
        .state()
        .send_tasks
        .iter()
        .map(|request| request.delay.as_secs())
        .collect()
}

#[tokio::test]
async fn a_scheduled_email_is_in_the_index() {
    let (check, request) = (DueKind::Check, DueKind::Wake);
    for (options, scheduled_at, not_before, due, delay) in [
        ("", None, 0, (check, 900), Some(0)),
        (r#""scheduled_at":null"#, None, 0, (check, 900), Some(0)),
        (
            r#""scheduled_at":"in 5 minutes""#,
            Some(at(300)),
            300,
            (check, 1200),
            Some(300),
        ),
        (
            r#""scheduled_at":"1970-01-01T01:05:00+01:00""#,
            Some(at(300)),
            300,
            (check, 1200),
            Some(300),
        ),
        (
            r#""scheduled_at":"in 15 minutes""#,
            Some(at(900)),
            900,
            (check, 1800),
            Some(900),
        ),
        (
            r#""scheduled_at":"in 901 seconds""#,
            Some(at(901)),
            901,
            (request, 901),
            None,
        ),
        (
            r#""scheduled_at":"1979-12-31T00:00:00Z""#,
            Some(at(315_446_400)),
            315_446_400,
            (request, 315_446_400),
            None,
        ),
        // The caller's clock is slow: the email is due now, and is not shown as scheduled.
        (
            r#""scheduled_at":"1969-12-31T23:59:00Z""#,
            None,
            0,
            (check, 900),
            Some(0),
        ),
    ] {
        let backend = world_at(0);
        let record = accepted(&backend, None, options).await;
        assert_eq!(
            (record.scheduled_at, record.not_before, record.status),
            (scheduled_at, at(not_before), RecordStatus::Queued),
            "{options}"
        );
        let (kind, due_at) = due;
        assert_eq!(record.due, Some(Due { kind, at: at(due_at) }), "{options}");
        assert_eq!(
            (record.expires_at, record.expires_given),
            (at(not_before).after(TWO_WEEKS), false),
            "{options}"
        );
        let send_tasks: Vec<_> = delay
            .map(|delay| SendTaskRequest {
                priority: record.priority,
                send_task: SendTask::of(&record),
                delay: Duration::from_secs(delay),
            })
            .into_iter()
            .collect();
        assert_eq!(backend.state().send_tasks, send_tasks, "{options}");
        // Each additional call costs money.
        let mut calls = vec!["put", "create"];
        calls.extend(delay.map(|_| "enqueue"));
        assert_eq!(backend.state().calls, calls, "{options}");
        assert_eq!(
            kept_until(&backend, &record),
            Some(record.expires_at.after(RETENTION)),
            "{options}"
        );
    }
}

#[tokio::test]
async fn the_caller_may_set_the_deadline() {
    for (options, expires_at) in [
        (r#""expires_at":"in 1 hour""#, 3600),
        (r#""expires_at":"1970-01-01T01:00:00Z""#, 3600),
        (r#""scheduled_at":"in 1 hour","expires_at":"in 3601 seconds""#, 3601),
        (
            r#""scheduled_at":"in 10 days","expires_at":"in 400 days""#,
            400 * 86_400,
        ),
    ] {
        let backend = world_at(0);
        let record = accepted(&backend, None, options).await;
        assert_eq!(
            (record.expires_at, record.expires_given),
            (at(expires_at), true),
            "{options}"
        );
        assert_eq!(
            kept_until(&backend, &record),
            Some(at(expires_at).after(RETENTION)),
            "{options}"
        );
    }
}

#[tokio::test]
async fn on_uncertain_is_stored_in_the_record() {
    for (options, expected) in [
        ("", OnUncertain::Resend),
        (r#""on_uncertain":"resend""#, OnUncertain::Resend),
        (r#""on_uncertain":null"#, OnUncertain::Resend),
        (r#""on_uncertain":"hold""#, OnUncertain::Hold),
    ] {
        assert_eq!(
            accepted(&world_at(0), None, options).await.on_uncertain,
            expected,
            "{options}"
        );
    }
}

/// Impossible options at the backend's beginning, each with the reason.
const IMPOSSIBLE: [(&str, &str); 6] = [
    (
        r#""scheduled_at":"1969-12-31T23:58:59.999Z""#,
        "scheduled_at: is in the past",
    ),
    (
        r#""scheduled_at":"in 3654 days""#,
        "scheduled_at: must be within the next 10 years",
    ),
    (r#""expires_at":"1970-01-01T00:00:00Z""#, "expires_at: is in the past"),
    (
        r#""scheduled_at":"in 2 hours","expires_at":"in 1 hour""#,
        "expires_at: must be after scheduled_at",
    ),
    (
        r#""scheduled_at":"in 1 hour","expires_at":"in 60 minutes""#,
        "expires_at: must be after scheduled_at",
    ),
    (
        r#""expires_at":"in 3654 days""#,
        "expires_at: must be within 10 years after the email is due",
    ),
];

#[tokio::test]
async fn an_impossible_time_stores_nothing() {
    for (options, message) in IMPOSSIBLE {
        for (key, calls) in [(None, [].as_slice()), (Some(key()), &["load", "tombstone"])] {
            let backend = world_at(0);
            let before = stored(&backend);
            let error = refused(accept(&backend, key.as_ref(), options).await);
            assert_eq!(refusal(&error), (422, "validation_error", message), "{options}");
            assert_eq!(stored(&backend), before, "{options}");
            assert!(backend.state().send_tasks.is_empty(), "{options}");
            assert_eq!(backend.state().calls, calls, "{options}");
        }
    }
}

#[tokio::test]
async fn a_late_repetition_is_the_same_email() {
    for (options, later) in [
        (r#""scheduled_at":"1970-01-01T00:05:00Z""#, 86_400),
        (r#""expires_at":"1970-01-01T00:05:00Z""#, 300),
        // A relative time counts from the acceptance.
        (r#""scheduled_at":"in 5 minutes""#, 86_400),
        (r#""scheduled_at":"in 5 minutes","expires_at":"in 6 minutes""#, 86_400),
    ] {
        let backend = world_at(0);
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
    let backend = world_at(0);
    accepted(&backend, None, options).await;
    pass_to(&backend, 361);
    assert_eq!(refused(accept(&backend, None, options).await).status(), 422);
    assert_eq!(backend.state().records.len(), 1);
}

#[tokio::test]
async fn a_repeated_request_keeps_the_scheduled_time() {
    let options = r#""scheduled_at":"in 30 minutes""#;
    let backend = world_at(0);
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
    let backend = world_at(0);
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
        // The same time, but another one tomorrow.
        r#""scheduled_at":"in 2 hours","expires_at":"in 24 hours""#,
        r#""scheduled_at":"1970-01-01T02:00:00Z","expires_at":"1970-01-02T00:00:00Z","on_uncertain":"hold""#,
    ] {
        let backend = world_at(0);
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
async fn a_late_other_request_is_not_the_first() {
    let (first, other) = (
        r#""scheduled_at":"1970-01-01T00:05:00Z""#,
        r#""scheduled_at":"1970-01-01T00:06:00Z""#,
    );
    let backend = world_at(0);
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
async fn all_forms_of_a_time_are_equal() {
    let backend = world_at(0);
    let record = accepted(&backend, Some(&key()), r#""scheduled_at":"1970-01-01T02:00:00Z""#).await;
    for same in [
        r#""scheduled_at":"1970-01-01T03:00:00.000+01:00""#,
        r#""scheduled_at":"1970-01-01T02:00:00Z","expires_at":null,"on_uncertain":"resend""#,
    ] {
        let again = accept(&backend, Some(&key()), same).await.expect("replayed");
        assert_eq!((again.id, again.replayed), (record.id, true), "{same}");
    }
}

#[tokio::test]
async fn a_repeated_request_keeps_the_retention() {
    for (text, place) in [
        ("Hi".to_owned(), BodyPlace::Table),
        ("x".repeat(5000), BodyPlace::Bucket),
    ] {
        for later in [0, 60, 86_400] {
            let backend = world_at(0);
            let wished = body(&text, r#""scheduled_at":"1970-01-01T00:05:00Z""#);
            let wished = parse_email(wished.as_bytes()).unwrap();
            let first = enqueue(&backend)
                .accept(&tenant(), Some(&key()), &wished)
                .await
                .unwrap();
            let record = backend.record(&email_key(first.id)).unwrap();
            assert_eq!(record.body.place, place);
            // Another request has rescheduled it since.
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
    let backend = world_at(0);
    let large = parse_email(body(&"x".repeat(5000), "").as_bytes()).unwrap();
    let first = enqueue(&backend).accept(&tenant(), Some(&key()), &large).await.unwrap();
    backend.state().records.clear();
    backend.state().calls.clear();
    pass_to(&backend, 40 * 86_400);
    let again = enqueue(&backend).accept(&tenant(), Some(&key()), &large).await.unwrap();
    assert_eq!((again.id, again.replayed), (first.id, false));
    let record = backend.record(&email_key(again.id)).unwrap();
    assert_eq!(kept_until(&backend, &record), Some(record.expires_at.after(RETENTION)));
    assert_eq!(backend.state().calls, ["put", "create", "keep", "keep_copy", "enqueue"]);
}

#[tokio::test]
async fn a_scheduled_email_needs_record_and_content() {
    for faults in [
        [Fault::Before, Fault::None],
        [Fault::None, Fault::Before],
        [Fault::After, Fault::After],
    ] {
        let backend = world_at(0);
        let options = r#""scheduled_at":"in 1 day""#;
        backend.state().faults = faults.into();
        let first = accept(&backend, Some(&key()), options).await;
        assert!(matches!(first, Err(AcceptError::Port(_))), "{faults:?}");
        pass_to(&backend, 60);
        let record = accepted(&backend, Some(&key()), options).await;
        assert!(
            kept_until(&backend, &record) >= Some(at(86_400).after(TWO_WEEKS).after(RETENTION)),
            "{faults:?}"
        );
        assert!(record.due.is_some(), "{faults:?}");
    }
}

#[tokio::test]
async fn one_impossible_time_refuses_a_strict_batch() {
    for (options, message) in IMPOSSIBLE {
        for key in [None, Some(key())] {
            let backend = world_at(0);
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

    let backend = world_at(0);
    let answer = accept_batch(&backend, None, request()).await.expect("accepted");
    assert_eq!((answer.ids.len(), errors(&answer)), (2, expected.clone()));

    let backend = world_at(0);
    let first = accept_batch(&backend, Some(&key()), request()).await.expect("accepted");
    assert_eq!((first.ids.len(), errors(&first)), (2, expected.clone()));
    assert!(!first.replayed);
    let before = stored(&backend);
    // In an hour the time of the first is over.
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
    let backend = world_at(0);
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
        let backend = world_at(0);
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
    let backend = world_at(0);
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
        let backend = world_at(0);
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
    let backend = world_at(0);
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
        assert_eq!(answer.ids.len(), 2, "what was possible when the batch was begun");
        assert_eq!(errors, [(2, "scheduled_at: must be within the next 10 years")]);
    }
    assert_eq!(backend.state().records.len(), 2);
}

#[tokio::test]
async fn a_late_repetition_needs_its_content() {
    for options in [
        r#""scheduled_at":"1970-01-01T00:05:00Z""#,
        r#""expires_at":"1970-01-01T00:05:00Z""#,
    ] {
        let backend = world_at(0);
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
        let backend = world_at(0);
        let large = parse_email(body(&"x".repeat(5000), "").as_bytes()).unwrap();
        enqueue(&backend).accept(&tenant(), Some(&key()), &large).await.unwrap();
        backend.state().records.clear();
        pass_to(&backend, 40 * 86_400);
        backend.state().faults_of.insert("keep", [fault].into());
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
