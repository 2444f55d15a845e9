use std::collections::BTreeMap;

use super::*;
use crate::delivery::history::Fact;
use crate::delivery::ses_event::SesDetails;
use crate::id::{EmailId, TenantId};

fn at(millis: i64) -> Timestamp {
    Timestamp::from_millis(millis)
}

fn event(kind: SesEventKind) -> SesEvent {
    SesEvent {
        tenant: TenantId::main(),
        id: EmailId::from_random([1; 16]),
        claim_no: 2,
        born: at(1),
        message_id: "0100-x".to_owned(),
        accepted_at: at(2),
        at: at(1_764_000_000_000),
        kind,
        suppresses: Vec::new(),
        suspected: false,
        on_account_list: Vec::new(),
        diagnostics: BTreeMap::new(),
        details: SesDetails::default(),
    }
}

fn key(address: &str) -> String {
    RecipientKey::of(address).to_string()
}

fn status(address: &str, status: DeliveryStatus) -> SesEvent {
    event(SesEventKind::DeliveryStatuses(BTreeMap::from([(key(address), status)])))
}

fn clicked(link: &str, ip: &str, agent: &str) -> SesEvent {
    let mut event = event(SesEventKind::Clicked);
    event.details.link = Some(link.to_owned());
    event.details.agent = Agent {
        ip_address: ip.to_owned(),
        user_agent: agent.to_owned(),
    };
    event
}

fn number(event: &SesEvent) -> FactNumber {
    EmailFact::of(event).unwrap().number()
}

#[test]
fn only_delivery_statuses_openings_and_clicks_are_facts() {
    let reported = SesEventKind::Reported {
        recipients: [key("a@x.example")].into(),
        fact: Fact::NotSpam,
    };
    for kind in [
        SesEventKind::Accepted,
        reported,
        SesEventKind::DeliveryStatuses(BTreeMap::new()),
    ] {
        assert_eq!(EmailFact::of(&event(kind)), None);
    }
    for event in [
        event(SesEventKind::Opened),
        clicked("https://x.example", "", ""),
        status("a@x.example", DeliveryStatus::Delivered),
    ] {
        assert!(EmailFact::of(&event).is_some());
    }
}

/// SQS and SNS deliver an event more than once.
#[test]
fn a_repeated_event_is_the_same_fact() {
    let first = status("a@x.example", DeliveryStatus::Delivered);
    assert_eq!(number(&first), number(&first.clone()));
    let words = SesEvent {
        diagnostics: BTreeMap::from([(key("a@x.example"), "250 OK".to_owned())]),
        suspected: true,
        message_id: "other".to_owned(),
        ..first.clone()
    };
    assert_eq!(number(&words), number(&first), "these parts may get another form");
}

#[test]
fn two_events_are_two_facts() {
    let delivered = status("a@x.example", DeliveryStatus::Delivered);
    let agents = [
        clicked("https://x.example/1", "192.0.2.1", "A"),
        clicked("https://x.example/2", "192.0.2.1", "A"),
        clicked("https://x.example/1", "192.0.2.2", "A"),
        clicked("https://x.example/1", "192.0.2.1", "B"),
    ];
    let events = [
        delivered.clone(),
        status("b@x.example", DeliveryStatus::Delivered),
        status("a@x.example", DeliveryStatus::Bounced),
        SesEvent {
            at: at(5),
            ..delivered.clone()
        },
        SesEvent {
            claim_no: 3,
            ..delivered
        },
        event(SesEventKind::Opened),
    ];
    let all: Vec<_> = events.iter().chain(&agents).map(number).collect();
    let distinct: std::collections::BTreeSet<_> = all.iter().collect();
    assert_eq!(distinct.len(), all.len());
}

/// The items of facts are found by these numbers again.
#[test]
fn a_number_stays_the_same_in_every_version() {
    let numbers = [
        status("ann@example.com", DeliveryStatus::Delivered),
        clicked("https://x.example/1", "192.0.2.1", "A"),
    ];
    let numbers = numbers.map(|event| number(&event).to_string());
    assert_eq!(numbers, ["4e4e3e2d476a1744", "e387387bf6e6e76e"]);
}

#[test]
fn a_fact_is_read_as_it_was_written() {
    let mut bounced = status("a@x.example", DeliveryStatus::Bounced);
    bounced.details.bounce = Some(BounceType {
        bounce_type: "Permanent".to_owned(),
        sub_type: "General".to_owned(),
    });
    for event in [
        bounced,
        status("a@x.example", DeliveryStatus::Complained),
        event(SesEventKind::Opened),
        clicked("https://x.example", "192.0.2.1", "A"),
    ] {
        let fact = EmailFact::of(&event).unwrap();
        let json = fact.to_json().unwrap();
        assert_eq!(EmailFact::from_json(&json), Some(fact), "{json}");
        assert_eq!(EmailFact::from_json(&json.replace("\"v\":1", "\"v\":2")), None, "newer");
    }
    for bad in ["", "{}", "[]"] {
        assert_eq!(EmailFact::from_json(bad), None, "{bad}");
    }
    let odd = EmailFact::of(&event(SesEventKind::DeliveryStatuses(BTreeMap::from([(
        "no key".to_owned(),
        DeliveryStatus::Delivered,
    )]))));
    assert_eq!(EmailFact::from_json(&odd.unwrap().to_json().unwrap()), None);
}

#[test]
fn a_fact_has_a_bounded_size() {
    let long = "x".repeat(10_000);
    let click = EmailFact::of(&clicked(&long, &long, &long)).unwrap();
    assert!(click.to_json().unwrap().len() < 3_000);
    let statuses = (0..50).map(|index| (key(&format!("{index}@x.example")), DeliveryStatus::Bounced));
    let statuses: BTreeMap<_, _> = statuses.collect();
    let many = SesEvent {
        diagnostics: statuses.keys().map(|key| (key.clone(), long.clone())).collect(),
        ..event(SesEventKind::DeliveryStatuses(statuses))
    };
    assert!(EmailFact::of(&many).unwrap().to_json().unwrap().len() < 6_000);
    let one = SesEvent {
        diagnostics: BTreeMap::from([(key("a@x.example"), long)]),
        ..status("a@x.example", DeliveryStatus::Bounced)
    };
    assert!(
        EmailFact::of(&one).unwrap().to_json().unwrap().len() < 800,
        "one write unit"
    );
}
