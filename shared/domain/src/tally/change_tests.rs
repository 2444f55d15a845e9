use super::super::samples::{at, change, queued, tried};
use super::*;

/// The counts in short, such as `+3 sent in default`. Of the flow, only the queue's own counts.
fn told(before: Option<Glimpse>, after: Option<Glimpse>) -> Vec<String> {
    let counted = counted(&change(1, at(10), before, after));
    let all = |wanted: &Option<String>| {
        let of = |(counter, delta): (&Counter, &Delta)| {
            let Counter::Flow { queue, .. } = counter else {
                return None;
            };
            (queue == wanted).then(|| delta.clone())
        };
        counted.iter().filter_map(of).collect::<Vec<_>>()
    };
    assert_eq!(all(&None), all(&Some("default".to_owned())), "in all as in the queue");
    let mut told = Vec::new();
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
            Counter::Standing { queue, .. } => format!("now {queue}"),
            Counter::Waiting { level, .. } => format!("{level:?}"),
            Counter::Failures { queue, cause, .. } => format!("failures {queue} {}", cause.as_str()),
        };
        told.extend(
            delta
                .figures
                .iter()
                .map(|(figure, by)| format!("{by:+} {figure:?} {place}")),
        );
    }
    told
}

#[test]
fn each_step_of_an_email_is_counted() {
    let of_status = |status| Some(tried(status));
    let with_fates = |fates: &[(&str, Fate)]| {
        let fates = fates.iter().map(|(name, fate)| ((*name).to_owned(), *fate)).collect();
        Some(Glimpse {
            fates,
            recipients: 2,
            ..tried(Status::Sent)
        })
    };
    let sent = Glimpse {
        recipients: 2,
        attachment_bytes: 50,
        ..tried(Status::Sent)
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
            of_status(Status::Sending),
            &["-1 Queued now default", "+1 Sending now default"],
        ),
        (
            of_status(Status::Sending),
            Some(sent),
            &[
                "+1 Sent default",
                "+2 SentRecipients default",
                "+100 SentAttachmentBytes default",
                "-1 Sending now default",
            ],
        ),
        (
            with_fates(&[("a", Fate::DeliveryDelayed)]),
            with_fates(&[("a", Fate::Delivered), ("b", Fate::Bounced)]),
            &["+1 Delivered default", "+1 Bounced default"],
        ),
        (
            with_fates(&[("a", Fate::Delivered)]),
            with_fates(&[("a", Fate::Complained)]),
            &["+1 Complained default"],
        ),
        (of_status(Status::Sending), of_status(Status::Uncertain), &[]),
        (of_status(Status::Uncertain), of_status(Status::Failing), &[]),
        (
            of_status(Status::Queued),
            of_status(Status::Canceled),
            &["+1 Canceled default", "-1 Retry now default"],
        ),
        (of_status(Status::Sent), None, &[]),
        (Some(queued()), None, &["-1 Queued now default"]),
    ] {
        assert_eq!(told(before, after), expected);
    }
}

#[test]
fn unsent_emails_count_by_cause_with_an_example() {
    for (status, cause, figure) in [
        (Status::Failed, Cause::Rejected, "Failed"),
        (Status::Unknown, Cause::AnswerLost, "Unknown"),
        (Status::Expired, Cause::Expired, "Expired"),
    ] {
        let after = Glimpse {
            cause: Some(cause),
            ..tried(status)
        };
        let expected = [
            format!("+1 {figure} default"),
            "-1 Sending now default".to_owned(),
            format!("+1 Count failures default {}", cause.as_str()),
        ];
        assert_eq!(told(Some(tried(Status::Failing)), Some(after.clone())), expected);
        let counted = counted(&change(3, at(10), None, Some(after)));
        let latest = counted.values().find_map(|delta| delta.latest);
        assert_eq!(latest, Some((at(10), change(3, at(0), None, None).key.id)));
    }
    let suppressed = Glimpse {
        cause: Some(Cause::Suppressed),
        ..tried(Status::Failed)
    };
    assert!(told(Some(tried(Status::Failing)), Some(suppressed)).contains(&"+1 Suppressed default".to_owned()));
}

#[test]
fn each_new_opening_is_counted() {
    let opened = |secs: Option<i64>| {
        Some(Glimpse {
            opened_at: secs.map(at),
            ..tried(Status::Sent)
        })
    };
    assert_eq!(
        told(opened(None), opened(Some(1))),
        ["+1 Opened default", "+1 FirstOpened default"]
    );
    assert_eq!(told(opened(Some(1)), opened(Some(2))), ["+1 Opened default"]);
    assert_eq!(told(opened(Some(2)), opened(Some(2))), [""; 0]);
    let clicked = |secs: Option<i64>| {
        Some(Glimpse {
            clicked_at: secs.map(at),
            ..tried(Status::Sent)
        })
    };
    assert_eq!(
        told(clicked(None), clicked(Some(1))),
        ["+1 Clicked default", "+1 FirstClicked default"]
    );
}

#[test]
fn a_waiting_email_counts_in_its_future_slots() {
    let scheduled = |secs| {
        Some(Glimpse {
            scheduled: true,
            not_before: at(secs),
            ..queued()
        })
    };
    let levels = |secs| -> Vec<String> {
        let told = told(Some(queued()), scheduled(secs)).into_iter();
        told.filter(|one| one.contains("In(")).collect()
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
        told(scheduled(70), scheduled(130)),
        ["-1 ScheduledIn(31) Minute", "+1 ScheduledIn(32) Minute"]
    );
    // Claimed after its time has come: its slot stays as it is.
    assert_eq!(
        told(scheduled(5), Some(tried(Status::Sending))),
        ["-1 Scheduled now default", "+1 Sending now default"]
    );
}

#[test]
fn a_moved_email_leaves_its_old_count() {
    let held = Glimpse { held: true, ..queued() };
    assert_eq!(
        told(Some(queued()), Some(held)),
        ["-1 Queued now default", "+1 Held now default"]
    );
    let other = Glimpse {
        queue: "other".to_owned(),
        ..queued()
    };
    assert_eq!(
        told(Some(queued()), Some(other)),
        ["-1 Queued now default", "+1 Queued now other"]
    );
}

#[test]
fn a_record_with_a_reused_key_is_a_new_email() {
    let next = Glimpse {
        born: at(9),
        ..queued()
    };
    let expected = [
        "+1 Accepted default",
        "+1 AcceptedRecipients default",
        "+1 Queued now default",
    ];
    assert_eq!(told(Some(tried(Status::Sent)), Some(next)), expected);
}

#[test]
fn an_uncounted_change_counts_nothing() {
    let next = Glimpse {
        not_before: at(99),
        ..queued()
    };
    assert_eq!(counted(&change(1, at(10), Some(queued()), Some(next))), Deltas::new());
    assert_eq!(counted(&change(1, at(10), None, None)), Deltas::new());
}

#[test]
fn every_figure_counts_recipients() {
    let three = |status, cause, fates: &[(&str, Fate)]| Glimpse {
        recipients: 3,
        cause,
        fates: fates.iter().map(|(name, fate)| ((*name).to_owned(), *fate)).collect(),
        ..tried(status)
    };
    let flow = |after: Glimpse| -> Vec<String> {
        let told = told(Some(tried(Status::Sending)), Some(after)).into_iter();
        told.filter(|one| one.ends_with(" default") && !one.contains(" now "))
            .collect()
    };
    let sent = flow(three(Status::Sent, None, &[("a", Fate::Suppressed)]));
    assert_eq!(
        sent,
        [
            "+1 Sent default",
            "+2 SentRecipients default",
            "+1 SuppressedMore default"
        ]
    );
    let suppressed = flow(three(Status::Failed, Some(Cause::Suppressed), &[]));
    let expected = [
        "+1 Failed default",
        "+2 FailedMore default",
        "+1 Suppressed default",
        "+2 SuppressedMore default",
    ];
    assert_eq!(suppressed, expected);
    for (status, figure) in [
        (Status::Canceled, "Canceled"),
        (Status::Expired, "Expired"),
        (Status::Unknown, "Unknown"),
    ] {
        let expected = [format!("+1 {figure} default"), format!("+2 {figure}More default")];
        assert_eq!(flow(three(status, None, &[])), expected);
    }
}

#[test]
fn delivery_and_bounce_count_in_any_order() {
    let sent = |fate, facts: &[Fact]| {
        Some(Glimpse {
            fates: [("a".to_owned(), fate)].into(),
            facts: facts.iter().map(|fact| ("a".to_owned(), *fact)).collect(),
            ..tried(Status::Sent)
        })
    };
    for (before, after, expected) in [
        (
            sent(Fate::Delivered, &[]),
            sent(Fate::SoftBounced, &[Fact::Delivered]),
            "+1 SoftBounced default",
        ),
        (
            sent(Fate::SoftBounced, &[]),
            sent(Fate::SoftBounced, &[Fact::Delivered]),
            "+1 Delivered default",
        ),
        (
            sent(Fate::Absence, &[]),
            sent(Fate::Delivered, &[]),
            "+1 Delivered default",
        ),
        (
            sent(Fate::Delivered, &[]),
            sent(Fate::OnAccountList, &[Fact::Delivered]),
            "+1 Bounced default",
        ),
    ] {
        assert_eq!(told(before, after), [expected]);
    }
    for report in [Fact::NotSpam, Fact::AuthFailure] {
        assert_eq!(
            told(sent(Fate::Delivered, &[]), sent(Fate::Delivered, &[report])),
            [""; 0],
            "no complaint"
        );
    }
}
