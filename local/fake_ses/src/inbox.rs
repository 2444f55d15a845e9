//! The inbox page and its views of a message.
//!
//! **Invariant:** a message's HTML runs no script and loads nothing by itself. The frame is sandboxed. So is the
//! response with the message, because a person may open it alone. A link that a person clicks opens in its own tab.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, RawQuery, State};
use axum::http::header::{CONTENT_DISPOSITION, CONTENT_SECURITY_POLICY, CONTENT_TYPE};
use axum::http::{HeaderName, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use local_server::json::{message, refused};
use serde_json::json;

use crate::app::App;
use crate::control::not_found;
use crate::search::Filter;
use crate::{eml, message_html};

const PAGE: &str = include_str!("page/inbox.html");
const STYLE: &str = include_str!("page/inbox.css");
const SCRIPT: &str = include_str!("page/inbox.js");

/// Maximum number of messages that the page lists; `GET /messages` returns all messages.
const LISTED: usize = 500;

const PAGE_POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; \
    frame-src 'self'; img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; \
    require-trusted-types-for 'script'; trusted-types 'none'";
const MESSAGE_POLICY: &str = "sandbox allow-popups allow-popups-to-escape-sandbox; default-src 'none'; img-src data:; font-src data:; \
    style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; frame-ancestors 'self'";

/// A page of the inbox, or its script or style.
pub(crate) fn page_answer(media_type: &'static str, body: &'static str) -> Response {
    answer(media_type, PAGE_POLICY, body)
}

/// `GET /`.
pub async fn page() -> Response {
    let mut response = answer("text/html; charset=utf-8", PAGE_POLICY, PAGE);
    // A page that a message's link opens cannot reach back to the inbox.
    response.headers_mut().insert(
        HeaderName::from_static("cross-origin-opener-policy"),
        HeaderValue::from_static("same-origin"),
    );
    response
}

/// `GET /inbox.css`.
pub async fn style() -> Response {
    answer("text/css; charset=utf-8", PAGE_POLICY, STYLE)
}

/// `GET /inbox.js`.
pub async fn script() -> Response {
    answer("text/javascript; charset=utf-8", PAGE_POLICY, SCRIPT)
}

/// `GET /inbox/summaries`: the rows of the list, and a revision that increases with every change.
pub async fn summaries(State(app): State<Arc<App>>, RawQuery(query): RawQuery) -> Response {
    let filter = match Filter::parse(query.as_deref()) {
        Ok(filter) => filter,
        Err(sentence) => return refused(sentence),
    };
    let (mut messages, count, revision) = {
        let mailbox = app.mailbox();
        (mailbox.newest_first(), mailbox.count(), mailbox.revision())
    };
    messages.retain(|message| filter.matches(message));
    let matching = messages.len();
    let messages: Vec<_> = messages
        .iter()
        .take(LISTED)
        .map(|message| {
            let submission = &message.submission;
            json!({
                "id": message.id,
                "from": submission.from,
                "to": submission.recipients(),
                "subject": submission.subject,
                "attachments": submission.attachments.len(),
                "tags": submission.tags,
                "received_at": message.received_at,
            })
        })
        .collect();
    Json(json!({"revision": revision, "count": count, "matching": matching, "messages": messages})).into_response()
}

/// `GET /messages/{id}/html`: the body, for the sandboxed frame.
pub async fn message_html(State(app): State<Arc<App>>, Path(id): Path<String>) -> Response {
    let found = app.mailbox().get(&id);
    match found.as_deref().and_then(message_html::html_to_show) {
        Some(html) => answer("text/html; charset=utf-8", MESSAGE_POLICY, html),
        None => not_found(),
    }
}

/// `GET /messages/{id}/attachments/{index}`: the bytes, always as a download.
pub async fn attachment(State(app): State<Arc<App>>, Path((id, index)): Path<(String, usize)>) -> Response {
    let found = app.mailbox().get(&id);
    match found
        .as_ref()
        .and_then(|message| message.submission.attachments.get(index))
    {
        Some(file) => {
            let headers = [
                (CONTENT_TYPE, HeaderValue::from_static("application/octet-stream")),
                (CONTENT_DISPOSITION, disposition(&file.filename)),
            ];
            (headers, file.content.clone()).into_response()
        }
        None => not_found(),
    }
}

fn answer(media_type: &'static str, policy: &'static str, body: impl IntoResponse) -> Response {
    let headers = [(CONTENT_TYPE, media_type), (CONTENT_SECURITY_POLICY, policy)];
    (headers, body).into_response()
}

/// The answer for a file of the page that does not exist.
pub(crate) fn no_file() -> Response {
    message(StatusCode::NOT_FOUND, "The inbox has no such file.")
}

/// `attachment` with the file name in the form of RFC 5987: unusual bytes are percent-encoded.
pub(crate) fn disposition(filename: &str) -> HeaderValue {
    let encoded = eml::percent_encoded(filename);
    HeaderValue::from_str(&format!("attachment; filename*=UTF-8''{encoded}"))
        .unwrap_or_else(|_| HeaderValue::from_static("attachment"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_filename_cannot_leave_its_header() {
        assert_eq!(
            disposition("a\"b\r\nX: ü.txt").to_str().unwrap(),
            "attachment; filename*=UTF-8''a%22b%0D%0AX%3A%20%C3%BC.txt"
        );
    }

    #[test]
    fn the_page_has_no_inline_script_or_foreign_address() {
        assert!(!PAGE.contains("<style") && !PAGE.contains("onclick") && !PAGE.contains("//"));
        assert!(!SCRIPT.contains("innerHTML") && !SCRIPT.contains("http"));
    }
}
