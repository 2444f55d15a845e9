//! The attempts of one execution at one endpoint.
//!
//! **Invariant:** a few calls at once, round by round. After each round the health decides whether another one
//! follows, so that a dead endpoint, or one that turns out to be slow, costs one round and no more. No round begins
//! that could not end in time.
//! **Start reading at** [`DeliverFunction::call_all`].

use std::collections::BTreeMap;
use std::time::Duration;

use domain::ports::webhook_events::Payloads;
use domain::ports::webhooks::WebhookKey;
use domain::ports::{Clock, PortError, Random};
use domain::webhook::delivery::Delivery;
use domain::webhook::health::{Calls, Consequence};
use domain::webhook::identity::EventId;
use domain::webhook::outcome::{Meaning, Outcome};
use futures::future::join_all;
use tokio::time::Instant;

use crate::calls::{EndpointCalls, LONGEST_CALL};
use crate::entry::Held;
use crate::saving::{Waiting, Work};
use crate::{Called, DeliverFunction, Ports};

/// Calls of one endpoint at the same time. Our choice: a small server answers them at once.
const AT_ONCE: usize = 5;

/// Time for writing results, with a margin.
const RECORDING: Duration = Duration::from_secs(2);

/// Wait of a message that was not called in time, whose endpoint has just turned out to be slow, or whose webhook has
/// just been disabled or enabled.
pub(crate) const AGAIN: Duration = Duration::from_secs(2);

/// A delivery with its payload.
#[derive(Debug)]
struct Ready {
    waiting: Waiting,
    body: String,
}

/// A call, and the result of its write.
struct Attempted {
    outcome: Outcome,
    /// Time of the call.
    took: Duration,
    written: Result<Option<Delivery>, PortError>,
}

impl Called<'_> {
    fn has_time_for_a_round(&self) -> bool {
        self.execution.end.saturating_duration_since(Instant::now()) >= LONGEST_CALL.saturating_add(RECORDING)
    }
}

impl<P: Ports> DeliverFunction<P> {
    /// Calls an endpoint for each wanted event, under a permit; returns the results of the calls.
    ///
    /// # Errors
    /// The deliveries or their payloads could not be read. Nothing was called.
    pub(crate) async fn call_all(
        &self,
        called: &Called<'_>,
        events: &[EventId],
        held: &Held,
        work: &mut Work,
    ) -> Result<Calls, PortError> {
        let waiting = self.wanted(called.key, events).await?;
        let mut ready = self.with_payloads(called.key, waiting, work).await?;
        let mut calls = Calls::default();
        let mut at_once = if held.probes { 1 } else { AT_ONCE };
        while !ready.is_empty() {
            if !called.has_time_for_a_round() {
                put_back(&ready, work);
                break;
            }
            let round: Vec<_> = ready.drain(..at_once.min(ready.len())).collect();
            at_once = AT_ONCE;
            calls = self.call_round(called, &round, calls, work).await;
            let now = self.system.now();
            let (health, consequence) = held.after(calls, now);
            if matches!(consequence, Consequence::Disable(_)) {
                // The settings decide about the rest: perhaps a caller has just changed the endpoint.
                put_back(&ready, work);
                break;
            }
            if let Some(until) = health.closed_until.filter(|until| *until > now) {
                let rest: Vec<_> = ready.drain(..).map(|ready| ready.waiting).collect();
                self.postpone(called.key, &rest, until, work).await;
            }
            if calls.is_slow && !called.execution.may_call_slow() {
                // From now on it is marked as slow, and another round needs the permit for slow endpoints.
                put_back(&ready, work);
                break;
            }
        }
        Ok(calls)
    }

    /// Finds the payloads of deliveries. Those without one end.
    async fn with_payloads(
        &self,
        key: &WebhookKey,
        waiting: Vec<Waiting>,
        work: &mut Work,
    ) -> Result<Vec<Ready>, PortError> {
        if waiting.is_empty() {
            return Ok(Vec::new());
        }
        let place = |waiting: &Waiting| (waiting.stored.subject, waiting.stored.delivery.event.clone());
        let places: Vec<_> = waiting.iter().map(place).collect();
        let payloads = self.events.payloads(&key.tenant, &places).await?;
        let mut bodies: BTreeMap<_, _> = payloads
            .into_iter()
            .map(|payload| (payload.event, payload.body))
            .collect();
        let (mut ready, mut gone) = (Vec::new(), Vec::new());
        for waiting in waiting {
            match bodies.remove(&waiting.stored.delivery.event) {
                Some(body) => ready.push(Ready { waiting, body }),
                None => gone.push(waiting),
            }
        }
        self.end_without_payload(key, &gone, work).await;
        Ok(ready)
    }

    /// Makes one round of calls; returns the results so far.
    async fn call_round(&self, called: &Called<'_>, round: &[Ready], mut calls: Calls, work: &mut Work) -> Calls {
        let attempts = round.iter().map(|ready| self.attempt(called, ready));
        let attempts = join_all(attempts).await;
        let now = self.system.now();
        for (Ready { waiting, .. }, attempted) in round.iter().zip(attempts) {
            match attempted {
                Ok(Attempted { outcome, took, written }) => {
                    work.counts.calls += 1;
                    work.counts.delivered += usize::from(outcome.meaning() == Meaning::Success);
                    calls = calls.with(&outcome, took);
                    work.note(waiting.place, written, now);
                }
                Err(error) => work.fail(waiting.place, error),
            }
        }
        calls
    }

    /// Makes one attempt and records it.
    ///
    /// # Errors
    /// The event could not be signed. Nothing was called.
    async fn attempt(&self, called: &Called<'_>, ready: &Ready) -> Result<Attempted, PortError> {
        let Ready { waiting, body } = ready;
        let delivery = &waiting.stored.delivery;
        let headers = called.signer.headers(&delivery.event, body, self.system.now())?;
        let began = Instant::now();
        let outcome = self.calls.post(called.endpoint, &headers, body).await;
        let took = began.elapsed();
        let (jitter, now) = (self.system.jitter(), self.system.now());
        let decide = |delivery: &Delivery| delivery.after_attempt(&outcome, jitter, now);
        let written = self.record(called.key, &waiting.stored, decide).await;
        Ok(Attempted { outcome, took, written })
    }
}

fn put_back(rest: &[Ready], work: &mut Work) {
    for Ready { waiting, .. } in rest {
        work.later(waiting.place, AGAIN);
    }
}
