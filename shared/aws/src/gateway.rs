//! API Gateway's events as HTTP requests, and answers in the form in which it takes them.
//!
//! **Role:** runs a function behind the HTTP API, in place of `lambda_http::run`. That one
//! panics over a query with a byte that no URI has (`?after="`), which anybody can send; and it
//! writes an answer in JSON into its own answer as text, where every quote is escaped again:
//! an email of 4 MiB could be accepted, but not be shown.
//! **Invariant:** every event becomes a request, and every answer up to 4.5 MiB fits into the
//! 6 MB that Lambda lets through.
//! **Start reading at** [`run`].

use std::convert::Infallible;

use aws_lambda_events::apigw::{ApiGatewayV2httpRequest, ApiGatewayV2httpResponse};
use lambda_http::http::{Request as HttpRequest, Uri};
use lambda_http::{Body, Request, Response};
use lambda_runtime::{Error, LambdaEvent, service_fn};

use crate::batch::time_left;
use crate::table::within;

/// Answers longer than this travel as base64: four bytes for three, whatever is in them. A
/// shorter one travels as text, at two bytes for one at worst.
/// Source: AWS Lambda quotas, "Invocation payload": 6 MB for a response.
const TEXT_MAX: usize = 2 * 1024 * 1024;

/// Answers requests until Lambda ends the function.
///
/// # Errors
/// When Lambda's own API cannot be reached.
pub async fn run<A>(handle: impl Fn(Request) -> A) -> Result<(), Error>
where
    A: Future<Output = Response<Body>>,
{
    let handle = &handle;
    lambda_runtime::run(service_fn(|event: LambdaEvent<ApiGatewayV2httpRequest>| async move {
        let time = time_left(event.context.deadline);
        Ok::<_, Infallible>(answer(within(time, handle(request(event.payload))).await))
    }))
    .await
}

/// The request that an event stands for. A target that is no URI, because of its length, becomes
/// `/`: there is nothing at either.
#[must_use]
pub fn request(event: ApiGatewayV2httpRequest) -> Request {
    // An HTTP API decodes the path and leaves the query as it came.
    let mut target = escaped(&event.raw_path.unwrap_or_default(), in_path);
    if let Some(query) = event.raw_query_string.filter(|query| !query.is_empty()) {
        target.push('?');
        target.push_str(&escaped(&query, |byte| in_path(byte) || matches!(byte, b'?' | b'%')));
    }
    let body = event.body.map_or(Body::Empty, |body| {
        Body::from_maybe_encoded(event.is_base64_encoded, &body)
    });
    let mut request = HttpRequest::new(body);
    *request.method_mut() = event.request_context.http.method;
    *request.uri_mut() = Uri::try_from(target).unwrap_or_default();
    *request.headers_mut() = event.headers;
    request
}

/// An answer as API Gateway takes it.
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

/// Whether a byte may be in a URI's path as it is.
/// Source: RFC 3986, 3.3 (`pchar`, and `/`).
fn in_path(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"-._~!$&'()*+,;=:@/".contains(&byte)
}

fn escaped(text: &str, as_it_is: impl Fn(u8) -> bool) -> String {
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

    fn asked(path: &str, query: &str) -> Request {
        let event = json!({
            "rawPath": path,
            "rawQueryString": query,
            "headers": {"authorization": "Bearer x"},
            "requestContext": {"http": {"method": "PATCH"}},
        });
        request(serde_json::from_value(event).unwrap())
    }

    #[test]
    fn an_event_is_a_request() {
        let request = asked("/emails/1", "limit=2&after=%22x%22");
        assert_eq!(
            (request.method().as_str(), request.uri().path()),
            ("PATCH", "/emails/1")
        );
        assert_eq!(request.uri().query(), Some("limit=2&after=%22x%22"));
        assert_eq!(request.headers().get("authorization").unwrap(), "Bearer x");
        assert_eq!(asked("/emails", "").uri().query(), None);
    }

    #[test]
    fn whatever_is_in_a_path_or_a_query_it_is_a_request() {
        for (path, query, uri) in [
            ("", "", "/"),
            ("*", "", "*"),
            ("/a b", "x=\"<>\" \u{7f}ä", "/a%20b?x=%22%3C%3E%22%20%7F%C3%A4"),
            // What the gateway has decoded is not decoded a second time.
            ("/50%", "", "/50%25"),
            ("/emails?limit=1", "#", "/emails%3Flimit=1?%23"),
            ("/../\u{0}\n\\", "%", "/../%00%0A%5C?%"),
        ] {
            assert_eq!(asked(path, query).uri().to_string(), uri, "{path:?}");
        }
        assert_eq!(asked(&"/x".repeat(40_000), "").uri().path(), "/");
    }

    #[test]
    fn bodies_come_as_text_or_as_base64() {
        for (body, encoded, bytes) in [("hi", false, &b"hi"[..]), ("/w==", true, &[0xFF])] {
            let event = json!({
                "body": body, "isBase64Encoded": encoded, "requestContext": {"http": {"method": "POST"}},
            });
            let request = request(serde_json::from_value(event).unwrap());
            assert_eq!(request.body().as_ref(), bytes);
        }
    }

    #[test]
    fn the_largest_answers_fit_into_what_lambda_lets_through() {
        let sent = |text: String| {
            let answer = answer(Response::new(Body::Text(text)));
            serde_json::to_string(&answer).unwrap()
        };
        // Of a text, every byte doubles at worst.
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
