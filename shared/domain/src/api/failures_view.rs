//! The causes of unsent emails with advice, as the API shows them.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use serde::Serialize;

use crate::delivery::cause::Cause;
use crate::reporting::hours::FailuresOfHour;

/// The failures, most frequent first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(rename = "Failures"))]
pub struct FailuresView {
    #[cfg_attr(feature = "schema", schemars(extend("const" = "list")))]
    object: &'static str,
    has_more: bool,
    data: Vec<FailureView>,
}

/// The failures of one cause in one queue.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(rename = "Failure"))]
struct FailureView {
    queue: String,
    cause: Cause,
    count: u64,
    latest_email_id: Option<String>,
    latest_at: Option<String>,
    advice: &'static str,
    retry: RetryCall,
}

/// The request that retries these emails.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
struct RetryCall {
    method: &'static str,
    path: String,
    body: RetryBody,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
struct RetryBody {
    cause: Cause,
}

impl FailuresView {
    /// Sums the failures of the hours.
    #[must_use]
    pub fn new(failures: &[FailuresOfHour]) -> Self {
        let mut sums: BTreeMap<(&str, Cause), FailuresOfHour> = BTreeMap::new();
        for failure in failures.iter().filter(|failure| failure.count > 0) {
            let sum = sums.entry((failure.queue.as_str(), failure.cause));
            let sum = sum.or_insert_with(|| FailuresOfHour {
                count: 0,
                latest: None,
                ..failure.clone()
            });
            sum.count = sum.count.saturating_add(failure.count);
            sum.latest = sum.latest.max(failure.latest);
        }
        let mut sums: Vec<_> = sums.into_values().collect();
        sums.sort_by_key(|sum| Reverse(sum.count));
        Self {
            object: "list",
            has_more: false,
            data: sums.into_iter().map(FailureView::new).collect(),
        }
    }
}

impl FailureView {
    fn new(sum: FailuresOfHour) -> Self {
        Self {
            cause: sum.cause,
            count: sum.count,
            latest_email_id: sum.latest.map(|(_, id)| id.to_string()),
            latest_at: sum.latest.map(|(at, _)| at.to_string()),
            advice: sum.cause.advice(),
            retry: RetryCall {
                method: "POST",
                path: format!("/queues/{}/retry", sum.queue),
                body: RetryBody { cause: sum.cause },
            },
            queue: sum.queue,
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::id::EmailId;
    use crate::timestamp::Timestamp;

    #[test]
    fn the_most_frequent_cause_comes_first() {
        let failure = |queue: &str, cause, count, at: i64| FailuresOfHour {
            queue: queue.to_owned(),
            cause,
            count,
            latest: Some((
                Timestamp::from_millis(at),
                EmailId::from_random([u8::try_from(at).unwrap(); 16]),
            )),
        };
        let view = FailuresView::new(&[
            failure("default", Cause::Rejected, 2, 1),
            failure("news", Cause::Rejected, 4, 2),
            failure("default", Cause::Rejected, 3, 4),
            failure("default", Cause::Rejected, 0, 9),
        ]);
        let shown = serde_json::to_value(view).unwrap();
        assert_eq!((&shown["object"], &shown["has_more"]), (&json!("list"), &json!(false)));
        assert_eq!(shown["data"].as_array().unwrap().len(), 2);
        assert_eq!(
            shown["data"][0],
            json!({
                "queue": "default",
                "cause": "rejected",
                "count": 5,
                "latest_email_id": EmailId::from_random([4; 16]).to_string(),
                "latest_at": "1970-01-01T00:00:00.004Z",
                "advice": Cause::Rejected.advice(),
                "retry": {"method": "POST", "path": "/queues/default/retry", "body": {"cause": "rejected"}},
            })
        );
        assert_eq!(shown["data"][1]["queue"], "news");
    }
}
