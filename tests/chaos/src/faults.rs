//! What goes wrong, and whether all of it has.
//!
//! **Invariant:** pure. Every kind that the proxy and the fake SES know is likely enough that a run
//! of 500 emails is struck by each; whether it was is asked afterwards all the same.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::requests::SILENT;

/// What goes wrong at SES: the fake SES's own kinds.
const AT_SES: [&str; 14] = [
    "throttle",
    "quota",
    "pause",
    "reject",
    "timeout",
    "drop_before",
    "drop_after",
    "delay",
    "bounce",
    "late_bounce",
    "soft_bounce",
    "absence",
    "complaint",
    "not_spam",
];

/// What goes wrong on the way to AWS: the proxy's own kinds.
const AT_AWS: [&str; 10] = [
    "drop_before",
    "drop_after",
    "delay_before",
    "delay_after",
    "throttle",
    "conflict",
    "fail",
    "partial",
    "double",
    "lose",
];

/// The faults at SES for a run of so many emails.
#[must_use]
pub fn at_ses(emails: usize) -> Value {
    // Each opens the breaker for everyone, for longer and longer.
    let few = emails / 1000 + 2;
    json!([
        {"kind": "delay", "share": 0.1, "delay_ms": 400},
        {"kind": "quota", "share": 0.05, "count": few},
        {"kind": "pause", "share": 0.05, "count": few},
        {"kind": "throttle", "share": 0.05},
        {"kind": "reject", "share": 0.03},
        // Longer than the sender's patience.
        {"kind": "timeout", "share": 0.03, "delay_ms": 4000},
        {"kind": "drop_before", "share": 0.04},
        {"kind": "drop_after", "share": 0.05},
        {"kind": "drop_after", "share": 0.7, "to": SILENT},
        // Reports about recipients, each of whom has one email.
        {"kind": "bounce", "share": 0.02},
        {"kind": "late_bounce", "share": 0.03},
        {"kind": "soft_bounce", "share": 0.03},
        {"kind": "absence", "share": 0.03},
        {"kind": "complaint", "share": 0.02},
        {"kind": "not_spam", "share": 0.03},
    ])
}

/// The faults on the way to AWS. They strike the functions, the publisher of SES's events, and the
/// client of the API alike.
#[must_use]
pub fn at_aws() -> Value {
    json!([
        // Of some emails all events: the one case in which a second copy is sent, and marked.
        {"kind": "lose", "share": 0.95, "service": "sns", "body": SILENT},
        {"kind": "delay_before", "share": 0.02, "delay_ms": 150},
        {"kind": "delay_after", "share": 0.02, "delay_ms": 150},
        {"kind": "drop_before", "share": 0.01},
        {"kind": "drop_after", "share": 0.01},
        {"kind": "throttle", "share": 0.01},
        {"kind": "conflict", "share": 0.03, "service": "dynamodb"},
        {"kind": "fail", "share": 0.01},
        {"kind": "partial", "share": 0.1, "service": "sqs"},
        // What AWS delivers at least once: messages and events.
        {"kind": "double", "share": 0.05, "service": "sqs"},
        {"kind": "double", "share": 0.05, "service": "sns"},
        {"kind": "lose", "share": 0.05, "service": "sns"},
    ])
}

/// How often each kind has struck: `ses_..` and `aws_..`, with zeros.
#[must_use]
pub fn struck(aws: &Value, ses: &Value) -> BTreeMap<String, u64> {
    let count = |stats: &Value, kind: &str| stats.pointer(&format!("/faults/{kind}")).and_then(Value::as_u64);
    let at_ses = AT_SES.map(|kind| (format!("ses_{kind}"), count(ses, kind).unwrap_or(0)));
    let at_aws = AT_AWS.map(|kind| (format!("aws_{kind}"), count(aws, kind).unwrap_or(0)));
    at_ses.into_iter().chain(at_aws).collect()
}

/// How many calls the emulator has left unanswered by itself.
#[must_use]
pub fn unanswered(aws: &Value) -> u64 {
    let by_service = aws.get("unanswered").and_then(Value::as_object);
    let counts = by_service
        .into_iter()
        .flatten()
        .filter(|(service, _)| *service != "ses");
    counts.filter_map(|(_, count)| count.as_u64()).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kinds(faults: &Value) -> Vec<&str> {
        let all = faults.as_array().unwrap().iter();
        let mut kinds: Vec<_> = all.map(|fault| fault["kind"].as_str().unwrap()).collect();
        kinds.sort_unstable();
        kinds.dedup();
        kinds
    }

    /// All kinds that a server knows: it names them when it is asked for another one.
    fn known<T: serde::de::DeserializeOwned + std::fmt::Debug>() -> Vec<String> {
        let error = serde_json::from_value::<T>(json!("flood")).unwrap_err().to_string();
        let (_, named) = error.split_once("expected one of ").unwrap();
        let mut kinds: Vec<_> = named
            .split(", ")
            .map(|kind| kind.trim_matches('`').to_owned())
            .collect();
        kinds.sort_unstable();
        kinds
    }

    fn sorted<const N: usize>(mut kinds: [&'static str; N]) -> [&'static str; N] {
        kinds.sort_unstable();
        kinds
    }

    #[test]
    fn every_kind_that_the_servers_know_is_in_force() {
        assert_eq!(known::<fake_ses::faults::FaultKind>(), sorted(AT_SES));
        assert_eq!(known::<fault_proxy::plan::Kind>(), sorted(AT_AWS));
        assert_eq!(kinds(&at_ses(500)), sorted(AT_SES));
        assert_eq!(kinds(&at_aws()), sorted(AT_AWS));
    }

    #[test]
    fn what_never_happened_is_counted_as_zero() {
        let struck = struck(&json!({"faults": {"fail": 3}}), &json!({"faults": {"quota": 2}}));
        assert_eq!(struck.len(), 24);
        assert_eq!(
            (struck["aws_fail"], struck["ses_quota"], struck["ses_pause"]),
            (3, 2, 0)
        );
    }
}
