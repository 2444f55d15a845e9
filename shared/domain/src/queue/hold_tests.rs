use super::*;
use crate::delivery::record::{BodyPlace, BodyRef};
use crate::id::{EmailId, TenantId};

fn at(millis: i64) -> Timestamp {
    Timestamp::from_millis(millis)
}

fn key(n: u8) -> KeyId {
    KeyId::from_bytes([n; 16])
}

fn record(with: Option<KeyId>, from: Option<&str>, born: i64) -> EmailRecord {
    let body = BodyRef {
        sha256: "ab".to_owned(),
        place: BodyPlace::Table,
        bytes: 1,
    };
    EmailRecord {
        key: with,
        from_domain: from.map(str::to_owned),
        ..EmailRecord::new(TenantId::main(), EmailId::from_random([1; 16]), body, 1, at(born))
    }
}

fn taken_away(left: &[&str], until: i64) -> Hold {
    let from = left.iter().map(|domain| FromDomain::parse(domain).unwrap()).collect();
    Hold::of_lost_domains(Some(key(1)), from, at(until))
}

/// Returns the same hold, of the whole tenant.
fn of_tenant(hold: Hold) -> Hold {
    Hold { key: None, ..hold }
}

fn holds(of: &[Hold]) -> Holds {
    of.iter()
        .fold(Holds::default(), |holds, hold| holds.with(hold.clone()).unwrap())
}

#[test]
fn a_revoked_key_holds_only_its_own_emails() {
    let held = holds(&[Hold::of_revoked_key(key(1))]);
    for (record, expected) in [
        (record(Some(key(1)), Some("a.example"), 0), true),
        (record(Some(key(1)), None, i64::MAX), true),
        (record(Some(key(2)), Some("a.example"), 0), false),
        // Accepted before records named their key.
        (record(None, Some("a.example"), 0), false),
    ] {
        assert_eq!(held.cover(&record), expected, "{record:?}");
    }
    assert!(!Holds::default().cover(&record(Some(key(1)), None, 0)));
}

#[test]
fn a_removed_domain_holds_only_its_emails() {
    let held = holds(&[taken_away(&["*.good.example", "ours.example"], 1_000)]);
    for (from, born, expected) in [
        (Some("ours.example"), 500, false),
        (Some("a.good.example"), 500, false),
        (Some("good.example"), 500, true),
        (Some("bad.example"), 500, true),
        (Some("bad.example"), 1_000, true),
        (None, 500, true),
        // The domain was given back meanwhile, or the email would not have been accepted.
        (Some("bad.example"), 1_001, false),
    ] {
        assert_eq!(
            held.cover(&record(Some(key(1)), from, born)),
            expected,
            "{from:?} {born}"
        );
    }
}

#[test]
fn a_tenants_lost_domain_holds_emails_of_every_key() {
    let held = holds(&[of_tenant(taken_away(&["ours.example"], 1_000))]);
    for with in [None, Some(key(1)), Some(key(2))] {
        for (from, born, expected) in [
            (Some("ours.example"), 500, false),
            (Some("bad.example"), 500, true),
            (Some("bad.example"), 1_000, true),
            (Some("bad.example"), 1_001, false),
            (None, 500, true),
        ] {
            assert_eq!(
                held.cover(&record(with, from, born)),
                expected,
                "{with:?} {from:?} {born}"
            );
        }
    }
}

#[test]
fn holds_of_a_key_and_its_tenant_are_independent() {
    let of_key = taken_away(&["a.example"], 1);
    let both = holds(&[of_key.clone(), of_tenant(of_key.clone())]);
    assert!(both.has_tenants() && both.keys() == [key(1)]);
    assert_eq!(both.without(None), holds(std::slice::from_ref(&of_key)));
    assert_eq!(both.without(Some(key(1))), holds(&[of_tenant(of_key)]));
    assert_eq!(both.of(&[None]), both.without(Some(key(1))));
    let revoked = both.with(Hold::of_revoked_key(key(1))).unwrap();
    assert!(revoked.has_tenants(), "it replaces the holds of its key alone");
    assert!(!both.without(None).has_tenants());
}

#[test]
fn a_repeated_hold_needs_no_more_room() {
    let (first, again) = (taken_away(&["a.example"], 1), taken_away(&["a.example"], 9));
    assert_eq!(
        holds(&[first.clone(), again.clone()]),
        holds(std::slice::from_ref(&again))
    );
    let other = taken_away(&["b.example"], 5);
    assert_eq!(holds(&[first.clone(), other]).0.len(), 2);
    let revoked = Hold::of_revoked_key(key(1));
    let both = holds(&[first, again.clone(), revoked.clone()]);
    assert_eq!(both, holds(&[revoked]), "it covers the others");
    assert_eq!(both.with(again), Some(both.clone()), "and stays");
    assert_eq!(both.keys(), [key(1)]);
    assert!(both.without(Some(key(1))).is_empty() && !both.without(Some(key(2))).is_empty());
}

#[test]
fn a_tenant_has_a_limited_number_of_holds() {
    let revoked = |n: usize| {
        let mut bytes = [0; 16];
        bytes[..8].copy_from_slice(&n.to_be_bytes());
        Hold::of_revoked_key(KeyId::from_bytes(bytes))
    };
    let full = holds(&(0..HOLDS_MAX).map(revoked).collect::<Vec<_>>());
    assert_eq!(full.with(revoked(HOLDS_MAX)), None);
    assert!(full.with(revoked(0)).is_some(), "an existing one fits");
}

#[test]
fn holds_are_stored_as_text() {
    let tenants = of_tenant(taken_away(&["a.example"], 2_000));
    let held = holds(&[taken_away(&["*"], 1_000), Hold::of_revoked_key(key(2)), tenants]);
    let text = serde_json::to_string(&held).unwrap();
    assert_eq!(
        text,
        format!(
            r#"[{{"key":"{}","except":{{"from":["*"],"accepted_after":1000}}}},{{"key":"{}"}},{{"except":{{"from":["a.example"],"accepted_after":2000}}}}]"#,
            key(1),
            key(2)
        )
    );
    assert_eq!(serde_json::from_str::<Holds>(&text).unwrap(), held);
}

#[test]
fn fewer_holds_cover_fewer_emails() {
    let (one, other) = (Hold::of_revoked_key(key(1)), Hold::of_revoked_key(key(2)));
    let (both, first) = (holds(&[one.clone(), other]), holds(&[one]));
    assert!(both.exceed(&first) && !first.exceed(&both) && !both.exceed(&both));
}
