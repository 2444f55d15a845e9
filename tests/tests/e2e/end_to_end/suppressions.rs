//! Who bounces or complains is sent no more, until a person says otherwise.

use reqwest::Method;
use serde_json::{Value, json};
use tests::{Stack, eventually, unique};

use super::emails::{address, email_to, email_with};

/// What the API shows of an address.
async fn shown(stack: &Stack, address: &str) -> Result<Value, String> {
    let request = stack.api.request(Method::GET, &format!("/suppressions/{address}"));
    let answer = stack.api.answer(request).await;
    if answer.status == 200 {
        Ok(answer.ok())
    } else {
        Err(format!("{answer:?}"))
    }
}

async fn suppressed(stack: &Stack, address: &str) -> Value {
    eventually("the address to be suppressed", || shown(stack, address)).await
}

async fn remove(stack: &Stack, which: &str) -> Value {
    let request = stack.api.request(Method::DELETE, &format!("/suppressions/{which}"));
    stack.api.answer(request).await.ok()
}

#[tokio::test]
async fn who_bounced_is_sent_nothing_more_until_removed_and_others_get_theirs() {
    let stack = Stack::shared().await;
    let (name, other) = (unique("bounces"), unique("other"));
    let bounces = format!("bounce+{name}@simulator.amazonses.com");
    let first = stack.api.send(&email_to(&bounces)).await;
    stack.api.wait_for(&first, &json!({"last_event": "bounced"})).await;
    let suppression = suppressed(&stack, &bounces).await;
    assert_eq!(
        (&suppression["origin"], &suppression["source_id"], &suppression["email"]),
        (&json!("bounce"), &json!(first), &json!(bounces))
    );

    let spelled = format!("Bounce+{}@SIMULATOR.amazonses.com", name.to_uppercase());
    let second = stack.api.send(&email_to(&spelled)).await;
    let wanted = json!({"status": "failed", "cause": "suppressed", "last_event": "suppressed"});
    let failed = stack.api.wait_for(&second, &wanted).await;
    assert_eq!(failed["sent_at"], json!(null));

    let both = email_with("", json!({"to": [spelled, address(&other)]}));
    let third = stack.api.send(&both).await;
    let recipients = json!([
        {"address": spelled.replace("SIMULATOR", "simulator"), "last_event": "suppressed"},
        {"address": address(&other), "last_event": "delivered"},
    ]);
    let wanted = json!({"status": "sent", "last_event": "delivered", "recipients": recipients});
    stack.api.wait_for(&third, &wanted).await;
    let [message] = &stack.inbox.wait_for(&other, 1).await[..] else {
        panic!("one message")
    };
    assert_eq!(message.to, [address(&other)]);
    assert_eq!(stack.inbox.to(&name).await.len(), 1, "SES was given the first one only");
    assert!(stack.inbox.to(&name.to_uppercase()).await.is_empty());

    let removed = remove(&stack, &bounces).await;
    assert_eq!(
        (&removed["deleted"], &removed["id"]),
        (&json!(true), &suppression["id"])
    );
    let retried = stack.api.post(&format!("/emails/{second}/retry"), &json!({})).await;
    assert_eq!(retried.ok()["id"], json!(second));
    stack.api.wait_for(&second, &json!({"status": "sent"})).await;
}

#[tokio::test]
async fn what_a_person_suppresses_is_heard_of_within_seconds_and_a_removal_at_once() {
    let stack = Stack::shared().await;
    let name = unique("person");
    let to = address(&name);
    stack.api.wait_for_delivery(&stack.api.send(&email_to(&to)).await).await;
    let added = stack.api.post("/suppressions", &json!({"email": to})).await;
    assert_eq!(added.status, 201);
    // What a sender remembers is a few seconds old at most.
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
async fn soft_bounces_and_automatic_answers_suppress_nobody_and_ses_own_list_does() {
    let stack = Stack::shared().await;
    let simulated = |kind: &str| format!("{kind}+{}@simulator.amazonses.com", unique("policy"));
    let (answers, complains, listed) = (simulated("ooto"), simulated("complaint"), simulated("suppressionlist"));
    let id = stack
        .api
        .send(&email_with("", json!({"to": [&answers, &complains, &listed]})))
        .await;
    for (address, origin) in [(&complains, "complaint"), (&listed, "bounce")] {
        assert_eq!(suppressed(&stack, address).await["origin"], origin);
    }
    stack.api.wait_for(&id, &json!({"last_event": "complained"})).await;
    assert!(shown(&stack, &answers).await.is_err());
}

#[tokio::test]
async fn suppressions_are_listed_and_changed_many_at_once() {
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
    // Others add at the same time: theirs are in the list, too.
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
