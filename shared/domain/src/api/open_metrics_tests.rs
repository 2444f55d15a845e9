//! Tests of the text against the rules of OpenMetrics 1.0.0.

use std::collections::{BTreeMap, BTreeSet};

use super::*;
use crate::delivery::account_rate::AccountRate;
use crate::delivery::breaker::OpenBreaker;
use crate::delivery::rate::{Micros, Rate};
use crate::reporting::account::{AccountQuota, OldestDue};

const NOW: &str = "2026-11-24T18:20:30Z";

fn now() -> Timestamp {
    Timestamp::parse_rfc3339(NOW).unwrap()
}

fn tenant(name: &str) -> TenantFigures {
    TenantFigures {
        tenant: TenantId::parse(name).unwrap(),
        unfinished: QueueCounts {
            scheduled: 1,
            queued: 2,
            sending: 3,
            retry: 4,
            held: 5,
        },
        outcomes: Figures::from([(Figure::Accepted, 12), (Figure::Delivered, 9)]),
    }
}

fn account() -> AccountFigures {
    AccountFigures {
        quota: Some(AccountQuota {
            rate: Rate::from_millis(14_500),
            daily_quota: Some(50_000),
            sent_last_24_hours: 321,
            is_sandbox: true,
            may_send: true,
        }),
        account_rate: AccountRate {
            free_at: Some(Micros::of(now())),
            open: Some(OpenBreaker {
                cause: Cause::QuotaExceeded,
                until: now(),
                times: 0,
            }),
            ..AccountRate::default()
        },
        newest_event: Some(Timestamp::from_millis(now().as_millis() - 7_900)),
        busy_since: BTreeMap::from([(Priority::Low, Timestamp::from_millis(now().as_millis() - 60_000))]),
        oldest_due: Some(OldestDue {
            due: Timestamp::from_millis(now().as_millis() - 75_000),
            seen_at: now(),
        }),
        table_throttles: Some(3),
    }
}

/// A family of a text, with its samples.
#[derive(Debug, Default)]
struct Family {
    kind: String,
    unit: String,
    help: String,
    samples: Vec<(String, BTreeMap<String, String>, f64)>,
}

fn is_name(name: &str) -> bool {
    let mut characters = name.chars();
    characters.next().is_some_and(|c| c.is_ascii_lowercase())
        && characters.all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_')
}

/// Reads a label's value from behind its opening quote; returns it and the rest behind the closing one.
fn quoted(text: &str) -> (String, &str) {
    let (mut value, mut escape) = (String::new(), false);
    for (at, c) in text.char_indices() {
        match (escape, c) {
            (true, 'n') => value.push('\n'),
            (true, '\\' | '"') => value.push(c),
            (true, other) => panic!("an unknown escape: {other}"),
            (false, '\\') => {
                escape = true;
                continue;
            }
            (false, '"') => return (value, &text[at + 1..]),
            (false, c) => value.push(c),
        }
        escape = false;
    }
    panic!("no closing quote: {text}")
}

fn sample(line: &str) -> (String, BTreeMap<String, String>, f64) {
    let end = line.find(['{', ' ']).unwrap();
    let (name, mut rest) = line.split_at(end);
    let mut labels = BTreeMap::new();
    while let Some(inner) = rest.strip_prefix(['{', ',']) {
        let (label, behind) = inner.split_once("=\"").unwrap();
        assert!(is_name(label), "{label}");
        let (value, behind) = quoted(behind);
        assert!(labels.insert(label.to_owned(), value).is_none(), "{label} occurs twice");
        rest = behind.strip_prefix('}').unwrap_or(behind);
    }
    let value = rest.strip_prefix(' ').expect("one space before the value");
    (name.to_owned(), labels, value.parse().unwrap())
}

/// Reads a text as the specification demands; panics on everything that it forbids.
fn families(text: &str) -> BTreeMap<String, Family> {
    let body = text.strip_suffix("# EOF\n").expect("the text ends with EOF");
    assert!(!body.contains("# EOF") && !body.contains('\r'));
    let (mut families, mut current) = (BTreeMap::<String, Family>::new(), String::new());
    for line in body.lines() {
        assert!(!line.is_empty() && line.trim() == line, "{line:?}");
        if let Some(descriptor) = line.strip_prefix("# ") {
            let (kind, rest) = descriptor.split_once(' ').unwrap();
            let (name, value) = rest.split_once(' ').unwrap();
            assert!(is_name(name), "{name}");
            if kind == "TYPE" {
                assert!(!families.contains_key(name), "{name} begins twice");
                name.clone_into(&mut current);
                families.entry(current.clone()).or_default().kind = value.to_owned();
                continue;
            }
            assert_eq!(name, current, "a descriptor of another family");
            let family = families.get_mut(name).unwrap();
            assert!(family.samples.is_empty(), "a descriptor behind a sample");
            match kind {
                "UNIT" => family.unit = value.to_owned(),
                "HELP" => family.help = value.to_owned(),
                other => panic!("an unknown descriptor: {other}"),
            }
            continue;
        }
        let (name, labels, value) = sample(line);
        let family = families.get_mut(&current).unwrap();
        let suffix = name.strip_prefix(&current).expect("a sample belongs to its family");
        let suffixes: &[&str] = match family.kind.as_str() {
            "counter" => &["_total", "_created"],
            "gauge" => &[""],
            other => panic!("an unknown type: {other}"),
        };
        assert!(suffixes.contains(&suffix), "{name} is a {}", family.kind);
        assert!(value >= 0.0 || family.kind == "gauge", "{line}");
        family.samples.push((name, labels, value));
    }
    for (name, family) in &families {
        assert!(!family.help.is_empty(), "{name}");
        assert!(
            family.unit.is_empty() || name.ends_with(&format!("_{}", family.unit)),
            "{name}"
        );
        let keys: BTreeSet<_> = family.samples.iter().map(|(name, labels, _)| (name, labels)).collect();
        assert_eq!(keys.len(), family.samples.len(), "{name} has a sample twice");
        let labels: BTreeSet<Vec<&String>> = family
            .samples
            .iter()
            .map(|(_, labels, _)| labels.keys().collect())
            .collect();
        assert!(labels.len() <= 1, "{name} has samples with other labels");
    }
    families
}

fn value(families: &BTreeMap<String, Family>, name: &str, labels: &[(&str, &str)]) -> Option<f64> {
    let wanted: BTreeMap<String, String> = labels
        .iter()
        .map(|(label, value)| ((*label).to_owned(), (*value).to_owned()))
        .collect();
    let mut samples = families.values().flat_map(|family| &family.samples);
    samples
        .find(|(found, labels, _)| found == name && *labels == wanted)
        .map(|(_, _, value)| *value)
}

#[test]
fn the_text_keeps_the_rules_of_open_metrics() {
    let text = open_metrics(&[tenant("main"), tenant("acme")], Some(&account()), now());
    let found = families(&text);
    let midnight = Timestamp::parse_rfc3339("2026-11-24T00:00:00Z").unwrap();
    for (name, labels, expected) in [
        (
            "mailqueue_emails_total",
            &[("tenant", "acme"), ("status", "accepted")][..],
            12.0,
        ),
        (
            "mailqueue_emails_total",
            &[("tenant", "main"), ("status", "failed")],
            0.0,
        ),
        (
            "mailqueue_recipients_total",
            &[("tenant", "main"), ("status", "delivered")],
            9.0,
        ),
        (
            "mailqueue_unfinished_emails",
            &[("tenant", "main"), ("status", "held")],
            5.0,
        ),
        ("mailqueue_ses_rate_per_second", &[], 14.5),
        ("mailqueue_ses_daily_quota", &[], 50_000.0),
        ("mailqueue_ses_sent_last_24_hours", &[], 321.0),
        ("mailqueue_ses_sandbox", &[], 1.0),
        ("mailqueue_ses_sending_enabled", &[], 1.0),
        ("mailqueue_breaker_open", &[("cause", "quota_exceeded")], 1.0),
        ("mailqueue_breaker_open", &[("cause", "throttled")], 0.0),
        ("mailqueue_feedback_lag_seconds", &[], 7.0),
        ("mailqueue_oldest_due_seconds", &[], 75.0),
        ("mailqueue_table_throttles_last_hour", &[], 3.0),
        ("mailqueue_waiting_seconds", &[("priority", "low")], 60.0),
        ("mailqueue_waiting_seconds", &[("priority", "high")], 0.0),
    ] {
        assert_eq!(value(&found, name, labels), Some(expected), "{name} {labels:?}");
    }
    let created = value(
        &found,
        "mailqueue_emails_created",
        &[("tenant", "main"), ("status", "sent")],
    );
    assert_eq!(created.map(|at| at.to_string()), Some(midnight.as_secs().to_string()));
    assert_eq!(found["mailqueue_waiting_seconds"].unit, "seconds");
}

#[test]
fn a_tenants_text_has_no_figures_of_the_account() {
    let text = open_metrics(&[tenant("main")], None, now());
    let names: Vec<String> = families(&text).into_keys().collect();
    assert_eq!(
        names,
        [
            "mailqueue_emails",
            "mailqueue_recipients",
            "mailqueue_unfinished_emails"
        ]
    );
}

#[test]
fn unknown_figures_are_left_out() {
    let found = families(&open_metrics(&[], Some(&AccountFigures::default()), now()));
    for name in [
        "mailqueue_ses_sandbox",
        "mailqueue_feedback_lag_seconds",
        "mailqueue_table_throttles_last_hour",
    ] {
        assert!(!found.contains_key(name), "{name}");
    }
    assert_eq!(
        value(&found, "mailqueue_breaker_open", &[("cause", "quota_exceeded")]),
        Some(0.0)
    );
}

#[test]
fn labels_and_help_are_escaped() {
    let odd = "a\\b\"c\nd";
    let mut text = Exposition::default();
    text.family("odd", "gauge", odd);
    text.sample("odd", &[("label", odd)], 1);
    let text = text.finish();
    assert_eq!(text.lines().count(), 4, "{text}");
    let found = families(&text);
    assert_eq!(value(&found, "odd", &[("label", odd)]), Some(1.0));
    assert_eq!(found["odd"].help, r#"a\\b\"c\nd"#);
}
