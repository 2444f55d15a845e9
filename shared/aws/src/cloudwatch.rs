//! CloudWatch: the throttling of the table, which DynamoDB counts there.
//!
//! **Invariant:** one short call, which is never repeated. An incomplete answer is an error, because its sum would be too
//! small.
//! **May import:** `runtime`.
//! **Imported by:** no other folder of this crate.
//! **Start reading at** [`CloudWatch`]. Why from here: docs/adr/0045.
//!
//! Source: Amazon DynamoDB Developer Guide, "DynamoDB Metrics and dimensions" (a metric with the name of the table alone
//! leaves out the indexes); Amazon CloudWatch API reference, `GetMetricData` and `MetricDataResult`; read 2026-11-29.

use std::time::Duration;

use aws_sdk_cloudwatch::Client;
use aws_sdk_cloudwatch::config::timeout::TimeoutConfig;
use aws_sdk_cloudwatch::primitives::DateTime;
use aws_sdk_cloudwatch::types::{Dimension, Metric, MetricDataQuery, MetricDataResult, MetricStat, StatusCode};
use domain::ports::{PortError, TableThrottles};
use domain::timestamp::Timestamp;

use crate::runtime::failure::{call_error, unknown};

/// Timeout of the call. A report without this figure is better than a late one.
const PATIENCE: Duration = Duration::from_secs(2);

/// The counters of throttled calls. Each throttled part of a call counts, so one call may count several times.
const COUNTERS: [&str; 2] = ["ReadThrottleEvents", "WriteThrottleEvents"];

/// The indexes of the table. Each has counters of its own.
const INDEXES: [&str; 2] = ["due", "by_tenant"];

/// Length of a period, in which DynamoDB reports these counters. Periods of an hour would begin with a full hour.
const PERIOD_SECS: i32 = 60;

const HOUR: Duration = Duration::from_secs(3_600);

const WHAT: &str = "reading the throttling of the table";

/// The counters of a table in CloudWatch.
#[derive(Debug, Clone)]
pub struct CloudWatch {
    client: Client,
    table: String,
}

impl CloudWatch {
    /// Creates the adapter of a client and the name of the table.
    #[must_use]
    pub fn new(client: Client, table: &str) -> Self {
        Self {
            client,
            table: table.to_owned(),
        }
    }
}

impl TableThrottles for CloudWatch {
    async fn throttles_of_last_hour(&self, now: Timestamp) -> Result<u64, PortError> {
        let patience = TimeoutConfig::builder().operation_timeout(PATIENCE).build();
        let patient = aws_sdk_cloudwatch::Config::builder().timeout_config(patience);
        let queries = queries(&self.table);
        let asked = self
            .client
            .get_metric_data()
            .set_metric_data_queries(Some(queries.clone()))
            .start_time(DateTime::from_millis(now.before(HOUR).as_millis()))
            .end_time(DateTime::from_millis(now.as_millis()));
        let said = asked.customize().config_override(patient).send().await;
        let said = said.map_err(call_error(WHAT))?;
        sum(&queries, said.metric_data_results()).ok_or_else(|| unknown(WHAT)("the answer is incomplete".into()))
    }
}

/// The queries of both counters: of the table without its indexes, and of each index.
fn queries(table: &str) -> Vec<MetricDataQuery> {
    let places = std::iter::once(None).chain(INDEXES.map(Some));
    let counters = places.flat_map(|index| COUNTERS.map(|counter| (counter, index)));
    let query = |(number, (counter, index)): (usize, (&str, Option<&str>))| {
        let dimension = |name: &str, value: &str| Dimension::builder().name(name).value(value).build();
        let metric = Metric::builder()
            .namespace("AWS/DynamoDB")
            .metric_name(counter)
            .dimensions(dimension("TableName", table));
        let metric = match index {
            Some(index) => metric.dimensions(dimension("GlobalSecondaryIndexName", index)),
            None => metric,
        };
        let sums = MetricStat::builder()
            .metric(metric.build())
            .period(PERIOD_SECS)
            .stat("Sum");
        MetricDataQuery::builder()
            .id(format!("m{number}"))
            .metric_stat(sums.build())
            .build()
    };
    counters.enumerate().map(query).collect()
}

/// Adds the values of all queries; `None` if the answer to one of them is missing or incomplete. A metric without values
/// has a complete and empty answer.
fn sum(queries: &[MetricDataQuery], results: &[MetricDataResult]) -> Option<u64> {
    let mut sum = 0.0;
    for query in queries {
        let result = results.iter().find(|result| result.id() == query.id())?;
        if result.status_code() != Some(&StatusCode::Complete) {
            return None;
        }
        sum += result.values().iter().sum::<f64>();
    }
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a sum of counts; below 0 and NaN become 0"
    )]
    Some(sum as u64)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::runtime::replay::{CannedResponse, Replay};

    const NOW: Timestamp = Timestamp::from_millis(1_764_000_000_000);

    fn cloudwatch(replay: &Replay) -> CloudWatch {
        CloudWatch::new(replay.clients().cloudwatch(), "emails")
    }

    fn result(id: &str, values: &[f64], status: StatusCode) -> MetricDataResult {
        MetricDataResult::builder()
            .id(id)
            .set_values(Some(values.to_vec()))
            .status_code(status)
            .build()
    }

    #[test]
    fn both_counters_of_the_table_and_each_index_are_asked() {
        let queries = queries("emails");
        let asked = queries.iter().map(|query| {
            let stat = query.metric_stat().unwrap();
            assert_eq!((stat.stat(), stat.period()), (Some("Sum"), Some(60)));
            let metric = stat.metric().unwrap();
            assert_eq!(metric.namespace(), Some("AWS/DynamoDB"));
            let dimensions = metric.dimensions().iter();
            let dimensions: Vec<_> = dimensions
                .map(|dimension| format!("{}={}", dimension.name().unwrap(), dimension.value().unwrap()))
                .collect();
            let [id, counter] = [query.id(), metric.metric_name()].map(Option::unwrap);
            format!("{id} {counter} {}", dimensions.join(" "))
        });
        assert_eq!(
            asked.collect::<Vec<_>>(),
            [
                "m0 ReadThrottleEvents TableName=emails",
                "m1 WriteThrottleEvents TableName=emails",
                "m2 ReadThrottleEvents TableName=emails GlobalSecondaryIndexName=due",
                "m3 WriteThrottleEvents TableName=emails GlobalSecondaryIndexName=due",
                "m4 ReadThrottleEvents TableName=emails GlobalSecondaryIndexName=by_tenant",
                "m5 WriteThrottleEvents TableName=emails GlobalSecondaryIndexName=by_tenant",
            ]
        );
    }

    #[test]
    fn the_template_has_these_indexes() {
        let template = include_str!("../../../template.yaml");
        let named = |line: &str| Some(line.split_once("IndexName: ")?.1.trim().to_owned());
        let (_, table) = template.split_once("GlobalSecondaryIndexes:").unwrap();
        let (table, _) = table.split_once("\n\n").unwrap();
        let mut indexes: Vec<_> = table.lines().filter_map(named).collect();
        indexes.sort_unstable();
        let mut expected = INDEXES;
        expected.sort_unstable();
        assert_eq!(indexes, expected);
    }

    #[test]
    fn all_values_are_added() {
        let queries = &queries("emails")[..2];
        let of = |second: MetricDataResult| sum(queries, &[second, result("m0", &[2.0, 3.0], StatusCode::Complete)]);
        assert_eq!(of(result("m1", &[40.0], StatusCode::Complete)), Some(45));
        assert_eq!(of(result("m1", &[], StatusCode::Complete)), Some(5));
        for incomplete in [
            StatusCode::PartialData,
            StatusCode::InternalError,
            StatusCode::from("Forbidden"),
        ] {
            assert_eq!(of(result("m1", &[40.0], incomplete)), None);
        }
        assert_eq!(
            of(result("m2", &[40.0], StatusCode::Complete)),
            None,
            "an answer is missing"
        );
    }

    /// CBOR of a short text. Source: RFC 8949, 3.1.
    fn text(text: &str) -> Vec<u8> {
        [&[0x78, u8::try_from(text.len()).unwrap()], text.as_bytes()].concat()
    }

    /// CBOR of an answer in which each metric has one value.
    fn answer(values: [f64; 6]) -> CannedResponse {
        let results = values.iter().enumerate().map(|(number, value)| {
            let (values, status) = ([&[0x81, 0xFB], &value.to_be_bytes()[..]].concat(), text("Complete"));
            let fields = [
                text("Id"),
                text(&format!("m{number}")),
                text("Values"),
                values,
                text("StatusCode"),
                status,
            ];
            [vec![0xA3], fields.concat()].concat()
        });
        let results: Vec<u8> = results.flatten().collect();
        CannedResponse::Says {
            status: 200,
            headers: vec![("content-type", "application/cbor"), ("smithy-protocol", "rpc-v2-cbor")],
            body: [vec![0xA1], text("MetricDataResults"), vec![0x86], results].concat(),
        }
    }

    #[tokio::test]
    async fn one_call_asks_for_everything() {
        let replay = Replay::new([answer([1.0, 0.0, 2.0, 0.0, 3.0, 100.0])]);
        assert_eq!(cloudwatch(&replay).throttles_of_last_hour(NOW).await.unwrap(), 106);
        let request = replay.only();
        assert_eq!(
            request.line(),
            "POST https://monitoring.us-east-1.amazonaws.com/service/GraniteServiceVersion20100801/operation/GetMetricData"
        );
    }

    /// A console polls: an outage of CloudWatch must not make it slow, and no call may be repeated.
    #[tokio::test(start_paused = true)]
    async fn a_failed_call_is_short_and_not_repeated() {
        let refused = CannedResponse::Says {
            status: 500,
            headers: vec![("content-type", "application/cbor"), ("smithy-protocol", "rpc-v2-cbor")],
            body: vec![0xA0],
        };
        for failing in [refused, CannedResponse::Lost] {
            let (replay, began) = (Replay::new([failing]), tokio::time::Instant::now());
            let asked = cloudwatch(&replay).throttles_of_last_hour(NOW).await;
            assert!(asked.is_err() && began.elapsed() < 2 * PATIENCE, "{asked:?}");
            replay.only();
        }
    }
}
