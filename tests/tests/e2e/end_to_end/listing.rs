//! `GET /emails`: every email, newest first, page by page.

use serde_json::{Value, json};
use tests::{Stack, unique};

use super::emails::{address, email_to};

#[tokio::test]
async fn the_list_is_newest_first_and_its_pages_join() {
    let stack = Stack::shared().await;
    let to = address(&unique("list"));
    let mut ours = Vec::new();
    for _ in 0..5 {
        ours.push(stack.api.send(&email_to(&to)).await);
    }
    ours.reverse();

    // Other tests send meanwhile: theirs come before, or lie between.
    let (mut listed, mut after) = (Vec::new(), String::new());
    while !ours
        .iter()
        .all(|id| listed.iter().any(|email: &Value| email["id"] == **id))
    {
        let page = stack.api.get(&format!("/emails?limit=3{after}")).await.ok();
        assert_eq!(page["object"], "list");
        let emails = page["data"].as_array().expect("a list has data");
        assert!((1..=3).contains(&emails.len()), "{page}");
        after = format!("&after={}", emails.last().unwrap()["id"].as_str().unwrap());
        listed.extend(emails.iter().cloned());
        let found = ours
            .iter()
            .filter(|id| listed.iter().any(|email| email["id"] == ***id))
            .count();
        assert!(
            page["has_more"] == true || found == ours.len(),
            "the list ended too early"
        );
    }

    let times: Vec<&str> = listed
        .iter()
        .map(|email| email["created_at"].as_str().unwrap())
        .collect();
    assert!(times.is_sorted_by(|newer, older| newer >= older), "{times:?}");
    let found: Vec<&Value> = listed
        .iter()
        .filter(|email| email["to"] == json!([to]))
        .map(|email| &email["id"])
        .collect();
    assert_eq!(found, ours.iter().collect::<Vec<_>>(), "each once, newest first");

    // Back from the oldest of ours: the page before it is the one that leads to it.
    let oldest = ours.last().unwrap();
    let at = listed.iter().position(|email| email["id"] == **oldest).unwrap();
    let page = stack.api.get(&format!("/emails?limit=2&before={oldest}")).await.ok();
    let ids = |emails: &[Value]| emails.iter().map(|email| email["id"].clone()).collect::<Vec<_>>();
    assert_eq!(ids(page["data"].as_array().unwrap()), ids(&listed[at - 2..at]));
}
