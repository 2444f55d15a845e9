//! The route table.
//!
//! **Invariant:** both routes need a key that may send. The log has the number of accepted emails; their records have
//! the ids.

use aws::http::routing::{HttpFunction, Route, elsewhere, post};
use domain::ports::Clock;
use domain::tenant::key::Action;
use domain::timestamp::Timestamp;

use crate::errors::AcceptError;
use crate::handler::{batch, single, with_limits};
use crate::{EnqueueFunction, Ports};

impl<P: Ports> HttpFunction for EnqueueFunction<P> {
    type Parameters = ();
    type Error = AcceptError;
    type Records = P::Records;

    const ROUTES: &'static [Route<Self>] = &[
        elsewhere("GET", "/emails"),
        post("/emails", "send_email")
            .tenant(Action::Send, |enqueue, caller, input| {
                Box::pin(async move { with_limits(enqueue, caller, single(enqueue, caller, &input).await) })
            })
            .completed_by_key(),
        post("/emails/batch", "send_emails")
            .tenant(Action::Send, |enqueue, caller, input| {
                Box::pin(async move { with_limits(enqueue, caller, batch(enqueue, caller, &input).await) })
            })
            .completed_by_key(),
    ];

    fn records(&self) -> &P::Records {
        &self.records
    }

    fn now(&self) -> Timestamp {
        self.system.now()
    }
}
