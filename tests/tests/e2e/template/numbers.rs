//! The numbers that hang together: change one, and another must follow.

use super::templates;

#[test]
fn a_queue_hides_a_message_for_six_timeouts_of_its_function_and_at_most_twelve_hours() {
    for template in templates() {
        for (function, queue, _) in template.triggers() {
            let visibility = template.number(&template.resource(queue)["Properties"]["VisibilityTimeout"]);
            let (six, profile) = (6 * template.timeout(function), &template.profile);
            assert!(
                visibility >= six,
                "{profile}: {queue} hides for {visibility} s, less than {six} s"
            );
            assert!(
                visibility <= 43_200,
                "{profile}: {queue} hides for {visibility} s, more than SQS can"
            );
        }
    }
}

#[test]
fn a_lease_outlives_its_sender_and_a_sender_its_attempts() {
    /// What the inline limit of a request, 4 MiB, adds to an attempt: a second a megabyte.
    const LARGEST_SECS: u64 = 5;
    /// What loading before an attempt and recording after it may take, and the last words of
    /// an invocation.
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
fn what_is_looked_at_again_is_looked_at_after_it_should_have_moved() {
    for template in templates() {
        let (guard, lease) = (template.parameter("GuardSeconds"), template.parameter("LeaseSeconds"));
        let profile = &template.profile;
        assert!(
            guard >= lease,
            "{profile}: a guard of {guard} s looks while a lease of {lease} s runs"
        );
    }
}

#[test]
fn the_wait_of_a_message_is_within_what_sqs_can() {
    // A send task carries its own delay; the queue's would be added to it.
    assert_eq!(domain::limits::SQS_DELAY_MAX_SECS, 900);
    for template in templates() {
        for (queue, resource) in template.of_type("AWS::SQS::Queue") {
            let delay = &resource["Properties"]["DelaySeconds"];
            assert!(
                delay.is_null() || template.number(delay) == 0,
                "{queue} delays by itself"
            );
            let kept = template.number(&resource["Properties"]["MessageRetentionPeriod"]);
            assert!((345_600..=1_209_600).contains(&kept), "{queue} keeps for {kept} s");
        }
        let alarm = template.parameter("LaneAgeAlarmSeconds");
        assert!(
            alarm > 900,
            "{}: a delayed wake-up would raise the lanes' alarm",
            template.profile
        );
    }
}

/// SQS gives out nothing more from a queue with about 120,000 messages in flight.
#[test]
fn an_alarm_tells_of_a_full_lane_before_sqs_stops_it() {
    for template in templates() {
        for priority in ["HighLane", "NormalLane", "LowLane"] {
            let alarm = &template.resource(&format!("{priority}InFlightAlarm"))["Properties"];
            assert_eq!(
                alarm["MetricName"], "ApproximateNumberOfMessagesNotVisible",
                "{priority}"
            );
            let threshold = template.number(&alarm["Threshold"]);
            assert_eq!(threshold, domain::priority_queue::MOST_MESSAGES, "{priority}");
            // In one minute, from count to count, the senders of a priority queue hide no more than the other half:
            // each batch of ten takes at least a claim's round trip, about 20 ms.
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
fn every_trigger_reports_single_failures_and_leaves_room_in_a_new_account() {
    for template in templates() {
        let mut together = 0;
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
            together += most;
        }
        assert!(
            together <= 10,
            "{}: a new account has 10 executions, not {together}",
            template.profile
        );
    }
}

/// A send task that is put back too often goes to the dead-letter queue, and its email has to be
/// found by the index: while the breaker is open, or the table away, that must take days.
#[test]
fn what_waits_for_the_breaker_is_not_put_aside_for_days() {
    for template in templates() {
        for priority in ["HighLane", "NormalLane", "LowLane"] {
            let redrive = &template.resource(priority)["Properties"]["RedrivePolicy"];
            let receives = template.number(&redrive["maxReceiveCount"]);
            // At its longest the breaker is open for eight waits; in each a send task comes twice.
            let wait = 8 * 60;
            let hours = receives / 2 * wait / 3600;
            assert!(hours >= 48, "{priority}: {hours} hours");
            assert!(receives <= 1000, "{priority}: SQS knows no more");
        }
    }
}
