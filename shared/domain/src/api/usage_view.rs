//! The use of a tenant's quotas, as the API shows it.
//!
//! **Invariant:** pure; the numbers follow from the figures of whole hours, as the metrics do. Unsupported
//! features count 0.
//! **Start reading at** [`UsageView::new`].
//!
//! Source: resend-python 2.52.0, `resend/usage/_usage.py`, and Resend's API reference, "Retrieve Usage" (a beta), read
//! 2026-11-29.

use std::collections::BTreeMap;

use serde::Serialize;

use super::metrics_view::{Granularity, Metric, Number};
use crate::reporting::hours::Hours;
use crate::reporting::tally::counter::{Figures, HOUR_MS, hour_of};
use crate::tenant::Tenant;
use crate::tenant::quota::{Limit, Window};
use crate::timestamp::Timestamp;

/// The usage of a tenant.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(rename = "Usage"))]
pub struct UsageView {
    #[cfg_attr(feature = "schema", schemars(extend("const" = "usage")))]
    object: &'static str,
    generated_at: String,
    emails: EmailsUsage,
    contacts: QuotaUsage,
    segments: QuotaUsage,
    broadcasts: QuotaUsage,
    ai_credits: AiCredits,
    automation_runs: AutomationRuns,
    /// Always `used` 0 and `limit` null: `GET /domains` lists the domains.
    domains: QuotaUsage,
    rate_limit: RateUsage,
}

/// The recipients of a tenant's emails.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
struct EmailsUsage {
    daily: PeriodUsage,
    monthly: PeriodUsage,
}

/// The recipients in a day or a month, in UTC.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
struct PeriodUsage {
    /// Recipients of the accepted emails.
    used: u64,
    /// The maximum recipients in the period. Null without a limit.
    limit: Option<u64>,
    /// Recipients of the emails that Amazon SES accepted.
    sent: u64,
    /// Always 0: mailqueue does not receive emails.
    received: u64,
    /// The end of the period.
    resets_at: String,
}

/// Usage of a feature that is not counted here, or not supported.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
struct QuotaUsage {
    used: u64,
    limit: Option<u64>,
}

/// Always 0: mailqueue has no such credits.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
struct AiCredits {
    #[serde(flatten)]
    quota: QuotaUsage,
    next_increase_at: Option<String>,
}

/// Always 0: mailqueue has no automations.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
struct AutomationRuns {
    #[serde(flatten)]
    quota: QuotaUsage,
    resets_at: String,
}

/// The tenant's limit of recipients in a short time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
struct RateUsage {
    /// The maximum recipients per period. Null without a limit.
    limit: Option<u64>,
    #[cfg_attr(feature = "schema", schemars(extend("const" = "10000ms")))]
    duration: &'static str,
}

/// A feature that is not supported.
const ABSENT: QuotaUsage = QuotaUsage {
    used: 0,
    limit: Some(0),
};

/// The usage of the domains, which is not counted here.
const UNLIMITED: QuotaUsage = QuotaUsage { used: 0, limit: None };

impl UsageView {
    /// The hours whose figures the view needs: of the current month, in UTC.
    #[must_use]
    pub fn hours(now: Timestamp) -> Hours {
        Hours {
            from: Granularity::Monthly.begin(now),
            until: Timestamp::from_millis(hour_of(now).as_millis().saturating_add(HOUR_MS)),
        }
    }

    /// The response for a tenant, with the figures of [`Self::hours`].
    #[must_use]
    pub fn new(tenant: &Tenant, flow: &BTreeMap<Timestamp, Figures>, now: Timestamp) -> Self {
        let period = |granularity: Granularity, limit: Option<u64>| {
            let begins = granularity.begin(now);
            let total = |metric: Metric| {
                let hours = flow.range(begins..).map(|(_, figures)| match metric.of(figures) {
                    Number::Count(count) => count,
                    Number::Rate(_) => 0,
                });
                hours.fold(0, u64::saturating_add)
            };
            PeriodUsage {
                used: total(Metric::Accepted),
                limit,
                sent: total(Metric::Sent),
                received: 0,
                resets_at: granularity.end(now).to_string(),
            }
        };
        let monthly = period(Granularity::Monthly, None);
        let rate = Window::of(tenant, Limit::Rate, now);
        Self {
            object: "usage",
            generated_at: now.to_string(),
            contacts: ABSENT,
            segments: ABSENT,
            broadcasts: ABSENT,
            ai_credits: AiCredits {
                quota: ABSENT,
                next_increase_at: None,
            },
            automation_runs: AutomationRuns {
                quota: ABSENT,
                resets_at: monthly.resets_at.clone(),
            },
            domains: UNLIMITED,
            rate_limit: RateUsage {
                limit: rate.map(|window| window.most),
                duration: "10000ms",
            },
            emails: EmailsUsage {
                daily: period(Granularity::Daily, tenant.daily_cap),
                monthly,
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::reporting::tally::counter::Figure;

    fn at(text: &str) -> Timestamp {
        Timestamp::parse_rfc3339(text).unwrap()
    }

    #[test]
    fn a_usage_has_the_fields_of_resend() {
        let now = at("2026-12-24T18:20:00Z");
        let hours = UsageView::hours(now);
        assert_eq!(
            (hours.from, hours.until),
            (at("2026-12-01T00:00:00Z"), at("2026-12-24T19:00:00Z"))
        );
        let figures =
            |accepted, sent| Figures::from([(Figure::AcceptedRecipients, accepted), (Figure::SentRecipients, sent)]);
        let flow = BTreeMap::from([
            (at("2026-12-23T23:00:00Z"), figures(100, 90)),
            (at("2026-12-24T00:00:00Z"), figures(5, 12)),
            (at("2026-12-24T18:00:00Z"), figures(2, 1)),
        ]);
        let tenant = Tenant {
            daily_cap: Some(1_000),
            rate: Some(3),
            ..Tenant::main()
        };
        let (month, none) = ("2027-01-01T00:00:00.000Z", json!({"used": 0, "limit": 0}));
        let expected = json!({
            "object": "usage",
            "generated_at": "2026-12-24T18:20:00.000Z",
            "emails": {
                "daily": {"used": 7, "limit": 1000, "sent": 13, "received": 0, "resets_at": "2026-12-25T00:00:00.000Z"},
                "monthly": {"used": 107, "limit": null, "sent": 103, "received": 0, "resets_at": month},
            },
            "contacts": none, "segments": none, "broadcasts": none,
            "ai_credits": {"used": 0, "limit": 0, "next_increase_at": null},
            "automation_runs": {"used": 0, "limit": 0, "resets_at": month},
            "domains": {"used": 0, "limit": null},
            "rate_limit": {"limit": 30, "duration": "10000ms"},
        });
        let view = |tenant| serde_json::to_value(UsageView::new(tenant, &flow, now)).unwrap();
        assert_eq!(view(&tenant), expected);
        let unlimited = view(&Tenant::main());
        assert_eq!(unlimited.pointer("/emails/daily/limit"), Some(&json!(null)));
        assert_eq!(unlimited.pointer("/rate_limit/limit"), Some(&json!(null)));
    }
}
