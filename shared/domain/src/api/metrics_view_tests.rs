use serde_json::json;

use super::*;

fn at(text: &str) -> Timestamp {
    Timestamp::parse_rfc3339(text).unwrap()
}

#[test]
fn periods_begin_on_the_hour_day_week_or_month() {
    let begin = |granularity: Granularity| granularity.begin(at("2026-11-25T17:48:59.999Z")).to_string();
    assert_eq!(begin(Granularity::Hourly), "2026-11-25T17:00:00.000Z");
    assert_eq!(begin(Granularity::Daily), "2026-11-25T00:00:00.000Z");
    assert_eq!(begin(Granularity::Weekly), "2026-11-23T00:00:00.000Z");
    assert_eq!(begin(Granularity::Monthly), "2026-11-01T00:00:00.000Z");
}

#[test]
fn a_period_ends_where_the_next_one_begins() {
    for (granularity, time, end) in [
        (Granularity::Hourly, "2026-11-25T17:48:59.999Z", "2026-11-25T18:00:00Z"),
        (Granularity::Daily, "2026-11-30T17:48:59.999Z", "2026-12-01T00:00:00Z"),
        (Granularity::Weekly, "2026-11-25T17:48:59.999Z", "2026-11-30T00:00:00Z"),
        (Granularity::Monthly, "2026-11-30T23:59:59.999Z", "2026-12-01T00:00:00Z"),
        (Granularity::Monthly, "2028-02-01T00:00:00Z", "2028-03-01T00:00:00Z"),
        (Granularity::Monthly, "2026-12-31T12:00:00Z", "2027-01-01T00:00:00Z"),
    ] {
        assert_eq!(granularity.end(at(time)), at(end), "{granularity:?} {time}");
    }
}

/// A typed client of Resend cannot read other names.
#[test]
fn the_default_metrics_are_exactly_those_of_resend() {
    let names = serde_json::to_value(Metric::RESENDS).unwrap();
    let expected = json!([
        "received",
        "delivered",
        "complained",
        "suppressed",
        "bounced",
        "bounced_transient",
        "bounced_permanent",
        "bounced_undetermined",
        "opened",
        "clicked",
        "unsubscribed",
        "delivery_delayed",
        "failed",
        "sent",
        "unique_opened",
        "unique_clicked",
        "delivery_rate",
        "open_rate",
        "click_rate",
        "bounce_rate",
        "complaint_rate",
        "unsubscribe_rate",
    ]);
    assert_eq!(names, expected);
}

#[test]
fn older_counts_of_emails_still_count() {
    let old = Figures::from([(Figure::Failed, 3), (Figure::Canceled, 2)]);
    let new = Figures::from([(Figure::Failed, 1), (Figure::FailedMore, 4)]);
    assert_eq!(
        Metric::Failed.of(&old),
        Number::Count(3),
        "one recipient for each email"
    );
    assert_eq!(Metric::Canceled.of(&old), Number::Count(2));
    assert_eq!(Metric::Failed.of(&new), Number::Count(5));
}

#[test]
fn numbers_are_summed_by_period_and_in_total() {
    let figures = |sent: i64, delivered: i64| {
        let sent = [(Figure::Sent, sent), (Figure::SentRecipients, 2 * sent)];
        Figures::from_iter(
            sent.into_iter()
                .chain([(Figure::Delivered, delivered), (Figure::SoftBounced, 1)]),
        )
    };
    let flow = BTreeMap::from([
        (at("2026-11-24T22:00:00Z"), figures(10, 16)),
        (at("2026-11-24T23:00:00Z"), figures(5, 8)),
        (at("2026-11-26T00:00:00Z"), figures(1, 2)),
    ]);
    let failure = |cause, count| FailuresOfHour {
        queue: "default".to_owned(),
        cause,
        count,
        latest: None,
    };
    let wanted = MetricsRequest {
        hours: Hours {
            from: at("2026-11-24T20:00:00Z"),
            until: at("2026-11-26T02:00:00Z"),
        },
        end: at("2026-11-26T01:10:00Z"),
        metrics: vec![Metric::Sent, Metric::DeliveryRate, Metric::Bounced, Metric::Received],
        dimensions: vec![Dimension::Period],
        granularity: Granularity::Daily,
    };
    let failures = [
        failure(Cause::Rejected, 2),
        failure(Cause::TooLarge, 1),
        failure(Cause::Rejected, 3),
    ];
    let row = |period: &str, sent: u64, rate: f64, bounced: u64| json!({"period": format!("{period}T00:00:00.000Z"), "sent": sent, "delivery_rate": rate, "bounced": bounced, "received": 0});
    assert_eq!(
        serde_json::to_value(MetricsView::new(&wanted, &flow, &failures, &Prices::standard())).unwrap(),
        json!({
            "object": "metrics",
            "start_date": "2026-11-24T20:00:00.000Z",
            "end_date": "2026-11-26T01:10:00.000Z",
            "metrics": ["sent", "delivery_rate", "bounced", "received"],
            "dimensions": ["period"],
            "granularity": "daily",
            "totals": {"sent": 32, "delivery_rate": 0.8125, "bounced": 3, "received": 0},
            "data": [row("2026-11-24", 30, 0.8, 2), row("2026-11-25", 0, 0.0, 0), row("2026-11-26", 2, 1.0, 1)],
            "failures": [{"cause": "rejected", "count": 5}, {"cause": "too_large", "count": 1}],
            "cost": {
                "cost_usd": 0.0032, "recipients": 32, "attachment_bytes": 0,
                "thousand_recipients_usd": 0.1, "attachment_gigabyte_usd": 0.12,
            },
        })
    );
    let totals_only = MetricsRequest {
        dimensions: Vec::new(),
        ..wanted
    };
    let view = serde_json::to_value(MetricsView::new(&totals_only, &flow, &[], &Prices::standard())).unwrap();
    assert_eq!(view.get("data"), None);
}
