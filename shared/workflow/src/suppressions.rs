//! Adds suppressions, and notifies the senders of them.
//!
//! **Role:** called by `feedback` for SES's events, and by `suppressions` for requests.
//! **After a crash** between the two calls, the event comes again, or the caller repeats the request.

use domain::delivery::account_rate::AccountRateChange;
use domain::delivery::suppression::{Added, Suppression};
use domain::ports::{AccountRates, PortError, Suppressions};

/// Adds suppressions one after the other, and notifies the senders; returns the result of each. With `is_told`,
/// webhooks are told too.
///
/// # Errors
/// One could not be added, or the senders could not be notified: all of it must be done again. As far as possible,
/// senders are notified of those that were added.
pub async fn add<S: Suppressions + AccountRates>(
    store: &S,
    suppressions: &[Suppression],
    is_told: bool,
) -> Result<Vec<Added>, PortError> {
    let (mut added, mut failed) = (Vec::new(), None);
    for suppression in suppressions {
        match store.suppress(suppression, is_told).await {
            Ok(one) => added.push(one),
            Err(error) => {
                failed = Some(error);
                break;
            }
        }
    }
    // Senders are notified of existing suppressions too: the process that added them may have crashed before.
    if added.iter().any(|added| *added != Added::Released) {
        store.change_account_rate(&AccountRateChange::Settings).await?;
    }
    failed.map_or(Ok(added), Err)
}
