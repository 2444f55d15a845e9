//! Finds the lanes that have a backlog: to wake again what waits in there would make it longer.

use std::collections::{BTreeMap, BTreeSet};

use domain::ports::{Accounts, Backlog, Bodies, Clock, DeadLetters, Evidence, Lanes, Waiting};
use domain::row::Lane;
use domain::timestamp::Timestamp;

use crate::{Promote, Store};

impl<R, B, L, D, E, A, S> Promote<R, B, L, D, E, A, S>
where
    R: Store,
    B: Bodies,
    L: Lanes + Backlog,
    D: DeadLetters,
    E: Evidence,
    A: Accounts,
    S: Clock,
{
    /// The lanes that have not been empty for longer than half the guard, as far as each run
    /// could see: since when is remembered from run to run, and written when it changes.
    ///
    /// Whatever fails here is a warning: what was remembered still holds.
    pub(crate) async fn backlogs(&self, busy_since: &BTreeMap<Lane, Timestamp>) -> BTreeSet<Lane> {
        let now = self.system.now();
        let waiting = match self.lanes.waiting().await {
            Ok(waiting) => Some(waiting),
            Err(error) => {
                let error = aws::telemetry::chain(&error);
                tracing::warn!(error, "how full the lanes are could not be found out");
                None
            }
        };
        let mut backlogs = BTreeSet::new();
        for lane in Lane::ALL {
            let before = busy_since.get(&lane).copied();
            let since = match waiting.as_ref().map(|waiting: &Waiting| waiting.of(lane)) {
                Some(0) => None,
                Some(_) => before.or(Some(now)),
                None => before,
            };
            if since != before
                && let Err(error) = self.rows.save_busy_since(lane, since).await
            {
                let error = aws::telemetry::chain(&error);
                tracing::warn!(error, "since when a lane is busy could not be saved");
            }
            if since.is_some_and(|since| now.since(since) > self.policy.guard / 2) {
                backlogs.insert(lane);
            }
        }
        backlogs
    }
}
