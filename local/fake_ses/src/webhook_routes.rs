//! The receiver of webhooks: its requests, its control, and the second tab of the inbox.
//!
//! **Invariant:** every request to the receiver is kept before its answer. A bad control request changes nothing.

use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::extract::{Query, State};
use axum::http::header::{CONTENT_TYPE, LOCATION};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use hyper::body::Frame;
use jiff::Timestamp;
use local_server::json::{read, refused};
use local_server::server::Closed;
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::app::App;
use crate::inbox::page_answer;
use crate::mailbox::Pair;
use crate::webhook_inbox::{Fault, Kind, Plan, Received, key, verify};

const PAGE: &str = include_str!("page/webhooks.html");
const SCRIPT: &str = include_str!("page/webhooks.js");

/// Requests that the page lists; `GET /webhook-inbox` returns all of a box.
const LISTED: usize = 500;

/// The time for which a hanging receiver holds a request: longer than a sender waits.
const HOLD: Duration = Duration::from_secs(20);

/// The box to which a redirect leads. A request there was sent by a client that follows redirects.
const REDIRECTED: &str = "/webhook-inbox?box=redirected";

/// The box of a request: `?box=name`; the unnamed one without it.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Which {
    #[serde(default, rename = "box")]
    name: String,
}

/// The signing secrets of a box.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Secrets {
    secrets: Vec<String>,
}

/// `POST /webhook-inbox`: receives an event.
pub async fn receive(
    State(app): State<Arc<App>>,
    Query(which): Query<Which>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let now = Timestamp::now();
    let headers: Vec<Pair> = headers.iter().map(pair).collect();
    let fault = {
        let mut dice = app.faults();
        let mut inbox = app.webhooks();
        let receiver = inbox.change(&which.name);
        let fault = receiver.plan.choose(&mut dice.1);
        let verified = verify(&headers, &body, &receiver.secrets, now.as_second());
        receiver.keep(Received {
            received_at: format!("{now:.3}"),
            headers,
            body: String::from_utf8_lossy(&body).into_owned(),
            verified: verified.is_ok(),
            problem: verified.err(),
            fault: fault.as_ref().map(|fault| fault.kind.into()),
        });
        fault
    };
    match fault {
        None => Json(json!({"received": true})).into_response(),
        Some(fault) => faulty(&fault).await,
    }
}

fn pair((name, value): (&HeaderName, &HeaderValue)) -> Pair {
    Pair {
        name: name.as_str().to_owned(),
        value: String::from_utf8_lossy(value.as_bytes()).into_owned(),
    }
}

async fn faulty(fault: &Fault) -> Response {
    match fault.kind {
        Kind::Status => {
            let status = fault.status.and_then(|status| StatusCode::from_u16(status).ok());
            let status = status.unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
            let mut response = (status, "The receiver fails on purpose.").into_response();
            for (name, value) in &fault.headers {
                if let (Ok(name), Ok(value)) = (HeaderName::try_from(name), HeaderValue::try_from(value)) {
                    response.headers_mut().insert(name, value);
                }
            }
            response
        }
        Kind::Hang => {
            tokio::time::sleep(HOLD).await;
            Extension(Closed).into_response()
        }
        Kind::Redirect => (StatusCode::TEMPORARY_REDIRECT, [(LOCATION, REDIRECTED)]).into_response(),
        Kind::Endless => ([(CONTENT_TYPE, "text/plain")], Body::new(Endless)).into_response(),
        Kind::Close => Extension(Closed).into_response(),
    }
}

/// A body that never ends.
#[derive(Debug)]
struct Endless;

impl hyper::body::Body for Endless {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Frame<Self::Data>, Self::Error>>> {
        Poll::Ready(Some(Ok(Frame::data(Bytes::from_static(&[b'x'; 1024])))))
    }
}

/// `GET /webhook-inbox`: the requests of a box, newest first.
pub async fn list(State(app): State<Arc<App>>, Query(which): Query<Which>) -> Response {
    let inbox = app.webhooks();
    let received = inbox.get(&which.name).map(|receiver| receiver.newest_first());
    Json(
        received
            .unwrap_or_default()
            .iter()
            .map(AsRef::as_ref)
            .collect::<Vec<_>>(),
    )
    .into_response()
}

/// `PUT /webhook-inbox`: replaces the secrets of a box.
pub async fn put_secrets(State(app): State<Arc<App>>, Query(which): Query<Which>, body: Bytes) -> Response {
    let given: Secrets = match read(&body) {
        Ok(given) => given,
        Err(sentence) => return refused(sentence),
    };
    if given.secrets.iter().any(|secret| key(secret).is_none()) {
        return refused("Each secret must be whsec_ followed by base64.");
    }
    app.webhooks().change(&which.name).secrets.clone_from(&given.secrets);
    Json(given).into_response()
}

/// `DELETE /webhook-inbox`: forgets the requests of a box.
pub async fn delete(State(app): State<Arc<App>>, Query(which): Query<Which>) -> StatusCode {
    app.webhooks().clear(&which.name);
    StatusCode::NO_CONTENT
}

/// `PUT /webhook-inbox/faults`: replaces the faults of a box.
pub async fn put_faults(State(app): State<Arc<App>>, Query(which): Query<Which>, body: Bytes) -> Response {
    let plan: Plan = match read(&body) {
        Ok(plan) => plan,
        Err(sentence) => return refused(sentence),
    };
    if let Err(sentence) = plan.check() {
        return refused(sentence);
    }
    app.webhooks().change(&which.name).plan.clone_from(&plan);
    Json(plan).into_response()
}

/// `GET /webhook-inbox/faults`: the faults of a box with their remaining counts.
pub async fn get_faults(State(app): State<Arc<App>>, Query(which): Query<Which>) -> Response {
    let plan = app.webhooks().get(&which.name).map(|receiver| receiver.plan.clone());
    Json(plan.unwrap_or_default()).into_response()
}

/// `DELETE /webhook-inbox/faults`.
pub async fn delete_faults(State(app): State<Arc<App>>, Query(which): Query<Which>) -> StatusCode {
    app.webhooks().change(&which.name).plan = Plan::default();
    StatusCode::NO_CONTENT
}

/// `GET /webhook-inbox/newest`: the newest requests of all boxes, for the page.
pub async fn newest(State(app): State<Arc<App>>) -> Response {
    let inbox = app.webhooks();
    let (received, count) = inbox.newest(LISTED);
    let events: Vec<_> = received
        .iter()
        .map(|(name, received)| json!({"box": name, "request": received.as_ref()}))
        .collect();
    Json(json!({"revision": inbox.revision(), "count": count, "events": events})).into_response()
}

/// `GET /webhooks`: the second tab of the inbox.
pub async fn page() -> Response {
    page_answer("text/html; charset=utf-8", PAGE)
}

/// `GET /webhooks.js`.
pub async fn script() -> Response {
    page_answer("text/javascript; charset=utf-8", SCRIPT)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_has_no_inline_script_or_foreign_address() {
        assert!(!PAGE.contains("<style") && !PAGE.contains("onclick") && !PAGE.contains("//"));
        assert!(!SCRIPT.contains("innerHTML") && !SCRIPT.contains("http"));
    }
}
