//! Keeps the index moving: enqueues what is due soon, recovers what should have moved on, and
//! settles what is uncertain, works off what was asked of whole queues. Keeps the pace at what
//! the account allows.
//!
//! **Role:** runs every minute; nothing else looks at the index.
//! **Invariant:** an entry of the index is a hint. A send task proves nothing and is sent from
//! the hint alone; anything that is written is decided on the record.
//! **After a crash** anywhere: the next run finds the same index. Two runs at once do no harm.
//! **Start reading at** [`Promote::run`]; [`handler`] is Lambda.

mod backlog;
mod due_emails;
pub mod handler;
mod jobs;
mod limited;
mod overdue;
mod pace;
mod queues;

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use domain::lifecycle::{Feedback, LaneState, Policy};
use domain::ports::rate_limits::RateLimits;
use domain::ports::{
    Accounts, Backlog, Batches, Bodies, Bookmarks, Clock, DeadLetters, DueIndex, EmailKey, EmailRecords, Evidence,
    Jobs, Lanes, Paces, PortError, Queues,
};
use domain::queue::{Queue, QueueKey};
use domain::record::Lane;
use futures::StreamExt;
use futures::future::join;
use futures::stream::iter;
use tokio::sync::OnceCell;

use crate::backlog::Backlogs;

/// Shards that are worked off at the same time. Our choice: with what each does at once, a small
/// function has dozens of calls under way and not hundreds.
const AT_ONCE: usize = 4;

/// Promotes emails with what the world offers.
#[derive(Debug, Clone)]
pub struct Promote<R, B, L, D, E, A, S> {
    /// The records, their index, and the pace.
    pub records: R,
    /// The contents.
    pub bodies: B,
    /// The lanes.
    pub lanes: L,
    /// Where an email goes that failed for good.
    pub dead_letters: D,
    /// How far feedback is.
    pub evidence: E,
    /// The account at SES.
    pub account: A,
    /// The clock.
    pub system: S,
    /// The timings.
    pub policy: Policy,
    /// How long an email may wait to be sent that is tried again.
    pub expires_after: Duration,
    /// How long a finished email is kept.
    pub retention: Duration,
    /// Hidden and delayed messages above which a lane is full; [`domain::lane::MOST_MESSAGES`] in production.
    pub most_messages: u64,
}

/// What of the table is promoted.
pub trait Store: EmailRecords + RateLimits + Batches + DueIndex + Paces + Queues + Jobs {}

impl<T: EmailRecords + RateLimits + Batches + DueIndex + Paces + Queues + Jobs> Store for T {}

/// What a run did.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct Promoted {
    /// Send tasks sent ahead of their time.
    pub enqueued: usize,
    /// Records that should have moved on, and do now.
    pub recovered: usize,
    /// Send tasks, dead-letter messages and records that failed; the next run has them again, or the index
    /// a guard's time later.
    pub failed: usize,
    /// Time was over before everything was done; the next run goes on.
    pub unfinished: bool,
}

impl std::ops::AddAssign for Promoted {
    fn add_assign(&mut self, other: Self) {
        self.enqueued += other.enqueued;
        self.recovered += other.recovered;
        self.failed += other.failed;
        self.unfinished |= other.unfinished;
    }
}

/// One run: when it has to end, and what is asked once in it.
struct Run {
    deadline: Instant,
    feedback: OnceCell<Feedback>,
    /// Whether nobody may go while the breaker is open, or a probe may; `None` when it is closed.
    shut: Option<bool>,
    /// The lanes with a backlog, and the full ones.
    backlogs: Backlogs,
    /// The queues that were met.
    queues: Mutex<BTreeMap<QueueKey, Queue>>,
}

impl Run {
    /// The state of a lane for one more record that may be enqueued into it.
    fn lane(&self, lane: Lane) -> LaneState {
        match self.shut {
            Some(true) => LaneState::Shut,
            // Its backlog is in the index until there is room.
            _ if self.backlogs.full.has(lane) || !self.backlogs.take_room(lane) => LaneState::Shut,
            // What waits is hidden in its lane. But were every send task lost, nobody would probe.
            Some(false) => LaneState::Backlog,
            None if self.backlogs.long.contains(&lane) => LaneState::Backlog,
            None => LaneState::Flowing,
        }
    }

    fn time_is_over(&self) -> bool {
        Instant::now() >= self.deadline
    }
}

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
    /// Works off the index until it is done or `deadline` has come.
    ///
    /// # Errors
    /// The first call to the index that failed, after all else was done.
    pub async fn run(&self, deadline: Instant) -> Result<Promoted, PortError> {
        let pace = self.follow_account().await;
        let bookmarks = self.records.bookmarks().await?;
        let run = &Run {
            deadline,
            feedback: OnceCell::new(),
            shut: pace
                .and_then(|pace| pace.open)
                .map(|open| open.until > self.system.now()),
            backlogs: self.backlogs(&bookmarks.busy_since, pace.as_ref()).await,
            queues: Mutex::default(),
        };
        // Slots are given out minute by minute: nothing else keeps them waiting.
        let released = async {
            match pace {
                Some(_) => self.release_limited(run).await,
                // The breaker may be open.
                None => Ok(Promoted::default()),
            }
        };
        let others = self.recover_all(&bookmarks, run);
        let (released, others) = join(released, others).await;
        let (mut done, mut error) = (Promoted::default(), None);
        for result in std::iter::once(released).chain(others) {
            match result {
                Ok(promoted) => done += promoted,
                Err(failed) => error = error.or(Some(failed)),
            }
        }
        // What belongs to a queue comes last: it must not keep the others waiting.
        match self.work_off_jobs(run).await {
            Ok(promoted) => done += promoted,
            Err(failed) => error = error.or(Some(failed)),
        }
        error.map_or(Ok(done), Err)
    }

    /// Enqueues what is due soon, and recovers what is overdue.
    async fn recover_all(&self, bookmarks: &Bookmarks, run: &Run) -> Vec<Result<Promoted, PortError>> {
        let mut results = Vec::new();
        // What is due soon first: it must not wait for a recovery that takes long.
        let shards = (0..self.records.shards()).map(async |shard| {
            let (cursor, mut held) = (bookmarks.cursors.get(&shard).cloned(), Vec::new());
            (self.enqueue_due(shard, cursor, run, &mut held).await, held)
        });
        let mut enqueued = iter(shards.collect::<Vec<_>>()).buffer_unordered(AT_ONCE);
        let mut held = Vec::new();
        while let Some((result, of_shard)) = enqueued.next().await {
            results.push(result);
            held.extend(of_shard);
        }
        // By queue: the emails of one queue share the check of its state.
        held.sort();
        let held: Vec<EmailKey> = held.into_iter().map(|(_, email)| email).collect();
        results.push(self.recover(&held, run).await);
        let shards = (0..self.records.shards()).map(async |shard| {
            [
                self.recover_unsent(shard, run).await,
                self.recover_overdue(shard, run).await,
            ]
        });
        let mut recovered = iter(shards.collect::<Vec<_>>()).buffer_unordered(AT_ONCE);
        while let Some(of_shard) = recovered.next().await {
            results.extend(of_shard);
        }
        results
    }
}
