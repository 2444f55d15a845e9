use std::collections::BTreeMap;

use super::*;
use crate::delivery::record::BodyPlace;
use crate::delivery::record::BodyRef;

fn address(text: &str) -> EmailAddress {
    EmailAddress::parse(text).unwrap()
}

fn at(millis: i64) -> Timestamp {
    Timestamp::from_millis(millis)
}

fn suppression(origin: Origin, millis: i64) -> Suppression {
    Suppression {
        origin,
        ..Suppression::manual(TenantId::main(), &address("Ann@example.com"), at(millis))
    }
}

fn suppressed(suppression: Suppression, released_at: Option<i64>) -> Entry {
    Entry::Suppressed {
        suppression,
        released_at: released_at.map(at),
    }
}

/// A complaint that names several recipients.
fn suspected(email: u8, millis: i64) -> Suppression {
    Suppression {
        source: Some(EmailId::from_random([email; 16])),
        until: Some(at(millis).after(limits::SUSPECTED_COMPLAINT)),
        ..suppression(Origin::Complaint, millis)
    }
}

#[test]
fn a_second_complaint_suppresses_for_good() {
    let known = suppressed(suspected(1, 100), Some(50));
    for (what, new, effect) in [
        ("the same again", suspected(1, 101), Effect::Nothing(Added::Already)),
        (
            "from before a release",
            suspected(2, 50),
            Effect::Nothing(Added::Released),
        ),
        (
            "a bounce from before it",
            suppression(Origin::Bounce, 50),
            Effect::Nothing(Added::Released),
        ),
    ] {
        assert_eq!(known.effect_of_adding(&new), effect, "{what}");
    }
    for new in [
        suspected(2, 51),
        suppression(Origin::Complaint, 101),
        suppression(Origin::Bounce, 101),
        suppression(Origin::Manual, 1),
    ] {
        let Effect::Store(stored) = known.effect_of_adding(&new) else {
            panic!("{new:?} is another reason");
        };
        assert_eq!((stored.until, stored.origin), (None, new.origin));
        let again = suppressed(stored, Some(50)).effect_of_adding(&suspected(3, 999));
        assert_eq!(again, Effect::Nothing(Added::Already), "it stays for good");
    }
    let released = Entry::Released { at: at(200) };
    assert_eq!(
        released.effect_of_adding(&suspected(2, 201)),
        Effect::Store(suspected(2, 201))
    );
}

#[test]
fn a_suppression_with_an_end_ends() {
    let seven_days = 7 * 86_400_000;
    let known = suppressed(suspected(1, 100), None);
    assert!(known.clone().in_force(at(99 + seven_days)).is_some());
    assert_eq!(known.in_force(at(100 + seven_days)), None);
    let for_good = suppressed(suppression(Origin::Bounce, 100), None);
    assert!(for_good.in_force(at(i64::MAX)).is_some());
}

#[test]
fn a_stored_entry_decides_whether_to_add_another() {
    let suppressed = suppressed(suppression(Origin::Bounce, 5), None);
    let released = Entry::Released { at: at(10) };
    for (stored, origin, millis, expected) in [
        (&suppressed, Origin::Bounce, 99, Added::Already),
        (&suppressed, Origin::Complaint, 99, Added::Already),
        (&suppressed, Origin::Manual, 1, Added::Already),
        (&released, Origin::Bounce, 9, Added::Released),
        (&released, Origin::Bounce, 10, Added::Released),
        (&released, Origin::Bounce, 11, Added::New),
        (&released, Origin::Complaint, 10, Added::Released),
        (&released, Origin::Complaint, 11, Added::New),
        // By a clock that is behind.
        (&released, Origin::Manual, 9, Added::New),
    ] {
        let new = suppression(origin, millis);
        let expected = match expected {
            Added::New => Effect::Store(new.clone()),
            added @ (Added::Already | Added::Released) => Effect::Nothing(added),
        };
        assert_eq!(
            stored.effect_of_adding(&new),
            expected,
            "{stored:?} {origin:?} {millis}"
        );
    }
}

#[test]
fn addresses_are_equal_if_only_their_case_differs() {
    let main = TenantId::main();
    let id = SuppressionId::of(&main, &address("ann@xn--exmple-cua.com"));
    for same in ["Ann@exämple.com", "ANN@EXÄMPLE.COM", "ann@XN--EXMPLE-CUA.com"] {
        assert_eq!(SuppressionId::of(&main, &address(same)), id, "{same}");
    }
    let quoted = SuppressionId::of(&main, &address("\"two words\"@example.com"));
    for same in ["\"Two Words\"@example.com", "\"two\\ \\words\"@Example.com"] {
        assert_eq!(SuppressionId::of(&main, &address(same)), quoted, "{same}");
    }
    for other in [
        "ann+1@exämple.com",
        "a.nn@exämple.com",
        "ann@example.com",
        "ann@mail.exämple.com",
    ] {
        assert_ne!(SuppressionId::of(&main, &address(other)), id, "{other}");
    }
    let other = TenantId::parse("other").unwrap();
    assert_ne!(SuppressionId::of(&other, &address("ann@xn--exmple-cua.com")), id);
    assert_eq!(address("Ann@EXAMPLE.com").lower_case(), address("ann@example.com"));
    assert_eq!(address("Ann@EXAMPLE.com").lower_case().domain(), "example.com");
}

/// Callers have ids, and the table has hash prefixes: neither may change.
#[test]
fn an_id_and_its_hash_prefix_never_change() {
    let id = SuppressionId::of(&TenantId::main(), &address("ann@example.com"));
    assert_eq!(id.to_string(), "d592d4b9-0d8e-89e0-a2ff-febbe05311a0");
    let text = id.to_string().to_uppercase();
    assert_eq!(SuppressionId::parse(&text), Some(id));
    let prefix: String = id.hash_prefix().0.iter().map(|byte| format!("{byte:02x}")).collect();
    assert_eq!(id.to_string().replace('-', "")[16..], prefix);
    for bad in [
        "",
        "x",
        &text.replace('-', ""),
        &format!("{{{text}}}"),
        "ann@example.com",
    ] {
        assert_eq!(SuppressionId::parse(bad), None, "{bad}");
    }
}

#[test]
fn prefixes_match_until_there_are_too_many() {
    let id = |n: usize| SuppressionId::of(&TenantId::main(), &address(&format!("a{n}@example.com")));
    let mut prefixes = SuppressionFilter::default();
    for n in 0..limits::SUPPRESSED_PREFIXES {
        prefixes = prefixes.with(id(n).hash_prefix());
    }
    assert!(prefixes.fit(id(0)) && !prefixes.fit(id(limits::SUPPRESSED_PREFIXES)));
    assert!(!prefixes.clone().without(id(0).hash_prefix()).fit(id(0)));
    let too_many = prefixes.with(id(limits::SUPPRESSED_PREFIXES).hash_prefix());
    assert_eq!(too_many, SuppressionFilter::TooMany);
    assert_eq!(too_many.clone().with(id(1).hash_prefix()), SuppressionFilter::TooMany);
    assert_eq!(
        too_many.clone().without(id(1).hash_prefix()),
        SuppressionFilter::TooMany
    );
    assert!(too_many.fit(id(9_999)));
}

fn event(delivery_status: DeliveryStatus, suppresses: Vec<EmailAddress>) -> SesEvent {
    SesEvent {
        tenant: TenantId::main(),
        id: EmailId::from_random([1; 16]),
        claim_no: 1,
        born: at(1),
        message_id: "m".to_owned(),
        accepted_at: at(2),
        at: at(3),
        kind: SesEventKind::DeliveryStatuses([("a".to_owned(), delivery_status)].into()),
        suppresses,
        suspected: false,
        on_account_list: Vec::new(),
        diagnostics: BTreeMap::new(),
        details: crate::delivery::ses_event::SesDetails::default(),
    }
}

fn record(claim_no: u32, born: Timestamp) -> EmailRecord {
    let body = BodyRef {
        sha256: String::new(),
        place: BodyPlace::Table,
        bytes: 1,
    };
    let id = EmailId::from_random([1; 16]);
    EmailRecord {
        claim_no,
        ..EmailRecord::new(TenantId::main(), id, body, 1, born)
    }
}

#[test]
fn an_event_adds_its_addresses() {
    for (delivery_status, origin) in [
        (DeliveryStatus::Bounced, Origin::Bounce),
        (DeliveryStatus::Complained, Origin::Complaint),
    ] {
        let event = event(
            delivery_status,
            vec![address("Ann@example.com"), address("b@example.com")],
        );
        let added = added_by(&event, Some(&record(1, at(1))), at(9));
        let expected = |text| Suppression {
            tenant: TenantId::main(),
            address: address(text),
            origin,
            source: Some(event.id),
            created_at: at(3),
            until: None,
        };
        assert_eq!(added, [expected("ann@example.com"), expected("b@example.com")]);
        assert_eq!(added_by(&event, None, at(9)), added, "also without a record");
        assert_eq!(
            added_by(&event, None, at(2))[0].created_at,
            at(2),
            "no time is in the future"
        );
        for other in [record(0, at(1)), record(1, at(2))] {
            assert_eq!(
                added_by(&event, Some(&other), at(9)),
                [],
                "of another email with this id"
            );
        }
    }
    assert_eq!(added_by(&event(DeliveryStatus::Delivered, Vec::new()), None, at(9)), []);
}

#[test]
fn a_shared_complaint_suppresses_for_a_week() {
    let mut event = event(
        DeliveryStatus::Complained,
        vec![address("a@example.com"), address("b@example.com")],
    );
    event.suspected = true;
    let added = added_by(&event, None, at(9));
    let ends: Vec<_> = added.iter().map(|added| added.until).collect();
    assert_eq!(ends, [Some(at(3 + 7 * 86_400_000)); 2]);
}

#[test]
fn a_listed_address_keeps_its_spelling() {
    let mut event = event(DeliveryStatus::OnAccountList, Vec::new());
    event.on_account_list = vec![address("Ann@example.com")];
    assert_eq!(added_by(&event, None, at(9)), []);
    let listed: [Listed; 1] = listed_by(&event, Some(&record(1, at(1)))).try_into().unwrap();
    let [listed] = listed;
    assert_eq!((listed.address.as_str(), listed.at), ("Ann@example.com", at(3)));
    assert_eq!(
        listed.id(),
        SuppressionId::of(&TenantId::main(), &address("ann@example.com"))
    );
    assert_eq!(
        listed_by(&event, Some(&record(0, at(1)))),
        [],
        "of another email with this id"
    );
}
