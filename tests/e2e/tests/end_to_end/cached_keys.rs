//! A webhook is new, and environments of `enqueue` still know its tenant's key without it.
//!
//! The module's name comes early in the alphabet: its test waits for minutes, and should do so beside the others.

use e2e::{Stack, StoredParts};

use super::emails::email_to;
use super::hooked::{Marked, check_one_id_each};

/// The emails before and after the creation, each set at the same time. So every environment that gets an email after
/// it most likely had one before.
const EACH: usize = 8;

/// The attribute with which a record has a webhook.
const HOOK: &str = "hk";

/// Sends emails at the same time; returns the recipient and the id of each.
async fn sent(owner: &Marked, label: &str) -> Vec<(String, String)> {
    let send = |number| async move {
        let to = owner.address(&format!("{label}-{number}"));
        let id = owner.api.send(&email_to(&to)).await;
        (to, id)
    };
    futures::future::join_all((0..EACH).map(send)).await
}

/// Tells whether the record of an email has no webhook.
async fn is_without_hook(owner: &Marked, id: &str) -> bool {
    let items = StoredParts::items_in(&format!("{}#{id}", owner.tenant)).await;
    let record = items
        .iter()
        .find(|(name, _)| name == "email")
        .expect("the email has a record");
    !record.1.iter().any(|name| name == HOOK)
}

/// Nobody asks for a recovery.
#[tokio::test]
async fn emails_of_a_cached_key_are_told_of_by_themselves() {
    let stack = Stack::shared().await;
    let owner = Marked::new(&stack).await;
    sent(&owner, "before").await;
    let hooked = owner.hook(&stack).await;
    let after = sent(&owner, "after").await;
    let mut without = 0;
    for (_, id) in &after {
        without += usize::from(is_without_hook(&owner, id).await);
    }
    assert!(without > 0, "no environment had a cached key");

    let told = |kind: &'static str| after.iter().map(move |(to, _)| (kind, to.as_str()));
    let wanted: Vec<_> = told("email.sent").chain(told("email.delivered")).collect();
    let all = hooked.receiver.wait_for(&wanted).await;
    owner.check(&all);
    check_one_id_each(&all, &wanted);
}
