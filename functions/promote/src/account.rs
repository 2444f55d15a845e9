//! Copies the state of the SES account into the account rate: its rate, its quota, and whether it may send.

use std::time::Duration;

use domain::delivery::account_rate::{AccountRate, AccountRateChange, AccountState, sync_account};
use domain::ports::{AccountRateOutcome, AccountRates, Accounts, Clock, PortError};
use domain::timestamp::Timestamp;

/// Reads the account's state from SES, stores changes, and returns the account rate; `None` when that is
/// unknown.
///
/// A failed call is only a warning: the account rate stays as it is for another minute, and SES enforces
/// its own limits.
pub(crate) async fn sync(
    account: &impl Accounts,
    records: &impl AccountRates,
    no_permit: Duration,
    clock: &impl Clock,
) -> Option<AccountRate> {
    let (account, account_rate) = futures::future::join(account.account(), records.account_rate()).await;
    let account_rate = match account_rate {
        Ok(account_rate) => account_rate,
        Err(error) => {
            let error = aws::runtime::telemetry::chain(&error);
            tracing::warn!(error, "the account's rate is unknown");
            return None;
        }
    };
    let followed = match account {
        Ok(account) => try_to_sync(records, account_rate, &account, no_permit, clock.now()).await,
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
    records: &impl AccountRates,
    mut account_rate: AccountRate,
    account: &AccountState,
    no_permit: Duration,
    now: Timestamp,
) -> Result<AccountRate, PortError> {
    let changes = sync_account(&account_rate, account, no_permit, now);
    for change in &changes {
        // A refused write was too late: another writer changed the account rate just now.
        let paced = records.change_account_rate(change).await?;
        if let (
            AccountRateOutcome::Done(_),
            AccountRateChange::Breaker {
                becomes: Some(open), ..
            },
        ) = (paced, change)
            && open.until > now
        {
            aws::runtime::metrics::sending_stops(open);
        }
        let (AccountRateOutcome::Done(after) | AccountRateOutcome::Refused(after)) = paced;
        account_rate = after;
    }
    Ok(account_rate)
}
