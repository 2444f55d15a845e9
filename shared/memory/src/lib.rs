//! A backend in memory: the ports that the functions need, for tests.
//!
//! **Role:** a dev-dependency of the functions and what the simulation is made of; no part of what is
//! deployed.
//! **Invariant:** a write happens under [`domain::lifecycle::Condition::holds`] and nothing
//! else, so that the meaning of a condition is tested where it is defined; and it changes what its
//! decision changes and nothing else ([`overlay`]).
//! **Start reading at** [`State`]; [`samples`] has emails and records to begin with. A test of one function
//! tells the backend what happens ([`State::faults`], [`State::answers`]); with a [`nature::FaultModel`] it
//! lives by itself.

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

use domain::access::key::ApiKey;
use domain::access::quota::Limit;
use domain::access::tenant::Tenant;
use domain::account_rate::{AccountRate, AccountState};
use domain::attachment::Uploaded;
use domain::batch::{BatchId, BatchRecord};
use domain::id::{EmailId, KeyId, TenantId, UploadId};
use domain::lifecycle::{Attempt, Condition};
use domain::listing::Place;
use domain::ports::{DueCursor, EmailKey, FailureKind, PortError, SendTaskRequest, Waiting};
use domain::queue::job::Job;
use domain::queue::{Queue, QueueKey};
use domain::rate_limit::RateLimit;
use domain::record::{EmailRecord, Priority};
use domain::suppression::{Entry, Listed, SuppressionFilter, SuppressionId};
use domain::timestamp::Timestamp;
use domain::wire::dead_letter_message::DeadLetterMessage;

use crate::concurrent_writers::ConcurrentWriters;
use crate::environment::Environment;
use crate::fault_model::{CallPlan, FaultModel};
use crate::trace::Step;

/// Everything there is. Clones are the same backend.
#[derive(Debug, Clone)]
pub struct MemoryBackend {
    state: Arc<Mutex<State>>,
    /// From where it is seen; nowhere in particular when nothing is said.
    environment: Option<Environment>,
    /// Who is quicker than whoever calls from here.
    writers: ConcurrentWriters,
}

/// There is nothing yet but a key to come in with: [`samples::API_KEY`].
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

/// What is asked of the backend.
#[derive(Debug, Clone, Copy)]
pub struct Call {
    /// What, in the port's word.
    pub what: &'static str,
    /// About which email, if it is about one.
    pub email: Option<EmailId>,
    /// Whether it changes anything.
    pub writes: bool,
}

impl Call {
    /// Whether the call of this name writes an item of the table, so that it can meet another write of
    /// it. SQS, SES and the bucket know no conflict.
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

/// What a test may look at and change.
#[derive(Debug, Default)]
pub struct State {
    /// The time, in milliseconds since 1970.
    pub now_ms: i64,
    /// The records.
    pub records: BTreeMap<EmailKey, EmailRecord>,
    /// Places that the list of emails still has, of records that are gone.
    pub forgotten: Vec<Place>,
    /// The contents, by email and hash.
    pub bodies: BTreeMap<(EmailKey, String), Vec<u8>>,
    /// The records of batches, and until when each is kept.
    pub batches: BTreeMap<(TenantId, BatchId), (BatchRecord, Timestamp)>,
    /// The send tasks that were sent.
    pub send_tasks: Vec<SendTaskRequest>,
    /// The emails that were moved to the dead-letter queue.
    pub dead_letters: Vec<DeadLetterMessage>,
    /// What SES was given, as (email, claim).
    pub submitted: Vec<(EmailId, u32)>,
    /// What of it SES has accepted, whether its answer arrived or not.
    pub accepted: Vec<(EmailId, u32)>,
    /// How SES answers next; it accepts when nothing is said.
    pub answers: VecDeque<Attempt>,
    /// SES panics instead of answering for these emails: a stand-in for a bug on the way.
    pub panics: Vec<EmailId>,
    /// How far each shard of `wake` was enqueued.
    pub cursors: BTreeMap<u16, DueCursor>,
    /// Events of SES that wait to be worked off.
    pub events_waiting: u32,
    /// The newest event that was worked off.
    pub newest_event: Option<Timestamp>,
    /// The account's rate that all senders share.
    pub account_rate: AccountRate,
    /// The rate limits of queues.
    pub rate_limits: BTreeMap<QueueKey, RateLimit>,
    /// Which emails wait for slots, by queue and shard, and by their places.
    pub in_line: BTreeMap<(QueueKey, u16), BTreeMap<String, EmailKey>>,
    /// How many of their entries were read.
    pub in_line_read: usize,
    /// The named queues.
    pub queues: BTreeMap<QueueKey, Queue>,
    /// What is left to be done to the emails of queues.
    pub jobs: BTreeMap<(QueueKey, EmailId), Job>,
    /// The account at SES; without limits when nothing is said.
    pub account: Option<AccountState>,
    /// How full the priority queues are.
    pub waiting: Waiting,
    /// Since when each priority queue has not been empty, as `promote` remembers it.
    pub busy_since: BTreeMap<Priority, Timestamp>,
    /// Who is suppressed or was released, by tenant.
    pub suppressions: BTreeMap<(TenantId, SuppressionId), Entry>,
    /// Addresses that SES did not send to for the account's list, by tenant.
    pub listed: BTreeMap<(TenantId, SuppressionId), Listed>,
    /// SES's list of the account.
    pub account_list: OfAccount,
    /// What senders read of it.
    pub marks: BTreeMap<TenantId, SuppressionFilter>,
    /// The emails that were erased, each with the hash of its content.
    pub erased: BTreeMap<EmailKey, String>,
    /// Until when each content is kept, by email and hash.
    pub kept_until: BTreeMap<(EmailKey, String), Timestamp>,
    /// How often each content was copied onto itself: S3's time of an object, without its seconds.
    pub copies: BTreeMap<(EmailKey, String), u64>,
    /// How long finished emails are kept; for ever when nothing is said.
    pub retention: Option<Duration>,
    /// When each finished email is forgotten, erased ones among them.
    pub forgotten_at: BTreeMap<EmailKey, Timestamp>,
    /// Emails whose entries in the index are late, without a bound.
    pub late_in_index: BTreeSet<EmailId>,
    /// The files that were uploaded, by tenant and id.
    pub uploads: BTreeMap<(TenantId, UploadId), (Uploaded, Vec<u8>)>,
    /// The contents' copies of them, by email, content and upload; each with until when it is kept.
    pub files: BTreeMap<(EmailKey, String, UploadId), (Vec<u8>, Timestamp)>,
    /// The API keys.
    pub keys: BTreeMap<KeyId, ApiKey>,
    /// The tenants that were made.
    pub tenants: BTreeMap<TenantId, Tenant>,
    /// The names of tenants that were deleted, and when.
    pub deleted_tenants: BTreeMap<TenantId, Timestamp>,
    /// What was drawn of the tenants' limits, by when the window begins.
    pub drawn: BTreeMap<(TenantId, Limit, Timestamp), u64>,
    /// How many entries a page of the index has; 0 for all.
    pub page_size: usize,
    /// Which of the next calls fail, before they take effect: the first, the second, ...
    pub faults: VecDeque<Fault>,
    /// The same, of the calls of one method.
    pub faults_of: HashMap<&'static str, VecDeque<Fault>>,
    /// The ports' methods that were called, in order.
    pub calls: Vec<&'static str>,
    /// What is counted of all this, and what the stream tells.
    pub tally: tallies::Counters,
    /// What the backend does by itself; nothing when there is none.
    pub fault_model: Option<FaultModel>,
    nonces: u64,
}

/// Whether the time of an item is over, in DynamoDB's whole seconds.
pub(crate) fn is_over(ttl: Timestamp, now: Timestamp) -> bool {
    ttl.as_secs() < now.as_secs()
}

/// What becomes of a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Fault {
    /// It goes well.
    None,
    /// It fails and has no effect.
    Before,
    /// It takes effect, and its answer is lost.
    After,
    /// Whoever calls dies before it takes effect: a panic, for the test to catch; with a fault model, the
    /// whole environment ends.
    DieBefore,
    /// Whoever calls dies when it has taken effect.
    DieAfter,
    /// It takes effect, its answer is lost, and the SDK repeats it.
    Repeated,
    /// It fails, and takes effect later.
    Late,
    /// It is refused without an effect: another write of the same item is under way, as DynamoDB's
    /// `TransactionConflict` says.
    Conflict,
    /// It is refused without an effect: too much is asked at once.
    Throttled,
}

impl Fault {
    /// What the caller is told of the failure.
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

    /// In words; `None` for none.
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
    /// A look at everything, and the means to change it.
    pub fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The record of an email.
    #[must_use]
    pub fn record(&self, key: &EmailKey) -> Option<EmailRecord> {
        self.state().records.get(key).cloned()
    }

    /// The ports' methods that were called, in order, but for the look at the caller's key.
    #[must_use]
    pub fn calls_inside(&self) -> Vec<&'static str> {
        let state = self.state();
        state.calls.iter().copied().filter(|call| *call != "key").collect()
    }

    /// Makes the next `count` calls fail without an effect.
    pub fn fail_next(&self, count: usize) {
        self.state().faults = std::iter::repeat_n(Fault::Before, count).collect();
    }

    /// The same backend, seen from an environment.
    #[must_use]
    pub fn within(&self, environment: &Environment) -> Self {
        Self {
            environment: Some(environment.clone()),
            ..self.clone()
        }
    }

    /// How far the clock here is ahead.
    fn ahead_ms(&self) -> i64 {
        self.environment.as_ref().map_or(0, Environment::ahead_ms)
    }

    fn is_dead(&self) -> bool {
        self.environment.as_ref().is_some_and(Environment::is_dead)
    }

    /// Ends the environment; whoever runs it drops what waits here.
    async fn die<T>(&self) -> T {
        if let Some(environment) = &self.environment {
            environment.end();
        }
        std::future::pending().await
    }

    /// What becomes of a call; `None` when the backend has no fault model. Never, where the caller is dead.
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

    /// Carries out one call of a port, or fails as chance or the test wants it.
    ///
    /// # Errors
    /// [`Fault::Before`], [`Fault::After`] and [`Fault::Late`], to the caller all the same.
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
                // Nobody hears of it where the caller has died.
                tell.send(backend.effect(&mut effect)).ok();
            });
            let answer = told.await;
            tokio::time::sleep(course.after).await;
            return answer.map_err(|_| down());
        }
        tokio::time::sleep(course.before).await;
        // The others of a batch go on until the invocation is dropped: not in a dead environment.
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
    /// What becomes of a call to SES. It is no call of [`Self::faults`], whose places tests count,
    /// but has faults of its own under `submit`.
    fn fault_of_ses(&mut self) -> Fault {
        let own = self.faults_of.get_mut("submit").and_then(VecDeque::pop_front);
        own.unwrap_or(Fault::None)
    }

    /// Notes a call, and says what becomes of it.
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

    /// Whether a record's queue is in the state that a condition names, where it names one.
    pub(crate) fn queue_is_at(&self, record: &EmailRecord, condition: Condition) -> bool {
        let queue = self.queues.get(&QueueKey::of(record));
        condition
            .queue_version()
            .is_none_or(|no| queue.is_some_and(|queue| queue.no == no))
    }

    /// Puts a record there that was accepted before everything began.
    pub fn plant(&mut self, record: EmailRecord) {
        self.store(record);
    }

    /// Takes a record away, and remembers that it was there.
    pub(crate) fn erase(&mut self, record: &EmailRecord) {
        let now = self.now();
        let before = self.records.remove(&EmailKey::of(record));
        let gone = EmailRecord {
            due: None,
            ..record.clone()
        };
        self.line_up(before.as_ref(), &gone);
        self.erased.insert(EmailKey::of(record), record.body.sha256.clone());
        self.forget_later(EmailKey::of(record), now);
        self.tally.tell(now, Some(record), None);
        if let Some(fault_model) = &mut self.fault_model {
            // The index follows when it has caught up, as with every write.
            fault_model.index(&gone);
        }
    }

    /// Writes a record, before the eyes of whoever watches.
    pub(crate) fn store(&mut self, record: EmailRecord) {
        let now = self.now();
        let before = self.records.insert(EmailKey::of(&record), record.clone());
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
