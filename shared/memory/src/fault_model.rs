//! The fault model: durations, results and delays of calls.
//!
//! **Role:** with it, time passes as in tokio (paused, and advanced automatically), calls overlap, and messages and
//! events travel. Without it every call finishes at once, for the functions' own tests.
//! **Invariant:** one seeded generator makes all random choices, in the order of the calls, so that the same seed
//! gives the same run.
//! **Start reading at** [`FaultModel::course`].

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use domain::delivery::cause::Cause;
use domain::delivery::index::LOOK_AHEAD;
use domain::delivery::record::{DueKind, EmailRecord, Priority};
use domain::id::{EmailId, EmailKey};
use domain::timestamp::Timestamp;
use fastrand::Rng;
use tokio::sync::Notify;
use tokio::time::Instant;

use crate::environment::Environment;
use crate::observer::Observer;
use crate::provider::Answer;
use crate::queue::{Queue, Received, millis};
use crate::trace::{Step, Trace};
use crate::{Call, Fault};

/// Longest delay of a write after its caller gave up. The SDK gives each try four seconds; longer delays come from
/// the network.
const LATEST_WRITE: Duration = Duration::from_secs(30);

/// The odds of faults, in ten thousandths of the calls that they can hit.
#[derive(Debug, Clone, Copy, Default)]
pub struct Odds {
    /// The call fails without an effect.
    pub before: u32,
    /// The call has its effect, and its answer is lost.
    pub after: u32,
    /// The answer is lost, and the SDK repeats the call.
    pub repeated: u32,
    /// The call fails for its caller, and has its effect later.
    pub late: u32,
    /// The environment dies before the effect.
    pub die_before: u32,
    /// The environment dies after the effect.
    pub die_after: u32,
    /// A call in transit arrives although its caller crashes.
    pub detached: u32,
    /// The write conflicts with another one of the same item, and is refused.
    pub conflict: u32,
    /// The table gets too many requests.
    pub throttled: u32,
    /// The call takes up to [`Odds::slow_ms`].
    pub slow: u32,
    /// Longest duration of a slow call.
    pub slow_ms: u64,
    /// Longest time for a call to arrive, and for its answer to return.
    pub delay_ms: u64,
    /// Longest delay of the index behind the records.
    pub stale_ms: u64,
    /// One message of a batch call fails.
    pub partly: u32,
    /// A message is delivered twice.
    pub doubled: u32,
    /// A message is visible again while it is processed.
    pub seen_again: u32,
    /// The deletion of a processed message is lost.
    pub delete_lost: u32,
    /// SES throttles.
    pub throttle: u32,
    /// SES's quota is spent, for minutes.
    pub quota: u32,
    /// SES pauses the account, for minutes.
    pub pause: u32,
    /// SES refuses the email.
    pub reject: u32,
    /// SES denies access.
    pub unavailable: u32,
    /// SES is never reached, and the sender knows it.
    pub unreached: u32,
    /// The submission is lost, and so is the answer.
    pub lost_before: u32,
    /// SES accepts, and the answer is lost.
    pub lost_after: u32,
    /// SES accepts after its client has given up.
    pub accepts_late: u32,
    /// SES never answers, and never accepts.
    pub hangs: u32,
    /// An event is published twice.
    pub event_doubled: u32,
    /// An event takes up to half an hour.
    pub event_late: u32,
    /// An event is never published.
    pub event_lost: u32,
}

/// A deliberate defect, to check that the oracle finds it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Broken {
    /// Nothing.
    #[default]
    Nothing,
    /// The table writes without checking any condition.
    Conditions,
    /// The table grants every claim.
    Claims,
    /// The submission is repeated after a lost answer, as the SDK does by default.
    AskedTwice,
    /// Events are acknowledged and not processed.
    EventsIgnored,
    /// Nothing reads the index.
    PromoteNeverRuns,
    /// A cancel is answered and not written.
    CancelNotWritten,
    /// A request is answered before its record is written.
    AnsweredTooEarly,
    /// A read returns another email's content.
    ContentsMixedUp,
    /// A write loses the flag `maybe_duplicate`.
    MarksLost,
    /// Dead-letter messages are acknowledged and not processed.
    DeadLettersIgnored,
    /// Senders treat every queue as neither paused nor purged.
    QueuesIgnored,
    /// Jobs of queues are never found.
    JobsForgotten,
    /// Tombstones are never found.
    TombstonesForgotten,
    /// The record of a batch expires after this many seconds, instead of the requested time.
    RecordsShort(u64),
    /// The table reserves every requested slot.
    RateLimitsIgnored,
    /// Queues with emails that wait for slots are never found.
    MarksOfQueuesForgotten,
}

/// The course of one call.
#[derive(Debug, Clone, Copy)]
pub(crate) struct CallPlan {
    pub(crate) fault: Fault,
    pub(crate) before: Duration,
    pub(crate) after: Duration,
    /// Delay of the effect after the caller's result.
    pub(crate) later: Duration,
    /// True if it arrives although the caller crashes.
    pub(crate) detached: bool,
}

/// Notifications about messages that are sent to queues.
#[derive(Debug, Clone, Default)]
pub struct Notifiers {
    /// For the priority queues.
    pub priority_queues: [Arc<Notify>; 3],
    /// For the dead-letter queue.
    pub dead_letters: Arc<Notify>,
    /// For the queue of SES's events.
    pub events: Arc<Notify>,
}

/// The fault model, the queues, and everything else besides records and contents.
#[derive(Debug)]
pub struct FaultModel {
    pub(crate) rng: Rng,
    /// The odds of faults.
    pub odds: Odds,
    /// Results of the calls with these numbers, from 1, instead of random ones.
    pub plan: BTreeMap<u64, Fault>,
    /// The next answers of SES, by the email's subject; random if there are none.
    pub script: BTreeMap<String, VecDeque<Answer>>,
    /// The deliberate defect.
    pub broken: Broken,
    /// True to stop all random faults.
    pub calm: bool,
    /// Number of partitions of each kind in the index.
    pub shards: u16,
    /// The priority queues: high, normal, low.
    pub priority_queues: [Queue; 3],
    /// The dead-letter queue.
    pub dead_letters: Queue,
    /// The queue of SES's events.
    pub events: Queue,
    /// Notifications about messages that are sent to the queues.
    pub bells: Notifiers,
    /// The steps so far.
    pub trace: Trace,
    /// Number of faults of each kind so far.
    pub struck: BTreeMap<&'static str, u64>,
    /// The observer.
    pub observer: Option<Box<dyn Observer>>,
    /// The cause for which SES refuses everything, and the end of that, even while calm.
    pub outage: Option<(Cause, i64)>,
    /// The cause for which SES randomly refuses everything, and the end of that.
    pub(crate) obstacle: Option<(Cause, i64)>,
    /// Events in transit from SES to the queue, by their time of arrival.
    pub(crate) travelling: BTreeMap<(i64, u64), String>,
    began: Instant,
    start_ms: i64,
    calls: u64,
    numbers: u64,
    /// The records in the index's state, and the writes that it has not received yet.
    index: BTreeMap<EmailKey, EmailRecord>,
    underway: BTreeMap<(i64, u64), EmailRecord>,
}

/// The index of a priority in [`FaultModel::priority_queues`].
#[must_use]
pub const fn place(priority: Priority) -> usize {
    match priority {
        Priority::High => 0,
        Priority::Normal => 1,
        Priority::Low => 2,
    }
}

impl FaultModel {
    /// A fault model that begins now, at `start`, with this seed. It needs tokio's paused time.
    #[must_use]
    pub fn new(seed: u64, odds: Odds, start: Timestamp) -> Self {
        let priority = Queue::new(Duration::from_secs(360), 1000);
        Self {
            rng: Rng::with_seed(seed),
            odds,
            plan: BTreeMap::new(),
            script: BTreeMap::new(),
            broken: Broken::Nothing,
            calm: false,
            shards: 1,
            priority_queues: [priority.clone(), priority.clone(), priority],
            dead_letters: Queue::new(Duration::from_secs(360), 0),
            events: Queue::new(Duration::from_secs(360), 20),
            bells: Notifiers::default(),
            trace: Trace::default(),
            struck: BTreeMap::new(),
            observer: None,
            outage: None,
            obstacle: None,
            travelling: BTreeMap::new(),
            began: Instant::now(),
            start_ms: start.as_millis(),
            calls: 0,
            numbers: 0,
            index: BTreeMap::new(),
            underway: BTreeMap::new(),
        }
    }

    /// The true time, in milliseconds since 1970.
    #[must_use]
    pub fn now_ms(&self) -> i64 {
        self.start_ms.saturating_add(millis(self.began.elapsed()))
    }

    /// The true time.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        Timestamp::from_millis(self.now_ms())
    }

    /// Number of calls.
    #[must_use]
    pub fn calls(&self) -> u64 {
        self.calls
    }

    /// Number of events in transit.
    #[must_use]
    pub fn travelling(&self) -> usize {
        self.travelling.len()
    }

    /// True if an event of these odds happens now; never while calm.
    pub(crate) fn happens(&mut self, odds: u32) -> bool {
        !self.calm && odds > 0 && self.rng.u32(0..10_000) < odds
    }

    /// Counts a fault.
    pub(crate) fn strike(&mut self, kind: &'static str) {
        *self.struck.entry(kind).or_default() += 1;
    }

    pub(crate) fn number(&mut self) -> u64 {
        self.numbers += 1;
        self.numbers
    }

    pub(crate) fn up_to(&mut self, ms: u64) -> Duration {
        Duration::from_millis(self.rng.u64(0..=ms))
    }

    fn travel(&mut self) -> Duration {
        if self.happens(self.odds.slow) {
            self.strike("slow call");
            return self.up_to(self.odds.slow_ms);
        }
        self.up_to(self.odds.delay_ms)
    }

    /// The course of a call, which is noted.
    pub(crate) fn course(&mut self, call: &Call, environment: Option<&Environment>) -> CallPlan {
        self.calls += 1;
        let fault = match self.plan.get(&self.calls) {
            Some(fault) => *fault,
            None => self.chance(call),
        };
        // For a call without an effect, all times of a fault are equal.
        let fault = match fault {
            Fault::After | Fault::Late | Fault::Repeated if !call.writes => Fault::Before,
            Fault::DieAfter if !call.writes => Fault::DieBefore,
            // Reads have no conflicts, and neither do calls that write no item of the table.
            Fault::Conflict if !Call::can_conflict(call.what, call.writes) => Fault::Before,
            Fault::None
            | Fault::Before
            | Fault::After
            | Fault::DieBefore
            | Fault::DieAfter
            | Fault::Repeated
            | Fault::Late
            | Fault::Conflict
            | Fault::Throttled => fault,
        };
        // A call without an environment cannot end one.
        let fault = match (fault, environment) {
            (Fault::DieBefore, None) => Fault::Before,
            (Fault::DieAfter, None) => Fault::After,
            (fault, _) => fault,
        };
        if let Some(kind) = fault.kind() {
            self.strike(kind);
        }
        let course = CallPlan {
            fault,
            before: self.travel(),
            after: self.travel(),
            later: if fault == Fault::Late {
                self.up_to(u64::try_from(LATEST_WRITE.as_millis()).unwrap_or(0))
            } else {
                Duration::ZERO
            },
            detached: call.writes && self.happens(self.odds.detached),
        };
        let at_ms = self.now_ms();
        self.trace.note(Step::Call {
            at_ms,
            number: self.calls,
            function: environment.map_or("", Environment::function),
            environment: environment.map_or(0, Environment::number),
            what: call.what,
            writes: call.writes,
            email: call.email,
            fault,
        });
        course
    }

    fn chance(&mut self, call: &Call) -> Fault {
        let odds = self.odds;
        let faults = [
            (Fault::Before, odds.before),
            (Fault::After, odds.after),
            (Fault::Repeated, odds.repeated),
            (Fault::Late, odds.late),
            (Fault::DieBefore, odds.die_before),
            (Fault::DieAfter, odds.die_after),
            (Fault::Conflict, odds.conflict),
            (Fault::Throttled, odds.throttled),
        ];
        if self.calm {
            return Fault::None;
        }
        let mut drawn = self.rng.u32(0..10_000);
        for (fault, odds) in faults {
            if drawn < odds {
                // A submission is never repeated by the SDK, and late acceptance has its own odds.
                let of_ses = call.what == crate::provider::SUBMIT;
                return match fault {
                    Fault::Repeated | Fault::Late | Fault::Conflict | Fault::Throttled if of_ses => Fault::None,
                    Fault::None
                    | Fault::Before
                    | Fault::After
                    | Fault::DieBefore
                    | Fault::DieAfter
                    | Fault::Repeated
                    | Fault::Late
                    | Fault::Conflict
                    | Fault::Throttled => fault,
                };
            }
            drawn -= odds;
        }
        Fault::None
    }

    /// Notes a step other than a call.
    pub(crate) fn note(&mut self, what: &'static str, email: Option<EmailId>, claim_no: u32) {
        let at_ms = self.now_ms();
        self.trace.note(Step::Event {
            at_ms,
            what,
            email,
            claim_no,
        });
    }

    /// The index receives a record, now or later, and the writes of each record in their order.
    pub(crate) fn index(&mut self, record: &EmailRecord) {
        if self.odds.stale_ms == 0 || self.calm {
            let now = i64::MAX;
            self.catch_up(now);
            self.index.insert(record.email_key(), record.clone());
            return;
        }
        let at = self.now_ms().saturating_add(millis(self.up_to(self.odds.stale_ms)));
        let of_record = self
            .underway
            .iter()
            .filter(|(_, other)| other.id == record.id)
            .map(|((at, _), _)| *at);
        let at = of_record.max().map_or(at, |before| before.max(at));
        let number = self.number();
        self.underway.insert((at, number), record.clone());
    }

    fn catch_up(&mut self, now: i64) {
        while let Some(next) = self.underway.first_entry()
            && next.key().0 <= now
        {
            let record = next.remove();
            self.index.insert(record.email_key(), record);
        }
    }

    /// True if the index has not received every write.
    pub(crate) fn is_behind(&mut self) -> bool {
        self.catch_up(self.now_ms());
        !self.underway.is_empty()
    }

    /// The records in the index's current state.
    pub(crate) fn indexed(&mut self) -> impl Iterator<Item = &EmailRecord> {
        self.catch_up(self.now_ms());
        if !self.underway.is_empty() {
            self.strike("index read stale");
        }
        self.index.values()
    }

    /// Sends a message to a queue, sometimes twice.
    pub(crate) fn send(&mut self, to: Destination, body: &str, delay: Duration) {
        let copies = if self.happens(self.odds.doubled) {
            self.strike("message doubled");
            2
        } else {
            1
        };
        // SQS has whole seconds.
        let delay = Duration::from_secs(u64::from(domain::delivery::index::delay_seconds(delay)));
        let at = self.now_ms().saturating_add(millis(delay));
        for _ in 0..copies {
            self.queue(to).send(body.to_owned(), at);
            self.bell(to).notify_one();
        }
    }

    fn queue(&mut self, which: Destination) -> &mut Queue {
        let [high, normal, low] = &mut self.priority_queues;
        match which {
            Destination::PriorityQueue(Priority::High) => high,
            Destination::PriorityQueue(Priority::Normal) => normal,
            Destination::PriorityQueue(Priority::Low) => low,
            Destination::DeadLetters => &mut self.dead_letters,
            Destination::Events => &mut self.events,
        }
    }

    /// The notification about messages that are sent to a queue.
    #[must_use]
    pub fn bell(&self, which: Destination) -> Arc<Notify> {
        let [high, normal, low] = &self.bells.priority_queues;
        Arc::clone(match which {
            Destination::PriorityQueue(Priority::High) => high,
            Destination::PriorityQueue(Priority::Normal) => normal,
            Destination::PriorityQueue(Priority::Low) => low,
            Destination::DeadLetters => &self.bells.dead_letters,
            Destination::Events => &self.bells.events,
        })
    }

    /// Receives up to `most` messages of a queue. Some become visible again while they are processed. Messages
    /// received too often move on to the dead-letter queue.
    pub fn take(&mut self, from: Destination, most: usize) -> Vec<Received> {
        let now = self.now_ms();
        let mut rng = self.rng.fork();
        if self.queue(from).is_stopped(now) && self.queue(from).visible(now) > 0 {
            self.strike("queue stopped");
        }
        let (received, aside) = self.queue(from).receive(most, now, &mut rng);
        for body in aside {
            self.strike("message put aside");
            if let Destination::PriorityQueue(_) = from {
                self.send(Destination::DeadLetters, &body, Duration::ZERO);
            }
        }
        for message in &received {
            if self.happens(self.odds.seen_again) {
                self.strike("message seen again");
                let soon = self.up_to(20_000);
                self.queue(from)
                    .put_back(message.id, message.receipt, now.saturating_add(millis(soon)));
            }
        }
        if self.queue(from).visible(now) > 0 && !self.queue(from).is_stopped(now) {
            // There is work for another receiver.
            self.bell(from).notify_one();
        }
        received
    }

    /// Deletes a processed message; the deletion may be lost.
    pub fn delete(&mut self, from: Destination, id: u64, receipt: u32) {
        if self.happens(self.odds.delete_lost) {
            self.strike("delete lost");
        } else {
            self.queue(from).delete(id, receipt);
        }
    }

    /// Makes a message visible again after a delay, in SQS's whole seconds.
    pub fn put_back(&mut self, to: Destination, id: u64, receipt: u32, delay: Duration) {
        let delay = Duration::from_secs(u64::from(domain::delivery::index::delay_seconds(delay)));
        let at = self.now_ms().saturating_add(millis(delay));
        self.queue(to).put_back(id, receipt, at);
        // A waiting receiver must compute its time again.
        self.bell(to).notify_one();
    }

    /// Moves published events whose time has come into the queue.
    pub fn arrive(&mut self) {
        let now = self.now_ms();
        while let Some(next) = self.travelling.first_entry()
            && next.key().0 <= now
        {
            let body = next.remove();
            self.events.send(body, now);
        }
    }

    /// Time at which a queue's next message becomes visible, if nothing more is sent.
    pub fn next(&mut self, from: Destination) -> Option<i64> {
        let travelling = (from == Destination::Events)
            .then(|| self.travelling.first_key_value().map(|((at, _), _)| *at))
            .flatten();
        let now = self.now_ms();
        let queue = self.queue(from).next_visible(now);
        [travelling, queue].into_iter().flatten().min()
    }

    /// True if the index has an entry that is due now.
    #[must_use]
    pub fn anything_due(&self) -> bool {
        let now = self.now().after(Duration::from_secs(2));
        let records = self.index.values().chain(self.underway.values());
        records.filter_map(|record| record.due).any(|due| match due.kind {
            DueKind::Check => due.at <= now,
            DueKind::Wake => due.at <= now.after(LOOK_AHEAD),
            // Its queue is marked, and the mark is checked elsewhere.
            DueKind::Held | DueKind::Paced | DueKind::Ended => false,
        })
    }
}

/// A queue.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Destination {
    /// A priority queue.
    PriorityQueue(Priority),
    /// The dead-letter queue.
    DeadLetters,
    /// The queue of SES's events.
    Events,
}
