//! The state that all requests share, and the table of routes.
//!
//! **Invariant:** no lock is held across an `await`.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::DefaultBodyLimit;
use axum::http::{Request, Response};
use axum::middleware;
use axum::routing::{delete, get, post, put};
use hyper::body::Incoming;
use jiff::Timestamp;
use local_server::server::{Closed, Ends, Program};
use tower::ServiceExt;

use crate::account::Account;
use crate::api_state::{self, Api};
use crate::faults::{Dice, FaultPlan};
use crate::identities::{Given, Identities};
use crate::identity_faults::IdentityFaults;
use crate::mailbox::Mailbox;
use crate::publisher::Publisher;
use crate::settings::Settings;
use crate::stats::Stats;
use crate::suppression::SuppressionList;
use crate::tenants::Tenants;
use crate::webhook_inbox::WebhookInbox;
use crate::{browsers, control, identity_api, inbox, inbox_assets, message_actions, ses_api, webhook_routes};

/// The limit on a request's body. It exceeds SES's 40 MB with base64 and JSON around it, so that the refusal is SES's
/// own sentence.
const BODY_LIMIT_BYTES: usize = 80 * 1024 * 1024;

/// The state kept between requests.
#[derive(Debug)]
pub struct App {
    /// The region that SES's sentences name.
    pub region: String,
    /// The account number in ARNs.
    pub account_id: String,
    mailbox: Mutex<Mailbox>,
    faults: Mutex<(FaultPlan, Dice)>,
    account: Mutex<Account>,
    identities: Mutex<Identities>,
    identity_faults: Mutex<IdentityFaults>,
    tenants: Mutex<Tenants>,
    stats: Mutex<Stats>,
    suppressed: Mutex<SuppressionList>,
    webhooks: Mutex<WebhookInbox>,
    /// The publisher of events; absent when no topic is set.
    pub events: Option<Publisher>,
    /// The API whose emails arrive here; absent when no one is set.
    pub api: Option<Api>,
    reports: AtomicU64,
}

impl App {
    /// Creates an empty mailbox, no faults, and an account without enforced limits.
    pub fn new(settings: &Settings, events: Option<Publisher>) -> Self {
        let account_id = settings
            .events
            .as_ref()
            .and_then(|events| events.topic_arn.split(':').nth(4))
            .unwrap_or("000000000000")
            .to_owned();
        let seed = settings.seed.unwrap_or_else(|| getrandom::u64().unwrap_or(1));
        Self {
            region: settings.region.clone(),
            account_id,
            mailbox: Mutex::default(),
            faults: Mutex::new((FaultPlan::default(), Dice::from_seed(seed))),
            account: Mutex::default(),
            identities: Mutex::new(verified(&settings.verified)),
            identity_faults: Mutex::default(),
            tenants: Mutex::default(),
            stats: Mutex::default(),
            suppressed: Mutex::default(),
            webhooks: Mutex::default(),
            events,
            api: settings.api.as_ref().map(Api::new),
            reports: AtomicU64::new(0),
        }
    }

    /// The number of the next report that a person requests.
    pub fn next_report(&self) -> u64 {
        self.reports.fetch_add(1, Ordering::Relaxed)
    }

    /// The messages.
    pub fn mailbox(&self) -> MutexGuard<'_, Mailbox> {
        self.mailbox.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The faults, and the dice that decide whether a fault happens.
    pub fn faults(&self) -> MutexGuard<'_, (FaultPlan, Dice)> {
        self.faults.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The sending limits.
    pub fn account(&self) -> MutexGuard<'_, Account> {
        self.account.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The identities.
    pub fn identities(&self) -> MutexGuard<'_, Identities> {
        self.identities.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The faults of the operations on identities.
    pub fn identity_faults(&self) -> MutexGuard<'_, IdentityFaults> {
        self.identity_faults.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The SES tenants.
    pub fn tenants(&self) -> MutexGuard<'_, Tenants> {
        self.tenants.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The counters.
    pub fn stats(&self) -> MutexGuard<'_, Stats> {
        self.stats.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The account-wide suppression list.
    pub fn suppressed(&self) -> MutexGuard<'_, SuppressionList> {
        self.suppressed.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The received events of webhooks. A function that needs the dice too locks them first.
    pub fn webhooks(&self) -> MutexGuard<'_, WebhookInbox> {
        self.webhooks.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Returns an account with verified domains and addresses.
fn verified(names: &[String]) -> Identities {
    let given = |name: &String| Given {
        name: name.clone(),
        verified: true,
    };
    let given: Vec<Given> = names.iter().map(given).collect();
    let mut identities = Identities::default();
    identities.replace(&given, identity_api::tokens, Timestamp::now());
    identities
}

/// The fake SES behind its server.
#[derive(Debug)]
pub struct FakeSes(Router);

impl FakeSes {
    /// Creates the routes.
    pub fn new(app: Arc<App>) -> Self {
        Self(routes(app))
    }
}

impl Program for FakeSes {
    type Client = ();

    const GRACE: Duration = Duration::from_secs(2);

    async fn client(&self, _: Ends) {}

    /// A response with the extension [`Closed`] stands for a connection that closes without an answer.
    async fn answer(&self, (): &(), request: Request<Incoming>) -> Result<Response<Body>, Closed> {
        let Ok(response) = self.0.clone().oneshot(request.map(Body::new)).await;
        match response.extensions().get::<Closed>() {
            Some(closed) => Err(*closed),
            None => Ok(response),
        }
    }
}

fn identity_routes() -> Router<Arc<App>> {
    Router::new()
        .route(
            "/v2/email/identities",
            post(identity_api::create).get(identity_api::list_by_query),
        )
        .route("/v2/email/list-identities", post(identity_api::list))
        .route(
            "/v2/email/identities/{name}",
            get(identity_api::get).delete(identity_api::delete),
        )
        .route(
            "/v2/email/identities/{name}/mail-from",
            put(identity_api::put_mail_from),
        )
        .route(
            "/v2/email/identities/{name}/configuration-set",
            put(identity_api::put_configuration_set),
        )
        .route("/v2/email/identities/{name}/feedback", put(identity_api::put_feedback))
        .route("/v2/email/identities/{name}/dkim", put(identity_api::put_dkim))
        .route(
            "/v2/email/identities/{name}/dkim/signing",
            put(identity_api::put_signing),
        )
        .route(
            "/v2/email/tags",
            post(identity_api::tag)
                .delete(identity_api::untag)
                .get(identity_api::list_tags),
        )
        .route("/identities", put(control::put_identities))
        .route(
            "/identity-faults",
            put(control::put_identity_faults)
                .get(control::get_identity_faults)
                .delete(control::delete_identity_faults),
        )
        .route("/identity-clock", put(control::put_identity_clock))
}

fn webhook_routes() -> Router<Arc<App>> {
    Router::new()
        .route(
            "/webhook-inbox",
            post(webhook_routes::receive)
                .get(webhook_routes::list)
                .put(webhook_routes::put_secrets)
                .delete(webhook_routes::delete),
        )
        .route(
            "/webhook-inbox/faults",
            put(webhook_routes::put_faults)
                .get(webhook_routes::get_faults)
                .delete(webhook_routes::delete_faults),
        )
        .route("/webhook-inbox/newest", get(webhook_routes::newest))
        .route("/webhooks", get(webhook_routes::page))
        .route("/webhooks.js", get(webhook_routes::script))
}

fn message_routes() -> Router<Arc<App>> {
    Router::new()
        .route(
            "/messages/{id}",
            get(control::get_message).delete(message_actions::delete),
        )
        .route("/messages/{id}/html", get(inbox::message_html))
        .route("/messages/{id}/attachments/{index}", get(inbox::attachment))
        .route("/messages/{id}/raw", get(message_actions::raw))
        .route("/messages/{id}/email", get(api_state::email))
        .route("/messages/{id}/bounce", post(message_actions::bounce))
        .route("/messages/{id}/complaint", post(message_actions::complaint))
        .route("/messages/{id}/open", post(message_actions::open))
}

fn routes(app: Arc<App>) -> Router {
    Router::new()
        .route("/v2/email/outbound-emails", post(ses_api::send_email))
        .route("/v2/email/account", get(ses_api::get_account))
        .route(
            "/messages",
            get(control::list_messages).delete(control::delete_messages),
        )
        .route(
            "/faults",
            put(control::put_faults)
                .get(control::get_faults)
                .delete(control::delete_faults),
        )
        .route("/account", put(control::put_account))
        .merge(identity_routes())
        .merge(webhook_routes())
        .merge(message_routes())
        .route("/tenants", put(control::put_tenants))
        .route(
            "/v2/email/suppression/addresses/{address}",
            get(ses_api::get_suppressed_destination).delete(ses_api::delete_suppressed_destination),
        )
        .route(
            "/configuration-set",
            put(control::put_configuration_set).get(control::get_configuration_set),
        )
        .route("/suppressed", get(control::list_suppressed))
        .route("/suppressed/{address}", delete(control::delete_suppressed))
        .route("/stats", get(control::get_stats))
        .route("/", get(inbox::page))
        .route("/inbox.css", get(inbox::style))
        .route("/inbox.js", get(inbox::script))
        .route("/inbox/summaries", get(inbox::summaries))
        .route("/inbox/{name}", get(inbox_assets::module))
        .route("/console-kit/{*path}", get(inbox_assets::kit))
        .fallback(ses_api::unknown_operation)
        .layer(DefaultBodyLimit::max(BODY_LIMIT_BYTES))
        .layer(middleware::from_fn(browsers::guard))
        .with_state(app)
}
