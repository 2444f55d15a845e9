//! HTTP handler: takes a request, and returns a response.

use aws::http;
use aws::http::auth::{Authenticator, Principal, TenantPrincipal};
use aws::http::endpoint::{self, Authentication};
use domain::api::dry_run_view::DryRunView;
use domain::api::error::ApiError;
use domain::api::requests::{BatchValidation, IdempotencyKey, parse_batch, parse_email};
use domain::delivery::batch::ItemError;
use domain::ports::erasure::Erasing;
use domain::ports::{Bodies, Clock, PortError, PriorityQueues, Random};
use domain::tenant::key::Action;
use lambda_http::http::{HeaderMap, HeaderValue};
use lambda_http::{Body, Request, Response};
use serde::Serialize;

use crate::routes::{Route, route};
use crate::{AcceptError, EnqueueFunction, Store, dry_run, recipients};

/// Carries out one request.
pub async fn handle<R, B, L, S>(
    enqueue: &EnqueueFunction<R, B, L, S>,
    authenticator: &Authenticator,
    request: Request,
) -> Response<Body>
where
    R: Store,
    B: Bodies + Erasing,
    L: PriorityQueues,
    S: Clock + Random,
{
    let route = route(request.method(), request.uri().path());
    let authentication = Authentication {
        authenticator,
        records: &enqueue.records,
        now: enqueue.system.now(),
    };
    endpoint::answer(authentication, route, &request, async |principal: Principal, route| {
        let caller = match principal.to_do(Action::Send) {
            Ok(caller) => caller,
            Err(error) => return Ok(http::refuse(&error)),
        };
        let result = match route {
            Route::SendEmail => single(enqueue, &caller, &request).await,
            Route::SendEmails => batch(enqueue, &caller, &request).await,
        };
        told_limits(enqueue, &caller, result)
    })
    .await
}

/// Adds the rest of the caller's limits to a response, also to a refusal.
///
/// # Errors
/// The failed backend call.
fn told_limits<R, B, L, S: Clock>(
    enqueue: &EnqueueFunction<R, B, L, S>,
    caller: &TenantPrincipal,
    result: Result<Response<Body>, AcceptError>,
) -> Result<Response<Body>, PortError> {
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
        Err(AcceptError::Port(error)) => Err(error),
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
pub enum Answer {
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

async fn single<R, B, L, S>(
    enqueue: &EnqueueFunction<R, B, L, S>,
    caller: &TenantPrincipal,
    request: &Request,
) -> Result<Response<Body>, AcceptError>
where
    R: Store,
    B: Bodies + Erasing,
    L: PriorityQueues,
    S: Clock + Random,
{
    let is_dry_run = dry_run::is_asked(request.uri().query().unwrap_or_default()).map_err(AcceptError::Refused)?;
    let key = idempotency_key(request.headers()).map_err(AcceptError::Refused)?;
    let parsed = parse_email(request.body().as_ref()).map_err(AcceptError::Refused)?;
    let from = parsed.email.from().address();
    caller.check_from("from", from).map_err(AcceptError::Refused)?;
    if is_dry_run {
        let told = enqueue.try_out(caller.limits(), key.as_ref(), &parsed).await?;
        return Ok(http::json(200, &Answer::Tried(Box::new(told))));
    }
    let repeats = enqueue.repeats(caller.tenant(), key.as_ref(), &parsed);
    let accepting = enqueue.accept(caller, key.as_ref(), &parsed);
    let accepted = enqueue
        .within_limits(caller.limits(), recipients([&parsed]), repeats, accepting)
        .await?;
    let id = accepted.id.to_string();
    let response = http::json(200, &Answer::Accepted(Id { id }));
    Ok(endpoint::accepted(1, replayed(response, accepted.replayed)))
}

async fn batch<R, B, L, S>(
    enqueue: &EnqueueFunction<R, B, L, S>,
    caller: &TenantPrincipal,
    request: &Request,
) -> Result<Response<Body>, AcceptError>
where
    R: Store,
    B: Bodies + Erasing,
    L: PriorityQueues,
    S: Clock + Random,
{
    if dry_run::is_asked(request.uri().query().unwrap_or_default()).map_err(AcceptError::Refused)? {
        let problem = "is not supported for a batch: test one email with POST /emails";
        return Err(AcceptError::Refused(ApiError::validation("dry_run", problem)));
    }
    let headers = request.headers();
    let key = idempotency_key(headers).map_err(AcceptError::Refused)?;
    let validation = validation(headers).map_err(AcceptError::Refused)?;
    let parsed = parse_batch(request.body().as_ref(), validation).map_err(AcceptError::Refused)?;
    for item in &parsed.items {
        let (path, from) = (format!("[{}].from", item.index), item.request.email.from());
        caller.check_from(&path, from.address()).map_err(AcceptError::Refused)?;
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
    Ok(endpoint::accepted(
        emails,
        replayed(http::json(200, &ids), accepted.replayed),
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

fn replayed(mut response: Response<Body>, replayed: bool) -> Response<Body> {
    if replayed {
        response
            .headers_mut()
            .insert("idempotent-replayed", HeaderValue::from_static("true"));
    }
    response
}
