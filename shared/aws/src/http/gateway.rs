//! Converts API Gateway's events to HTTP requests, and responses to API Gateway's form.
//!
//! **Role:** runs a function behind the HTTP API instead of `lambda_http::run`, which has three defects.
//! It panics on a query with a byte that no URI allows (`?after="`), which any client can send.
//! It fails the invocation on a header with a control character.
//! It embeds a JSON response as text in its own JSON, where every quote is escaped again. An email of 4 MiB
//! could be accepted, but not be shown.
//! **Invariant:** every event becomes a request or a refusal in the API's form. Every response up to 4.5 MiB
//! fits into Lambda's limit of 6 MB.
//! **Start reading at** [`run`].

use std::collections::HashMap;
use std::convert::Infallible;

use aws_lambda_events::apigw::ApiGatewayV2httpResponse;
use domain::api::error::ApiError;
use lambda_http::http::{HeaderMap, HeaderName, HeaderValue, Method, Request as HttpRequest, Uri};
use lambda_http::{Body, Request, Response};
use lambda_runtime::{Error, LambdaEvent, service_fn};
use serde::Deserialize;

use crate::http::auth::Network;
use crate::http::{self, endpoint};
use crate::runtime::invocation::{time_left, within};

/// Length above which a response is sent as base64: four bytes for three, for any content. A shorter one
/// is sent as text, in the worst case two bytes for one.
/// Source: AWS Lambda quotas, "Invocation payload": 6 MB for a response.
const TEXT_MAX: usize = 2 * 1024 * 1024;

/// Parts of API Gateway's event that form a request. Names and values of headers are text here, with any
/// content.
/// Source: Amazon API Gateway Developer Guide, "Create AWS Lambda proxy integrations for HTTP APIs", payload 2.0.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Event {
    raw_path: Option<String>,
    raw_query_string: Option<String>,
    headers: HashMap<String, String>,
    request_context: RequestContext,
    body: Option<String>,
    is_base64_encoded: bool,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct RequestContext {
    http: RequestLine,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct RequestLine {
    method: String,
    source_ip: String,
}

/// Answers requests until Lambda ends the function.
///
/// # Errors
/// Lambda's own API cannot be reached.
pub async fn run<A>(handle: impl Fn(Request) -> A) -> Result<(), Error>
where
    A: Future<Output = Response<Body>>,
{
    let handle = &handle;
    lambda_runtime::run(service_fn(|event: LambdaEvent<Event>| async move {
        let time = time_left(event.context.deadline);
        let response = match request(event.payload) {
            Ok(request) => within(time, handle(request)).await,
            Err(refusal) => endpoint::answer_anybody("none", || http::refuse(&refusal)),
        };
        Ok::<_, Infallible>(answer(response))
    }))
    .await
}

/// Converts an event to a request, with the client's network as an extension. A target that is too long for a URI
/// becomes `/`: both are unknown paths.
///
/// # Errors
/// 400 when the method or a header is invalid, for example because of a control character.
pub fn request(event: Event) -> Result<Request, ApiError> {
    let method = event.request_context.http.method.parse::<Method>();
    let method = method.map_err(|_| ApiError::malformed("The HTTP method is malformed."))?;
    let headers = headers(&event.headers)?;
    // An HTTP API decodes the path, and leaves the query unchanged.
    let mut target = escape_bytes(&event.raw_path.unwrap_or_default(), in_path);
    if let Some(query) = event.raw_query_string.filter(|query| !query.is_empty()) {
        target.push('?');
        target.push_str(&escape_bytes(&query, |byte| {
            in_path(byte) || matches!(byte, b'?' | b'%')
        }));
    }
    let body = event.body.map_or(Body::Empty, |body| {
        Body::from_maybe_encoded(event.is_base64_encoded, &body)
    });
    let mut request = HttpRequest::new(body);
    *request.method_mut() = method;
    *request.uri_mut() = Uri::try_from(target).unwrap_or_default();
    *request.headers_mut() = headers;
    let network = Network::of(&event.request_context.http.source_ip);
    request.extensions_mut().insert(network);
    Ok(request)
}

fn headers(given: &HashMap<String, String>) -> Result<HeaderMap, ApiError> {
    let mut headers = HeaderMap::new();
    for (name, value) in given {
        let name: HeaderName = name
            .parse()
            .map_err(|_| ApiError::malformed("A header name is malformed."))?;
        let value = HeaderValue::from_str(value)
            .map_err(|_| ApiError::malformed(format!("{name}: the header contains a control character.")))?;
        headers.append(name, value);
    }
    Ok(headers)
}

/// Converts a response to API Gateway's form.
#[must_use]
pub fn answer(response: Response<Body>) -> ApiGatewayV2httpResponse {
    let (parts, body) = response.into_parts();
    let body = if body.len() > TEXT_MAX {
        Body::Binary(body.to_vec())
    } else {
        body
    };
    let mut answer = ApiGatewayV2httpResponse::default();
    answer.status_code = i64::from(parts.status.as_u16());
    answer.headers = parts.headers;
    answer.is_base64_encoded = matches!(body, Body::Binary(_));
    answer.body = Some(body);
    answer
}

/// Whether a byte may occur unescaped in a URI's path.
/// Source: RFC 3986, 3.3 (`pchar`, and `/`).
fn in_path(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"-._~!$&'()*+,;=:@/".contains(&byte)
}

fn escape_bytes(text: &str, as_it_is: impl Fn(u8) -> bool) -> String {
    let escape = |byte| {
        if as_it_is(byte) {
            char::from(byte).to_string()
        } else {
            format!("%{byte:02X}")
        }
    };
    text.bytes().map(escape).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json, to_value};

    use super::*;

    fn request_to(path: &str, query: &str) -> Request {
        let event = json!({
            "rawPath": path,
            "rawQueryString": query,
            "headers": {"authorization": "Bearer x"},
            "requestContext": {"http": {"method": "PATCH", "sourceIp": "192.0.2.1"}},
        });
        request(serde_json::from_value(event).unwrap()).unwrap()
    }

    #[test]
    fn an_event_is_a_request() {
        let request = request_to("/emails/1", "limit=2&after=%22x%22");
        assert_eq!(
            (request.method().as_str(), request.uri().path()),
            ("PATCH", "/emails/1")
        );
        assert_eq!(request.uri().query(), Some("limit=2&after=%22x%22"));
        assert_eq!(request.headers().get("authorization").unwrap(), "Bearer x");
        assert_eq!(request_to("/emails", "").uri().query(), None);
        assert_eq!(request.extensions().get(), Some(&Network::of("192.0.2.1")));
    }

    #[test]
    fn every_path_and_query_becomes_a_request() {
        for (path, query, uri) in [
            ("", "", "/"),
            ("*", "", "*"),
            ("/a b", "x=\"<>\" \u{7f}ä", "/a%20b?x=%22%3C%3E%22%20%7F%C3%A4"),
            // The gateway has decoded the path already: it is not decoded twice.
            ("/50%", "", "/50%25"),
            ("/emails?limit=1", "#", "/emails%3Flimit=1?%23"),
            ("/../\u{0}\n\\", "%", "/../%00%0A%5C?%"),
        ] {
            assert_eq!(request_to(path, query).uri().to_string(), uri, "{path:?}");
        }
        assert_eq!(request_to(&"/x".repeat(40_000), "").uri().path(), "/");
    }

    /// For such an event the runtime fails the invocation if it parses the headers itself.
    #[test]
    fn a_header_with_a_control_character_is_refused() {
        for (name, value, method, message) in [
            ("x-a", "a\u{1}b", "GET", "x-a: the header contains a control character."),
            (
                "x-a",
                "a\r\nb: c",
                "GET",
                "x-a: the header contains a control character.",
            ),
            (
                "authorization",
                "Bearer \u{7f}",
                "GET",
                "authorization: the header contains a control character.",
            ),
            ("x a", "b", "GET", "A header name is malformed."),
            ("", "b", "GET", "A header name is malformed."),
            ("x-a", "b", "G\nT", "The HTTP method is malformed."),
            ("x-a", "b", "", "The HTTP method is malformed."),
        ] {
            let event = json!({"headers": {name: value}, "requestContext": {"http": {"method": method}}});
            let refusal = request(serde_json::from_value(event).unwrap()).unwrap_err();
            assert_eq!((refusal.status(), refusal.message()), (400, message));
        }
        let event = json!({"headers": {"X-A": "gr\u{fc}\t"}, "requestContext": {"http": {"method": "GET"}}});
        let request = request(serde_json::from_value(event).unwrap()).unwrap();
        assert_eq!(
            request.headers().get("x-a").unwrap().as_bytes(),
            "gr\u{fc}\t".as_bytes()
        );
    }

    #[test]
    fn bodies_arrive_as_text_or_base64() {
        for (body, encoded, bytes) in [("hi", false, &b"hi"[..]), ("/w==", true, &[0xFF])] {
            let event = json!({
                "body": body, "isBase64Encoded": encoded, "requestContext": {"http": {"method": "POST"}},
            });
            let request = request(serde_json::from_value(event).unwrap()).unwrap();
            assert_eq!(request.body().as_ref(), bytes);
        }
    }

    #[test]
    fn the_largest_answers_fit_into_the_limit_of_lambda() {
        let sent = |text: String| {
            let answer = answer(Response::new(Body::Text(text)));
            serde_json::to_string(&answer).unwrap()
        };
        // In a text, every byte doubles in the worst case.
        let worst = "\"".repeat(TEXT_MAX);
        assert!(sent(worst.clone()).len() < 6_000_000);
        let long: Value = serde_json::from_str(&sent("\"".repeat(4_500 * 1024))).unwrap();
        assert!(sent("\"".repeat(4_500 * 1024)).len() < 6_291_556);
        assert_eq!(long["isBase64Encoded"], true);
        assert_eq!(
            to_value(answer(Response::new(Body::Text(worst)))).unwrap()["isBase64Encoded"],
            false
        );
    }
}
