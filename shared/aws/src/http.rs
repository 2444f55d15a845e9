//! HTTP helpers of a function: reads headers and builds responses.
//!
//! **Invariant:** no intermediary may cache a response or guess its type. Every response is JSON, except
//! a redirect, the metrics for a scraper and the preview of an email.
//! **May import:** `runtime`.
//! **Imported by:** no other folder of this crate.

pub mod answer;
pub mod auth;
pub mod base_url;
pub mod endpoint;
pub mod gateway;
pub mod paths;
pub mod period;
pub mod query;
pub mod routing;

use std::error::Error;
use std::fmt;

use domain::api::error::ApiError;
use domain::ports::{FailureKind, PortError};
use lambda_http::http::{HeaderMap, HeaderValue, StatusCode, header};
use lambda_http::{Body, Response};
use serde::Serialize;

/// Returns a response with a JSON body.
#[must_use]
pub fn json(status: u16, body: &impl Serialize) -> Response<Body> {
    match serde_json::to_string(body) {
        Ok(text) => with_text(status, text),
        Err(error) => {
            tracing::error!(%error, "a response could not be serialised as JSON");
            refuse(&ApiError::internal())
        }
    }
}

/// Returns a response with a serialised JSON body.
#[must_use]
pub fn json_response(status: u16, text: String) -> Response<Body> {
    with_text(status, text)
}

/// Returns a response with a text of another media type than JSON.
#[must_use]
pub fn text(media_type: &'static str, text: String) -> Response<Body> {
    let mut response = with_text(200, text);
    response
        .headers_mut()
        .insert(header::CONTENT_TYPE, HeaderValue::from_static(media_type));
    response
}

/// Returns a page with the content of an email, for a frame of the console.
///
/// The policy makes the page inert, however it is opened: no script, no form, no request to another server. Its images
/// are data, its styles are inline, and only pages of the same host may frame it.
#[must_use]
pub fn page_of_email(html: String) -> Response<Body> {
    const POLICY: &str =
        "sandbox; default-src 'none'; style-src 'unsafe-inline'; img-src data:; frame-ancestors 'self'";
    let mut response = text("text/html; charset=utf-8", html);
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY));
    // The URL has the token of the preview.
    headers.insert(header::REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    response
}

/// Returns the response to a refused request.
#[must_use]
pub fn refuse(error: &ApiError) -> Response<Body> {
    with_text(error.status(), error.body())
}

/// Wait that a 503 requests, in seconds. Our choice: the function has tried for 20 seconds by then.
const RETRY_AFTER_SECS: u16 = 10;

/// Returns the response to an internal failure. Its cause goes to the log and nowhere else.
#[must_use]
pub fn fail(error: &(dyn Error + 'static)) -> Response<Body> {
    let shown = if is_overload(error) {
        ApiError::overloaded()
    } else if has_failed(error, |kind| kind == FailureKind::Incomplete) {
        ApiError::incomplete()
    } else {
        ApiError::internal()
    };
    fail_with(error, &shown)
}

/// Whether a call failed because a service was overloaded.
#[must_use]
pub fn is_overload(error: &(dyn Error + 'static)) -> bool {
    has_failed(error, FailureKind::is_overload)
}

/// Whether the chain of errors has a failed call whose kind satisfies `such`.
fn has_failed(error: &(dyn Error + 'static), such: impl Fn(FailureKind) -> bool) -> bool {
    let mut next = Some(error);
    while let Some(error) = next {
        if error.downcast_ref::<PortError>().is_some_and(|error| such(error.kind)) {
            return true;
        }
        next = error.source();
    }
    false
}

/// Adds `Retry-After` to a 503, so that the client repeats the request. Only for a harmless repetition: the request
/// stored nothing, or its idempotency key completes it.
#[must_use]
pub fn with_retry_after(mut response: Response<Body>) -> Response<Body> {
    if response.status() == StatusCode::SERVICE_UNAVAILABLE {
        let wait = HeaderValue::from(RETRY_AFTER_SECS);
        response.headers_mut().insert(header::RETRY_AFTER, wait);
    }
    response
}

/// Logs a failure as [`fail`] does, and returns an error that tells the caller what to do.
#[must_use]
pub fn fail_with(error: &(dyn Error + 'static), shown: &ApiError) -> Response<Body> {
    tracing::error!(error = crate::runtime::telemetry::chain(error), "a call failed");
    refuse(shown)
}

/// Returns a redirect to a path of the same host. With 307, a client repeats the method, the headers and the body.
///
/// The body is plain text. The PHP SDK follows no redirect, and takes JSON with a status below 400 for success.
/// It raises an error for another content type, and shows the text.
#[must_use]
pub fn redirect(location: &str, message: &str) -> Response<Body> {
    let mut response = with_text(307, message.to_owned());
    let headers = response.headers_mut();
    headers.insert(
        header::CONTENT_TYPE,
        HeaderValue::from_static("text/plain; charset=utf-8"),
    );
    if let Ok(location) = HeaderValue::from_str(location) {
        headers.insert(header::LOCATION, location);
    }
    response
}

fn with_text(status: u16, text: String) -> Response<Body> {
    let mut response = Response::new(Body::Text(text));
    *response.status_mut() = StatusCode::from_u16(status).unwrap_or_default();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    // Responses contain emails: no intermediary may store them.
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    // A browser must not guess that a response is a page.
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    response
}

/// Returns a header's value if it occurs once and is text.
///
/// # Errors
/// 400 when the header occurs twice or is not UTF-8: its meaning would be a guess.
pub fn text_header<'a>(headers: &'a HeaderMap, name: &str) -> Result<Option<&'a str>, TextHeaderError> {
    let mut values = headers.get_all(name).iter();
    match (values.next(), values.next()) {
        (None, _) => Ok(None),
        (Some(value), None) => std::str::from_utf8(value.as_bytes())
            .map(Some)
            .map_err(|_| TextHeaderError),
        (Some(_), Some(_)) => Err(TextHeaderError),
    }
}

/// Error of a header that occurs more than once, or is not UTF-8.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TextHeaderError;

impl fmt::Display for TextHeaderError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the header is given more than once, or is not UTF-8")
    }
}

impl std::error::Error for TextHeaderError {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_is_json_and_not_cached() {
        let response = refuse(&ApiError::not_found("nothing here"));
        assert_eq!(response.status(), 404);
        assert_eq!(response.headers().get("content-type").unwrap(), "application/json");
        assert_eq!(response.headers().get("cache-control").unwrap(), "no-store");
        assert_eq!(response.headers().get("x-content-type-options").unwrap(), "nosniff");
        let Body::Text(text) = response.body() else {
            panic!("no text")
        };
        assert!(text.contains(r#""name":"not_found""#), "{text}");
    }

    #[test]
    fn internal_errors_are_not_exposed() {
        let response = fail(&std::io::Error::other("table mailqueue-Table-1 of 123456789012"));
        assert_eq!(response.status(), 500);
        let Body::Text(text) = response.body() else {
            panic!("no text")
        };
        assert!(
            text.contains("internal_server_error") && !text.contains("mailqueue-Table-1"),
            "{text}"
        );
    }

    #[test]
    fn a_missing_part_of_the_deployment_is_a_clear_500() {
        let error = PortError {
            what: "reading a page of emails",
            kind: FailureKind::Incomplete,
            source: "the table mailqueue-Table-1 lacks an index".into(),
        };
        let response = with_retry_after(fail(&error));
        assert_eq!(response.status(), 500);
        assert!(
            response.headers().get("retry-after").is_none(),
            "a repetition fails too"
        );
        let Body::Text(text) = response.body() else {
            panic!("no text")
        };
        assert!(
            text.contains("make doctor")
                && text.contains("internal_server_error")
                && !text.contains("mailqueue-Table-1"),
            "{text}"
        );
    }

    #[test]
    fn a_header_is_one_text_or_an_error() {
        let mut headers = HeaderMap::new();
        assert_eq!(text_header(&headers, "x"), Ok(None));
        headers.append("x", HeaderValue::from_str("grüße").unwrap());
        assert_eq!(text_header(&headers, "x"), Ok(Some("grüße")));
        headers.append("x", HeaderValue::from_static("b"));
        assert_eq!(text_header(&headers, "x"), Err(TextHeaderError));
    }
}
