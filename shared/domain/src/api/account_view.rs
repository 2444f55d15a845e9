//! The state of the account and of a tenant's unfinished emails, as the API shows it.
//!
//! **Invariant:** pure. Without [`AccountFigures`] the response says nothing about the account: a tenant sees only its
//! own emails.
//! **Start reading at** [`AccountView::new`].

use serde::Serialize;

use crate::delivery::cause::Cause;
use crate::delivery::rate::Rate;
use crate::delivery::record::Priority;
use crate::id::{KeyId, TenantId};
use crate::reporting::account::{AccountFigures, AccountQuota, BreakerState};
use crate::reporting::tally::queue_counts::QueueCounts;
use crate::tenant::key::Permission;
use crate::tenant::sender::FromDomain;
use crate::timestamp::Timestamp;

/// The state of the account.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(rename = "Account"))]
pub struct AccountView {
    #[cfg_attr(feature = "schema", schemars(extend("const" = "account")))]
    object: &'static str,
    generated_at: String,
    /// The API key of the request.
    key: RequestKeyView,
    /// The tenant of the unfinished emails. Null: all tenants.
    tenant: Option<String>,
    /// Emails that have not ended.
    unfinished: QueueCounts,
    /// Null for the key of a tenant, and if Amazon SES does not answer.
    ses: Option<SesView>,
    /// Null for the key of a tenant.
    breaker: Option<BreakerView>,
    /// Null for the key of a tenant.
    feedback: Option<FeedbackView>,
    /// Null for the key of a tenant.
    waiting_since: Option<WaitingSince>,
    /// Due time of the oldest late email. Null if no email was late in the last 20 minutes, and for the key of a
    /// tenant.
    oldest_due_at: Option<String>,
    /// Reads and writes of the table and its indexes that DynamoDB throttled in the last hour, at most a minute old. Null if
    /// CloudWatch does not answer, and for the key of a tenant.
    table_throttles_last_hour: Option<u64>,
}

/// The API key of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RequestKey {
    /// The id of the key.
    pub id: KeyId,
    /// The display name of the key.
    pub name: String,
    /// The permission of the key.
    pub permission: Permission,
    /// The tenant of the key.
    pub tenant: TenantId,
    /// The domains that the key may send from; empty: all domains of its tenant.
    pub from_domains: Vec<FromDomain>,
    /// The end of the key.
    pub expires_at: Option<Timestamp>,
}

/// The API key of the request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(rename = "RequestKey"))]
struct RequestKeyView {
    /// Null for the deployer's key.
    #[cfg_attr(feature = "schema", schemars(extend("format" = "uuid")))]
    id: Option<String>,
    /// Null for the deployer's key.
    name: Option<String>,
    /// `deployer` for the deployer's key.
    #[cfg_attr(feature = "schema", schemars(extend("enum" = ["full_access", "sending_access", "read_access", "deployer"])))]
    permission: &'static str,
    /// The tenant of the key. Null for the deployer's key.
    tenant: Option<String>,
    /// The domains that the key may send from. Null: all domains of its tenant, and for the deployer's key.
    from_domains: Option<Vec<String>>,
    /// Null for a key without an end.
    expires_at: Option<String>,
}

impl RequestKeyView {
    /// `None`: the deployer's key.
    fn new(key: Option<&RequestKey>) -> Self {
        Self {
            id: key.map(|key| key.id.to_string()),
            name: key.map(|key| key.name.clone()),
            permission: key.map_or("deployer", |key| key.permission.as_str()),
            tenant: key.map(|key| key.tenant.to_string()),
            from_domains: key
                .map(|key| key.from_domains.iter().map(ToString::to_string).collect())
                .filter(|domains: &Vec<String>| !domains.is_empty()),
            expires_at: key.and_then(|key| key.expires_at).map(|at| at.to_string()),
        }
    }
}

/// The limits of the account at Amazon SES, and their use.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(rename = "SesLimits"))]
struct SesView {
    /// The most recipients per second. Null if Amazon SES reports none.
    rate_per_second: Option<f64>,
    /// The most recipients in 24 hours. Null without a limit.
    daily_quota: Option<u64>,
    /// Recipients in the last 24 hours.
    sent_last_24_hours: u64,
    /// Whether Amazon SES sends only to verified addresses.
    sandbox: bool,
    /// Whether Amazon SES sends at all.
    sending_enabled: bool,
}

/// The switch that stops all sending while Amazon SES refuses the whole account.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(rename = "Breaker"))]
struct BreakerView {
    /// `open`: nothing is sent. `probing`: the next email is sent as a probe.
    #[cfg_attr(feature = "schema", schemars(extend("enum" = ["closed", "open", "probing"])))]
    state: &'static str,
    /// The cause that opened it. Null while it is closed.
    cause: Option<Cause>,
    /// Advice about the cause. Null while it is closed.
    advice: Option<&'static str>,
    /// Time of the next probe. Null while it is closed.
    next_probe_at: Option<String>,
}

/// The progress of recording the events of Amazon SES.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(rename = "Feedback"))]
struct FeedbackView {
    /// Time of the newest recorded event. Null before the first one.
    newest_event_at: Option<String>,
    /// Seconds from the newest recorded event to the latest reserved sending time, or until now if now is earlier.
    /// Too high while the latest reservation belongs to a canceled email.
    lag_seconds: Option<u64>,
}

/// For each priority queue, the time since which it has had a backlog without a break. Null for a priority queue
/// without a backlog.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
struct WaitingSince {
    high: Option<String>,
    normal: Option<String>,
    low: Option<String>,
}

impl AccountView {
    /// The response with the unfinished emails of a tenant or of all, and with the account's figures if the caller
    /// may see them. `key`: the key of the request, unless it is the deployer's.
    #[must_use]
    pub fn new(
        key: Option<&RequestKey>,
        tenant: Option<&TenantId>,
        unfinished: QueueCounts,
        account: Option<&AccountFigures>,
        now: Timestamp,
    ) -> Self {
        Self {
            object: "account",
            generated_at: now.to_string(),
            key: RequestKeyView::new(key),
            tenant: tenant.map(ToString::to_string),
            unfinished,
            ses: account.and_then(|account| account.quota.as_ref()).map(ses),
            breaker: account.map(|account| breaker(account, now)),
            feedback: account.map(|account| FeedbackView {
                newest_event_at: account.newest_event.map(|at| at.to_string()),
                lag_seconds: account.feedback_lag(now).map(|lag| lag.as_secs()),
            }),
            waiting_since: account.map(|account| {
                let since = |priority| account.busy_since.get(&priority).map(ToString::to_string);
                WaitingSince {
                    high: since(Priority::High),
                    normal: since(Priority::Normal),
                    low: since(Priority::Low),
                }
            }),
            oldest_due_at: account
                .and_then(|account| account.oldest_due(now))
                .map(|at| at.to_string()),
            table_throttles_last_hour: account.and_then(|account| account.table_throttles),
        }
    }
}

fn ses(quota: &AccountQuota) -> SesView {
    SesView {
        rate_per_second: quota.rate.map(Rate::per_second),
        daily_quota: quota.daily_quota,
        sent_last_24_hours: quota.sent_last_24_hours,
        sandbox: quota.is_sandbox,
        sending_enabled: quota.may_send,
    }
}

fn breaker(account: &AccountFigures, now: Timestamp) -> BreakerView {
    let open = account.account_rate.open;
    BreakerView {
        state: match account.breaker(now) {
            BreakerState::Closed => "closed",
            BreakerState::Open => "open",
            BreakerState::Probing => "probing",
        },
        cause: open.map(|open| open.cause),
        advice: open.map(|open| open.cause.advice()),
        next_probe_at: open.map(|open| open.until.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use serde_json::{Value, json};

    use super::*;
    use crate::delivery::account_rate::AccountRate;
    use crate::delivery::breaker::OpenBreaker;
    use crate::delivery::rate::Micros;
    use crate::id::EmailId;
    use crate::reporting::account::OldestDue;

    const NOW: Timestamp = Timestamp::from_millis(100_000);

    const UNFINISHED: QueueCounts = QueueCounts {
        scheduled: 1,
        queued: 2,
        sending: 3,
        retry: 4,
        held: 5,
    };

    fn json_of(view: &AccountView) -> Value {
        serde_json::to_value(view).unwrap()
    }

    #[test]
    fn the_deployer_sees_the_account() {
        let account = AccountFigures {
            quota: Some(AccountQuota {
                rate: Rate::from_millis(14_500),
                daily_quota: Some(50_000),
                sent_last_24_hours: 49_999,
                is_sandbox: false,
                may_send: true,
            }),
            account_rate: AccountRate {
                free_at: Some(Micros(90_000_000)),
                open: Some(OpenBreaker {
                    cause: Cause::QuotaExceeded,
                    until: Timestamp::from_millis(160_000),
                    times: 1,
                }),
                ..AccountRate::default()
            },
            newest_event: Some(Timestamp::from_millis(88_500)),
            busy_since: BTreeMap::from([(Priority::Low, Timestamp::from_millis(40_000))]),
            oldest_due: Some(OldestDue {
                due: Timestamp::from_millis(20_000),
                seen_at: Timestamp::from_millis(90_000),
            }),
            table_throttles: Some(7),
        };
        let expected = json!({
            "object": "account",
            "generated_at": "1970-01-01T00:01:40.000Z",
            "key": {"id": null, "name": null, "permission": "deployer", "tenant": null, "from_domains": null, "expires_at": null},
            "tenant": null,
            "unfinished": {"scheduled": 1, "queued": 2, "sending": 3, "retry": 4, "held": 5},
            "ses": {
                "rate_per_second": 14.5,
                "daily_quota": 50_000,
                "sent_last_24_hours": 49_999,
                "sandbox": false,
                "sending_enabled": true,
            },
            "breaker": {
                "state": "open",
                "cause": "quota_exceeded",
                "advice": Cause::QuotaExceeded.advice(),
                "next_probe_at": "1970-01-01T00:02:40.000Z",
            },
            "feedback": {"newest_event_at": "1970-01-01T00:01:28.500Z", "lag_seconds": 1},
            "waiting_since": {"high": null, "normal": null, "low": "1970-01-01T00:00:40.000Z"},
            "oldest_due_at": "1970-01-01T00:00:20.000Z",
            "table_throttles_last_hour": 7,
        });
        assert_eq!(
            json_of(&AccountView::new(None, None, UNFINISHED, Some(&account), NOW)),
            expected
        );
    }

    #[test]
    fn a_tenant_sees_nothing_of_the_account() {
        let expected = json!({
            "object": "account",
            "generated_at": "1970-01-01T00:01:40.000Z",
            "key": {
                "id": "01010101-0101-4101-8101-010101010101",
                "name": "shop",
                "permission": "read_access",
                "tenant": "main",
                "from_domains": ["shop.example"],
                "expires_at": "1970-01-01T00:03:20.000Z",
            },
            "tenant": "main",
            "unfinished": {"scheduled": 1, "queued": 2, "sending": 3, "retry": 4, "held": 5},
            "ses": null,
            "breaker": null,
            "feedback": null,
            "waiting_since": null,
            "oldest_due_at": null,
            "table_throttles_last_hour": null,
        });
        let tenant = TenantId::main();
        let key = RequestKey {
            id: KeyId::of(EmailId::from_random([1; 16])),
            name: "shop".to_owned(),
            permission: Permission::ReadAccess,
            tenant: tenant.clone(),
            from_domains: vec![FromDomain::parse("shop.example").unwrap()],
            expires_at: Some(Timestamp::from_millis(200_000)),
        };
        assert_eq!(
            json_of(&AccountView::new(Some(&key), Some(&tenant), UNFINISHED, None, NOW)),
            expected
        );
    }

    #[test]
    fn a_new_account_has_no_events_and_no_backlog() {
        let account = AccountFigures::default();
        let view = json_of(&AccountView::new(
            None,
            None,
            QueueCounts::default(),
            Some(&account),
            NOW,
        ));
        let closed = json!({"state": "closed", "cause": null, "advice": null, "next_probe_at": null});
        assert_eq!(view["breaker"], closed);
        assert_eq!(view["feedback"], json!({"newest_event_at": null, "lag_seconds": null}));
        assert_eq!(view["ses"], json!(null));
        assert_eq!(view["table_throttles_last_hour"], json!(null), "unknown is not 0");
    }
}
