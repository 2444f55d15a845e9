//! The outcomes that have an alarm, with their metrics and thresholds. Without this list, an alarm and its section in
//! the runbook could be deleted together.

use yaml_serde::Value;

use super::templates;

/// Returns the metrics of an alarm, and the expression that joins them.
fn metrics(alarm: &Value) -> (Vec<String>, Option<String>) {
    let metric = |of: &Value| {
        let namespace = of["Namespace"].as_str().unwrap();
        // The metrics of the stack are named after it.
        let namespace = namespace.strip_suffix("/${AWS::StackName}").unwrap_or(namespace);
        format!("{namespace} {}", of["MetricName"].as_str().unwrap())
    };
    let Some(parts) = alarm["Metrics"].as_sequence() else {
        return (vec![metric(alarm)], None);
    };
    let named = parts.iter().map(|part| &part["MetricStat"]["Metric"]);
    let named = named.filter(|of| !of.is_null()).map(metric).collect();
    let expression = parts.iter().find_map(|part| part["Expression"].as_str());
    (named, expression.map(str::to_owned))
}

#[test]
fn each_bad_outcome_has_an_alarm() {
    let threshold = |alarm: &Value| {
        let text = yaml_serde::to_string(&alarm["Threshold"]).unwrap();
        text.trim().to_owned()
    };
    for template in templates() {
        let alarm = |name: &str| template.resource(name)["Properties"].clone();
        for (name, limit, expected) in [
            (
                "FailedEmailsAlarm",
                "!Ref FailedEmailsAlarmCount",
                "mailqueue FailedEmails",
            ),
            ("BounceRateAlarm", "0.04", "AWS/SES Reputation.BounceRate"),
            ("ComplaintRateAlarm", "0.0008", "AWS/SES Reputation.ComplaintRate"),
            (
                "OldestDueAlarm",
                "!Ref OldestDueAlarmSeconds",
                "mailqueue OldestDueSeconds",
            ),
            ("UncertainEmailsAlarm", "10", "mailqueue UncertainEmails"),
            ("AccessDeniedAlarm", "0", "mailqueue AccessDenied"),
            ("SendingStopsAlarm", "0", "mailqueue SendingStops"),
            ("FunctionErrorsAlarm", "0", "mailqueue FailedInvocations"),
            ("NotifyLateAlarm", "900000", "AWS/Lambda IteratorAge"),
            ("HookLeftoverAlarm", "0", "AWS/SQS ApproximateNumberOfMessagesVisible"),
            ("WebhooksFailingAlarm", "0", "mailqueue WebhookProblems"),
        ] {
            let alarm = alarm(name);
            assert_eq!(metrics(&alarm), (vec![expected.to_owned()], None), "{name}");
            assert_eq!(threshold(&alarm), limit, "{name}");
            // More than one period would be late for a person, and these metrics do not flicker.
            assert_eq!(alarm["EvaluationPeriods"], 1, "{name}");
            let operator = alarm["ComparisonOperator"].as_str().unwrap();
            assert!(operator.starts_with("GreaterThan"), "{name}: {operator}");
        }
        for (name, limit, expected, expression) in [
            (
                "FailedShareAlarm",
                "5",
                &["mailqueue FailedEmails", "AWS/SES Send"][..],
                "IF(failed >= 5, 100 * failed / (failed + FILL(sent, 0)), 0)",
            ),
            (
                "NothingDeliveredAlarm",
                "0",
                &["mailqueue OldestDueSeconds", "AWS/SES Delivery"],
                "IF(FILL(due, 0) > 0 AND FILL(delivered, 0) == 0, 1, 0)",
            ),
            (
                "PriorityQueuesInFlightAlarm",
                "60000",
                &["AWS/SQS ApproximateNumberOfMessagesNotVisible"; 3],
                "MAX([FILL(high, 0), FILL(normal, 0), FILL(low, 0)])",
            ),
            (
                "TableThrottlesAlarm",
                "10",
                &[
                    "AWS/DynamoDB WriteThrottleEvents",
                    "AWS/DynamoDB ReadThrottleEvents",
                    "AWS/DynamoDB WriteThrottleEvents",
                    "AWS/DynamoDB WriteThrottleEvents",
                ],
                "FILL(writes, 0) + FILL(reads, 0) + FILL(due, 0) + FILL(lists, 0)",
            ),
        ] {
            let alarm = alarm(name);
            let expected = expected.iter().map(ToString::to_string).collect();
            assert_eq!(metrics(&alarm), (expected, Some(expression.to_owned())), "{name}");
            assert_eq!(threshold(&alarm), limit, "{name}");
            assert_eq!(alarm["ComparisonOperator"], "GreaterThanThreshold", "{name}");
        }
        // Feedback that is late, and feedback that was never recorded.
        for name in ["FeedbackAgeAlarm", "FeedbackLeftoverAlarm", "DeadLettersAlarm"] {
            let (metrics, _) = metrics(&alarm(name));
            assert!(metrics.iter().all(|metric| metric.starts_with("AWS/SQS ")), "{name}");
        }
    }
}

/// An alarm on one metric replaces one metric for each function, so each function needs its filter.
#[test]
fn the_failed_invocations_of_six_functions_are_counted() {
    for template in templates() {
        for name in ["Send", "DeadLetter", "Feedback", "Tally", "Notify", "Deliver"] {
            let filter = template.resource(&format!("{name}ErrorsFilter"))["Properties"].clone();
            let group = yaml_serde::to_string(&filter["LogGroupName"]).unwrap();
            assert!(group.contains(&format!("{name}Logs")), "{name}: {group}");
            let pattern = r#"{ $.type = "platform.report" && $.record.status != "success" }"#;
            assert_eq!(filter["FilterPattern"], pattern, "{name}");
            assert_eq!(
                filter["MetricTransformations"][0]["MetricName"], "FailedInvocations",
                "{name}"
            );
        }
    }
}
