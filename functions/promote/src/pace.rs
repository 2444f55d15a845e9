//! Keeps the pace at what the account allows: its rate, its quota, and whether it may send.

use domain::pacing::follow;
use domain::ports::{Accounts, Backlog, Clock, DeadLetters, DueIndex, Evidence, Lanes, Paces, PortError, Rows};

use crate::Promote;

impl<R, L, D, E, A, S> Promote<R, L, D, E, A, S>
where
    R: Rows + DueIndex + Paces,
    L: Lanes + Backlog,
    D: DeadLetters,
    E: Evidence,
    A: Accounts,
    S: Clock,
{
    /// Asks SES for the account's state and writes what is new of it.
    ///
    /// Whatever fails here is a warning: the pace stays as it is for another minute, and SES
    /// limits by itself.
    pub(crate) async fn follow_account(&self) {
        if let Err(error) = self.try_to_follow_account().await {
            let error = aws::telemetry::chain(&error);
            tracing::warn!(error, "the account's state is not known; the pace stays as it is");
        }
    }

    async fn try_to_follow_account(&self) -> Result<(), PortError> {
        let (account, pace) = futures::future::join(self.account.account(), self.rows.pace()).await;
        let changes = follow(&pace?, &account?, self.policy.retry.no_leave, self.system.now());
        for change in &changes {
            // One that is refused came too late: somebody has changed it just now.
            self.rows.change_pace(change).await?;
        }
        Ok(())
    }
}
