//! The rate limits of queues over [`State`], and the emails that wait for slots.

use domain::index;
use domain::ports::rate_limits::{InLine, Limited, RateLimits, Stretch};
use domain::ports::{Coming, DueCursor, DuePage, EmailKey, PortError};
use domain::queue::QueueKey;
use domain::rate_limit::{Change, RateLimit};
use domain::row::{DueKind, Row};
use domain::timestamp::Timestamp;
use domain::wire::wake_up::WakeUp;

use crate::nature::{Broken, Nature};
use crate::{Call, State, World};

/// A release that came too late, among the kinds of [`crate::nature::Nature::struck`].
pub const LOOK_REFUSED: &str = "release refused";

/// The place of a row that waits for a slot: its partition, and its key there.
fn place(row: &Row) -> Option<((QueueKey, u16), String)> {
    let due = row.due.filter(|due| due.kind == DueKind::Paced)?;
    let shard = index::shard(due.kind, row.id, 0);
    let key = format!("{:015}#{}", due.at.as_millis(), row.id);
    Some(((QueueKey::of(row), shard), key))
}

impl State {
    /// Moves a row in the partitions of what waits for slots.
    pub(crate) fn line_up(&mut self, before: Option<&Row>, after: &Row) {
        if let Some((partition, key)) = before.and_then(place) {
            self.in_line.entry(partition).or_default().remove(&key);
        }
        if let Some((partition, key)) = place(after) {
            let email = EmailKey::of(after);
            self.in_line.entry(partition).or_default().insert(key, email);
        }
    }

    fn limit_of(&mut self, queue: &QueueKey) -> &mut RateLimit {
        self.rate_limits.entry(queue.clone()).or_default()
    }

    /// The places in a shard, and whose they are, behind a place and up to another one.
    fn places(&mut self, partition: &(QueueKey, u16), stretch: &Stretch, count: usize) -> Vec<(String, EmailKey)> {
        let is_in = |key: &String| {
            stretch.after.as_ref().is_none_or(|after| *key > after.0)
                && stretch.until.as_ref().is_none_or(|until| *key <= until.0)
        };
        // An index that is not behind has the places that the rows have.
        let is_behind = self.nature.as_mut().is_some_and(Nature::is_behind);
        if let Some(nature) = self.nature.as_mut().filter(|_| is_behind) {
            let mut places: Vec<_> = nature
                .indexed()
                .filter_map(|row| place(row).map(|(of, key)| (of, key, EmailKey::of(row))))
                .filter(|(of, key, _)| of == partition && is_in(key))
                .map(|(_, key, email)| (key, email))
                .collect();
            places.sort();
            places.truncate(count);
            return places;
        }
        let Some(line) = self.in_line.get(partition) else {
            return Vec::new();
        };
        let from = stretch
            .after
            .as_ref()
            .map_or(String::new(), |after| format!("{}\u{1}", after.0));
        let places = line.range(from..).take_while(|(key, _)| is_in(key)).take(count);
        places.map(|(key, email)| (key.clone(), email.clone())).collect()
    }
}

fn in_line((key, row): (String, &Row)) -> InLine {
    InLine {
        coming: Coming {
            not_before: row.due.map_or(row.not_before, |due| due.at),
            lane: row.lane,
            wake_up: WakeUp::of(row),
            cursor: DueCursor(key),
        },
        expires_at: row.expires_at,
    }
}

impl RateLimits for World {
    async fn rate_limit(&self, queue: &QueueKey) -> Result<RateLimit, PortError> {
        let queue = queue.clone();
        self.call(Call::reads("rate_limit", None), move |state| {
            state.limit_of(&queue).clone()
        })
        .await
    }

    async fn change_rate_limit(&self, queue: &QueueKey, change: &Change) -> Result<Limited, PortError> {
        let (queue, change) = (queue.clone(), change.clone());
        let any = self.is(Broken::RateLimitsIgnored);
        self.rival();
        self.call(Call::writes("change_rate_limit", None), move |state| {
            let limit = state.limit_of(&queue);
            if any || change.holds(limit) {
                *limit = change.on(limit.clone());
                Limited::Done(limit.clone())
            } else {
                let known = limit.clone();
                if let (Some(nature), Change::Look { .. }) = (&mut state.nature, &change) {
                    nature.strike(LOOK_REFUSED);
                }
                Limited::Refused(known)
            }
        })
        .await
    }

    async fn queues_to_look_at(&self, until: Timestamp) -> Result<Vec<QueueKey>, PortError> {
        let forgotten = self.is(Broken::MarksOfQueuesForgotten);
        self.call(Call::reads("queues_to_look_at", None), move |state| {
            let all = state.rate_limits.iter();
            let due = all.filter(|(_, limit)| limit.look_at.is_some_and(|at| at <= until) && !forgotten);
            due.map(|(queue, _)| queue.clone()).collect()
        })
        .await
    }

    async fn in_line(
        &self,
        queue: &QueueKey,
        shard: u16,
        stretch: &Stretch,
        count: usize,
    ) -> Result<DuePage<InLine>, PortError> {
        let (partition, stretch) = ((queue.clone(), shard), stretch.clone());
        self.call(Call::reads("in_line", None), move |state| {
            let mut places = state.places(&partition, &stretch, count.saturating_add(1));
            let more = places.len() > count;
            places.truncate(count);
            let next = places.last().filter(|_| more).map(|(key, _)| DueCursor(key.clone()));
            state.in_line_read += places.len();
            let items = places.into_iter().filter_map(|(key, email)| {
                // The index has what it says of a row; here the row says it.
                state.rows.get(&email).map(|row| in_line((key, row)))
            });
            DuePage {
                items: items.collect(),
                next,
            }
        })
        .await
    }
}
