//! Webhooks, their events and attempts.

#![expect(dead_code, reason = "the fields of requests are described here and read elsewhere")]

use aws::http::query::{LIMIT_DEFAULT, LIMIT_MAX};
use domain::api::webhook_api::Only;
use domain::api::webhook_event_view::{
    RecoveryStarted, RecoveryView, WebhookAttempt, WebhookEventPage, WebhookEventSent, WebhookEventView,
};
use domain::api::webhook_view::{
    SecretRotated, WebhookChanged, WebhookCreated, WebhookDeleted, WebhookPage, WebhookSummary, WebhookView,
};
use domain::limits;
use domain::webhook::delivery::DeliveryState;
use domain::webhook::event_type::EventType;
use schemars::JsonSchema;
use serde_json::json;

use crate::operation::Operation;

pub(crate) fn operations() -> Vec<Operation> {
    [of_webhooks(), of_events()].concat()
}

fn of_webhooks() -> Vec<Operation> {
    let one = "/webhooks/{webhook}";
    vec![
        Operation::new("get", "/webhooks", "list_webhooks", "Lists webhooks, newest first")
            .query::<WebhookQuery>()
            .answers::<WebhookPage<WebhookSummary>>(200, "A page of the list.")
            .refuses(&[422]),
        Operation::new("post", "/webhooks", "create_webhook", "Creates a webhook")
            .details("mailqueue sends each event to the endpoint, signed as Standard Webhooks describes. A webhook with the delivery `pull` is never called, and ends after 24 hours. A tenant has at most ten webhooks.")
            .body::<NewWebhook>(json!({
                "endpoint": "https://example.com/webhooks",
                "events": ["email.delivered", "email.bounced"],
            }))
            .answers::<WebhookCreated>(201, "The webhook exists.")
            .refuses(&[400, 409, 413, 422]),
        Operation::new("get", one, "get_webhook", "Shows a webhook with its signing secret")
            .answers::<WebhookView>(200, "The webhook.")
            .refuses(&[404]),
        Operation::new("patch", one, "update_webhook", "Changes a webhook")
            .details("A new endpoint, or the status `enabled`, forgets earlier failures. While a webhook is disabled, its events are kept. Enabling it sends none of them: use `POST /webhooks/{id}/recover`.")
            .body::<WebhookChange>(json!({"status": "disabled"}))
            .answers::<WebhookChanged>(200, "The webhook has these settings.")
            .refuses(&[400, 404, 413, 422]),
        Operation::new("delete", one, "delete_webhook", "Deletes a webhook with its events")
            .answers::<WebhookDeleted>(200, "The deletion is done.")
            .refuses(&[404]),
        Operation::new(
            "post",
            "/webhooks/{webhook}/signing-secret/rotate",
            "rotate_signing_secret",
            "Replaces the signing secret",
        )
        .details("For 24 hours each delivery is also signed with the secret before it. If that one is missing or cannot be decrypted, the response has a warning, and only the new secret signs.")
        .optional_body::<NewSigningSecret>(json!({"signing_secret": "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"}))
        .answers::<SecretRotated>(200, "The webhook has a new secret.")
        .refuses(&[400, 404, 413, 422]),
        Operation::new("post", "/webhooks/{webhook}/test", "test_webhook", "Sends a test event")
            .details("The event has the form of a real one, and invented data. Its emails have the tag `test`.")
            .optional_body::<WebhookTest>(json!({"type": "email.bounced"}))
            .answers::<WebhookEventSent>(200, "The event is on its way.")
            .refuses(&[400, 404, 409, 413, 422]),
        Operation::new("post", "/webhooks/{webhook}/recover", "recover_webhook", "Sends the events of a period again")
            .details("Starts a job. It sends stored events again, and computes missing ones from the emails that were accepted in the period. Each event keeps its id. A webhook has one recovery at a time.")
            .body::<Recover>(json!({"since": "2026-11-24T09:30:00Z"}))
            .answers::<RecoveryStarted>(202, "The job has started.")
            .refuses(&[400, 404, 409, 413, 422]),
        Operation::new("get", "/webhooks/{webhook}/jobs/{job}", "get_recovery", "Shows a recovery")
            .answers::<RecoveryView>(200, "The job.")
            .refuses(&[404]),
    ]
}

fn of_events() -> Vec<Operation> {
    let (all, one) = ("/webhooks/{webhook}/events", "/webhooks/{webhook}/events/{event}");
    vec![
        Operation::new(
            "get",
            all,
            "list_webhook_events",
            "Lists the events of a webhook, newest first",
        )
        .details("With a filter, mailqueue examines a limited number of events for each page. With `include=payload`, the answer is 409 if the signing secret is missing or cannot be decrypted.")
        .query::<EventQuery>()
        .answers::<WebhookEventPage>(200, "A page of the list.")
        .refuses(&[404, 409, 422]),
        Operation::new("get", one, "get_webhook_event", "Shows an event with its payload")
            .answers::<WebhookEventView>(200, "The event.")
            .refuses(&[404]),
        Operation::new(
            "post",
            "/webhooks/{webhook}/events/{event}/replay",
            "replay_webhook_event",
            "Sends an event again",
        )
        .details("Also sends an event that its receiver has. The attempts begin anew.")
        .answers::<WebhookEventSent>(200, "The event is on its way.")
        .refuses(&[404, 409]),
        Operation::new(
            "get",
            "/webhooks/{webhook}/events/{event}/attempts",
            "list_webhook_attempts",
            "Lists the newest attempts of an event, newest first",
        )
        .query::<AttemptQuery>()
        .answers::<WebhookPage<WebhookAttempt>>(200, "A page of the list.")
        .refuses(&[404, 422]),
    ]
}

/// A new webhook.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
struct NewWebhook {
    /// An https URL with a public host. Required unless the delivery is `pull`.
    #[schemars(length(min = 1, max = limits::ENDPOINT_MAX))]
    endpoint: Option<String>,
    /// The events to send: names of `WebhookEventType`. mailqueue also accepts the other event names of Resend, and the
    /// response has a warning that those never come.
    #[schemars(length(min = 1, max = limits::WEBHOOK_EVENTS_MAX))]
    events: Vec<String>,
    /// Your own secret, such as that of an earlier service. Default: a new one.
    #[schemars(extend("pattern" = "^whsec_[0-9A-Za-z+/]+={0,2}$"))]
    signing_secret: Option<String>,
    /// `pull`: the webhook is never called. Read its events with `GET /webhooks/{id}/events`. It ends after 24 hours.
    #[schemars(extend("enum" = ["push", "pull", null], "default" = "push"))]
    delivery: Option<String>,
}

/// Settings of a webhook: at least one of `endpoint`, `events` and `status`.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
struct WebhookChange {
    /// An https URL with a public host.
    #[schemars(length(min = 1, max = limits::ENDPOINT_MAX))]
    endpoint: Option<String>,
    /// The events to send, in place of the earlier ones.
    #[schemars(length(min = 1, max = limits::WEBHOOK_EVENTS_MAX))]
    events: Option<Vec<String>>,
    /// `disabled`: events are kept, and not sent.
    #[schemars(extend("enum" = ["enabled", "disabled", null]))]
    status: Option<String>,
    /// The id in the path, which some SDKs repeat here.
    webhook_id: Option<String>,
}

/// A new signing secret.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
struct NewSigningSecret {
    /// Your own secret. Default: a new one.
    #[schemars(extend("pattern" = "^whsec_[0-9A-Za-z+/]+={0,2}$"))]
    signing_secret: Option<String>,
}

/// A test event.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
struct WebhookTest {
    /// The type of the event. Default: `email.delivered`.
    #[schemars(rename = "type")]
    event_type: Option<EventType>,
}

/// A recovery of events.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
struct Recover {
    /// The begin of the period, with its offset. It selects stored events by their time, and emails by the time at which
    /// they were accepted.
    #[schemars(length(max = limits::TIME_MAX))]
    since: String,
    /// The end of the period, with its offset. Default: now.
    #[schemars(length(max = limits::TIME_MAX))]
    until: Option<String>,
    /// The events to send. Default: `failed`.
    only: Option<Only>,
}

#[derive(JsonSchema)]
struct WebhookQuery {
    /// The maximum number of webhooks on the page. Default: all webhooks.
    #[schemars(range(min = 1, max = LIMIT_MAX))]
    limit: Option<u32>,
    /// The id of a webhook. The page starts after it, with older webhooks.
    #[schemars(extend("format" = "uuid"))]
    after: Option<String>,
    /// The id of a webhook. The page ends before it, with newer webhooks. Not allowed together with `after`.
    #[schemars(extend("format" = "uuid"))]
    before: Option<String>,
}

#[derive(JsonSchema)]
struct EventQuery {
    /// The maximum number of events on the page.
    #[schemars(range(min = 1, max = LIMIT_MAX), extend("default" = LIMIT_DEFAULT))]
    limit: Option<u32>,
    /// The id of an event. The page starts after it, with older events.
    after: Option<String>,
    /// The id of an event. The page ends before it, with newer events. Not allowed together with `after`.
    before: Option<String>,
    /// Only events in this state of delivery.
    status: Option<DeliveryState>,
    /// Only events of this type.
    #[schemars(rename = "type")]
    event_type: Option<EventType>,
    /// `payload`: also the payloads, and the headers of deliveries that are signed now. A page with large payloads may
    /// hold fewer events than its limit.
    #[schemars(extend("enum" = ["payload"]))]
    include: Option<String>,
}

#[derive(JsonSchema)]
struct AttemptQuery {
    /// The maximum number of attempts on the page. Default: all that are kept.
    #[schemars(range(min = 1, max = LIMIT_MAX))]
    limit: Option<u32>,
    /// The id of an attempt. The page starts after it, with older attempts.
    after: Option<String>,
    /// The id of an attempt. The page ends before it, with newer attempts. Not allowed together with `after`.
    before: Option<String>,
}
