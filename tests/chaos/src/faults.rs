//! The faults, and the check that all of them happened.
//!
//! **Invariant:** pure. Every kind of the proxy and of the fake SES is likely enough to happen in a run of 500
//! emails. The report nevertheless checks that each one did.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::requests::SILENT;

/// The kinds of faults at SES: those of the fake SES.
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

/// The kinds of faults on the way to AWS: those of the proxy.
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

/// Returns the faults at SES for a run of so many emails.
#[must_use]
pub fn at_ses(emails: usize) -> Value {
    // Each of these opens the breaker for all emails, longer each time.
    let few = emails / 1000 + 2;
    json!([
        {"kind": "delay", "share": 0.1, "delay_ms": 400},
        {"kind": "quota", "share": 0.05, "count": few},
        {"kind": "pause", "share": 0.05, "count": few},
        {"kind": "throttle", "share": 0.05},
        {"kind": "reject", "share": 0.03},
        // Longer than the sender's timeout.
        {"kind": "timeout", "share": 0.03, "delay_ms": 4000},
        {"kind": "drop_before", "share": 0.04},
        {"kind": "drop_after", "share": 0.05},
        {"kind": "drop_after", "share": 0.7, "to": SILENT},
        // Reports about recipients, each with a single email.
        {"kind": "bounce", "share": 0.02},
        {"kind": "late_bounce", "share": 0.03},
        {"kind": "soft_bounce", "share": 0.03},
        {"kind": "absence", "share": 0.03},
        {"kind": "complaint", "share": 0.02},
        {"kind": "not_spam", "share": 0.03},
    ])
}

/// Returns the faults on the way to AWS. They affect the functions, the publisher of SES's events, and the client of
/// the API alike.
#[must_use]
pub fn at_aws() -> Value {
    json!([
        // Some emails lose all events: the only case in which a second copy is sent, with a flag.
        {"kind": "lose", "share": 0.95, "service": "sns", "body": SILENT},
        {"kind": "delay_before", "share": 0.02, "delay_ms": 150},
        {"kind": "delay_after", "share": 0.02, "delay_ms": 150},
        {"kind": "drop_before", "share": 0.01},
        {"kind": "drop_after", "share": 0.01},
        {"kind": "throttle", "share": 0.01},
        {"kind": "conflict", "share": 0.03, "service": "dynamodb"},
        {"kind": "fail", "share": 0.01},
        {"kind": "partial", "share": 0.1, "service": "sqs"},
        // AWS delivers messages and events at least once.
        {"kind": "double", "share": 0.05, "service": "sqs"},
        {"kind": "double", "share": 0.05, "service": "sns"},
        {"kind": "lose", "share": 0.05, "service": "sns"},
    ])
}

/// Returns how often each kind happened: `ses_..` and `aws_..`, including zeros.
#[must_use]
pub fn count_faults(aws: &Value, ses: &Value) -> BTreeMap<String, u64> {
    let count = |stats: &Value, kind: &str| stats.pointer(&format!("/faults/{kind}")).and_then(Value::as_u64);
    let at_ses = AT_SES.map(|kind| (format!("ses_{kind}"), count(ses, kind).unwrap_or(0)));
    let at_aws = AT_AWS.map(|kind| (format!("aws_{kind}"), count(aws, kind).unwrap_or(0)));
    at_ses.into_iter().chain(at_aws).collect()
}

/// Returns the number of calls that the emulator itself left unanswered.
#[must_use]
pub fn count_unanswered(aws: &Value) -> u64 {
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

    /// Returns all kinds that a server knows: its error for an unknown kind lists them.
    fn known_kinds<T: serde::de::DeserializeOwned + std::fmt::Debug>() -> Vec<String> {
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
    fn every_kind_of_fault_is_used() {
        assert_eq!(known_kinds::<fake_ses::faults::FaultKind>(), sorted(AT_SES));
        assert_eq!(known_kinds::<fault_proxy::plan::Kind>(), sorted(AT_AWS));
        assert_eq!(kinds(&at_ses(500)), sorted(AT_SES));
        assert_eq!(kinds(&at_aws()), sorted(AT_AWS));
    }

    #[test]
    fn a_missing_kind_of_fault_counts_as_zero() {
        let struck = count_faults(&json!({"faults": {"fail": 3}}), &json!({"faults": {"quota": 2}}));
        assert_eq!(struck.len(), 24);
        assert_eq!(
            (struck["aws_fail"], struck["ses_quota"], struck["ses_pause"]),
            (3, 2, 0)
        );
    }
}
