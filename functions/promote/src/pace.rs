//! Keeps the pace at what the account allows: its rate, its quota, and whether it may send.

use domain::pacing::{Account, Change, Pace, follow};
use domain::ports::{Accounts, Backlog, Bodies, Clock, DeadLetters, Evidence, Lanes, Paced, PortError};

use crate::{Promote, Store};

impl<R, B, L, D, E, A, S> Promote<R, B, L, D, E, A, S>
where
    R: Store,
    B: Bodies,
    L: Lanes + Backlog,
    D: DeadLetters,
    E: Evidence,
    A: Accounts,
    S: Clock,
{
    /// Asks SES for the account's state and writes what is new of it; returns the pace as it is then, or
    /// `None` when it is not known.
    ///
    /// Whatever fails here is a warning: the pace stays as it is for another minute, and SES
    /// limits by itself.
    pub(crate) async fn follow_account(&self) -> Option<Pace> {
        let (account, pace) = futures::future::join(self.account.account(), self.records.pace()).await;
        let pace = match pace {
            Ok(pace) => pace,
            Err(error) => {
                let error = aws::telemetry::chain(&error);
                tracing::warn!(error, "the account's rate is unknown");
                return None;
            }
        };
        let followed = match account {
            Ok(account) => self.try_to_follow(pace, &account).await,
            Err(error) => Err(error),
        };
        Some(followed.unwrap_or_else(|error| {
            let error = aws::telemetry::chain(&error);
            tracing::warn!(
                error,
                "the state of the SES account is unknown; its rate stays unchanged"
            );
            pace
        }))
    }

    async fn try_to_follow(&self, mut pace: Pace, account: &Account) -> Result<Pace, PortError> {
        let now = self.system.now();
        let changes = follow(&pace, account, self.policy.retry.no_leave, now);
        for change in &changes {
            // One that is refused came too late: somebody has changed it just now.
            let paced = self.records.change_pace(change).await?;
            if let (
                Paced::Done(_),
                Change::Breaker {
                    becomes: Some(open), ..
                },
            ) = (paced, change)
                && open.until > now
            {
                aws::telemetry::sending_stops(open);
            }
            let (Paced::Done(after) | Paced::Refused(after)) = paced;
            pace = after;
        }
        Ok(pace)
    }
}
