//! The system identifies the caller.

use std::path::Path;
use std::process::Stdio;

use tokio::process::Command;

use crate::proxy::Proxy;

/// Calls from a shell, with a function's name in its environment as Lambda does it.
async fn call_as(proxy: &Proxy, function: Option<&str>) {
    let script = format!(
        "exec 3<>/dev/tcp/127.0.0.1/{} && printf 'GET /x HTTP/1.1\\r\\nHost: x\\r\\nConnection: close\\r\\n\\r\\n' >&3 && cat <&3",
        proxy.port()
    );
    let mut shell = Command::new("bash");
    shell.args(["-c", &script]).env_clear().stdout(Stdio::null());
    if let Some(function) = function {
        shell.env("AWS_LAMBDA_FUNCTION_NAME", function);
    }
    assert!(shell.status().await.unwrap().success());
}

#[tokio::test]
async fn a_caller_is_named_by_its_function_or_program() {
    if !Path::new("/proc/self/environ").exists() {
        return; // This system does not show its processes, so that every caller is unknown.
    }
    let proxy = Proxy::start().await;
    call_as(&proxy, Some("mailqueue-send")).await;
    call_as(&proxy, None).await;
    let calls = proxy.get("calls").await;
    assert_eq!(
        (&calls[0]["caller"], &calls[1]["caller"]),
        (&"mailqueue-send".into(), &"bash".into())
    );
    let processes = [&calls[0]["process"], &calls[1]["process"]];
    assert!(
        processes.iter().all(|process| process.is_u64()) && processes[0] != processes[1],
        "{processes:?}"
    );
}

#[tokio::test]
async fn a_rule_applies_only_to_its_caller() {
    if !Path::new("/proc/self/environ").exists() {
        return;
    }
    let proxy = Proxy::start().await;
    proxy
        .faults(serde_json::json!([{"kind": "drop_before", "caller": "mailqueue-send"}]))
        .await;
    call_as(&proxy, Some("mailqueue-promote")).await;
    call_as(&proxy, Some("mailqueue-send")).await;
    assert_eq!(proxy.effects(), 1);
    let calls = proxy.get("calls").await;
    assert_eq!(
        (&calls[0]["outcome"], &calls[1]["outcome"]),
        (&"answered".into(), &"dropped".into())
    );
}
