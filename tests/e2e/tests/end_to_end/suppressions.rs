//! An address that bounced or complained gets no email until a person removes the suppression.

use domain::timestamp::Timestamp;
use e2e::{Stack, eventually, unique};
use reqwest::Method;
use serde_json::{Value, json};

use super::emails::{address, email_to, email_with};
use super::tenants::tenant;

/// Returns the API's view of an address.
async fn shown(stack: &Stack, address: &str) -> Result<Value, String> {
    let request = stack.api.request(Method::GET, &format!("/suppressions/{address}"));
    let answer = stack.api.answer(request).await;
    if answer.status == 200 {
        Ok(answer.ok())
    } else {
        Err(format!("{answer:?}"))
    }
}

pub(super) async fn suppressed(stack: &Stack, address: &str) -> Value {
    eventually("the address to be suppressed", || shown(stack, address)).await
}

async fn remove(stack: &Stack, which: &str) -> Value {
    let request = stack.api.request(Method::DELETE, &format!("/suppressions/{which}"));
    stack.api.answer(request).await.ok()
}

#[tokio::test]
async fn a_bounced_address_gets_no_email_until_it_is_removed() {
    let stack = Stack::shared().await;
    let (name, other) = (unique("bounces"), unique("other"));
    let bounces = address(&name);
    let fault = stack.faults.strike(&bounces, &[("bounce", None)]).await;
    let first = stack.api.send(&email_to(&bounces)).await;
    stack.api.wait_for(&first, &json!({"last_event": "bounced"})).await;
    let suppression = suppressed(&stack, &bounces).await;
    assert_eq!(
        (&suppression["origin"], &suppression["source_id"], &suppression["email"]),
        (&json!("bounce"), &json!(first), &json!(bounces))
    );
    assert_eq!(suppression["expires_at"], json!(null));

    let spelled = bounces.replace(&name, &name.to_uppercase());
    let second = stack.api.send(&email_to(&spelled)).await;
    let wanted = json!({"status": "failed", "cause": "suppressed", "last_event": "suppressed"});
    let failed = stack.api.wait_for(&second, &wanted).await;
    assert_eq!(failed["sent_at"], json!(null));
    let advice = failed["advice"].as_str().expect("advice");
    assert!(advice.contains("this tenant's suppression list"), "{advice}");

    // An email whose `to` is all suppressed is sent to the other recipients.
    let both = email_with("", json!({"to": spelled, "cc": [address(&other)]}));
    let third = stack.api.send(&both).await;
    let recipients = json!([
        {"address": spelled, "last_event": "suppressed"},
        {"address": address(&other), "last_event": "delivered"},
    ]);
    let wanted = json!({"status": "sent", "last_event": "delivered", "recipients": recipients});
    stack.api.wait_for(&third, &wanted).await;
    let [message] = &stack.inbox.wait_for(&other, 1).await[..] else {
        panic!("one message")
    };
    assert_eq!(
        (message.to.len(), message.cc.as_slice()),
        (0, [address(&other)].as_slice())
    );
    assert_eq!(
        stack.inbox.to(&name).await.len(),
        1,
        "SES received only the first email"
    );
    assert!(stack.inbox.to(&name.to_uppercase()).await.is_empty());

    fault.lift().await;
    let removed = remove(&stack, &bounces).await;
    assert_eq!(
        (&removed["deleted"], &removed["id"]),
        (&json!(true), &suppression["id"])
    );
    let retried = stack.api.post(&format!("/emails/{second}/retry"), &json!({})).await;
    assert_eq!(retried.ok()["id"], json!(second));
    stack.api.wait_for_delivery(&second).await;
}

/// The second round has an account whose own list decides, as without the configuration set's empty list.
#[tokio::test]
async fn a_released_address_is_delivered_again() {
    let stack = Stack::alone().await;
    let (_, other) = tenant(&stack, json!({})).await;
    for account_list_decides in [false, true] {
        stack.account.account_list_decides(account_list_decides).await;
        let to = address(&unique("released"));
        let fault = stack.faults.strike(&to, &[("bounce", None)]).await;
        let bounced = stack.api.send(&email_to(&to)).await;
        stack.api.wait_for(&bounced, &json!({"last_event": "bounced"})).await;
        suppressed(&stack, &to).await;
        fault.lift().await;
        assert_eq!(
            stack.account.suppressed().await.contains(&json!(to)),
            account_list_decides
        );
        let removed = remove(&stack, &to).await;
        assert_eq!(removed.get("account_list"), None, "SES has not refused an email yet");
        if account_list_decides {
            let refused = stack.api.send(&email_to(&to)).await;
            let refused = stack.api.wait_for(&refused, &json!({"last_event": "bounced"})).await;
            let advice = refused["advice"].as_str().expect("advice");
            assert!(advice.contains("suppression list of this AWS account"), "{advice}");
            assert!(shown(&stack, &to).await.is_err(), "SES's list never adds to ours");
            // The other tenant learns which list it was, and its own list stays empty.
            let theirs = other.send(&email_to(&to)).await;
            let theirs = other.wait_for(&theirs, &json!({"last_event": "bounced"})).await;
            assert_eq!(theirs["advice"], refused["advice"]);
            let request = other.request(Method::GET, &format!("/suppressions/{to}"));
            assert_eq!(other.answer(request).await.status, 404);
            let removed = eventually("the refusal of SES to be recorded", || async {
                let request = stack.api.request(Method::DELETE, &format!("/suppressions/{to}"));
                let answer = stack.api.answer(request).await;
                if answer.status == 200 {
                    Ok(answer.ok())
                } else {
                    Err(format!("{answer:?}"))
                }
            })
            .await;
            assert_eq!(
                (&removed["deleted"], &removed["account_list"]),
                (&json!(true), &json!("removed"))
            );
            assert!(!stack.account.suppressed().await.contains(&json!(to)));
        }
        other.wait_for_delivery(&other.send(&email_to(&to)).await).await;
        stack.api.wait_for_delivery(&stack.api.send(&email_to(&to)).await).await;
    }
    stack.account.account_list_decides(false).await;
}

#[tokio::test]
async fn a_tenants_bounce_suppresses_for_no_other_tenant() {
    let stack = Stack::shared().await;
    let (_, theirs) = tenant(&stack, json!({})).await;
    let to = address(&unique("shared"));
    let fault = stack.faults.strike(&to, &[("bounce", None)]).await;
    let bounced = theirs.send(&email_to(&to)).await;
    theirs.wait_for(&bounced, &json!({"last_event": "bounced"})).await;
    fault.lift().await;
    stack.api.wait_for_delivery(&stack.api.send(&email_to(&to)).await).await;
    assert!(shown(&stack, &to).await.is_err());
}

#[tokio::test]
async fn an_ambiguous_complaint_suppresses_for_seven_days() {
    let stack = Stack::shared().await;
    let name = unique("several");
    let who = [address(&format!("a-{name}")), address(&format!("b-{name}"))];
    let fault = stack.faults.strike(&name, &[("complaint", None)]).await;
    let id = stack.api.send(&email_with("", json!({"to": who}))).await;
    stack.api.wait_for(&id, &json!({"last_event": "complained"})).await;
    for address in &who {
        let suppression = suppressed(&stack, address).await;
        let time = |name: &str| {
            let text = suppression[name].as_str().expect("a time");
            Timestamp::parse_rfc3339(text).expect("a time").as_millis()
        };
        assert_eq!(suppression["origin"], "complaint");
        assert_eq!(time("expires_at") - time("created_at"), 7 * 86_400_000);
    }
    fault.lift().await;
}

#[tokio::test]
async fn a_manual_suppression_takes_effect_within_seconds() {
    let stack = Stack::shared().await;
    let name = unique("person");
    let to = address(&name);
    stack.api.wait_for_delivery(&stack.api.send(&email_to(&to)).await).await;
    let added = stack.api.post("/suppressions", &json!({"email": to})).await;
    assert_eq!(added.status, 201);
    // A sender's cache is a few seconds old at most.
    tokio::time::sleep(std::time::Duration::from_secs(6)).await;
    let failing = stack.api.send(&email_to(&to)).await;
    stack
        .api
        .wait_for(&failing, &json!({"status": "failed", "cause": "suppressed"}))
        .await;
    remove(&stack, &to).await;
    stack.api.wait_for_delivery(&stack.api.send(&email_to(&to)).await).await;
    assert_eq!(stack.inbox.to(&name).await.len(), 2);
}

#[tokio::test]
async fn only_permanent_bounces_and_complaints_suppress() {
    let stack = Stack::shared().await;
    let simulated = |kind: &str| format!("{kind}+{}@simulator.amazonses.com", unique("policy"));
    let of = |kind: &str| (address(&unique(kind)), kind.to_owned());
    let cases = ["absence", "soft_bounce", "not_spam", "complaint", "late_bounce"].map(of);
    let mut faults = Vec::new();
    for (to, kind) in &cases {
        faults.push(stack.faults.strike(to, &[(kind.as_str(), None)]).await);
    }
    let simulated = ["bounce", "complaint", "suppressionlist", "ooto"].map(simulated);
    let to: Vec<_> = cases.iter().map(|(to, _)| to).chain(&simulated).collect();
    let id = stack.api.send(&email_with("", json!({"to": to}))).await;
    let (complains, bounces) = (&cases[3].0, &cases[4].0);
    for (address, origin) in [(complains, "complaint"), (bounces, "bounce")] {
        assert_eq!(suppressed(&stack, address).await["origin"], origin);
    }
    stack.api.wait_for(&id, &json!({"last_event": "complained"})).await;
    for harmless in [&cases[0].0, &cases[1].0, &cases[2].0].into_iter().chain(&simulated) {
        assert!(shown(&stack, harmless).await.is_err(), "{harmless}");
    }
    for fault in faults {
        fault.lift().await;
    }
}

#[tokio::test]
async fn suppressions_are_listed_and_changed_in_batches() {
    let stack = Stack::shared().await;
    let addresses: Vec<_> = ["a", "b", "c"]
        .map(|part| format!("{part}-{}@example.com", unique("many")))
        .into();
    let added = stack
        .api
        .post("/suppressions/batch/add", &json!({"emails": addresses}))
        .await;
    assert_eq!(added.status, 201);
    let (mut found, mut after) = (Vec::new(), String::new());
    // Other tests add at the same time: the list contains their addresses, too.
    while found.len() < 3 {
        let page = stack
            .api
            .get(&format!("/suppressions?origin=manual&limit=2{after}"))
            .await
            .ok();
        let data = page["data"].as_array().unwrap().clone();
        found.extend(data.iter().map(|one| one["email"].clone()).filter(|email| {
            email
                .as_str()
                .is_some_and(|email| addresses.iter().any(|address| address == email))
        }));
        after = format!("&after={}", data.last().unwrap()["id"].as_str().unwrap());
    }
    let removed = stack
        .api
        .post("/suppressions/batch/remove", &json!({"emails": addresses}))
        .await
        .ok();
    let data = removed["data"].as_array().unwrap();
    assert!(
        data.len() == 3 && data.iter().all(|one| one["deleted"] == true),
        "{removed}"
    );
}
