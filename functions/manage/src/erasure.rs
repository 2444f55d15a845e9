//! Erasing an email, because somebody has a right to that: its content and files, its recipients, what was
//! said about it. Its idempotency key is remembered, so that a request which is repeated sends nothing.
//!
//! **Invariant:** first the record is replaced, under the condition that it has ended and nobody asked for it
//! again; then the content goes. From then on nothing can need it.
//! **After a crash** behind the record: the caller was told nothing, asks again, and the rest is erased then.
//! **Start reading at** [`ManageFunction::erase`].

use aws::auth::TenantPrincipal;
use domain::apply::ApplyError;
use domain::id::EmailId;
use domain::lifecycle::commands;
use domain::ports::erasure::Erasing;
use domain::ports::{Bodies, Clock, EmailKey, PriorityQueues, Random, Written};
use domain::timestamp::Timestamp;
use serde::Serialize;

use crate::commands::{Touch, not_there, refused};
use crate::{ManageError, ManageFunction, Store};

/// How often it is decided anew when others write the record.
const ROUNDS: usize = 8;

/// The answer: it is gone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(rename = "EmailErased"))]
pub struct Erased {
    #[cfg_attr(feature = "schema", schemars(extend("const" = "email")))]
    object: &'static str,
    id: String,
    deleted: bool,
}

impl<R, B, L, S> ManageFunction<R, B, L, S>
where
    R: Store,
    B: Bodies + Erasing,
    L: PriorityQueues,
    S: Clock + Random,
{
    /// Erases an email that has ended. One that was erased before is erased to the end.
    ///
    /// # Errors
    /// 404 when there is none of this id, 409 when it has not ended; or a backend call failed.
    pub async fn erase(&self, caller: &TenantPrincipal, id: EmailId) -> Result<Erased, ManageError> {
        let now = self.system.now();
        let key = EmailKey {
            tenant: caller.tenant().clone(),
            id,
        };
        if self.records.tombstone(&key, now).await?.is_none() {
            self.erase_record(caller, id, now).await?;
        }
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
        self.check_from(caller, &record, Touch::Ends).await?;
        for _ in 0..ROUNDS {
            commands::erase(&record, now).map_err(refused)?;
            match self.records.replace_with_tombstone(&record, now).await? {
                Written::Done => return Ok(()),
                Written::Moved(Some(moved)) => record = *moved,
                Written::Moved(None) => return Err(not_there()),
                Written::QueueMoved => break,
            }
        }
        Err(ManageError::Write(ApplyError::Contended))
    }
}
