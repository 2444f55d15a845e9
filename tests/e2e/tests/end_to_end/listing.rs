//! `GET /emails`: all emails, newest first, page by page.

use e2e::{Stack, unique};
use serde_json::{Value, json};

use super::emails::{address, email_to, email_with};

#[tokio::test]
async fn the_list_is_newest_first_and_its_pages_join() {
    let stack = Stack::shared().await;
    let to = address(&unique("list"));
    let mut ours = Vec::new();
    for _ in 0..5 {
        ours.push(stack.api.send(&email_to(&to)).await);
    }
    ours.reverse();

    // Other tests send meanwhile: their emails appear before or between ours.
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

    // `before` returns the page that ends directly before an email.
    let oldest = ours.last().unwrap();
    let at = listed.iter().position(|email| email["id"] == **oldest).unwrap();
    let page = stack.api.get(&format!("/emails?limit=2&before={oldest}")).await.ok();
    let ids = |emails: &[Value]| emails.iter().map(|email| email["id"].clone()).collect::<Vec<_>>();
    assert_eq!(ids(page["data"].as_array().unwrap()), ids(&listed[at - 2..at]));
}

/// Returns the ids that a filter finds, page by page.
async fn found(stack: &Stack, filter: &str) -> Vec<String> {
    let (mut ids, mut after) = (Vec::new(), String::new());
    loop {
        let page = stack.api.get(&format!("/emails?{filter}{after}")).await.ok();
        let emails = page["data"].as_array().expect("a list has data").iter();
        ids.extend(emails.map(|email| email["id"].as_str().unwrap().to_owned()));
        assert_eq!(page["has_more"], page["next"].is_string(), "{page}");
        let Some(next) = page["next"].as_str() else {
            return ids;
        };
        after = format!("&after={next}");
    }
}

#[tokio::test]
async fn filters_find_emails_by_record_and_content() {
    let stack = Stack::shared().await;
    let name = unique("filtered");
    let send = async |changes: Value| stack.api.send(&email_with(&address(&name), changes)).await;
    let tag = |value: &str| json!({"tags": [{"name": name, "value": value}]});
    let plain = send(json!({})).await;
    let spring = send(tag("spring")).await;
    let autumn = send(tag("autumn")).await;
    let failed = send(json!({"from": format!("{name}@unverified.example")})).await;
    for id in [&plain, &spring, &autumn] {
        stack.api.wait_for_delivery(id).await;
    }
    let failure = json!({"status": "failed", "cause": "unverified_sender"});
    let failure = stack.api.wait_for(&failed, &failure).await;
    let born = stack.api.email(&plain).await["created_at"].clone();
    let since = format!("since={}", born.as_str().unwrap());
    let to = address(&name);
    for (filter, expected) in [
        (format!("to={to}"), vec![&failed, &autumn, &spring, &plain]),
        (format!("to={to}&limit=1"), vec![&failed, &autumn, &spring, &plain]),
        (format!("to={to}&status=failed"), vec![&failed]),
        (format!("to={to}&cause=unverified_sender&queue=default"), vec![&failed]),
        (format!("to={to}&status=sent&limit=2"), vec![&autumn, &spring, &plain]),
        (format!("tag={name}"), vec![&autumn, &spring]),
        (format!("tag={name}:spring"), vec![&spring]),
        (format!("from={name}@unverified.example"), vec![&failed]),
        (
            format!("to={to}&until={}", failure["created_at"].as_str().unwrap()),
            vec![&autumn, &spring, &plain],
        ),
        (format!("to={to}&status=canceled"), vec![]),
    ] {
        assert_eq!(
            found(&stack, &format!("{since}&{filter}")).await,
            expected.into_iter().cloned().collect::<Vec<_>>(),
            "{filter}"
        );
    }
}
