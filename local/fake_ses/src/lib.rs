//! A local stand-in for Amazon SES: it accepts email, keeps it, shows it, and fails on demand.
//!
//! **Role:** local stack and tests only; nothing of it is ever deployed.
//! **Invariant:** no message leaves the machine, and an accepted message is kept whole, even if its answer was lost.
//!
//! | Module | Owns |
//! |---|---|
//! | [`settings`] | the environment, read once |
//! | [`app`] | the shared state and the routes |
//! | [`ses_api`] | sending and the account: the order of the decisions |
//! | [`identity_api`] | SES's operations on identities |
//! | [`ses_request`], [`ses_rules`], [`ses_error`], [`raw`], [`address`] | SESv2's shapes and refusals |
//! | [`faults`], [`account`], [`stats`], [`mailbox`] | the state, each pure and without a clock |
//! | [`identities`], [`identity`], [`identity_rules`] | domains and addresses |
//! | [`tracking`], [`identity_faults`] | their status, and faults of the operations on them |
//! | [`dns_check`] | the looks at a domain's records |
//! | [`suppression`] | the account-wide suppression list |
//! | [`outcome`] | the outcome of a message at each recipient |
//! | [`events`], [`publisher`] | SES's events: their shapes, their way to the topic |
//! | [`control`], [`inbox`] | the routes for tests; the page for people |
//! | [`inbox_assets`] | the modules of the page, and those that it shares with the console |
//! | [`search`], [`message_actions`], [`eml`] | the list's filter; the actions on one message; its file |
//! | [`api_state`] | the state of a message's email, which the server asks of the API |
//! | [`webhook_inbox`], [`webhook_routes`] | the receiver of webhooks: its requests and faults; its routes and page |
//! | [`message_html`], [`browsers`] | the HTML of a message as the inbox shows it; the guard against foreign pages |
//!
//! **Start reading at** [`ses_api`].

pub mod account;
pub mod address;
pub mod api_state;
pub mod app;
pub mod browsers;
pub mod control;
pub mod dns_check;
pub mod eml;
pub mod events;
pub mod faults;
pub mod identities;
pub mod identity;
pub mod identity_api;
pub mod identity_faults;
pub mod identity_rules;
pub mod inbox;
pub mod inbox_assets;
pub mod mailbox;
pub mod message_actions;
pub mod message_html;
pub mod outcome;
pub mod publisher;
pub mod raw;
pub mod search;
pub mod ses_api;
pub mod ses_error;
pub mod ses_request;
pub mod ses_rules;
pub mod settings;
pub mod stats;
pub mod suppression;
pub mod tenants;
pub mod tracking;
pub mod webhook_inbox;
pub mod webhook_routes;

use std::sync::Arc;
use std::time::Duration;

use app::{App, FakeSes};
use local_server::server::{ListenError, Listener, Server};
use settings::Settings;

/// The time between two looks at the records of a domain. SES looks less often.
const DNS_PAUSE: Duration = Duration::from_millis(500);

/// Binds the port and prepares everything; [`Server::serve`] answers the first request.
///
/// # Errors
/// [`ListenError`] when the port cannot be bound.
pub async fn bind(settings: Settings) -> Result<Server<FakeSes>, ListenError> {
    let listener = Listener::bind(settings.port, settings::PORT).await?;
    let events = settings.events.as_ref().map(publisher::start);
    let app = Arc::new(App::new(&settings, events));
    if let Some(dns) = settings.dns {
        dns_check::start(Arc::clone(&app), dns, DNS_PAUSE);
    }
    Ok(Server::new(listener, FakeSes::new(app)))
}
