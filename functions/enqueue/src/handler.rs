//! Handlers of the routes: read a request, and build its response.

use std::collections::BTreeSet;

use aws::http::auth::TenantPrincipal;
use aws::http::routing::Input;
use aws::http::{self, answer};
use domain::api::dry_run_view::DryRunView;
use domain::api::error::ApiError;
use domain::api::idempotency_key::IdempotencyKey;
use domain::api::requests::{BatchValidation, parse_batch, parse_email};
use domain::delivery::batch::ItemError;
use domain::ports::Clock;
use lambda_http::http::{HeaderMap, HeaderValue};
use lambda_http::{Body, Response};
use serde::Serialize;

use crate::acceptance::recipients;
use crate::errors::AcceptError;
use crate::{EnqueueFunction, Ports, dry_run};

/// Adds the rest of the caller's limits to a response, also to a refusal.
///
/// # Errors
/// The failed backend call.
pub(crate) fn with_limits<P: Ports>(
    enqueue: &EnqueueFunction<P>,
    caller: &TenantPrincipal,
    result: Result<Response<Body>, AcceptError>,
) -> Result<Response<Body>, AcceptError> {
    let now = enqueue.system.now();
    let headers = || enqueue.quota_leases.headers(caller.limits(), now);
    match result {
        Ok(response) => Ok(with_headers(response, headers())),
        Err(AcceptError::Refused(error)) => Ok(with_headers(http::refuse(&error), headers())),
        Err(AcceptError::QuotaExceeded(exceeded)) => {
            Ok(with_headers(http::refuse(&exceeded.error()), exceeded.headers(now)))
        }
        Err(AcceptError::Broken(broken)) => {
            let mut response = http::fail_with(&*broken, &broken.error(http::is_overload(&*broken)));
            if broken.has_key {
                response = http::with_retry_after(response);
            }
            Ok(with_headers(response, headers()))
        }
        Err(error @ AcceptError::Port(_)) => Err(error),
    }
}

fn with_headers(mut response: Response<Body>, headers: HeaderMap) -> Response<Body> {
    response.headers_mut().extend(headers);
    response
}

/// The response to an email request.
#[derive(Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(rename = "Accepted"))]
pub struct Id {
    id: String,
}

/// The response to an email request, or to a dry run.
#[derive(Serialize)]
#[cfg_attr(
    feature = "schema",
    derive(schemars::JsonSchema),
    schemars(rename = "AcceptedOrDryRun")
)]
#[serde(untagged)]
pub enum EmailResponse {
    /// The email is accepted.
    Accepted(Id),
    /// The request is a dry run.
    Tried(Box<DryRunView>),
}

/// The response to a batch request.
#[derive(Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(rename = "AcceptedBatch"))]
pub struct Ids {
    /// The accepted items, in the order of the request.
    data: Vec<Id>,
    /// The items that were not accepted. Present if the batch is permissive.
    #[serde(skip_serializing_if = "Option::is_none")]
    errors: Option<Vec<ItemError>>,
}

pub(crate) async fn single<P: Ports>(
    enqueue: &EnqueueFunction<P>,
    caller: &TenantPrincipal,
    input: &Input<'_, EnqueueFunction<P>>,
) -> Result<Response<Body>, AcceptError> {
    let is_dry_run = dry_run::is_dry_run(input.query)?;
    let key = idempotency_key(input.headers)?;
    let parsed = parse_email(input.body)?;
    let from = parsed.email.from().address();
    caller.check_from("from", from)?;
    enqueue.check_domain(caller.tenant(), "from", from.domain()).await?;
    if is_dry_run {
        let tried = enqueue.try_out(caller.limits(), key.as_ref(), &parsed).await?;
        return Ok(http::json(200, &EmailResponse::Tried(Box::new(tried))));
    }
    let repeats = enqueue.repeats(caller.tenant(), key.as_ref(), &parsed);
    let accepting = enqueue.accept(caller, key.as_ref(), &parsed);
    let accepted = enqueue
        .within_limits(caller.limits(), recipients([&parsed]), repeats, accepting)
        .await?;
    let id = accepted.id.to_string();
    let response = http::json(200, &EmailResponse::Accepted(Id { id }));
    Ok(answer::log_accepted(1, with_replay_header(response, accepted.replayed)))
}

pub(crate) async fn batch<P: Ports>(
    enqueue: &EnqueueFunction<P>,
    caller: &TenantPrincipal,
    input: &Input<'_, EnqueueFunction<P>>,
) -> Result<Response<Body>, AcceptError> {
    if dry_run::is_dry_run(input.query)? {
        let problem = "is not supported for a batch: test one email with POST /emails";
        return Err(ApiError::validation("dry_run", problem).into());
    }
    let key = idempotency_key(input.headers)?;
    let validation = validation(input.headers)?;
    let parsed = parse_batch(input.body, validation)?;
    let mut domains = BTreeSet::new();
    for item in &parsed.items {
        let (path, from) = (format!("[{}].from", item.index), item.request.email.from().address());
        caller.check_from(&path, from)?;
        if domains.insert(from.domain()) {
            enqueue.check_domain(caller.tenant(), &path, from.domain()).await?;
        }
    }
    let recipients = recipients(parsed.items.iter().map(|item| &item.request));
    let repeats = enqueue.repeats_batch(caller.tenant(), key.as_ref(), &parsed);
    let accepting = enqueue.accept_batch(caller, key.as_ref(), &parsed);
    let accepted = enqueue
        .within_limits(caller.limits(), recipients, repeats, accepting)
        .await?;
    let emails = accepted.ids.len();
    let ids = Ids {
        data: accepted.ids.iter().map(|id| Id { id: id.to_string() }).collect(),
        errors: (validation == BatchValidation::Permissive).then_some(accepted.errors),
    };
    Ok(answer::log_accepted(
        emails,
        with_replay_header(http::json(200, &ids), accepted.replayed),
    ))
}

fn idempotency_key(headers: &HeaderMap) -> Result<Option<IdempotencyKey>, ApiError> {
    const NAME: &str = "Idempotency-Key";
    let text = http::text_header(headers, NAME)
        .map_err(|error| ApiError::invalid_idempotency_key(format!("{NAME}: {error}")))?;
    text.map(IdempotencyKey::parse).transpose()
}

fn validation(headers: &HeaderMap) -> Result<BatchValidation, ApiError> {
    const NAME: &str = "x-batch-validation";
    let text = http::text_header(headers, NAME).map_err(|error| ApiError::validation(NAME, error))?;
    BatchValidation::parse(text)
}

fn with_replay_header(mut response: Response<Body>, replayed: bool) -> Response<Body> {
    if replayed {
        response
            .headers_mut()
            .insert("idempotent-replayed", HeaderValue::from_static("true"));
    }
    response
}
