//! The endpoints of the tests: each answers as the test says, and 200 without orders.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use deliver::calls::{EndpointCalls, LONGEST_CALL};
use domain::webhook::outcome::{Answer, Outcome};
use tokio::time::Instant;

/// A request that an endpoint got.
#[derive(Debug, Clone)]
pub(crate) struct Received {
    pub(crate) endpoint: String,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: String,
    /// Time of its beginning.
    pub(crate) at: Instant,
}

#[derive(Debug, Default)]
struct State {
    answers: BTreeMap<String, VecDeque<Outcome>>,
    always: BTreeMap<String, Outcome>,
    slow: BTreeMap<String, Duration>,
    received: Vec<Received>,
    running: usize,
    most_running: usize,
}

/// The endpoints.
#[derive(Debug, Clone, Default)]
pub(crate) struct Receivers(Arc<Mutex<State>>);

impl Receivers {
    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Sets the next answers of an endpoint.
    pub(crate) fn answer(&self, endpoint: &str, outcomes: impl IntoIterator<Item = Outcome>) {
        let mut state = self.state();
        state.answers.entry(endpoint.to_owned()).or_default().extend(outcomes);
    }

    /// Sets all answers of an endpoint.
    pub(crate) fn always(&self, endpoint: &str, outcome: Outcome) {
        self.state().always.insert(endpoint.to_owned(), outcome);
    }

    /// Makes an endpoint slow.
    pub(crate) fn slow(&self, endpoint: &str, time: Duration) {
        self.state().slow.insert(endpoint.to_owned(), time);
    }

    /// Makes an endpoint hang.
    pub(crate) fn hang(&self, endpoint: &str) {
        self.slow(endpoint, LONGEST_CALL);
        self.always(
            endpoint,
            Outcome::NoAnswer("The endpoint did not answer within 15 seconds.".to_owned()),
        );
    }

    pub(crate) fn received(&self) -> Vec<Received> {
        self.state().received.clone()
    }

    /// The number of requests that an endpoint got.
    pub(crate) fn count(&self, endpoint: &str) -> usize {
        let state = self.state();
        state.received.iter().filter(|got| got.endpoint == endpoint).count()
    }

    /// The largest number of requests at the same time.
    pub(crate) fn most_running(&self) -> usize {
        self.state().most_running
    }
}

impl EndpointCalls for Receivers {
    async fn post(&self, endpoint: &str, headers: &[(&'static str, String)], body: &str) -> Outcome {
        let (time, outcome) = {
            let mut state = self.state();
            state.running += 1;
            state.most_running = state.most_running.max(state.running);
            state.received.push(Received {
                endpoint: endpoint.to_owned(),
                headers: headers
                    .iter()
                    .map(|(name, value)| ((*name).to_owned(), value.clone()))
                    .collect(),
                body: body.to_owned(),
                at: Instant::now(),
            });
            let next = state.answers.get_mut(endpoint).and_then(VecDeque::pop_front);
            let outcome = next.or_else(|| state.always.get(endpoint).cloned());
            let time = state.slow.get(endpoint).copied().unwrap_or_default();
            (time, outcome.unwrap_or_else(|| answered(200)))
        };
        tokio::time::sleep(time).await;
        self.state().running -= 1;
        outcome
    }
}

/// An answer with this status.
pub(crate) fn answered(status: u16) -> Outcome {
    waiting(status, None)
}

/// An answer with this status and `Retry-After`.
pub(crate) fn waiting(status: u16, secs: Option<u64>) -> Outcome {
    Outcome::Answered(Answer {
        status,
        retry_after: secs.map(Duration::from_secs),
        aborts: false,
        body: format!("status {status}"),
    })
}

/// An answer that ends the event.
pub(crate) fn aborting(status: u16) -> Outcome {
    Outcome::Answered(Answer {
        status,
        retry_after: None,
        aborts: true,
        body: "never again".to_owned(),
    })
}
