//! Erasure of an email on request of a data subject: content, files, recipients, history, and its events for webhooks.
//! Its idempotency key is kept, so that a repeated request sends nothing.
//!
//! **Invariant:** the record is replaced by a tombstone first, on condition that the email has ended and was
//! not requested again. Facts and payloads of events are deleted next, then the content; nothing can need them any
//! more. A function that stores one of them at the same time looks at the record afterwards, and deletes it again.
//! **After a crash** that follows the write of the tombstone: the caller got no response and repeats the request, which
//! erases the rest.
//! **Start reading at** [`ManageFunction::erase`].

use aws::http::auth::TenantPrincipal;
use domain::id::{EmailId, EmailKey};
use domain::lifecycle::commands;
use domain::ports::erasure::{Erasing, Tombstones};
use domain::ports::webhook_events::EventErasure;
use domain::ports::{Clock, Rounds, Written};
use domain::timestamp::Timestamp;
use serde::Serialize;

use crate::commands::{CommandEffect, not_there, refusal_response};
use crate::{ManageError, ManageFunction, Ports};

/// The response to a deletion.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(rename = "EmailErased"))]
pub struct Erased {
    #[cfg_attr(feature = "schema", schemars(extend("const" = "email")))]
    object: &'static str,
    id: String,
    deleted: bool,
}

impl<P: Ports> ManageFunction<P> {
    /// Erases an email that has ended. A repeated request completes an earlier erasure.
    ///
    /// # Errors
    /// 404 when no email has this id. 409 when it has not ended. Or a backend call failed.
    pub async fn erase(&self, caller: &TenantPrincipal, id: EmailId) -> Result<Erased, ManageError> {
        let now = self.system.now();
        let key = EmailKey {
            tenant: caller.tenant().clone(),
            id,
        };
        if self.records.tombstone(&key, now).await?.is_none() {
            self.erase_record(caller, id, now).await?;
        }
        // No email of a later birth can have the id yet.
        self.records.erase_events(&key, None).await?;
        self.bodies.erase(&key).await?;
        tracing::info!(target: "mailqueue", %id, "an email was erased");
        Ok(Erased {
            object: "email",
            id: id.to_string(),
            deleted: true,
        })
    }

    async fn erase_record(&self, caller: &TenantPrincipal, id: EmailId, now: Timestamp) -> Result<(), ManageError> {
        let mut record = self.record(caller, id, now).await?;
        self.check_from(caller, &record, CommandEffect::Ends).await?;
        let mut rounds = Rounds::of("erasing an email");
        loop {
            rounds.begin()?;
            commands::erase(&record, now).map_err(refusal_response)?;
            match self.records.replace_with_tombstone(&record, now).await? {
                Written::Done => return Ok(()),
                Written::Moved(Some(moved)) => record = *moved,
                Written::Moved(None) => return Err(not_there()),
                Written::QueueMoved => {}
            }
        }
    }
}
