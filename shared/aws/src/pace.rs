//! The paces that all senders share, each as one item of the table.
//!
//! **Invariant:** a change is one conditional write, and no read comes before it: where the
//! condition does not hold, the answer brings the pace as it is.
//! **Lost answers:** the SDK repeats a call whose answer was lost. A stretch that is booked
//! twice makes emails wait and none go too fast; a breaker that is found changed is left so.

use aws_sdk_dynamodb::operation::update_item::UpdateItemError;
use aws_sdk_dynamodb::operation::update_item::builders::UpdateItemFluentBuilder;
use aws_sdk_dynamodb::types::{AttributeValue, ReturnValue, ReturnValuesOnConditionCheckFailure};
use domain::lane::FullLanes;
use domain::pacing::{Begin, Change, Micros, Open, Pace, Rate};
use domain::ports::{Paced, Paces, PortError};
use domain::queue::QueueKey;
use domain::row::Lane;

use crate::attributes::{self, Item, ItemError, maybe, named, number, text, time};
use crate::failure::port;
use crate::queues;
use crate::rows::Table;

/// The key of the account's item.
const PACE: &str = "account#pace";

/// The key of a pace's item.
fn key(of: Option<&QueueKey>) -> (String, String) {
    match of {
        None => (PACE.to_owned(), PACE.to_owned()),
        Some(QueueKey { tenant, name }) => (queues::pk(tenant), format!("pace#{name}")),
    }
}

/// Recipients in 1000 seconds.
const RATE: &str = "rate";
/// Microseconds since 1970.
const FREE_AT: &str = "free_at";
/// A cause's name.
const OPEN_CAUSE: &str = "open_cause";
/// Milliseconds since 1970.
const OPEN_UNTIL: &str = "open_until";
/// How often in a row.
const OPEN_TIMES: &str = "open_times";
/// How often queues or suppressions were changed.
const SETTINGS_NO: &str = "settings_no";
/// The names of the full lanes, between spaces; absent when there are none.
const FULL_LANES: &str = "full_lanes";

fn read(item: &Item) -> Result<Pace, ItemError> {
    let open = match maybe(item, OPEN_UNTIL, time)? {
        Some(until) => Some(Open {
            until,
            cause: named(item, OPEN_CAUSE)?,
            times: number(item, OPEN_TIMES)?,
        }),
        None => None,
    };
    Ok(Pace {
        rate: maybe(item, RATE, number)?.and_then(Rate::from_millis),
        free_at: maybe(item, FREE_AT, number)?.map(Micros),
        open,
        settings_no: maybe(item, SETTINGS_NO, number)?.unwrap_or_default(),
        full: maybe(item, FULL_LANES, text)?.map_or_else(FullLanes::default, full_lanes),
    })
}

/// One that cannot be read (of a newer version, or changed by hand) limits nothing: SES does.
fn read_or_unlimited(item: Option<Item>) -> Pace {
    read(&item.unwrap_or_default()).unwrap_or_else(|error| {
        tracing::error!(%error, "the stored pace cannot be read; SES alone limits");
        Pace::default()
    })
}

/// Reads the full lanes; a name that is not known is of a newer version.
fn full_lanes(names: &str) -> FullLanes {
    FullLanes::of(|lane| names.split(' ').any(|name| name == attributes::name(&lane)))
}

fn n(value: impl ToString) -> AttributeValue {
    AttributeValue::N(value.to_string())
}

fn micros(span: std::time::Duration) -> AttributeValue {
    n(span.as_micros())
}

/// [`Change`] in DynamoDB's words.
fn express(update: UpdateItemFluentBuilder, change: &Change) -> UpdateItemFluentBuilder {
    match *change {
        Change::Book { rate, span, begin } => {
            let update = update
                .expression_attribute_names("#rate", RATE)
                .expression_attribute_names("#free", FREE_AT)
                .expression_attribute_names("#until", OPEN_UNTIL)
                .expression_attribute_values(":rate", n(rate.as_millis()));
            let closed = "#rate = :rate AND attribute_not_exists(#until)";
            match begin {
                Begin::Here(here) => update
                    .condition_expression(format!("{closed} AND (attribute_not_exists(#free) OR #free < :here)"))
                    .update_expression("SET #free = :end")
                    .expression_attribute_values(":here", n(here.0))
                    .expression_attribute_values(":end", n(here.after(span).0)),
                Begin::BehindBooked { earliest, latest } => update
                    .condition_expression(format!("{closed} AND #free BETWEEN :earliest AND :latest"))
                    .update_expression("SET #free = #free + :span")
                    .expression_attribute_values(":earliest", n(earliest.0))
                    .expression_attribute_values(":latest", n(latest.0))
                    .expression_attribute_values(":span", micros(span)),
            }
        }
        Change::Breaker { seen, becomes } => {
            let update = update.expression_attribute_names("#until", OPEN_UNTIL);
            let update = match seen {
                None => update.condition_expression("attribute_not_exists(#until)"),
                Some(seen) => update
                    .condition_expression("#until = :seen")
                    .expression_attribute_values(":seen", n(seen.as_millis())),
            };
            let update = update
                .expression_attribute_names("#cause", OPEN_CAUSE)
                .expression_attribute_names("#times", OPEN_TIMES);
            match becomes {
                None => update.update_expression("REMOVE #until, #cause, #times"),
                Some(open) => update
                    .update_expression("SET #until = :until, #cause = :cause, #times = :times")
                    .expression_attribute_values(":until", n(open.until.as_millis()))
                    .expression_attribute_values(":cause", AttributeValue::S(attributes::name(&open.cause)))
                    .expression_attribute_values(":times", n(open.times)),
            }
        }
        Change::Rate { rate } => {
            let update = update.expression_attribute_names("#rate", RATE);
            match rate {
                None => update.update_expression("REMOVE #rate"),
                Some(rate) => update
                    .update_expression("SET #rate = :rate")
                    .expression_attribute_values(":rate", n(rate.as_millis())),
            }
        }
        // Repeated by the SDK it counts twice: senders read once more than they need to.
        Change::Settings => update
            .update_expression("ADD #settings_no :one")
            .expression_attribute_names("#settings_no", SETTINGS_NO)
            .expression_attribute_values(":one", n(1)),
        Change::Full(lanes) => {
            let names = Lane::ALL.into_iter().filter(|lane| lanes.has(*lane));
            let names: Vec<_> = names.map(|lane| attributes::name(&lane)).collect();
            let update = update.expression_attribute_names("#full", FULL_LANES);
            if names.is_empty() {
                update.update_expression("REMOVE #full")
            } else {
                update
                    .update_expression("SET #full = :full")
                    .expression_attribute_values(":full", AttributeValue::S(names.join(" ")))
            }
        }
    }
}

impl Paces for Table {
    async fn pace(&self, of: Option<&QueueKey>) -> Result<Pace, PortError> {
        const WHAT: &str = "reading the pace";
        let (pk, sk) = key(of);
        let item = self.get(pk, sk, WHAT).await?;
        Ok(read_or_unlimited(item))
    }

    async fn change_pace(&self, of: Option<&QueueKey>, change: &Change) -> Result<Paced, PortError> {
        const WHAT: &str = "changing the pace";
        let (pk, sk) = key(of);
        let update = self
            .client
            .update_item()
            .table_name(&self.table)
            .key("pk", AttributeValue::S(pk))
            .key("sk", AttributeValue::S(sk))
            .return_values(ReturnValue::AllNew)
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld);
        let error = match express(update, change).send().await {
            Ok(answer) => return Ok(Paced::Done(read_or_unlimited(answer.attributes))),
            Err(error) => error,
        };
        if let Some(UpdateItemError::ConditionalCheckFailedException(refused)) = error.as_service_error() {
            return Ok(Paced::Refused(read_or_unlimited(refused.item.clone())));
        }
        Err(port(WHAT)(error.into()))
    }
}

#[cfg(test)]
#[path = "pace_tests.rs"]
mod tests;
