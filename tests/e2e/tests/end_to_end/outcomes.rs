//! The outcome of an email, produced by SES's mailbox simulator.

use e2e::{Stack, unique};
use serde_json::{Value, json};

use super::emails::{address, email_to, email_with};

#[tokio::test]
async fn an_unverified_sender_fails_with_its_cause_and_advice() {
    let stack = Stack::shared().await;
    let name = unique("unverified");
    let email = email_with(&address(&name), json!({"from": "x@unverified.example"}));
    let id = stack.api.send(&email).await;
    let email = stack.api.wait_for(&id, &json!({"status": "failed"})).await;
    assert_eq!(email["cause"], "unverified_sender");
    assert!(
        email["advice"].as_str().is_some_and(|advice| advice.contains("Verify")),
        "{email}"
    );
    assert_eq!(email["last_event"], "failed");
    assert_eq!(email["attempts"], 1, "it is not tried again");
    assert_eq!(email["sent_at"], json!(null));
    assert!(stack.inbox.to(&name).await.is_empty());
}

#[tokio::test]
async fn simulator_addresses_end_as_ses_documents() {
    let stack = Stack::shared().await;
    let cases = [
        ("success", "delivered"),
        ("bounce", "bounced"),
        ("complaint", "complained"),
        ("suppressionlist", "bounced"),
        ("ooto", "delivered"),
    ];
    let ends = cases.map(|(simulated, last_event)| {
        let api = stack.api.clone();
        async move {
            let to = format!("{simulated}+{}@simulator.amazonses.com", unique("label"));
            let id = api.send(&email_to(&to)).await;
            api.wait_for(&id, &json!({"status": "sent", "last_event": last_event}))
                .await
        }
    });
    for email in futures::future::join_all(ends).await {
        assert_eq!(email["cause"], json!(null), "SES accepted it");
        assert!(email["sent_at"].is_string(), "{email}");
    }
}

#[tokio::test]
async fn test_addresses_of_resend_end_as_their_names_say() {
    let stack = Stack::shared().await;
    let name = unique("test");
    let cases = [
        ("delivered", "delivered"),
        ("bounced", "bounced"),
        ("complained", "complained"),
        ("suppressed", "bounced"),
    ];
    let addresses = cases.map(|(kind, last_event)| (format!("{kind}+{name}@resend.dev"), last_event));
    let to: Vec<&String> = addresses.iter().map(|(address, _)| address).collect();
    let id = stack.api.send(&email_with("", json!({"to": to}))).await;
    let recipients: Vec<Value> = addresses
        .iter()
        .map(|(address, last_event)| json!({"address": address, "last_event": last_event}))
        .collect();
    let wanted = json!({"status": "sent", "to": to, "recipients": recipients});
    stack.api.wait_for(&id, &wanted).await;
    let events = stack.api.get(&format!("/emails/{id}/events")).await.ok();
    for (address, _) in &addresses {
        assert!(
            events["data"]
                .as_array()
                .is_some_and(|events| events.iter().any(|event| event["recipient"] == address.as_str())),
            "{address}: {events}"
        );
        let suppressed = stack.api.get(&format!("/suppressions/{address}")).await;
        assert_eq!(suppressed.status, 404, "{address}");
    }
    let message = stack.inbox.only(&name).await;
    assert!(
        message.to.iter().all(|to| to.ends_with("@simulator.amazonses.com")),
        "{message:?}"
    );
}

#[tokio::test]
async fn a_sent_email_shows_its_message_id() {
    let stack = Stack::shared().await;
    let id = stack.api.send(&email_to(&address(&unique("message-id")))).await;
    let email = stack.api.wait_for_delivery(&id).await;
    let ses_message_id = email["ses_message_id"].as_str().expect("SES's id");
    let header = email["message_id"].as_str().expect("the header");
    assert!(header.starts_with(&format!("<{ses_message_id}@")), "{header}");
    assert!(header.ends_with(".amazonses.com>"), "{header}");
}

#[tokio::test]
async fn each_recipient_has_a_status_and_the_worst_is_shown() {
    let stack = Stack::shared().await;
    let name = unique("mixed");
    let simulated = |kind: &str| format!("{kind}+{name}@simulator.amazonses.com");
    // SES publishes in this order, so that the automatic answer comes before the complaint.
    let delivery_statuses = [
        (address(&name), "delivered"),
        (simulated("ooto"), "delivered"),
        (simulated("bounce"), "bounced"),
        (simulated("complaint"), "complained"),
    ];
    let to: Vec<&String> = delivery_statuses.iter().map(|(address, _)| address).collect();
    let id = stack.api.send(&email_with("", json!({"to": to}))).await;
    let recipients: Vec<Value> = delivery_statuses
        .iter()
        .map(|(address, last_event)| json!({"address": address, "last_event": last_event}))
        .collect();
    let wanted = json!({"status": "sent", "last_event": "complained", "recipients": recipients});
    stack.api.wait_for(&id, &wanted).await;
}

#[tokio::test]
async fn events_after_a_delivery_are_shown() {
    let stack = Stack::shared().await;
    for (kind, last_event, types) in [
        ("late_bounce", "bounced", &["delivered", "bounced"][..]),
        ("absence", "delivered", &["delivered"]),
        ("not_spam", "delivered", &["delivered", "not_spam"]),
    ] {
        let to = address(&unique(kind));
        let fault = stack.faults.strike(&to, &[(kind, None)]).await;
        let id = stack.api.send(&email_to(&to)).await;
        let shown = e2e::eventually("every event to appear", || async {
            let events = stack.api.get(&format!("/emails/{id}/events")).await.ok();
            let events = events["data"].as_array().expect("events").clone();
            let found: Vec<_> = events
                .iter()
                .filter_map(|event| event["type"].as_str())
                .filter(|event| !["accepted", "sent"].contains(event))
                .collect();
            if found == types {
                Ok(stack.api.email(&id).await)
            } else {
                Err(format!("{events:?}"))
            }
        })
        .await;
        assert_eq!(shown["last_event"], last_event, "{shown}");
        let time = |name: &str| shown[name].as_str().expect("a time").to_owned();
        assert!(time("sent_at") <= time("delivered_at"), "{shown}");
        fault.lift().await;
    }
}

/// The kind of report, its details, the recipient's status in the API, and whether the address is suppressed.
type Reported = (&'static str, Value, &'static str, bool);

fn reports() -> [Reported; 8] {
    let unsure = json!({"bounce_type": "Undetermined", "sub_type": "Undetermined"});
    [
        // The address does not exist, although SES calls the bounce transient.
        (
            "soft_bounce",
            json!({"sub_type": "General", "status": "5.1.1"}),
            "bounced",
            true,
        ),
        ("soft_bounce", json!({"status": "5.2.2"}), "bounced", false),
        ("soft_bounce", unsure, "bounced", false),
        ("bounce", json!({"names": "Ann <{}>"}), "bounced", true),
        // A bounce from the address that a forwarder sends to.
        (
            "late_bounce",
            json!({"names": "ann@elsewhere.example"}),
            "bounced",
            true,
        ),
        ("absence", json!({}), "delivered", false),
        ("absence", json!({"no_recipients": true}), "delivered", false),
        (
            "complaint",
            json!({"feedback_type": "auth-failure"}),
            "delivered",
            false,
        ),
    ]
}

#[tokio::test]
async fn a_report_is_classified_by_its_codes() {
    let stack = Stack::shared().await;
    futures::future::join_all(reports().map(|report| reported(&stack, report))).await;
}

async fn reported(stack: &Stack, (kind, details, last_event, is_suppressed): Reported) {
    let to = address(&unique("reported"));
    let fault = stack.faults.report(&to, kind, &details).await;
    let id = stack.api.send(&email_to(&to)).await;
    let recipients = json!([{"address": to, "last_event": last_event}]);
    stack.api.wait_for(&id, &json!({"recipients": recipients})).await;
    fault.lift().await;

    if is_suppressed {
        super::suppressions::suppressed(stack, &to).await;
    }
    // The next email shows whether the address is suppressed.
    let next = stack.api.send(&email_to(&to)).await;
    let expected = if is_suppressed { "suppressed" } else { "delivered" };
    stack.api.wait_for(&next, &json!({"last_event": expected})).await;
    let shown = stack.api.email(&id).await;
    assert_eq!(shown["recipients"], recipients, "{kind} {details}");
}
