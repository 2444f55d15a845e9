//! The state that all requests share, and which route is answered by whom.
//!
//! **Invariant:** no lock is held across an `await`.

use std::sync::Arc;
use std::sync::{Mutex, MutexGuard, PoisonError};

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::middleware;
use axum::routing::{delete, get, post, put};

use crate::account::Account;
use crate::faults::{Dice, FaultPlan};
use crate::mailbox::Mailbox;
use crate::publisher::Publisher;
use crate::settings::Settings;
use crate::stats::Stats;
use crate::suppression::SuppressionList;
use crate::{browsers, control, inbox, ses_api};

/// Above SES's own 40 MB with base64 and JSON around it, so that SES's own sentence is given.
const BODY_LIMIT_BYTES: usize = 80 * 1024 * 1024;

/// Everything that is known between requests.
#[derive(Debug)]
pub struct App {
    /// The region in SES's sentences.
    pub region: String,
    /// The account in ARNs.
    pub account_id: String,
    mailbox: Mutex<Mailbox>,
    faults: Mutex<(FaultPlan, Dice)>,
    account: Mutex<Account>,
    stats: Mutex<Stats>,
    suppressed: Mutex<SuppressionList>,
    /// Where events go, if anywhere.
    pub events: Option<Publisher>,
}

impl App {
    /// An empty mailbox, no faults, an account without enforced limits.
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
            faults: Mutex::new((FaultPlan::default(), Dice::seeded(seed))),
            account: Mutex::default(),
            stats: Mutex::default(),
            suppressed: Mutex::default(),
            events,
        }
    }

    /// The messages.
    pub fn mailbox(&self) -> MutexGuard<'_, Mailbox> {
        self.mailbox.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The faults, and the dice that decide whether one happens.
    pub fn faults(&self) -> MutexGuard<'_, (FaultPlan, Dice)> {
        self.faults.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The sending limits.
    pub fn account(&self) -> MutexGuard<'_, Account> {
        self.account.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The counters.
    pub fn stats(&self) -> MutexGuard<'_, Stats> {
        self.stats.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The account-wide suppression list.
    pub fn suppressed(&self) -> MutexGuard<'_, SuppressionList> {
        self.suppressed.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Every route there is.
pub fn routes(app: Arc<App>) -> Router {
    Router::new()
        .route("/v2/email/outbound-emails", post(ses_api::send_email))
        .route("/v2/email/account", get(ses_api::get_account))
        .route(
            "/messages",
            get(control::list_messages).delete(control::delete_messages),
        )
        .route("/messages/{id}", get(control::get_message))
        .route("/messages/{id}/html", get(inbox::message_html))
        .route("/messages/{id}/attachments/{index}", get(inbox::attachment))
        .route(
            "/faults",
            put(control::put_faults)
                .get(control::get_faults)
                .delete(control::delete_faults),
        )
        .route("/account", put(control::put_account))
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
        .fallback(ses_api::unknown_operation)
        .layer(DefaultBodyLimit::max(BODY_LIMIT_BYTES))
        .layer(middleware::from_fn(browsers::guard))
        .with_state(app)
}
