//! Log lines that become metrics: the template's metric filters match their words and fields.
//!
//! **Role:** the only place of such lines, so that one test compares all of them with the template.
//! **Invariant:** no address and no detail of SES, which can contain one. A cause is a field, not a dimension: each
//! dimension would be a metric with a price.

use std::time::Duration;

use domain::delivery::breaker::OpenBreaker;
use domain::delivery::record::EmailRecord;
use domain::id::TenantId;
use domain::webhook::settings::{DisabledBy, WebhookId};

/// Logs that the breaker has opened.
pub fn sending_stops(open: &OpenBreaker) {
    tracing::warn!(target: "mailqueue", cause = open.cause.as_str(), until = %open.until, "sending stops");
}

/// Logs that SES refuses every email of this deployment. `code` is SES's name of the error.
pub fn access_denied(code: &str) {
    tracing::error!(target: "mailqueue", code, "SES denied access");
}

/// Logs an email that failed permanently.
pub fn email_failed(record: &EmailRecord) {
    let cause = record.cause.map_or("none", |cause| cause.as_str());
    tracing::warn!(target: "mailqueue", id = %record.id, cause, attempts = record.attempts, "an email failed");
}

/// Logs the delay of the oldest due email, and the number of emails whose answer from SES is lost.
pub fn waiting_emails(oldest_due: Duration, uncertain: usize) {
    tracing::info!(target: "mailqueue", oldest_due_secs = oldest_due.as_secs(), uncertain, "waiting emails");
}

/// Logs a change of the table that `notify` cannot read, so that no webhook gets its events.
pub fn change_not_told(reason: &str) {
    tracing::error!(target: "mailqueue", reason, "a change cannot be told");
}

/// Logs that a webhook gets nothing but failures.
pub fn webhook_failing(tenant: &TenantId, webhook: WebhookId) {
    tracing::warn!(target: "mailqueue", %tenant, %webhook, "a webhook is failing");
}

/// Logs that a webhook has no signing secret, so that its events wait.
pub fn webhook_without_secret(tenant: &TenantId, webhook: WebhookId) {
    tracing::error!(target: "mailqueue", %tenant, %webhook, "a webhook has no signing secret");
}

/// Logs that a webhook was disabled.
pub fn webhook_disabled(tenant: &TenantId, webhook: WebhookId, by: DisabledBy) {
    tracing::warn!(target: "mailqueue", %tenant, %webhook, ?by, "a webhook was disabled");
}

#[cfg(test)]
mod tests {
    use domain::delivery::cause::Cause;
    use domain::id::EmailId;
    use domain::timestamp::Timestamp;
    use serde_json::{Value, json};

    use super::*;
    use crate::runtime::telemetry::tests::log_lines;
    use crate::storage::records::samples::full;

    /// The parts of a pattern between an operator, outside parentheses.
    fn split<'a>(pattern: &'a str, operator: &str) -> Vec<&'a str> {
        let (mut parts, mut start, mut depth) = (Vec::new(), 0, 0);
        for (at, c) in pattern.char_indices() {
            depth += i32::from(c == '(') - i32::from(c == ')');
            if depth == 0 && pattern[at..].starts_with(operator) {
                parts.push(&pattern[start..at]);
                start = at + operator.len();
            }
        }
        parts.push(&pattern[start..]);
        parts
    }

    /// Whether a line matches a filter pattern of comparisons, `&&`, `||` and parentheses.
    ///
    /// Source: Amazon CloudWatch Logs User Guide, "Filter pattern syntax for metric filters".
    fn matches(pattern: &str, line: &Value) -> bool {
        let (any, all) = (split(pattern, "||"), split(pattern, "&&"));
        if any.len() > 1 {
            return any.into_iter().any(|part| matches(part, line));
        }
        if all.len() > 1 {
            return all.into_iter().all(|part| matches(part, line));
        }
        let pattern = pattern.trim();
        if let Some(inner) = pattern.strip_prefix('(').and_then(|rest| rest.strip_suffix(')')) {
            return matches(inner, line);
        }
        if let Some((field, least)) = pattern.split_once(" > ") {
            return selected(line, field).as_u64() > Some(least.parse().unwrap());
        }
        if let Some((field, value)) = pattern.split_once(" != ") {
            return *selected(line, field) != value.trim_matches('"');
        }
        let (field, value) = pattern.split_once(" = ").unwrap();
        *selected(line, field) == value.trim_matches('"')
    }

    /// The value that a selector such as `$.record.status` names.
    fn selected<'a>(line: &'a Value, selector: &str) -> &'a Value {
        let path = selector.strip_prefix("$.").unwrap();
        path.split('.').fold(line, |value, name| &value[name])
    }

    /// The metrics of a line under the template's filters: each name with its value.
    fn metrics(line: &Value) -> Vec<(String, String)> {
        let template = include_str!("../../../../template.yaml");
        let value_of = |rest: &str, key: &str| {
            let (_, rest) = rest.split_once(key).unwrap();
            rest.lines().next().unwrap().trim().trim_matches('"').to_owned()
        };
        let mut found = Vec::new();
        for rest in template.split("FilterPattern: '{ ").skip(1) {
            let (pattern, rest) = rest.split_once(" }'").unwrap();
            if matches(pattern, line) {
                let value = value_of(rest, "MetricValue:");
                let value = match value.strip_prefix("$.") {
                    Some(field) => line[field].to_string(),
                    None => value,
                };
                found.push((value_of(rest, "MetricName:"), value));
            }
        }
        found
    }

    fn line(action: impl FnOnce()) -> Value {
        log_lines(action).remove(0)
    }

    fn expected<const N: usize>(pairs: [(&str, &str); N]) -> Vec<(String, String)> {
        pairs.map(|(name, value)| (name.to_owned(), value.to_owned())).to_vec()
    }

    /// A filter without a matching line would keep its alarm silent.
    #[test]
    fn each_log_filter_matches_a_written_line() {
        let stops = |cause| {
            let open = OpenBreaker {
                cause,
                until: Timestamp::from_millis(0),
                times: 1,
            };
            metrics(&line(|| sending_stops(&open)))
        };
        // One filter for each function that opens the breaker.
        let twice = expected([("SendingStops", "1"), ("SendingStops", "1")]);
        assert_eq!(stops(Cause::QuotaExceeded), twice);
        assert_eq!(stops(Cause::AccountPaused), twice);
        assert_eq!(stops(Cause::Throttled), []);
        let denied = metrics(&line(|| access_denied("AccessDeniedException")));
        assert_eq!(denied, expected([("AccessDenied", "1")]));
        assert_eq!(
            metrics(&line(|| email_failed(&full()))),
            expected([("FailedEmails", "1")])
        );
        let waiting = |uncertain| metrics(&line(|| waiting_emails(Duration::from_millis(90_500), uncertain)));
        assert_eq!(waiting(0), expected([("OldestDueSeconds", "90")]));
        assert_eq!(
            waiting(3),
            expected([("OldestDueSeconds", "90"), ("UncertainEmails", "3")])
        );
        let (tenant, webhook) = (TenantId::main(), WebhookId::of(EmailId::from_random([7; 16])));
        let problem = expected([("WebhookProblems", "1")]);
        assert_eq!(metrics(&line(|| webhook_failing(&tenant, webhook))), problem);
        let disabled = line(|| webhook_disabled(&tenant, webhook, DisabledBy::Gone));
        assert_eq!(metrics(&disabled), problem);
        assert_eq!(metrics(&line(|| change_not_told("no time of acceptance"))), problem);
        let template = include_str!("../../../../template.yaml");
        assert_eq!(
            template.matches("AWS::Logs::MetricFilter").count(),
            2 + 1 + 1 + 2 + 2 + 6
        );
    }

    /// Lambda writes this line, as the AWS Lambda Telemetry API reference shows it under `platform.report`.
    #[test]
    fn a_failed_invocation_counts_once_for_each_function() {
        let report = |status: &str| {
            let line = json!({"time": "2026-11-29T10:00:00Z", "type": "platform.report",
                "record": {"requestId": "6d68ca91", "metrics": {"durationMs": 101.5}, "status": status}});
            metrics(&line)
        };
        for status in ["error", "failure", "timeout"] {
            assert_eq!(
                report(status),
                vec![("FailedInvocations".to_owned(), "1".to_owned()); 6],
                "{status}"
            );
        }
        assert_eq!(report("success"), []);
    }
}
