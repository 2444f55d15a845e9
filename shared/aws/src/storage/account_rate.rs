//! The account rate, which all senders share, as one item of the table.
//!
//! **Invariant:** a change is one conditional write without a read before it. When the condition fails, the
//! response contains the current account rate.
//! **Lost answers:** [`Table`] repeats a call whose answer was lost. A double reservation makes emails wait, and
//! none go too fast. A breaker that has changed already is left as it is.

use std::time::Duration;

use aws_sdk_dynamodb::types::ReturnValue;
use domain::delivery::account_rate::{AccountRate, AccountRateChange};
use domain::delivery::breaker::OpenBreaker;
use domain::delivery::cause::Cause;
use domain::delivery::priority_queue::FullPriorityQueues;
use domain::delivery::rate::{Begin, Micros, Rate};
use domain::delivery::record::Priority;
use domain::ports::{AccountRateOutcome, AccountRates, PortError};
use domain::timestamp::Timestamp;
use serde::Deserialize;

use crate::storage::attributes::{self, Item, ItemError};
use crate::storage::mapping::decode;
use crate::storage::table::{ConditionOutcome, Expression, Table, keys};

/// Stored form of the account rate, without its key. Only update expressions write it.
#[derive(Deserialize)]
struct StoredAccountRate {
    /// Recipients in 1000 seconds.
    rate: Option<u64>,
    /// Microseconds since 1970.
    free_at: Option<i64>,
    /// Cause, end and count of the open breaker.
    open_cause: Option<Cause>,
    open_until: Option<Timestamp>,
    open_times: Option<u32>,
    /// Number of changes of queues and suppressions.
    settings_no: Option<u64>,
    /// Names of the full priority queues, separated by spaces; absent when none is full.
    full_lanes: Option<String>,
}

/// Attributes that expressions name.
const RATE: &str = "rate";
const FREE_AT: &str = "free_at";
const OPEN_CAUSE: &str = "open_cause";
const OPEN_UNTIL: &str = "open_until";
const OPEN_TIMES: &str = "open_times";
const SETTINGS_NO: &str = "settings_no";
const FULL_LANES: &str = "full_lanes";

fn read(item: &Item) -> Result<AccountRate, ItemError> {
    let stored: StoredAccountRate = decode(item)?;
    let open = match stored.open_until {
        Some(until) => Some(OpenBreaker {
            until,
            cause: stored.open_cause.ok_or(ItemError::Missing(OPEN_CAUSE))?,
            times: stored.open_times.ok_or(ItemError::Missing(OPEN_TIMES))?,
        }),
        None => None,
    };
    Ok(AccountRate {
        rate: stored.rate.and_then(Rate::from_millis),
        free_at: stored.free_at.map(Micros),
        open,
        settings_version: stored.settings_no.unwrap_or_default(),
        full: stored
            .full_lanes
            .as_deref()
            .map_or_else(FullPriorityQueues::default, full_priority_queues),
    })
}

/// Treats an unreadable item (of a newer version, or edited by hand) as unlimited: SES still limits.
fn read_or_unlimited(item: Option<Item>) -> AccountRate {
    read(&item.unwrap_or_default()).unwrap_or_else(|error| {
        tracing::error!(%error, "the stored rate limiter cannot be read; only SES limits the rate");
        AccountRate::default()
    })
}

/// Reads the full priority queues. An unknown name is from a newer version.
fn full_priority_queues(names: &str) -> FullPriorityQueues {
    FullPriorityQueues::of(|priority| names.split(' ').any(|name| name == attributes::name(&priority)))
}

/// A span in microseconds, as stored.
pub(super) fn micros(span: Duration) -> u64 {
    u64::try_from(span.as_micros()).unwrap_or(u64::MAX)
}

/// Translates an [`AccountRateChange`] to an expression of DynamoDB.
fn to_expression(change: &AccountRateChange) -> Expression {
    match *change {
        AccountRateChange::Reserve { rate, span, begin } => {
            let closed = "#rate = :rate AND attribute_not_exists(#until)";
            let reserved = match begin {
                Begin::Here(here) => Expression::update("SET #free = :end")
                    .when(format!("{closed} AND (attribute_not_exists(#free) OR #free < :here)"))
                    .with_value(":here", here.0)
                    .with_value(":end", here.after(span).0),
                Begin::AfterReserved { earliest, latest } => Expression::update("SET #free = #free + :span")
                    .when(format!("{closed} AND #free BETWEEN :earliest AND :latest"))
                    .with_value(":earliest", earliest.0)
                    .with_value(":latest", latest.0)
                    .with_value(":span", micros(span)),
            };
            reserved
                .with_name("#rate", RATE)
                .with_name("#free", FREE_AT)
                .with_name("#until", OPEN_UNTIL)
                .with_value(":rate", rate.as_millis())
        }
        AccountRateChange::Breaker { seen, becomes } => {
            let set = match becomes {
                None => Expression::update("REMOVE #until, #cause, #times"),
                Some(open) => Expression::update("SET #until = :until, #cause = :cause, #times = :times")
                    .with_value(":until", open.until.as_millis())
                    .with_value(":cause", open.cause)
                    .with_value(":times", open.times),
            };
            let set = match seen {
                None => set.when("attribute_not_exists(#until)"),
                Some(seen) => set.when("#until = :seen").with_value(":seen", seen.as_millis()),
            };
            set.with_name("#until", OPEN_UNTIL)
                .with_name("#cause", OPEN_CAUSE)
                .with_name("#times", OPEN_TIMES)
        }
        AccountRateChange::Rate { rate } => {
            let set = match rate {
                None => Expression::update("REMOVE #rate"),
                Some(rate) => Expression::update("SET #rate = :rate").with_value(":rate", rate.as_millis()),
            };
            set.with_name("#rate", RATE)
        }
        // A repetition after a lost answer counts twice: senders read once more than necessary.
        AccountRateChange::Settings => Expression::update("ADD #settings_no :one")
            .with_name("#settings_no", SETTINGS_NO)
            .with_value(":one", 1),
        AccountRateChange::Full(priority_queues) => {
            let names = Priority::ALL
                .iter()
                .copied()
                .filter(|priority| priority_queues.has(*priority));
            let names: Vec<_> = names.map(|priority| attributes::name(&priority)).collect();
            let set = if names.is_empty() {
                Expression::update("REMOVE #full")
            } else {
                Expression::update("SET #full = :full").with_value(":full", names.join(" "))
            };
            set.with_name("#full", FULL_LANES)
        }
    }
}

impl AccountRates for Table {
    async fn account_rate(&self) -> Result<AccountRate, PortError> {
        const WHAT: &str = "reading the rate limiter";
        let item = self.get(keys::account_rate(), WHAT).await?;
        Ok(read_or_unlimited(item))
    }

    async fn change_account_rate(&self, change: &AccountRateChange) -> Result<AccountRateOutcome, PortError> {
        const WHAT: &str = "changing the rate limiter";
        let returns = Some(ReturnValue::AllNew);
        let changed = self.update_if(keys::account_rate(), to_expression(change), returns, WHAT);
        Ok(match changed.await? {
            ConditionOutcome::Done(item) => AccountRateOutcome::Done(read_or_unlimited(item)),
            ConditionOutcome::Refused(item) => AccountRateOutcome::Refused(read_or_unlimited(item)),
        })
    }
}

#[cfg(test)]
#[path = "account_rate_tests.rs"]
mod tests;
