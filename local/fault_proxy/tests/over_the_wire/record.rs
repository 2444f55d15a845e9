//! The record of calls.

use std::fs;

use fault_proxy::settings::Settings;
use serde_json::{Value, json};

use crate::proxy::{Proxy, UPDATE, eventually};
use crate::upstream::Effects;

const EMAIL: &str = "0196f2a4-6c3e-4b7a-9d21-0f5e8c7b6a59";

#[tokio::test]
async fn a_call_is_open_until_its_answer() {
    let proxy = Proxy::start().await;
    proxy
        .faults(json!([{"kind": "delay_after", "delay_ms": 300, "count": 1}]))
        .await;
    let call = proxy.call(UPDATE, EMAIL);
    let open = async {
        eventually(async || !proxy.get("calls/open").await.as_array().unwrap().is_empty()).await;
        proxy.get("calls/open").await[0].clone()
    };
    let (_, open) = tokio::join!(call, open);
    assert_eq!(
        (&open["outcome"], &open["emails"], &open["faults"]),
        (&json!("open"), &json!([EMAIL]), &json!(["delay_after"]))
    );
    let ended = proxy.get(&format!("calls/{}", open["number"])).await;
    assert_eq!((&ended["outcome"], &ended["status"]), (&json!("answered"), &json!(200)));
    assert_eq!(proxy.get("calls/open").await, json!([]));
}

#[tokio::test]
async fn each_outcome_of_a_call_is_recorded() {
    let proxy = Proxy::start().await;
    proxy.call(UPDATE, "{}").await;
    proxy.faults(json!([{"kind": "drop_after", "count": 1}])).await;
    proxy.call(UPDATE, "{}").await;
    proxy.faults(json!([{"kind": "delay_before", "delay_ms": 400}])).await;
    let stream = proxy.ask("POST", "/", UPDATE, "{}").await;
    eventually(async || proxy.get("calls/open").await.as_array().unwrap().len() == 1).await;
    drop(stream);
    eventually(async || proxy.get("calls").await.as_array().unwrap().len() == 3).await;
    let calls = proxy.get("calls").await;
    let outcomes: Vec<_> = calls
        .as_array()
        .unwrap()
        .iter()
        .map(|call| call["outcome"].as_str().unwrap())
        .collect();
    assert_eq!(outcomes, ["answered", "dropped", "gone"]);
}

#[tokio::test]
async fn a_call_to_a_missing_upstream_is_counted() {
    let settings = Settings {
        port: 0,
        // No process listens on port 1.
        aws: "http://127.0.0.1:1".to_owned(),
        ses: "http://127.0.0.1:1".to_owned(),
        seed: None,
        log: None,
    };
    let proxy = Proxy::serve(&settings, Effects::default(), Effects::default()).await;
    assert_eq!(proxy.call(UPDATE, "{}").await.0, 0);
    assert_eq!(proxy.get("stats").await["unanswered"], json!({"dynamodb": 1}));
}

#[tokio::test]
async fn calls_are_counted_and_logged_by_caller_and_action() {
    let log = std::env::temp_dir().join(format!("fault-proxy-{}.jsonl", std::process::id()));
    let proxy = Proxy::start_with(Some(log.clone())).await;
    for _ in 0..3 {
        proxy.call(UPDATE, EMAIL).await;
    }
    let calls = proxy.get("stats").await["calls"].clone();
    let counts: Vec<_> = calls.as_object().unwrap().values().collect();
    assert_eq!(counts, [&json!({"dynamodb:UpdateItem": 3})]);
    let written = fs::read_to_string(&log).unwrap();
    fs::remove_file(log).unwrap();
    let lines: Vec<Value> = written
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(
        (lines.len(), &lines[2]["number"], &lines[2]["emails"]),
        (3, &json!(3), &json!([EMAIL]))
    );
}
