//! The outcomes of emails in a period, as the API shows them.
//!
//! **Invariant:** pure; the numbers follow from the figures of whole hours, and the rates from the numbers beside
//! them.
//! **Start reading at** [`MetricsView::new`].
//!
//! Source: Resend's OpenAPI document, version 1.5.0, `emails/metrics`, read 2026-11-24. Resend's metrics have the same
//! names here. `accepted` and all later ones are ours, and so are `failures` and `cost`. Unsupported features
//! (receiving, unsubscribing) count 0.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::ToSpan;
use jiff::civil::Weekday;
use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};
use strum::VariantArray;

use crate::delivery::cause::Cause;
use crate::reporting::cost::{Prices, Usd};
use crate::reporting::hours::{FailuresOfHour, Hours};
use crate::reporting::tally::counter::{Figure, Figures, HOUR_MS};
use crate::timestamp::Timestamp;

/// The name of a metric. Metrics count recipients. Opens and clicks count emails, because Amazon SES does not name
/// the recipient.
///
/// In hours counted by earlier versions, `failed`, `suppressed`, `canceled`, `expired` and `unknown` count one
/// recipient per email.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, VariantArray)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub enum Metric {
    /// Always 0: mailqueue does not receive emails.
    Received,
    /// Recipients whose server accepted the email.
    Delivered,
    /// Recipients who reported the email as spam.
    Complained,
    /// Recipients that were skipped because they are suppressed.
    Suppressed,
    /// Recipients with a bounce, permanent or transient.
    Bounced,
    /// Recipients for whom Amazon SES stopped trying.
    BouncedTransient,
    /// Recipients whose server rejected the email permanently.
    BouncedPermanent,
    /// Always 0: Amazon SES reports bounces as transient or permanent.
    BouncedUndetermined,
    /// Emails opened, for the first time or again.
    Opened,
    /// Emails clicked, for the first time or again.
    Clicked,
    /// Always 0: mailqueue does not manage unsubscribes.
    Unsubscribed,
    /// Recipients whose server delayed the email.
    DeliveryDelayed,
    /// Recipients of failed emails.
    Failed,
    /// Recipients of the emails that Amazon SES accepted.
    Sent,
    /// Emails opened for the first time.
    UniqueOpened,
    /// Emails clicked for the first time.
    UniqueClicked,
    /// Delivered recipients divided by sent recipients.
    DeliveryRate,
    /// Opened emails divided by sent emails.
    OpenRate,
    /// Clicked emails divided by sent emails.
    ClickRate,
    /// Bounced recipients divided by sent recipients.
    BounceRate,
    /// Complaints divided by delivered recipients.
    ComplaintRate,
    /// Always 0: mailqueue does not manage unsubscribes.
    UnsubscribeRate,
    /// Recipients of the emails that mailqueue accepted.
    Accepted,
    /// The same as `sent`.
    Recipients,
    /// Recipients of emails that Amazon SES accepted but did not send.
    Rejected,
    /// Recipients of the canceled emails.
    Canceled,
    /// Recipients of the expired emails.
    Expired,
    /// Recipients of the emails with an unknown result: Amazon SES may have accepted them.
    Unknown,
}

impl Metric {
    /// All variants.
    pub const ALL: &'static [Self] = Self::VARIANTS;

    /// The metrics of Resend, in its order: a response to a request without names has these.
    ///
    /// A typed client of Resend refuses a response with other names.
    pub const RESENDS: [Self; 22] = [
        Self::Received,
        Self::Delivered,
        Self::Complained,
        Self::Suppressed,
        Self::Bounced,
        Self::BouncedTransient,
        Self::BouncedPermanent,
        Self::BouncedUndetermined,
        Self::Opened,
        Self::Clicked,
        Self::Unsubscribed,
        Self::DeliveryDelayed,
        Self::Failed,
        Self::Sent,
        Self::UniqueOpened,
        Self::UniqueClicked,
        Self::DeliveryRate,
        Self::OpenRate,
        Self::ClickRate,
        Self::BounceRate,
        Self::ComplaintRate,
        Self::UnsubscribeRate,
    ];

    /// The number, from the figures of the period.
    pub(super) fn of(self, figures: &Figures) -> Number {
        let one = |figure| number(figures, figure);
        let both = |first, more| one(first).saturating_add(one(more));
        let bounced = || one(Figure::SoftBounced).saturating_add(one(Figure::Bounced));
        Number::Count(match self {
            Self::Received | Self::BouncedUndetermined | Self::Unsubscribed => 0,
            Self::Delivered => one(Figure::Delivered),
            Self::Complained => one(Figure::Complained),
            Self::Suppressed => both(Figure::Suppressed, Figure::SuppressedMore),
            Self::Bounced => bounced(),
            Self::BouncedTransient => one(Figure::SoftBounced),
            Self::BouncedPermanent => one(Figure::Bounced),
            Self::Opened => one(Figure::Opened),
            Self::Clicked => one(Figure::Clicked),
            Self::DeliveryDelayed => one(Figure::DeliveryDelayed),
            Self::Failed => both(Figure::Failed, Figure::FailedMore),
            Self::Sent | Self::Recipients => one(Figure::SentRecipients),
            Self::UniqueOpened => one(Figure::FirstOpened),
            Self::UniqueClicked => one(Figure::FirstClicked),
            Self::DeliveryRate => return rate(one(Figure::Delivered), one(Figure::SentRecipients)),
            Self::OpenRate => return rate(one(Figure::FirstOpened), one(Figure::Sent)),
            Self::ClickRate => return rate(one(Figure::FirstClicked), one(Figure::Sent)),
            Self::BounceRate => return rate(bounced(), one(Figure::SentRecipients)),
            Self::ComplaintRate => return rate(one(Figure::Complained), one(Figure::Delivered)),
            Self::UnsubscribeRate => return Number::Rate(0.0),
            Self::Accepted => one(Figure::AcceptedRecipients),
            Self::Rejected => one(Figure::Rejected),
            Self::Canceled => both(Figure::Canceled, Figure::CanceledMore),
            Self::Expired => both(Figure::Expired, Figure::ExpiredMore),
            Self::Unknown => both(Figure::Unknown, Figure::UnknownMore),
        })
    }
}

fn number(figures: &Figures, figure: Figure) -> u64 {
    let number = figures.get(&figure).copied().unwrap_or(0);
    u64::try_from(number).unwrap_or(0)
}

/// A ratio with four places; 0 if the whole is 0. An email delivered now may have been sent earlier, so
/// the ratio of a short period can exceed 1.
fn rate(part: u64, whole: u64) -> Number {
    let parts = part.saturating_mul(10_000).checked_div(whole).unwrap_or(0);
    Number::Rate(f64::from(u32::try_from(parts).unwrap_or(u32::MAX)) / 10_000.0)
}

/// The value of a metric.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
#[serde(untagged)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub enum Number {
    /// A count.
    Count(u64),
    /// A ratio, at least 0. It can exceed 1, because events of earlier emails may fall into the period.
    Rate(f64),
}

const DAY: Duration = Duration::from_secs(86_400);

/// The length of a period.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub enum Granularity {
    /// An hour.
    Hourly,
    /// A day.
    Daily,
    /// A week that starts on Monday.
    Weekly,
    /// A month.
    Monthly,
}

impl Granularity {
    /// Start of the period that contains a time, in UTC.
    #[must_use]
    pub fn begin(self, at: Timestamp) -> Timestamp {
        let begin = || {
            let time = jiff::Timestamp::from_millisecond(at.as_millis()).ok()?;
            let time = time.to_zoned_datetime(TimeZone::UTC).datetime();
            let date = match self {
                Self::Hourly => return Some(crate::reporting::tally::counter::hour_of(at)),
                Self::Daily => time.date(),
                Self::Weekly => {
                    let since = i64::from(time.date().weekday().since(Weekday::Monday));
                    time.date().checked_sub(since.days()).ok()?
                }
                Self::Monthly => time.date().first_of_month(),
            };
            let begin = date.to_zoned_datetime(TimeZone::UTC).ok()?.timestamp();
            Some(Timestamp::from_millis(begin.as_millisecond()))
        };
        begin().unwrap_or(at)
    }
}

impl Granularity {
    /// End of the period that contains a time, in UTC.
    #[must_use]
    pub fn end(self, at: Timestamp) -> Timestamp {
        let longest = match self {
            Self::Hourly => Duration::from_millis(HOUR_MS.unsigned_abs()),
            Self::Daily => DAY,
            Self::Weekly => DAY.saturating_mul(7),
            Self::Monthly => DAY.saturating_mul(31),
        };
        self.begin(self.begin(at).after(longest))
    }
}

/// The dimension that groups the numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub enum Dimension {
    /// Groups by time.
    Period,
}

/// The request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MetricsRequest {
    /// The hours.
    pub hours: Hours,
    /// The end of the requested time, which may be within the last hour.
    pub end: Timestamp,
    /// The metrics.
    pub metrics: Vec<Metric>,
    /// The dimensions that split them; empty for totals only.
    pub dimensions: Vec<Dimension>,
    /// The length of a period.
    pub granularity: Granularity,
}

/// The metrics of a period.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(rename = "Metrics"))]
pub struct MetricsView {
    #[cfg_attr(feature = "schema", schemars(extend("const" = "metrics")))]
    object: &'static str,
    start_date: String,
    end_date: String,
    metrics: Vec<Metric>,
    dimensions: Vec<Dimension>,
    granularity: Granularity,
    totals: BTreeMap<Metric, Number>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(with = "Vec<PeriodMetrics>"))]
    data: Option<Vec<PeriodMetrics>>,
    failures: Vec<CauseCount>,
    cost: Cost,
}

#[derive(Debug, Clone, PartialEq, Serialize)]
#[cfg_attr(
    feature = "schema",
    derive(schemars::JsonSchema),
    schemars(rename = "MetricsOfPeriod")
)]
struct PeriodMetrics {
    period: String,
    #[serde(flatten)]
    metrics: BTreeMap<Metric, Number>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
struct CauseCount {
    cause: Cause,
    count: u64,
}

/// The cost of the sent emails, at the deployment's prices for Amazon SES.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
struct Cost {
    #[cfg_attr(feature = "schema", schemars(with = "f64"))]
    cost_usd: Usd,
    recipients: u64,
    attachment_bytes: u64,
    #[cfg_attr(feature = "schema", schemars(with = "f64"))]
    thousand_recipients_usd: Usd,
    #[cfg_attr(feature = "schema", schemars(with = "f64"))]
    attachment_gigabyte_usd: Usd,
}

impl MetricsView {
    /// The response for these hours.
    #[must_use]
    pub fn new(
        wanted: &MetricsRequest,
        flow: &BTreeMap<Timestamp, Figures>,
        failures: &[FailuresOfHour],
        prices: &Prices,
    ) -> Self {
        let metrics = |figures: &Figures| {
            let metrics = wanted.metrics.iter();
            metrics.map(|metric| (*metric, metric.of(figures))).collect()
        };
        let mut total = Figures::new();
        let mut periods: BTreeMap<Timestamp, Figures> = BTreeMap::new();
        for hour in hours(wanted.hours) {
            let period = periods.entry(wanted.granularity.begin(hour)).or_default();
            for (figure, number) in flow.get(&hour).into_iter().flatten() {
                for sum in [&mut *period, &mut total] {
                    let sum = sum.entry(*figure).or_insert(0);
                    *sum = sum.saturating_add(*number);
                }
            }
        }
        let rows = periods.iter().map(|(period, figures)| PeriodMetrics {
            period: period.to_string(),
            metrics: metrics(figures),
        });
        let mut causes: BTreeMap<Cause, u64> = BTreeMap::new();
        for failure in failures {
            let count = causes.entry(failure.cause).or_insert(0);
            *count = count.saturating_add(failure.count);
        }
        let causes = causes.into_iter().filter(|(_, count)| *count > 0);
        let (recipients, attachment_bytes) = (
            number(&total, Figure::SentRecipients),
            number(&total, Figure::SentAttachmentBytes),
        );
        Self {
            object: "metrics",
            start_date: wanted.hours.from.to_string(),
            end_date: wanted.end.to_string(),
            metrics: wanted.metrics.clone(),
            dimensions: wanted.dimensions.clone(),
            granularity: wanted.granularity,
            totals: metrics(&total),
            data: wanted.dimensions.contains(&Dimension::Period).then(|| rows.collect()),
            failures: causes.map(|(cause, count)| CauseCount { cause, count }).collect(),
            cost: Cost {
                cost_usd: prices.cost(recipients, attachment_bytes),
                recipients,
                attachment_bytes,
                thousand_recipients_usd: prices.thousand_recipients,
                attachment_gigabyte_usd: prices.attachment_gigabyte,
            },
        }
    }
}

/// The starts of the hours.
fn hours(hours: Hours) -> impl Iterator<Item = Timestamp> {
    let next = |hour: &Timestamp| Some(Timestamp::from_millis(hour.as_millis().saturating_add(HOUR_MS)));
    std::iter::successors(Some(hours.from), next).take_while(move |hour| *hour < hours.until)
}

#[cfg(test)]
#[path = "metrics_view_tests.rs"]
mod tests;
