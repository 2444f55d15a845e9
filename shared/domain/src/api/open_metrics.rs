//! The figures of tenants and of the account in the text format of OpenMetrics.
//!
//! **Invariant:** pure. A counter begins at 0 with each day in UTC, and its `_created` is the start of the day. Within
//! a day it only rises.
//! **Start reading at** [`open_metrics`].
//!
//! Source: OpenMetrics 1.0.0, "Text format", read 2026-11-29.

use std::fmt::Display;

use crate::api::metrics_view::Granularity;
use crate::delivery::cause::Cause;
use crate::delivery::record::Priority;
use crate::id::TenantId;
use crate::reporting::account::AccountFigures;
use crate::reporting::hours::Hours;
use crate::reporting::tally::counter::{Figure, Figures, HOUR_MS, hour_of};
use crate::reporting::tally::queue_counts::QueueCounts;
use crate::timestamp::Timestamp;

/// Media type of the format.
pub const OPEN_METRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// Figures of one tenant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TenantFigures {
    /// The tenant.
    pub tenant: TenantId,
    /// Emails that have not ended.
    pub unfinished: QueueCounts,
    /// Outcomes in the hours of [`today`].
    pub outcomes: Figures,
}

/// Emails by outcome, with the value of the label `status`.
const EMAILS: [(&str, Figure); 7] = [
    ("accepted", Figure::Accepted),
    ("sent", Figure::Sent),
    ("failed", Figure::Failed),
    ("suppressed", Figure::Suppressed),
    ("canceled", Figure::Canceled),
    ("expired", Figure::Expired),
    ("unknown", Figure::Unknown),
];

/// Recipients by delivery status, with the value of the label `status`.
const RECIPIENTS: [(&str, Figure); 6] = [
    ("delivered", Figure::Delivered),
    ("delivery_delayed", Figure::DeliveryDelayed),
    ("bounced_transient", Figure::SoftBounced),
    ("bounced_permanent", Figure::Bounced),
    ("rejected", Figure::Rejected),
    ("complained", Figure::Complained),
];

/// Causes that open the breaker.
const BREAKER_CAUSES: [Cause; 3] = [Cause::Throttled, Cause::QuotaExceeded, Cause::AccountPaused];

/// The hours that the counters count: of the current day, in UTC.
#[must_use]
pub fn today(now: Timestamp) -> Hours {
    Hours {
        from: Granularity::Daily.begin(now),
        until: Timestamp::from_millis(hour_of(now).as_millis().saturating_add(HOUR_MS)),
    }
}

/// The text with the figures of these tenants, and of the account if the caller may see them.
#[must_use]
pub fn open_metrics(tenants: &[TenantFigures], account: Option<&AccountFigures>, now: Timestamp) -> String {
    let mut text = Exposition::default();
    let created = today(now).from.as_secs();
    text.family(
        "mailqueue_emails",
        "counter",
        "Emails by outcome since the start of the day in UTC.",
    );
    text.outcomes("mailqueue_emails", &EMAILS, tenants, created);
    text.family(
        "mailqueue_recipients",
        "counter",
        "Recipients by delivery status since the start of the day in UTC.",
    );
    text.outcomes("mailqueue_recipients", &RECIPIENTS, tenants, created);
    text.family(
        "mailqueue_unfinished_emails",
        "gauge",
        "Emails that have not ended, by status.",
    );
    for TenantFigures { tenant, unfinished, .. } in tenants {
        for (status, number) in [
            ("scheduled", unfinished.scheduled),
            ("queued", unfinished.queued),
            ("sending", unfinished.sending),
            ("retry", unfinished.retry),
            ("held", unfinished.held),
        ] {
            let labels = [("tenant", tenant.as_str()), ("status", status)];
            text.sample("mailqueue_unfinished_emails", &labels, number);
        }
    }
    if let Some(account) = account {
        text.account(account, now);
    }
    text.finish()
}

/// The lines of the text.
#[derive(Debug, Default)]
struct Exposition(Vec<String>);

impl Exposition {
    /// Begins a family. Its samples follow it directly.
    fn family(&mut self, name: &str, kind: &str, help: &str) {
        self.0.push(format!("# TYPE {name} {kind}"));
        if name.ends_with("_seconds") {
            self.0.push(format!("# UNIT {name} seconds"));
        }
        self.0.push(format!("# HELP {name} {}", escaped(help)));
    }

    fn sample(&mut self, name: &str, labels: &[(&str, &str)], value: impl Display) {
        let labels: Vec<String> = labels
            .iter()
            .map(|(label, value)| format!("{label}=\"{}\"", escaped(value)))
            .collect();
        let labels = match labels.as_slice() {
            [] => String::new(),
            labels => format!("{{{}}}", labels.join(",")),
        };
        self.0.push(format!("{name}{labels} {value}"));
    }

    /// Adds a family of one sample.
    fn gauge(&mut self, name: &str, help: &str, value: impl Display) {
        self.family(name, "gauge", help);
        self.sample(name, &[], value);
    }

    /// Adds the samples of a counter.
    fn outcomes(&mut self, name: &str, statuses: &[(&str, Figure)], tenants: &[TenantFigures], created: i64) {
        let (total, created_name) = (format!("{name}_total"), format!("{name}_created"));
        for TenantFigures { tenant, outcomes, .. } in tenants {
            for (status, figure) in statuses {
                let labels = [("tenant", tenant.as_str()), ("status", status)];
                let number = outcomes.get(figure).copied().unwrap_or(0).max(0);
                self.sample(&total, &labels, number);
                self.sample(&created_name, &labels, created);
            }
        }
    }

    fn account(&mut self, account: &AccountFigures, now: Timestamp) {
        if let Some(quota) = &account.quota {
            if let Some(rate) = quota.rate {
                let help = "The maximum recipients per second that Amazon SES allows.";
                self.gauge("mailqueue_ses_rate_per_second", help, rate.per_second());
            }
            if let Some(daily_quota) = quota.daily_quota {
                let help = "The maximum recipients in 24 hours that Amazon SES allows.";
                self.gauge("mailqueue_ses_daily_quota", help, daily_quota);
            }
            self.gauge(
                "mailqueue_ses_sent_last_24_hours",
                "Recipients in the last 24 hours, as Amazon SES reports them.",
                quota.sent_last_24_hours,
            );
            self.gauge(
                "mailqueue_ses_sandbox",
                "1 while Amazon SES sends only to verified addresses.",
                u8::from(quota.is_sandbox),
            );
            self.gauge(
                "mailqueue_ses_sending_enabled",
                "1 while Amazon SES allows this account to send, else 0.",
                u8::from(quota.may_send),
            );
        }
        let breaker = "mailqueue_breaker_open";
        self.family(breaker, "gauge", "1 while this cause stops all sending.");
        let open = account.account_rate.open.map(|open| open.cause);
        for cause in BREAKER_CAUSES {
            self.sample(breaker, &[("cause", cause.as_str())], u8::from(open == Some(cause)));
        }
        if let Some(lag) = account.feedback_lag(now) {
            self.gauge(
                "mailqueue_feedback_lag_seconds",
                "Time from the newest recorded Amazon SES event to the rate limiter's last permit. A permit in the future counts as now.",
                lag.as_secs(),
            );
        }
        let late = account.oldest_due(now).map_or(0, |due| now.since(due).as_secs());
        self.gauge(
            "mailqueue_oldest_due_seconds",
            "Lateness of the oldest email that is late by a minute or more; 0 if none is.",
            late,
        );
        if let Some(throttles) = account.table_throttles {
            self.gauge(
                "mailqueue_table_throttles_last_hour",
                "Reads and writes of the table and its indexes that DynamoDB throttled in the last hour.",
                throttles,
            );
        }
        let waiting = "mailqueue_waiting_seconds";
        self.family(
            waiting,
            "gauge",
            "Time for which a priority queue has had a backlog without a break.",
        );
        for priority in Priority::ALL {
            let since = account.busy_since.get(priority);
            let waited = since.map_or(0, |since| now.since(*since).as_secs());
            self.sample(waiting, &[("priority", priority.into())], waited);
        }
    }

    fn finish(mut self) -> String {
        self.0.push("# EOF\n".to_owned());
        self.0.join("\n")
    }
}

/// Escapes a text for a help line or between the quotes of a label.
fn escaped(text: &str) -> String {
    text.replace('\\', "\\\\").replace('\n', "\\n").replace('"', "\\\"")
}

#[cfg(test)]
#[path = "open_metrics_tests.rs"]
mod tests;
