//! The table of the events that webhooks tell for each change of a record.
//!
//! **Role:** `tests/checker/told.txt` has the rows of every change that the usual configurations reach, and a test
//! compares it with the code. So a new status, flag or command shows its events to a reviewer.

use std::collections::{BTreeMap, BTreeSet};

use domain::delivery::cause::Cause;
use domain::delivery::life::LifeKind;
use domain::delivery::record::EmailRecord;
use domain::webhook::telling::{Told, told};

use crate::explore::Report;

const HEADER: &str = "\
# `make told` makes this table of the states that the checker reaches. Do not edit it by hand.
# Each line has the record before a write, the record after it, and the events that webhooks get.
# `flagged`: maybe_duplicate. `twice`: SES accepted two claims. `purged`: the cause. `none`: no record, or a tombstone.
# The word after an event is the fact whose number is a part of its identity.

";

/// Returns the row of a change: the records in words, and the events.
#[must_use]
pub fn row(before: Option<&EmailRecord>, after: Option<&EmailRecord>) -> String {
    let events: Vec<_> = told(before, after)
        .iter()
        .map(|telling| format!("{} ({})", telling.event_type.as_str(), number(&telling.told)))
        .collect();
    let events = if events.is_empty() {
        "nothing".to_owned()
    } else {
        events.join(", ")
    };
    format!("{} -> {}: {events}", words(before), words(after))
}

/// Returns the table of all rows.
#[must_use]
pub fn table<'a>(reports: impl IntoIterator<Item = &'a Report>) -> String {
    let rows: BTreeSet<_> = reports.into_iter().flat_map(|report| &report.told).collect();
    let mut by_change = BTreeMap::<&str, Vec<&str>>::new();
    for row in rows {
        let (change, events) = row.split_once(": ").unwrap_or((row, ""));
        by_change.entry(change).or_default().push(events);
    }
    let lines = by_change
        .into_iter()
        .map(|(change, events)| format!("{change}: {}\n", events.join("; or ")));
    HEADER.chars().chain(lines.collect::<String>().chars()).collect()
}

fn words(record: Option<&EmailRecord>) -> String {
    let Some(record) = record else {
        return "none".to_owned();
    };
    let status = format!("{:?}", record.status).to_lowercase();
    let flags = [
        (record.maybe_duplicate, " flagged"),
        (record.duplicate, " twice"),
        (record.cause == Some(Cause::Purged), " purged"),
    ];
    let flags = flags.into_iter().filter(|(is_set, _)| *is_set).map(|(_, word)| word);
    std::iter::once(status.as_str()).chain(flags).collect()
}

fn number(told: &Told) -> &'static str {
    match told {
        Told::Life(LifeKind::Scheduled { .. }) => "schedule",
        Told::Life(LifeKind::Sent { .. }) | Told::LeftOut { .. } => "claim",
        Told::Life(LifeKind::Ended { .. }) => "end",
        Told::Status { .. } | Told::Opened(_) | Told::Clicked { .. } | Told::Suppression(_) | Told::Domain => "fact",
    }
}
