//! What a function with a table of routes does: lets in, carries out, answers, and tells the audit trail.
//!
//! **Invariant:** the key is looked at first, whatever the route; each request is one line of the log, which says
//! who did what to what, and nothing that a recipient could be known by (docs/SECURITY.md says how it is read).
//! **Start reading at** [`answer`].

use std::error::Error;
use std::time::Instant;

use domain::api_error::ApiError;
use domain::ports::PortError;
use domain::ports::access::{Keys, Tenants};
use domain::timestamp::Timestamp;
use lambda_http::http::HeaderValue;
use lambda_http::http::header::ALLOW;
use lambda_http::{Body, Request, Response};

use crate::auth::{Authenticator, Denied, Principal};
use crate::http;
use crate::routing::NoRoute;

/// What is asked for, as the log tells it.
pub trait Routed {
    /// Its name.
    fn name(&self) -> &'static str;

    /// What it is done to, where the path says it; nothing that a recipient could be known by.
    fn object(&self) -> Option<String>;

    /// Whether the same request with the same idempotency key completes it, and does nothing twice.
    fn is_completed_by_key(&self) -> bool {
        false
    }
}

/// Why something was not done.
pub trait Failure: Error + 'static {
    /// What the caller has to change; `None` when the backend failed, and the caller may ask again.
    fn refusal(&self) -> Option<&ApiError>;
}

impl Failure for PortError {
    fn refusal(&self) -> Option<&ApiError> {
        None
    }
}

/// Where a request comes in.
#[derive(Debug, Clone, Copy)]
pub struct Authentication<'a, R> {
    /// Who knows which keys are good.
    pub authenticator: &'a Authenticator,
    /// Where the keys are.
    pub records: &'a R,
    /// When it came.
    pub now: Timestamp,
}

/// Answers one request. `carry_out`: does what is asked for, if the principal may.
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
    tell(name, Who { key: who, tenant }, object, &response, began);
    response
}

/// Answers what everybody may ask.
pub fn answer_anybody(route: &'static str, answer: impl FnOnce() -> Response<Body>) -> Response<Body> {
    let began = Instant::now();
    let response = answer();
    tell(route, Who::default(), None, &response, began);
    response
}

/// An answer to which the log adds what was made.
#[must_use]
pub fn made(name: String, mut response: Response<Body>) -> Response<Body> {
    response.extensions_mut().insert(Made(name));
    response
}

/// An answer to which the log adds how many emails were accepted.
#[must_use]
pub fn accepted(emails: usize, mut response: Response<Body>) -> Response<Body> {
    response.extensions_mut().insert(Emails(emails));
    response
}

/// The name of what a request made, for the log.
#[derive(Debug, Clone)]
struct Made(String);

/// How many emails were accepted, for the log.
#[derive(Debug, Clone, Copy)]
struct Emails(usize);

fn failed<E: Failure>(error: &E, may_be_repeated: bool) -> Response<Body> {
    match error.refusal() {
        Some(refusal) => http::refuse(refusal),
        None if may_be_repeated => http::with_retry_after(http::fail(error)),
        None => http::fail(error),
    }
}

/// Whether a request does no harm when it is sent again: it only reads, or its idempotency key completes it.
fn may_be_repeated(route: &impl Routed, request: &Request) -> bool {
    let has_key = request.headers().contains_key("idempotency-key");
    request.method().is_safe() || (has_key && route.is_completed_by_key())
}

fn nothing_there(no_route: &NoRoute) -> Response<Body> {
    match no_route {
        NoRoute::Unknown => http::refuse(&ApiError::not_found(
            "There is nothing here. What there is says /openapi.json.",
        )),
        NoRoute::NotAllowed { allow } => {
            let message = format!("This method is not allowed here; use one of: {allow}.");
            let mut response = http::refuse(&ApiError::method_not_allowed(message));
            if let Ok(allow) = HeaderValue::from_str(allow) {
                response.headers_mut().insert(ALLOW, allow);
            }
            response
        }
    }
}

/// The acting key and its tenant, for the log. With the deployer's key it is the tenant that the request names.
#[derive(Debug, Default)]
struct Who {
    key: Option<String>,
    tenant: Option<String>,
}

fn tell(route: &'static str, who: Who, object: Option<String>, response: &Response<Body>, began: Instant) {
    let made = || response.extensions().get().map(|Made(name)| name.clone());
    tracing::info!(
        target: "mailqueue",
        route,
        status = response.status().as_u16(),
        key = who.key,
        tenant = who.tenant,
        object = object.or_else(made),
        emails = response.extensions().get().map(|Emails(emails)| *emails),
        duration_ms = u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX),
        "answered"
    );
}
