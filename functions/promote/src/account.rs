//! Keeps the account rate at the account's state: its rate, its quota, and whether it may send.

use domain::delivery::account_rate::{AccountRate, AccountRateChange, AccountState, sync_account};
use domain::ports::{
    AccountRateOutcome, Accounts, Backlog, Bodies, Clock, DeadLetters, Evidence, PortError, PriorityQueues,
};

use crate::{PromoteFunction, Store};

impl<R, B, L, D, E, A, S> PromoteFunction<R, B, L, D, E, A, S>
where
    R: Store,
    B: Bodies,
    L: PriorityQueues + Backlog,
    D: DeadLetters,
    E: Evidence,
    A: Accounts,
    S: Clock,
{
    /// Reads the account's state from SES, stores changes, and returns the account rate; `None` when that is
    /// unknown.
    ///
    /// A failed call is only a warning: the account rate stays as it is for another minute, and SES enforces
    /// its own limits.
    pub(crate) async fn sync_account(&self) -> Option<AccountRate> {
        let (account, account_rate) = futures::future::join(self.account.account(), self.records.account_rate()).await;
        let account_rate = match account_rate {
            Ok(account_rate) => account_rate,
            Err(error) => {
                let error = aws::runtime::telemetry::chain(&error);
                tracing::warn!(error, "the account's rate is unknown");
                return None;
            }
        };
        let followed = match account {
            Ok(account) => self.try_to_sync(account_rate, &account).await,
            Err(error) => Err(error),
        };
        Some(followed.unwrap_or_else(|error| {
            let error = aws::runtime::telemetry::chain(&error);
            tracing::warn!(
                error,
                "the state of the SES account is unknown; its rate stays unchanged"
            );
            account_rate
        }))
    }

    async fn try_to_sync(
        &self,
        mut account_rate: AccountRate,
        account: &AccountState,
    ) -> Result<AccountRate, PortError> {
        let now = self.system.now();
        let changes = sync_account(&account_rate, account, self.policy.retry.no_permit, now);
        for change in &changes {
            // A refused write was too late: another writer changed the account rate just now.
            let paced = self.records.change_account_rate(change).await?;
            if let (
                AccountRateOutcome::Done(_),
                AccountRateChange::Breaker {
                    becomes: Some(open), ..
                },
            ) = (paced, change)
                && open.until > now
            {
                aws::runtime::telemetry::sending_stops(open);
            }
            let (AccountRateOutcome::Done(after) | AccountRateOutcome::Refused(after)) = paced;
            account_rate = after;
        }
        Ok(account_rate)
    }
}
