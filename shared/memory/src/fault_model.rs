//! What the backend does by itself: how long a call takes, what becomes of it, and when.
//!
//! **Role:** with it, time passes as tokio's does (paused, and moved on by itself), calls overlap,
//! and messages and events travel. Without it every call is done at once, for the functions' own tests.
//! **Invariant:** everything that is left to chance is drawn from one seeded generator, in the order
//! of the calls, so that the same seed makes the same backend.
//! **Start reading at** [`FaultModel::course`].

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use domain::cause::Cause;
use domain::id::EmailId;
use domain::index::LOOK_AHEAD;
use domain::ports::EmailKey;
use domain::record::{DueKind, EmailRecord, Priority};
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

/// Longest time that a write is under way whose caller has given up. The SDK gives each try four seconds;
/// what takes longer was delayed on the way.
const LATEST_WRITE: Duration = Duration::from_secs(30);

/// How often things go wrong, in ten thousandths of the calls they can befall.
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
    /// What is on its way arrives though its sender dies meanwhile.
    pub detached: u32,
    /// The write meets another one of the same item, and is refused.
    pub conflict: u32,
    /// The table is asked too much at once.
    pub throttled: u32,
    /// The call takes up to [`Odds::slow_ms`].
    pub slow: u32,
    /// How long a slow call takes at most.
    pub slow_ms: u64,
    /// How long a call takes to arrive, and its answer to come back, at most.
    pub delay_ms: u64,
    /// How long the index is behind the records, at most.
    pub stale_ms: u64,
    /// One message of a batch call fails.
    pub partly: u32,
    /// A message is there twice.
    pub doubled: u32,
    /// A message is seen again while it is being worked off.
    pub seen_again: u32,
    /// The deletion of a message that was worked off is lost.
    pub delete_lost: u32,
    /// SES refuses for the rate.
    pub throttle: u32,
    /// SES's quota is spent, for minutes.
    pub quota: u32,
    /// SES pauses the account, for minutes.
    pub pause: u32,
    /// SES refuses the email.
    pub reject: u32,
    /// SES does not let us in.
    pub unavailable: u32,
    /// SES is never reached, which the sender knows.
    pub unreached: u32,
    /// The answer is lost, and so was the submission.
    pub lost_before: u32,
    /// The answer is lost, and SES has accepted.
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

/// What is broken on purpose, to see whether the judge notices.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Broken {
    /// Nothing.
    #[default]
    Nothing,
    /// The table writes whatever it is asked, under no condition.
    Conditions,
    /// The table claims whatever it is asked.
    Claims,
    /// SES is asked twice when its answer is lost, as the SDK does by itself.
    AskedTwice,
    /// An event is acknowledged and not looked at.
    EventsIgnored,
    /// Nothing looks at the index.
    PromoteNeverRuns,
    /// A cancel is answered and not written.
    CancelNotWritten,
    /// A request is answered before its record is written.
    AnsweredTooEarly,
    /// The content that is read is another email's.
    ContentsMixedUp,
    /// A write loses the mark.
    MarksLost,
    /// Hand-overs are acknowledged and not looked at.
    DeadLettersIgnored,
    /// Senders take every queue for one that nobody has paused or purged.
    QueuesIgnored,
    /// What is left to be done to a queue is never found.
    JobsForgotten,
    /// Nobody remembers that an email was erased.
    TombstonesForgotten,
    /// The record of a batch lives for this long, in seconds, whatever was asked for.
    RecordsShort(u64),
    /// The table reserves whatever slots it is asked for.
    RateLimitsIgnored,
    /// Queues whose emails wait for slots are never found.
    MarksOfQueuesForgotten,
}

/// What becomes of one call.
#[derive(Debug, Clone, Copy)]
pub(crate) struct CallPlan {
    pub(crate) fault: Fault,
    pub(crate) before: Duration,
    pub(crate) after: Duration,
    /// How much later than the caller knows it has its effect.
    pub(crate) later: Duration,
    /// It arrives though the caller dies.
    pub(crate) detached: bool,
}

/// What rings when a message is sent to a queue.
#[derive(Debug, Clone, Default)]
pub struct Notifiers {
    /// Of the priority queues.
    pub priority_queues: [Arc<Notify>; 3],
    /// Of the dead-letter queue.
    pub dead_letters: Arc<Notify>,
    /// Of the queue of SES's events.
    pub events: Arc<Notify>,
}

/// Everything beside the records and contents.
#[derive(Debug)]
pub struct FaultModel {
    pub(crate) rng: Rng,
    /// How often things go wrong.
    pub odds: Odds,
    /// What becomes of the calls with these numbers, from 1, whatever the odds.
    pub plan: BTreeMap<u64, Fault>,
    /// How SES answers next, by the email's subject; by the odds when nothing is said.
    pub script: BTreeMap<String, VecDeque<Answer>>,
    /// What is broken on purpose.
    pub broken: Broken,
    /// Nothing goes wrong any more.
    pub calm: bool,
    /// Partitions of each kind in the index.
    pub shards: u16,
    /// The priority queues: high, normal, low.
    pub priority_queues: [Queue; 3],
    /// The dead-letter queue.
    pub dead_letters: Queue,
    /// The queue of SES's events.
    pub events: Queue,
    /// What rings when something is sent to them.
    pub bells: Notifiers,
    /// What happened.
    pub trace: Trace,
    /// How often each kind of fault has struck.
    pub struck: BTreeMap<&'static str, u64>,
    /// Who watches.
    pub observer: Option<Box<dyn Observer>>,
    /// What SES refuses everything for, and until when, though all is calm.
    pub outage: Option<(Cause, i64)>,
    /// What SES refuses everything for by chance, and until when.
    pub(crate) obstacle: Option<(Cause, i64)>,
    /// Events on their way from SES to the queue, by the time of their arrival.
    pub(crate) travelling: BTreeMap<(i64, u64), String>,
    began: Instant,
    start_ms: i64,
    calls: u64,
    numbers: u64,
    /// The records as the index has them, and what it will hear of.
    index: BTreeMap<EmailKey, EmailRecord>,
    underway: BTreeMap<(i64, u64), EmailRecord>,
}

/// What priority queues are to [`FaultModel::priority_queues`].
#[must_use]
pub const fn place(priority: Priority) -> usize {
    match priority {
        Priority::High => 0,
        Priority::Normal => 1,
        Priority::Low => 2,
    }
}

impl FaultModel {
    /// A fault model that begins now, at `start`, and is as this seed makes it. Needs tokio's paused time.
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

    /// How many calls there were.
    #[must_use]
    pub fn calls(&self) -> u64 {
        self.calls
    }

    /// How many events are on their way.
    #[must_use]
    pub fn travelling(&self) -> usize {
        self.travelling.len()
    }

    /// Whether something of these odds happens now; never when it is calm.
    pub(crate) fn happens(&mut self, odds: u32) -> bool {
        !self.calm && odds > 0 && self.rng.u32(0..10_000) < odds
    }

    /// Counts that a fault has struck.
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

    /// What becomes of a call; notes it.
    pub(crate) fn course(&mut self, call: &Call, environment: Option<&Environment>) -> CallPlan {
        self.calls += 1;
        let fault = match self.plan.get(&self.calls) {
            Some(fault) => *fault,
            None => self.chance(call),
        };
        // Of what has no effect, every time is as good as another.
        let fault = match fault {
            Fault::After | Fault::Late | Fault::Repeated if !call.writes => Fault::Before,
            Fault::DieAfter if !call.writes => Fault::DieBefore,
            // Reads meet no conflict, nor does what is no item of the table.
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
        // Nobody dies of a call that no environment makes.
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
                // SES is asked once: nobody repeats that call, and late acceptance is among its own odds.
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

    /// A step that is no call.
    pub(crate) fn note(&mut self, what: &'static str, email: Option<EmailId>, claim_no: u32) {
        let at_ms = self.now_ms();
        self.trace.note(Step::Event {
            at_ms,
            what,
            email,
            claim_no,
        });
    }

    /// The index hears of a record, now or later, and of each record's writes in their order.
    pub(crate) fn index(&mut self, record: &EmailRecord) {
        if self.odds.stale_ms == 0 || self.calm {
            let now = i64::MAX;
            self.catch_up(now);
            self.index.insert(EmailKey::of(record), record.clone());
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
            self.index.insert(EmailKey::of(&record), record);
        }
    }

    /// Whether the index has yet to hear of a write.
    pub(crate) fn is_behind(&mut self) -> bool {
        self.catch_up(self.now_ms());
        !self.underway.is_empty()
    }

    /// The records as the index has them now.
    pub(crate) fn indexed(&mut self) -> impl Iterator<Item = &EmailRecord> {
        self.catch_up(self.now_ms());
        if !self.underway.is_empty() {
            self.strike("index read stale");
        }
        self.index.values()
    }

    /// Sends a message to a queue; it may be there twice.
    pub(crate) fn send(&mut self, to: Destination, body: &str, delay: Duration) {
        let copies = if self.happens(self.odds.doubled) {
            self.strike("message doubled");
            2
        } else {
            1
        };
        // SQS has whole seconds.
        let delay = Duration::from_secs(u64::from(domain::index::delay_seconds(delay)));
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

    /// What rings when a message is sent to a queue.
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

    /// Takes up to `most` messages of a queue. Some are seen again at once, though they are being worked
    /// off; what was received too often goes where the queue puts it.
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
            // There is work for another one.
            self.bell(from).notify_one();
        }
        received
    }

    /// Deletes a message that was worked off; that may be lost.
    pub fn delete(&mut self, from: Destination, id: u64, receipt: u32) {
        if self.happens(self.odds.delete_lost) {
            self.strike("delete lost");
        } else {
            self.queue(from).delete(id, receipt);
        }
    }

    /// Makes a message be seen again after its time, in SQS's whole seconds.
    pub fn put_back(&mut self, to: Destination, id: u64, receipt: u32, delay: Duration) {
        let delay = Duration::from_secs(u64::from(domain::index::delay_seconds(delay)));
        let at = self.now_ms().saturating_add(millis(delay));
        self.queue(to).put_back(id, receipt, at);
        // Whoever waits for the next message waits for another time now.
        self.bell(to).notify_one();
    }

    /// Lets what SES has published and what has travelled long enough arrive in the queue.
    pub fn arrive(&mut self) {
        let now = self.now_ms();
        while let Some(next) = self.travelling.first_entry()
            && next.key().0 <= now
        {
            let body = next.remove();
            self.events.send(body, now);
        }
    }

    /// When something can be received from a queue next, if nothing more is sent.
    pub fn next(&mut self, from: Destination) -> Option<i64> {
        let travelling = (from == Destination::Events)
            .then(|| self.travelling.first_key_value().map(|((at, _), _)| *at))
            .flatten();
        let now = self.now_ms();
        let queue = self.queue(from).next_visible(now);
        [travelling, queue].into_iter().flatten().min()
    }

    /// Whether the index has something to be looked at now.
    #[must_use]
    pub fn anything_due(&self) -> bool {
        let now = self.now().after(Duration::from_secs(2));
        let records = self.index.values().chain(self.underway.values());
        records.filter_map(|record| record.due).any(|due| match due.kind {
            DueKind::Check => due.at <= now,
            DueKind::Wake => due.at <= now.after(LOOK_AHEAD),
            // Its queue is marked, which is looked at elsewhere.
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
