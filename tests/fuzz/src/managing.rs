//! Requests to `manage`, `reports`, `suppressions`, `domains`, `webhooks` and `access`. The bytes are the body of each
//! route about queues, suppressions, domains, webhooks, keys and tenants; any text is also a query.

use access::api_keys::{KeyPage, Revocation};
use access::tenants::HoldChange;
use aws::http::query::{self, Cursor, LIMIT_MAX};
use domain::api::access_api::{parse_key, parse_key_change, parse_tenant, parse_tenant_change};
use domain::api::domain_api;
use domain::api::error::ApiError;
use domain::api::queue_api::{QueueSettings, parse_change, parse_create, parse_pause, parse_redrive};
use domain::api::suppressions::{SuppressionSelector, parse_add, parse_add_many, parse_remove_many};
use domain::api::webhook_api;
use domain::limits;
use domain::message::address::EmailAddress;
use domain::tenant::domains::Tls;
use manage::by_key::{parse_cancellation, parse_release};
use manage::paging::EmailPage;
use reports::failures::FailuresQuery;
use reports::metrics::MetricsQuery;
use suppressions::page::SuppressionPage;
use webhooks::page::{AttemptPage, EventPage, WebhookPage};

use crate::check::{check, check_eq};
use crate::oracle;

/// Reads the bytes as each kind of request.
pub(crate) fn run(data: &[u8]) {
    queues(data);
    suppressions(data);
    domains(data);
    webhooks(data);
    access(data);
    if let Ok(query) = std::str::from_utf8(data) {
        queries(query);
    }
}

fn check_result<T>(result: Result<T, ApiError>, data: &[u8]) -> Option<T> {
    result.map_err(|error| oracle::refused(&error, data)).ok()
}

fn queues(data: &[u8]) {
    if let Some((name, settings)) = check_result(parse_create(data), data) {
        let allowed = |b: u8| matches!(b, b'a'..=b'z' | b'0'..=b'9' | b'-');
        check!(
            Refusal,
            (1..=64).contains(&name.as_str().len()) && name.as_str().bytes().all(allowed)
        );
        check_bounds(&settings);
    }
    if let Some(settings) = check_result(parse_change(data), data) {
        check_bounds(&settings);
    }
    if let Some(pause) = check_result(parse_pause(data), data) {
        let reason = pause.reason.unwrap_or_default();
        check!(
            Refusal,
            reason.len() <= limits::REASON_MAX && !reason.contains(['\r', '\n', '\0'])
        );
    }
    check_result(parse_redrive(data), data);
}

fn domains(data: &[u8]) {
    if let Some(new) = check_result(domain_api::parse_create(data, Tls::Opportunistic), data) {
        let name = new.name.as_str();
        check!(Refusal, name.len() <= limits::SENDING_DOMAIN_MAX && name.contains('.'));
        check!(
            Refusal,
            name.bytes()
                .all(|b| matches!(b, b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.'))
        );
        check!(
            Refusal,
            (1..=63).contains(&new.return_path.len()) && !new.return_path.contains('.')
        );
    }
    for tls in [Tls::Opportunistic, Tls::Enforced] {
        check_result(domain_api::check_change(data, tls), data);
    }
}

fn webhooks(data: &[u8]) {
    if let Some(new) = check_result(webhook_api::parse_create(data), data) {
        new.endpoint.as_deref().into_iter().for_each(in_one_line);
        wanted(&new.events);
    }
    if let Some((_, change)) = check_result(webhook_api::parse_change(data), data) {
        change.endpoint.as_deref().into_iter().for_each(in_one_line);
        change.events.as_deref().into_iter().for_each(wanted);
        let changes = change.endpoint.is_some() || change.events.is_some() || change.enabled.is_some();
        check!(Refusal, changes, "a change changes something");
    }
    if let Some(secret) = check_result(webhook_api::parse_rotation(data), data).flatten() {
        check!(Refusal, (24..=64).contains(&secret.as_bytes().len()));
    }
    check_result(webhook_api::parse_test(data), data);
    if let Some(recover) = check_result(webhook_api::parse_recovery(data), data) {
        check!(Refusal, recover.until.is_none_or(|until| until >= recover.since));
    }
}

/// An endpoint goes into a request line and a log.
fn in_one_line(endpoint: &str) {
    check!(Refusal, (1..=limits::ENDPOINT_MAX).contains(&endpoint.len()));
    check!(Refusal, endpoint.bytes().all(|byte| byte.is_ascii_graphic()));
}

fn wanted(events: &[String]) {
    check!(Refusal, (1..=limits::WEBHOOK_EVENTS_MAX).contains(&events.len()));
    for (place, name) in events.iter().enumerate() {
        check!(
            Refusal,
            webhook_api::wanted_names().any(|known| known == name),
            "{name}"
        );
        check!(
            Refusal,
            !events.iter().take(place).any(|earlier| earlier == name),
            "{name} twice"
        );
    }
}

fn check_bounds(settings: &QueueSettings) {
    check!(
        Refusal,
        settings.rate_per_second.flatten().is_none_or(|rate| rate > 0),
        "it goes on"
    );
    let waits = settings.retry_waits.iter().flatten().flatten();
    check!(Refusal, waits.clone().count() <= limits::RETRY_WAITS_MAX);
    let mut spans = waits.copied().chain(settings.expires_after.flatten());
    check!(Refusal, spans.all(|span| !span.is_zero()), "a wait is a wait");
}

fn suppressions(data: &[u8]) {
    if let Some(address) = check_result(parse_add(data), data) {
        the_same(&address);
    }
    if let Some(addresses) = check_result(parse_add_many(data), data) {
        check!(Refusal, (1..=limits::SUPPRESSIONS_BATCH).contains(&addresses.len()));
        addresses.iter().for_each(the_same);
    }
    if let Some(all) = check_result(parse_remove_many(data), data) {
        check!(Refusal, (1..=limits::SUPPRESSIONS_BATCH).contains(&all.len()));
        for which in all {
            if let SuppressionSelector::Address(address) = which {
                the_same(&address);
            }
        }
    }
}

fn access(data: &[u8]) {
    if let Some(key) = check_result(parse_key(data), data) {
        named(&key.name);
        check!(Refusal, key.from_domains.len() <= limits::FROM_DOMAINS_MAX);
    }
    if let Some(change) = check_result(parse_key_change(data), data) {
        change.name.as_deref().into_iter().for_each(named);
        check!(Refusal, change.name.is_some() || change.from_domains.is_some());
    }
    check_result(parse_tenant(data), data);
    check_result(parse_tenant_change(data), data);
}

fn named(name: &str) {
    check!(
        Refusal,
        !name.trim().is_empty() && name.chars().count() <= limits::KEY_NAME_MAX
    );
    check!(Refusal, !name.contains(['\r', '\n', '\0']));
}

/// A parsed address is parsed again to the same value.
fn the_same(address: &EmailAddress) {
    check_eq!(Refusal, EmailAddress::parse(address.as_str()).as_ref(), Ok(address));
}

fn queries(query: &str) {
    let data = query.as_bytes();
    if let Some(page) = check_result(EmailPage::parse(query), data) {
        check!(Refusal, (1..=LIMIT_MAX).contains(&page.limit));
        if let Some(cursor) = page.cursor {
            let (Cursor::After(id) | Cursor::Before(id)) = cursor;
            let parameter = if cursor == Cursor::After(id) { "after" } else { "before" };
            check!(Refusal, query.contains(parameter), "{id}");
        }
    }
    check_result(MetricsQuery::parse(query), data);
    check_result(FailuresQuery::parse(query), data);
    check_result(SuppressionPage::parse(query), data);
    check_result(WebhookPage::parse(query), data);
    check_result(EventPage::parse(query), data);
    check_result(AttemptPage::parse(query), data);
    check_result(KeyPage::parse(query), data);
    check_result(query::flag(query, "cancel"), data);
    check_result(Revocation::parse(query), data);
    check_result(HoldChange::parse(query), data);
    check_result(parse_cancellation(query), data);
    check_result(parse_release(query), data);
    // Ignoring a query that should prevent sending would send an email by mistake.
    if let Some(is_dry_run) = check_result(enqueue::dry_run::is_dry_run(query), data) {
        check!(
            Refusal,
            is_dry_run || query.is_empty() || !query.contains("true"),
            "{query}"
        );
    }
}
