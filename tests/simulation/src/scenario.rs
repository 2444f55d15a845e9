//! The description of a run: the callers' requests and their times, the deployment's settings, and the faults.
//!
//! **Start reading at** [`Scenario`]; [`Scenario::random`] draws one from a seed.

mod random;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::Duration;

use domain::delivery::policy::Policy;
use domain::delivery::priority_queue::MOST_MESSAGES;
use domain::delivery::record::Priority;
use domain::delivery::retry::RetryPolicy;
use domain::id::TenantId;
use memory::Fault;
use memory::SesReaction;
use memory::fault_model::{Broken, Odds};

use crate::tenants;

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
pub enum EmailCommand {
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
    Queue(QueueCommand),
}

/// A caller's action on a queue.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum QueueCommand {
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
    /// The tenant of its caller.
    pub tenant: TenantId,
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
    /// The delay between the request and the scheduled time.
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
    pub commands: Vec<(Duration, EmailCommand)>,
}

impl Order {
    /// Returns one email, due at once, with a key.
    #[must_use]
    pub fn plain() -> Self {
        Self {
            tenant: TenantId::main(),
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
            commands: Vec::new(),
        }
    }
}

/// A restore of the table, as docs/OPERATIONS.md describes it, without the copy of later items. All times are since
/// the beginning.
#[derive(Debug, Clone, Copy)]
pub struct TableRestore {
    /// The restore point.
    pub copied_at: Duration,
    /// The time from which nothing is sent. The restored table follows when everything under way has ended.
    pub stopped_at: Duration,
    /// The time from which a caller releases the older emails.
    pub released_at: Duration,
    /// Whether the functions get the restore epoch: without it, older emails are sent again.
    pub with_epoch: bool,
}

/// The webhooks of a run: one of each tenant, which gets all its events.
#[derive(Debug, Clone, Copy, Default)]
pub struct HookPlan {
    /// The time in which changes of the table never reach `notify`, since the beginning.
    pub lost: Option<(Duration, Duration)>,
    /// Whether a recovery follows at the end.
    pub recovers: bool,
    /// The percentage of the endpoints' calls that fail, while faults happen.
    pub failing: u32,
    /// The time of their creation, since the beginning; zero for before the first request.
    pub created_in: Duration,
    /// Whether the recovery that comes with each creation is forgotten: a planted defect.
    pub forgets_creation: bool,
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
    pub script: BTreeMap<String, VecDeque<SesReaction>>,
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
    /// Partitions of the due index for each kind of entry.
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
    /// The restore of the table.
    pub restore: Option<TableRestore>,
    /// The webhooks.
    pub hooks: Option<HookPlan>,
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
            restore: None,
            hooks: None,
            broken: Broken::Nothing,
        }
    }

    /// The same scenario with webhooks. Their events are kept to the end. Every second order that gives no command to a
    /// queue is one of the other tenant.
    #[must_use]
    pub fn hooked(mut self, hooks: HookPlan) -> Self {
        self.hooks = Some(hooks);
        for order in self.orders.iter_mut().skip(1).step_by(2) {
            let is_of_queue = |(_, command): &(Duration, EmailCommand)| matches!(command, EmailCommand::Queue(_));
            if order.queue.is_none() && !order.commands.iter().any(is_of_queue) {
                order.tenant = tenants::other();
            }
        }
        self.timings.retention = RETENTION;
        self
    }

    /// The tenants of the orders.
    #[must_use]
    pub fn tenants(&self) -> BTreeSet<TenantId> {
        self.orders.iter().map(|order| order.tenant.clone()).collect()
    }

    /// Returns the subject of an order's email, the key of the script.
    #[must_use]
    pub fn subject(order: usize, item: usize) -> String {
        format!("Order {order}.{item}")
    }

    /// Sets SES's first answers for one email.
    #[must_use]
    pub fn answers(mut self, order: usize, answers: &[SesReaction]) -> Self {
        let subject = Self::subject(order, 0);
        self.script.insert(subject, answers.iter().copied().collect());
        self
    }
}
