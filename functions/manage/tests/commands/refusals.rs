//! Refusals: each names a remedy and changes nothing.

use domain::delivery::record::{EmailRecord, RecordStatus};
use domain::id::{EmailKey, TenantId};
use domain::lifecycle::commands::Refusal;
use domain::limits;
use memory::samples;
use serde_json::Value;

use super::{
    CANCEL, RESCHEDULE, RETRY, about, answer, at, backend_with, conflict, done, golden, kept_until, lose_content,
    refused, sample, stored, with_body,
};

#[tokio::test]
async fn another_tenants_email_is_not_found() {
    let other = EmailKey {
        tenant: TenantId::parse("other").unwrap(),
        id: samples::id(7),
    };
    for event in [CANCEL, RESCHEDULE, RETRY] {
        // Another tenant's email has a status that would give the caller a 200.
        let status = if event == RETRY {
            RecordStatus::Failed
        } else {
            RecordStatus::Queued
        };
        let theirs = EmailRecord {
            tenant: other.tenant.clone(),
            id: other.id,
            ..sample(status)
        };
        let backend = samples::backend(1).unwrap();
        let ours = backend.record(&samples::key(1));
        backend.state().records.insert(other.clone(), theirs.clone());
        for n in [7, 9] {
            backend.state().calls.clear();
            assert_eq!(
                answer(&backend, &about(event, n)).await,
                refused(404, "not_found", "No email has this id. See GET /emails."),
                "{event}"
            );
            assert_eq!(backend.calls_inside(), ["load"]);
        }
        assert_eq!(backend.record(&other), Some(theirs));
        assert_eq!(backend.record(&samples::key(1)), ours);
        assert_eq!(backend.state().records.len(), 2);
        assert!(backend.state().kept_until.is_empty());
    }
}

/// Returns the refusal of a command in each status; `None` where it succeeds.
fn too_late(event: &str, status: RecordStatus) -> Option<(u16, Value)> {
    match (event, status) {
        (CANCEL, RecordStatus::Queued | RecordStatus::Canceled)
        | (RESCHEDULE, RecordStatus::Queued)
        | (RETRY, RecordStatus::Failed | RecordStatus::Canceled | RecordStatus::Expired) => None,
        (RETRY, RecordStatus::Unknown) => Some(conflict(Refusal::NeedsForce)),
        (RETRY, _) => Some(conflict(Refusal::NotEnded(status))),
        (_, _) => Some(conflict(Refusal::TooLate(status))),
    }
}

#[tokio::test]
async fn a_late_command_is_a_409_with_its_reason() {
    for event in [CANCEL, RESCHEDULE, RETRY] {
        for &status in RecordStatus::ALL {
            let record = sample(status);
            let backend = backend_with(&record);
            let request = if event == RETRY {
                with_body(event, "{}")
            } else {
                golden(event)
            };
            let got = answer(&backend, &request).await;
            let Some(expected) = too_late(event, status) else {
                assert_eq!(got, done(), "{event} {status:?}");
                continue;
            };
            assert_eq!(got, expected, "{event} {status:?}");
            assert_eq!(stored(&backend), record, "{event} {status:?}");
            assert_eq!(backend.calls_inside(), ["load", "queue"], "{event} {status:?}");
            assert_eq!(kept_until(&backend), None, "{event} {status:?}");
        }
    }
}

#[tokio::test]
async fn a_possible_duplicate_stays_flagged() {
    let record = EmailRecord {
        claim_no: 2,
        maybe_duplicate: true,
        ..sample(RecordStatus::Queued)
    };
    let backend = backend_with(&record);
    assert_eq!(answer(&backend, &golden(CANCEL)).await, conflict(Refusal::MaybeSent));
    assert_eq!(stored(&backend), record);
    assert_eq!(answer(&backend, &golden(RESCHEDULE)).await, done());
    let record = stored(&backend);
    assert_eq!((record.not_before, record.maybe_duplicate), (at(600), true));
}

#[tokio::test]
async fn refusals_name_a_remedy() {
    for (event, status, sentence) in [
        (
            CANCEL,
            RecordStatus::Sending,
            "This email is being sent. It is too late to change it.",
        ),
        (
            RESCHEDULE,
            RecordStatus::Sent,
            "This email was sent. It is too late to change it.",
        ),
        (
            RESCHEDULE,
            RecordStatus::Canceled,
            "This email is canceled. Retry it if it is wanted after all.",
        ),
        (
            RETRY,
            RecordStatus::Queued,
            "This email is waiting to be sent. To send it sooner, change its scheduled_at.",
        ),
        (
            RETRY,
            RecordStatus::Unknown,
            "Amazon SES may have accepted this email. Retry it with {\"force\": true} if a second copy is better than none.",
        ),
    ] {
        let request = if event == RETRY {
            with_body(event, "")
        } else {
            golden(event)
        };
        let got = answer(&backend_with(&sample(status)), &request).await;
        assert_eq!(got, refused(409, "validation_error", sentence));
    }
}

#[tokio::test]
async fn an_email_without_content_is_not_queued() {
    for (event, status) in [(RESCHEDULE, RecordStatus::Queued), (RETRY, RecordStatus::Canceled)] {
        let backend = backend_with(&sample(status));
        lose_content(&backend);
        assert_eq!(
            answer(&backend, &golden(event)).await,
            refused(
                409,
                "validation_error",
                "The content of this email is deleted. Send it as a new email."
            )
        );
        assert_eq!(stored(&backend), sample(status));
        assert_eq!(backend.calls_inside(), ["load", "queue", "extend_retention"]);
    }
}

#[tokio::test]
async fn an_impossible_time_is_a_422_with_its_field() {
    let given = EmailRecord {
        expires_given: true,
        ..sample(RecordStatus::Queued)
    };
    let backend = backend_with(&given);
    for (body, message) in [
        (
            r#"{"id":"00000000-0000-4000-8000-000000000000","scheduled_at":"in 1 hour"}"#,
            "id: must equal the id in the path",
        ),
        (
            r#"{"email_id":"00000000-0000-4000-8000-000000000000","scheduled_at":"in 1 hour"}"#,
            "email_id: must equal the id in the path",
        ),
        (
            r#"{"scheduled_at":"1970-01-01T00:11:39.999Z"}"#,
            "scheduled_at: is in the past",
        ),
        (
            r#"{"scheduled_at":"in 3654 days"}"#,
            "scheduled_at: must be within the next 10 years",
        ),
        (
            r#"{"scheduled_at":"in 1 hour","expires_at":"1970-01-01T00:16:40Z"}"#,
            "expires_at: is in the past",
        ),
        (
            r#"{"scheduled_at":"in 1 hour","expires_at":"in 60 minutes"}"#,
            "expires_at: must be after scheduled_at",
        ),
        (
            r#"{"scheduled_at":"in 1 hour","expires_at":"in 3654 days"}"#,
            "expires_at: must be within 10 years after the email is due",
        ),
    ] {
        let got = answer(&backend, &with_body(RESCHEDULE, body)).await;
        assert_eq!(got, refused(422, "validation_error", message), "{body}");
    }
    assert!(backend.calls_inside().is_empty(), "an impossible time causes no call");
    // This one depends on the email.
    let got = answer(&backend, &with_body(RESCHEDULE, r#"{"scheduled_at":"in 1 day"}"#)).await;
    let message = "scheduled_at: must be before the email's expires_at";
    assert_eq!(got, refused(422, "validation_error", message));
    assert_eq!(backend.calls_inside(), ["load", "queue"]);
    assert_eq!((stored(&backend), kept_until(&backend)), (given, None));
}

#[tokio::test]
async fn a_malformed_body_is_refused_before_any_call() {
    let large = format!("\"{}\"", "x".repeat(limits::REQUEST_BYTES));
    let backend = backend_with(&sample(RecordStatus::Failed));
    for (event, body, status, name, message) in [
        (
            RESCHEDULE,
            "",
            400,
            "validation_error",
            "The request body is not valid JSON",
        ),
        (
            RESCHEDULE,
            r#"{"scheduled_at":"in 1 hour""#,
            400,
            "validation_error",
            "The request body is not valid JSON",
        ),
        (
            RESCHEDULE,
            "[]",
            400,
            "validation_error",
            "The request body must be a JSON object",
        ),
        (
            RESCHEDULE,
            &large,
            413,
            "validation_error",
            "The request body is too large",
        ),
        (RESCHEDULE, "{}", 422, "missing_required_field", "scheduled_at: "),
        (
            RESCHEDULE,
            r#"{"scheduled_at":null}"#,
            422,
            "missing_required_field",
            "scheduled_at: ",
        ),
        (
            RESCHEDULE,
            r#"{"expires_at":"in 1 hour"}"#,
            422,
            "missing_required_field",
            "scheduled_at: ",
        ),
        (
            RESCHEDULE,
            r#"{"scheduled_at":"tomorrow"}"#,
            422,
            "validation_error",
            "scheduled_at: must be a time",
        ),
        (
            RESCHEDULE,
            r#"{"scheduled_at":1}"#,
            422,
            "validation_error",
            "scheduled_at: must be ",
        ),
        (
            RESCHEDULE,
            r#"{"scheduled_at":"in 1 hour","expires_at":"never"}"#,
            422,
            "validation_error",
            "expires_at: must be a time",
        ),
        (
            RESCHEDULE,
            r#"{"scheduledAt":"in 1 hour"}"#,
            422,
            "validation_error",
            "scheduledAt: unknown field; did you mean scheduled_at?",
        ),
        (
            RESCHEDULE,
            r#"{"scheduled_at":"in 1 hour","scheduled_at":"in 2 hours"}"#,
            422,
            "validation_error",
            "scheduled_at: is given more than once",
        ),
        (
            RESCHEDULE,
            r#"{"scheduled_at":"in 1 hour","subject":"x"}"#,
            422,
            "validation_error",
            "subject: unknown field",
        ),
        (
            RETRY,
            "{",
            400,
            "validation_error",
            "The request body is not valid JSON",
        ),
        (
            RETRY,
            "true",
            400,
            "validation_error",
            "The request body must be a JSON object",
        ),
        (
            RETRY,
            r#"{"force":"true"}"#,
            422,
            "validation_error",
            "force: must be a boolean",
        ),
        (
            RETRY,
            r#"{"Force":true}"#,
            422,
            "validation_error",
            "Force: unknown field; did you mean force?",
        ),
    ] {
        let (got, error) = answer(&backend, &with_body(event, body)).await;
        let what = body.get(..60).unwrap_or(body);
        assert_eq!((got, &error["name"]), (status, &name.into()), "{what}: {error}");
        assert_eq!(error["statusCode"], status, "{what}");
        assert!(error["message"].as_str().unwrap().starts_with(message), "{error}");
    }
    assert!(backend.calls_inside().is_empty());
}
