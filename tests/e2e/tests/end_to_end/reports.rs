//! The outcomes of emails, counted from the table's stream.

use std::collections::BTreeMap;

use e2e::{Api, Stack, eventually, unique};
use reqwest::Method;
use serde_json::{Value, json};

use super::emails::{address, email_to, email_with};

/// The counts that the tests compare.
const COUNTED: &str = "accepted,recipients,sent,delivered,suppressed,bounced,complained,failed,canceled,expired,rejected,unknown,\
     bounced_permanent,bounced_transient,delivery_delayed";

/// Returns the counts of the last hours, and the failures by cause.
async fn counted(api: &Api) -> BTreeMap<String, i64> {
    let metrics = api.get(&format!("/emails/metrics?metrics={COUNTED}")).await.ok();
    let totals = metrics["totals"].as_object().expect("totals are an object").clone();
    let count = |(name, number): (String, Value)| Some((name, number.as_i64()?));
    let mut counted: BTreeMap<String, i64> = totals.into_iter().filter_map(count).collect();
    let bytes = metrics["cost"]["attachment_bytes"].as_i64();
    counted.insert("attachment bytes".to_owned(), bytes.expect("bytes are a number"));
    let causes = metrics["failures"].as_array().expect("failures are a list").clone();
    for cause in causes {
        let name = format!("for {}", cause["cause"].as_str().expect("a cause has a name"));
        counted.insert(name, cause["count"].as_i64().unwrap_or(0));
    }
    counted
}

/// Waits until all changes so far are counted. The stream keeps their order, and the last changes are those of an
/// email in its own queue. A trigger may collect changes for its batching window of 20 seconds.
async fn all_counted(api: &Api) {
    let queue = unique("marker");
    let made = api.post("/queues", &json!({"name": queue})).await;
    assert_eq!(made.status, 201, "{made:?}");
    let id = api.send(&email_with(&address(&queue), json!({"queue": queue}))).await;
    api.wait_for_delivery(&id).await;
    eventually("the marker to be counted", || async {
        let metrics = api.get(&format!("/emails/metrics?queue={queue}")).await.ok();
        if metrics["totals"]["delivered"] == 1 {
            Ok(())
        } else {
            Err(metrics["totals"].to_string())
        }
    })
    .await;
}

/// Waits until only an email of this test changes the counts: all other emails are finished.
async fn at_rest(api: &Api) -> BTreeMap<String, i64> {
    all_counted(api).await;
    eventually("stable counts", || async {
        let mut expected = counted(api).await;
        for name in ["accepted", "sent", "recipients", "delivered"] {
            *expected.entry(name.to_owned()).or_default() += 1;
        }
        all_counted(api).await;
        let now = counted(api).await;
        if now == expected {
            Ok(now)
        } else {
            Err(format!("{now:?}, not {expected:?}"))
        }
    })
    .await
}

/// Returns this month's recipients of the accepted and of the sent emails.
async fn used_and_sent(api: &Api) -> [i64; 2] {
    let usage = api.get("/usage").await.ok();
    assert_eq!(usage["object"], "usage");
    ["used", "sent"].map(|field| usage["emails"]["monthly"][field].as_i64().expect("a number"))
}

#[tokio::test]
async fn metrics_count_exactly_the_sent_and_failed_emails() {
    let stack = Stack::alone().await;
    let before = at_rest(&stack.api).await;
    let used_before = used_and_sent(&stack.api).await;
    let name = unique("counted");
    let mut ids = Vec::new();
    for n in 0..7 {
        let files = if n == 0 {
            json!([{"filename": "a.txt", "content": "aGFsbG8="}])
        } else {
            Value::Null
        };
        let email = email_with(&address(&format!("{name}-{n}")), json!({"attachments": files}));
        ids.push(stack.api.send(&email).await);
    }
    for id in &ids {
        stack.api.wait_for_delivery(id).await;
    }
    let bounced = email_with(
        "",
        json!({"to": [address(&name), format!("bounce+{name}@simulator.amazonses.com")]}),
    );
    let bounced = stack.api.send(&bounced).await;
    stack.api.wait_for(&bounced, &json!({"last_event": "bounced"})).await;
    let mut failed = String::new();
    for _ in 0..3 {
        let email = email_with(&address(&name), json!({"from": "x@unverified.example"}));
        failed = stack.api.send(&email).await;
        stack.api.wait_for(&failed, &json!({"status": "failed"})).await;
    }
    let later = email_with(&address(&name), json!({"scheduled_at": "in 2 hours"}));
    let later = stack.api.send(&later).await;
    let canceled = stack.api.post(&format!("/emails/{later}/cancel"), &json!({})).await;
    assert_eq!(canceled.status, 200, "{}", canceled.body);

    let expected = [
        ("accepted", 13),
        ("sent", 9),
        ("recipients", 9),
        ("delivered", 8),
        ("bounced", 1),
        ("bounced_permanent", 1),
        ("failed", 3),
        ("canceled", 1),
        ("expired", 0),
        ("unknown", 0),
        ("complained", 0),
        ("for unverified_sender", 3),
        ("attachment bytes", 5),
    ];
    eventually("the counts of the sent emails", || async {
        let now = counted(&stack.api).await;
        let risen = |name: &str| {
            let of = |counted: &BTreeMap<String, i64>| counted.get(name).copied().unwrap_or(0);
            of(&now) - of(&before)
        };
        let risen = expected.map(|(name, _)| (name, risen(name)));
        if risen == expected {
            Ok(())
        } else {
            Err(format!("{risen:?}"))
        }
    })
    .await;

    let used = used_and_sent(&stack.api).await;
    let risen: Vec<i64> = used.iter().zip(used_before).map(|(now, before)| now - before).collect();
    assert_eq!(risen, [13, 9], "the usage counts recipients, as the metrics do");

    let failures = stack.api.get("/failures?queue=default").await.ok();
    let failures = failures["data"].as_array().expect("failures are a list").clone();
    let ours = failures.iter().find(|failure| failure["cause"] == "unverified_sender");
    let ours = ours.expect("the cause is listed");
    assert_eq!(ours["latest_email_id"], json!(failed));
    assert_eq!(
        ours["retry"],
        json!({"method": "POST", "path": "/queues/default/retry", "body": {"cause": "unverified_sender"}})
    );
    assert!(
        ours["advice"].as_str().is_some_and(|advice| advice.contains("Verify")),
        "{ours}"
    );
    let metrics = stack
        .api
        .get("/emails/metrics?metrics=sent&dimensions=period&granularity=hourly")
        .await
        .ok();
    let rows = metrics["data"].as_array().expect("rows").clone();
    let sum: i64 = rows.iter().filter_map(|row| row["sent"].as_i64()).sum();
    assert_eq!(json!(sum), metrics["totals"]["sent"]);
    let cost = metrics["cost"]["cost_usd"].as_f64().expect("a price");
    assert!(cost > 0.0, "{metrics}");
}

/// A pause of `tally` loses and doubles no count.
#[tokio::test]
async fn tally_catches_up_after_a_pause() {
    let stack = Stack::alone().await;
    let before = at_rest(&stack.api).await;
    stack.functions.switch("tally", false).await;
    let name = unique("behind");
    for n in 0..5 {
        let id = stack.api.send(&email_to(&address(&format!("{name}-{n}")))).await;
        stack.api.wait_for_delivery(&id).await;
    }
    assert_eq!(counted(&stack.api).await, before, "tally is switched off");
    stack.functions.switch("tally", true).await;
    eventually("the counts of the changes meanwhile", || async {
        let now = counted(&stack.api).await;
        let risen = ["accepted", "sent", "delivered"].map(|name| now[name] - before[name]);
        if risen == [5; 3] {
            Ok(())
        } else {
            Err(format!("{risen:?}"))
        }
    })
    .await;
}

#[tokio::test]
async fn the_deployer_sees_the_state_of_the_account() {
    let stack = Stack::shared().await;
    let account = stack.deployer.get("/account").await.ok();
    assert_eq!(
        (&account["object"], &account["tenant"]),
        (&json!("account"), &Value::Null)
    );
    assert!(account["ses"]["rate_per_second"].is_number(), "{account}");
    assert!(account["ses"]["sandbox"].is_boolean(), "{account}");
    assert!(account["breaker"]["state"].is_string(), "{account}");
    assert_eq!(account["table_throttles_last_hour"], 0, "{account}");
    for status in ["scheduled", "queued", "sending", "retry", "held"] {
        assert!(account["unfinished"][status].is_u64(), "{account}");
    }
    let own = stack.api.get("/account").await.ok();
    assert_eq!(own["tenant"], "main");
    for of_the_account in [
        "ses",
        "breaker",
        "feedback",
        "waiting_since",
        "oldest_due_at",
        "table_throttles_last_hour",
    ] {
        assert_eq!(own[of_the_account], Value::Null, "{own}");
    }
}

#[tokio::test]
async fn an_unfinished_email_is_in_the_figures() {
    let stack = Stack::shared().await;
    let (tenant, api) = super::tenants::tenant(&stack, json!({})).await;
    // The first request of the key: `reports` records the hour of its use.
    assert_eq!(api.get("/account").await.ok()["unfinished"]["scheduled"], 0);
    let later = email_with(&address(&unique("later")), json!({"scheduled_at": "in 2 hours"}));
    api.send(&later).await;
    eventually("the scheduled email in the figures", || async {
        let account = api.get("/account").await.ok();
        if account["unfinished"]["scheduled"] == 1 {
            Ok(())
        } else {
            Err(account.to_string())
        }
    })
    .await;
    let scraped = stack.deployer.request(Method::GET, "/metrics").send().await.unwrap();
    assert_eq!(
        scraped.headers()["content-type"],
        domain::api::open_metrics::OPEN_METRICS
    );
    let text = scraped.text().await.unwrap();
    for line in [
        format!("mailqueue_unfinished_emails{{tenant=\"{tenant}\",status=\"scheduled\"}} 1"),
        format!("mailqueue_emails_total{{tenant=\"{tenant}\",status=\"accepted\"}} 1"),
        "# TYPE mailqueue_ses_rate_per_second gauge".to_owned(),
    ] {
        assert!(text.lines().any(|found| found == line), "{line}: {text}");
    }
    let of_tenant = api.request(Method::GET, "/metrics").send().await.unwrap();
    let of_tenant = of_tenant.text().await.unwrap();
    assert!(
        of_tenant.contains(&tenant) && !of_tenant.contains("mailqueue_ses"),
        "{of_tenant}"
    );
}
