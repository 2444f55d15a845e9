//! The actions of a person on one message: download, delete, and reports as SES sends them.
//!
//! **Invariant:** a report goes the way of SES's own events: through the publisher to the topic. It changes the
//! account-wide list as a fault of the same kind does.

use std::sync::Arc;

use axum::Json;
use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::header::{CONTENT_DISPOSITION, CONTENT_TYPE};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use jiff::Timestamp;
use local_server::json::{message, read, refused};
use serde::Deserialize;
use serde_json::json;

use crate::app::App;
use crate::control::not_found;
use crate::events::{self, Sender};
use crate::inbox::disposition;
use crate::mailbox::Message;
use crate::outcome::{self, RecipientOutcome, Report};
use crate::{address, eml};

/// `GET /messages/{id}/raw`: the message as a file.
pub async fn raw(State(app): State<Arc<App>>, Path(id): Path<String>) -> Response {
    let Some(message) = app.mailbox().get(&id) else {
        return not_found();
    };
    let headers = [
        (CONTENT_TYPE, HeaderValue::from_static("message/rfc822")),
        (CONTENT_DISPOSITION, disposition(&eml::name(&message))),
    ];
    (headers, eml::of(&message)).into_response()
}

/// `DELETE /messages/{id}`.
pub async fn delete(State(app): State<Arc<App>>, Path(id): Path<String>) -> Response {
    if app.mailbox().remove(&id) {
        StatusCode::NO_CONTENT.into_response()
    } else {
        not_found()
    }
}

/// `POST /messages/{id}/bounce`.
pub async fn bounce(State(app): State<Arc<App>>, Path(id): Path<String>, body: Bytes) -> Response {
    report(&app, &id, &body, Kind::Feedback(Report::Bounce))
}

/// `POST /messages/{id}/complaint`.
pub async fn complaint(State(app): State<Arc<App>>, Path(id): Path<String>, body: Bytes) -> Response {
    report(&app, &id, &body, Kind::Feedback(Report::Complaint))
}

/// `POST /messages/{id}/open`.
pub async fn open(State(app): State<Arc<App>>, Path(id): Path<String>, body: Bytes) -> Response {
    report(&app, &id, &body, Kind::Open)
}

#[derive(Debug, Clone, Copy)]
enum Kind {
    Feedback(Report),
    Open,
}

/// The body of a request; without a recipient the report is about all of them.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct About {
    recipient: Option<String>,
}

fn report(app: &App, id: &str, body: &[u8], kind: Kind) -> Response {
    let Some(found) = app.mailbox().get(id) else {
        return not_found();
    };
    let about: About = match body {
        [] => About::default(),
        body => match read(body) {
            Ok(about) => about,
            Err(sentence) => return refused(sentence),
        },
    };
    let recipients = recipients(&found, about.recipient.as_deref());
    if recipients.is_empty() {
        return refused("The recipient is none of this message's recipients.");
    }
    let Some(publisher) = &app.events else {
        let sentence = "No SNS topic is set, so no program would get the event.";
        return message(StatusCode::CONFLICT, sentence);
    };
    let sender = Sender {
        region: &app.region,
        account_id: &app.account_id,
    };
    let now = format!("{:.3}", Timestamp::now());
    let published = match kind {
        Kind::Feedback(report) => {
            let outcomes = outcomes(&recipients, report);
            let number = app.next_report();
            let events = events::of_report(&found, &outcomes, &sender, &now, number);
            if !events.is_empty() {
                outcome::list(&outcomes, &mut app.suppressed());
            }
            events
        }
        Kind::Open => events::of_open(&found, &sender, &now).into_iter().collect(),
    };
    if published.is_empty() {
        let sentence = "This message was sent without a configuration set, so SES publishes no event about it.";
        return message(StatusCode::CONFLICT, sentence);
    }
    let answer = json!({"published": published.len(), "recipients": recipients});
    publisher.publish(published);
    (StatusCode::ACCEPTED, Json(answer)).into_response()
}

/// The recipients that a report is about, without their display names.
fn recipients(message: &Message, wanted: Option<&str>) -> Vec<String> {
    let all = message.submission.recipients().into_iter().map(address::bare);
    let is_wanted =
        |recipient: &&str| wanted.is_none_or(|wanted| recipient.eq_ignore_ascii_case(address::bare(wanted)));
    all.filter(is_wanted).map(str::to_owned).collect()
}

fn outcomes(recipients: &[String], report: Report) -> Vec<RecipientOutcome> {
    let one = |recipient: &String| RecipientOutcome {
        recipient: recipient.clone(),
        delivered: true,
        report: Some(report),
        details: Default::default(),
    };
    recipients.iter().map(one).collect()
}
