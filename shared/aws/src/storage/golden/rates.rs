//! The account rate, the rate limits of queues, the bookmarks of `promote` and the newest event of `feedback`.

use std::collections::BTreeMap;
use std::time::Duration;

use domain::delivery::account_rate::{AccountRate, AccountRateChange};
use domain::delivery::breaker::OpenBreaker;
use domain::delivery::cause::Cause;
use domain::delivery::index::DueCursor;
use domain::delivery::priority_queue::FullPriorityQueues;
use domain::delivery::rate::{Begin, Micros, Rate};
use domain::delivery::record::Priority;
use domain::lifecycle::Feedback;
use domain::ports::rate_limits::RateLimits;
use domain::ports::webhook_events::DueDeliveries;
use domain::ports::{AccountRates, Bookmarks, DueIndex, Evidence, Watermark};
use domain::queue::rate_limit::{self, RateLimit, Release};
use domain::reporting::account::OldestDue;
use serde_json::json;

use super::queues::news;
use super::{Golden, written_items};
use crate::runtime::replay::{CannedResponse, Replay};
use crate::storage::evidence::EvidenceQueue;
use crate::storage::records::samples::at;

const SPAN: Duration = Duration::from_millis(2);
const HERE: Begin = Begin::Here(Micros(5_000_123));

fn rate() -> Rate {
    Rate::from_millis(14_000).unwrap()
}

#[tokio::test]
async fn the_accounts_rate_is_read_and_written() {
    let mut golden = Golden::of("pace");
    let reserve = |begin| AccountRateChange::Reserve {
        rate: rate(),
        span: SPAN,
        begin,
    };
    let behind = Begin::AfterReserved {
        earliest: Micros(0),
        latest: Micros(9_000_000),
    };
    let open = OpenBreaker {
        cause: Cause::QuotaExceeded,
        until: at(7_000),
        times: 2,
    };
    let breaker = AccountRateChange::Breaker {
        seen: None,
        becomes: Some(open),
    };
    let set = AccountRateChange::Rate { rate: Some(rate()) };
    let full = FullPriorityQueues::of(|priority| priority != Priority::High);
    let running = AccountRate {
        rate: Some(rate()),
        free_at: Some(Micros(5_004_123)),
        ..AccountRate::default()
    };
    let opened = AccountRate {
        free_at: Some(Micros(5_002_123)),
        open: Some(open),
        settings_version: 1,
        ..running
    };
    let filled = AccountRate { full, ..running };
    for (name, changes, account_rate, is_old) in [
        ("running", vec![set, reserve(HERE), reserve(behind)], running, true),
        (
            "open",
            vec![set, reserve(HERE), AccountRateChange::Settings, breaker],
            opened,
            true,
        ),
        (
            "full",
            vec![set, reserve(HERE), reserve(behind), AccountRateChange::Full(full)],
            filled,
            false,
        ),
    ] {
        let stored = written_items(async |replay| {
            for change in &changes {
                replay.table(16).change_account_rate(change).await.unwrap();
            }
        });
        golden.check(name, &stored.await.only());
        assert_eq!(
            golden.today(name).table(16).account_rate().await.unwrap(),
            account_rate,
            "{name}"
        );
        if is_old {
            assert_eq!(
                golden.old(name).table(16).account_rate().await.unwrap(),
                account_rate,
                "{name}"
            );
        }
    }
    golden.assert_complete();
}

#[tokio::test]
async fn rate_limits_are_read_and_written() {
    use rate_limit::RateLimitChange;
    let mut golden = Golden::of("rate_limit");
    let set = RateLimitChange::Rate { rate: Some(rate()) };
    let reserve = |begin, rest_waits| RateLimitChange::Reserve {
        rate: rate(),
        span: SPAN,
        begin,
        rest_waits,
    };
    let behind = Begin::AfterReserved {
        earliest: Micros(0),
        latest: Micros(9_000_000),
    };
    let reserved = RateLimit {
        rate: Some(rate()),
        free_at: Some(Micros(5_004_123)),
        ..RateLimit::default()
    };
    let busy = RateLimit {
        check_at: Some(at(6_000)),
        version: 1,
        ..reserved.clone()
    };
    let released = RateLimit {
        quiet_since: Some(at(7_000)),
        released: Some(Release {
            after: "a".to_owned(),
            until: "b".to_owned(),
            at: at(7_000),
        }),
        version: 2,
        ..busy.clone()
    };
    let look = RateLimitChange::Check {
        seen: Box::new(busy.clone()),
        becomes: Box::new(released.clone()),
    };
    let busy_changes = vec![set.clone(), reserve(HERE, None), reserve(behind, Some(at(6_000)))];
    let released_changes = busy_changes.iter().cloned().chain([look]).collect();
    for (name, changes, limit) in [
        (
            "booked",
            vec![set.clone(), reserve(HERE, None), reserve(behind, None)],
            reserved.clone(),
        ),
        ("busy", busy_changes, busy),
        ("released", released_changes, released),
    ] {
        let stored = written_items(async |replay| {
            for change in &changes {
                replay.table(16).change_rate_limit(&news(), change).await.unwrap();
            }
        });
        golden.check(name, &stored.await.only());
        let load = async |replay: Replay| replay.table(16).rate_limit(&news()).await.unwrap();
        assert_eq!(load(golden.today(name)).await, limit, "{name}");
    }
    // The rate limit of a queue, under its name in b1156e8.
    let old = golden.old("booked").table(16).rate_limit(&news()).await.unwrap();
    assert_eq!(old, reserved);
    golden.assert_complete();
}

#[tokio::test]
async fn bookmarks_are_read_and_written() {
    let mut golden = Golden::of("bookmarks");
    let cursor = |text: &str| DueCursor(text.to_owned());
    let stored = written_items(async |replay| {
        let table = replay.table(16);
        table.save_cursor(3, &cursor("c3")).await.unwrap();
        table.save_cursor(15, &cursor("c15")).await.unwrap();
        for (priority, since) in [
            (Priority::Low, Some(at(4_000))),
            (Priority::High, Some(at(4_000))),
            (Priority::High, None),
        ] {
            table.save_busy_since(priority, since).await.unwrap();
        }
        let oldest = OldestDue {
            due: at(1_000),
            seen_at: at(5_000),
        };
        table.save_oldest_due(oldest).await.unwrap();
        table.save_due_place(2, Some(&cursor("c2"))).await.unwrap();
    });
    golden.check("saved", &stored.await.only());
    let old = Bookmarks {
        cursors: BTreeMap::from([(3, cursor("c3")), (15, cursor("c15"))]),
        busy_since: BTreeMap::from([(Priority::Low, at(4_000))]),
        oldest_due: None,
        hook_places: BTreeMap::new(),
    };
    let today = Bookmarks {
        oldest_due: Some(OldestDue {
            due: at(1_000),
            seen_at: at(5_000),
        }),
        hook_places: BTreeMap::from([(2, cursor("c2"))]),
        ..old.clone()
    };
    for (replay, bookmarks) in [(golden.today("saved"), today), (golden.old("saved"), old)] {
        assert_eq!(replay.table(16).bookmarks().await.unwrap(), bookmarks);
    }
    golden.assert_complete();
}

#[tokio::test]
async fn the_newest_event_is_read_and_written() {
    let mut golden = Golden::of("newest_event");
    let stored = written_items(async |replay| {
        replay.table(16).raise_watermark(at(8_000)).await.unwrap();
    });
    golden.check("raised", &stored.await.only());
    for replay in [golden.today("raised"), golden.old("raised")] {
        // The count of the queue is missing, so that it is not known to be empty.
        let sqs = Replay::new([CannedResponse::ok(&json!({}))]).clients().sqs();
        let evidence = EvidenceQueue::new(&sqs, "https://sqs.us-east-1.amazonaws.com/1/feedback", replay.table(16));
        let expected = Feedback {
            empty_at: None,
            newest: Some(at(8_000)),
        };
        assert_eq!(evidence.feedback(at(9_000)).await.unwrap(), expected);
    }
    golden.assert_complete();
}
