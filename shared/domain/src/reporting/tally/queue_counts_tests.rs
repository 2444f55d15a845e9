use std::collections::BTreeMap;

use super::super::change::{Change, CountedRecord, count_changes};
use super::super::counter::Counter;
use super::super::samples::{at, change, queued, tried};
use super::*;
use crate::delivery::record::RecordStatus;

/// The counts at `now` after these changes.
fn shown(changes: &[Change], now: Timestamp) -> QueueCounts {
    let mut counters: BTreeMap<Counter, Figures> = BTreeMap::new();
    for change in changes {
        for (counter, delta) in count_changes(change) {
            for (figure, by) in delta.figures {
                *counters.entry(counter.clone()).or_default().entry(figure).or_default() += by;
            }
        }
    }
    let (mut email_status, mut stretches) = (Figures::new(), Vec::new());
    for (counter, figures) in counters {
        match counter {
            Counter::EmailStatus { .. } => email_status = figures,
            Counter::Waiting { level, begin, .. } => stretches.push(WaitingFigures { level, begin, figures }),
            Counter::Flow { .. } | Counter::Failures { .. } => {}
        }
    }
    QueueCounts::at(now, &email_status, &stretches)
}

fn scheduled(secs: i64) -> CountedRecord {
    CountedRecord {
        scheduled: true,
        not_before: at(secs),
        ..queued()
    }
}

#[test]
fn every_state_has_its_count() {
    let held = CountedRecord { held: true, ..queued() };
    let records = [
        queued(),
        scheduled(120),
        held,
        tried(RecordStatus::Sending),
        tried(RecordStatus::Uncertain),
        tried(RecordStatus::Sent),
        CountedRecord {
            not_before: at(300),
            ..tried(RecordStatus::Queued)
        },
    ];
    let changes: Vec<_> = (0..)
        .zip(records)
        .map(|(n, record)| change(n, at(0), None, Some(record)))
        .collect();
    let expected = QueueCounts {
        scheduled: 1,
        queued: 1,
        sending: 2,
        retry: 1,
        held: 1,
    };
    assert_eq!(shown(&changes, at(1)), expected);
    let later = QueueCounts {
        scheduled: 0,
        queued: 3,
        retry: 0,
        ..expected
    };
    assert_eq!(
        shown(&changes, at(300)),
        later,
        "their time has come, and nothing was written"
    );
}

/// At any distance, an email is scheduled until its minute comes, and queued from then on.
#[test]
fn an_email_waits_until_its_minute_comes() {
    for secs in [
        60,
        61,
        1_799,
        1_800,
        3_600,
        5_400,
        86_399,
        86_400,
        100_000,
        3_000_000,
        40_000_000,
        300_000_000,
    ] {
        let waits = [change(1, at(0), None, Some(scheduled(secs)))];
        let minute = secs.div_euclid(60) * 60;
        for now in [
            0,
            59,
            secs / 3,
            secs / 2,
            minute - 86_400,
            minute - 3_600,
            minute - 60,
            minute - 1,
        ] {
            let now = at(now.clamp(0, minute - 1));
            let expected = QueueCounts {
                scheduled: 1,
                ..QueueCounts::default()
            };
            assert_eq!(shown(&waits, now), expected, "{secs} s ahead, at {now}");
        }
        for now in [minute, secs, secs + 60, secs + 3_600, secs + 90_000, secs + 9_000_000] {
            let expected = QueueCounts {
                queued: 1,
                ..QueueCounts::default()
            };
            assert_eq!(shown(&waits, at(now)), expected, "{secs} s ahead, at {}", at(now));
        }
    }
}

/// An email that leaves after any wait is in no count at any later time.
#[test]
fn an_email_that_left_is_in_no_count() {
    for secs in [30, 70, 4_000, 90_000, 3_000_000] {
        for permits in [1, 40, secs / 2, secs, secs + 5, secs + 4_000] {
            let comes = change(1, at(0), None, Some(scheduled(secs)));
            let goes = change(
                2,
                at(permits),
                Some(scheduled(secs)),
                Some(tried(RecordStatus::Canceled)),
            );
            for now in [permits, permits + 60, secs, secs + 100_000] {
                let now = at(now.max(permits));
                let shown = shown(&[comes.clone(), goes.clone()], now);
                assert_eq!(
                    shown,
                    QueueCounts::default(),
                    "{secs} s ahead, left after {permits} s, at {now}"
                );
            }
        }
    }
}

#[test]
fn counts_of_two_moments_are_never_negative() {
    let email_status = Figures::from([(Figure::Sending, -1), (Figure::Scheduled, 1)]);
    let (begin, slot) = Level::Minute.slot(at(60));
    let figures = Figures::from([(Figure::ScheduledIn(slot), 2), (Figure::RetryIn(slot), -3)]);
    let stretch = WaitingFigures {
        level: Level::Minute,
        begin,
        figures,
    };
    let expected = QueueCounts {
        scheduled: 2,
        ..QueueCounts::default()
    };
    assert_eq!(
        QueueCounts::at(at(0), &email_status, &[stretch]).scheduled,
        expected.scheduled
    );
}
