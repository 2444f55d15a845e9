//! The list of webhooks.

use std::time::Duration;

use serde_json::{Value, json};

use crate::common::{World, parts, refused};

#[tokio::test]
async fn a_list_has_pages_newest_first_and_no_secret() {
    let world = World::default();
    let mut ids = Vec::new();
    for _ in 0..3 {
        ids.push(world.created().await.replace("/webhooks/", ""));
        world.wait(Duration::from_secs(1));
    }
    let [first, second, third] = ids.as_slice() else {
        panic!("three webhooks")
    };
    for (query, expected, has_more) in [
        (String::new(), vec![third, second, first], false),
        ("limit=2".to_owned(), vec![third, second], true),
        (format!("after={third}&limit=1"), vec![second], true),
        (format!("after={second}"), vec![first], false),
        (format!("before={first}&limit=1"), vec![second], true),
        (format!("before={second}"), vec![third], false),
        (format!("after={first}"), vec![], false),
    ] {
        let list = world.must("GET", &format!("/webhooks?{query}"), Value::Null).await;
        assert_eq!(
            (&list["object"], &list["has_more"]),
            (&json!("list"), &json!(has_more)),
            "{query}"
        );
        assert_eq!(parts(&list, "id"), expected, "{query}");
        assert!(!list.to_string().contains("whsec_"), "{list}");
    }
}

#[tokio::test]
async fn an_entry_of_the_list_has_resends_form() {
    let world = World::default();
    let path = world.created().await;
    let list = world.must("GET", "/webhooks", Value::Null).await;
    let mut whole = world.must("GET", &path, Value::Null).await;
    let fields = whole.as_object_mut().unwrap();
    fields.remove("object");
    fields.remove("signing_secret");
    assert_eq!(list["data"], json!([whole]));
}

#[tokio::test]
async fn a_bad_page_is_refused() {
    let world = World::default();
    for (query, beginning) in [
        ("limit=0", "limit: "),
        ("after=x", "after: must be the id of a webhook"),
        (
            "after=00000000-0000-4000-8000-000000000000",
            "after: no webhook has this id",
        ),
        ("status=enabled", "query: unknown parameter"),
    ] {
        let answer = world.ask("GET", &format!("/webhooks?{query}"), Value::Null).await;
        refused(answer, (422, "validation_error", beginning));
    }
}
