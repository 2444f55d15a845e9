//! SES's operations, as the AWS SDKs call them.
//!
//! **Role:** reads, consults faults, rules and limits in this order, keeps, publishes.
//! **After a client gave up:** handling goes on; as with SES, the message may still be accepted.
//! **Start reading at** `handle`.

use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use jiff::Timestamp;
use local_server::server::Closed;
use serde_json::json;

use crate::account::Over;
use crate::app::App;
use crate::events::{self, Sender};
use crate::faults::FaultKind;
use crate::mailbox::Message;
use crate::ses_error::SesError;
use crate::{outcome, ses_request, ses_rules};

/// The time for which a `timeout` holds a request: longer than any sensible client waits.
const HOLD: Duration = Duration::from_secs(120);

enum Reaction {
    Accepted(String),
    Refused(SesError),
    AcceptedThenDrop,
    Drop,
    Hold(Duration),
}

/// `POST /v2/email/outbound-emails`.
pub async fn send_email(State(app): State<Arc<App>>, body: Bytes) -> Response {
    // Handling runs on its own task: with SES, a client that hangs up does not cancel it either.
    let handling = tokio::spawn(handle(Arc::clone(&app), body));
    let outcome = handling.await.unwrap_or_else(|error| {
        tracing::error!(%error, "handling a request failed");
        Reaction::Drop
    });
    match outcome {
        Reaction::Accepted(id) => Json(json!({"MessageId": id})).into_response(),
        Reaction::Refused(error) => error.into_response(),
        Reaction::AcceptedThenDrop | Reaction::Drop => Extension(Closed).into_response(),
        Reaction::Hold(time) => {
            tokio::time::sleep(time).await;
            Extension(Closed).into_response()
        }
    }
}

async fn handle(app: Arc<App>, body: Bytes) -> Reaction {
    let outcome = decide(&app, &body).await;
    let answer = match &outcome {
        Reaction::Accepted(_) => "ok",
        Reaction::Refused(error) => error.name,
        Reaction::AcceptedThenDrop => FaultKind::DropAfter.name(),
        Reaction::Drop => FaultKind::DropBefore.name(),
        Reaction::Hold(_) => FaultKind::Timeout.name(),
    };
    app.stats().count_answer("SendEmail", answer);
    outcome
}

async fn decide(app: &App, body: &[u8]) -> Reaction {
    let (submission, raw) = match ses_request::parse(body) {
        Ok(parsed) => parsed,
        Err(error) => return Reaction::Refused(error),
    };
    let chosen = {
        let mut faults = app.faults();
        let (plan, dice) = &mut *faults;
        plan.choose(&submission.recipients(), dice)
    };
    app.stats().count_faults(&chosen.struck);
    if chosen.delay_ms > 0 {
        tokio::time::sleep(Duration::from_millis(chosen.delay_ms)).await;
    }
    let drop_after = match chosen.effect {
        Some(FaultKind::Throttle) => return Reaction::Refused(SesError::throttled()),
        Some(FaultKind::Quota) => return Reaction::Refused(SesError::quota()),
        Some(FaultKind::Pause) => return Reaction::Refused(SesError::paused()),
        Some(FaultKind::Reject) => return Reaction::Refused(SesError::rejected("Message content rejected.")),
        Some(FaultKind::Timeout) => return Reaction::Hold(chosen.hold_ms.map_or(HOLD, Duration::from_millis)),
        Some(FaultKind::DropBefore) => return Reaction::Drop,
        Some(FaultKind::DropAfter) => true,
        Some(
            FaultKind::Delay
            | FaultKind::Bounce
            | FaultKind::LateBounce
            | FaultKind::SoftBounce
            | FaultKind::Absence
            | FaultKind::Complaint
            | FaultKind::NotSpam,
        )
        | None => false,
    };
    let allowed = ses_rules::check(&submission, raw).and_then(|()| {
        let identities = app.identities();
        let set = identities.existing_set(submission.configuration_set.clone())?;
        let identity = identities.sender(&submission.from, &app.region)?;
        match &submission.tenant {
            Some(tenant) => app.tenants().check(tenant, identity.name(), set.as_deref()),
            None => Ok(()),
        }
    });
    if let Err(error) = allowed {
        return Reaction::Refused(error);
    }
    let taken = app.account().take(submission.recipients().len(), Instant::now());
    match taken {
        Ok(()) => {}
        Err(Over::Rate) => return Reaction::Refused(SesError::throttled()),
        Err(Over::Quota) => return Reaction::Refused(SesError::quota()),
    }
    let now = Timestamp::now();
    let id = message_id(now);
    let message = Arc::new(Message {
        id: id.clone(),
        submission,
        received_at: format!("{now:.3}"),
    });
    app.mailbox().add(Arc::clone(&message));
    let outcomes = outcome::of(&message, &chosen.requested_events, &mut app.suppressed());
    if let Some(publisher) = &app.events {
        let sender = Sender {
            region: &app.region,
            account_id: &app.account_id,
        };
        publisher.publish(events::of(&message, &outcomes, &sender));
    }
    if drop_after {
        Reaction::AcceptedThenDrop
    } else {
        Reaction::Accepted(id)
    }
}

/// An id shaped like SES's: the time in milliseconds, a random part, a counter.
fn message_id(now: Timestamp) -> String {
    let high = getrandom::u64().unwrap_or_default();
    let low = getrandom::u64().unwrap_or_default();
    let random = format!("{high:016x}{low:016x}");
    let part = |range| random.get(range).unwrap_or_default();
    format!(
        "0100{:012x}-{}-{}-{}-{}-{}-000000",
        now.as_millisecond(),
        part(0..8),
        part(8..12),
        part(12..16),
        part(16..20),
        part(20..32)
    )
}

/// `GET /v2/email/account`.
pub async fn get_account(State(app): State<Arc<App>>) -> Response {
    let (quota, sandbox, stopped) = {
        let mut account = app.account();
        let quota = account.quota(Instant::now());
        (quota, account.limits().sandbox, account.limits().stopped)
    };
    app.stats().count_answer("GetAccount", "ok");
    Json(json!({
        "SendQuota": {
            "Max24HourSend": quota.max_24_hour_send,
            "MaxSendRate": quota.max_send_rate,
            "SentLast24Hours": quota.sent_last_24_hours,
        },
        "SendingEnabled": !stopped,
        "ProductionAccessEnabled": !sandbox,
        "EnforcementStatus": if stopped { "SHUTDOWN" } else { "HEALTHY" },
        "DedicatedIpAutoWarmupEnabled": false,
    }))
    .into_response()
}

/// `GET /v2/email/suppression/addresses/{address}`.
pub async fn get_suppressed_destination(State(app): State<Arc<App>>, Path(address): Path<String>) -> Response {
    const OPERATION: &str = "GetSuppressedDestination";
    let Some(reason) = app.suppressed().reason(&address) else {
        return not_suppressed(&app, OPERATION);
    };
    app.stats().count_answer(OPERATION, "ok");
    let seconds = Timestamp::now().as_second();
    let listed = json!({"EmailAddress": address, "Reason": reason, "LastUpdateTime": seconds});
    Json(json!({"SuppressedDestination": listed})).into_response()
}

/// `DELETE /v2/email/suppression/addresses/{address}`.
pub async fn delete_suppressed_destination(State(app): State<Arc<App>>, Path(address): Path<String>) -> Response {
    const OPERATION: &str = "DeleteSuppressedDestination";
    if !app.suppressed().remove(&address) {
        return not_suppressed(&app, OPERATION);
    }
    app.stats().count_answer(OPERATION, "ok");
    Json(json!({})).into_response()
}

fn not_suppressed(app: &App, operation: &'static str) -> Response {
    let error = SesError::not_suppressed();
    app.stats().count_answer(operation, error.name);
    error.into_response()
}

/// Every other path and operation.
pub async fn unknown_operation(State(app): State<Arc<App>>) -> Response {
    let error = SesError::unknown_operation();
    app.stats().count_answer("other", error.name);
    error.into_response()
}
