//! Webhooks: the kinds of events that an ordinary email does not have. Each is received, signed, with one id.

use e2e::{Stack, eventually};
use serde_json::{Value, json};

use super::domains::{path, records, registered, verified};
use super::emails::{email_to, email_with};
use super::feedback::event;
use super::hooked::{Hooked, check_one_id_each, hooked, ids};

/// One tenant and one webhook for all of them, because most of the time is waiting.
#[tokio::test]
async fn every_other_kind_of_event_is_received_and_verified() {
    let stack = Stack::shared().await;
    let hooked = hooked(&stack).await;
    let owner = &hooked.owner;
    let [late, listed, read] = ["late", "listed", "read"].map(|label| owner.address(label));
    let (on_global_list, domain) = (owner.simulated("suppressionlist"), owner.domain());

    // Before the first email of the tenant, so that no sender has cached the list without it.
    let added = hooked.api.post("/suppressions", &json!({"email": listed})).await;
    assert_eq!(added.status, 201, "{added:?}");
    // It expires before a sender can claim it.
    hooked
        .api
        .send(&email_with(&late, json!({"expires_at": "in 1 ms"})))
        .await;
    for to in [&listed, &on_global_list, &read] {
        hooked.api.send(&email_to(to)).await;
    }
    a_domain_comes_and_goes(&stack, &hooked).await;
    let first = [
        ("email.expired", late.as_str()),
        ("suppression.added", &listed),
        ("email.suppressed", &listed),
        ("email.suppressed", &on_global_list),
        ("email.delivered", &read),
    ];
    hooked.receiver.wait_for(&first).await;

    publish_reports(&stack, &read).await;
    let removed = hooked.api.delete(&format!("/suppressions/{listed}")).await;
    assert_eq!(removed.status, 200, "{removed:?}");
    let then = [
        ("email.delivery_delayed", read.as_str()),
        ("email.opened", &read),
        ("email.clicked", &read),
        ("suppression.removed", &listed),
        ("domain.created", &domain),
        ("domain.deleted", &domain),
    ];
    hooked.receiver.wait_for(&then).await;
    // A domain may change more than once, and the order of events is not promised.
    let all = eventually("the verification of the domain", || async {
        let all = hooked.receiver.received().await;
        let mut updates = all
            .iter()
            .filter(|each| each.told() == ("domain.updated".to_owned(), domain.clone()));
        if updates.any(|each| each.payload()["data"]["status"] == "verified") {
            Ok(all)
        } else {
            Err(format!("{:?}", ids(&all).keys()))
        }
    })
    .await;
    owner.check(&all);
    check_one_id_each(&all, &[&first[..], &then].concat());

    let data = |kind: &str, about: &str| {
        let told = (kind.to_owned(), about.to_owned());
        let found = all.iter().find(|each| each.told() == told);
        found.unwrap().payload()["data"].clone()
    };
    let expired = data("email.expired", &late);
    assert_eq!(
        (&expired["status"], &expired["cause"]),
        (&json!("expired"), &json!("expired"))
    );
    let own_list = json!("OnAccountSuppressionList");
    assert_eq!(data("email.suppressed", &listed)["suppressed"]["type"], own_list);
    assert_eq!(
        data("email.suppressed", &on_global_list)["suppressed"]["type"],
        "Suppressed"
    );
    assert_eq!(data("email.delivery_delayed", &read)["detail"], DELAY);
    assert_eq!(data("email.opened", &read)["open"]["userAgent"], CLIENT);
    let click = &data("email.clicked", &read)["click"];
    assert_eq!((&click["link"], &click["userAgent"]), (&json!(LINK), &json!(CLIENT)));
    assert_eq!(data("suppression.removed", &listed)["origin"], "manual");
}

/// Registers the tenant's domain, verifies it, and deletes it.
async fn a_domain_comes_and_goes(stack: &Stack, hooked: &Hooked) {
    let made = registered(&hooked.api, &hooked.owner.domain()).await;
    let path = path(&made);
    stack.dns.publish(records(&made)).await;
    verified(&hooked.api, &path).await;
    assert_eq!(hooked.api.delete(&path).await.status, 200);
}

/// The words of a server that delays.
const DELAY: &str = "smtp; 452 4.2.2 mailbox full";
/// The client that opens and clicks.
const CLIENT: &str = "Reader/1.0";
const LINK: &str = "https://mailqueue.example/order";

/// Publishes the events for which the fake SES has no recipient: a delay, an opening and a click.
async fn publish_reports(stack: &Stack, to: &str) {
    let message = stack.inbox.only(to).await;
    let at = &message.received_at;
    let delay = json!({
        "timestamp": at,
        "delayType": "MailboxFull",
        "delayedRecipients": [{"emailAddress": to, "status": "4.2.2", "diagnosticCode": DELAY}],
    });
    let open = json!({"timestamp": at, "ipAddress": "192.0.2.7", "userAgent": CLIENT});
    let mut click = open.clone();
    click["link"] = json!(LINK);
    click["linkTags"] = Value::Null;
    let events = [
        event(&message, "DeliveryDelay", "deliveryDelay", delay),
        event(&message, "Open", "open", open),
        event(&message, "Click", "click", click),
    ];
    let queue = stack.queue("FeedbackQueue").await;
    queue.put(&events.map(|event| event.to_string())).await;
}
