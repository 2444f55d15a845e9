//! The HTTP side of a function: who calls, and how an answer looks.
//!
//! **Invariant:** a [`Caller`] is made by [`authenticate`] alone, so that a handler that takes
//! one cannot be reached without a key.
//! **Why here and not in a gateway's authorizer:** an HTTP API cannot shape an authorizer's
//! errors, and an authorizer costs an invocation all the same.

use std::fmt;

use domain::api_error::ApiError;
use domain::id::TenantId;
use lambda_http::http::{HeaderMap, HeaderValue, header};
use lambda_http::{Body, Response};
use serde::Serialize;
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use crate::settings::KeySettings;

/// The longest key that is looked at; ours have about fifty characters.
const KEY_MAX: usize = 512;

/// Whoever showed a good key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Caller {
    tenant: TenantId,
}

impl Caller {
    /// Whose emails the caller may see and send.
    #[must_use]
    pub fn tenant(&self) -> &TenantId {
        &self.tenant
    }
}

/// Finds out who calls, by `Authorization: Bearer <key>`.
///
/// # Errors
/// 401 `missing_api_key` without one, 403 `invalid_api_key` with a wrong one.
pub fn authenticate(headers: &HeaderMap, key: &KeySettings) -> Result<Caller, ApiError> {
    let given = bearer(headers).ok_or_else(|| {
        ApiError::missing_api_key("Authorization: the header must be \"Bearer <API key>\"; the key is missing.")
    })?;
    // Hashes are compared, so that neither length nor content of the key shows in the time.
    if given.len() <= KEY_MAX && bool::from(key_hash(given).ct_eq(&key.sha256)) {
        return Ok(Caller {
            tenant: TenantId::main(),
        });
    }
    Err(ApiError::invalid_api_key(
        "Authorization: the API key is not valid; check MAILQUEUE_API_KEY or ask who deployed this queue.",
    ))
}

/// The hash by which a key is known: SHA-256.
#[must_use]
pub fn key_hash(key: &[u8]) -> [u8; 32] {
    Sha256::digest(key).into()
}

/// The key, if there is exactly one header that holds one.
fn bearer(headers: &HeaderMap) -> Option<&[u8]> {
    let mut values = headers.get_all(header::AUTHORIZATION).iter();
    let (value, None) = (values.next()?.as_bytes(), values.next()) else {
        return None;
    };
    let (scheme, key) = value.split_at_checked("Bearer ".len())?;
    let key = key.trim_ascii();
    (scheme.eq_ignore_ascii_case(b"Bearer ") && !key.is_empty()).then_some(key)
}

/// An answer with a JSON body.
#[must_use]
pub fn json(status: u16, body: &impl Serialize) -> Response<Body> {
    match serde_json::to_string(body) {
        Ok(text) => with_text(status, text),
        Err(error) => {
            tracing::error!(%error, "an answer could not be written as JSON");
            refuse(&ApiError::internal())
        }
    }
}

/// An answer whose JSON is written already.
#[must_use]
pub fn written(status: u16, text: String) -> Response<Body> {
    with_text(status, text)
}

/// The answer to a call that is refused.
#[must_use]
pub fn refuse(error: &ApiError) -> Response<Body> {
    with_text(error.status(), error.body())
}

/// The answer to a call that we failed at. The cause goes to the log and no further.
#[must_use]
pub fn fail(error: &(dyn std::error::Error + 'static)) -> Response<Body> {
    tracing::error!(error = crate::telemetry::chain(error), "a call failed");
    refuse(&ApiError::internal())
}

fn with_text(status: u16, text: String) -> Response<Body> {
    let mut response = Response::new(Body::Text(text));
    *response.status_mut() = lambda_http::http::StatusCode::from_u16(status).unwrap_or_default();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    // What is answered is about emails: nobody on the way may keep it.
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

/// A header's value as text, if it is given once and is text.
///
/// # Errors
/// 400 when the header is given twice or is no UTF-8: what is meant would be guessed.
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

/// A header that is not one text.
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

    fn key() -> KeySettings {
        KeySettings {
            sha256: key_hash(b"mq_secret"),
        }
    }

    fn with(values: &[&str]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(header::AUTHORIZATION, HeaderValue::from_str(value).unwrap());
        }
        headers
    }

    #[test]
    fn a_key_is_missing_wrong_or_good() {
        let status = |values: &[&str]| authenticate(&with(values), &key()).map_err(|error| error.status());
        for missing in [
            &[][..],
            &[""],
            &["Bearer "],
            &["Bearer"],
            &["Basic mq_secret"],
            &["mq_secret"],
        ] {
            assert_eq!(status(missing), Err(401), "{missing:?}");
        }
        assert_eq!(
            status(&["Bearer mq_secret", "Bearer mq_secret"]),
            Err(401),
            "which one is meant?"
        );
        let long = format!("Bearer {}", "x".repeat(KEY_MAX + 1));
        for wrong in ["Bearer x", "Bearer mq_secret1", "Bearer MQ_SECRET", long.as_str()] {
            assert_eq!(status(&[wrong]), Err(403), "{wrong}");
        }
        for good in ["Bearer mq_secret", "bearer mq_secret", "BEARER   mq_secret "] {
            assert_eq!(
                status(&[good]),
                Ok(Caller {
                    tenant: TenantId::main()
                }),
                "{good}"
            );
        }
    }

    #[test]
    fn a_refusal_is_json_that_nobody_keeps() {
        let response = refuse(&ApiError::not_found("nothing here"));
        assert_eq!(response.status(), 404);
        assert_eq!(response.headers().get("content-type").unwrap(), "application/json");
        assert_eq!(response.headers().get("cache-control").unwrap(), "no-store");
        let Body::Text(text) = response.body() else {
            panic!("no text")
        };
        assert!(text.contains(r#""name":"not_found""#), "{text}");
    }

    #[test]
    fn why_we_failed_is_nobodys_business() {
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
    fn a_header_is_one_text_or_an_error() {
        let mut headers = HeaderMap::new();
        assert_eq!(text_header(&headers, "x"), Ok(None));
        headers.append("x", HeaderValue::from_str("grüße").unwrap());
        assert_eq!(text_header(&headers, "x"), Ok(Some("grüße")));
        headers.append("x", HeaderValue::from_static("b"));
        assert_eq!(text_header(&headers, "x"), Err(TextHeaderError));
    }
}
