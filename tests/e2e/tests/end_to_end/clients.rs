//! The clients that people use: curl, PHP, and the official SDKs.

use std::fs;
use std::io::Write as _;
use std::path::PathBuf;
use std::process::Output;

use domain::message::email::sha256_hex;
use e2e::{Stack, root, unique};
use serde_json::{Value, json};
use tokio::process::Command;

use super::emails::address;

/// Returns the README's first call, exactly as printed.
fn readme_call() -> String {
    let readme = fs::read_to_string(root().join("README.md")).expect("there is a README");
    let start = readme
        .find("curl \"$MAILQUEUE_URL/emails\" \\")
        .expect("the README begins with a call by curl");
    let call = readme[start..]
        .split("\n# {")
        .next()
        .expect("the answer follows the call");
    call.to_owned()
}

#[tokio::test]
async fn curl_sends_the_example_of_the_readme() {
    let stack = Stack::shared().await;
    let name = unique("curl");
    let typed = readme_call()
        .replace("ann@example.com", &address(&name))
        .replace("order-1042-confirmation", &name);
    assert_eq!(typed.matches(&name).count(), 2, "{typed}");
    let mut shell = Command::new("sh");
    shell.arg("-c").arg(typed).env("no_proxy", "127.0.0.1");
    let answer = last_line(&shell.output().await.expect("sh can be run"));
    let id = answer["id"].as_str().expect("the answer has an id");

    let email = stack.api.wait_for_delivery(id).await;
    assert_eq!(email["object"], "email");
    assert_eq!(email["status"], "sent");
    assert_eq!(email["from"], "Shop <shop@example.com>");
    assert_eq!(email["to"], json!([address(&name)]));
    assert_eq!(email["subject"], "Your order 1042");
    assert_eq!(email["html"], "<p>Thank you, Ann!</p>");
    assert_eq!(email["attempts"], 1);
    assert_eq!(email["maybe_duplicate"], false);
    let message = stack.inbox.only(&name).await;
    assert_eq!(message.email_id(), id);
    assert_eq!(message.html.as_deref(), Some("<p>Thank you, Ann!</p>"));
    assert_eq!(message.text.as_deref(), Some("Thank you, Ann!"));
}

/// Returns the first code of a section of docs/SDKS.md, with the recipient and the idempotency key of one test.
fn example(section: &str, key: &str, name: &str) -> String {
    let page = fs::read_to_string(root().join("docs/SDKS.md")).expect("the page of the clients exists");
    let (_, section) = page
        .split_once(&format!("\n## {section}\n"))
        .expect("the page has the section");
    let code = section.split("```").nth(1).expect("the section has code");
    let (_, code) = code.split_once('\n').expect("the code begins behind its language");
    let code = code.replace("ann@example.com", &address(name)).replace(key, name);
    assert_eq!(code.matches(name).count(), 2, "one recipient and one key: {code}");
    code
}

/// Runs an example twice, each time with a line that prints the id: the second answer is the first one.
async fn sends_once(mut command: Command, name: &str) {
    let stack = Stack::shared().await;
    command
        .env("MAILQUEUE_URL", stack.api.url())
        .env("MAILQUEUE_API_KEY", stack.api.key())
        .env("RESEND_BASE_URL", stack.api.url())
        .env("RESEND_API_URL", stack.api.url())
        .env("RESEND_API_KEY", stack.api.key())
        .env("NO_PROXY", "127.0.0.1")
        .env("no_proxy", "127.0.0.1");
    let mut ids = Vec::new();
    for _ in 0..2 {
        ids.push(last_line(&command.output().await.expect("the example can be run")));
    }
    stack.api.wait_for_delivery(ids[0].as_str().expect("an id")).await;
    let message = stack.inbox.only(name).await;
    assert_eq!(ids, [message.email_id(), message.email_id()]);
    assert_eq!(message.text.as_deref(), Some("Thank you, Ann!"));
}

#[tokio::test]
async fn the_documented_node_example_sends_once() {
    let name = unique("node-example");
    let code = example("Node, with Resend's SDK", "order-1042-node", &name);
    let mut node = Command::new("node");
    node.args(["--input-type=module", "--eval"])
        .arg(format!("{code}\nconsole.log(JSON.stringify(error ?? data.id));"))
        .current_dir(installed().join("node"));
    sends_once(node, &name).await;
}

#[tokio::test]
async fn the_documented_python_example_sends_once() {
    let name = unique("python-example");
    let code = example("Python, with Resend's SDK", "order-1042-python", &name);
    let mut python = Command::new(installed().join("venv/bin/python"));
    python
        .arg("-c")
        .arg(format!("{code}\nimport json\nprint(json.dumps(email['id']))"));
    sends_once(python, &name).await;
}

#[tokio::test]
async fn the_documented_php_example_sends_once() {
    if is_php_missing().await {
        return;
    }
    let name = unique("php-example");
    let code = example("PHP without a library", "order-1042-invoice", &name);
    let mut php = Command::new("php");
    php.arg("-r").arg(format!("{code}\necho json_encode($answer['id']);"));
    sends_once(php, &name).await;
}

/// Whether PHP is missing. The skip is visible, because it bypasses the test runner's capture.
async fn is_php_missing() -> bool {
    let is_missing = Command::new("php").arg("--version").output().await.is_err();
    if is_missing {
        writeln!(std::io::stderr(), "SKIPPED: php is not installed").expect("stderr takes a line");
    }
    is_missing
}

#[tokio::test]
async fn a_php_site_sends_an_order_confirmation() {
    let stack = Stack::shared().await;
    if is_php_missing().await {
        return;
    }
    let name = unique("php");
    let script = scripts().join("php").join("shop.php");
    let mut php = Command::new("php");
    php.arg(script)
        .env("MAILQUEUE_URL", stack.api.url())
        .env("MAILQUEUE_API_KEY", stack.api.key());
    let answer = run(php, &name).await;
    let message = stack.inbox.only(&name).await;
    assert_eq!(answer["single"], message.email_id());
    assert_eq!(message.subject, "Ihre Bestellung 4711 ✓");
    assert_eq!(message.tag("order"), "4711");
}

#[tokio::test]
async fn the_official_node_sdk_works_unchanged() {
    let mut node = Command::new("node");
    node.arg(scripts().join("node").join("sdk.js"))
        .env("NODE_PATH", installed().join("node/node_modules"));
    sdk(node, "node", "RESEND_BASE_URL").await;
}

#[tokio::test]
async fn the_official_python_sdk_works_unchanged() {
    let mut python = Command::new(installed().join("venv/bin/python"));
    python.arg(scripts().join("python").join("sdk.py"));
    sdk(python, "python", "RESEND_API_URL").await;
}

#[tokio::test]
async fn the_node_sdk_methods_behave_as_the_table_says() {
    let mut node = Command::new("node");
    node.arg(scripts().join("node").join("methods.js"))
        .env("NODE_PATH", installed().join("node/node_modules"));
    methods(node, "node", "RESEND_BASE_URL").await;
}

#[tokio::test]
async fn the_python_sdk_methods_behave_as_the_table_says() {
    let mut python = Command::new(installed().join("venv/bin/python"));
    python
        .args(["-W", "ignore::DeprecationWarning"])
        .arg(scripts().join("python").join("methods.py"));
    methods(python, "python", "RESEND_API_URL").await;
}

/// Runs a script that calls every method of an SDK, and compares the answers with the documented ones.
async fn methods(mut command: Command, label: &str, url_variable: &str) {
    let stack = Stack::shared().await;
    command
        .env(url_variable, stack.api.url())
        .env("RESEND_API_KEY", stack.api.key());
    let answered = run(command, &unique(label)).await;
    let claims = fs::read_to_string(scripts().join("methods.json")).expect("the documented answers exist");
    let claims: Value = serde_json::from_str(&claims).expect("the documented answers are JSON");
    let claims = claims[label].as_object().expect("the SDK has documented answers");
    let answered = answered.as_object().expect("each method has an answer");
    let listed = |name: &str| claims.get(name.strip_suffix("_async").unwrap_or(name));
    let others: Vec<_> = answered
        .iter()
        .filter(|(name, answer)| listed(name) != Some(answer))
        .collect();
    assert!(
        others.is_empty(),
        "answers that differ from the documented ones: {others:?}"
    );
    let gone: Vec<_> = claims.keys().filter(|name| !answered.contains_key(*name)).collect();
    assert!(gone.is_empty(), "documented, but no method of the SDK: {gone:?}");
}

#[test]
fn the_documented_table_of_methods_is_the_tested_one() {
    let check = std::process::Command::new(scripts().join("table"))
        .arg("--check")
        .output();
    let output = check.expect("python3 can be run");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

/// Runs an SDK's script, and checks the received messages.
async fn sdk(mut command: Command, label: &str, url_variable: &str) {
    let stack = Stack::shared().await;
    let name = unique(label);
    command
        .env(url_variable, stack.api.url())
        .env("RESEND_API_KEY", stack.api.key());
    let answer = run(command, &name).await;

    let messages = stack.inbox.to(&name).await;
    let ids: Vec<&str> = messages.iter().map(e2e::Message::email_id).collect();
    let sent = |id: &Value| ids.iter().filter(|sent| *id == **sent).count();
    assert_eq!(sent(&answer["single"]), 1);
    let batch = answer["batch"].as_array().expect("the batch's ids");
    assert!(batch.iter().all(|id| sent(id) == 1), "{batch:?} in {ids:?}");
    for message in messages
        .iter()
        .filter(|message| batch.iter().any(|id| *id == message.email_id()))
    {
        let files: Vec<_> = message.attachments.iter().map(|file| file.sha256.clone()).collect();
        assert_eq!(files, [sha256_hex(message.subject.as_bytes())]);
    }

    let single = messages
        .iter()
        .find(|message| answer["single"] == message.email_id())
        .expect("sent");
    assert_eq!(single.from, "=?UTF-8?B?QWRhJ3MgQsO8Y2hlcg==?= <shop@mailqueue.example>");
    assert_eq!(
        (single.cc.as_slice(), single.bcc.as_slice()),
        (&["cc@example.com".to_owned()][..], &["bcc@example.com".to_owned()][..])
    );
    assert_eq!(single.reply_to, ["help@mailqueue.example"]);
    assert_eq!(single.subject, "Ihre Bestellung ✓");
    assert_eq!(
        (single.html.as_deref(), single.text.as_deref()),
        (Some("<p>Danke!</p>"), Some("Danke!"))
    );
    assert!(
        single
            .headers
            .iter()
            .any(|header| header.name == "X-Order" && header.value == "4711")
    );
    assert_eq!(single.tag("kind"), "order");
    let files = single.attachments.iter();
    let files: Vec<_> = files
        .map(|file| (file.filename.as_str(), file.content_id.as_deref(), file.sha256.clone()))
        .collect();
    let (pdf, png) = (sha256_hex(b"%PDF-"), sha256_hex(&[137, 80, 78, 71]));
    assert_eq!(files, [("Rechnung Ä.pdf", None, pdf), ("logo.png", Some("logo"), png)]);
}

/// Runs a script that sends to `name`; its last line is JSON.
async fn run(mut command: Command, name: &str) -> Value {
    command
        .env("RECIPIENT", address(name))
        .env("no_proxy", "127.0.0.1")
        .env("NO_PROXY", "127.0.0.1");
    command.env_remove("HTTP_PROXY").env_remove("http_proxy");
    let output = command.output().await;
    last_line(&output.unwrap_or_else(|error| panic!("{command:?} cannot be run ({error}): run `make test`")))
}

fn last_line(output: &Output) -> Value {
    let text = String::from_utf8_lossy(&output.stdout);
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "it failed: {text}\n{said}");
    let line = text.lines().last().unwrap_or_default();
    serde_json::from_str(line).unwrap_or_else(|_| panic!("its last line is no JSON: {text}\n{said}"))
}

fn scripts() -> PathBuf {
    root().join("tests").join("clients")
}

/// Returns the directory to which `tests/clients/install` installs the SDKs.
fn installed() -> PathBuf {
    root().join(".local").join("clients")
}
