//! The receiver of webhooks: it keeps and verifies requests, and fails on demand.

use serde_json::{Value, json};

use crate::fake::Fake;

const INBOX: &str = "/webhook-inbox?box=a";
const FAULTS: &str = "/webhook-inbox/faults?box=a";

async fn received(fake: &Fake) -> Vec<Value> {
    fake.get(INBOX).await.as_array().unwrap().clone()
}

#[tokio::test]
async fn a_request_without_a_signature_is_kept_unverified() {
    let fake = Fake::start().await;
    let (status, _, _) = fake.call("POST", INBOX, &json!({"type": "email.sent"})).await;
    assert_eq!(status, 200);
    let all = received(&fake).await;
    assert_eq!(all.len(), 1);
    assert_eq!(all[0]["body"], r#"{"type":"email.sent"}"#);
    assert_eq!(all[0]["verified"], false);
    assert_eq!(all[0]["problem"], "the header webhook-id is missing");
    assert_eq!(all[0]["fault"], Value::Null);
    // Another box has other requests.
    assert_eq!(fake.get("/webhook-inbox").await, json!([]));
    let newest = fake.get("/webhook-inbox/newest").await;
    assert_eq!(
        (&newest["count"], &newest["events"][0]["box"]),
        (&json!(1), &json!("a"))
    );
    assert_eq!(fake.call("DELETE", INBOX, &Value::Null).await.0, 204);
    assert!(received(&fake).await.is_empty());
}

#[tokio::test]
async fn secrets_are_set_and_a_wrong_one_is_refused() {
    let fake = Fake::start().await;
    let good = json!({"secrets": ["whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"]});
    assert_eq!(fake.call("PUT", INBOX, &good).await.0, 200);
    for wrong in [
        json!({"secrets": ["MfKQ9r8G"]}),
        json!({"secret": "x"}),
        json!({"secrets": ["whsec_?"]}),
    ] {
        assert_eq!(fake.call("PUT", INBOX, &wrong).await.0, 400, "{wrong}");
    }
    fake.call("POST", INBOX, &json!({})).await;
    assert_eq!(received(&fake).await[0]["problem"], "the header webhook-id is missing");
}

#[tokio::test]
async fn each_fault_answers_as_it_says() {
    let fake = Fake::start().await;
    let set = async |fault: Value| {
        let (status, _, _) = fake.call("PUT", FAULTS, &json!({"faults": [fault]})).await;
        assert_eq!(status, 200);
    };
    set(json!({"kind": "status", "status": 429, "headers": {"retry-after": "7"}, "count": 1})).await;
    let (status, head, _) = fake.call("POST", INBOX, &json!({})).await;
    assert_eq!(status, 429);
    assert!(head.contains("retry-after: 7"), "{head}");
    assert_eq!(
        fake.call("POST", INBOX, &json!({})).await.0,
        200,
        "the fault is used up"
    );
    set(json!({"kind": "redirect"})).await;
    let (status, head, _) = fake.call("POST", INBOX, &json!({})).await;
    assert_eq!(status, 307);
    assert!(head.contains("location: /webhook-inbox?box=redirected"), "{head}");
    set(json!({"kind": "close"})).await;
    assert_eq!(fake.raw("POST", INBOX, "{}").await, "");
    let faults: Vec<_> = received(&fake).await.iter().map(|each| each["fault"].clone()).collect();
    assert_eq!(
        faults,
        [json!("close"), json!("redirect"), Value::Null, json!("status")]
    );
    assert_eq!(fake.call("DELETE", FAULTS, &Value::Null).await.0, 204);
    assert_eq!(fake.get(FAULTS).await, json!({"faults": []}));
}

#[tokio::test]
async fn an_endless_answer_goes_on() {
    use tokio::io::AsyncReadExt as _;

    let fake = Fake::start().await;
    let plan = json!({"faults": [{"kind": "endless"}]});
    assert_eq!(fake.call("PUT", FAULTS, &plan).await.0, 200);
    let mut stream = fake.ask("POST", INBOX, "{}").await.unwrap();
    let mut read = vec![0; 1 << 20];
    stream.read_exact(&mut read).await.unwrap();
    assert!(read.starts_with(b"HTTP/1.1 200"));
}

#[tokio::test]
async fn a_wrong_fault_changes_nothing() {
    let fake = Fake::start().await;
    for wrong in [
        json!({"faults": [{"kind": "nothing"}]}),
        json!({"faults": [{"kind": "status", "status": 1}]}),
        json!({"faults": [{"kind": "close", "share": 1.5}]}),
        json!([]),
    ] {
        assert_eq!(fake.call("PUT", FAULTS, &wrong).await.0, 400, "{wrong}");
    }
    assert_eq!(fake.get(FAULTS).await, json!({"faults": []}));
}
