use std::collections::BTreeMap;

use super::*;
use crate::row::BodyPlace;
use crate::row::BodyRef;

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

#[test]
fn what_is_added_where_something_is_stored() {
    let suppressed = Entry::Suppressed(suppression(Origin::Bounce, 5));
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
        assert_eq!(stored.takes(&new), expected, "{stored:?} {origin:?} {millis}");
    }
}

#[test]
fn an_address_is_the_same_in_any_case_and_spelling_of_its_domain_and_in_no_other() {
    let main = TenantId::main();
    let id = SuppressionId::of(&main, &address("ann@xn--exmple-cua.com"));
    for same in ["Ann@exämple.com", "ANN@EXÄMPLE.COM", "ann@XN--EXMPLE-CUA.com"] {
        assert_eq!(SuppressionId::of(&main, &address(same)), id, "{same}");
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

/// Ids are given to callers, and marks are stored: neither may change.
#[test]
fn an_id_and_its_mark_stay_what_they_are() {
    let id = SuppressionId::of(&TenantId::main(), &address("ann@example.com"));
    assert_eq!(id.to_string(), "d592d4b9-0d8e-89e0-a2ff-febbe05311a0");
    let text = id.to_string().to_uppercase();
    assert_eq!(SuppressionId::parse(&text), Some(id));
    let mark: String = id.mark().0.iter().map(|byte| format!("{byte:02x}")).collect();
    assert_eq!(id.to_string().replace('-', "")[16..], mark);
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
fn marks_fit_what_was_added_until_there_are_too_many() {
    let id = |n: usize| SuppressionId::of(&TenantId::main(), &address(&format!("a{n}@example.com")));
    let mut marks = Marks::default();
    for n in 0..limits::SUPPRESSED_MARKS {
        marks = marks.with(id(n).mark());
    }
    assert!(marks.fit(id(0)) && !marks.fit(id(limits::SUPPRESSED_MARKS)));
    assert!(!marks.clone().without(id(0).mark()).fit(id(0)));
    let too_many = marks.with(id(limits::SUPPRESSED_MARKS).mark());
    assert_eq!(too_many, Marks::TooMany);
    assert_eq!(too_many.clone().with(id(1).mark()), Marks::TooMany);
    assert_eq!(too_many.clone().without(id(1).mark()), Marks::TooMany);
    assert!(too_many.fit(id(9_999)));
}

#[test]
fn an_origin_has_one_name() {
    for origin in Origin::ALL {
        assert_eq!(serde_json::to_value(origin).unwrap(), origin.as_str());
        assert_eq!(Origin::parse(origin.as_str()), Some(origin));
    }
    for bad in ["", "Bounce", "spam"] {
        assert_eq!(Origin::parse(bad), None, "{bad}");
    }
}

fn event(fate: Fate, suppresses: Vec<EmailAddress>) -> SesEvent {
    SesEvent {
        tenant: TenantId::main(),
        id: EmailId::from_random([1; 16]),
        claim_no: 1,
        born: at(1),
        message_id: "m".to_owned(),
        accepted_at: at(2),
        at: at(3),
        said: Said::Fates {
            recipients: Vec::new(),
            fate,
        },
        suppresses,
        diagnostics: BTreeMap::new(),
    }
}

fn row(claim_no: u32, born: Timestamp) -> Row {
    let body = BodyRef {
        sha256: String::new(),
        place: BodyPlace::Table,
        bytes: 1,
    };
    let id = EmailId::from_random([1; 16]);
    Row {
        claim_no,
        ..Row::new(TenantId::main(), id, body, 1, born)
    }
}

#[test]
fn an_event_adds_its_addresses_with_its_time_and_email() {
    for (fate, origin) in [(Fate::Bounced, Origin::Bounce), (Fate::Complained, Origin::Complaint)] {
        let event = event(fate, vec![address("Ann@example.com"), address("b@example.com")]);
        let added = added_by(&event, Some(&row(1, at(1))), at(9));
        let expected = |text| Suppression {
            tenant: TenantId::main(),
            address: address(text),
            origin,
            source: Some(event.id),
            created_at: at(3),
        };
        assert_eq!(added, [expected("ann@example.com"), expected("b@example.com")]);
        assert_eq!(added_by(&event, None, at(9)), added, "also when the row is gone");
        assert_eq!(
            added_by(&event, None, at(2))[0].created_at,
            at(2),
            "nothing is of the future"
        );
        for other in [row(0, at(1)), row(1, at(2))] {
            assert_eq!(added_by(&event, Some(&other), at(9)), [], "of another life of the id");
        }
    }
    assert_eq!(added_by(&event(Fate::Delivered, Vec::new()), None, at(9)), []);
}
