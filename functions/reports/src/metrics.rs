//! Statistics of emails: numbers, times, causes, and cost.
//!
//! **Invariant:** a response costs a bounded number of reads, whatever the number of emails. It shows the
//! counters, which lag a moment behind the events.
//! **Start reading at** [`ReportsFunction::metrics`].

use aws::http::auth::ActsFor;
use aws::http::period::{Given, hours, read_queue, read_time};
use aws::http::query;
use domain::api::error::ApiError;
use domain::api::metrics_view::{Dimension, Granularity, Metric, MetricsRequest, MetricsView};
use domain::ports::{Clock, Counts};
use domain::timestamp::Timestamp;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::{Ports, ReportsError, ReportsFunction};

/// Query of statistics.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MetricsQuery {
    start: Option<Given>,
    end: Option<Given>,
    queue: Option<String>,
    metrics: Vec<Metric>,
    dimensions: Vec<Dimension>,
    granularity: Granularity,
}

impl MetricsQuery {
    /// Reads the raw query of a URL: Resend's parameters, and `queue`. `since` and `until` are other names of
    /// `start_date` and `end_date`, for consistency with the other lists.
    ///
    /// # Errors
    /// 422 `validation_error`.
    pub fn parse(query: &str) -> Result<Self, ApiError> {
        let (query, lists) = split_lists(query);
        let names = [
            "start_date",
            "since",
            "end_date",
            "until",
            "timezone",
            "granularity",
            "queue",
        ];
        let [start, since, end, until, timezone, granularity, queue] = query::parameters(&query, names)?;
        if timezone.is_some_and(|zone| zone != "UTC") {
            return Err(ApiError::validation("timezone", "must be UTC: days are counted in UTC"));
        }
        let metrics = items("metrics", &lists.metrics)?;
        Ok(Self {
            start: one_of(read_time("start_date", start)?, read_time("since", since)?)?,
            end: one_of(read_time("end_date", end)?, read_time("until", until)?)?,
            queue: read_queue(queue)?,
            metrics: if metrics.is_empty() {
                Metric::RESENDS.to_vec()
            } else {
                metrics
            },
            dimensions: items("dimensions", &lists.dimensions)?,
            granularity: granularity.map_or(Ok(Granularity::Daily), |text| {
                let problem = "must be one of: hourly, daily, weekly, monthly";
                parse_name(&text).ok_or_else(|| ApiError::validation("granularity", problem))
            })?,
        })
    }

    fn resolve(&self, now: Timestamp) -> Result<MetricsRequest, ApiError> {
        let (hours, end) = hours(self.start, self.end, now)?;
        Ok(MetricsRequest {
            hours,
            end,
            metrics: self.metrics.clone(),
            dimensions: self.dimensions.clone(),
            granularity: self.granularity,
        })
    }
}

/// Values of list parameters, which may be repeated.
#[derive(Default)]
struct Lists {
    metrics: Vec<String>,
    dimensions: Vec<String>,
}

/// Takes the list parameters out of a query. Their items are separated by commas, or the parameter is repeated.
fn split_lists(query: &str) -> (String, Lists) {
    let (mut lists, mut others) = (Lists::default(), form_urlencoded::Serializer::new(String::new()));
    for (name, value) in form_urlencoded::parse(query.as_bytes()) {
        let list = match name.as_ref() {
            "metrics" => &mut lists.metrics,
            "dimensions" => &mut lists.dimensions,
            _ => {
                others.append_pair(&name, &value);
                continue;
            }
        };
        list.extend(value.split(',').map(str::to_owned));
    }
    (others.finish(), lists)
}

fn items<T: DeserializeOwned + PartialEq>(name: &'static str, texts: &[String]) -> Result<Vec<T>, ApiError> {
    let mut items = Vec::new();
    for text in texts {
        let item = parse_name(text).ok_or_else(|| {
            let problem = match name {
                "dimensions" => "the only supported dimension is period",
                _ => "has an unknown metric; see /openapi.json for all metrics",
            };
            ApiError::validation(name, problem)
        })?;
        if !items.contains(&item) {
            items.push(item);
        }
    }
    Ok(items)
}

fn parse_name<T: DeserializeOwned>(text: &str) -> Option<T> {
    serde_json::from_value(Value::from(text)).ok()
}

fn one_of(resends: Option<Given>, ours: Option<Given>) -> Result<Option<Given>, ApiError> {
    match (resends, ours) {
        (Some((name, _)), Some((other, _))) => Err(ApiError::validation(
            other,
            format_args!("means the same as {name}: use only one of them"),
        )),
        (given, other) => Ok(given.or(other)),
    }
}

impl<P: Ports> ReportsFunction<P> {
    /// Shows the statistics of the caller's emails in a period.
    ///
    /// # Errors
    /// 422 when the period is impossible or too long. Or a backend call failed.
    pub async fn metrics(&self, caller: &dyn ActsFor, query: &MetricsQuery) -> Result<MetricsView, ReportsError> {
        let wanted = query.resolve(self.system.now())?;
        let (tenant, queue) = (caller.tenant(), query.queue.as_deref());
        let (flow, failures) = futures::future::try_join(
            self.records.flow(tenant, queue, wanted.hours),
            self.records.failures(tenant, queue, wanted.hours),
        )
        .await?;
        let failures = failures.ok_or_else(|| too_many(query.start))?;
        Ok(MetricsView::new(&wanted, &flow, &failures, &self.prices))
    }
}

/// Returns the error for a result that exceeds one response. It names the parameter of the period's start.
pub(crate) fn too_many(start: Option<Given>) -> ReportsError {
    let parameter = start.map_or("since", |(name, _)| name);
    let problem = "the period has too many kinds of failures for one response; request a shorter one";
    ReportsError::Refused(ApiError::validation(parameter, problem))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn queries_of_resends_clients_are_read() {
        let query = MetricsQuery::parse("").unwrap();
        assert_eq!(
            (query.metrics.as_slice(), query.granularity),
            (Metric::RESENDS.as_slice(), Granularity::Daily)
        );
        assert!(query.dimensions.is_empty() && query.start.is_none() && query.queue.is_none());
        let query = MetricsQuery::parse(
            "metrics=sent%2Cdelivered&metrics=sent,failed&dimensions=period&granularity=hourly&timezone=UTC&queue=news&since=2026-11-24",
        );
        let query = query.unwrap();
        assert_eq!(query.metrics, [Metric::Sent, Metric::Delivered, Metric::Failed]);
        assert_eq!(query.dimensions, [Dimension::Period]);
        assert_eq!(
            (query.granularity, query.queue.as_deref()),
            (Granularity::Hourly, Some("news"))
        );
        assert_eq!(query.start.map(|(name, _)| name), Some("since"));
    }

    #[test]
    fn too_many_failures_name_the_given_start() {
        for (query, parameter) in [
            ("start_date=2026-11-24", "start_date"),
            ("since=2026-11-24", "since"),
            ("", "since"),
        ] {
            let query = MetricsQuery::parse(query).unwrap();
            let error = too_many(query.start).to_string();
            assert!(error.contains(&format!("{parameter}: the period has")), "{error}");
        }
    }

    #[test]
    fn a_bad_query_names_its_parameter() {
        for (query, path) in [
            ("start_date=x", "start_date"),
            ("end_date=", "end_date"),
            ("until=2026", "until"),
            ("start_date=2026-11-24&since=2026-11-24", "since"),
            ("end_date=2026-11-24&until=2026-11-24", "until"),
            ("since=2026-11-24&since=2026-11-24", "since"),
            ("timezone=America/New_York", "timezone"),
            ("granularity=yearly", "granularity"),
            ("granularity=Daily", "granularity"),
            ("metrics=", "metrics"),
            ("metrics=sent,", "metrics"),
            ("metrics=recieved", "metrics"),
            ("dimensions=domain", "dimensions"),
            ("dimensions=period,email", "dimensions"),
            ("queue=%2A", "queue"),
            ("queue=", "queue"),
            ("domain_id=1", "query"),
            ("limit=5", "query"),
            ("=", "query"),
        ] {
            let error = MetricsQuery::parse(query).unwrap_err();
            assert_eq!(
                (error.status(), error.name().as_str()),
                (422, "validation_error"),
                "{query}"
            );
            assert!(error.message().starts_with(&format!("{path}: ")), "{query}: {error:?}");
        }
    }
}
