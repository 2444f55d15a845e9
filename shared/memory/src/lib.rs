//! An in-memory backend: the ports that the functions need, for tests.
//!
//! **Role:** a dev-dependency of the functions and the base of the simulation; never deployed.
//! **Invariant:** a write needs [`domain::lifecycle::Condition::holds`] and nothing else, so that the meaning of a
//! condition is tested where it is defined. It changes only the fields that its decision changes ([`overlay`]).
//! **Start reading at** [`State`]; [`samples`] has emails and records for tests. A test of one function sets the
//! results of calls ([`State::faults`], [`State::answers`]). With a [`fault_model::FaultModel`] the backend produces
//! delays and faults by itself.

mod access;
mod concurrent_writers;
mod due;
pub mod environment;
mod erasure;
mod expiry;
pub mod fault_model;
mod files;
mod listing;
pub mod observer;
pub mod overlay;
mod ports;
pub mod provider;
pub mod queue;
mod queues;
mod rate_limits;
pub mod samples;
mod suppressions;
pub mod tallies;
pub mod trace;

pub use concurrent_writers::ConcurrentWriter;
pub use rate_limits::LOOK_REFUSED;
pub use suppressions::OfAccount;

use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use domain::delivery::account_rate::{AccountRate, AccountState};
use domain::delivery::attempt::Attempt;
use domain::delivery::batch::{BatchId, BatchRecord};
use domain::delivery::dead_letter_message::DeadLetterMessage;
use domain::delivery::index::DueCursor;
use domain::delivery::record::{EmailRecord, Priority};
use domain::delivery::suppression::{Entry, Listed, SuppressionFilter, SuppressionId};
use domain::id::{EmailId, EmailKey, KeyId, QueueKey, TenantId, UploadId};
use domain::lifecycle::Condition;
use domain::message::attachment::Uploaded;
use domain::ports::{FailureKind, PortError, SendTaskRequest, Waiting};
use domain::queue::Queue;
use domain::queue::job::Job;
use domain::queue::rate_limit::RateLimit;
use domain::reporting::listing::Place;
use domain::tenant::Tenant;
use domain::tenant::key::ApiKey;
use domain::tenant::quota::Limit;
use domain::timestamp::Timestamp;

use crate::concurrent_writers::ConcurrentWriters;
use crate::environment::Environment;
use crate::fault_model::{CallPlan, FaultModel};
use crate::trace::Step;

/// The whole backend. Clones share the same state.
#[derive(Debug, Clone)]
pub struct MemoryBackend {
    state: Arc<Mutex<State>>,
    /// The environment of the caller, if one is set.
    environment: Option<Environment>,
    /// Writers that act before the calls made through this handle.
    writers: ConcurrentWriters,
}

/// Empty except for one API key: [`samples::API_KEY`].
impl Default for MemoryBackend {
    fn default() -> Self {
        let key = samples::api_key();
        let state = State {
            keys: BTreeMap::from([(key.id, key)]),
            ..State::default()
        };
        Self {
            state: Arc::new(Mutex::new(state)),
            environment: None,
            writers: ConcurrentWriters::default(),
        }
    }
}

/// A call to the backend.
#[derive(Debug, Clone, Copy)]
pub struct Call {
    /// Name of the port's method.
    pub what: &'static str,
    /// Id of the email, if the call is about one.
    pub email: Option<EmailId>,
    /// True if it changes anything.
    pub writes: bool,
}

impl Call {
    /// True if the call of this name writes an item of the table, so that another write of the item can conflict.
    /// SQS, SES and the bucket have no conflicts.
    #[must_use]
    pub fn can_conflict(what: &str, writes: bool) -> bool {
        writes
            && ![
                "enqueue",
                "move_to_dead_letter",
                "attach",
                "keep_file",
                provider::SUBMIT,
            ]
            .contains(&what)
    }

    const fn reads(what: &'static str, email: Option<EmailId>) -> Self {
        Self {
            what,
            email,
            writes: false,
        }
    }

    const fn writes(what: &'static str, email: Option<EmailId>) -> Self {
        Self {
            what,
            email,
            writes: true,
        }
    }
}

/// The state, which a test may read and change.
#[derive(Debug, Default)]
pub struct State {
    /// The time, in milliseconds since 1970.
    pub now_ms: i64,
    /// The records.
    pub records: BTreeMap<EmailKey, EmailRecord>,
    /// Places in the list of emails without a record.
    pub forgotten: Vec<Place>,
    /// The contents, by email and hash.
    pub bodies: BTreeMap<(EmailKey, String), Vec<u8>>,
    /// The records of batches, each with the end of its retention.
    pub batches: BTreeMap<(TenantId, BatchId), (BatchRecord, Timestamp)>,
    /// The send tasks that were enqueued.
    pub send_tasks: Vec<SendTaskRequest>,
    /// The emails that were moved to the dead-letter queue.
    pub dead_letters: Vec<DeadLetterMessage>,
    /// The submissions to SES, as (email, claim).
    pub submitted: Vec<(EmailId, u32)>,
    /// The accepted submissions, even if their answers were lost.
    pub accepted: Vec<(EmailId, u32)>,
    /// The next answers of SES; it accepts if there are none.
    pub answers: VecDeque<Attempt>,
    /// Emails for which SES panics instead of answering: a stand-in for a bug in between.
    pub panics: Vec<EmailId>,
    /// The place in each shard of `wake` up to which emails are enqueued.
    pub cursors: BTreeMap<u16, DueCursor>,
    /// Number of SES's events that wait for processing.
    pub events_waiting: u32,
    /// Time of the newest processed event.
    pub newest_event: Option<Timestamp>,
    /// The rate limiter that all senders share.
    pub account_rate: AccountRate,
    /// The rate limits of queues.
    pub rate_limits: BTreeMap<QueueKey, RateLimit>,
    /// The emails that wait for slots, by queue and shard, and by their places.
    pub in_line: BTreeMap<(QueueKey, u16), BTreeMap<String, EmailKey>>,
    /// Number of entries read from them.
    pub in_line_read: usize,
    /// The named queues.
    pub queues: BTreeMap<QueueKey, Queue>,
    /// The jobs of queues.
    pub jobs: BTreeMap<(QueueKey, EmailId), Job>,
    /// The account at SES; without limits if there is none.
    pub account: Option<AccountState>,
    /// The load of the priority queues.
    pub waiting: Waiting,
    /// Time since when each priority queue has not been empty, as saved by `promote`.
    pub busy_since: BTreeMap<Priority, Timestamp>,
    /// The suppressions and releases, by tenant.
    pub suppressions: BTreeMap<(TenantId, SuppressionId), Entry>,
    /// Addresses to which SES did not send because of the account's list, by tenant.
    pub listed: BTreeMap<(TenantId, SuppressionId), Listed>,
    /// SES's list of the account.
    pub account_list: OfAccount,
    /// The marks of suppressed addresses that senders read.
    pub marks: BTreeMap<TenantId, SuppressionFilter>,
    /// The emails that were erased, each with the hash of its content.
    pub erased: BTreeMap<EmailKey, String>,
    /// End of each content's retention, by email and hash.
    pub kept_until: BTreeMap<(EmailKey, String), Timestamp>,
    /// Number of copies of each content onto itself: S3's time of an object, without its seconds.
    pub copies: BTreeMap<(EmailKey, String), u64>,
    /// Retention of finished emails; forever if there is none.
    pub retention: Option<Duration>,
    /// Time at which each finished email expires, including erased ones.
    pub forgotten_at: BTreeMap<EmailKey, Timestamp>,
    /// Emails whose index entries are late, without a bound.
    pub late_in_index: BTreeSet<EmailId>,
    /// The uploaded files, by tenant and id.
    pub uploads: BTreeMap<(TenantId, UploadId), (Uploaded, Vec<u8>)>,
    /// The contents' copies of them, by email, content and upload; each with the end of its retention.
    pub files: BTreeMap<(EmailKey, String, UploadId), (Vec<u8>, Timestamp)>,
    /// The API keys.
    pub keys: BTreeMap<KeyId, ApiKey>,
    /// The created tenants.
    pub tenants: BTreeMap<TenantId, Tenant>,
    /// The names of deleted tenants, with the time of deletion.
    pub deleted_tenants: BTreeMap<TenantId, Timestamp>,
    /// The leased amounts of the tenants' quotas, by the start of the window.
    pub drawn: BTreeMap<(TenantId, Limit, Timestamp), u64>,
    /// Number of entries per page of the index; 0 for all.
    pub page_size: usize,
    /// Results of the next calls, in order.
    pub faults: VecDeque<Fault>,
    /// Results of the next calls of one method.
    pub faults_of: HashMap<&'static str, VecDeque<Fault>>,
    /// The names of the called methods, in order.
    pub calls: Vec<&'static str>,
    /// The counters, and the records' stream.
    pub tally: tallies::Counters,
    /// The fault model; without one every call succeeds at once.
    pub fault_model: Option<FaultModel>,
    nonces: u64,
}

/// True if an item has expired, in DynamoDB's whole seconds.
pub(crate) fn is_over(ttl: Timestamp, now: Timestamp) -> bool {
    ttl.as_secs() < now.as_secs()
}

/// The result of a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Fault {
    /// It succeeds.
    None,
    /// It fails without an effect.
    Before,
    /// It takes effect, and its answer is lost.
    After,
    /// The caller crashes before it takes effect: a panic, for the test to catch. With a fault model, the whole
    /// environment ends.
    DieBefore,
    /// The caller crashes after it took effect.
    DieAfter,
    /// It takes effect, its answer is lost, and the SDK repeats it.
    Repeated,
    /// It fails, and takes effect later.
    Late,
    /// It is refused without an effect: another write of the same item is under way, as in DynamoDB's
    /// `TransactionConflict`.
    Conflict,
    /// It is refused without an effect, because of too many requests.
    Throttled,
}

impl Fault {
    /// The kind of failure that the caller sees.
    #[must_use]
    pub const fn failure(self) -> FailureKind {
        match self {
            Self::Conflict => FailureKind::Conflict,
            Self::Throttled => FailureKind::Throttled,
            Self::None
            | Self::Before
            | Self::After
            | Self::DieBefore
            | Self::DieAfter
            | Self::Repeated
            | Self::Late => FailureKind::Unknown,
        }
    }

    /// The name of the fault; `None` without one.
    #[must_use]
    pub const fn kind(self) -> Option<&'static str> {
        match self {
            Self::None => None,
            Self::Before => Some("error before"),
            Self::After => Some("error after"),
            Self::DieBefore => Some("death before"),
            Self::DieAfter => Some("death after"),
            Self::Repeated => Some("repeated by the SDK"),
            Self::Late => Some("effect later"),
            Self::Conflict => Some("transaction conflict"),
            Self::Throttled => Some("throttled"),
        }
    }
}

impl MemoryBackend {
    /// Locks the state for reading and changing.
    pub fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The record of an email.
    #[must_use]
    pub fn record(&self, key: &EmailKey) -> Option<EmailRecord> {
        self.state().records.get(key).cloned()
    }

    /// The names of the called methods, in order, without the read of the caller's key.
    #[must_use]
    pub fn calls_inside(&self) -> Vec<&'static str> {
        let state = self.state();
        state.calls.iter().copied().filter(|call| *call != "key").collect()
    }

    /// Makes the next `count` calls fail without an effect.
    pub fn fail_next(&self, count: usize) {
        self.state().faults = std::iter::repeat_n(Fault::Before, count).collect();
    }

    /// The same backend, called from an environment.
    #[must_use]
    pub fn within(&self, environment: &Environment) -> Self {
        Self {
            environment: Some(environment.clone()),
            ..self.clone()
        }
    }

    /// Milliseconds that this environment's clock is ahead.
    fn ahead_ms(&self) -> i64 {
        self.environment.as_ref().map_or(0, Environment::ahead_ms)
    }

    fn is_dead(&self) -> bool {
        self.environment.as_ref().is_some_and(Environment::is_dead)
    }

    /// Ends the environment; its runner then drops everything that waits here.
    async fn die<T>(&self) -> T {
        if let Some(environment) = &self.environment {
            environment.end();
        }
        std::future::pending().await
    }

    /// The result of a call; `None` without a fault model. Never returns in a dead environment.
    async fn course(&self, call: &Call) -> Option<CallPlan> {
        if self.is_dead() {
            std::future::pending::<()>().await;
        }
        let mut state = self.state();
        let fault_model = state.fault_model.as_mut()?;
        Some(fault_model.course(call, self.environment.as_ref()))
    }

    fn effect<T>(&self, effect: &mut impl FnMut(&mut State) -> T) -> T {
        effect(&mut self.state())
    }

    /// Carries out one call of a port, or fails as the fault model or the test demands.
    ///
    /// # Errors
    /// [`Fault::Before`], [`Fault::After`] and [`Fault::Late`], as the caller sees them.
    pub async fn call<T: Send + 'static>(
        &self,
        call: Call,
        effect: impl FnMut(&mut State) -> T + Send + 'static,
    ) -> Result<T, PortError> {
        match self.course(&call).await {
            Some(course) => self.call_under(call, course, effect).await,
            None => self.call_at_once(call.what, effect),
        }
    }

    async fn call_under<T: Send + 'static>(
        &self,
        call: Call,
        course: CallPlan,
        mut effect: impl FnMut(&mut State) -> T + Send + 'static,
    ) -> Result<T, PortError> {
        let down = || PortError {
            what: call.what,
            kind: course.fault.failure(),
            source: "the world is down".into(),
        };
        if course.detached && course.fault == Fault::None {
            let (backend, (tell, told)) = (self.clone(), tokio::sync::oneshot::channel());
            tokio::spawn(async move {
                tokio::time::sleep(course.before).await;
                // Nobody receives the answer if the caller has crashed.
                tell.send(backend.effect(&mut effect)).ok();
            });
            let answer = told.await;
            tokio::time::sleep(course.after).await;
            return answer.map_err(|_| down());
        }
        tokio::time::sleep(course.before).await;
        // The other calls of a batch continue until the invocation is dropped: not in a dead environment.
        if self.is_dead() {
            return std::future::pending().await;
        }
        let answer = match course.fault {
            Fault::None => Ok(self.effect(&mut effect)),
            Fault::Before | Fault::Conflict | Fault::Throttled => Err(down()),
            Fault::After => {
                self.effect(&mut effect);
                Err(down())
            }
            Fault::DieBefore => return self.die().await,
            Fault::DieAfter => {
                self.effect(&mut effect);
                return self.die().await;
            }
            Fault::Repeated => {
                self.effect(&mut effect);
                tokio::time::sleep(course.after).await;
                Ok(self.effect(&mut effect))
            }
            Fault::Late => {
                let backend = self.clone();
                tokio::spawn(async move {
                    tokio::time::sleep(course.later).await;
                    backend.effect(&mut effect);
                });
                Err(down())
            }
        };
        tokio::time::sleep(course.after).await;
        answer
    }

    #[expect(clippy::panic, reason = "a death that a test asked for")]
    fn call_at_once<T>(&self, what: &'static str, mut effect: impl FnMut(&mut State) -> T) -> Result<T, PortError> {
        let mut state = self.state();
        let fault = state.next_fault(what);
        let down = || PortError {
            what,
            kind: fault.failure(),
            source: "the world is down".into(),
        };
        match fault {
            Fault::None => Ok(effect(&mut state)),
            Fault::Before | Fault::Late | Fault::Conflict | Fault::Throttled => Err(down()),
            Fault::After => {
                effect(&mut state);
                Err(down())
            }
            Fault::Repeated => {
                effect(&mut state);
                Ok(effect(&mut state))
            }
            Fault::DieBefore => panic!("died before {what}"),
            Fault::DieAfter => {
                effect(&mut state);
                drop(state);
                panic!("died after {what}")
            }
        }
    }
}

impl State {
    /// The result of a call to SES. Such calls do not consume [`Self::faults`], whose places tests count, but have
    /// faults of their own under `submit`.
    fn fault_of_ses(&mut self) -> Fault {
        let own = self.faults_of.get_mut("submit").and_then(VecDeque::pop_front);
        own.unwrap_or(Fault::None)
    }

    /// Notes a call, and returns its result.
    fn next_fault(&mut self, what: &'static str) -> Fault {
        self.calls.push(what);
        let own = self.faults_of.get_mut(what).and_then(VecDeque::pop_front);
        let any = self.faults.pop_front();
        own.filter(|own| *own != Fault::None).or(any).unwrap_or(Fault::None)
    }

    /// The true time.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        let of_nature = self.fault_model.as_ref().map(FaultModel::now);
        of_nature.unwrap_or(Timestamp::from_millis(self.now_ms))
    }

    /// True if a record's queue has the version that a condition names, or if the condition names none.
    pub(crate) fn queue_is_at(&self, record: &EmailRecord, condition: Condition) -> bool {
        let queue = self.queues.get(&record.queue_key());
        condition
            .queue_version()
            .is_none_or(|no| queue.is_some_and(|queue| queue.no == no))
    }

    /// Stores a record that was accepted before the test began.
    pub fn plant(&mut self, record: EmailRecord) {
        self.store(record);
    }

    /// Replaces a record by a tombstone.
    pub(crate) fn erase(&mut self, record: &EmailRecord) {
        let now = self.now();
        let before = self.records.remove(&record.email_key());
        let gone = EmailRecord {
            due: None,
            ..record.clone()
        };
        self.line_up(before.as_ref(), &gone);
        self.erased.insert(record.email_key(), record.body.sha256.clone());
        self.forget_later(record.email_key(), now);
        self.tally.tell(now, Some(record), None);
        if let Some(fault_model) = &mut self.fault_model {
            // The index follows later, as after every write.
            fault_model.index(&gone);
        }
    }

    /// Writes a record, and notifies the observer.
    pub(crate) fn store(&mut self, record: EmailRecord) {
        let now = self.now();
        let before = self.records.insert(record.email_key(), record.clone());
        self.set_ttl(before.as_ref(), &record, now);
        self.line_up(before.as_ref(), &record);
        self.tally.tell(now, before.as_ref(), Some(&record));
        let Some(fault_model) = &mut self.fault_model else {
            return;
        };
        fault_model.index(&record);
        fault_model.trace.note(Step::EmailRecord {
            at_ms: now.as_millis(),
            email: record.id,
            from: before.as_ref().map(|before| before.status),
            to: record.status,
            claim_no: record.claim_no,
            attempts: record.attempts,
            marked: record.maybe_duplicate,
        });
        if let Some(observer) = &mut fault_model.observer {
            observer.written(now, before.as_ref(), &record);
        }
    }
}
