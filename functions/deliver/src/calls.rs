//! Calls of endpoints.
//!
//! **Invariant:** each call has one outcome. Nothing calls an endpoint twice for one attempt, and nothing here decides
//! about another attempt.

use std::time::Duration;

use aws::runtime::system::System;
use domain::ports::Clock;
use domain::timestamp::Timestamp;
use domain::webhook::outcome::{Answer, Outcome, aborts};
use outgoing::dns::SystemResolver;
use outgoing::{Caller, Policy, Target};

/// Longest time of a call: that of [`outgoing::Limits`].
pub const LONGEST_CALL: Duration = Duration::from_secs(15);

/// The endpoints of webhooks.
pub trait EndpointCalls: Sync {
    /// Sends one signed event to an endpoint, within [`LONGEST_CALL`].
    fn post(
        &self,
        endpoint: &str,
        headers: &[(&'static str, String)],
        body: &str,
    ) -> impl Future<Output = Outcome> + Send;
}

/// Guarded calls over HTTPS.
#[derive(Debug)]
pub struct GuardedCalls {
    caller: Caller<SystemResolver>,
    policy: Policy,
}

impl GuardedCalls {
    /// Creates the adapter of a caller and the policy of the deployment.
    #[must_use]
    pub const fn new(caller: Caller<SystemResolver>, policy: Policy) -> Self {
        Self { caller, policy }
    }
}

impl EndpointCalls for GuardedCalls {
    async fn post(&self, endpoint: &str, headers: &[(&'static str, String)], body: &str) -> Outcome {
        // The policy may be stricter now than when the endpoint was stored.
        let result = match Target::parse(endpoint, self.policy) {
            Ok(target) => self.caller.post(&target, headers, body.as_bytes().to_vec()).await,
            Err(refusal) => Err(refusal.into()),
        };
        outcome_of(result, System.now())
    }
}

/// Returns the outcome of an attempt that ended at `now`.
#[must_use]
pub fn outcome_of(result: outgoing::Outcome, now: Timestamp) -> Outcome {
    let now_secs = u64::try_from(now.as_secs()).unwrap_or_default();
    match result {
        Ok(answer) => Outcome::Answered(Answer {
            status: answer.status,
            retry_after: answer
                .retry_after
                .map(|wait| Duration::from_secs(wait.wait_secs(now_secs))),
            aborts: answer.delivery.as_deref().is_some_and(aborts),
            body: answer.body,
        }),
        Err(failure) => Outcome::NoAnswer(failure.to_string()),
    }
}
