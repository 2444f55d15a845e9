//! The ids of invented records and facts.

use super::*;

const BORN: &str = "1764000000000";
const ANN: &str = "0123456789ab";
const BOB: &str = "ba9876543210";

fn email() -> HookedEmail {
    HookedEmail {
        tenant: "main".to_owned(),
        id: "01010101-0101-4101-8101-010101010101".to_owned(),
        born: BORN.to_owned(),
        status: "queued".to_owned(),
        recipients: vec![ANN.to_owned(), BOB.to_owned()],
        claim: "2".to_owned(),
        sent_by: "1".to_owned(),
        turn: "0".to_owned(),
        ..HookedEmail::default()
    }
}

fn id(kind: &str, recipient: &str, number: &str) -> String {
    id_of(["main", &email().id, BORN, kind, recipient, number])
}

fn for_both(kind: &str, number: &str) -> Vec<String> {
    vec![id(kind, ANN, number), id(kind, BOB, number)]
}

/// As receivers have it: the vector of `shared/domain/src/webhook/identity.rs`.
#[test]
fn an_id_is_the_one_of_the_product() {
    let key = domain::delivery::hook::RecipientKey::of("ann@example.com").to_string();
    let email = domain::id::EmailId::from_random([1; 16]).to_string();
    let id = id_of(["main", &email, BORN, "email.sent", &key, "claim:1"]);
    assert_eq!(id, "msg_HeEBPagwU7jg96adA5nN359ICQn");
}

#[test]
fn each_status_implies_its_events() {
    let ids = |status: &str, cause: &str| {
        let (status, cause) = (status.to_owned(), cause.to_owned());
        HookedEmail {
            status,
            cause,
            ..email()
        }
        .ids()
    };
    assert_eq!(ids("queued", ""), Vec::<String>::new());
    assert_eq!(ids("sending", ""), Vec::<String>::new());
    assert_eq!(ids("sent", ""), for_both("email.sent", "claim:1"));
    assert_eq!(ids("failed", "rejected"), for_both("email.failed", "end:2:0"));
    assert_eq!(ids("unknown", ""), for_both("email.failed", "end:2:0"));
    assert_eq!(ids("failed", "suppressed"), for_both("email.suppressed", "end:2:0"));
    assert_eq!(ids("canceled", ""), for_both("email.canceled", "end:2:0"));
    assert_eq!(ids("expired", ""), for_both("email.expired", "end:2:0"));
}

/// A delivery status does not tell it: a late event of another claim replaces it.
#[test]
fn only_the_accepted_claim_leaves_out() {
    let left_out = |claim: &str| {
        HookedEmail {
            status: "sent".to_owned(),
            left_out: vec![(claim.to_owned(), BOB.to_owned())],
            ..email()
        }
        .ids()
    };
    let expected = [id("email.sent", ANN, "claim:1"), id("email.suppressed", BOB, "claim:1")];
    assert_eq!(left_out("1"), expected);
    assert_eq!(left_out("2"), for_both("email.sent", "claim:1"));
}

#[test]
fn schedules_and_overwritten_facts_are_implied() {
    let scheduled = |scheduled_at: &str, rescheduled: &str, past: &[&str]| {
        HookedEmail {
            scheduled_at: scheduled_at.to_owned(),
            rescheduled: rescheduled.to_owned(),
            past: past.iter().map(|&fact| fact.to_owned()).collect(),
            ..email()
        }
        .ids()
    };
    assert_eq!(scheduled(BORN, "", &[]), Vec::<String>::new(), "at once");
    let first = for_both("email.scheduled", "schedule:0");
    assert_eq!(scheduled("1764000000001", "", &[]), first);
    let second = for_both("email.scheduled", "schedule:1");
    let past = ["scheduled 1764000000000 0 1764000000001"];
    assert_eq!(
        scheduled("1764000000002", "1 1764000000001", &past),
        [second, first].concat()
    );
    let ended = for_both("email.failed", "end:3:1");
    assert_eq!(scheduled("", "", &["failed 1764000000009 1 3 throttled"]), ended);
}

#[test]
fn facts_of_ses_are_implied_by_time_and_number() {
    let with = |json: &str, recipients: &[&str]| {
        HookedEmail {
            recipients: recipients.iter().map(|&key| key.to_owned()).collect(),
            facts: [BORN, "1"]
                .map(|born| HookedFact {
                    number: "00ff".to_owned(),
                    born: born.to_owned(),
                    json: json.to_owned(),
                })
                .to_vec(),
            ..email()
        }
        .ids()
    };
    let json = format!(
        r#"{{"v":1,"at":5,"kind":"recipients","recipients":[{{"key":"{ANN}","status":"delivered","words":""}},
        {{"key":"{BOB}","status":"suppressed","words":""}}]}}"#
    );
    assert_eq!(with(&json, &[ANN, BOB]), [id("email.delivered", ANN, "at:5")]);
    let opened = r#"{"v":1,"at":5,"kind":"opened"}"#;
    assert_eq!(with(opened, &[ANN]), [id("email.opened", "", "fact:00ff")]);
    assert_eq!(with(opened, &[ANN, BOB]), [id("email.opened", "", "fact:00ff")]);
    assert_eq!(with("not JSON", &[ANN]), Vec::<String>::new());
}
