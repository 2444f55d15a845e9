//! The fault model: durations, results and delays of calls.
//!
//! **Role:** with it, time passes as in tokio (paused, and advanced automatically), calls overlap, and messages and
//! events travel. Without it every call finishes at once, for the functions' own tests.
//! **Invariant:** one seeded generator makes all random choices, in the order of the calls, so that the same seed
//! gives the same run.
//! **Start reading at** [`FaultModel::plan_call`].

mod index;
mod odds;
mod queues;
mod ses;

pub use odds::{Broken, Odds};
pub use queues::{Destination, place};

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use domain::delivery::cause::Cause;
use domain::delivery::record::EmailRecord;
use domain::id::{EmailId, EmailKey};
use domain::timestamp::Timestamp;
use fastrand::Rng;
use tokio::sync::Notify;
use tokio::time::Instant;

use crate::environment::Environment;
use crate::observer::Observer;
use crate::queue::{SimulatedQueue, millis};
use crate::trace::{Trace, TraceStep};
use crate::{Call, Fault, SUBMIT, SesReaction};

/// Longest delay of a write after its caller gave up. The SDK gives each try four seconds; longer delays come from
/// the network.
const LATEST_WRITE: Duration = Duration::from_secs(30);

/// The course of one call.
#[derive(Debug, Clone, Copy)]
pub(crate) struct CallPlan {
    pub(crate) fault: Fault,
    pub(crate) before: Duration,
    pub(crate) after: Duration,
    /// Delay of the effect after the caller's result.
    pub(crate) later: Duration,
    /// True if the call arrives although the caller crashes.
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
    /// For the queue of deliveries to webhooks.
    pub deliveries: Arc<Notify>,
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
    pub script: BTreeMap<String, VecDeque<SesReaction>>,
    /// The deliberate defect.
    pub broken: Broken,
    /// True to stop all random faults.
    pub calm: bool,
    /// Number of partitions of each kind in the index.
    pub shards: u16,
    /// The priority queues: high, normal, low.
    pub priority_queues: [SimulatedQueue; 3],
    /// The dead-letter queue.
    pub dead_letters: SimulatedQueue,
    /// The queue of SES's events.
    pub events: SimulatedQueue,
    /// The queue of deliveries to webhooks.
    pub deliveries: SimulatedQueue,
    /// Notifications about messages that are sent to the queues.
    pub notifiers: Notifiers,
    /// The steps so far.
    pub trace: Trace,
    /// Number of faults of each kind so far.
    pub struck: BTreeMap<&'static str, u64>,
    /// The observer.
    pub observer: Option<Box<dyn Observer>>,
    /// The cause for which SES refuses everything, even while calm, and the end of the refusals.
    pub outage: Option<(Cause, i64)>,
    /// The randomly chosen cause for which SES refuses everything, and the end of the refusals.
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

impl FaultModel {
    /// A fault model that begins now, at `start`, with this seed. It needs tokio's paused time.
    #[must_use]
    pub fn new(seed: u64, odds: Odds, start: Timestamp) -> Self {
        let priority = SimulatedQueue::new(Duration::from_secs(360), 1000);
        Self {
            rng: Rng::with_seed(seed),
            odds,
            plan: BTreeMap::new(),
            script: BTreeMap::new(),
            broken: Broken::Nothing,
            calm: false,
            shards: 1,
            priority_queues: [priority.clone(), priority.clone(), priority],
            dead_letters: SimulatedQueue::new(Duration::from_secs(360), 0),
            events: SimulatedQueue::new(Duration::from_secs(360), 20),
            deliveries: SimulatedQueue::new(Duration::from_secs(360), 100),
            notifiers: Notifiers::default(),
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
    pub fn events_in_transit(&self) -> usize {
        self.travelling.len()
    }

    /// True if a fault of this probability, in 1/10,000, happens now. Never while calm.
    pub(crate) fn happens(&mut self, odds: u32) -> bool {
        !self.calm && odds > 0 && self.rng.u32(0..10_000) < odds
    }

    /// Counts a fault.
    pub(crate) fn count_fault(&mut self, kind: &'static str) {
        *self.struck.entry(kind).or_default() += 1;
    }

    pub(crate) fn number(&mut self) -> u64 {
        self.numbers += 1;
        self.numbers
    }

    pub(crate) fn up_to(&mut self, ms: u64) -> Duration {
        Duration::from_millis(self.rng.u64(0..=ms))
    }

    fn travel_time(&mut self) -> Duration {
        if self.happens(self.odds.slow) {
            self.count_fault("slow call");
            return self.up_to(self.odds.slow_ms);
        }
        self.up_to(self.odds.delay_ms)
    }

    /// Plans a call, and notes it.
    pub(crate) fn plan_call(&mut self, call: &Call, environment: Option<&Environment>) -> CallPlan {
        self.calls += 1;
        let fault = match self.plan.get(&self.calls) {
            Some(fault) => *fault,
            None => self.chance(call),
        };
        // A read has no effect, so that a fault before and a fault after its effect are the same.
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
            | Fault::Throttled
            | Fault::Garbled
            | Fault::MissingPart => fault,
        };
        // A call without an environment cannot end one.
        let fault = match (fault, environment) {
            (Fault::DieBefore, None) => Fault::Before,
            (Fault::DieAfter, None) => Fault::After,
            (fault, _) => fault,
        };
        if let Some(kind) = fault.kind() {
            self.count_fault(kind);
        }
        let course = CallPlan {
            fault,
            before: self.travel_time(),
            after: self.travel_time(),
            later: if fault == Fault::Late {
                self.up_to(u64::try_from(LATEST_WRITE.as_millis()).unwrap_or(0))
            } else {
                Duration::ZERO
            },
            detached: call.writes && self.happens(self.odds.detached),
        };
        let at_ms = self.now_ms();
        self.trace.note_step(TraceStep::Call {
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
                let of_ses = call.what == SUBMIT;
                return match fault {
                    Fault::Repeated
                    | Fault::Late
                    | Fault::Conflict
                    | Fault::Throttled
                    | Fault::Garbled
                    | Fault::MissingPart
                        if of_ses =>
                    {
                        Fault::None
                    }
                    Fault::None
                    | Fault::Before
                    | Fault::After
                    | Fault::DieBefore
                    | Fault::DieAfter
                    | Fault::Repeated
                    | Fault::Late
                    | Fault::Conflict
                    | Fault::Throttled
                    | Fault::Garbled
                    | Fault::MissingPart => fault,
                };
            }
            drawn -= odds;
        }
        Fault::None
    }

    /// Notes a step other than a call.
    pub(crate) fn note_step(&mut self, what: &'static str, email: Option<EmailId>, claim_no: u32) {
        let at_ms = self.now_ms();
        self.trace.note_step(TraceStep::Event {
            at_ms,
            what,
            email,
            claim_no,
        });
    }
}
