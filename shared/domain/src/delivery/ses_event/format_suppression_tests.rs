//! The addresses of an event that a suppression list takes.

use serde_json::{Value, json};

use super::tests::{bounce, complaint, event, status_of_a, suppressed};
use super::*;

#[test]
fn lists_of_ses_never_add_to_ours() {
    let who = json!([{"emailAddress": "A@example.com", "status": "5.1.1"}]);
    for (event, listed) in [
        (bounce("Permanent", "Suppressed", &who), vec![]),
        (
            bounce("Permanent", "OnAccountSuppressionList", &who),
            vec!["a@example.com"],
        ),
        (
            complaint(&json!("OnAccountSuppressionList"), &Value::Null, &who),
            vec!["a@example.com"],
        ),
    ] {
        let read = SesEvent::parse(&event.to_string()).unwrap();
        assert_eq!(read.suppresses, [], "{event}");
        let addresses: Vec<_> = read.on_account_list.iter().map(EmailAddress::as_str).collect();
        assert_eq!(addresses, listed, "{event}");
        assert!(matches!(
            status_of_a(&event),
            DeliveryStatus::OnGlobalList | DeliveryStatus::OnAccountList
        ));
    }
}

#[test]
fn a_quoted_local_part_is_found_without_its_quotes() {
    for named in ["ann..b@example.com", "Ann <\"Ann..B\"@example.com>"] {
        let mut event = bounce("Permanent", "General", &json!([{"emailAddress": named}]));
        event["mail"]["destination"] = json!(["\"ann..b\"@example.com", "b@example.com"]);
        let read = SesEvent::parse(&event.to_string()).unwrap();
        let SesEventKind::DeliveryStatuses(statuses) = &read.kind else {
            panic!("{named}")
        };
        let key = recipient_key("\"ann..b\"@example.com");
        assert_eq!(statuses.get(&key), Some(&DeliveryStatus::Bounced), "{named}");
        let suppressed: Vec<_> = read.suppresses.iter().map(EmailAddress::lower_case).collect();
        assert_eq!(
            suppressed,
            [EmailAddress::parse("\"ann..b\"@example.com").unwrap()],
            "{named}"
        );
    }
}

/// SES does not document in which form its events show a quoted local part.
#[test]
fn each_form_of_a_quoted_local_part_is_found() {
    let ours = "\"a \\\"<b>, c@d\"@example.com";
    let all = [
        ours.to_owned(),
        format!("Ann <{ours}>"),
        "a \\\"<b>, c@d@example.com".to_owned(),
        "A \"<b>, c@d@EXAMPLE.com".to_owned(),
    ];
    for named in &all {
        let mut event = bounce("Permanent", "General", &json!([{"emailAddress": named}]));
        event["mail"]["destination"] = json!([ours, "b@example.com"]);
        let read = SesEvent::parse(&event.to_string()).unwrap();
        assert_eq!(status(&read, ours), Some(DeliveryStatus::Bounced), "{named}");
        assert_eq!(read.suppresses, [EmailAddress::parse(ours).unwrap()], "{named}");
    }
    // Neither text has quotes.
    let mut event = bounce(
        "Permanent",
        "General",
        &json!([{"emailAddress": "two words@example.com"}]),
    );
    event["mail"]["destination"] = json!(["Ann <two words@example.com>", "b@example.com"]);
    let read = SesEvent::parse(&event.to_string()).unwrap();
    let quoted = "\"two words\"@example.com";
    assert_eq!(status(&read, quoted), Some(DeliveryStatus::Bounced));
    assert_eq!(read.suppresses, [EmailAddress::parse(quoted).unwrap()]);
    // Half of an address is none.
    let event = bounce(
        "Permanent",
        "General",
        &json!([{"emailAddress": "Ann <ann@example.com"}]),
    );
    assert_eq!(SesEvent::parse(&event.to_string()).unwrap().suppresses, []);
}

fn status(event: &SesEvent, recipient: &str) -> Option<DeliveryStatus> {
    let SesEventKind::DeliveryStatuses(statuses) = &event.kind else {
        return None;
    };
    statuses.get(&recipient_key(recipient)).copied()
}

#[test]
fn a_simulator_address_is_never_suppressed() {
    let simulated = "bounce+1@simulator.amazonses.com";
    let who = json!([{"emailAddress": simulated}]);
    for mut event in [
        bounce("Permanent", "General", &who),
        bounce("Permanent", "OnAccountSuppressionList", &who),
        complaint(&Value::Null, &json!("abuse"), &who),
    ] {
        event["mail"]["destination"] = json!([simulated]);
        let read = SesEvent::parse(&event.to_string()).unwrap();
        assert_eq!((read.suppresses, read.on_account_list), (vec![], vec![]), "{event}");
    }
}

/// The record and the caller know only the test address.
#[test]
fn an_event_of_a_test_address_names_that_address() {
    let simulated = "bounce+resend.dev+Order-1@simulator.amazonses.com";
    let who = json!([{"emailAddress": simulated, "diagnosticCode": "smtp; 550"}]);
    let mut event = bounce("Permanent", "General", &who);
    event["mail"]["destination"] = json!([simulated, "Ann <ann@example.com>"]);
    let read = SesEvent::parse(&event.to_string()).unwrap();
    let key = recipient_key("bounced+order-1@resend.dev");
    let bounced = [(key.clone(), DeliveryStatus::Bounced)].into();
    assert_eq!(read.kind, SesEventKind::DeliveryStatuses(bounced));
    assert_eq!(read.message_about(&key), "smtp; 550");
    assert_eq!(read.suppresses, []);
}

#[test]
fn only_bounces_and_complaints_suppress() {
    let time = "2026-11-24T09:30:01.000Z";
    let who =
        json!([{"emailAddress": "Ann <Ann@EXAMPLE.com>", "diagnosticCode": "smtp; 4.0.0"}, {"emailAddress": "nobody"}]);
    let bounce =
        |kind, sub| json!({"timestamp": time, "bounceType": kind, "bounceSubType": sub, "bouncedRecipients": who});
    let complaint = |sub: Value, kind: Value| json!({"timestamp": time, "complaintSubType": sub, "complaintFeedbackType": kind, "complainedRecipients": who});
    for (event_type, part, content, suppresses) in [
        ("Bounce", "bounce", bounce("Permanent", "General"), true),
        ("Bounce", "bounce", bounce("Permanent", "NoEmail"), true),
        ("Bounce", "bounce", bounce("Permanent", "Suppressed"), false),
        ("Bounce", "bounce", bounce("Transient", "General"), false),
        ("Bounce", "bounce", bounce("Transient", "MailboxFull"), false),
        ("Bounce", "bounce", bounce("Undetermined", "Undetermined"), false),
        ("Complaint", "complaint", complaint(Value::Null, Value::Null), true),
        ("Complaint", "complaint", complaint(Value::Null, json!("abuse")), true),
        (
            "Complaint",
            "complaint",
            complaint(json!("OnAccountSuppressionList"), Value::Null),
            false,
        ),
        (
            "Complaint",
            "complaint",
            complaint(Value::Null, json!("not-spam")),
            false,
        ),
        (
            "Complaint",
            "complaint",
            complaint(Value::Null, json!("auth-failure")),
            false,
        ),
        (
            "DeliveryDelay",
            "deliveryDelay",
            json!({"timestamp": time, "delayedRecipients": who}),
            false,
        ),
        ("Reject", "reject", json!({"reason": "Bad content"}), false),
        (
            "Delivery",
            "delivery",
            json!({"timestamp": time, "recipients": ["a@example.com"]}),
            false,
        ),
        ("Send", "send", json!({}), false),
    ] {
        let event = event(event_type, part, content);
        let expected = if suppresses { vec!["Ann@example.com"] } else { vec![] };
        assert_eq!(suppressed(&event), expected, "{event}");
    }
}
