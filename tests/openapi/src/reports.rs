//! What became of all emails.

#![expect(dead_code, reason = "the parameters are described here and read elsewhere")]

use domain::wire::failures_view::FailuresView;
use domain::wire::metrics_view::{Granularity, MetricsView};
use schemars::JsonSchema;

use crate::operation::Operation;

pub(crate) fn operations() -> Vec<Operation> {
    vec![
        Operation::new(
            "get",
            "/emails/metrics",
            "metrics",
            "Tells what became of the emails of a time",
        )
        .for_operator()
        .details("Up to about half a minute old. With failures by cause, and with what Amazon SES asks for.")
        .query::<MetricsQuery>()
        .answers::<MetricsView>(200, "The numbers.")
        .refuses(&[422]),
        Operation::new("get", "/failures", "failures", "Tells why emails ended unsent")
            .for_operator()
            .details("By queue and cause, with the latest example, advice, and the call that sends them after all.")
            .query::<FailuresQuery>()
            .answers::<FailuresView>(200, "The causes, the most frequent first.")
            .refuses(&[422]),
    ]
}

/// A day, or a time with its offset.
#[derive(JsonSchema)]
#[schemars(inline)]
struct Time(#[schemars(length(min = 1, max = 40), regex(pattern = "^[0-9]"))] String);

#[derive(JsonSchema)]
struct MetricsQuery {
    /// From then on; six days before the end when it is absent. A day such as `2026-11-24`, or a time with its offset. 92 days at most.
    start_date: Option<Time>,
    /// The same as `start_date`.
    since: Option<Time>,
    /// Until then; until now when it is absent.
    end_date: Option<Time>,
    /// The same as `end_date`.
    until: Option<Time>,
    /// In which days are counted.
    #[schemars(extend("enum" = ["UTC"]))]
    timezone: Option<String>,
    /// How long a period is; `daily` when it is absent.
    granularity: Option<Granularity>,
    /// Only of the emails of this queue.
    #[schemars(regex(pattern = "^[a-z0-9-]{1,64}$"))]
    queue: Option<String>,
    /// Which numbers, with commas between; all when it is absent.
    #[schemars(regex(pattern = "^[a-z_]+(,[a-z_]+)*$"))]
    metrics: Option<String>,
    /// `period` tells the numbers of each period.
    #[schemars(extend("enum" = ["period"]))]
    dimensions: Option<String>,
}

#[derive(JsonSchema)]
struct FailuresQuery {
    /// From then on; six days before the end when it is absent. A day such as `2026-11-24`, or a time with its offset. 92 days at most.
    since: Option<Time>,
    /// Until then; until now when it is absent.
    until: Option<Time>,
    /// Only of this queue.
    #[schemars(regex(pattern = "^[a-z0-9-]{1,64}$"))]
    queue: Option<String>,
}
