//! What is asked of emails over the HTTP API: golden events, failures and races, in a world in
//! memory.
#![expect(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test that cannot go on says why"
)]

mod common;
mod meddled;

use std::sync::Mutex;
use std::time::Duration;

use common::{ask, ask_of, manage, read};
use domain::cause::Cause;
use domain::id::{TenantId, UploadId};
use domain::lifecycle::asked::Refusal;
use domain::limits;
use domain::ports::{Claimed, EmailKey, Rows, Wake};
use domain::row::{Acceptance, Due, DueKind, Lane, Lease, Row, Status};
use domain::timestamp::Timestamp;
use domain::wire::wake_up::WakeUp;
use meddled::{Meddled, Meddling};
use serde_json::{Value, json};
use world::samples::BORN;
use world::{Fault, World, samples};

const CANCEL: &str = include_str!("../../../events/manage_cancel.json");
const RESCHEDULE: &str = include_str!("../../../events/manage_reschedule.json");
const RETRY: &str = include_str!("../../../events/manage_retry.json");

/// The settings in `common`.
const TWO_WEEKS: Duration = Duration::from_secs(14 * 86_400);
const RETENTION: Duration = Duration::from_secs(30 * 86_400);

fn golden(event: &str) -> Value {
    serde_json::from_str(event).unwrap()
}

/// A golden event with another body.
fn with_body(event: &str, body: &str) -> Value {
    let mut event = golden(event);
    event["body"] = body.into();
    event
}

/// A golden event about the `n`th sample.
fn about(event: &str, n: u8) -> Value {
    let mut event = golden(event);
    let path = event["rawPath"].as_str().unwrap();
    event["rawPath"] = path
        .replace(&samples::id(1).to_string(), &samples::id(n).to_string())
        .into();
    event
}

fn rescheduled_to(scheduled_at: &str, expires_at: Option<&str>) -> Value {
    let body = json!({"scheduled_at": scheduled_at, "expires_at": expires_at});
    with_body(RESCHEDULE, &body.to_string())
}

fn secs(secs: u64) -> Duration {
    Duration::from_secs(secs)
}

/// So many seconds after the samples were born, which is now unless a test says otherwise.
fn at(after: u64) -> Timestamp {
    BORN.after(secs(after))
}

fn due(kind: DueKind, after: u64) -> Option<Due> {
    Some(Due { kind, at: at(after) })
}

/// The first sample, as it is in a status.
fn sample(status: Status) -> Row {
    let row = samples::row(1, &samples::email().unwrap());
    let tried = Row {
        status,
        claim_no: 2,
        attempts: 2,
        due: match status {
            Status::Sent => None,
            Status::Failed | Status::Unknown | Status::Canceled | Status::Expired => due(DueKind::Ended, 0),
            Status::Queued | Status::Sending | Status::Failing | Status::Uncertain => row.due,
        },
        ..row.clone()
    };
    let why = (Some(Cause::Unavailable), Some("said so".to_owned()));
    match status {
        Status::Queued => row,
        Status::Sending => Row {
            lease: Some(Lease {
                until: at(180),
                nonce: 7,
            }),
            ..tried
        },
        Status::Uncertain => Row {
            uncertain_since: Some(BORN),
            ..tried
        },
        Status::Sent => Row {
            sent: Some(Acceptance {
                claim_no: 2,
                message_id: "ses-1".to_owned(),
                at: BORN,
            }),
            ..tried
        },
        Status::Failing | Status::Failed | Status::Unknown | Status::Expired => Row {
            cause: why.0,
            detail: why.1,
            ..tried
        },
        Status::Canceled => tried,
    }
}

/// A world with one email and its content.
fn world_with(row: &Row) -> World {
    let world = samples::world(1).unwrap();
    world.state().rows.insert(samples::key(1), row.clone());
    world
}

fn stored(world: &World) -> Row {
    world.row(&samples::key(1)).expect("the email is still there")
}

/// Until when the content is kept, if anybody said so.
fn kept_until(world: &World) -> Option<Timestamp> {
    let name = (samples::key(1), samples::email().unwrap().hash());
    world.state().kept_until.get(&name).copied()
}

fn lose_content(world: &World) {
    world.state().bodies.clear();
}

async fn answer(world: &World, event: &Value) -> (u16, Value) {
    read(&ask(world, event).await)
}

/// The answer that says: it is so now.
fn done() -> (u16, Value) {
    (200, json!({"object": "email", "id": samples::id(1).to_string()}))
}

fn refused(status: u16, name: &str, message: &str) -> (u16, Value) {
    (status, json!({"statusCode": status, "name": name, "message": message}))
}

fn conflict(refusal: Refusal) -> (u16, Value) {
    refused(409, "conflict", &refusal.to_string())
}

/// What is true of every row at every moment.
fn assert_in_its_place(row: &Row, what: &str) {
    assert!(row.is_in_its_place(), "{what}: {row:?}");
}

/// A row that waits to be sent must have something to send until the end of its days.
fn assert_content_is_kept(world: &World, what: &str) {
    let row = stored(world);
    if row.status == Status::Queued && row != sample(Status::Queued) {
        assert!(kept_until(world) >= Some(row.expires_at.after(RETENTION)), "{what}");
    }
}

#[tokio::test]
async fn a_canceled_email_leaves_the_index_and_cannot_be_claimed() {
    // One that was tried and waits for its next attempt is as good as one that was not.
    let tried = Row {
        claim_no: 2,
        attempts: 2,
        cause: Some(Cause::Throttled),
        detail: Some("slower".to_owned()),
        not_before: at(60),
        ..sample(Status::Queued)
    };
    for row in [sample(Status::Queued), tried] {
        let world = world_with(&row);
        assert_eq!(answer(&world, &golden(CANCEL)).await, done());
        let canceled = Row {
            status: Status::Canceled,
            cause: None,
            detail: None,
            due: due(DueKind::Ended, 0),
            ..row
        };
        assert_eq!(stored(&world), canceled);
        assert_eq!(world.calls_inside(), ["load", "queue", "write"]);
        assert!(world.state().wakes.is_empty());
        let policy = manage(&world, world.clone(), world.clone()).with.policy;
        let claimed = world.claim(&samples::key(1), 1, &policy, at(3600)).await.unwrap();
        assert_eq!(claimed, Claimed::Refused(Some(Box::new(canceled))));
    }
}

#[tokio::test]
async fn an_email_may_be_canceled_whose_content_is_gone() {
    let world = world_with(&sample(Status::Queued));
    lose_content(&world);
    assert_eq!(answer(&world, &golden(CANCEL)).await, done());
}

#[tokio::test]
async fn cancel_asked_twice_is_answered_twice_and_written_once() {
    let world = world_with(&sample(Status::Queued));
    assert_eq!(answer(&world, &golden(CANCEL)).await, done());
    let canceled = stored(&world);
    assert_eq!(answer(&world, &golden(CANCEL)).await, done());
    assert_eq!(stored(&world), canceled);
    assert_eq!(world.calls_inside(), ["load", "queue", "write", "load", "queue"]);
}

/// Beside the row: an email that is due within a quarter of an hour is woken by this call,
/// anything further away by `promote`, and one more call of the world is money.
#[tokio::test]
async fn a_rescheduled_email_waits_for_its_new_time() {
    let (near, far) = (DueKind::Check, DueKind::Wake);
    for (asked_for, scheduled, not_before, waits, delay) in [
        ("in 10 minutes", at(600), 600, due(near, 1500), Some(600)),
        ("1970-01-01T01:26:40+01:00", at(600), 600, due(near, 1500), Some(600)),
        ("in 0 seconds", BORN, 0, due(near, 900), Some(0)),
        // The caller's clock is behind.
        (
            "1970-01-01T00:15:40Z",
            BORN.before(secs(60)),
            0,
            due(near, 900),
            Some(0),
        ),
        ("in 15 minutes", at(900), 900, due(near, 1800), Some(900)),
        ("in 901 seconds", at(901), 901, due(far, 901), None),
        (
            "in 3653 days",
            at(315_619_200),
            315_619_200,
            due(far, 315_619_200),
            None,
        ),
    ] {
        // It waited elsewhere before.
        let row = Row {
            lane: Lane::Low,
            claim_no: 2,
            attempts: 2,
            not_before: at(5000),
            due: due(far, 5000),
            ..sample(Status::Queued)
        };
        let world = world_with(&row);
        assert_eq!(
            answer(&world, &rescheduled_to(asked_for, None)).await,
            done(),
            "{asked_for}"
        );
        let expected = Row {
            not_before: at(not_before),
            scheduled_at: Some(scheduled),
            expires_at: scheduled.after(TWO_WEEKS),
            due: waits,
            ..row
        };
        assert_eq!(stored(&world), expected, "{asked_for}");
        let wakes: Vec<_> = delay
            .into_iter()
            .map(|delay| Wake {
                lane: Lane::Low,
                wake_up: WakeUp::of(&expected),
                delay: secs(delay),
            })
            .collect();
        assert_eq!(world.state().wakes, wakes, "{asked_for}");
        let mut calls = vec!["load", "queue", "keep", "load_body", "write"];
        calls.extend(delay.map(|_| "wake"));
        assert_eq!(
            world.calls_inside(),
            calls,
            "the content is kept before the row is written: {asked_for}"
        );
        assert_eq!(
            kept_until(&world),
            Some(expected.expires_at.after(RETENTION)),
            "{asked_for}"
        );
    }
}

#[tokio::test]
async fn a_body_in_base64_is_read_as_its_bytes() {
    let world = world_with(&sample(Status::Queued));
    let mut event = with_body(RESCHEDULE, "eyJzY2hlZHVsZWRfYXQiOiJpbiAxMCBtaW51dGVzIn0=");
    event["isBase64Encoded"] = true.into();
    assert_eq!(answer(&world, &event).await, done());
    assert_eq!(stored(&world).not_before, at(600));
    // "/w==" is the byte 0xFF: no UTF-8, no JSON.
    event["body"] = "/w==".into();
    assert_eq!(answer(&world, &event).await.0, 400);
}

#[tokio::test]
async fn the_callers_deadline_stays_until_the_caller_moves_it() {
    for (given, scheduled_at, expires_at, expected) in [
        (false, 600, None, (at(600).after(TWO_WEEKS), false)),
        (false, 600, Some("in 1 hour"), (at(3600), true)),
        (true, 600, None, (at(86_400), true)),
        (true, 600, Some("in 2 days"), (at(172_800), true)),
        (true, 600, Some("in 601 seconds"), (at(601), true)),
    ] {
        let row = Row {
            expires_given: given,
            ..sample(Status::Queued)
        };
        let world = world_with(&row);
        let event = rescheduled_to(&format!("in {scheduled_at} seconds"), expires_at);
        assert_eq!(answer(&world, &event).await, done(), "{given} {expires_at:?}");
        let row = stored(&world);
        assert_eq!((row.expires_at, row.expires_given), expected, "{given} {expires_at:?}");
        assert_eq!(kept_until(&world), Some(expected.0.after(RETENTION)));
    }
}

#[tokio::test]
async fn a_shorter_deadline_does_not_shorten_the_contents_life() {
    let world = world_with(&sample(Status::Queued));
    assert_eq!(answer(&world, &rescheduled_to("in 100 days", None)).await, done());
    let kept = kept_until(&world);
    assert_eq!(
        answer(&world, &rescheduled_to("in 1 minute", Some("in 2 minutes"))).await,
        done()
    );
    assert_eq!((stored(&world).expires_at, kept_until(&world)), (at(120), kept));
}

#[tokio::test]
async fn what_ended_unsent_is_sent_after_all_at_once_with_a_new_budget() {
    const FORCE: &str = r#"{"force":true}"#;
    for (status, body, marked) in [
        (Status::Failed, None, false),
        (Status::Failed, Some(""), false),
        (Status::Failed, Some("{}"), false),
        (Status::Failed, Some(r#"{"force":null}"#), false),
        (Status::Failed, Some(r#"{"force":false}"#), false),
        (Status::Failed, Some(FORCE), false),
        (Status::Canceled, None, false),
        (Status::Canceled, Some(FORCE), false),
        (Status::Expired, None, false),
        (Status::Expired, Some(FORCE), false),
        (Status::Unknown, Some(FORCE), true),
    ] {
        let what = format!("{status:?} {body:?}");
        let row = Row {
            lane: Lane::High,
            expires_given: true,
            ..sample(status)
        };
        let world = world_with(&row);
        world.state().now_ms = at(100_000).as_millis();
        let mut event = golden(RETRY);
        event["body"] = body.into();
        assert_eq!(answer(&world, &event).await, done(), "{what}");
        let expected = Row {
            status: Status::Queued,
            not_before: at(100_000),
            expires_at: at(100_000).after(TWO_WEEKS),
            expires_given: false,
            attempts: 0,
            maybe_duplicate: marked,
            cause: None,
            detail: None,
            due: due(DueKind::Check, 100_900),
            retried_at: Some(at(100_000)),
            ..row
        };
        assert_eq!(stored(&world), expected, "{what}");
        let wake = Wake {
            lane: Lane::High,
            wake_up: WakeUp::of(&expected),
            delay: Duration::ZERO,
        };
        assert_eq!(world.state().wakes, [wake], "{what}");
        assert_eq!(
            world.calls_inside(),
            ["load", "queue", "keep", "load_body", "write", "wake"],
            "{what}"
        );
        assert_eq!(kept_until(&world), Some(expected.expires_at.after(RETENTION)), "{what}");
    }
}

#[tokio::test]
async fn an_email_that_is_not_there_is_a_404_and_another_tenants_is_not_there() {
    let other = EmailKey {
        tenant: TenantId::parse("other").unwrap(),
        id: samples::id(7),
    };
    for event in [CANCEL, RESCHEDULE, RETRY] {
        // Theirs is in a status in which the caller would be answered 200.
        let status = if event == RETRY { Status::Failed } else { Status::Queued };
        let theirs = Row {
            tenant: other.tenant.clone(),
            id: other.id,
            ..sample(status)
        };
        let world = samples::world(1).unwrap();
        let ours = world.row(&samples::key(1));
        world.state().rows.insert(other.clone(), theirs.clone());
        for n in [7, 9] {
            world.state().calls.clear();
            assert_eq!(
                answer(&world, &about(event, n)).await,
                refused(404, "not_found", "There is no email of this id."),
                "{event}"
            );
            assert_eq!(world.calls_inside(), ["load"]);
        }
        assert_eq!(world.row(&other), Some(theirs));
        assert_eq!(world.row(&samples::key(1)), ours);
        assert_eq!(world.state().rows.len(), 2);
        assert!(world.state().kept_until.is_empty());
    }
}

/// What each status is answered where nothing can be done; `None` is the happy path.
fn too_late(event: &str, status: Status) -> Option<(u16, Value)> {
    match (event, status) {
        (CANCEL, Status::Queued | Status::Canceled)
        | (RESCHEDULE, Status::Queued)
        | (RETRY, Status::Failed | Status::Canceled | Status::Expired) => None,
        (RETRY, Status::Unknown) => Some(conflict(Refusal::NeedsForce)),
        (RETRY, _) => Some(conflict(Refusal::NotEnded(status))),
        (_, _) => Some(conflict(Refusal::TooLate(status))),
    }
}

#[tokio::test]
async fn what_is_too_late_is_a_409_that_says_why_and_changes_nothing() {
    for event in [CANCEL, RESCHEDULE, RETRY] {
        for status in Status::ALL {
            let row = sample(status);
            let world = world_with(&row);
            let asked = if event == RETRY {
                with_body(event, "{}")
            } else {
                golden(event)
            };
            let got = answer(&world, &asked).await;
            let Some(expected) = too_late(event, status) else {
                assert_eq!(got, done(), "{event} {status:?}");
                continue;
            };
            assert_eq!(got, expected, "{event} {status:?}");
            assert_eq!(stored(&world), row, "{event} {status:?}");
            assert_eq!(world.calls_inside(), ["load", "queue"], "{event} {status:?}");
            assert_eq!(kept_until(&world), None, "{event} {status:?}");
        }
    }
}

#[tokio::test]
async fn what_may_be_out_is_not_called_canceled_and_keeps_its_mark_when_it_is_rescheduled() {
    let row = Row {
        claim_no: 2,
        maybe_duplicate: true,
        ..sample(Status::Queued)
    };
    let world = world_with(&row);
    assert_eq!(answer(&world, &golden(CANCEL)).await, conflict(Refusal::MaybeSent));
    assert_eq!(stored(&world), row);
    assert_eq!(answer(&world, &golden(RESCHEDULE)).await, done());
    let row = stored(&world);
    assert_eq!((row.not_before, row.maybe_duplicate), (at(600), true));
}

#[tokio::test]
async fn the_sentences_tell_what_to_do_instead() {
    for (event, status, sentence) in [
        (CANCEL, Status::Sending, "This email is being sent: it is too late."),
        (RESCHEDULE, Status::Sent, "This email was sent: it is too late."),
        (
            RESCHEDULE,
            Status::Canceled,
            "This email was canceled: retry it, if it is wanted after all.",
        ),
        (
            RETRY,
            Status::Queued,
            "This email is waiting to be sent; to send it sooner, change its scheduled_at.",
        ),
        (
            RETRY,
            Status::Unknown,
            "Amazon SES may have accepted this email: retry it with {\"force\": true} if a second copy does less harm \
             than none.",
        ),
    ] {
        let asked = if event == RETRY {
            with_body(event, "")
        } else {
            golden(event)
        };
        let got = answer(&world_with(&sample(status)), &asked).await;
        assert_eq!(got, refused(409, "conflict", sentence));
    }
}

#[tokio::test]
async fn an_email_whose_content_is_gone_is_not_made_to_wait_for_nothing() {
    for (event, status) in [(RESCHEDULE, Status::Queued), (RETRY, Status::Canceled)] {
        let world = world_with(&sample(status));
        lose_content(&world);
        assert_eq!(
            answer(&world, &golden(event)).await,
            refused(
                409,
                "conflict",
                "The content of this email is gone: send it as a new email."
            )
        );
        assert_eq!(stored(&world), sample(status));
        assert_eq!(world.calls_inside(), ["load", "queue", "keep"]);
    }
}

#[tokio::test]
async fn an_impossible_time_is_a_422_that_names_its_field() {
    let given = Row {
        expires_given: true,
        ..sample(Status::Queued)
    };
    let world = world_with(&given);
    for (body, message) in [
        (
            r#"{"id":"00000000-0000-4000-8000-000000000000","scheduled_at":"in 1 hour"}"#,
            "id: is not the id in the path",
        ),
        (
            r#"{"scheduled_at":"1970-01-01T00:15:39.999Z"}"#,
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
        let got = answer(&world, &with_body(RESCHEDULE, body)).await;
        assert_eq!(got, refused(422, "validation_error", message), "{body}");
    }
    assert!(
        world.calls_inside().is_empty(),
        "nobody is asked about what is impossible"
    );
    // This one depends on the email.
    let got = answer(&world, &with_body(RESCHEDULE, r#"{"scheduled_at":"in 1 day"}"#)).await;
    let message = "scheduled_at: must be before the email's expires_at";
    assert_eq!(got, refused(422, "validation_error", message));
    assert_eq!(world.calls_inside(), ["load", "queue"]);
    assert_eq!((stored(&world), kept_until(&world)), (given, None));
}

#[tokio::test]
async fn a_body_that_says_something_else_is_refused_before_anybody_is_asked() {
    let large = format!("\"{}\"", "x".repeat(limits::REQUEST_BYTES));
    let world = world_with(&sample(Status::Failed));
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
            "scheduledAt: unknown field: use scheduled_at",
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
            "Force: unknown field",
        ),
    ] {
        let (got, error) = answer(&world, &with_body(event, body)).await;
        let what = body.get(..60).unwrap_or(body);
        assert_eq!((got, &error["name"]), (status, &name.into()), "{what}: {error}");
        assert_eq!(error["statusCode"], status, "{what}");
        assert!(error["message"].as_str().unwrap().starts_with(message), "{error}");
    }
    assert!(world.calls_inside().is_empty());
}

#[tokio::test]
async fn a_wake_up_that_fails_takes_nothing_back() {
    for (event, status) in [(RESCHEDULE, Status::Queued), (RETRY, Status::Failed)] {
        for fault in [Fault::Before, Fault::After] {
            let world = world_with(&sample(status));
            world.state().faults_of.insert("wake", [fault].into());
            assert_eq!(answer(&world, &golden(event)).await, done(), "{fault:?}");
            let row = stored(&world);
            assert_eq!((row.status, row.due.is_some()), (Status::Queued, true), "{fault:?}");
            assert_eq!(
                world.calls_inside(),
                ["load", "queue", "keep", "load_body", "write", "wake"]
            );
        }
    }
}

/// The world fails at each call in turn, before or after its effect.
#[tokio::test]
async fn whatever_fails_an_answer_of_200_is_written_and_no_row_falls_out_of_the_index() {
    for (event, status) in [
        (CANCEL, Status::Queued),
        (RESCHEDULE, Status::Queued),
        (RETRY, Status::Failed),
        (RETRY, Status::Unknown),
    ] {
        let good = world_with(&sample(status));
        assert_eq!(answer(&good, &golden(event)).await, done());
        let (wanted, calls) = (stored(&good), good.state().calls.clone());
        for (index, call) in calls.iter().enumerate() {
            for fault in [Fault::Before, Fault::After] {
                let what = format!("{call} fails {fault:?} in {event}");
                let world = world_with(&sample(status));
                world.state().faults = [vec![Fault::None; index], vec![fault]].concat().into();
                let (got, body) = answer(&world, &golden(event)).await;
                let row = stored(&world);
                assert_eq!(got == 200, *call == "wake", "{what}: {body}");
                assert_eq!(
                    row == wanted,
                    *call == "wake" || (*call == "write" && fault == Fault::After),
                    "{what}"
                );
                assert!(row == wanted || row == sample(status), "{what}");
                assert_in_its_place(&row, &what);
                assert_content_is_kept(&world, &what);
                if got != 200 {
                    let expected = refused(500, "internal_server_error", body["message"].as_str().unwrap());
                    assert_eq!((got, &body), (expected.0, &expected.1), "{what}");
                    assert!(!body.to_string().contains("world"), "{body}");
                }

                // The caller asks again. A retry that was written is not taken for another one.
                let again = answer(&world, &golden(event)).await;
                let expected = if event == RETRY && row == wanted {
                    conflict(Refusal::NotEnded(Status::Queued))
                } else {
                    done()
                };
                assert_eq!(again, expected, "{what}");
                assert_eq!(stored(&world), wanted, "{what}");
                assert_content_is_kept(&world, &what);
            }
        }
    }
}

/// Asks while others meddle, the first of them before the first write, and so on.
async fn meddled(world: &World, event: &Value, with: Vec<Meddling>) -> (u16, Value) {
    let rows = Meddled {
        world: world.clone(),
        with: Mutex::new(with.into()),
    };
    let manage = manage(world, rows, world.clone());
    let answer = read(&ask_of(&manage, event).await);
    assert!(manage.rows.with.lock().unwrap().is_empty(), "everybody had their turn");
    answer
}

#[tokio::test]
async fn a_claim_that_comes_first_wins_and_is_left_alone() {
    for event in [CANCEL, RESCHEDULE] {
        let world = world_with(&sample(Status::Queued));
        let got = meddled(&world, &golden(event), vec![Meddling::Claim]).await;
        assert_eq!(got, conflict(Refusal::TooLate(Status::Sending)), "{event}");
        let claimed = Row {
            status: Status::Sending,
            claim_no: 1,
            attempts: 1,
            lease: Some(Lease {
                until: at(180),
                nonce: 7,
            }),
            due: due(DueKind::Check, 180),
            ..sample(Status::Queued)
        };
        assert_eq!(stored(&world), claimed, "{event}");
        assert!(world.state().wakes.is_empty(), "{event}");
    }
}

#[tokio::test]
async fn a_cancel_that_comes_behind_a_reschedule_takes_the_rescheduled_email_back() {
    let world = world_with(&sample(Status::Queued));
    let first = Meddling::Ask(golden(RESCHEDULE));
    assert_eq!(meddled(&world, &golden(CANCEL), vec![first]).await, done());
    let row = stored(&world);
    assert_eq!(
        (row.status, row.due, row.scheduled_at, row.not_before),
        (Status::Canceled, due(DueKind::Ended, 0), Some(at(600)), at(600))
    );
}

#[tokio::test]
async fn a_cancel_that_comes_first_is_not_undone_by_a_reschedule() {
    let world = world_with(&sample(Status::Queued));
    let first = Meddling::Ask(golden(CANCEL));
    let got = meddled(&world, &golden(RESCHEDULE), vec![first]).await;
    assert_eq!(got, conflict(Refusal::TooLate(Status::Canceled)));
    let row = stored(&world);
    assert_eq!((row.status, row.due), (Status::Canceled, due(DueKind::Ended, 0)));
    assert!(world.state().wakes.is_empty());
}

#[tokio::test]
async fn of_two_cancels_at_once_both_are_answered_that_it_is_so() {
    let world = world_with(&sample(Status::Queued));
    let first = Meddling::Ask(golden(CANCEL));
    assert_eq!(meddled(&world, &golden(CANCEL), vec![first]).await, done());
    assert_eq!(stored(&world).status, Status::Canceled);
}

#[tokio::test]
async fn of_two_reschedules_at_once_the_later_one_stands_whole() {
    let world = world_with(&sample(Status::Queued));
    let first = Meddling::Ask(rescheduled_to("in 1 hour", Some("in 400 days")));
    let second = rescheduled_to("in 10 minutes", None);
    assert_eq!(meddled(&world, &second, vec![first]).await, done());
    let row = stored(&world);
    assert_eq!((row.not_before, row.due), (at(600), due(DueKind::Check, 1500)));
    // The second says nothing of a deadline, and so leaves the first one's.
    assert_eq!((row.expires_at, row.expires_given), (at(400 * 86_400), true));
    assert!(kept_until(&world) >= Some(row.expires_at.after(RETENTION)));
}

#[tokio::test]
async fn a_deadline_that_comes_first_holds_for_a_reschedule_behind_it() {
    let world = world_with(&sample(Status::Queued));
    let first = Meddling::Ask(rescheduled_to("in 1 minute", Some("in 10 minutes")));
    let got = meddled(&world, &rescheduled_to("in 10 minutes", None), vec![first]).await;
    let message = "scheduled_at: must be before the email's expires_at";
    assert_eq!(got, refused(422, "validation_error", message));
    let row = stored(&world);
    assert_eq!((row.not_before, row.expires_at), (at(60), at(600)));
}

/// What a retry has made wait again must keep what it is to send.
#[tokio::test]
async fn a_retry_that_comes_first_keeps_an_email_from_being_erased() {
    let world = world_with(&sample(Status::Failed));
    let mut erase = golden(CANCEL);
    erase["requestContext"]["http"]["method"] = "DELETE".into();
    erase["rawPath"] = format!("/emails/{}", samples::id(1)).into();
    let got = meddled(&world, &erase, vec![Meddling::Ask(golden(RETRY))]).await;
    assert_eq!(got, conflict(Refusal::NotErasable(Status::Queued)));
    assert_eq!(stored(&world).status, Status::Queued);
    assert!(kept_until(&world).is_some() && !world.state().bodies.is_empty());
}

#[tokio::test]
async fn of_two_retries_at_once_one_is_told_that_the_email_waits_already() {
    for status in [Status::Failed, Status::Unknown] {
        let world = world_with(&sample(status));
        let first = Meddling::Ask(golden(RETRY));
        let got = meddled(&world, &golden(RETRY), vec![first]).await;
        assert_eq!(got, conflict(Refusal::NotEnded(Status::Queued)));
        assert_eq!(world.state().wakes.len(), 1, "it is woken once");
    }
}

#[tokio::test]
async fn an_email_that_moves_all_the_time_is_a_500_and_not_called_canceled() {
    for (times, status) in [(7, 200), (8, 500)] {
        let world = world_with(&sample(Status::Queued));
        let moves = (1..=times)
            .map(|hour| Meddling::Ask(rescheduled_to(&format!("in {hour} hours"), None)))
            .collect();
        let (got, _) = meddled(&world, &golden(CANCEL), moves).await;
        assert_eq!(got, status, "{times}");
        let row = stored(&world);
        assert_eq!(row.status == Status::Canceled, status == 200, "{times}");
        assert_in_its_place(&row, "moved");
    }
}

#[tokio::test]
async fn an_email_that_is_forgotten_meanwhile_is_a_404_and_not_made_anew() {
    for (event, status) in [
        (CANCEL, Status::Queued),
        (RESCHEDULE, Status::Queued),
        (RETRY, Status::Failed),
    ] {
        let world = world_with(&sample(status));
        let got = meddled(&world, &golden(event), vec![Meddling::Forget]).await;
        assert_eq!(
            got,
            refused(404, "not_found", "There is no email of this id."),
            "{event}"
        );
        assert!(
            world.state().rows.is_empty() && world.state().wakes.is_empty(),
            "{event}"
        );
    }
}

/// Files lie beside the content, and have lives of their own.
#[tokio::test]
async fn uploaded_files_are_kept_as_long_as_the_content() {
    let upload = UploadId::parse("01010101-0101-4101-8101-010101010101").unwrap();
    let stored_email = format!(
        "{{\"v\":2,\"from\":\"a@example.com\",\"to\":[\"b@example.com\"],\"subject\":\"Hi\",\"text\":\"t\",\"attachments\":[\
         {{\"upload\":\"{upload}\",\"size\":4,\"filename\":\"big.bin\"}}]}}"
    );
    for (event, status) in [
        (rescheduled_to("in 900 days", None), Status::Queued),
        (golden(RETRY), Status::Failed),
    ] {
        let world = world_with(&sample(status));
        let name = (samples::key(1), stored(&world).body.sha256);
        world
            .state()
            .bodies
            .insert(name.clone(), stored_email.clone().into_bytes());
        let file = (name.0, name.1, upload);
        world.state().files.insert(file.clone(), (b"file".to_vec(), BORN));
        assert_eq!(answer(&world, &event).await, done());
        let kept = world.state().files.get(&file).map(|(_, kept)| *kept);
        assert_eq!(kept, Some(stored(&world).expires_at.after(RETENTION)));
        assert_eq!(kept, kept_until(&world));

        // An email that cannot be sent whole is not sent.
        let world = world_with(&sample(status));
        let name = (samples::key(1), stored(&world).body.sha256);
        world.state().bodies.insert(name, stored_email.clone().into_bytes());
        let gone = "The content of this email is gone: send it as a new email.";
        assert_eq!(answer(&world, &event).await, refused(409, "conflict", gone));
        assert_eq!(stored(&world), sample(status));
    }
}

#[tokio::test]
async fn an_upload_is_signed_for_the_caller() {
    let world = World::default();
    let mut event = with_body(RETRY, r#"{"filename": "a.pdf", "size": 7}"#);
    event["rawPath"] = "/attachments".into();
    let (status, invitation) = answer(&world, &event).await;
    assert_eq!(status, 200);
    let id = invitation["id"].as_str().and_then(UploadId::parse).expect("an id");
    assert_eq!(invitation["upload_url"], format!("https://bucket.example/main/{id}"));
    assert_eq!(invitation["headers"], json!({"content-length": "7"}));
    let (_, other) = answer(&world, &event).await;
    assert_ne!(invitation["id"], other["id"]);
    event["body"] = r#"{"filename": "a.exe", "size": 7}"#.into();
    let (status, error) = answer(&world, &event).await;
    assert_eq!((status, &error["name"]), (422, &json!("invalid_attachment")));
    event["headers"]["authorization"] = "Bearer mq_other".into();
    assert_eq!(answer(&world, &event).await.0, 403);
}
