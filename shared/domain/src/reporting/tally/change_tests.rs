use super::super::samples::{at, change, queued, tried};
use super::*;

/// The counts in short, such as `+3 sent in default`. Of the flow, only the queue's own counts.
fn counts_of(before: Option<CountedRecord>, after: Option<CountedRecord>) -> Vec<String> {
    let counted = count_changes(&change(1, at(10), before, after));
    let all = |wanted: &Option<String>| {
        let of = |(counter, delta): (&Counter, &Delta)| {
            let Counter::Flow { queue, .. } = counter else {
                return None;
            };
            (queue == wanted).then(|| delta.clone())
        };
        counted.iter().filter_map(of).collect::<Vec<_>>()
    };
    assert_eq!(
        all(&None),
        all(&Some("default".to_owned())),
        "the totals equal the queue's counts"
    );
    let mut counts = Vec::new();
    for (counter, delta) in &counted {
        let place = match counter {
            Counter::Flow { queue: None, .. } => continue,
            Counter::Flow {
                queue: Some(queue),
                hour,
                ..
            } => {
                assert_eq!(hour.to_string(), "2026-11-24T09:00:00.000Z");
                queue.clone()
            }
            Counter::EmailStatus { queue, .. } => format!("now {queue}"),
            Counter::Waiting { level, .. } => format!("{level:?}"),
            Counter::Failures { queue, cause, .. } => format!("failures {queue} {}", cause.as_str()),
        };
        counts.extend(
            delta
                .figures
                .iter()
                .map(|(figure, by)| format!("{by:+} {figure:?} {place}")),
        );
    }
    counts
}

#[test]
fn each_step_of_an_email_is_counted() {
    let of_status = |status| Some(tried(status));
    let with_fates = |delivery_statuses: &[(&str, DeliveryStatus)]| {
        let delivery_statuses = delivery_statuses
            .iter()
            .map(|(name, delivery_status)| ((*name).to_owned(), *delivery_status))
            .collect();
        Some(CountedRecord {
            delivery_statuses,
            recipients: 2,
            ..tried(RecordStatus::Sent)
        })
    };
    let sent = CountedRecord {
        recipients: 2,
        attachment_bytes: 50,
        ..tried(RecordStatus::Sent)
    };
    for (before, after, expected) in [
        (
            None,
            Some(queued()),
            &[
                "+1 Accepted default",
                "+1 AcceptedRecipients default",
                "+1 Queued now default",
            ][..],
        ),
        (
            Some(queued()),
            of_status(RecordStatus::Sending),
            &["-1 Queued now default", "+1 Sending now default"],
        ),
        (
            of_status(RecordStatus::Sending),
            Some(sent),
            &[
                "+1 Sent default",
                "+2 SentRecipients default",
                "+100 SentAttachmentBytes default",
                "-1 Sending now default",
            ],
        ),
        (
            with_fates(&[("a", DeliveryStatus::DeliveryDelayed)]),
            with_fates(&[("a", DeliveryStatus::Delivered), ("b", DeliveryStatus::Bounced)]),
            &["+1 Delivered default", "+1 Bounced default"],
        ),
        (
            with_fates(&[("a", DeliveryStatus::Delivered)]),
            with_fates(&[("a", DeliveryStatus::Complained)]),
            &["+1 Complained default"],
        ),
        (
            of_status(RecordStatus::Sending),
            of_status(RecordStatus::Uncertain),
            &[],
        ),
        (
            of_status(RecordStatus::Uncertain),
            of_status(RecordStatus::Failing),
            &[],
        ),
        (
            of_status(RecordStatus::Queued),
            of_status(RecordStatus::Canceled),
            &["+1 Canceled default", "-1 Retry now default"],
        ),
        (of_status(RecordStatus::Sent), None, &[]),
        (Some(queued()), None, &["-1 Queued now default"]),
    ] {
        assert_eq!(counts_of(before, after), expected);
    }
}

#[test]
fn unsent_emails_count_by_cause_with_an_example() {
    for (status, cause, figure) in [
        (RecordStatus::Failed, Cause::Rejected, "Failed"),
        (RecordStatus::Unknown, Cause::AnswerLost, "Unknown"),
        (RecordStatus::Expired, Cause::Expired, "Expired"),
    ] {
        let after = CountedRecord {
            cause: Some(cause),
            ..tried(status)
        };
        let expected = [
            format!("+1 {figure} default"),
            "-1 Sending now default".to_owned(),
            format!("+1 Count failures default {}", cause.as_str()),
        ];
        assert_eq!(
            counts_of(Some(tried(RecordStatus::Failing)), Some(after.clone())),
            expected
        );
        let counted = count_changes(&change(3, at(10), None, Some(after)));
        let latest = counted.values().find_map(|delta| delta.latest);
        assert_eq!(latest, Some((at(10), change(3, at(0), None, None).key.id)));
    }
    let suppressed = CountedRecord {
        cause: Some(Cause::Suppressed),
        ..tried(RecordStatus::Failed)
    };
    assert!(
        counts_of(Some(tried(RecordStatus::Failing)), Some(suppressed)).contains(&"+1 Suppressed default".to_owned())
    );
}

#[test]
fn each_new_opening_is_counted() {
    let opened = |secs: Option<i64>| {
        Some(CountedRecord {
            opened_at: secs.map(at),
            ..tried(RecordStatus::Sent)
        })
    };
    assert_eq!(
        counts_of(opened(None), opened(Some(1))),
        ["+1 Opened default", "+1 FirstOpened default"]
    );
    assert_eq!(counts_of(opened(Some(1)), opened(Some(2))), ["+1 Opened default"]);
    assert_eq!(counts_of(opened(Some(2)), opened(Some(2))), [""; 0]);
    let clicked = |secs: Option<i64>| {
        Some(CountedRecord {
            clicked_at: secs.map(at),
            ..tried(RecordStatus::Sent)
        })
    };
    assert_eq!(
        counts_of(clicked(None), clicked(Some(1))),
        ["+1 Clicked default", "+1 FirstClicked default"]
    );
}

#[test]
fn a_waiting_email_counts_in_its_future_slots() {
    let scheduled = |secs| {
        Some(CountedRecord {
            scheduled: true,
            not_before: at(secs),
            ..queued()
        })
    };
    let levels = |secs| -> Vec<String> {
        let counts = counts_of(Some(queued()), scheduled(secs)).into_iter();
        counts.filter(|one| one.contains("In(")).collect()
    };
    assert_eq!(levels(20), [""; 0], "this minute has come");
    assert_eq!(levels(70), ["+1 ScheduledIn(31) Minute"]);
    assert_eq!(levels(3600), ["+1 ScheduledIn(30) Minute", "+1 ScheduledIn(10) Hour"]);
    let far = [
        "+1 ScheduledIn(30) Minute",
        "+1 ScheduledIn(9) Hour",
        "+1 ScheduledIn(14) Day",
    ];
    assert_eq!(levels(86_400), far);
    // Rescheduled: the queue has as many as before.
    assert_eq!(
        counts_of(scheduled(70), scheduled(130)),
        ["-1 ScheduledIn(31) Minute", "+1 ScheduledIn(32) Minute"]
    );
    // Claimed after its time has come: its slot stays as it is.
    assert_eq!(
        counts_of(scheduled(5), Some(tried(RecordStatus::Sending))),
        ["-1 Scheduled now default", "+1 Sending now default"]
    );
}

#[test]
fn a_moved_email_leaves_its_old_count() {
    let held = CountedRecord { held: true, ..queued() };
    assert_eq!(
        counts_of(Some(queued()), Some(held)),
        ["-1 Queued now default", "+1 Held now default"]
    );
    let other = CountedRecord {
        queue: "other".to_owned(),
        ..queued()
    };
    assert_eq!(
        counts_of(Some(queued()), Some(other)),
        ["-1 Queued now default", "+1 Queued now other"]
    );
}

#[test]
fn a_record_with_a_reused_key_is_a_new_email() {
    let next = CountedRecord {
        born: at(9),
        ..queued()
    };
    let expected = [
        "+1 Accepted default",
        "+1 AcceptedRecipients default",
        "+1 Queued now default",
    ];
    assert_eq!(counts_of(Some(tried(RecordStatus::Sent)), Some(next)), expected);
}

#[test]
fn an_uncounted_change_counts_nothing() {
    let next = CountedRecord {
        not_before: at(99),
        ..queued()
    };
    assert_eq!(
        count_changes(&change(1, at(10), Some(queued()), Some(next))),
        Deltas::new()
    );
    assert_eq!(count_changes(&change(1, at(10), None, None)), Deltas::new());
}

#[test]
fn every_figure_counts_recipients() {
    let three = |status, cause, delivery_statuses: &[(&str, DeliveryStatus)]| CountedRecord {
        recipients: 3,
        cause,
        delivery_statuses: delivery_statuses
            .iter()
            .map(|(name, delivery_status)| ((*name).to_owned(), *delivery_status))
            .collect(),
        ..tried(status)
    };
    let flow = |after: CountedRecord| -> Vec<String> {
        let counts = counts_of(Some(tried(RecordStatus::Sending)), Some(after)).into_iter();
        counts
            .filter(|one| one.ends_with(" default") && !one.contains(" now "))
            .collect()
    };
    let sent = flow(three(RecordStatus::Sent, None, &[("a", DeliveryStatus::Suppressed)]));
    assert_eq!(
        sent,
        [
            "+1 Sent default",
            "+2 SentRecipients default",
            "+1 SuppressedMore default"
        ]
    );
    let suppressed = flow(three(RecordStatus::Failed, Some(Cause::Suppressed), &[]));
    let expected = [
        "+1 Failed default",
        "+2 FailedMore default",
        "+1 Suppressed default",
        "+2 SuppressedMore default",
    ];
    assert_eq!(suppressed, expected);
    for (status, figure) in [
        (RecordStatus::Canceled, "Canceled"),
        (RecordStatus::Expired, "Expired"),
        (RecordStatus::Unknown, "Unknown"),
    ] {
        let expected = [format!("+1 {figure} default"), format!("+2 {figure}More default")];
        assert_eq!(flow(three(status, None, &[])), expected);
    }
}

#[test]
fn delivery_and_bounce_count_in_any_order() {
    let sent = |delivery_status, facts: &[Fact]| {
        Some(CountedRecord {
            delivery_statuses: [("a".to_owned(), delivery_status)].into(),
            facts: facts.iter().map(|fact| ("a".to_owned(), *fact)).collect(),
            ..tried(RecordStatus::Sent)
        })
    };
    for (before, after, expected) in [
        (
            sent(DeliveryStatus::Delivered, &[]),
            sent(DeliveryStatus::SoftBounced, &[Fact::Delivered]),
            "+1 SoftBounced default",
        ),
        (
            sent(DeliveryStatus::SoftBounced, &[]),
            sent(DeliveryStatus::SoftBounced, &[Fact::Delivered]),
            "+1 Delivered default",
        ),
        (
            sent(DeliveryStatus::Absence, &[]),
            sent(DeliveryStatus::Delivered, &[]),
            "+1 Delivered default",
        ),
        (
            sent(DeliveryStatus::Delivered, &[]),
            sent(DeliveryStatus::OnAccountList, &[Fact::Delivered]),
            "+1 Bounced default",
        ),
    ] {
        assert_eq!(counts_of(before, after), [expected]);
    }
    for report in [Fact::NotSpam, Fact::AuthFailure] {
        assert_eq!(
            counts_of(
                sent(DeliveryStatus::Delivered, &[]),
                sent(DeliveryStatus::Delivered, &[report])
            ),
            [""; 0],
            "no complaint"
        );
    }
}
