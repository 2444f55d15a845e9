//! The numbers that depend on each other: when one changes, another must follow.

use yaml_serde::Value;

use super::{target, template_with, templates};

#[test]
fn visibility_outlasts_six_function_timeouts() {
    for template in templates() {
        for (function, queue, _) in template.triggers() {
            let visibility = template.number(&template.resource(queue)["Properties"]["VisibilityTimeout"]);
            let (six, profile) = (6 * template.timeout(function), &template.profile);
            assert!(
                visibility >= six,
                "{profile}: {queue} has a visibility timeout of {visibility} s, less than {six} s"
            );
            assert!(
                visibility <= 43_200,
                "{profile}: {queue} has a visibility timeout of {visibility} s, above SQS's limit"
            );
        }
    }
}

#[test]
fn a_lease_outlives_its_sender_and_its_attempts() {
    /// Extra seconds of an attempt for the largest request, 4 MiB: one per megabyte, rounded up.
    const LARGEST_SECS: u64 = 5;
    /// The time for loading before an attempt, recording after it, and the end of an invocation.
    const AROUND_SECS: u64 = 4;
    for template in templates() {
        let (lease, timeout) = (template.parameter("LeaseSeconds"), template.timeout("SendFunction"));
        let attempt = template.parameter("AttemptTimeoutMs").div_ceil(1000);
        let profile = &template.profile;
        assert!(
            lease > timeout,
            "{profile}: a claim ends ({lease} s) while its sender may still run ({timeout} s)"
        );
        let longest = attempt + LARGEST_SECS + AROUND_SECS;
        assert!(
            timeout > longest,
            "{profile}: the sender ends ({timeout} s) before its largest attempt ({longest} s)"
        );
    }
}

#[test]
fn the_guard_outlasts_the_lease() {
    for template in templates() {
        let (guard, lease) = (template.parameter("GuardSeconds"), template.parameter("LeaseSeconds"));
        let profile = &template.profile;
        assert!(
            guard >= lease,
            "{profile}: a guard of {guard} s ends before a lease of {lease} s"
        );
    }
}

#[test]
fn delays_and_retention_are_within_sqs_limits() {
    // A send task carries its own delay; the queue's would be added to it.
    assert_eq!(domain::limits::SQS_DELAY_MAX_SECS, 900);
    for template in templates() {
        for (queue, resource) in template.of_type("AWS::SQS::Queue") {
            let delay = &resource["Properties"]["DelaySeconds"];
            assert!(
                delay.is_null() || template.number(delay) == 0,
                "{queue} has a delay of its own"
            );
            let kept = template.number(&resource["Properties"]["MessageRetentionPeriod"]);
            assert!((345_600..=1_209_600).contains(&kept), "{queue} keeps for {kept} s");
        }
        let (alarm, guard) = (
            template.parameter("OldestDueAlarmSeconds"),
            template.parameter("GuardSeconds"),
        );
        assert!(
            alarm > guard,
            "{}: the first look of promote would raise the alarm",
            template.profile
        );
    }
}

/// SQS stops delivering from a queue with about 120,000 messages in flight.
#[test]
fn an_alarm_precedes_the_in_flight_limit_of_sqs() {
    for template in templates() {
        let alarm = &template.resource("PriorityQueuesInFlightAlarm")["Properties"];
        let metrics = alarm["Metrics"].as_sequence().unwrap();
        let metrics: Vec<&Value> = metrics.iter().map(|each| &each["MetricStat"]["Metric"]).collect();
        for priority in ["HighLane", "NormalLane", "LowLane"] {
            let queue = |metric: &&&Value| {
                let queue = &metric["Dimensions"][0]["Value"];
                !queue.is_null() && target(queue) == priority
            };
            let metric = metrics.iter().find(queue).unwrap();
            assert_eq!(
                metric["MetricName"], "ApproximateNumberOfMessagesNotVisible",
                "{priority}"
            );
            let threshold = template.number(&alarm["Threshold"]);
            assert_eq!(threshold, domain::delivery::priority_queue::MOST_MESSAGES, "{priority}");
            // In the minute between two readings of the metric, the senders of a queue add at most the other half.
            // Each batch of ten takes at least a claim's round trip, about 20 ms.
            let triggers = template.triggers();
            let (_, _, properties) = triggers.iter().find(|(_, queue, _)| *queue == priority).unwrap();
            let senders = template.number(&properties["ScalingConfig"]["MaximumConcurrency"]);
            let hidden_in_a_minute = senders * 10 * 60_000 / 20;
            assert!(
                threshold + hidden_in_a_minute <= 120_000,
                "{priority}: {senders} senders"
            );
        }
    }
}

#[test]
fn triggers_report_failures_and_fit_a_new_account() {
    for template in templates() {
        let (mut together, mut of_webhooks) = (0, 0);
        for (function, queue, properties) in template.triggers() {
            let partial = properties["FunctionResponseTypes"].as_sequence().unwrap();
            assert!(
                partial.iter().any(|kind| kind == "ReportBatchItemFailures"),
                "{function} fails whole batches"
            );
            let size = template.number(&properties["BatchSize"]);
            let window = &properties["MaximumBatchingWindowInSeconds"];
            assert!(size <= 10 || !window.is_null(), "{queue}: {size} at once need a window");
            let most = template.number(&properties["ScalingConfig"]["MaximumConcurrency"]);
            assert!(most >= 2, "{queue}: Lambda's own minimum is 2");
            if queue == "HookQueue" {
                of_webhooks += most;
            } else {
                together += most;
            }
        }
        assert!(
            together <= 10,
            "{}: a new account has 10 executions, not {together}",
            template.profile
        );
        // Lambda's minimum. Emails need all executions of a new account, unless its priorities share one queue.
        assert_eq!(of_webhooks, 2, "{}", template.profile);
    }
}

/// With one priority queue, a new account has room for the senders and for the calls of webhooks.
#[test]
fn a_shared_priority_queue_leaves_room_for_webhooks() {
    let template = template_with(&[("SharedPriorityQueue", "true")]);
    let triggers = template.triggers();
    let enabled = triggers
        .iter()
        .filter(|(_, _, properties)| properties["Enabled"] != false);
    let together: u64 = enabled
        .map(|(_, _, properties)| template.number(&properties["ScalingConfig"]["MaximumConcurrency"]))
        .sum();
    assert!(together <= 10, "{together} executions");
}

/// A send task that returns too often goes to the dead-letter queue, and then only the index finds its email. While
/// the breaker is open, or the table is unavailable, that must take days.
#[test]
fn an_open_breaker_dead_letters_no_task_for_days() {
    for template in templates() {
        for priority in ["HighLane", "NormalLane", "LowLane"] {
            let redrive = &template.resource(priority)["Properties"]["RedrivePolicy"];
            let receives = template.number(&redrive["maxReceiveCount"]);
            // At its longest the breaker is open for eight waits; in each a send task is received twice.
            let wait = 8 * 60;
            let hours = receives / 2 * wait / 3600;
            assert!(hours >= 48, "{priority}: {hours} hours");
            assert!(receives <= 1000, "{priority}: SQS knows no more");
        }
    }
}
