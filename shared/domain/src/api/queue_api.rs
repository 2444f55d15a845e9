//! Requests about queues, and their responses.
//!
//! **Role:** called by `manage`; calls [`super::json`].
//! **Invariant:** as in [`super::requests`], any bytes end in a request or an [`ApiError`] with the field's path. A
//! null in a change removes a setting; in a new queue it means no setting.
//! **Start reading at** [`parse_create`].

use std::time::Duration;

use serde::Serialize;

use super::fields::{QUEUE_NAME, each_field, priority, to_api};
use super::json::{Node, text, whole, wrong_type};
use super::spelling::unknown;
use super::times::TimeInput;
use crate::api::error::ApiError;
use crate::delivery::cause::Cause;
use crate::delivery::record::Priority;
use crate::id::QueueName;
use crate::limits;
use crate::message::problem::{EmailError, Problem};
use crate::queue::Queue;
use crate::queue::job::Job;
use crate::reporting::tally::queue_counts::QueueCounts;
use crate::timestamp::Timestamp;

/// Settings of a queue, as an error suggests them.
const FIELDS: &[&str] = &[
    "priority",
    "rate_per_second",
    "retry_waits_seconds",
    "default_expires_in_seconds",
];

/// Settings of a queue in a request: `None` leaves a value as it is, `Some(None)` removes it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct QueueSettings {
    /// The priority of its emails.
    pub priority: Option<Priority>,
    /// Recipients per second.
    pub rate_per_second: Option<Option<u32>>,
    /// The waits between its retries.
    pub retry_waits: Option<Option<Vec<Duration>>>,
    /// Time from due to expiry of its emails.
    pub expires_after: Option<Option<Duration>>,
}

impl QueueSettings {
    /// The queue with these settings; it counts as changed.
    #[must_use]
    pub fn on(&self, queue: &Queue) -> Queue {
        let mut next = queue.clone();
        next.version = next.version.saturating_add(1);
        self.set(&mut next);
        next
    }

    /// Changes a queue to these settings, without counting a change.
    pub fn set(&self, queue: &mut Queue) {
        if let Some(priority) = self.priority {
            queue.priority = priority;
        }
        if let Some(rate) = self.rate_per_second {
            queue.rate_per_second = rate;
        }
        if let Some(waits) = &self.retry_waits {
            queue.retry_waits.clone_from(waits);
        }
        if let Some(span) = self.expires_after {
            queue.expires_after = span;
        }
    }

    fn read(&mut self, key: &str, path: &str, value: Node) -> Result<(), EmailError> {
        match key {
            "priority" => {
                let problem = Problem::Bad("must be high, normal or low");
                let priority = priority(path, value)?.ok_or_else(|| EmailError::at(path, problem))?;
                self.priority = Some(priority);
            }
            "rate_per_second" => {
                let rate = whole(path, value, 1, limits::QUEUE_RATE_MAX)?;
                self.rate_per_second = Some(rate.and_then(|rate| u32::try_from(rate).ok()));
            }
            "retry_waits_seconds" => self.retry_waits = Some(waits(path, value)?),
            "default_expires_in_seconds" => {
                let span = whole(path, value, 60, limits::QUEUE_EXPIRY_MAX)?;
                self.expires_after = Some(span.map(seconds));
            }
            _ => return Err(unknown(path, key, FIELDS)),
        }
        Ok(())
    }
}

fn seconds(whole: i64) -> Duration {
    Duration::from_secs(u64::try_from(whole).unwrap_or(0))
}

fn waits(path: &str, node: Node) -> Result<Option<Vec<Duration>>, EmailError> {
    let nodes = match node {
        Node::Null => return Ok(None),
        Node::Array(nodes) => nodes,
        node @ (Node::Bool(_) | Node::Number(_) | Node::Text(_) | Node::Bytes(_) | Node::Object(_)) => {
            return Err(wrong_type(path, "an array of seconds", &node));
        }
    };
    if nodes.len() > limits::RETRY_WAITS_MAX {
        let (found, max) = (nodes.len(), limits::RETRY_WAITS_MAX);
        return Err(EmailError::at(path, Problem::TooMany { found, max }));
    }
    let wait = |(index, node): (usize, Node)| {
        let path = format!("{path}[{index}]");
        if matches!(node, Node::Null) {
            return Err(wrong_type(&path, "a whole number", &node));
        }
        whole(&path, node, 1, limits::RETRY_WAIT_MAX).map(|wait| seconds(wait.unwrap_or(1)))
    };
    nodes
        .into_iter()
        .enumerate()
        .map(wait)
        .collect::<Result<_, _>>()
        .map(Some)
}

/// Reads the body of `POST /queues`.
///
/// # Errors
/// As [`super::requests::parse_email`].
pub fn parse_create(body: &[u8]) -> Result<(QueueName, QueueSettings), ApiError> {
    let (mut name, mut settings) = (None, QueueSettings::default());
    each_field(body, |key, path, value| {
        match key {
            "name" => name = text(path, value)?,
            // Some SDKs send an option as null if it is not set.
            "priority" if matches!(value, Node::Null) => {}
            _ => settings.read(key, path, value)?,
        }
        Ok(())
    })?;
    let missing = EmailError::at("name", Problem::Missing("this field is required"));
    let name = name.ok_or(missing).map_err(|error| to_api(None, error))?;
    let name = QueueName::parse(&name).map_err(|_| ApiError::validation("name", QUEUE_NAME))?;
    Ok((name, settings))
}

/// Reads the body of `PATCH /queues/{name}`.
///
/// # Errors
/// As [`super::requests::parse_email`].
pub fn parse_change(body: &[u8]) -> Result<QueueSettings, ApiError> {
    let mut settings = QueueSettings::default();
    each_field(body, |key, path, value| settings.read(key, path, value))?;
    Ok(settings)
}

/// The request of `POST /queues/{name}/pause`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PauseRequest {
    /// The reason.
    pub reason: Option<String>,
    /// End of the pause.
    pub until: Option<TimeInput>,
}

/// Reads the body of `POST /queues/{name}/pause`. A missing body counts as an empty one.
///
/// # Errors
/// As [`super::requests::parse_email`].
pub fn parse_pause(body: &[u8]) -> Result<PauseRequest, ApiError> {
    let mut request = PauseRequest::default();
    if body.is_empty() {
        return Ok(request);
    }
    each_field(body, |key, path, value| {
        match key {
            "reason" => {
                request.reason = text(path, value)?;
                let reason = request.reason.as_deref().unwrap_or_default();
                if reason.len() > limits::REASON_MAX {
                    let (found, max) = (reason.len(), limits::REASON_MAX);
                    return Err(EmailError::at(path, Problem::TooLong { found, max }));
                }
                if reason.chars().any(char::is_control) {
                    let why = "control characters such as line breaks are not allowed";
                    return Err(EmailError::at(path, Problem::Bad(why)));
                }
            }
            "until" => {
                let until = text(path, value)?;
                request.until = until.map(|until| TimeInput::parse(path, &until)).transpose()?;
            }
            _ => return Err(unknown(path, key, &["reason", "until"])),
        }
        Ok(())
    })?;
    Ok(request)
}

/// The request of `POST /queues/{name}/retry`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct RedriveRequest {
    /// Retries only emails with this cause.
    pub cause: Option<Cause>,
    /// Retries only emails that failed at or after this time.
    pub since: Option<Timestamp>,
}

/// Reads the body of `POST /queues/{name}/retry`. A missing body counts as an empty one.
///
/// # Errors
/// As [`super::requests::parse_email`].
pub fn parse_redrive(body: &[u8]) -> Result<RedriveRequest, ApiError> {
    let mut request = RedriveRequest::default();
    if body.is_empty() {
        return Ok(request);
    }
    each_field(body, |key, path, value| {
        match key {
            "cause" => {
                if let Some(name) = text(path, value)? {
                    let why = "must be a failure cause, such as rejected";
                    request.cause = Some(name.parse().map_err(|_| EmailError::at(path, Problem::Bad(why)))?);
                }
            }
            "since" => {
                if let Some(since) = text(path, value)? {
                    let at = Timestamp::parse_rfc3339(&since);
                    let why = "must be a time with its offset, such as 2026-11-24T09:30:00Z";
                    request.since = Some(at.ok_or_else(|| EmailError::at(path, Problem::Bad(why)))?);
                }
            }
            _ => return Err(unknown(path, key, &["cause", "since"])),
        }
        Ok(())
    })?;
    Ok(request)
}

/// A queue.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(rename = "Queue"))]
pub struct QueueView {
    #[cfg_attr(feature = "schema", schemars(extend("const" = "queue")))]
    object: &'static str,
    name: String,
    #[cfg_attr(feature = "schema", schemars(with = "Priority"))]
    priority: &'static str,
    rate_per_second: Option<u32>,
    retry_waits_seconds: Option<Vec<u64>>,
    default_expires_in_seconds: Option<u64>,
    created_at: Option<String>,
    paused: bool,
    paused_at: Option<String>,
    pause_reason: Option<String>,
    paused_until: Option<String>,
    /// The tenant is suspended: no email of this queue is sent until the deployer ends the suspension.
    suspended: bool,
    /// The API keys whose emails are held in every queue of the tenant until POST /emails/release.
    held_keys: Vec<String>,
    /// Emails from removed From domains of the tenant are held until PATCH /tenants/{name}?release=true.
    lost_domains_held: bool,
    /// The sending domains of the tenant for which Amazon SES stopped sending. Emails from them, and from names below
    /// them, are held in every queue until Amazon SES sends for them again. See GET /domains.
    held_domains: Vec<String>,
    purged_before: Option<String>,
    counts: QueueCounts,
}

impl QueueView {
    /// The response for a queue, with the counts of its emails.
    #[must_use]
    pub fn new(queue: &Queue, counts: QueueCounts, now: Timestamp) -> Self {
        let pause = queue.pause_at(now);
        let waits = |waits: &Vec<Duration>| waits.iter().map(Duration::as_secs).collect();
        Self {
            object: "queue",
            name: queue.key.name.to_string(),
            priority: queue.priority.as_str(),
            rate_per_second: queue.rate_per_second,
            retry_waits_seconds: queue.retry_waits.as_ref().map(waits),
            default_expires_in_seconds: queue.expires_after.map(|span| span.as_secs()),
            created_at: (queue.created_at.as_millis() > 0).then(|| queue.created_at.to_string()),
            paused: pause.is_some(),
            paused_at: pause.map(|pause| pause.since.to_string()),
            pause_reason: pause.and_then(|pause| pause.reason.clone()),
            paused_until: pause.and_then(|pause| pause.until).map(|until| until.to_string()),
            suspended: queue.suspended,
            held_keys: queue.holds.keys().iter().map(ToString::to_string).collect(),
            lost_domains_held: queue.holds.has_tenants(),
            held_domains: queue.lost_verifications.domains().map(str::to_owned).collect(),
            purged_before: queue.purged_before.map(|before| before.to_string()),
            counts,
        }
    }
}

/// The queues of a tenant.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(rename = "Queues"))]
pub struct QueuesView {
    #[cfg_attr(feature = "schema", schemars(extend("const" = "list")))]
    object: &'static str,
    has_more: bool,
    data: Vec<QueueView>,
}

impl QueuesView {
    /// Creates the list.
    #[must_use]
    pub fn new(data: Vec<QueueView>) -> Self {
        Self {
            object: "list",
            has_more: false,
            data,
        }
    }
}

/// A job of a queue.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(rename = "Job"))]
pub struct JobView {
    #[cfg_attr(feature = "schema", schemars(extend("const" = "job")))]
    object: &'static str,
    id: String,
    done: bool,
    emails: u64,
}

impl JobView {
    /// The response for a job.
    #[must_use]
    pub fn new(job: &Job) -> Self {
        Self {
            object: "job",
            id: job.id.to_string(),
            done: job.done,
            emails: job.emails,
        }
    }
}

#[cfg(test)]
#[path = "queue_api_tests.rs"]
mod tests;
