//! The comparison of events, over invented tables and requests.

use serde_json::json;

use super::*;

const BORN: &str = "1764000000000";
const ADDRESS: &str = "ann@example.com";

fn request(id: &str, kind: &str, email: &str, created_at: &str) -> Received {
    let data = json!({"email_id": email, "to": [format!("Ann <{ADDRESS}>")]});
    let body = json!({"type": kind, "created_at": created_at, "data": data});
    let header = Header {
        name: "webhook-id".to_owned(),
        value: id.to_owned(),
    };
    Received {
        headers: vec![header],
        body: body.to_string(),
        verified: true,
    }
}

/// A scheduled email that was sent.
fn email() -> HookedEmail {
    HookedEmail {
        tenant: "main".to_owned(),
        id: "a".to_owned(),
        born: BORN.to_owned(),
        status: "sent".to_owned(),
        recipients: vec![key_of(ADDRESS)],
        claim: "1".to_owned(),
        sent_by: "1".to_owned(),
        turn: "0".to_owned(),
        scheduled_at: "1764000009000".to_owned(),
        ..HookedEmail::default()
    }
}

fn id(kind: &str, number: &str) -> String {
    ids::id_of(["main", "a", BORN, kind, &key_of(ADDRESS), number])
}

fn scheduled() -> Received {
    request(&id("email.scheduled", "schedule:0"), "email.scheduled", "a", "1")
}

fn sent() -> Received {
    request(&id("email.sent", "claim:1"), "email.sent", "a", "2")
}

fn implied(emails: &[HookedEmail]) -> Vec<Implied> {
    let each = emails.iter().flat_map(|email| {
        let implied = |id| Implied {
            email: email.id.clone(),
            id,
        };
        email.ids().into_iter().map(implied)
    });
    each.collect()
}

fn defects(emails: &[HookedEmail], implied: &[Implied], received: &[Received]) -> Vec<Defect> {
    let mut verdict = Verdict::default();
    compare_events(&mut verdict, emails, implied, received);
    assert_eq!(verdict.untold, verdict.findings.len());
    verdict.findings.into_iter().map(|(_, defect)| defect).collect()
}

fn verdict(received: &[Received]) -> Vec<Defect> {
    let emails = [email()];
    defects(&emails, &implied(&emails), received)
}

#[test]
fn the_exact_set_of_ids_is_good() {
    assert_eq!(verdict(&[scheduled(), sent(), sent()]), []);
    assert_eq!(defects(&[], &[], &[]), []);
}

#[test]
fn each_missing_id_is_found() {
    assert_eq!(verdict(&[scheduled()]), [Defect::NotTold]);
    assert_eq!(verdict(&[sent()]), [Defect::NotTold], "a schedule");
    assert_eq!(verdict(&[]), [Defect::NotTold, Defect::NotTold]);
}

/// The right type and recipient do not suffice: a receiver would count a repetition twice.
#[test]
fn another_id_for_the_same_fact_is_found() {
    let other = request(&id("email.sent", "claim:2"), "email.sent", "a", "2");
    assert_eq!(
        verdict(&[scheduled(), other.clone()]),
        [Defect::NotTold, Defect::ToldFalsely]
    );
    assert_eq!(verdict(&[scheduled(), sent(), other]), [Defect::ToldTwice]);
    let later = request(&id("email.sent", "claim:2"), "email.sent", "a", "3");
    assert_eq!(verdict(&[scheduled(), sent(), later]), [Defect::ToldFalsely]);
}

#[test]
fn an_id_with_two_bodies_is_found() {
    let other = request(&id("email.sent", "claim:1"), "email.sent", "a", "3");
    assert_eq!(verdict(&[scheduled(), sent(), other]), [Defect::ToldTwice]);
}

#[test]
fn an_event_that_the_table_does_not_imply_is_found() {
    let none: [Received; 2] = [scheduled(), sent()];
    assert_eq!(defects(&[], &[], &none), [Defect::ToldFalsely, Defect::ToldFalsely]);
    let queued = [HookedEmail {
        status: "queued".to_owned(),
        ..email()
    }];
    assert_eq!(defects(&queued, &implied(&queued), &none), [Defect::ToldFalsely]);
    let forged = Received {
        verified: false,
        ..sent()
    };
    assert_eq!(verdict(&[scheduled(), forged]), [Defect::ToldFalsely]);
}

/// One of them is wrong, whichever was told.
#[test]
fn two_computations_that_differ_are_a_defect() {
    let emails = [email()];
    let only_sent: Vec<Implied> = implied(&emails)
        .into_iter()
        .filter(|one| one.id == id("email.sent", "claim:1"))
        .collect();
    assert_eq!(
        defects(&emails, &only_sent, &[scheduled(), sent()]),
        [Defect::ToldFalsely]
    );
    assert_eq!(defects(&emails, &only_sent, &[sent()]), [Defect::NotTold]);
    let all = implied(&emails);
    assert_eq!(
        defects(&[], &all, &[scheduled(), sent()]),
        [Defect::ToldFalsely, Defect::ToldFalsely]
    );
}

#[test]
fn events_are_counted_once_by_type() {
    let emails = [email()];
    let mut verdict = Verdict::default();
    compare_events(&mut verdict, &emails, &implied(&emails), &[scheduled(), sent(), sent()]);
    let expected = ["email.scheduled", "email.sent"].map(|kind| (kind.to_owned(), 1));
    assert_eq!((verdict.events, verdict.events_by_type), (2, expected.into()));
}
