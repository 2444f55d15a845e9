//! The counters over [`State`], written all or not at all, and the stream of the records.

use std::collections::{BTreeMap, BTreeSet};

use domain::delivery::record::{DueKind, EmailRecord};
use domain::id::{EmailId, TenantId};
use domain::ports::{Counted, Counts, PortError, Tallies};
use domain::reporting::hours::{FailuresOfHour, Hours};
use domain::reporting::tally::change::{Change, CountedRecord};
use domain::reporting::tally::change_id::{ChangeId, Fingerprint, Sequence};
use domain::reporting::tally::counter::{Counter, Figure, Figures};
use domain::reporting::tally::portion::{Marker, Span, Tally, Versions};
use domain::reporting::tally::queue_counts::{QueueCounts, WaitingFigures};
use domain::timestamp::Timestamp;

use crate::{Call, MemoryBackend, State};

/// A stored counter.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct StoredCounter {
    /// Number of writes.
    pub version: u64,
    /// The figures of the counter.
    pub figures: Figures,
    /// The latest example.
    pub latest: Option<(Timestamp, EmailId)>,
}

/// The counters with their markers and stream.
#[derive(Debug, Clone, Default)]
pub struct Counters {
    /// The counters.
    pub counters: BTreeMap<Counter, StoredCounter>,
    /// The markers.
    pub markers: Vec<Marker>,
    /// Number of writes that were refused because a counter had another version than the one read.
    pub refused: u32,
    /// The changes of the records, while the stream is on.
    pub stream: Option<Vec<Change>>,
}

/// The counted properties of a record.
#[must_use]
pub fn to_counted_record(record: &EmailRecord) -> CountedRecord {
    CountedRecord {
        born: record.born,
        queue: record.queue.to_string(),
        status: record.status,
        cause: record.cause,
        not_before: record.not_before,
        scheduled: record.scheduled_at.is_some(),
        tried: record.claim_no > 0,
        held: record.due.is_some_and(|due| due.kind == DueKind::Held),
        recipients: record.recipients,
        attachment_bytes: record.attachment_bytes,
        delivery_statuses: record.delivery_statuses.clone(),
        facts: record.facts.keys().cloned().collect(),
        opened_at: record.opened_at,
        clicked_at: record.clicked_at,
    }
}

impl Counters {
    /// Adds a write to the stream, while it is on.
    pub(crate) fn add_to_stream(&mut self, now: Timestamp, before: Option<&EmailRecord>, after: Option<&EmailRecord>) {
        let Some(stream) = &mut self.stream else { return };
        let Some(key) = before.or(after).map(EmailRecord::email_key) else {
            return;
        };
        let Some(sequence) = Sequence::parse(&(stream.len()).to_string()) else {
            return;
        };
        stream.push(Change {
            change_id: ChangeId::new(&key, sequence, now),
            key,
            at: now,
            before: before.map(to_counted_record),
            after: after.map(to_counted_record),
        });
    }

    fn write(&mut self, tally: &Tally) -> Counted {
        let of = |counter: &Counter| self.counters.get(counter).map_or(0, |stored| stored.version);
        if tally.updates.iter().any(|update| of(&update.counter) != update.seen) {
            self.refused = self.refused.saturating_add(1);
            return Counted::Moved;
        }
        for update in &tally.updates {
            let stored = self.counters.entry(update.counter.clone()).or_default();
            stored.version = stored.version.saturating_add(1);
            for (figure, by) in &update.delta.figures {
                let known = stored.figures.entry(*figure).or_insert(0);
                *known = known.saturating_add(*by);
            }
            stored.latest = update.delta.latest.or(stored.latest);
        }
        self.markers.extend(tally.markers.iter().cloned());
        Counted::Done
    }

    fn queue_counts(&self, tenant: &TenantId, queue: &str, now: Timestamp) -> QueueCounts {
        let (mut queue_counts, mut stretches) = (Figures::new(), Vec::new());
        for (counter, stored) in &self.counters {
            match counter {
                Counter::EmailStatus { tenant: of, queue: at } if of == tenant && at == queue => {
                    queue_counts.clone_from(&stored.figures);
                }
                Counter::Waiting {
                    tenant: of,
                    queue: at,
                    level,
                    begin,
                } if of == tenant && at == queue => stretches.push(WaitingFigures {
                    level: *level,
                    begin: *begin,
                    figures: stored.figures.clone(),
                }),
                Counter::EmailStatus { .. }
                | Counter::Waiting { .. }
                | Counter::Flow { .. }
                | Counter::Failures { .. } => {}
            }
        }
        QueueCounts::at(now, &queue_counts, &stretches)
    }
}

impl Tallies for MemoryBackend {
    async fn versions(&self, counters: &BTreeSet<Counter>) -> Result<Versions, PortError> {
        let wanted = counters.clone();
        self.call(Call::reads("versions", None), move |state: &mut State| {
            let stored = &state.tally.counters;
            let version = |counter: &Counter| Some((counter.clone(), stored.get(counter)?.version));
            wanted.iter().filter_map(version).collect()
        })
        .await
    }

    async fn counted_fingerprints(&self, span: &Span) -> Result<Vec<Fingerprint>, PortError> {
        let span = span.clone();
        self.call(Call::reads("counted_fingerprints", None), move |state| {
            let markers = state.tally.markers.iter();
            let within = markers.filter(|marker| marker.minute == span.minute && marker.last >= span.first);
            within.flat_map(|marker| marker.fingerprints.clone()).collect()
        })
        .await
    }

    async fn count(&self, tally: &Tally) -> Result<Counted, PortError> {
        let tally = tally.clone();
        self.call(Call::writes("count", None), move |state| state.tally.write(&tally))
            .await
    }
}

impl Counts for MemoryBackend {
    async fn queue_counts(&self, tenant: &TenantId, queue: &str, now: Timestamp) -> Result<QueueCounts, PortError> {
        let (tenant, queue) = (tenant.clone(), queue.to_owned());
        self.call(Call::reads("queue_counts", None), move |state| {
            state.tally.queue_counts(&tenant, &queue, now)
        })
        .await
    }

    async fn flow(
        &self,
        tenant: &TenantId,
        queue: Option<&str>,
        hours: Hours,
    ) -> Result<BTreeMap<Timestamp, Figures>, PortError> {
        let (tenant, queue) = (tenant.clone(), queue.map(str::to_owned));
        self.call(Call::reads("flow", None), move |state| {
            let of = |(counter, stored): (&Counter, &StoredCounter)| match counter {
                Counter::Flow {
                    tenant: of,
                    queue: at,
                    hour,
                } if *of == tenant && *at == queue && (hours.from..hours.until).contains(hour) => {
                    Some((*hour, stored.figures.clone()))
                }
                Counter::Flow { .. }
                | Counter::EmailStatus { .. }
                | Counter::Waiting { .. }
                | Counter::Failures { .. } => None,
            };
            state.tally.counters.iter().filter_map(of).collect()
        })
        .await
    }

    async fn failures(
        &self,
        tenant: &TenantId,
        queue: Option<&str>,
        hours: Hours,
    ) -> Result<Option<Vec<FailuresOfHour>>, PortError> {
        let (tenant, queue) = (tenant.clone(), queue.map(str::to_owned));
        self.call(Call::reads("failures", None), move |state| {
            let of = |(counter, stored): (&Counter, &StoredCounter)| match counter {
                Counter::Failures {
                    tenant: of,
                    hour,
                    queue: at,
                    cause,
                } if *of == tenant
                    && queue.as_ref().is_none_or(|queue| queue == at)
                    && (hours.from..hours.until).contains(hour) =>
                {
                    let count = stored.figures.get(&Figure::Count).copied().unwrap_or(0);
                    Some(FailuresOfHour {
                        queue: at.clone(),
                        cause: *cause,
                        count: u64::try_from(count).unwrap_or(0),
                        latest: stored.latest,
                    })
                }
                Counter::Flow { .. }
                | Counter::EmailStatus { .. }
                | Counter::Waiting { .. }
                | Counter::Failures { .. } => None,
            };
            Some(state.tally.counters.iter().filter_map(of).collect())
        })
        .await
    }
}
