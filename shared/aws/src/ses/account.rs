//! SES account: its rate, its quota, and whether it may send.

use aws_sdk_sesv2::Client;
use aws_sdk_sesv2::config::timeout::TimeoutConfig;
use aws_sdk_sesv2::operation::get_account::GetAccountOutput;
use domain::delivery::account_rate::AccountState;
use domain::delivery::rate::Rate;
use domain::ports::{AccountQuotas, Accounts, PortError};
use domain::reporting::account::AccountQuota;
use std::time::Duration;

use crate::runtime::failure::call_error;

/// Timeout of the call. `promote` repeats it in a minute.
const PATIENCE: Duration = Duration::from_secs(5);

/// SES's value for an account without a daily quota.
/// Source: Amazon SES API v2 reference, `SendQuota.Max24HourSend`, read 2026-11-24.
const UNLIMITED: f64 = -1.0;

/// SES account.
#[derive(Debug, Clone)]
pub struct SesAccount {
    client: Client,
    share: f64,
}

impl SesAccount {
    /// Creates the adapter of a client. `share`: the part of the account's rate that this deployment uses, from above
    /// 0 to 1. It does not apply to the quota, to the pause, or to the figures that the API shows.
    #[must_use]
    pub fn new(client: Client, share: f64) -> Self {
        Self { client, share }
    }

    async fn ask(&self) -> Result<GetAccountOutput, PortError> {
        let patience = TimeoutConfig::builder().operation_timeout(PATIENCE).build();
        let patient = aws_sdk_sesv2::Config::builder().timeout_config(patience);
        let asked = self.client.get_account().customize().config_override(patient);
        asked
            .send()
            .await
            .map_err(call_error("reading the account's rate and quota"))
    }
}

impl Accounts for SesAccount {
    async fn account(&self) -> Result<AccountState, PortError> {
        let said = self.ask().await?;
        let quota = said.send_quota();
        Ok(AccountState {
            rate: quota.and_then(|quota| rate(quota.max_send_rate() * self.share)),
            quota_spent: quota.is_some_and(|quota| spent(quota.sent_last24_hours(), quota.max24_hour_send())),
            paused: is_paused(&said),
        })
    }
}

impl AccountQuotas for SesAccount {
    async fn quota(&self) -> Result<AccountQuota, PortError> {
        let said = self.ask().await?;
        let quota = said.send_quota();
        Ok(AccountQuota {
            rate: quota.and_then(|quota| rate(quota.max_send_rate())),
            daily_quota: quota
                .map(|quota| quota.max24_hour_send())
                .filter(|most| *most != UNLIMITED)
                .map(whole),
            sent_last_24_hours: quota.map_or(0, |quota| whole(quota.sent_last24_hours())),
            is_sandbox: !said.production_access_enabled(),
            may_send: !is_paused(&said),
        })
    }
}

fn is_paused(said: &GetAccountOutput) -> bool {
    !said.sending_enabled() || said.enforcement_status() == Some("SHUTDOWN")
}

/// Converts a number of recipients; below 0 and NaN are 0.
fn whole(number: f64) -> u64 {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "SES counts whole recipients; a larger value becomes the maximum"
    )]
    {
        number as u64
    }
}

/// Converts SES's rate in recipients per second, exact to a thousandth; `None` when SES reports none.
fn rate(per_second: f64) -> Option<Rate> {
    let per_1000_s = (per_second * 1000.0).round();
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a whole number; below 0 or NaN becomes 0, which means no rate, and a larger value becomes the maximum"
    )]
    Rate::from_millis(per_1000_s as u64)
}

fn spent(sent: f64, quota: f64) -> bool {
    quota != UNLIMITED && sent >= quota
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::runtime::replay::{CannedResponse, Replay};

    /// Source: Amazon SES API v2 reference, `GetAccount`, "Response Syntax", read 2026-11-24.
    fn said(rate: f64, quota: f64, sent: f64, enabled: bool, status: &str) -> Value {
        json!({
            "DedicatedIpAutoWarmupEnabled": true,
            "EnforcementStatus": status,
            "ProductionAccessEnabled": true,
            "SendQuota": {"Max24HourSend": quota, "MaxSendRate": rate, "SentLast24Hours": sent},
            "SendingEnabled": enabled,
        })
    }

    async fn account(answer: &Value) -> AccountState {
        account_with(answer, 1.0).await
    }

    async fn account_with(answer: &Value, share: f64) -> AccountState {
        let replay = Replay::new([CannedResponse::ok(answer)]);
        let account = SesAccount::new(replay.clients().ses(), share).account().await.unwrap();
        assert!(
            replay.only().line().contains("/v2/email/account"),
            "{}",
            replay.only().line()
        );
        account
    }

    #[tokio::test]
    async fn rate_quota_and_pause_come_from_ses() {
        let healthy = |per_1000_s| AccountState {
            rate: Rate::from_millis(per_1000_s),
            quota_spent: false,
            paused: false,
        };
        for (answer, expected) in [
            (said(14.0, 50_000.0, 49_999.0, true, "HEALTHY"), healthy(14_000)),
            (said(1.0, 200.0, 0.0, true, "PROBATION"), healthy(1_000)),
            (said(0.5, -1.0, 1e9, true, "HEALTHY"), healthy(500)),
            (
                said(14.0, 50_000.0, 50_000.0, true, "HEALTHY"),
                AccountState {
                    quota_spent: true,
                    ..healthy(14_000)
                },
            ),
            (
                said(14.0, 0.0, 0.0, true, "HEALTHY"),
                AccountState {
                    quota_spent: true,
                    ..healthy(14_000)
                },
            ),
            (
                said(14.0, 50_000.0, 0.0, false, "HEALTHY"),
                AccountState {
                    paused: true,
                    ..healthy(14_000)
                },
            ),
            (
                said(14.0, 50_000.0, 0.0, true, "SHUTDOWN"),
                AccountState {
                    paused: true,
                    ..healthy(14_000)
                },
            ),
            (json!({"SendingEnabled": true}), healthy(0)),
        ] {
            assert_eq!(account(&answer).await, expected, "{answer}");
        }
        for nonsense in [0.0, -1.0, f64::NAN, 1e-9] {
            assert_eq!(rate(nonsense), None, "{nonsense}");
        }
    }

    #[tokio::test]
    async fn a_share_divides_the_rate_and_not_the_quota() {
        let quarter = account_with(&said(14.0, 200.0, 100.0, true, "HEALTHY"), 0.25).await;
        assert_eq!((quarter.rate, quarter.quota_spent), (Rate::from_millis(3_500), false));
        let smallest = account_with(&said(1.0, 200.0, 0.0, true, "HEALTHY"), 0.05).await;
        assert_eq!(smallest.rate, Rate::from_millis(50));
    }

    #[tokio::test]
    async fn the_shown_quota_is_that_of_ses() {
        let sandbox = json!({
            "ProductionAccessEnabled": false,
            "SendQuota": {"Max24HourSend": 200.0, "MaxSendRate": 1.0, "SentLast24Hours": 17.0},
            "SendingEnabled": true,
        });
        let of_sandbox = AccountQuota {
            rate: Rate::from_millis(1_000),
            daily_quota: Some(200),
            sent_last_24_hours: 17,
            is_sandbox: true,
            may_send: true,
        };
        let unlimited = AccountQuota {
            rate: Rate::from_millis(500),
            daily_quota: None,
            sent_last_24_hours: 3,
            is_sandbox: false,
            may_send: false,
        };
        for (answer, expected) in [
            (sandbox, of_sandbox),
            (said(0.5, -1.0, 3.0, true, "SHUTDOWN"), unlimited),
        ] {
            let replay = Replay::new([CannedResponse::ok(&answer)]);
            let quota = SesAccount::new(replay.clients().ses(), 0.5).quota().await.unwrap();
            assert_eq!(quota, expected, "{answer}");
        }
        assert_eq!((whole(-1.0), whole(f64::NAN), whole(2.9)), (0, 0, 2));
    }

    #[tokio::test]
    async fn an_unreadable_account_is_an_error() {
        let denied = json!({"message": "User is not authorized to perform: ses:GetAccount"});
        let replay = Replay::new([CannedResponse::says(403, &denied)]);
        assert!(SesAccount::new(replay.clients().ses(), 1.0).account().await.is_err());
    }
}
