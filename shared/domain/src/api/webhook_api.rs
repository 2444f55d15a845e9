//! Requests about webhooks, in Resend's form.
//!
//! **Role:** called by `webhooks`; calls [`super::json`].
//! **Invariant:** as in [`super::requests`], any bytes end in a request or an [`ApiError`] with the field's path. Whether
//! an endpoint may be called is decided by the guard of outgoing calls, not here.
//!
//! Source: Resend's OpenAPI document, version 1.5.0, paths `/webhooks`, and its Node SDK, version 6.38.0;
//! `signing_secret`, `delivery`, `test` and `recover` are ours.

use serde::Serialize;
use strum::{EnumString, IntoStaticStr, VariantArray};

use super::fields::{each_field, to_api};
use super::json::{Node, text, texts};
use super::spelling::{nearest, unknown};
use crate::api::error::ApiError;
use crate::limits;
use crate::message::problem::{EmailError, Problem};
use crate::timestamp::Timestamp;
use crate::webhook::event_type::{EventType, NEVER_TOLD};
use crate::webhook::secret::SigningSecret;
use crate::webhook::settings::WebhookChange;

/// The type of a test event without a wish of the caller.
const TESTED: EventType = EventType::Delivered;

/// The request of `POST /webhooks`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewWebhook {
    /// The endpoint; `None` for a webhook that is only pulled.
    pub endpoint: Option<String>,
    /// The wanted types, each once.
    pub events: Vec<String>,
    /// The caller's own secret.
    pub signing_secret: Option<SigningSecret>,
}

/// The deliveries that a recovery sends again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, EnumString, IntoStaticStr, VariantArray)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(rename = "RecoverOnly"))]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
pub enum Only {
    /// Those that the receiver does not have.
    #[default]
    Failed,
    /// All of them.
    All,
}

/// The request of `POST /webhooks/{id}/recover`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Recover {
    /// Earliest time.
    pub since: Timestamp,
    /// Latest time; `None` for now.
    pub until: Option<Timestamp>,
    /// The deliveries.
    pub only: Only,
}

/// Reads the body of `POST /webhooks`.
///
/// # Errors
/// As [`super::requests::parse_email`].
pub fn parse_create(body: &[u8]) -> Result<NewWebhook, ApiError> {
    let (mut given, mut events, mut signing_secret, mut is_pulled) = (None, None, None, false);
    each_field(body, |key, path, value| {
        match key {
            "endpoint" => given = endpoint(path, value)?,
            "events" => events = event_names(path, value)?,
            "signing_secret" => signing_secret = secret(path, value)?,
            "delivery" => is_pulled = pulled(path, value)?,
            _ => {
                return Err(unknown(
                    path,
                    key,
                    &["endpoint", "events", "signing_secret", "delivery"],
                ));
            }
        }
        Ok(())
    })?;
    let required = |path| ApiError::missing_field(path, "this field is required");
    match (is_pulled, &given) {
        (true, Some(_)) => {
            let problem = "leave it out: a webhook with the delivery pull has no endpoint";
            return Err(ApiError::validation("endpoint", problem));
        }
        (false, None) => return Err(required("endpoint")),
        (true, None) | (false, Some(_)) => {}
    }
    Ok(NewWebhook {
        endpoint: given,
        events: checked(events.ok_or_else(|| required("events"))?)?,
        signing_secret,
    })
}

/// Reads the body of `PATCH /webhooks/{id}`: the id of the webhook, which Resend's Python SDK repeats in it, and the
/// change.
///
/// # Errors
/// As [`super::requests::parse_email`].
pub fn parse_change(body: &[u8]) -> Result<(Option<String>, WebhookChange), ApiError> {
    let (mut change, mut events, mut id) = (WebhookChange::default(), None, None);
    each_field(body, |key, path, value| {
        match key {
            "endpoint" => change.endpoint = endpoint(path, value)?,
            "events" => events = event_names(path, value)?,
            "status" => change.enabled = enabled(path, value)?,
            "webhook_id" => id = text(path, value)?,
            _ => return Err(unknown(path, key, &["endpoint", "events", "status"])),
        }
        Ok(())
    })?;
    change.events = events.map(checked).transpose()?;
    if change == WebhookChange::default() {
        let problem = "give an endpoint, events or a status";
        return Err(to_api(None, EmailError::at("endpoint", Problem::Missing(problem))));
    }
    Ok((id, change))
}

/// Reads the body of `POST /webhooks/{id}/signing-secret/rotate`, which may be empty: the caller's own secret.
///
/// # Errors
/// As [`super::requests::parse_email`].
pub fn parse_rotation(body: &[u8]) -> Result<Option<SigningSecret>, ApiError> {
    let mut given = None;
    if body.trim_ascii().is_empty() {
        return Ok(None);
    }
    each_field(body, |key, path, value| {
        match key {
            "signing_secret" => given = secret(path, value)?,
            _ => return Err(unknown(path, key, &["signing_secret"])),
        }
        Ok(())
    })?;
    Ok(given)
}

/// Reads the body of `POST /webhooks/{id}/test`, which may be empty: the type of the test event.
///
/// # Errors
/// As [`super::requests::parse_email`].
pub fn parse_test(body: &[u8]) -> Result<EventType, ApiError> {
    let mut given = None;
    if body.trim_ascii().is_empty() {
        return Ok(TESTED);
    }
    each_field(body, |key, path, value| {
        match key {
            "type" => given = text(path, value)?,
            _ => return Err(unknown(path, key, &["type"])),
        }
        Ok(())
    })?;
    let Some(name) = given else { return Ok(TESTED) };
    name.parse().map_err(|_| no_event("type", &name))
}

/// Reads the body of `POST /webhooks/{id}/recover`.
///
/// # Errors
/// As [`super::requests::parse_email`].
pub fn parse_recovery(body: &[u8]) -> Result<Recover, ApiError> {
    let (mut since, mut until, mut only) = (None, None, Only::default());
    each_field(body, |key, path, value| {
        match key {
            "since" => since = time(path, value)?,
            "until" => until = time(path, value)?,
            "only" => {
                if let Some(name) = text(path, value)? {
                    let bad = |_| EmailError::at(path, Problem::Bad("must be failed or all"));
                    only = name.parse().map_err(bad)?;
                }
            }
            _ => return Err(unknown(path, key, &["since", "until", "only"])),
        }
        Ok(())
    })?;
    let since = since.ok_or_else(|| ApiError::missing_field("since", "this field is required"))?;
    if until.is_some_and(|until| until < since) {
        return Err(ApiError::validation("until", "must not be before since"));
    }
    Ok(Recover { since, until, only })
}

/// The names that a webhook may ask for: the types that are told, and those of Resend that never come.
pub fn wanted_names() -> impl Iterator<Item = &'static str> {
    let told = EventType::ALL.iter().map(|each| each.as_str());
    told.chain(NEVER_TOLD.iter().copied())
}

/// The notes about wanted types that never come.
#[must_use]
pub fn warnings(events: &[String]) -> Vec<String> {
    let never = events
        .iter()
        .enumerate()
        .filter(|(_, name)| NEVER_TOLD.contains(&name.as_str()));
    never
        .map(|(index, name)| format!("events[{index}]: mailqueue has no {name}, so that this event never comes."))
        .collect()
}

fn endpoint(path: &str, value: Node) -> Result<Option<String>, EmailError> {
    let Some(given) = text(path, value)? else {
        return Ok(None);
    };
    if given.len() > limits::ENDPOINT_MAX {
        let (found, max) = (given.len(), limits::ENDPOINT_MAX);
        return Err(EmailError::at(path, Problem::TooLong { found, max }));
    }
    let is_plain = given.bytes().all(|byte| byte.is_ascii_graphic());
    if given.is_empty() || !is_plain {
        let why = "must be a URL such as https://example.com/webhooks, in ASCII and without spaces";
        return Err(EmailError::at(path, Problem::Bad(why)));
    }
    Ok(Some(given))
}

fn event_names(path: &str, value: Node) -> Result<Option<Vec<String>>, EmailError> {
    let none = "must name at least one event, such as email.delivered";
    texts(path, value, (limits::WEBHOOK_EVENTS_MAX, none), |_, name| {
        Ok(name.to_owned())
    })
}

/// Each wanted type once, in the caller's order.
fn checked(names: Vec<String>) -> Result<Vec<String>, ApiError> {
    let mut distinct: Vec<String> = Vec::new();
    for (index, name) in names.into_iter().enumerate() {
        if wanted_names().all(|known| known != name) {
            return Err(no_event(&format!("events[{index}]"), &name));
        }
        if !distinct.contains(&name) {
            distinct.push(name);
        }
    }
    Ok(distinct)
}

/// The refusal of an unknown type, with the nearest one that is told.
#[must_use]
pub fn no_event(path: &str, name: &str) -> ApiError {
    let known = EventType::ALL.iter().map(|each| each.as_str());
    match nearest(name, known) {
        Some(near) => ApiError::validation(path, format!("unknown event; did you mean {near}?")),
        None => ApiError::validation(path, "unknown event; use one such as email.delivered"),
    }
}

fn secret(path: &str, value: Node) -> Result<Option<SigningSecret>, EmailError> {
    let Some(given) = text(path, value)? else {
        return Ok(None);
    };
    let bad = |_| {
        EmailError::at(
            path,
            Problem::Bad("must be whsec_ followed by 24 to 64 bytes in base64"),
        )
    };
    SigningSecret::parse(&given).map(Some).map_err(bad)
}

fn pulled(path: &str, value: Node) -> Result<bool, EmailError> {
    match text(path, value)?.as_deref() {
        None | Some("push") => Ok(false),
        Some("pull") => Ok(true),
        Some(_) => Err(EmailError::at(path, Problem::Bad("must be push or pull"))),
    }
}

fn enabled(path: &str, value: Node) -> Result<Option<bool>, EmailError> {
    match text(path, value)?.as_deref() {
        None => Ok(None),
        Some("enabled") => Ok(Some(true)),
        Some("disabled") => Ok(Some(false)),
        Some(_) => Err(EmailError::at(path, Problem::Bad("must be enabled or disabled"))),
    }
}

fn time(path: &str, value: Node) -> Result<Option<Timestamp>, EmailError> {
    let Some(given) = text(path, value)? else {
        return Ok(None);
    };
    let read = Some(given.trim()).filter(|text| text.len() <= limits::TIME_MAX);
    let read = read.and_then(Timestamp::parse_rfc3339);
    let why = "must be a time with its offset, such as 2026-11-24T09:30:00Z";
    read.map(Some).ok_or_else(|| EmailError::at(path, Problem::Bad(why)))
}

#[cfg(test)]
#[path = "webhook_api_tests.rs"]
mod tests;
