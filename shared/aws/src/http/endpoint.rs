//! Request handling of a function behind the HTTP API: authenticates, calls the handler, and writes the audit log.
//!
//! **Invariant:** on every route the proxy's secret is checked first, if there is one, and then the key. A route with a
//! temporary token has no key, and limits wrong tokens as unknown keys are limited. Each request
//! is one line of the log with actor, action and object. No data in the line identifies a recipient (docs/SECURITY.md
//! explains how to read the log).
//! **Start reading at** [`handle`].

use std::time::Instant;

use domain::api::error::ApiError;
use lambda_http::http::header::{ALLOW, CONTENT_TYPE, RETRY_AFTER};
use lambda_http::http::{HeaderValue, Method, StatusCode, Uri};
use lambda_http::{Body, Request, Response};
use percent_encoding::percent_decode_str;

use crate::http;
use crate::http::answer::{Answer, Emails, Failure, Object};
use crate::http::auth::{Authenticator, Denied, Deployer, NamedTenant, Network, Operator, Principal};
use crate::http::routing::{self, Found, Handler, HttpFunction, Input, NoRoute, Parameters, Route};
use crate::runtime::telemetry;

impl Failure for Denied {
    fn refusal(&self) -> Option<&ApiError> {
        match self {
            Self::Refused(error) => Some(error),
            Self::Port(_) => None,
        }
    }
}

/// Answers one request.
pub async fn handle<F: HttpFunction>(function: &F, authenticator: &Authenticator, request: Request) -> Response<Body> {
    if let Err(refusal) = authenticator.check_origin(request.headers()) {
        return answer_anybody("none", || http::refuse(&refusal));
    }
    let began = Instant::now();
    let found = routing::find::<F>(request.method(), request.uri().path());
    if let Ok(Found { route, .. }) = &found
        && let Handler::Public(answer) = route.handler
    {
        return answer_anybody(route.name, answer);
    }
    let with_token = found.as_ref().ok().and_then(|found| found.route.handler_with_token());
    let found = match (with_token, found) {
        (Some(handler), Ok(Found { route, path })) => {
            let response = answer_token(function, authenticator, &request, |request| {
                handler(function, Input::new(path, request))
            });
            let response = response.await;
            log_answer(route.name, RequestKey::default(), None, &response, began);
            return response;
        }
        (_, found) => found,
    };
    let name = found.as_ref().map_or("none", |found| found.route.name);
    let object = found.as_ref().ok().and_then(|found| found.path.object());
    let mut who = RequestKey::default();
    let network = network_of(&request);
    let authenticated = authenticator.authenticate(request.headers(), network, function.records(), function.now());
    let response = match authenticated.await {
        Ok(principal) => {
            who = RequestKey {
                key: Some(principal.maker().to_string()),
                tenant: principal.tenant().map(ToString::to_string),
                flags: flags(request.method(), request.uri().query().unwrap_or_default()),
            };
            match found {
                Ok(_) if is_form(&request) => http::refuse(&form()),
                Ok(Found { route, path }) => carry_out(function, principal, route, Input::new(path, &request))
                    .await
                    .unwrap_or_else(|error| failure_response(&error, may_be_repeated(route, &request))),
                Err(no_route) => nothing_there::<F>(&no_route, request.uri()),
            }
        }
        // A repetition is harmless, because the request has changed nothing yet.
        Err(denied) => with_a_wait(failure_response(&denied, true)),
    };
    log_answer(name, who, object, &response, began);
    response
}

/// Calls the handler of a route without a key, unless the network has sent too many wrong tokens.
async fn answer_token<'a, F: HttpFunction>(
    function: &F,
    authenticator: &Authenticator,
    request: &'a Request,
    handle: impl FnOnce(&'a Request) -> Answer<'a, F::Error>,
) -> Response<Body> {
    let (network, now) = (network_of(request), function.now());
    if let Err(refusal) = authenticator.check_guesses(network, now) {
        return with_a_wait(http::refuse(&refusal));
    }
    if is_form(request) {
        return http::refuse(&form());
    }
    let answer = handle(request).await;
    let response = answer.unwrap_or_else(|error| failure_response(&error, request.method().is_safe()));
    if response.status() == StatusCode::NOT_FOUND {
        authenticator.count_guess(network, now);
    }
    response
}

fn network_of(request: &Request) -> Network {
    request.extensions().get().copied().unwrap_or_default()
}

/// Calls the handler of a route if the principal may call it.
async fn carry_out<F: HttpFunction>(
    function: &F,
    principal: Principal,
    route: &Route<F>,
    input: Input<'_, F>,
) -> Result<Response<Body>, F::Error> {
    match (&route.handler, principal) {
        (Handler::Tenant(action, handler), principal) => handler(function, &principal.to_do(*action)?, input).await,
        (Handler::Either(action, handler), Principal::Tenant(caller)) => {
            handler(function, &caller.to_do(*action)?, input).await
        }
        (Handler::Either(_, handler), Principal::Deployer(deployer, named)) => {
            handler(function, &operator(function, deployer, named).await?, input).await
        }
        (Handler::Each(action, handler, _), Principal::Tenant(caller)) => {
            handler(function, &caller.to_do(*action)?, input).await
        }
        (Handler::Each(_, _, handler), Principal::Deployer(deployer, named)) => {
            handler(function, &operator(function, deployer, named).await?, input).await
        }
        (Handler::Viewer(handler), principal) => {
            let viewer = principal.viewer(function.records()).await.map_err(denied::<F>)?;
            handler(function, &viewer, input).await
        }
        (Handler::Author(handler), principal) => handler(function, &principal.key_maker()?, input).await,
        (Handler::Deployer(handler), principal) => handler(function, &principal.deployer()?, input).await,
        (Handler::Public(answer), _) => Ok(answer()),
        (Handler::Token(handler), _) => handler(function, input).await,
        (Handler::Elsewhere, _) => Ok(http::refuse(&routing::unknown_path())),
    }
}

/// Returns the deployer, acting for the tenant that the request names.
async fn operator<F: HttpFunction>(function: &F, deployer: Deployer, named: NamedTenant) -> Result<Operator, F::Error> {
    deployer.act_for(named, function.records()).await.map_err(denied::<F>)
}

fn denied<F: HttpFunction>(denied: Denied) -> F::Error {
    match denied {
        Denied::Refused(error) => error.into(),
        Denied::Port(error) => error.into(),
    }
}

/// Answers a public request.
pub fn answer_anybody(route: &'static str, answer: impl FnOnce() -> Response<Body>) -> Response<Body> {
    let began = Instant::now();
    let response = answer();
    log_answer(route, RequestKey::default(), None, &response, began);
    response
}

fn failure_response<E: Failure>(error: &E, may_be_repeated: bool) -> Response<Body> {
    match error.refusal() {
        Some(refusal) => http::refuse(refusal),
        None if may_be_repeated => http::with_retry_after(http::fail(error)),
        None => http::fail(error),
    }
}

/// Whether a repetition of the request is harmless: it only reads, or its idempotency key completes it.
fn may_be_repeated<F: HttpFunction>(route: &Route<F>, request: &Request) -> bool {
    let has_key = request.headers().contains_key("idempotency-key");
    request.method().is_safe() || (has_key && route.is_completed_by_key)
}

/// Whether the body is a form instead of JSON. Clients also send JSON under the content type of a form.
fn is_form(request: &Request) -> bool {
    const FORMS: [&str; 2] = ["application/x-www-form-urlencoded", "multipart/"];
    let kind = request.headers().get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok());
    let kind = kind.unwrap_or_default().trim().to_ascii_lowercase();
    let body: &[u8] = request.body().as_ref();
    let begins = body.trim_ascii().first();
    // 0xEF begins a byte order mark.
    FORMS.iter().any(|form| kind.starts_with(form)) && begins.is_some_and(|byte| !matches!(byte, b'{' | b'[' | 0xEF))
}

fn form() -> ApiError {
    ApiError::malformed("The request body is a form; send JSON with Content-Type: application/json.")
}

/// Adds `Retry-After` to a 429.
fn with_a_wait(mut response: Response<Body>) -> Response<Body> {
    if response.status() == StatusCode::TOO_MANY_REQUESTS {
        response
            .headers_mut()
            .insert(RETRY_AFTER, HeaderValue::from_static("1"));
    }
    response
}

fn nothing_there<F: HttpFunction>(no_route: &NoRoute, uri: &Uri) -> Response<Body> {
    match no_route {
        NoRoute::Unknown => http::refuse(&routing::no_such_path::<F>(uri.path())),
        NoRoute::Unreadable(message) => http::refuse(&ApiError::not_found(*message)),
        NoRoute::Elsewhere { location } => redirect(location, uri.query()),
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

/// Sends the client to the normal spelling of a path on the same host.
fn redirect(path: &str, query: Option<&str>) -> Response<Body> {
    let location = query.map_or_else(|| path.to_owned(), |query| format!("{path}?{query}"));
    let message = "Use the path in the header Location. If your base URL ends with a slash, remove that slash.";
    http::redirect(&location, message)
}

/// Returns the flags of a request that may change something, such as `children=true&hold=true`. After a restore of the
/// table, the deployer repeats such requests with their flags.
///
/// No other part of a query enters the log. A flag is one short word, so that no flag names a person.
fn flags(method: &Method, query: &str) -> Option<String> {
    const LENGTH_MAX: usize = 20;
    if method.is_safe() {
        return None;
    }
    let is_word = |name: &str| !name.is_empty() && name.bytes().all(|byte| matches!(byte, b'a'..=b'z' | b'_'));
    let pairs = query
        .split('&')
        .map(|pair| percent_decode_str(pair).decode_utf8_lossy());
    let is_flag = |pair: &str| {
        pair.strip_suffix("=true")
            .is_some_and(|name| name.len() <= LENGTH_MAX && is_word(name))
    };
    let flags: Vec<_> = pairs.filter(|pair| is_flag(pair)).collect();
    (!flags.is_empty()).then(|| flags.join("&"))
}

/// Acting key, its tenant and the flags of the request, for the log. With the deployer's key, the tenant is the one
/// that the request names.
#[derive(Debug, Default)]
struct RequestKey {
    key: Option<String>,
    tenant: Option<String>,
    flags: Option<String>,
}

fn log_answer(route: &'static str, who: RequestKey, object: Option<String>, response: &Response<Body>, began: Instant) {
    let of_response = || response.extensions().get().map(|Object(object)| object.clone());
    tracing::info!(
        target: "mailqueue",
        route,
        status = response.status().as_u16(),
        key = who.key,
        tenant = who.tenant,
        object = object.or_else(of_response),
        flags = who.flags,
        emails = response.extensions().get().map(|Emails(emails)| *emails),
        duration_ms = telemetry::elapsed_ms(began),
        "answered"
    );
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_log_has_the_flags_of_a_change_and_nothing_else() {
        for (query, logged) in [
            ("children=true&hold=true", Some("children=true&hold=true")),
            ("children=false&hold=true", Some("hold=true")),
            ("dry_run=tru%65", Some("dry_run=true")),
            ("", None),
            ("=true", None),
            ("ada@example.com=true", None),
            ("Ada=true", None),
            ("from_domain=shop.example&restored=true", Some("restored=true")),
            ("abcdefghijklmnopqrstu=true", None),
            ("hold=true%26to=ada", None),
        ] {
            assert_eq!(flags(&Method::DELETE, query).as_deref(), logged, "{query}");
        }
        assert_eq!(flags(&Method::GET, "hold=true"), None);
    }
}
