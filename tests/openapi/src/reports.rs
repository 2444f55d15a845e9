//! Counts and usage of all emails.

#![expect(dead_code, reason = "the parameters are described here and read elsewhere")]

use domain::api::account_view::AccountView;
use domain::api::failures_view::FailuresView;
use domain::api::metrics_view::{Granularity, MetricsView};
use domain::api::open_metrics::OPEN_METRICS;
use domain::api::usage_view::UsageView;
use schemars::JsonSchema;

use crate::operation::Operation;

pub(crate) fn operations() -> Vec<Operation> {
    vec![
        Operation::new(
            "get",
            "/emails/metrics",
            "metrics",
            "Shows the metrics of a time range",
        )
        .for_operator()
        .details("The numbers are at most about half a minute old. They include failures by cause and the cost of Amazon SES.")
        .query::<MetricsQuery>()
        .answers::<MetricsView>(200, "The metrics.")
        .refuses(&[422]),
        Operation::new("get", "/failures", "failures", "Lists the failures of emails")
            .for_operator()
            .details("Groups failures by queue and cause, with the latest example, advice, and the request that retries the emails.")
            .query::<FailuresQuery>()
            .answers::<FailuresView>(200, "The failures, most frequent first.")
            .refuses(&[422]),
        Operation::new("get", "/usage", "usage", "Shows the usage of the tenant")
            .details("The numbers count recipients per day and month in UTC, and are at most about half a minute old. Unsupported features count 0.")
            .answers::<UsageView>(200, "The usage."),
        Operation::new("get", "/account", "account", "Shows the state of the account and its unfinished emails")
            .for_viewer()
            .details("With the deployer's key it shows the limits of Amazon SES and their use, the breaker, the progress of recording SES's events, and the throttling of the table. With a tenant's key it shows only the tenant's unfinished emails. The numbers of emails are at most about half a minute old.")
            .answers::<AccountView>(200, "The state."),
        Operation::new("get", "/metrics", "open_metrics", "Shows the figures in the text format of OpenMetrics")
            .for_viewer()
            .details("For Prometheus and Grafana. With the deployer's key it has the account and all tenants, with a tenant's key only the tenant's emails. A counter begins at 0 with each day in UTC.")
            .answers::<OpenMetricsText>(200, "The figures.")
            .as_text(OPEN_METRICS),
    ]
}

/// A text in the format of OpenMetrics 1.0.0.
#[derive(JsonSchema)]
#[schemars(rename = "OpenMetrics")]
struct OpenMetricsText(#[schemars(regex(pattern = "# EOF\\n$"))] String);

/// A day, or a time with its offset.
#[derive(JsonSchema)]
#[schemars(inline)]
struct Time(#[schemars(length(min = 1, max = 40), regex(pattern = "^[0-9]"))] String);

#[derive(JsonSchema)]
struct MetricsQuery {
    /// The start of the time range: a day such as `2026-11-24`, or a time with an offset. At most 92 days before the
    /// end. Default: six days before the end.
    start_date: Option<Time>,
    /// The same as `start_date`.
    since: Option<Time>,
    /// The end of the time range. Default: now.
    end_date: Option<Time>,
    /// The same as `end_date`.
    until: Option<Time>,
    /// The time zone of the days.
    #[schemars(extend("enum" = ["UTC"]))]
    timezone: Option<String>,
    /// The length of a period. Default: `daily`.
    granularity: Option<Granularity>,
    /// Only emails of this queue.
    #[schemars(regex(pattern = "^[a-z0-9-]{1,64}$"))]
    queue: Option<String>,
    /// The names of the metrics, separated by commas. Default: Resend's 22 metrics.
    #[schemars(regex(pattern = "^[a-z_]+(,[a-z_]+)*$"))]
    metrics: Option<String>,
    /// `period` returns the numbers of each period.
    #[schemars(extend("enum" = ["period"]))]
    dimensions: Option<String>,
}

#[derive(JsonSchema)]
struct FailuresQuery {
    /// The start of the time range: a day such as `2026-11-24`, or a time with an offset. At most 92 days before the
    /// end. Default: six days before the end.
    since: Option<Time>,
    /// The end of the time range. Default: now.
    until: Option<Time>,
    /// Only failures of this queue.
    #[schemars(regex(pattern = "^[a-z0-9-]{1,64}$"))]
    queue: Option<String>,
}
