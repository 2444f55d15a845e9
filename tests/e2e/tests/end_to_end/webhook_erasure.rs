//! Erasing an email whose events were told: no fact and no payload stays.

use e2e::{Stack, StoredParts, eventually};
use serde_json::{Value, json};

use super::emails::email_to;
use super::hooked::Marked;

/// An attribute of the mark that refuses a late payload. A mark has no content.
const MARK: &str = "x";

/// Returns the sort keys of an email's items and of its stored events, but for marks.
async fn stored(tenant: &str, id: &str) -> Vec<String> {
    let mut names = Vec::new();
    for partition in [format!("{tenant}#{id}"), format!("event:{tenant}#{id}")] {
        let items = StoredParts::items_in(&partition).await.into_iter();
        let items = items.filter(|(_, attributes)| !attributes.contains(&MARK.to_owned()));
        names.extend(items.map(|(name, _)| name));
    }
    names
}

#[tokio::test]
async fn an_erased_email_leaves_no_fact_and_no_payload() {
    let stack = Stack::shared().await;
    let owner = Marked::new(&stack).await;
    let hooked = owner.hook(&stack).await;
    let (name, api) = (&owner.tenant, &owner.api);
    let to = owner.address("erased-hook");
    let id = api.send(&email_to(&to)).await;
    let wanted = [("email.sent", to.as_str()), ("email.delivered", &to)];
    let all = hooked.receiver.wait_for(&wanted).await;
    owner.check(&all);
    let before = stored(name, &id).await;
    let events = before.iter().filter(|key| key.starts_with("msg_")).count();
    let facts = before.iter().filter(|key| key.starts_with("fact#")).count();
    assert_eq!((events, facts), (2, 1), "{before:?}");

    assert_eq!(api.delete(&format!("/emails/{id}")).await.status, 200);
    // A reader of the stream that was on its way takes its writes back.
    eventually("the end of the email", || async {
        let left = stored(name, &id).await;
        if left == ["email"] {
            Ok(())
        } else {
            Err(format!("{left:?}"))
        }
    })
    .await;
    for request in &all {
        let path = hooked.path(&format!("/events/{}", request.event_id()));
        let answer = api.get(&path).await;
        assert!(
            answer.status == 404 || answer.body["payload"] == Value::Null,
            "{answer:?}"
        );
    }
    // A recovery does not bring it back.
    let since = json!({"since": "2026-01-01T00:00:00Z", "only": "all"});
    assert_eq!(api.post(&hooked.path("/recover"), &since).await.status, 202);
    let other = owner.address("after-erasure");
    api.send(&email_to(&other)).await;
    hooked.receiver.wait_for(&[("email.delivered", &other)]).await;
    assert_eq!(stored(name, &id).await, ["email"]);
}

/// `notify` cannot read the table until the email is gone. Then it stores the events that the stream names, finds no
/// record, and takes them back.
#[tokio::test]
async fn an_email_that_is_erased_before_it_is_told_leaves_nothing() {
    let stack = Stack::alone().await;
    let owner = Marked::new(&stack).await;
    let hooked = owner.hook(&stack).await;
    let (name, api) = (&owner.tenant, &owner.api);
    let fault = stack.call_faults.strike("notify", "dynamodb", name).await;
    let id = api.send(&email_to(&owner.address("untold"))).await;
    api.wait_for_delivery(&id).await;
    eventually("notify to fail", || async {
        match fault.struck().await {
            0 => Err("no call failed".to_owned()),
            _ => Ok(()),
        }
    })
    .await;
    assert_eq!(api.delete(&format!("/emails/{id}")).await.status, 200);
    fault.lift().await;

    let other = owner.address("told");
    api.send(&email_to(&other)).await;
    let all = hooked.receiver.wait_for(&[("email.delivered", &other)]).await;
    assert_eq!(stored(name, &id).await, ["email"]);
    owner.check(&all);
    let of_erased = all.iter().filter(|each| each.payload()["data"]["email_id"] == *id);
    assert_eq!(of_erased.count(), 0);
}

/// SES reports the delivery of an email that was erased meanwhile.
#[tokio::test]
async fn an_event_of_ses_after_the_erasure_leaves_no_fact() {
    let stack = Stack::alone().await;
    let owner = Marked::new(&stack).await;
    let _hooked = owner.hook(&stack).await;
    let (name, api) = (&owner.tenant, &owner.api);
    stack.functions.switch("feedback", false).await;
    let id = api.send(&email_to(&owner.address("late-event"))).await;
    api.wait_for(&id, &json!({"status": "sent"})).await;
    let erased = api.delete(&format!("/emails/{id}")).await;
    stack.functions.switch("feedback", true).await;
    assert_eq!(erased.status, 200, "{erased:?}");
    let queue = stack.queue("FeedbackQueue").await;
    eventually("all events of SES to be read", || async {
        let depth = queue.depth().await;
        if depth.visible + depth.in_flight == 0 {
            Ok(())
        } else {
            Err(format!("{depth:?}"))
        }
    })
    .await;
    eventually("the end of the email", || async {
        let left = stored(name, &id).await;
        if left == ["email"] {
            Ok(())
        } else {
            Err(format!("{left:?}"))
        }
    })
    .await;
}
