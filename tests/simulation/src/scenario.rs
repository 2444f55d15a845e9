//! The description of a run: the callers' requests and their times, the deployment's settings, and the faults.
//!
//! **Start reading at** [`Scenario`]; [`Scenario::random`] draws one from a seed.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use domain::delivery::policy::Policy;
use domain::delivery::priority_queue::MOST_MESSAGES;
use domain::delivery::record::Priority;
use domain::delivery::retry::RetryPolicy;
use fastrand::Rng;
use memory::Fault;
use memory::fault_model::{Broken, Odds};
use memory::provider::Answer;

/// The timings of the deployment.
#[derive(Debug, Clone)]
pub struct Timings {
    /// The timings of the state machine.
    pub policy: Policy,
    /// The timeout of `send`.
    pub send_timeout: Duration,
    /// The timeout of a call to SES.
    pub attempt_timeout: Duration,
    /// The visibility timeout of a received send task.
    pub visibility: Duration,
    /// The time for which an email may wait to be sent.
    pub expires_after: Duration,
    /// The retention of finished emails.
    pub retention: Duration,
}

/// The default retention of finished emails: longer than any run.
const RETENTION: Duration = Duration::from_secs(30 * 86_400);

impl Timings {
    /// Returns production's timings, the defaults of `template.yaml`; but an email expires after a day.
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

    /// Returns the shortest timings that keep all proportions: a lease outlives its sender, a visibility timeout
    /// lasts six of its function's timeouts.
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

/// A caller's action on an accepted email.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Deed {
    /// Cancels it.
    Cancel,
    /// Reschedules it to so long from then.
    Reschedule(Duration),
    /// Retries it.
    Retry {
        /// Whether a second copy is acceptable.
        force: bool,
    },
    /// Reads it.
    Read,
    /// Repeats its request.
    Repeat,
    /// Suppresses its recipient.
    Suppress,
    /// Removes that suppression.
    Release,
    /// Erases it.
    Erase,
    /// Acts on its whole queue.
    Queue(QueueDeed),
}

/// A caller's action on a queue.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum QueueDeed {
    /// Pauses it.
    Pause,
    /// Pauses it for a time.
    PauseFor(Duration),
    /// Resumes it.
    Resume,
    /// Purges it: cancels all waiting emails.
    Purge,
    /// Restores it: undoes the purges.
    Restore,
    /// Retries its failed emails.
    Redrive,
    /// Deletes it, and cancels its waiting emails.
    Delete,
    /// Creates it again.
    Make,
}

/// The queue that exists besides `default`.
pub const NEWS: &str = "news";

/// One request for one or more emails, and its caller's later actions.
#[derive(Debug, Clone)]
pub struct Order {
    /// The time since the beginning.
    pub at: Duration,
    /// The number of emails; a single one is not a batch.
    pub emails: usize,
    /// Whether it is a batch even with one email.
    pub batch: bool,
    /// Whether it carries an idempotency key.
    pub key: bool,
    /// The time of another request with the same key, since the beginning.
    pub writer: Option<Duration>,
    /// Whether it is held after an uncertain outcome.
    pub hold: bool,
    /// The delay after the request at which it is scheduled.
    pub scheduled_in: Option<Duration>,
    /// The same for only the last email of a batch.
    pub last_scheduled_in: Option<Duration>,
    /// The time after the request at which it expires.
    pub expires_in: Option<Duration>,
    /// Whether its content is too large for the table.
    pub large: bool,
    /// The queue; `default` if absent.
    pub queue: Option<&'static str>,
    /// The priority; that of the queue if absent.
    pub priority: Option<Priority>,
    /// The caller's actions, each with its time after the answer.
    pub deeds: Vec<(Duration, Deed)>,
}

impl Order {
    /// Returns one email, due at once, with a key.
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

/// The description of a run.
#[derive(Debug, Clone)]
pub struct Scenario {
    /// The name in reports.
    pub name: String,
    /// The seed of all randomness.
    pub seed: u64,
    /// The timings of the deployment.
    pub timings: Timings,
    /// The requests.
    pub orders: Vec<Order>,
    /// The probabilities of faults.
    pub odds: Odds,
    /// The faults of the calls with these numbers.
    pub plan: BTreeMap<u64, Fault>,
    /// The answers of SES, by the email's subject.
    pub script: BTreeMap<String, VecDeque<Answer>>,
    /// The time after which no more faults happen.
    pub chaos: Duration,
    /// Simultaneous senders for each priority queue.
    pub senders: usize,
    /// The largest difference of a clock, in either direction.
    pub skew_ms: i64,
    /// The percentage of minutes in which two runs of `promote` start at the same time.
    pub doubled_promotes: u32,
    /// The account's rate, in recipients per second.
    pub rate_per_second: u64,
    /// Partitions of each kind in the index.
    pub shards: u16,
    /// The number of receives after which SQS moves a send task to the dead-letter queue.
    pub most_receives: u32,
    /// Emails that a separate paused queue holds from beginning to end.
    pub held: usize,
    /// Emails that wait in [`NEWS`] for their slots from the beginning, which needs [`Self::limit`]. When all callers
    /// are done the queue is paused, and the run ends while the rest of them wait.
    pub waiting: usize,
    /// Messages in flight from which on a priority queue delivers no more.
    pub most_in_flight: usize,
    /// Hidden and delayed messages above which a priority queue is full.
    pub most_messages: u64,
    /// The time for which the account's quota is exhausted, from the beginning.
    pub outage: Duration,
    /// The rate limit of [`NEWS`], in recipients per second.
    pub limit: Option<u32>,
    /// The planted defect.
    pub broken: Broken,
}

impl Scenario {
    /// Returns a scenario without faults, in which calls take a few milliseconds.
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

    /// Returns the subject of an order's email, the key of the script.
    #[must_use]
    pub fn subject(order: usize, item: usize) -> String {
        format!("Order {order}.{item}")
    }

    /// Sets SES's first answers for one email.
    #[must_use]
    pub fn answers(mut self, order: usize, answers: &[Answer]) -> Self {
        let subject = Self::subject(order, 0);
        self.script.insert(subject, answers.iter().copied().collect());
        self
    }

    /// Returns the scenario of a seed. Each kind of fault is absent, rare or frequent, so that runs show each one
    /// alone, and all together.
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
            // Shorter than the template allows: senders outlive their leases, and other senders replace them.
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
        // Drawn last, so that older seeds still give the same scenario.
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
            // Half of the actions come soon, and meet emails in progress.
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
        priority: sometimes(rng, 30, |rng| Priority::ALL[rng.usize(0..Priority::ALL.len())]),
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
    // The overall severity: most runs have a bad day, some a catastrophe.
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
