//! What happens in a run: who asks for what and when, how the deployment is set, and what goes wrong.
//!
//! **Start reading at** [`Scenario`]; [`Scenario::random`] draws one from a seed.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use domain::lifecycle::Policy;
use domain::priority_queue::MOST_MESSAGES;
use domain::record::Priority;
use domain::retry::RetryPolicy;
use fastrand::Rng;
use memory::Fault;
use memory::fault_model::{Broken, Odds};
use memory::provider::Answer;

/// How the deployment is set.
#[derive(Debug, Clone)]
pub struct Timings {
    /// The machine's timings.
    pub policy: Policy,
    /// After this an invocation of `send` is ended.
    pub send_timeout: Duration,
    /// Patience with SES.
    pub attempt_timeout: Duration,
    /// How long a send task that was received stays hidden.
    pub visibility: Duration,
    /// How long an email may wait to be sent.
    pub expires_after: Duration,
    /// How long finished emails are kept.
    pub retention: Duration,
}

/// How long finished emails are kept by default: longer than any run.
const RETENTION: Duration = Duration::from_secs(30 * 86_400);

impl Timings {
    /// Those of production, as `template.yaml` has them by default; but an email expires after a day.
    #[must_use]
    pub fn standard() -> Self {
        Self {
            policy: Policy::standard(),
            send_timeout: Duration::from_secs(60),
            attempt_timeout: Duration::from_secs(10),
            visibility: Duration::from_secs(360),
            expires_after: Duration::from_secs(86_400),
            retention: RETENTION,
        }
    }

    /// The shortest in which everything still keeps its proportions: a lease outlives its sender,
    /// a visibility timeout six of them.
    #[must_use]
    pub fn quick() -> Self {
        Self {
            policy: Policy {
                guard: Duration::from_secs(120),
                lease: Duration::from_secs(40),
                evidence_window: Duration::from_secs(60),
                retry: RetryPolicy::beginning_with(Duration::from_secs(10)),
                ..Policy::standard()
            },
            send_timeout: Duration::from_secs(20),
            attempt_timeout: Duration::from_secs(5),
            visibility: Duration::from_secs(120),
            expires_after: Duration::from_secs(7_200),
            retention: RETENTION,
        }
    }
}

/// Something that a caller does about an email that was accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Deed {
    /// Takes it back.
    Cancel,
    /// Wants it so long from then.
    Reschedule(Duration),
    /// Wants it after all.
    Retry {
        /// A second copy is accepted.
        force: bool,
    },
    /// Looks at it.
    Read,
    /// Makes the request that it came from once more.
    Repeat,
    /// Wants its recipient to be sent nothing.
    Suppress,
    /// Takes that back.
    Release,
    /// Wants it forgotten.
    Erase,
    /// Does something about its whole queue.
    Queue(QueueDeed),
}

/// Something that a caller does about a queue.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum QueueDeed {
    /// Pauses it.
    Pause,
    /// Pauses it for so long.
    PauseFor(Duration),
    /// Resumes it.
    Resume,
    /// Cancels all that waits in it.
    Purge,
    /// Takes that back.
    Restore,
    /// Tries again what failed in it.
    Redrive,
    /// Deletes it, and cancels what waits in it.
    Delete,
    /// Makes it again.
    Make,
}

/// The queue that is there besides `default`.
pub const NEWS: &str = "news";

/// One request for one email or more, and what its caller does afterwards.
#[derive(Debug, Clone)]
pub struct Order {
    /// How long after the beginning.
    pub at: Duration,
    /// Emails in it; a single one is no batch.
    pub emails: usize,
    /// It is a batch though it may have one email.
    pub batch: bool,
    /// It carries an idempotency key.
    pub key: bool,
    /// Somebody makes another request with the same key, so long after the beginning.
    pub writer: Option<Duration>,
    /// In doubt it is not sent again.
    pub hold: bool,
    /// Wanted so long after the request.
    pub scheduled_in: Option<Duration>,
    /// The same, of the last email of a batch alone.
    pub last_scheduled_in: Option<Duration>,
    /// Not wanted any more so long after the request.
    pub expires_in: Option<Duration>,
    /// Its content is too large for the table.
    pub large: bool,
    /// Its queue; `default` when nothing is said.
    pub queue: Option<&'static str>,
    /// Its priority queue; its queue's when nothing is said.
    pub priority: Option<Priority>,
    /// What its caller does, so long after the answer.
    pub deeds: Vec<(Duration, Deed)>,
}

impl Order {
    /// One email, wanted at once, with a key.
    #[must_use]
    pub fn plain() -> Self {
        Self {
            at: Duration::ZERO,
            emails: 1,
            batch: false,
            key: true,
            writer: None,
            hold: false,
            scheduled_in: None,
            last_scheduled_in: None,
            expires_in: None,
            large: false,
            queue: None,
            priority: None,
            deeds: Vec::new(),
        }
    }
}

/// A run to be.
#[derive(Debug, Clone)]
pub struct Scenario {
    /// What it is called when something is wrong.
    pub name: String,
    /// All that is left to chance.
    pub seed: u64,
    /// How the deployment is set.
    pub timings: Timings,
    /// What is asked for.
    pub orders: Vec<Order>,
    /// How often things go wrong.
    pub odds: Odds,
    /// What becomes of the calls with these numbers.
    pub plan: BTreeMap<u64, Fault>,
    /// How SES answers, by the email's subject.
    pub script: BTreeMap<String, VecDeque<Answer>>,
    /// After this nothing goes wrong any more.
    pub chaos: Duration,
    /// Senders at once for each priority queue.
    pub senders: usize,
    /// How far a clock may be off, either way.
    pub skew_ms: i64,
    /// Two runs of `promote` begin at the same time, in percent of the minutes.
    pub doubled_promotes: u32,
    /// The account's rate, in recipients per second.
    pub rate_per_second: u64,
    /// Partitions of each kind in the index.
    pub shards: u16,
    /// After so many receives SQS moves a send task to the dead-letter queue.
    pub most_receives: u32,
    /// Emails that a paused queue of their own holds from beginning to end.
    pub held: usize,
    /// Emails that wait in [`NEWS`] for their slots from the beginning, which needs [`Self::limit`]. When all callers
    /// are done the queue is paused, and the run ends while the others of them wait.
    pub waiting: usize,
    /// Messages in flight from which on a priority queue gives out nothing more.
    pub most_in_flight: usize,
    /// Hidden and delayed messages above which a priority queue is full.
    pub most_messages: u64,
    /// How long the account's quota is spent, from the beginning.
    pub outage: Duration,
    /// The rate limit of [`NEWS`], in recipients per second.
    pub limit: Option<u32>,
    /// What is broken on purpose.
    pub broken: Broken,
}

impl Scenario {
    /// Nothing goes wrong, and calls take a few milliseconds.
    #[must_use]
    pub fn quiet(name: &str, orders: Vec<Order>) -> Self {
        Self {
            name: name.to_owned(),
            seed: 1,
            timings: Timings::quick(),
            orders,
            odds: Odds {
                delay_ms: 9,
                ..Odds::default()
            },
            plan: BTreeMap::new(),
            script: BTreeMap::new(),
            chaos: Duration::ZERO,
            senders: 2,
            skew_ms: 0,
            doubled_promotes: 0,
            rate_per_second: 14,
            shards: 1,
            most_receives: 1_000,
            held: 0,
            waiting: 0,
            most_in_flight: 120_000,
            most_messages: MOST_MESSAGES,
            outage: Duration::ZERO,
            limit: None,
            broken: Broken::Nothing,
        }
    }

    /// The subject of an order's email: what the script goes by.
    #[must_use]
    pub fn subject(order: usize, item: usize) -> String {
        format!("Order {order}.{item}")
    }

    /// SES answers so about one email, until it is asked more often.
    #[must_use]
    pub fn answers(mut self, order: usize, answers: &[Answer]) -> Self {
        let subject = Self::subject(order, 0);
        self.script.insert(subject, answers.iter().copied().collect());
        self
    }

    /// The scenario of a seed: each kind of fault is there or not, often or rarely, so that each is seen
    /// alone, and all of them together.
    #[must_use]
    pub fn random(seed: u64) -> Self {
        let mut rng = Rng::with_seed(seed);
        let mut timings = if rng.u32(0..4) == 0 {
            Timings::standard()
        } else {
            Timings::quick()
        };
        let zombies = rng.u32(0..6) == 0;
        if zombies {
            // Shorter than the template allows: senders outlive their leases, and find themselves replaced.
            timings.policy.lease = timings.attempt_timeout / 2;
        }
        let chaos = Duration::from_secs(rng.u64(60..=1_500));
        let count = match rng.u32(0..10) {
            0..5 => rng.usize(2..=6),
            5..9 => rng.usize(5..=15),
            _ => rng.usize(15..=30),
        };
        let queues = rng.u32(0..10) < 4;
        let orders = (0..count).map(|_| order(&mut rng, &timings, chaos, queues)).collect();
        let mut odds = odds(&mut rng);
        if zombies {
            odds.slow = odds.slow.max(1_500);
            odds.unavailable = odds.unavailable.max(1_000);
            odds.reject = odds.reject.max(1_000);
        }
        let mut scenario = Self {
            name: format!("seed {seed}"),
            seed,
            timings,
            orders,
            odds,
            plan: BTreeMap::new(),
            script: BTreeMap::new(),
            chaos,
            senders: rng.usize(2..=4),
            skew_ms: if rng.bool() { rng.i64(1..=1_000) } else { 0 },
            doubled_promotes: if rng.bool() { 30 } else { 0 },
            rate_per_second: [1, 5, 14, 100][rng.usize(0..4)],
            shards: rng.u16(1..=2),
            most_receives: if rng.u32(0..4) == 0 { 3 } else { 1_000 },
            held: 0,
            waiting: 0,
            most_in_flight: 120_000,
            most_messages: MOST_MESSAGES,
            outage: Duration::ZERO,
            limit: (queues && rng.bool()).then(|| rng.u32(1..=3)),
            broken: Broken::Nothing,
        };
        // Drawn last, so that what was found by a seed before is found by it again.
        if rng.u32(0..20) == 0 {
            scenario.forget_early(&mut rng);
        }
        scenario
    }

    /// Finished emails are forgotten after hours, while the last email of a batch still waits.
    fn forget_early(&mut self, rng: &mut Rng) {
        const HOUR: Duration = Duration::from_secs(3600);
        let hours = |rng: &mut Rng, most| HOUR * rng.u32(1..=most) + up_to(rng, HOUR);
        self.timings.retention = HOUR * 4;
        let deed = |rng: &mut Rng| {
            let deed = if rng.u32(0..4) == 0 {
                Deed::Reschedule(hours(rng, 6))
            } else {
                Deed::Repeat
            };
            (hours(rng, 11), deed)
        };
        self.orders.push(Order {
            emails: rng.usize(2..=4),
            batch: true,
            last_scheduled_in: Some(HOUR * 10),
            large: rng.bool(),
            writer: sometimes(rng, 50, |rng| hours(rng, 12)),
            deeds: (0..rng.usize(1..=3)).map(|_| deed(rng)).collect(),
            ..Order::plain()
        });
    }
}

fn sometimes<T>(rng: &mut Rng, percent: u32, draw: impl FnOnce(&mut Rng) -> T) -> Option<T> {
    (rng.u32(0..100) < percent).then(|| draw(rng))
}

fn up_to(rng: &mut Rng, most: Duration) -> Duration {
    Duration::from_millis(rng.u64(0..=u64::try_from(most.as_millis()).unwrap_or(u64::MAX).max(1)))
}

fn order(rng: &mut Rng, timings: &Timings, chaos: Duration, queues: bool) -> Order {
    let batch = rng.u32(0..100) < 15;
    let key = rng.u32(0..100) < 75;
    let at = up_to(rng, chaos);
    let guard = timings.policy.guard;
    let deeds = (0..rng.usize(0..=4))
        .map(|_| {
            // Most are in a hurry: they meet what is under way.
            let longest = if rng.bool() { Duration::from_secs(2) } else { guard * 3 };
            let deed = if queues && rng.u32(0..100) < 35 {
                Deed::Queue(queue_deed(rng, guard))
            } else {
                deed(rng, guard)
            };
            (up_to(rng, longest), deed)
        })
        .collect();
    let scheduled_in = sometimes(rng, 30, |rng| {
        let far = rng.u32(0..100) < 25;
        up_to(
            rng,
            if far {
                Duration::from_secs(2_400)
            } else {
                Duration::from_secs(40)
            },
        )
    });
    let expires_in = sometimes(rng, 20, |rng| {
        scheduled_in.unwrap_or_default() + Duration::from_secs(1) + up_to(rng, guard * 2)
    });
    Order {
        at,
        emails: if batch { rng.usize(1..=6) } else { 1 },
        batch,
        key,
        writer: if key {
            sometimes(rng, 10, |rng| at + up_to(rng, Duration::from_secs(5)))
        } else {
            None
        },
        hold: rng.u32(0..100) < 30,
        scheduled_in,
        last_scheduled_in: None,
        expires_in,
        large: rng.u32(0..100) < 15,
        queue: (queues && rng.bool()).then_some(NEWS),
        priority: sometimes(rng, 30, |rng| Priority::ALL[rng.usize(0..3)]),
        deeds,
    }
}

fn deed(rng: &mut Rng, guard: Duration) -> Deed {
    match rng.u32(0..100) {
        0..25 => Deed::Cancel,
        25..45 => {
            let longest = if rng.bool() {
                Duration::from_secs(20)
            } else {
                guard * 10
            };
            Deed::Reschedule(up_to(rng, longest))
        }
        45..80 => Deed::Retry {
            force: rng.u32(0..3) == 0,
        },
        80..84 => Deed::Read,
        84..88 => Deed::Suppress,
        88..91 => Deed::Release,
        91..95 => Deed::Erase,
        _ => Deed::Repeat,
    }
}

fn queue_deed(rng: &mut Rng, guard: Duration) -> QueueDeed {
    match rng.u32(0..100) {
        0..25 => QueueDeed::Pause,
        25..32 => QueueDeed::PauseFor(up_to(rng, guard * 2)),
        32..52 => QueueDeed::Resume,
        52..67 => QueueDeed::Purge,
        67..82 => QueueDeed::Restore,
        82..94 => QueueDeed::Redrive,
        94..96 => QueueDeed::Delete,
        _ => QueueDeed::Make,
    }
}

fn odds(rng: &mut Rng) -> Odds {
    // How bad it is altogether: most runs are of a bad day, some of the end of the backend.
    let scale = [1, 3, 10][rng.usize(0..3)];
    let mut share = |most: u32| {
        if rng.u32(0..100) < 55 {
            0
        } else {
            rng.u32(1..=most * scale)
        }
    };
    Odds {
        before: share(60),
        after: share(60),
        repeated: share(60),
        late: share(40),
        die_before: share(30),
        die_after: share(30),
        detached: share(500),
        slow: share(60),
        slow_ms: 12_000,
        delay_ms: u64::from(share(20)) + 5,
        stale_ms: u64::from(share(300)) * 10,
        partly: share(200),
        doubled: share(200),
        seen_again: share(200),
        delete_lost: share(200),
        throttle: share(250),
        quota: share(40),
        pause: share(30),
        reject: share(150),
        unavailable: share(250),
        unreached: share(100),
        lost_before: share(300),
        lost_after: share(300),
        accepts_late: share(300),
        hangs: share(60),
        event_doubled: share(300),
        event_late: share(400),
        event_lost: if share(1) > 0 { share(300) } else { 0 },
        conflict: share(150),
        throttled: share(60),
    }
}
