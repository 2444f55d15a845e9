//! Counters, and the markers of their changes.

use std::collections::{BTreeMap, BTreeSet};

use domain::delivery::cause::Cause;
use domain::id::{EmailId, TenantId};
use domain::ports::{Counts, Tallies};
use domain::reporting::hours::{FailuresOfHour, Hours};
use domain::reporting::tally::change_id::{Fingerprint, Sequence};
use domain::reporting::tally::counter::{Counter, Delta, Figure, Figures, Level, hour_of};
use domain::reporting::tally::portion::{CounterUpdate, Marker, Span, Tally};
use domain::reporting::tally::queue_counts::{QueueCounts, WaitingFigures};
use domain::timestamp::Timestamp;
use serde_json::json;

use super::{Golden, written_items};
use crate::runtime::replay::{CannedResponse, Replay};
use crate::storage::records::samples::at;

fn hour() -> Timestamp {
    hour_of(at(1_800_000_000_000))
}

fn example() -> EmailId {
    EmailId::from_random([7; 16])
}

fn counters() -> [(&'static str, Counter, Figures); 5] {
    let (tenant, news) = (TenantId::main, || "news".to_owned());
    let figures = |figures: &[(Figure, i64)]| figures.iter().copied().collect();
    let flow = |queue| Counter::Flow {
        tenant: tenant(),
        queue,
        hour: hour(),
    };
    let queue_counts = Counter::EmailStatus {
        tenant: tenant(),
        queue: news(),
    };
    let waiting = Counter::Waiting {
        tenant: tenant(),
        queue: news(),
        level: Level::Day,
        begin: Level::Day.slot(hour()).0,
    };
    let failures = Counter::Failures {
        tenant: tenant(),
        hour: hour(),
        queue: news(),
        cause: Cause::Rejected,
    };
    let of_all = figures(&[(Figure::Sent, 2), (Figure::Failed, 1)]);
    [
        ("flow_of_all", flow(None), of_all),
        ("flow_of_a_queue", flow(Some(news())), figures(&[(Figure::Sent, 2)])),
        ("standing", queue_counts, figures(&[(Figure::Queued, 3)])),
        ("waiting", waiting, figures(&[(Figure::Queued, 3)])),
        ("failures", failures, figures(&[(Figure::Count, 1)])),
    ]
}

#[tokio::test]
async fn counters_are_written() {
    let mut golden = Golden::of("counter");
    for (name, counter, figures) in counters() {
        let latest = matches!(counter, Counter::Failures { .. }).then(|| (at(1), example()));
        let update = CounterUpdate {
            counter: counter.clone(),
            seen: 0,
            delta: Delta { figures, latest },
        };
        let tally = Tally {
            updates: vec![update],
            markers: Vec::new(),
        };
        let stored = written_items(async |replay| {
            replay.table(16).count(&tally).await.unwrap();
        });
        golden.check(name, &stored.await.only());
        for replay in [golden.today(name), golden.old(name)] {
            let versions = replay.table(16).versions(&BTreeSet::from([counter.clone()])).await;
            assert_eq!(versions.unwrap(), BTreeMap::from([(counter.clone(), 1)]), "{name}");
        }
    }
    golden.assert_complete();
}

#[tokio::test]
async fn counters_are_read() {
    let hours = Hours {
        from: hour(),
        until: hour_of(at(hour().as_millis() + 3_600_000)),
    };
    let tenant = TenantId::main();
    let mut golden = Golden::of("counter");
    let [(all, _, of_all), (one, _, of_one), ..] = counters();
    for (name, queue, figures) in [(all, None, of_all), (one, Some("news"), of_one)] {
        for replay in [golden.today(name), golden.old(name)] {
            let flow = replay.table(16).flow(&tenant, queue, hours).await.unwrap();
            assert_eq!(flow, BTreeMap::from([(hour(), figures.clone())]), "{name}");
        }
    }
    let failures = FailuresOfHour {
        queue: "news".to_owned(),
        cause: Cause::Rejected,
        count: 1,
        latest: Some((at(1), example())),
    };
    for replay in [golden.today("failures"), golden.old("failures")] {
        let found = replay.table(16).failures(&tenant, None, hours).await.unwrap();
        assert_eq!(found, Some(vec![failures.clone()]));
    }
    let three = Figures::from([(Figure::Queued, 3)]);
    let stretch = WaitingFigures {
        level: Level::Day,
        begin: Level::Day.slot(hour()).0,
        figures: three.clone(),
    };
    let counts = QueueCounts::at(hour(), &three, &[stretch]);
    for items in [&golden.today, &golden.old] {
        let (queue_counts, waiting) = (items["standing"].clone(), items["waiting"].clone());
        let replay = Replay::by(move |request| match request.operation() {
            "Query" => CannedResponse::ok(&json!({"Items": [waiting], "Count": 1})),
            _ => CannedResponse::ok(&json!({"Responses": {"T": [queue_counts]}})),
        });
        let read = replay.table(16).queue_counts(&tenant, "news", hour()).await.unwrap();
        assert_eq!(read, counts);
    }
}

#[tokio::test]
async fn markers_are_read_and_written() {
    let mut golden = Golden::of("marker");
    let marker = Marker {
        minute: hour(),
        last: Sequence::parse("12").unwrap(),
        fingerprints: vec![Fingerprint(0x0102_0304_0506_0708), Fingerprint(9)],
    };
    let tally = Tally {
        updates: Vec::new(),
        markers: vec![marker.clone()],
    };
    let stored = written_items(async |replay| {
        replay.table(16).count(&tally).await.unwrap();
    });
    golden.check("counted", &stored.await.only());
    let span = Span {
        minute: marker.minute,
        first: Sequence::parse("9").unwrap(),
    };
    for replay in [golden.today("counted"), golden.old("counted")] {
        assert_eq!(
            replay.table(16).counted_fingerprints(&span).await.unwrap(),
            marker.fingerprints
        );
    }
    golden.assert_complete();
}
