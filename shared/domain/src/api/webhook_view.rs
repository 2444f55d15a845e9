//! Answers about webhooks, in Resend's form.
//!
//! **Role:** called by `webhooks`; calls [`crate::webhook`].
//! **Invariant:** only the answers to a creation, a read of one webhook and a rotation have a secret. They have no
//! `Debug`.
//!
//! Source: Resend's OpenAPI document, version 1.5.0, paths `/webhooks`; `active_at`, `warnings`, `delivery`, `state`,
//! `failing_since`, `disables_at`, `disabled_by`, `expires_at` and `signing_secret_error` are ours.

use serde::Serialize;

use crate::timestamp::Timestamp;
use crate::webhook::health::Health;
use crate::webhook::secret::SigningSecret;
use crate::webhook::settings::{DisabledBy, Status, Target, Webhook};

const OBJECT: &str = "webhook";

/// The endpoint of a webhook that is only pulled: Resend's SDKs expect a text.
const PULL: &str = "pull";

/// The note about a secret that signs no longer.
const LOST_SECRET: &str = "signing_secret: the earlier secret was missing or could not be decrypted, so it does not sign any longer; give the new one to your receiver at once.";

/// The refusal of a request that needs a secret which is missing or which nobody can decrypt, with the remedy.
pub const UNREADABLE_SECRET: &str = "The signing secret of this webhook is missing or cannot be decrypted, so its events wait. Replace it: POST /webhooks/{id}/signing-secret/rotate. Or the deployer restores it (docs/OPERATIONS.md, Change the key of signing secrets).";

/// A page of a list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(rename = "{T}Page"))]
pub struct WebhookPage<T> {
    #[cfg_attr(feature = "schema", schemars(extend("const" = "list")))]
    object: &'static str,
    has_more: bool,
    data: Vec<T>,
}

impl<T> WebhookPage<T> {
    /// A page. `has_more`: there are more in the direction of reading.
    #[must_use]
    pub const fn new(data: Vec<T>, has_more: bool) -> Self {
        Self {
            object: "list",
            has_more,
            data,
        }
    }
}

/// The answer to a creation.
#[derive(Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct WebhookCreated {
    #[cfg_attr(feature = "schema", schemars(extend("const" = "webhook")))]
    object: &'static str,
    id: String,
    signing_secret: String,
    /// Events of emails that are accepted before this time come a little later.
    active_at: String,
    /// Notes about events that never come, or an endpoint that cannot be found yet.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    warnings: Vec<String>,
}

impl WebhookCreated {
    /// The answer.
    #[must_use]
    pub fn new(webhook: &Webhook, secret: &SigningSecret, warnings: Vec<String>) -> Self {
        Self {
            object: OBJECT,
            id: webhook.id.to_string(),
            signing_secret: secret.to_text(),
            active_at: webhook.active_at().to_string(),
            warnings,
        }
    }
}

/// The answer to a change.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct WebhookChanged {
    #[cfg_attr(feature = "schema", schemars(extend("const" = "webhook")))]
    object: &'static str,
    id: String,
    /// Notes about events that never come, or an endpoint that cannot be found yet.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    warnings: Vec<String>,
}

impl WebhookChanged {
    /// The answer.
    #[must_use]
    pub fn new(webhook: &Webhook, warnings: Vec<String>) -> Self {
        Self {
            object: OBJECT,
            id: webhook.id.to_string(),
            warnings,
        }
    }
}

/// The answer to a deletion.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct WebhookDeleted {
    #[cfg_attr(feature = "schema", schemars(extend("const" = "webhook")))]
    object: &'static str,
    id: String,
    deleted: bool,
}

impl WebhookDeleted {
    /// The answer.
    #[must_use]
    pub fn new(webhook: &Webhook) -> Self {
        Self {
            object: OBJECT,
            id: webhook.id.to_string(),
            deleted: true,
        }
    }
}

/// The answer to a rotation.
#[derive(Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct SecretRotated {
    #[cfg_attr(feature = "schema", schemars(extend("const" = "webhook")))]
    object: &'static str,
    id: String,
    /// The new secret. For 24 hours each delivery is also signed with the secret before it.
    signing_secret: String,
    /// A note that the secret before it signs no longer.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    warnings: Vec<String>,
}

impl SecretRotated {
    /// The answer.
    #[must_use]
    pub fn new(webhook: &Webhook, secret: &SigningSecret) -> Self {
        Self {
            object: OBJECT,
            id: webhook.id.to_string(),
            signing_secret: secret.to_text(),
            warnings: Vec::new(),
        }
    }

    /// The same answer, if the secret before it was missing or could not be decrypted.
    #[must_use]
    pub fn with_lost_secret(mut self) -> Self {
        self.warnings.push(LOST_SECRET.to_owned());
        self
    }
}

/// Whether events are sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(rename = "WebhookStatus"))]
#[serde(rename_all = "snake_case")]
enum StatusView {
    Enabled,
    Disabled,
}

/// The state of an endpoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(rename = "WebhookState"))]
#[serde(rename_all = "snake_case")]
enum StateView {
    /// The last attempts did not all fail.
    Ok,
    /// Nothing but failures came lately.
    Failing,
}

/// The way in which events reach their receiver.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[cfg_attr(
    feature = "schema",
    derive(schemars::JsonSchema),
    schemars(rename = "WebhookDelivery")
)]
#[serde(rename_all = "snake_case")]
enum DeliveryView {
    /// Each event is sent to the endpoint.
    Push,
    /// The receiver reads `GET /webhooks/{id}/events`.
    Pull,
}

/// A webhook in the list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct WebhookSummary {
    id: String,
    created_at: String,
    status: StatusView,
    /// The URL; `pull` for a webhook that is only pulled.
    endpoint: String,
    events: Vec<String>,
    delivery: DeliveryView,
    state: StateView,
    /// Time of the first failure since the last success.
    #[serde(skip_serializing_if = "Option::is_none")]
    failing_since: Option<String>,
    /// Time from which on a further failure disables the webhook.
    #[serde(skip_serializing_if = "Option::is_none")]
    disables_at: Option<String>,
    /// The reason why it is disabled.
    #[serde(skip_serializing_if = "Option::is_none")]
    disabled_by: Option<DisabledBy>,
    /// End of a webhook that is only pulled.
    #[serde(skip_serializing_if = "Option::is_none")]
    expires_at: Option<String>,
}

impl WebhookSummary {
    /// The entry of a webhook.
    #[must_use]
    pub fn new(webhook: &Webhook, health: &Health) -> Self {
        let (status, disabled_by) = match webhook.status {
            Status::Enabled => (StatusView::Enabled, None),
            Status::Disabled { by, .. } => (StatusView::Disabled, Some(by)),
        };
        let (endpoint, delivery, expires_at) = match &webhook.target {
            Target::Push { endpoint } => (endpoint.clone(), DeliveryView::Push, None),
            Target::Pull { until } => (PULL.to_owned(), DeliveryView::Pull, Some(until.to_string())),
        };
        let fails = health.is_failing();
        let text = |at: Option<Timestamp>| at.filter(|_| fails).map(|at| at.to_string());
        Self {
            id: webhook.id.to_string(),
            created_at: webhook.created_at.to_string(),
            status,
            endpoint,
            events: webhook.events.clone(),
            delivery,
            state: if fails { StateView::Failing } else { StateView::Ok },
            failing_since: text(health.failing_since),
            disables_at: text(health.disables_at()),
            disabled_by,
            expires_at,
        }
    }
}

/// A webhook with its secret.
#[derive(Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(rename = "Webhook"))]
pub struct WebhookView {
    #[cfg_attr(feature = "schema", schemars(extend("const" = "webhook")))]
    object: &'static str,
    #[serde(flatten)]
    summary: WebhookSummary,
    /// Left out only if it is lost or cannot be decrypted.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(with = "String"))]
    signing_secret: Option<String>,
    /// The reason why the secret is missing, and the remedy.
    #[serde(skip_serializing_if = "Option::is_none")]
    signing_secret_error: Option<&'static str>,
}

impl WebhookView {
    /// The webhook. `None`: its secret is missing or cannot be decrypted.
    #[must_use]
    pub fn new(webhook: &Webhook, health: &Health, secret: Option<&SigningSecret>) -> Self {
        Self {
            object: OBJECT,
            summary: WebhookSummary::new(webhook, health),
            signing_secret: secret.map(SigningSecret::to_text),
            signing_secret_error: secret.is_none().then_some(UNREADABLE_SECRET),
        }
    }
}

#[cfg(test)]
#[path = "webhook_view_tests.rs"]
mod tests;
