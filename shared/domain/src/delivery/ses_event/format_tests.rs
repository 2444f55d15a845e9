use serde_json::{Value, json};

use super::*;

pub(super) fn event(event_type: &str, part: &str, content: Value) -> Value {
    let mut event = json!({
        "eventType": event_type,
        "mail": {
            "timestamp": "2026-11-24T09:30:00.123Z",
            "messageId": "0100-0001",
            "destination": ["a@example.com", "b@example.com"],
            "tags": {
                "mq_tenant": ["main"],
                "mq_id": ["00000000-0000-4000-8000-000000000000"],
                "mq_claim": ["3"],
                "mq_born": ["1000"],
                "ses:operation": ["SendEmail"]
            }
        }
    });
    event[part] = content;
    event
}

fn said(event: &Value) -> SesEventKind {
    SesEvent::parse(&event.to_string()).unwrap().kind
}

pub(super) fn status_of_a(event: &Value) -> DeliveryStatus {
    match said(event) {
        SesEventKind::DeliveryStatuses(delivery_statuses) => delivery_statuses[&recipient_key("a@example.com")],
        other @ (SesEventKind::Accepted
        | SesEventKind::Reported { .. }
        | SesEventKind::Opened
        | SesEventKind::Clicked) => panic!("{other:?}"),
    }
}

pub(super) fn bounce(kind: &str, sub_type: &str, recipients: &Value) -> Value {
    let time = "2026-11-24T09:30:01.000Z";
    let content =
        json!({"timestamp": time, "bounceType": kind, "bounceSubType": sub_type, "bouncedRecipients": recipients});
    event("Bounce", "bounce", content)
}

pub(super) fn complaint(sub_type: &Value, feedback_type: &Value, recipients: &Value) -> Value {
    let content = json!({"timestamp": "2026-11-24T09:30:01.000Z", "complaintSubType": sub_type,
        "complaintFeedbackType": feedback_type, "complainedRecipients": recipients});
    event("Complaint", "complaint", content)
}

/// The addresses that an event suppresses.
pub(super) fn suppressed(event: &Value) -> Vec<String> {
    let event = SesEvent::parse(&event.to_string()).unwrap();
    event.suppresses.iter().map(ToString::to_string).collect()
}

#[test]
fn a_bounce_has_one_of_three_kinds() {
    let silent = json!([{"emailAddress": "a@example.com"}]);
    let with = |name: &str, value: &str| {
        let mut who = silent.clone();
        who[0][name] = json!(value);
        who
    };
    let status = |status| with("status", status);
    let words = with("diagnosticCode", "smtp; 452 4.2.2 full");
    for (kind, sub_type, who, delivery_status) in [
        ("Permanent", "General", silent.clone(), DeliveryStatus::Bounced),
        ("Permanent", "NoEmail", status("5.1.1"), DeliveryStatus::Bounced),
        ("Permanent", "Suppressed", status("5.1.1"), DeliveryStatus::OnGlobalList),
        (
            "Permanent",
            "OnAccountSuppressionList",
            status("5.1.1"),
            DeliveryStatus::OnAccountList,
        ),
        (
            "Permanent",
            "OnTenantSuppressionList",
            status("5.1.1"),
            DeliveryStatus::OnGlobalList,
        ),
        ("Transient", "General", silent.clone(), DeliveryStatus::Absence),
        ("Undetermined", "Undetermined", silent.clone(), DeliveryStatus::Absence),
        (
            "Transient",
            "General",
            with("diagnosticCode", " "),
            DeliveryStatus::Absence,
        ),
        ("Transient", "General", status(""), DeliveryStatus::Absence),
        ("Transient", "General", words.clone(), DeliveryStatus::SoftBounced),
        ("Transient", "General", status("4.2.2"), DeliveryStatus::SoftBounced),
        ("Undetermined", "Undetermined", words, DeliveryStatus::SoftBounced),
        ("Transient", "MailboxFull", silent.clone(), DeliveryStatus::SoftBounced),
        ("Transient", "General", status("5.1.1"), DeliveryStatus::Bounced),
        ("Transient", "General", status("5.1.3"), DeliveryStatus::Bounced),
        ("Transient", "MailboxFull", status("5.1.6"), DeliveryStatus::Bounced),
        (
            "Undetermined",
            "Undetermined",
            status("5.1.10 (null MX)"),
            DeliveryStatus::Bounced,
        ),
        ("Transient", "General", status("5.1.2"), DeliveryStatus::SoftBounced),
        ("Transient", "General", status("5.1.11"), DeliveryStatus::SoftBounced),
    ] {
        let event = bounce(kind, sub_type, &who);
        assert_eq!(status_of_a(&event), delivery_status, "{event}");
    }
    for none in [json!([]), Value::Null] {
        let mut event = bounce("Undetermined", "Undetermined", &none);
        if none.is_null() {
            event["bounce"].as_object_mut().unwrap().remove("bouncedRecipients");
        }
        assert_eq!(said(&event), SesEventKind::DeliveryStatuses(BTreeMap::new()), "{event}");
    }
}

#[test]
fn bounced_recipients_have_their_own_status() {
    let who = json!([
        {"emailAddress": "a@example.com", "status": "5.1.1"},
        {"emailAddress": "b@example.com", "status": "4.2.2"},
    ]);
    let event = bounce("Transient", "General", &who);
    let expected = [
        ("a@example.com", DeliveryStatus::Bounced),
        ("b@example.com", DeliveryStatus::SoftBounced),
    ];
    let expected = expected.map(|(address, delivery_status)| (recipient_key(address), delivery_status));
    assert_eq!(said(&event), SesEventKind::DeliveryStatuses(expected.into()));
    assert_eq!(suppressed(&event), ["a@example.com"]);
}

#[test]
fn other_reports_are_no_delivery_status() {
    let who = json!([{"emailAddress": "A <A@example.com>"}]);
    for (kind, fact) in [("not-spam", Fact::NotSpam), ("auth-failure", Fact::AuthFailure)] {
        let event = complaint(&Value::Null, &json!(kind), &who);
        let recipients = BTreeSet::from([recipient_key("a@example.com")]);
        assert_eq!(said(&event), SesEventKind::Reported { recipients, fact });
        assert_eq!(suppressed(&event), Vec::<String>::new());
    }
}

#[test]
fn a_shared_complaint_is_suspected() {
    let one = json!([{"emailAddress": "a@example.com"}, {"emailAddress": "A <A@example.com>"}]);
    let two = json!([{"emailAddress": "a@example.com"}, {"emailAddress": "b@example.com"}]);
    for (who, suspected, suppresses) in [
        (one, false, vec!["a@example.com"]),
        (two, true, vec!["a@example.com", "b@example.com"]),
    ] {
        let event = complaint(&Value::Null, &json!("abuse"), &who);
        assert_eq!(suppressed(&event), suppresses);
        assert_eq!(SesEvent::parse(&event.to_string()).unwrap().suspected, suspected);
    }
}

#[test]
fn a_forwarding_target_means_the_recipient() {
    let key = |event: &Value| match said(event) {
        SesEventKind::DeliveryStatuses(delivery_statuses) => delivery_statuses.keys().cloned().collect::<Vec<_>>(),
        other @ (SesEventKind::Accepted
        | SesEventKind::Reported { .. }
        | SesEventKind::Opened
        | SesEventKind::Clicked) => panic!("{other:?}"),
    };
    let named = |name: &str| bounce("Permanent", "General", &json!([{"emailAddress": name}]));
    assert_eq!(
        key(&named("\"A, B\" <A@Example.com>")),
        [recipient_key("a@example.com")]
    );
    // Of several recipients nobody can tell which one forwards.
    assert_eq!(
        key(&named("person@else.example")),
        [recipient_key("person@else.example")]
    );
    let mut lone = named("Person <person@else.example>");
    lone["mail"]["destination"] = json!(["Alias <alias@example.com>"]);
    assert_eq!(key(&lone), [recipient_key("alias@example.com")]);
    assert_eq!(suppressed(&lone), ["alias@example.com"]);
    let read = SesEvent::parse(&lone.to_string()).unwrap();
    assert_eq!(read.message_about(&recipient_key("alias@example.com")), "General");
}

#[test]
fn every_event_type_is_read() {
    let time = "2026-11-24T09:30:01.000Z";
    let who = json!([{"emailAddress": "a@example.com"}]);
    assert_eq!(said(&event("Send", "send", json!({}))), SesEventKind::Accepted);
    assert_eq!(
        said(&event("Open", "open", json!({"timestamp": time}))),
        SesEventKind::Opened
    );
    assert_eq!(
        said(&event("Click", "click", json!({"timestamp": time}))),
        SesEventKind::Clicked
    );
    let bounce = |kind| json!({"timestamp": time, "bounceType": kind, "bouncedRecipients": who});
    for (event, delivery_status) in [
        (
            event(
                "Delivery",
                "delivery",
                json!({"timestamp": time, "recipients": ["a@example.com"]}),
            ),
            DeliveryStatus::Delivered,
        ),
        (event("Bounce", "bounce", bounce("Permanent")), DeliveryStatus::Bounced),
        (event("Bounce", "bounce", bounce("Transient")), DeliveryStatus::Absence),
        (
            event(
                "Complaint",
                "complaint",
                json!({"timestamp": time, "complainedRecipients": who}),
            ),
            DeliveryStatus::Complained,
        ),
        (
            event(
                "DeliveryDelay",
                "deliveryDelay",
                json!({"timestamp": time, "delayedRecipients": who}),
            ),
            DeliveryStatus::DeliveryDelayed,
        ),
        (
            event("Reject", "reject", json!({"reason": "Bad content"})),
            DeliveryStatus::Rejected,
        ),
        (
            event("Rendering Failure", "failure", json!({})),
            DeliveryStatus::Rejected,
        ),
    ] {
        assert_eq!(status_of_a(&event), delivery_status, "{event}");
    }
}

#[test]
fn a_servers_message_precedes_that_of_ses() {
    let time = "2026-11-24T09:30:01.000Z";
    let who = json!([{"emailAddress": "a@example.com", "diagnosticCode": "smtp; 550 5.1.1 unknown"}]);
    let silent = json!([{"emailAddress": "a@example.com"}]);
    let bounce = |who: &Value| json!({"timestamp": time, "bounceType": "Permanent", "bounceSubType": "NoEmail", "bouncedRecipients": who});
    let delay = |who: &Value| json!({"timestamp": time, "delayType": "MailboxFull", "delayedRecipients": who});
    let complaint = json!({"timestamp": time, "complaintFeedbackType": "abuse", "complainedRecipients": silent});
    let delivery = json!({"timestamp": time, "recipients": ["a@example.com"], "smtpResponse": "250 OK"});
    for (event_type, part, content, words) in [
        ("Bounce", "bounce", bounce(&who), Some("smtp; 550 5.1.1 unknown")),
        ("Bounce", "bounce", bounce(&silent), Some("NoEmail")),
        (
            "DeliveryDelay",
            "deliveryDelay",
            delay(&who),
            Some("smtp; 550 5.1.1 unknown"),
        ),
        ("DeliveryDelay", "deliveryDelay", delay(&silent), Some("MailboxFull")),
        ("Complaint", "complaint", complaint, Some("abuse")),
        ("Delivery", "delivery", delivery, Some("250 OK")),
        (
            "Reject",
            "reject",
            json!({"reason": "Bad content"}),
            Some("Bad content"),
        ),
        (
            "Rendering Failure",
            "failure",
            json!({"errorMessage": "no value"}),
            Some("no value"),
        ),
        ("Send", "send", json!({}), None),
        ("Open", "open", json!({"timestamp": time}), None),
    ] {
        let read = SesEvent::parse(&event(event_type, part, content).to_string()).unwrap();
        let said = read.diagnostics.get(&recipient_key("a@example.com"));
        assert_eq!(said.map(String::as_str), words, "{event_type}");
    }
}

#[test]
fn debug_does_not_show_addresses() {
    let who = json!([{"emailAddress": "ann@example.com"}]);
    let content = json!({"timestamp": "2026-11-24T09:30:01Z", "bounceType": "Permanent", "bouncedRecipients": who});
    let event = SesEvent::parse(&event("Bounce", "bounce", content).to_string()).unwrap();
    assert!(!format!("{event:?}").contains("ann"), "{event:?}");
}

#[test]
fn tags_have_the_id_claim_and_acceptance_time() {
    let read = SesEvent::parse(&event("Send", "send", json!({})).to_string()).unwrap();
    assert_eq!((read.claim_no, read.born), (3, Timestamp::from_millis(1000)));
    assert_eq!(read.id, EmailId::from_random([0; 16]));
    assert_eq!(read.accepted_at.to_string(), "2026-11-24T09:30:00.123Z");
}

#[test]
fn an_event_without_usable_tags_is_refused() {
    for name in [TAG_TENANT, TAG_ID, TAG_CLAIM, TAG_BORN] {
        let mut missing = event("Send", "send", json!({}));
        missing["mail"]["tags"].as_object_mut().unwrap().remove(name);
        let mut doubled = event("Send", "send", json!({}));
        doubled["mail"]["tags"][name] = json!(["1", "1"]);
        let mut wrong = event("Send", "send", json!({}));
        wrong["mail"]["tags"][name] = json!(["<script>"]);
        for bad in [missing, doubled, wrong] {
            assert!(
                matches!(SesEvent::parse(&bad.to_string()), Err(SesEventError::Tag(tag)) if tag == name),
                "{bad}"
            );
        }
    }
}

#[test]
fn the_topic_validation_is_known_and_errors_hide_addresses() {
    assert!(matches!(SesEvent::parse(GREETING), Err(SesEventError::Greeting)));
    let mut changed = event("Bounce", "bounce", json!({}));
    changed["bounce"] = json!("ann@example.com");
    let error = SesEvent::parse(&changed.to_string()).unwrap_err();
    assert!(!format!("{error} {error:?}").contains("ann"), "{error}");
}

#[test]
fn other_messages_are_no_events() {
    for body in ["", "{}", "null", "[]", r#"{"eventType":"Send"}"#, "\u{0}"] {
        assert!(
            matches!(SesEvent::parse(body), Err(SesEventError::Malformed { .. })),
            "{body}"
        );
    }
    let other = event("Subscription", "subscription", json!({}));
    assert!(matches!(
        SesEvent::parse(&other.to_string()),
        Err(SesEventError::OtherType(_))
    ));
    let hollow = event("Delivery", "send", json!({}));
    assert!(matches!(
        SesEvent::parse(&hollow.to_string()),
        Err(SesEventError::Missing("delivery"))
    ));
}

#[test]
fn an_event_keeps_what_webhooks_tell() {
    let details = |event: &Value| SesEvent::parse(&event.to_string()).unwrap().details;
    let time = "2026-11-24T09:30:01.000Z";
    let client =
        json!({"timestamp": time, "ipAddress": "192.0.2.1", "userAgent": "Mail/1", "link": "https://x.example"});
    let agent = Agent {
        ip_address: "192.0.2.1".to_owned(),
        user_agent: "Mail/1".to_owned(),
    };
    let clicked = details(&event("Click", "click", client.clone()));
    assert_eq!(
        (clicked.agent, clicked.link.as_deref()),
        (agent.clone(), Some("https://x.example"))
    );
    let opened = details(&event("Open", "open", client));
    assert_eq!((opened.agent, opened.link), (agent, None));
    let who = json!([{"emailAddress": "a@example.com"}]);
    let bounced = details(&bounce("Transient", "MailboxFull", &who)).bounce.unwrap();
    assert_eq!(
        (bounced.bounce_type.as_str(), bounced.sub_type.as_str()),
        ("Transient", "MailboxFull")
    );
    let complained = details(&complaint(&Value::Null, &json!("abuse"), &who));
    assert_eq!(complained.complaint.as_deref(), Some("abuse"));
}

/// Nobody needs them, so that no value of them makes an event unreadable.
#[test]
fn odd_clients_and_links_are_left_out() {
    let time = "2026-11-24T09:30:01.000Z";
    for odd in [json!(null), json!(7), json!(["x"]), json!({"x": 1})] {
        let part = json!({"timestamp": time, "ipAddress": odd, "userAgent": odd, "link": odd});
        let read = SesEvent::parse(&event("Click", "click", part).to_string()).unwrap();
        assert_eq!(read.details, SesDetails::default(), "{odd}");
    }
}
