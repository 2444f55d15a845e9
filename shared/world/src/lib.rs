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
use domain::ports::{BatchRecord, DueCursor, EmailKey, PortError, Wake};
use domain::row::Row;
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
    /// How SES answers next; it accepts when nothing is said.
    pub answers: VecDeque<Attempt>,
    /// SES panics instead of answering for these emails: a stand-in for a bug on the way.
    pub panics: Vec<EmailId>,
    /// How far each shard of `wake` was woken.
    pub cursors: BTreeMap<u16, DueCursor>,
    /// Events of SES that wait to be worked off.
    pub events_waiting: u32,
    /// How many entries a page of the index has; 0 for all.
    pub page_size: usize,
    /// Which of the next calls fail, before they take effect: the first, the second, ...
    pub faults: VecDeque<Fault>,
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
    fn call<T>(&self, what: &'static str, effect: impl FnOnce(&mut State) -> T) -> Result<T, PortError> {
        let mut state = self.state();
        state.calls.push(what);
        let fault = state.faults.pop_front().unwrap_or(Fault::None);
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
        }
    }
}
