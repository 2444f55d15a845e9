//! The routes by which tests control and inspect the fake SES.
//!
//! **Invariant:** a bad request changes nothing; the answer is 400 with one sentence.

use std::collections::BTreeSet;
use std::sync::Arc;

use axum::Json;
use axum::body::Bytes;
use axum::extract::{Path, RawQuery, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use jiff::{SignedDuration, Timestamp};
use local_server::json::{self, read, refused};
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::account::Limits;
use crate::app::App;
use crate::faults::FaultPlan;
use crate::identities::Given;
use crate::identity_api;
use crate::identity_faults::Plan;
use crate::search::Filter;
use crate::suppression::{self, Reasons};
use crate::tenants::Tenants;

/// `GET /messages`: all messages, newest first; with parameters only the matching ones.
pub async fn list_messages(State(app): State<Arc<App>>, RawQuery(query): RawQuery) -> Response {
    let filter = match Filter::parse(query.as_deref()) {
        Ok(filter) => filter,
        Err(sentence) => return refused(sentence),
    };
    let messages = app.mailbox().newest_first();
    let matching = messages
        .iter()
        .map(AsRef::as_ref)
        .filter(|message| filter.matches(message));
    Json(matching.collect::<Vec<_>>()).into_response()
}

/// `GET /messages/{id}`: one message.
pub async fn get_message(State(app): State<Arc<App>>, Path(id): Path<String>) -> Response {
    let found = app.mailbox().get(&id);
    match found {
        Some(message) => Json(message.as_ref()).into_response(),
        None => not_found(),
    }
}

/// `DELETE /messages`.
pub async fn delete_messages(State(app): State<Arc<App>>) -> StatusCode {
    app.mailbox().clear();
    StatusCode::NO_CONTENT
}

/// `PUT /faults`: replaces all faults.
pub async fn put_faults(State(app): State<Arc<App>>, body: Bytes) -> Response {
    let plan: FaultPlan = match read(&body) {
        Ok(plan) => plan,
        Err(sentence) => return refused(sentence),
    };
    if let Err(sentence) = plan.check() {
        return refused(sentence);
    }
    app.faults().0 = plan.clone();
    Json(plan).into_response()
}

/// `GET /faults`: the faults with their remaining counts.
pub async fn get_faults(State(app): State<Arc<App>>) -> Response {
    let plan = app.faults().0.clone();
    Json(plan).into_response()
}

/// `DELETE /faults`.
pub async fn delete_faults(State(app): State<Arc<App>>) -> StatusCode {
    app.faults().0 = FaultPlan::default();
    StatusCode::NO_CONTENT
}

/// `PUT /account`: replaces the limits and the account's reasons to list an address.
pub async fn put_account(State(app): State<Arc<App>>, body: Bytes) -> Response {
    let limits: Limits = match read(&body) {
        Ok(limits) => limits,
        Err(sentence) => return refused(sentence),
    };
    if let Err(sentence) = limits.check() {
        return refused(sentence);
    }
    app.account().set(limits.clone());
    app.suppressed()
        .set_account(limits.suppressed_reasons.clone().unwrap_or_else(suppression::both));
    Json(limits).into_response()
}

/// `PUT /identities`: replaces the account's identities by the given ones. DNS does not change their status.
pub async fn put_identities(State(app): State<Arc<App>>, body: Bytes) -> Response {
    let given: Vec<Given> = match read(&body) {
        Ok(given) => given,
        Err(sentence) => return refused(sentence),
    };
    app.identities().replace(&given, identity_api::tokens, Timestamp::now());
    Json(given).into_response()
}

/// `PUT /identity-faults`: replaces all faults of the operations on identities, and their rate.
pub async fn put_identity_faults(State(app): State<Arc<App>>, body: Bytes) -> Response {
    let plan: Plan = match read(&body) {
        Ok(plan) => plan,
        Err(sentence) => return refused(sentence),
    };
    if let Err(sentence) = plan.check() {
        return refused(sentence);
    }
    app.identity_faults().set(plan.clone());
    Json(plan).into_response()
}

/// `GET /identity-faults`: the faults with their remaining counts.
pub async fn get_identity_faults(State(app): State<Arc<App>>) -> Response {
    let plan = app.identity_faults().plan().clone();
    Json(plan).into_response()
}

/// `DELETE /identity-faults`.
pub async fn delete_identity_faults(State(app): State<Arc<App>>) -> StatusCode {
    app.identity_faults().set(Plan::default());
    StatusCode::NO_CONTENT
}

/// A change of the clock by which SES ends its searches for records.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Advance {
    /// The hours by which the clock goes forward.
    hours: u16,
}

/// `PUT /identity-clock`: puts the clock forward.
pub async fn put_identity_clock(State(app): State<Arc<App>>, body: Bytes) -> Response {
    let advance: Advance = match read(&body) {
        Ok(advance) => advance,
        Err(sentence) => return refused(sentence),
    };
    app.identities()
        .advance(SignedDuration::from_hours(advance.hours.into()));
    Json(advance).into_response()
}

/// `PUT /tenants`: replaces the SES tenants. A list of names, or the associated resources by name.
pub async fn put_tenants(State(app): State<Arc<App>>, body: Bytes) -> Response {
    let tenants: Tenants = match read(&body) {
        Ok(tenants) => tenants,
        Err(sentence) => return refused(sentence),
    };
    app.tenants().clone_from(&tenants);
    Json(tenants).into_response()
}

/// The configuration sets that the local stack deployed. All of them have the same reasons.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ConfigurationSet {
    /// The reasons to list an address; null: the account's reasons apply.
    suppressed_reasons: Option<Reasons>,
    /// The names of the sets of the account; absent: every name passes.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    names: BTreeSet<String>,
}

/// `PUT /configuration-set`: the template's settings of the set. Only the emulator that deploys the set knows them.
pub async fn put_configuration_set(State(app): State<Arc<App>>, body: Bytes) -> Response {
    let set: ConfigurationSet = match read(&body) {
        Ok(set) => set,
        Err(sentence) => return refused(sentence),
    };
    app.suppressed().set_configuration_set(set.suppressed_reasons.clone());
    app.identities().set_configuration_sets(set.names.clone());
    Json(set).into_response()
}

/// `GET /configuration-set`.
pub async fn get_configuration_set(State(app): State<Arc<App>>) -> Response {
    let suppressed_reasons = app.suppressed().configuration_set().cloned();
    let names = app.identities().configuration_sets().clone();
    Json(ConfigurationSet {
        suppressed_reasons,
        names,
    })
    .into_response()
}

/// `GET /suppressed`: every address of the account-wide list.
pub async fn list_suppressed(State(app): State<Arc<App>>) -> Response {
    Json(app.suppressed().addresses()).into_response()
}

/// `DELETE /suppressed/{address}`.
pub async fn delete_suppressed(State(app): State<Arc<App>>, Path(address): Path<String>) -> Response {
    if app.suppressed().remove(&address) {
        StatusCode::NO_CONTENT.into_response()
    } else {
        let message = "The account-wide suppression list does not have this address.";
        json::message(StatusCode::NOT_FOUND, message)
    }
}

/// `GET /stats`.
pub async fn get_stats(State(app): State<Arc<App>>) -> Response {
    let stats = app.stats().clone();
    let events = app.events.as_ref().map(|publisher| publisher.progress());
    Json(json!({"requests": stats.requests, "faults": stats.faults, "events": events})).into_response()
}

/// The answer for a message or attachment that does not exist.
pub fn not_found() -> Response {
    json::message(StatusCode::NOT_FOUND, "No message or attachment has this id.")
}
