//! The events of each outcome, in the shapes of SES.

use super::*;
use crate::faults::RequestedEvent;
use crate::mailbox::Submission;
use crate::outcome;
use crate::suppression::{Reasons, SuppressionList};

const SENDER: Sender<'_> = Sender {
    region: "us-east-1",
    account_id: "000000000000",
};

fn message(to: &[&str]) -> Message {
    Message {
        id: "0100-x-000000".to_owned(),
        received_at: "2026-11-24T03:00:00.000Z".to_owned(),
        submission: Submission {
            from: "Ann <ann@example.com>".to_owned(),
            to: to.iter().map(|&to| to.to_owned()).collect(),
            cc: vec![],
            bcc: vec![],
            reply_to: vec![],
            subject: "Hi".to_owned(),
            text: None,
            html: None,
            headers: vec![pair("X-Email-Id", "7")],
            tags: vec![pair("mq_id", "7")],
            attachments: vec![],
            configuration_set: Some("set".to_owned()),
            tenant: None,
            raw: None,
        },
    }
}

fn events(message: &Message, faults: &Value, list: &mut SuppressionList) -> Vec<Value> {
    let requested: Vec<RequestedEvent> = faults
        .as_array()
        .unwrap()
        .iter()
        .map(|fault| serde_json::from_value::<crate::faults::Fault>(fault.clone()).unwrap())
        .map(|fault| RequestedEvent {
            kind: fault.kind,
            to: fault.to,
            details: fault.event,
        })
        .collect();
    let outcomes = outcome::of(message, &requested, list);
    of(message, &outcomes, &SENDER)
}

fn kinds_of(events: &[Value]) -> Vec<&str> {
    events
        .iter()
        .map(|event| event["eventType"].as_str().unwrap())
        .collect()
}

fn after(to: &[&str], faults: &Value) -> Vec<Value> {
    events(&message(to), faults, &mut SuppressionList::default())
}

fn kinds(to: &[&str]) -> Vec<String> {
    let events = after(to, &json!([]));
    kinds_of(&events).into_iter().map(str::to_owned).collect()
}

#[test]
fn each_simulator_address_has_its_documented_events() {
    for (name, expected) in [
        ("success", &["Send", "Delivery"][..]),
        ("bounce", &["Send", "Bounce"]),
        ("complaint+label", &["Send", "Delivery", "Complaint"]),
        ("suppressionlist", &["Send", "Bounce"]),
        ("ooto", &["Send", "Delivery", "Bounce"]),
    ] {
        assert_eq!(kinds(&[&format!("{name}@simulator.amazonses.com")]), expected, "{name}");
    }
    assert_eq!(
        kinds(&["bounce@example.com", "Bob <b@example.com>"]),
        ["Send", "Delivery", "Delivery"]
    );
}

#[test]
fn events_have_the_shapes_of_ses() {
    let events = after(&["B <bounce+1@simulator.amazonses.com>", "c@example.com"], &json!([]));
    let mail = &events[0]["mail"];
    assert_eq!(events[0]["send"], json!({}));
    assert_eq!(mail["source"], "Ann <ann@example.com>");
    assert_eq!(
        mail["destination"],
        json!(["bounce+1@simulator.amazonses.com", "c@example.com"])
    );
    assert_eq!(mail["tags"]["mq_id"], json!(["7"]));
    assert_eq!(mail["tags"]["ses:configuration-set"], json!(["set"]));
    assert_eq!(mail["commonHeaders"]["subject"], "Hi");
    assert_eq!(mail["headersTruncated"], false);
    assert_eq!(mail["headers"][3], json!({"name": "X-Email-Id", "value": "7"}));
    let bounce = &events[1]["bounce"];
    assert_eq!(
        (bounce["bounceType"].as_str(), bounce["bounceSubType"].as_str()),
        (Some("Permanent"), Some("General"))
    );
    assert_eq!(
        bounce["bouncedRecipients"][0]["emailAddress"],
        "bounce+1@simulator.amazonses.com"
    );
    assert_eq!(bounce["bouncedRecipients"][0]["status"], "5.1.1");
    assert_eq!(events[2]["delivery"]["recipients"], json!(["c@example.com"]));
}

#[test]
fn long_headers_are_cut_and_no_set_means_no_events() {
    let mut big = message(&["a@example.com"]);
    big.submission.headers = vec![pair("X-Big", &"x".repeat(11_000))];
    let big_events = |big: &Message| events(big, &json!([]), &mut SuppressionList::default());
    assert_eq!(big_events(&big)[0]["mail"]["headersTruncated"], true);
    big.submission.configuration_set = None;
    assert!(big_events(&big).is_empty());
}

#[test]
fn a_fault_can_produce_every_kind_of_event() {
    for (kind, expected, sub_type) in [
        ("bounce", &["Send", "Bounce"][..], json!("General")),
        ("late_bounce", &["Send", "Delivery", "Bounce"], json!("General")),
        ("soft_bounce", &["Send", "Bounce"], json!("MailboxFull")),
        ("absence", &["Send", "Delivery", "Bounce"], json!("General")),
        ("complaint", &["Send", "Delivery", "Complaint"], Value::Null),
        ("not_spam", &["Send", "Delivery", "Complaint"], Value::Null),
    ] {
        let events = after(&["ann@example.com"], &json!([{"kind": kind, "to": "ann"}]));
        assert_eq!(kinds_of(&events), expected, "{kind}");
        assert_eq!(events.last().unwrap()["bounce"]["bounceSubType"], sub_type, "{kind}");
    }
}

#[test]
fn an_event_carries_the_details_of_its_fault() {
    let fault = json!([{"kind": "soft_bounce", "event":
        {"after_delivery": true, "sub_type": "General", "status": "5.1.1", "names": "Ann <{}>"}}]);
    let events = after(&["ann@example.com"], &fault);
    assert_eq!(kinds_of(&events), ["Send", "Delivery", "Bounce"]);
    let bounce = &events[2]["bounce"];
    assert_eq!(
        (&bounce["bounceType"], &bounce["bounceSubType"]),
        (&json!("Transient"), &json!("General"))
    );
    assert_eq!(bounce["bouncedRecipients"][0]["emailAddress"], "Ann <ann@example.com>");
    assert_eq!(bounce["bouncedRecipients"][0]["status"], "5.1.1");
}

#[test]
fn a_bounce_may_lack_diagnostic_and_recipients() {
    let event = json!({"bounce_type": "Undetermined", "sub_type": "Undetermined", "status": "", "words": ""});
    let fault = json!([{"kind": "soft_bounce", "event": event}]);
    let bounce = &after(&["ann@example.com"], &fault)[1]["bounce"];
    assert_eq!(bounce["bounceType"], "Undetermined");
    assert_eq!(bounce["bounceSubType"], "Undetermined");
    assert_eq!(
        bounce["bouncedRecipients"],
        json!([{"emailAddress": "ann@example.com"}])
    );

    let fault = json!([{"kind": "absence", "event": {"no_recipients": true}}]);
    let events = after(&["ann@example.com"], &fault);
    assert_eq!(events.last().unwrap()["bounce"]["bouncedRecipients"], json!([]));
}

#[test]
fn a_complaint_names_all_possible_complainants() {
    let events = after(
        &["ann@example.com", "bob@example.com", "carl@other.example"],
        &json!([{"kind": "complaint", "to": "@example.com", "event": {"feedback_type": "fraud"}}]),
    );
    assert_eq!(
        kinds_of(&events),
        ["Send", "Delivery", "Delivery", "Delivery", "Complaint"]
    );
    let complaint = &events[4]["complaint"];
    assert_eq!(complaint["complaintFeedbackType"], "fraud");
    assert_eq!(complaint["complainedRecipients"].as_array().unwrap().len(), 2);
}

#[test]
fn a_listed_address_is_accepted_and_bounces() {
    let mut list = SuppressionList::default();
    let (message, bounce) = (message(&["Ann <ann@example.com>"]), json!([{"kind": "bounce"}]));
    assert_eq!(kinds_of(&events(&message, &bounce, &mut list)), ["Send", "Bounce"]);
    assert_eq!(list.addresses(), ["ann@example.com"]);
    let again = events(&message, &json!([]), &mut list);
    assert_eq!(again[1]["bounce"]["bounceSubType"], "OnAccountSuppressionList");
    assert!(list.remove("ann@example.com"));
    assert_eq!(kinds_of(&events(&message, &json!([]), &mut list)), ["Send", "Delivery"]);
    // The configuration set's empty list switches listing off.
    list.set_configuration_set(Some(Reasons::new()));
    events(&message, &bounce, &mut list);
    assert!(list.addresses().is_empty());
}
