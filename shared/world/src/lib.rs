//! A world in memory: the ports that the functions need, for tests.
//!
//! **Role:** a dev-dependency of the functions; no part of what is deployed.
//! **Invariant:** a write happens under [`domain::lifecycle::Condition::holds`] and nothing
//! else, so that the meaning of a condition is tested where it is defined.
//! **Start reading at** [`State`]; [`samples`] has emails and rows to begin with.

mod listing;
mod ports;
pub mod samples;

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use domain::id::{EmailId, TenantId};
use domain::lifecycle::Attempt;
use domain::listing::Place;
use domain::pacing::{Account, Pace};
use domain::ports::{BatchRecord, DueCursor, EmailKey, PortError, Waiting, Wake};
use domain::row::{Lane, Row};
use domain::timestamp::Timestamp;
use domain::wire::hand_over::HandOver;

/// Everything there is. Clones are the same world.
#[derive(Debug, Clone, Default)]
pub struct World {
    state: Arc<Mutex<State>>,
}

/// What a test may look at and change.
#[derive(Debug, Default)]
pub struct State {
    /// The time, in milliseconds since 1970.
    pub now_ms: i64,
    /// The rows.
    pub rows: HashMap<EmailKey, Row>,
    /// Places that the list of emails still has, of rows that are gone.
    pub forgotten: Vec<Place>,
    /// The contents, by email and hash.
    pub bodies: BTreeMap<(EmailKey, String), Vec<u8>>,
    /// What is remembered of batches, by tenant and idempotency key.
    pub batches: BTreeMap<(TenantId, String), BatchRecord>,
    /// The wake-ups that were sent.
    pub wakes: Vec<Wake>,
    /// The emails that were handed over.
    pub handed_over: Vec<HandOver>,
    /// What SES was given, as (email, claim).
    pub submitted: Vec<(EmailId, u32)>,
    /// What of it SES has accepted, whether its answer arrived or not.
    pub accepted: Vec<(EmailId, u32)>,
    /// How SES answers next; it accepts when nothing is said.
    pub answers: VecDeque<Attempt>,
    /// SES panics instead of answering for these emails: a stand-in for a bug on the way.
    pub panics: Vec<EmailId>,
    /// How far each shard of `wake` was woken.
    pub cursors: BTreeMap<u16, DueCursor>,
    /// Events of SES that wait to be worked off.
    pub events_waiting: u32,
    /// The newest event that was worked off.
    pub newest_event: Option<Timestamp>,
    /// The pace that all senders share.
    pub pace: Pace,
    /// The account at SES; without limits when nothing is said.
    pub account: Option<Account>,
    /// How full the lanes are.
    pub waiting: Waiting,
    /// Since when each lane has not been empty, as `promote` remembers it.
    pub busy_since: BTreeMap<Lane, Timestamp>,
    /// Until when each content is kept, by email and hash.
    pub kept_until: BTreeMap<(EmailKey, String), Timestamp>,
    /// How many entries a page of the index has; 0 for all.
    pub page_size: usize,
    /// Which of the next calls fail, before they take effect: the first, the second, ...
    pub faults: VecDeque<Fault>,
    /// The same, of the calls of one method.
    pub faults_of: HashMap<&'static str, VecDeque<Fault>>,
    /// The ports' methods that were called, in order.
    pub calls: Vec<&'static str>,
    nonces: u64,
}

/// What becomes of a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// It goes well.
    None,
    /// It fails and has no effect.
    Before,
    /// It takes effect, and its answer is lost.
    After,
    /// Whoever calls dies before it takes effect: a panic, for the test to catch.
    DieBefore,
    /// Whoever calls dies when it has taken effect.
    DieAfter,
}

impl World {
    /// A look at everything, and the means to change it.
    pub fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The row of an email.
    #[must_use]
    pub fn row(&self, key: &EmailKey) -> Option<Row> {
        self.state().rows.get(key).cloned()
    }

    /// Makes the next `count` calls fail without an effect.
    pub fn fail_next(&self, count: usize) {
        self.state().faults = std::iter::repeat_n(Fault::Before, count).collect();
    }

    /// Carries out one call of a port, or fails as the test wants it.
    #[expect(clippy::panic, reason = "a death that a test asked for")]
    fn call<T>(&self, what: &'static str, effect: impl FnOnce(&mut State) -> T) -> Result<T, PortError> {
        let mut state = self.state();
        let fault = state.next_fault(what);
        let down = || PortError {
            what,
            source: "the world is down".into(),
        };
        match fault {
            Fault::None => Ok(effect(&mut state)),
            Fault::Before => Err(down()),
            Fault::After => {
                effect(&mut state);
                Err(down())
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
}
