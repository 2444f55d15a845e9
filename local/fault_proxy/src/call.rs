//! The service, operation and emails of a call, read from the call alone.
//!
//! **Role:** reads every call once, and trusts nothing in it.
//! **Invariant:** pure, and never fails: a call without these facts is named `unknown`. Source: AWS General
//! Reference, "Elements of an AWS API request signature" (the scope names the service); the services' protocols:
//! `X-Amz-Target` (JSON), `Action` (query), paths (REST and Smithy RPC v2).

use axum::http::request::Parts;
use axum::http::{HeaderName, Method, Uri};
use serde::Serialize;

use crate::need::{Need, needs};

/// The path of the emulator's HTTP APIs, which AWS serves by host name instead.
const HTTP_API: &str = "/_aws/execute-api/";

/// The path of SES's API v2.
pub const SES: &str = "/v2/email/";

/// The path of an address on SES's account-wide suppression list.
const SUPPRESSED: &str = "/suppression/addresses/";

/// The limit of emails in the record of one call. A batch has ten, a page of the index more.
const EMAILS_MAX: usize = 32;

/// A call to AWS.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Call {
    /// The service as in its endpoint: `dynamodb`, `sqs`, `s3`, `sns`, `ses`, `monitoring` for CloudWatch; `api` for the HTTP
    /// API of mailqueue.
    pub service: String,
    /// The operation as in the service's reference: `UpdateItem`; for the HTTP API, method and path.
    pub operation: String,
    /// The ids of emails in the body or path of the call.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub emails: Vec<String>,
    /// The permissions that the call needs.
    #[serde(skip)]
    pub needs: Vec<Need>,
}

impl Call {
    /// Reads a call.
    #[must_use]
    pub fn read(parts: &Parts, body: &[u8]) -> Self {
        let path = parts.uri.path();
        let mut emails = uuids(path.as_bytes());
        emails.extend(uuids(body));
        emails.sort_unstable();
        emails.dedup();
        emails.truncate(EMAILS_MAX);
        let (service, operation) = if let Some(target) = header(parts, "x-amz-target") {
            named_by_target(target)
        } else if let Some(behind) = path.strip_prefix(HTTP_API) {
            ("api".to_owned(), route(&parts.method, behind))
        } else {
            let service = scope(parts).unwrap_or("unknown");
            (service.to_owned(), operation(service, parts, body))
        };
        let needs = needs(&service, &operation, &parts.headers, body);
        Self {
            service,
            operation,
            emails,
            needs,
        }
    }
}

pub(crate) fn header<'a>(parts: &'a Parts, name: &'static str) -> Option<&'a str> {
    parts.headers.get(HeaderName::from_static(name))?.to_str().ok()
}

/// `DynamoDB_20120810.UpdateItem`, `AmazonSQS.SendMessageBatch`.
fn named_by_target(target: &str) -> (String, String) {
    let (prefix, operation) = target.split_once('.').unwrap_or((target, "unknown"));
    let service = match prefix.split('_').next().unwrap_or_default() {
        "DynamoDB" => "dynamodb",
        "AmazonSQS" => "sqs",
        other => other,
    };
    (service.to_owned(), operation.to_owned())
}

/// The service in `Credential=<key>/<date>/<region>/<service>/aws4_request`.
fn scope(parts: &Parts) -> Option<&str> {
    let (_, credential) = header(parts, "authorization")?.split_once("Credential=")?;
    credential.split([',', ' ']).next()?.split('/').nth(3)
}

fn operation(service: &str, parts: &Parts, body: &[u8]) -> String {
    let path = parts.uri.path();
    match (service, &parts.method) {
        ("ses", &Method::POST) if path.ends_with("/outbound-emails") => "SendEmail".to_owned(),
        ("ses", &Method::GET) if path.ends_with("/account") => "GetAccount".to_owned(),
        ("ses", &Method::GET) if path.contains(SUPPRESSED) => "GetSuppressedDestination".to_owned(),
        ("ses", &Method::DELETE) if path.contains(SUPPRESSED) => "DeleteSuppressedDestination".to_owned(),
        ("ses", method) if path.starts_with("/v2/email/identities") => identity_operation(method, path),
        ("ses", &Method::POST) if path.ends_with("/v2/email/tags") => "TagResource".to_owned(),
        ("ses", &Method::DELETE) if path.ends_with("/v2/email/tags") => "UntagResource".to_owned(),
        ("s3", method) => object_operation(method, &parts.uri),
        ("monitoring", &Method::POST) => rpc_operation(path),
        ("lambda", &Method::POST) if path.ends_with("/invocations") => "Invoke".to_owned(),
        _ => {
            let action = form_urlencoded::parse(body).find(|(name, _)| name == "Action");
            action.map_or_else(|| format!("{} {path}", parts.method), |(_, value)| value.into_owned())
        }
    }
}

/// Returns SES's operation on an identity.
fn identity_operation(method: &Method, path: &str) -> String {
    let operation = match *method {
        Method::POST => "CreateEmailIdentity",
        Method::GET => "GetEmailIdentity",
        Method::DELETE => "DeleteEmailIdentity",
        Method::PUT if path.ends_with("/mail-from") => "PutEmailIdentityMailFromAttributes",
        _ => "unknown",
    };
    operation.to_owned()
}

/// Returns the operation at the end of a path. Source: Smithy RPC v2 CBOR protocol, "Requests", read 2026-11-29.
fn rpc_operation(path: &str) -> String {
    let operation = path.rsplit_once("/operation/").map(|(_, operation)| operation);
    operation.unwrap_or("unknown").to_owned()
}

/// Returns S3's operation. The SDKs state it in the query where the path is ambiguous.
fn object_operation(method: &Method, uri: &Uri) -> String {
    let query = uri.query().unwrap_or_default();
    let said = form_urlencoded::parse(query.as_bytes()).find(|(name, _)| name == "x-id");
    if let Some((_, operation)) = said {
        return operation.into_owned();
    }
    let operation = match *method {
        Method::GET => "GetObject",
        Method::PUT => "PutObject",
        Method::HEAD => "HeadObject",
        Method::DELETE => "DeleteObject",
        Method::POST => "PostObject",
        _ => "unknown",
    };
    operation.to_owned()
}

/// `POST /emails/{id}/cancel`: the path after the API's id and stage, without ids of emails.
fn route(method: &Method, behind: &str) -> String {
    let path = behind.splitn(3, '/').nth(2).unwrap_or_default();
    let shown: Vec<_> = path
        .split('/')
        .map(|part| if is_uuid(part.as_bytes()) { "{id}" } else { part })
        .collect();
    format!("{method} /{}", shown.join("/"))
}

const UUID_LENGTH: usize = 36;

fn is_uuid(text: &[u8]) -> bool {
    text.len() == UUID_LENGTH
        && text.iter().enumerate().all(|(at, byte)| match at {
            8 | 13 | 18 | 23 => *byte == b'-',
            _ => byte.is_ascii_digit() || (b'a'..=b'f').contains(byte),
        })
}

/// Finds every lower-case UUID, anywhere in the text.
fn uuids(text: &[u8]) -> Vec<String> {
    let mut found = Vec::new();
    let mut rest = text;
    while let Some(dash) = rest.iter().position(|byte| *byte == b'-') {
        let start = dash.saturating_sub(8);
        match rest.get(start..start + UUID_LENGTH) {
            Some(candidate) if dash >= 8 && is_uuid(candidate) => {
                found.push(String::from_utf8_lossy(candidate).into_owned());
                rest = rest.get(start + UUID_LENGTH..).unwrap_or_default();
            }
            _ => rest = rest.get(dash + 1..).unwrap_or_default(),
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use axum::http::Request;

    use super::*;

    const ID: &str = "0196f2a4-6c3e-4b7a-9d21-0f5e8c7b6a59";

    fn read(method: &str, path: &str, headers: &[(&str, &str)], body: &str) -> Call {
        let mut request = Request::builder().method(method).uri(path);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        Call::read(&request.body(()).unwrap().into_parts().0, body.as_bytes())
    }

    fn signed_call(service: &str) -> String {
        format!("AWS4-HMAC-SHA256 Credential=AKIA/20261124/us-east-1/{service}/aws4_request, SignedHeaders=host")
    }

    #[test]
    fn every_protocol_names_its_operation() {
        for (method, path, header, body, service, operation) in [
            (
                "POST",
                "/",
                ("x-amz-target", "DynamoDB_20120810.UpdateItem".to_owned()),
                "{}",
                "dynamodb",
                "UpdateItem",
            ),
            (
                "POST",
                "/",
                ("x-amz-target", "AmazonSQS.SendMessageBatch".to_owned()),
                "{}",
                "sqs",
                "SendMessageBatch",
            ),
            (
                "POST",
                "/",
                ("authorization", signed_call("sns")),
                "Action=Publish&Message=x",
                "sns",
                "Publish",
            ),
            (
                "PUT",
                "/bucket/key?x-id=PutObject",
                ("authorization", signed_call("s3")),
                "x",
                "s3",
                "PutObject",
            ),
            (
                "GET",
                "/bucket/key",
                ("authorization", signed_call("s3")),
                "",
                "s3",
                "GetObject",
            ),
            (
                "POST",
                "/v2/email/outbound-emails",
                ("authorization", signed_call("ses")),
                "{}",
                "ses",
                "SendEmail",
            ),
            (
                "GET",
                "/v2/email/account",
                ("authorization", signed_call("ses")),
                "",
                "ses",
                "GetAccount",
            ),
            (
                "DELETE",
                "/v2/email/suppression/addresses/ann%40example.com",
                ("authorization", signed_call("ses")),
                "",
                "ses",
                "DeleteSuppressedDestination",
            ),
            (
                "GET",
                "/v2/email/suppression/addresses/ann%40example.com",
                ("authorization", signed_call("ses")),
                "",
                "ses",
                "GetSuppressedDestination",
            ),
            (
                "PUT",
                "/v2/email/identities/example.com/mail-from",
                ("authorization", signed_call("ses")),
                "{}",
                "ses",
                "PutEmailIdentityMailFromAttributes",
            ),
            (
                "DELETE",
                "/v2/email/tags",
                ("authorization", signed_call("ses")),
                "",
                "ses",
                "UntagResource",
            ),
            (
                "POST",
                "/service/GraniteServiceVersion20100801/operation/GetMetricData",
                ("authorization", signed_call("monitoring")),
                "",
                "monitoring",
                "GetMetricData",
            ),
            (
                "POST",
                "/2015-03-31/functions/f/invocations",
                ("authorization", signed_call("lambda")),
                "{}",
                "lambda",
                "Invoke",
            ),
            (
                "POST",
                "/_aws/execute-api/q/$default/emails",
                ("authorization", "Bearer k".to_owned()),
                "{}",
                "api",
                "POST /emails",
            ),
            (
                "GET",
                "/elsewhere",
                ("x", "y".to_owned()),
                "",
                "unknown",
                "GET /elsewhere",
            ),
        ] {
            let call = read(method, path, &[(header.0, &header.1)], body);
            assert_eq!(
                (call.service.as_str(), call.operation.as_str()),
                (service, operation),
                "{path}"
            );
        }
    }

    #[test]
    fn each_email_is_named_once_from_path_or_body() {
        let path = format!("/_aws/execute-api/q/$default/emails/{ID}/cancel");
        let call = read("POST", &path, &[], "{}");
        assert_eq!(
            (call.operation.as_str(), call.emails),
            ("POST /emails/{id}/cancel", vec![ID.to_owned()])
        );
        let body = format!("{{\"pk\": {{\"S\": \"tenant#{ID}\"}}, \"a-b\": \"{ID}-{ID}\", \"c\": \"12345678-\"}}");
        assert_eq!(read("POST", "/", &[], &body).emails, [ID]);
        assert_eq!(
            read("POST", "/", &[], "0196F2A4-6C3E-4B7A-9D21-0F5E8C7B6A59").emails,
            [""; 0]
        );
    }
}
