//! Request handling of a function with routes: authenticates, carries out, answers, and writes the audit log.
//!
//! **Invariant:** the key is checked first, whatever the route. Each request is one line of the log with actor,
//! action and object. No data in it identifies a recipient (docs/SECURITY.md explains how to read it).
//! **Start reading at** [`answer`].

use std::error::Error;
use std::time::Instant;

use domain::api::error::ApiError;
use domain::ports::PortError;
use domain::ports::access::{Keys, Tenants};
use domain::timestamp::Timestamp;
use lambda_http::http::HeaderValue;
use lambda_http::http::header::ALLOW;
use lambda_http::{Body, Request, Response};

use crate::http;
use crate::http::auth::{Authenticator, Denied, Principal};
use crate::http::routing::NoRoute;
use crate::runtime::telemetry;

/// A route as the log shows it.
pub trait Routed {
    /// Name of the route.
    fn name(&self) -> &'static str;

    /// Object of the request, if the path names it; never data that identifies a recipient.
    fn object(&self) -> Option<String>;

    /// Whether a repetition with the same idempotency key completes the request, and does nothing twice.
    fn is_completed_by_key(&self) -> bool {
        false
    }
}

/// Error of a request.
pub trait Failure: Error + 'static {
    /// Returns the refusal; `None` when a backend call failed, and the caller may repeat the request.
    fn refusal(&self) -> Option<&ApiError>;
}

impl Failure for PortError {
    fn refusal(&self) -> Option<&ApiError> {
        None
    }
}

/// Inputs of authentication.
#[derive(Debug, Clone, Copy)]
pub struct Authentication<'a, R> {
    /// Authenticator of the environment.
    pub authenticator: &'a Authenticator,
    /// Table with the keys.
    pub records: &'a R,
    /// Time of the request.
    pub now: Timestamp,
}

/// Answers one request. `carry_out` handles it if the principal has the permission.
pub async fn answer<T, R, E>(
    Authentication {
        authenticator,
        records,
        now,
    }: Authentication<'_, R>,
    route: Result<T, NoRoute>,
    request: &Request,
    carry_out: impl AsyncFnOnce(Principal, T) -> Result<Response<Body>, E>,
) -> Response<Body>
where
    T: Routed,
    R: Keys + Tenants,
    E: Failure,
{
    let began = Instant::now();
    let name = route.as_ref().map_or("none", Routed::name);
    let object = route.as_ref().ok().and_then(Routed::object);
    let may_be_repeated = route.as_ref().is_ok_and(|route| may_be_repeated(route, request));
    let mut who = None;
    let mut tenant = None;
    let response = match authenticator.authenticate(request.headers(), records, now).await {
        Ok(principal) => {
            who = Some(principal.maker().to_string());
            tenant = principal.tenant().map(ToString::to_string);
            match route {
                Ok(route) => carry_out(principal, route)
                    .await
                    .unwrap_or_else(|error| failed(&error, may_be_repeated)),
                Err(no_route) => nothing_there(&no_route),
            }
        }
        Err(Denied::Refused(error)) => http::refuse(&error),
        // Nothing was done yet.
        Err(error @ Denied::Port(_)) => http::with_retry_after(http::fail(&error)),
    };
    tell(name, RequestKey { key: who, tenant }, object, &response, began);
    response
}

/// Answers a public request.
pub fn answer_anybody(route: &'static str, answer: impl FnOnce() -> Response<Body>) -> Response<Body> {
    let began = Instant::now();
    let response = answer();
    tell(route, RequestKey::default(), None, &response, began);
    response
}

/// Adds the name of a created object to the log.
#[must_use]
pub fn made(name: String, mut response: Response<Body>) -> Response<Body> {
    response.extensions_mut().insert(CreatedObject(name));
    response
}

/// Adds the number of accepted emails to the log.
#[must_use]
pub fn accepted(emails: usize, mut response: Response<Body>) -> Response<Body> {
    response.extensions_mut().insert(Emails(emails));
    response
}

/// Name of a created object, for the log.
#[derive(Debug, Clone)]
struct CreatedObject(String);

/// Number of accepted emails, for the log.
#[derive(Debug, Clone, Copy)]
struct Emails(usize);

fn failed<E: Failure>(error: &E, may_be_repeated: bool) -> Response<Body> {
    match error.refusal() {
        Some(refusal) => http::refuse(refusal),
        None if may_be_repeated => http::with_retry_after(http::fail(error)),
        None => http::fail(error),
    }
}

/// Whether a repetition of the request is harmless: it only reads, or its idempotency key completes it.
fn may_be_repeated(route: &impl Routed, request: &Request) -> bool {
    let has_key = request.headers().contains_key("idempotency-key");
    request.method().is_safe() || (has_key && route.is_completed_by_key())
}

fn nothing_there(no_route: &NoRoute) -> Response<Body> {
    match no_route {
        NoRoute::Unknown => http::refuse(&ApiError::not_found(
            "Not found. See /openapi.json for the available endpoints.",
        )),
        NoRoute::NotAllowed { allow } => {
            let message = format!("This path does not support the method. Use one of: {allow}.");
            let mut response = http::refuse(&ApiError::method_not_allowed(message));
            if let Ok(allow) = HeaderValue::from_str(allow) {
                response.headers_mut().insert(ALLOW, allow);
            }
            response
        }
    }
}

/// Acting key and its tenant, for the log. For the deployer's key it is the tenant that the request names.
#[derive(Debug, Default)]
struct RequestKey {
    key: Option<String>,
    tenant: Option<String>,
}

fn tell(route: &'static str, who: RequestKey, object: Option<String>, response: &Response<Body>, began: Instant) {
    let made = || response.extensions().get().map(|CreatedObject(name)| name.clone());
    tracing::info!(
        target: "mailqueue",
        route,
        status = response.status().as_u16(),
        key = who.key,
        tenant = who.tenant,
        object = object.or_else(made),
        emails = response.extensions().get().map(|Emails(emails)| *emails),
        duration_ms = telemetry::elapsed_ms(began),
        "answered"
    );
}
