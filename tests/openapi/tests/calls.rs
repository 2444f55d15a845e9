//! Calls of every operation, with their expected statuses.

use domain::id::AttachmentId;
use memory::samples;
use serde_json::json;

use crate::access_calls::calls_of_access;
use crate::caller::Call;
use crate::webhook_calls::calls_of_webhooks;

pub(crate) const FIRST: &str = "/emails/01010101-0101-4101-8101-010101010101";

const SECOND: &str = "/emails/02020202-0202-4202-8202-020202020202";

const THIRD: &str = "/emails/03030303-0303-4303-8303-030303030303";

pub(crate) const NOBODYS: &str = "/emails/00000000-0000-4000-8000-000000000000";

/// The token of a preview, and the code of a console, in the samples.
pub(crate) const TOKEN: &str = "a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5";

const BY_KEY: &str = "key=01010101-0101-4101-8101-010101010101";

pub(crate) const EMAIL: &str = r#"{"from":"a@example.com","to":"b@example.com","subject":"S","text":"T"}"#;

/// Returns calls with their expected statuses; each runs in a backend of its own. The first call of each operation
/// succeeds.
pub(crate) fn calls() -> Vec<(Call, u16)> {
    let call = Call::new;
    let large = format!("\"{}\"", "x".repeat(domain::limits::REQUEST_BYTES));
    let rich = json!({
        "from": "A <a@example.com>", "to": ["b@example.com"], "cc": "c@example.com", "bcc": [], "reply_to": "d@example.com",
        "subject": "S", "html": "<p>T</p>", "headers": {"X-A": "1"}, "tags": [{"name": "a", "value": "b"}],
        "scheduled_at": "in 1 hour", "expires_at": "in 2 hours", "on_uncertain": "hold",
        "queue": "news", "priority": "high", "attachments": [{"filename": "a.txt", "content": "aGk="}],
    });
    let file = AttachmentId::at(samples::id(3), 0);
    let again = r#"{"scheduled_at":"in 1 hour"}"#;
    vec![
        (call("send_email", "/emails").body(rich.to_string()), 200),
        (
            call("send_email", "/emails")
                .query("dry_run=true")
                .body(rich.to_string()),
            200,
        ),
        (call("send_email", "/emails").query("dry_run=x").body(EMAIL), 422),
        (call("send_email", "/emails").body("{"), 400),
        (
            call("send_email", "/emails").body(EMAIL).header("idempotency-key", ""),
            400,
        ),
        (call("send_email", "/emails").body(large.clone()), 413),
        (call("send_email", "/emails").body("{}"), 422),
        (
            call("send_emails", "/emails/batch").body(format!("[{EMAIL},{EMAIL}]")),
            200,
        ),
        (
            call("send_emails", "/emails/batch")
                .body(format!("[{EMAIL},1]"))
                .header("x-batch-validation", "permissive"),
            200,
        ),
        (call("send_emails", "/emails/batch").body("{}"), 400),
        (call("send_emails", "/emails/batch").body(large.clone()), 413),
        (call("send_emails", "/emails/batch").body("[1]"), 422),
        (
            call("send_emails", "/emails/batch")
                .body(format!("[{EMAIL}]"))
                .header("x-batch-validation", "lax"),
            422,
        ),
        (call("list_emails", "/emails"), 200),
        (call("list_emails", "/emails").query("limit=1"), 200),
        (
            call("list_emails", "/emails").query("limit=1&to=b@example.com&since=1970-01-01"),
            200,
        ),
        (call("list_emails", "/emails").query("limit=0"), 422),
        (call("get_email", FIRST), 200),
        (call("get_email", SECOND), 200),
        (call("get_email", NOBODYS), 404),
        (call("reschedule_email", FIRST).body(again), 200),
        (call("reschedule_email", FIRST).body("[]"), 400),
        (call("reschedule_email", NOBODYS).body(again), 404),
        (call("reschedule_email", SECOND).body(again), 409),
        (call("reschedule_email", FIRST).body(large.clone()), 413),
        (call("reschedule_email", FIRST).body("{}"), 422),
        (call("cancel_email", &format!("{FIRST}/cancel")), 200),
        (call("cancel_email", &format!("{NOBODYS}/cancel")), 404),
        (call("cancel_email", &format!("{SECOND}/cancel")), 409),
        (call("release_emails", "/emails/release").query(BY_KEY), 202),
        (call("release_emails", "/emails/release").query("restored=true"), 202),
        (call("release_emails", "/emails/release"), 422),
        (call("release_emails", "/emails/release").query("key=x"), 422),
        (call("cancel_emails", "/emails/cancel").query(BY_KEY), 200),
        (
            call("cancel_emails", "/emails/cancel").query("from_domain=a.example"),
            200,
        ),
        (call("cancel_emails", "/emails/cancel").query("restored=true"), 200),
        (call("cancel_emails", "/emails/cancel").query("after=x"), 422),
        (call("retry_email", &format!("{SECOND}/retry")), 200),
        (call("retry_email", &format!("{SECOND}/retry")).body("1"), 400),
        (call("retry_email", &format!("{NOBODYS}/retry")), 404),
        (call("retry_email", &format!("{FIRST}/retry")), 409),
        (call("retry_email", &format!("{SECOND}/retry")).body(large.clone()), 413),
        (
            call("retry_email", &format!("{SECOND}/retry")).body(r#"{"force":1}"#),
            422,
        ),
        (call("erase_email", SECOND), 200),
        (call("erase_email", NOBODYS), 404),
        (call("erase_email", FIRST), 409),
        (call("list_events", &format!("{SECOND}/events")), 200),
        (call("list_events", &format!("{NOBODYS}/events")), 404),
        (call("list_attachments", &format!("{THIRD}/attachments")), 200),
        (
            call("list_attachments", &format!("{THIRD}/attachments")).query("limit=1"),
            200,
        ),
        (call("list_attachments", &format!("{NOBODYS}/attachments")), 404),
        (
            call("list_attachments", &format!("{THIRD}/attachments")).query("limit=0"),
            422,
        ),
        (call("get_attachment", &format!("{THIRD}/attachments/{file}")), 200),
        (call("get_attachment", &format!("{FIRST}/attachments/{file}")), 404),
        (call("create_preview", &format!("{FIRST}/preview")), 200),
        (call("create_preview", &format!("{NOBODYS}/preview")), 404),
        (call("show_preview", &format!("/previews/{TOKEN}")), 200),
        (call("show_preview", "/previews/x"), 404),
        (call("describe", "/openapi.json"), 200),
    ]
    .into_iter()
    .chain(calls_of_queues(&large))
    .chain(calls_of_others(&large))
    .chain(calls_of_access(&large))
    .chain(calls_of_webhooks(&large))
    .collect()
}

fn calls_of_queues(large: &str) -> Vec<(Call, u16)> {
    let call = Call::new;
    let (news, nowhere) = ("/queues/news", "/queues/nowhere");
    let mut calls = vec![
        (call("list_queues", "/queues"), 200),
        (
            call("create_queue", "/queues").body(r#"{"name":"more","priority":"low","rate_per_second":1}"#),
            201,
        ),
        (call("create_queue", "/queues").body("{"), 400),
        (call("create_queue", "/queues").body(r#"{"name":"news"}"#), 409),
        (call("create_queue", "/queues").body(large), 413),
        (call("create_queue", "/queues").body("{}"), 422),
        (call("get_queue", news), 200),
        (call("get_queue", nowhere), 404),
        (call("change_queue", news).body(r#"{"rate_per_second":null}"#), 200),
        (call("change_queue", news).body("["), 400),
        (call("change_queue", nowhere).body("{}"), 404),
        (call("change_queue", news).body(large), 413),
        (call("change_queue", news).body(r#"{"priority":"x"}"#), 422),
        (call("delete_queue", news), 200),
        (call("delete_queue", "/queues/full").query("cancel=true"), 200),
        (call("delete_queue", nowhere), 404),
        (call("delete_queue", "/queues/full"), 409),
        (call("delete_queue", "/queues/default"), 422),
        (call("resume_queue", "/queues/news/resume"), 200),
        (call("resume_queue", "/queues/nowhere/resume"), 404),
        (call("purge_queue", "/queues/news/purge"), 202),
        (call("purge_queue", "/queues/nowhere/purge"), 404),
        (call("restore_queue", "/queues/news/restore"), 202),
        (call("restore_queue", "/queues/nowhere/restore"), 404),
        (
            call("get_job", "/queues/news/jobs/09090909-0909-4909-8909-090909090909"),
            200,
        ),
        (
            call("get_job", "/queues/news/jobs/01010101-0101-4101-8101-010101010101"),
            404,
        ),
    ];
    for (name, command, status, body) in [
        (
            "pause_queue",
            "pause",
            200,
            r#"{"reason":"closed","until":"in 2 hours"}"#,
        ),
        (
            "redrive_queue",
            "retry",
            202,
            r#"{"cause":"rejected","since":"2026-11-24T09:30:00Z"}"#,
        ),
    ] {
        let path = format!("{news}/{command}");
        calls.extend([
            (call(name, &path).body(body), status),
            (call(name, &path).body("{"), 400),
            (call(name, &format!("{nowhere}/{command}")), 404),
            (call(name, &path).body(large), 413),
            (call(name, &path).body(r#"{"x":1}"#), 422),
        ]);
    }
    calls
}

fn calls_of_others(large: &str) -> Vec<(Call, u16)> {
    let call = Call::new;
    let (ada, nobody) = ("/suppressions/ada@example.com", "/suppressions/nobody@example.com");
    let mut calls = vec![
        (call("metrics", "/emails/metrics").query("dimensions=period"), 200),
        (call("metrics", "/emails/metrics").query("metrics=x"), 422),
        (call("usage", "/usage"), 200),
        (call("account", "/account"), 200),
        (call("open_metrics", "/metrics"), 200),
        (call("metrics", "/emails/metrics").query("metrics=accepted,sent"), 200),
        (call("failures", "/failures"), 200),
        (call("failures", "/failures").query("since=x"), 422),
        (call("list_suppressions", "/suppressions"), 200),
        (call("list_suppressions", "/suppressions").query("limit=0"), 422),
        (call("get_suppression", ada), 200),
        (call("get_suppression", nobody), 404),
        (call("remove_suppression", ada), 200),
        (call("remove_suppression", nobody), 404),
        (call("remove_suppression", "/suppressions/bea@example.com"), 422),
    ];
    calls.extend(calls_of_domains());
    for (name, path, status, good, bad) in [
        (
            "add_suppression",
            "/suppressions",
            201,
            r#"{"email":"eve@example.com"}"#,
            "{}",
        ),
        (
            "add_suppressions",
            "/suppressions/batch/add",
            201,
            r#"{"emails":["eve@example.com"]}"#,
            "{}",
        ),
        (
            "remove_suppressions",
            "/suppressions/batch/remove",
            200,
            r#"{"emails":["ada@example.com","eve@example.com"]}"#,
            "{}",
        ),
        (
            "invite_upload",
            "/attachments",
            200,
            r#"{"filename":"a.pdf","content_type":"application/pdf","size":9000000}"#,
            r#"{"filename":"a","size":0}"#,
        ),
        ("create_domain", "/domains", 201, r#"{"name":"shop.example"}"#, "{}"),
        (
            "update_domain",
            DOMAIN,
            200,
            r#"{"open_tracking":false}"#,
            r#"{"open_tracking":true}"#,
        ),
    ] {
        calls.extend([
            (call(name, path).body(good), status),
            (call(name, path).body("{"), 400),
            (call(name, path).body(large), 413),
            (call(name, path).body(bad), 422),
        ]);
    }
    calls
}

/// The path of the domain of the samples.
const DOMAIN: &str = "/domains/07070707-0707-4707-8707-070707070707";

fn calls_of_domains() -> Vec<(Call, u16)> {
    let call = Call::new;
    let nobodys = NOBODYS.replace("/emails", "/domains");
    let verify = format!("{DOMAIN}/verify");
    vec![
        (call("list_domains", "/domains"), 200),
        (call("list_domains", "/domains").query("limit=0"), 422),
        (call("get_domain", DOMAIN), 200),
        (call("get_domain", DOMAIN).query("format=x"), 422),
        (call("get_domain", &nobodys), 404),
        (
            call("create_domain", "/domains").body(r#"{"name":"books.example"}"#),
            409,
        ),
        (call("update_domain", &nobodys).body("{}"), 404),
        (call("verify_domain", &verify), 200),
        (call("verify_domain", &format!("{nobodys}/verify")), 404),
        (
            call("verify_domain", "/domains/08080808-0808-4808-8808-080808080808/verify"),
            409,
        ),
        (call("delete_domain", DOMAIN), 200),
        (call("delete_domain", &nobodys), 404),
    ]
}
