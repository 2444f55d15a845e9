//! Sending domains, from their registration to the first email, with a DNS server whose records the test sets.

use e2e::{Api, Stack, eventually, unique};
use reqwest::Method;
use serde_json::{Value, json};

use super::emails::{address, email_with};
use super::tenants::{for_tenant, tenant};

/// Returns a domain that no other test uses.
fn domain() -> String {
    format!("{}.example", unique("domain").to_lowercase())
}

pub(super) async fn registered(api: &Api, name: &str) -> Value {
    let made = api.post("/domains", &json!({"name": name})).await;
    assert_eq!(made.status, 201, "{made:?}");
    made.body
}

pub(super) fn path(domain: &Value) -> String {
    format!("/domains/{}", domain["id"].as_str().unwrap())
}

pub(super) fn records(domain: &Value) -> &[Value] {
    domain["records"].as_array().unwrap()
}

/// Returns the state in DNS of each record.
fn in_dns(domain: &Value) -> Vec<&str> {
    records(domain)
        .iter()
        .map(|record| record["dns"]["status"].as_str().unwrap())
        .collect()
}

/// Asks for the verification of a domain until SES has verified it.
pub(super) async fn verified(api: &Api, path: &str) {
    eventually("the verification of the domain", || async {
        let asked = api.post(&format!("{path}/verify"), &json!({})).await;
        assert_eq!(asked.status, 200, "{asked:?}");
        let shown = api.get(path).await.ok();
        if shown["status"] == "verified" {
            Ok(())
        } else {
            Err(shown.to_string())
        }
    })
    .await;
}

/// Repeats a request until the email is accepted, and returns its id.
async fn accepted(api: &Api, email: &Value) -> String {
    eventually("an accepted email", || async {
        let answer = api.post("/emails", email).await;
        if answer.status == 200 {
            Ok(answer.id())
        } else {
            Err(format!("{answer:?}"))
        }
    })
    .await
}

#[tokio::test]
async fn a_domain_sends_after_its_records_are_published() {
    let stack = Stack::shared().await;
    let name = domain();
    let made = registered(&stack.api, &name).await;
    let path = path(&made);
    assert_eq!(made["name"], json!(name));
    let missing = stack.api.get(&path).await.ok();
    assert!(in_dns(&missing).iter().all(|status| *status == "missing"), "{missing}");

    let email = email_with(&address(&unique("domain")), json!({"from": format!("shop@{name}")}));
    // An environment caches the list of unverified domains for thirty seconds; a dry run sends nothing.
    eventually("a refusal of the sender", || async {
        let tried = stack.api.post("/emails?dry_run=true", &email).await;
        if tried.status == 403 {
            Ok(())
        } else {
            Err(format!("{tried:?}"))
        }
    })
    .await;

    stack.dns.publish(records(&made)).await;
    verified(&stack.api, &path).await;
    let shown = stack.api.get(&path).await.ok();
    assert!(in_dns(&shown).iter().all(|status| *status == "found"), "{shown}");
    let id = accepted(&stack.api, &email).await;
    stack.api.wait_for_delivery(&id).await;
}

#[tokio::test]
async fn emails_of_a_lost_domain_wait_for_its_return() {
    let stack = Stack::shared().await;
    let (name, to) = (domain(), address(&unique("lost")));
    // A tenant of its own, because every email of a tenant with a lost domain is read before it is sent.
    let (_, api) = tenant(&stack, json!({"from_domains": [name]})).await;
    let made = registered(&api, &name).await;
    let path = path(&made);
    stack.dns.publish(records(&made)).await;
    verified(&api, &path).await;

    stack.account.delete_identity(&name).await;
    let lost = api.get(&path).await.ok();
    assert_eq!(lost["verified"], "lost", "{lost}");
    assert!(lost["hint"].as_str().unwrap().contains("accepted and wait"), "{lost}");
    let queue = api.get("/queues/default").await.ok();
    assert_eq!(queue["held_domains"], json!([name]));
    let email = email_with(&to, json!({"from": format!("shop@{name}")}));
    let id = accepted(&api, &email).await;
    eventually("the held email", || async {
        let counts = api.get("/queues/default").await.ok()["counts"].clone();
        if counts["held"] == 1 {
            Ok(())
        } else {
            Err(counts.to_string())
        }
    })
    .await;
    let waiting = api.email(&id).await;
    let facts = (&waiting["status"], &waiting["cause"], &waiting["attempts"]);
    assert_eq!(facts, (&json!("queued"), &json!("unverified_sender"), &json!(0)));

    // The identity is created again, with other records.
    assert_eq!(api.post(&format!("{path}/verify"), &json!({})).await.status, 200);
    let again = api.get(&path).await.ok();
    assert_eq!(again["verified"], "lost", "{again}");
    let dkim: Vec<_> = records(&again)
        .iter()
        .filter(|record| record["record"] == "DKIM")
        .cloned()
        .collect();
    stack.dns.publish(&dkim).await;
    verified(&api, &path).await;
    api.wait_for_delivery(&id).await;
    let queue = api.get("/queues/default").await.ok();
    assert_eq!(queue["held_domains"], json!([]));
    assert_eq!(stack.inbox.to(&to).await.len(), 1, "sent once");
}

#[tokio::test]
async fn a_domain_near_another_tenants_is_refused() {
    let stack = Stack::shared().await;
    let name = domain();
    let domains = json!({"from_domains": [name, format!("*.{name}")]});
    let (_, one) = tenant(&stack, domains.clone()).await;
    let (_, other) = tenant(&stack, domains).await;
    registered(&one, &name).await;
    for taken in [name.clone(), format!("mail.{name}")] {
        let refused = other.post("/domains", &json!({"name": taken})).await;
        assert_eq!(refused.status, 409, "{refused:?}");
        assert!(!stack.account.has_identity(&format!("mail.{name}")).await);
    }
}

#[tokio::test]
async fn a_deletion_removes_only_the_own_identity() {
    let stack = Stack::shared().await;
    let name = domain();
    let made = registered(&stack.api, &name).await;
    assert!(stack.account.has_identity(&name).await);
    assert_eq!(stack.api.delete(&path(&made)).await.status, 200);
    assert!(!stack.account.has_identity(&name).await);

    // SES has this one from the start, without a mark of mailqueue.
    let refused = stack.api.post("/domains", &json!({"name": "mailqueue.example"})).await;
    assert_eq!(refused.status, 409, "{refused:?}");
    assert!(stack.account.has_identity("mailqueue.example").await);
}

#[tokio::test]
async fn only_the_deployer_adopts_and_the_identity_stays() {
    let stack = Stack::shared().await;
    // SES has it from the start, and no other test uses it.
    let wanted = json!({"name": "adopted.example", "adopt": true});
    let refused = stack.api.post("/domains", &wanted).await;
    assert_eq!(refused.status, 401, "{refused:?}");
    let adopted = for_tenant(&stack, "main", Method::POST, "/domains", wanted).await;
    assert_eq!(adopted.status, 201, "{adopted:?}");
    let deleted = stack.api.delete(&path(&adopted.body)).await;
    assert_eq!(deleted.status, 200, "{deleted:?}");
    assert!(stack.account.has_identity("adopted.example").await);
}
