//! Every field, with every invalid value.

use serde_json::{Value, json};

use super::super::emails::email_with;
use super::{Refusal, bad, case, missing, refuse_all};

fn bad_from() -> Refusal {
    (422, "invalid_from_address", "from: ".to_owned())
}

#[tokio::test]
async fn a_refusal_names_the_path_of_the_field() {
    refuse_all(|to| {
        let cases = bad_fields(to).into_iter().chain(bad_headers()).chain(bad_tags());
        let single = |(what, changes, refusal): (String, Value, Refusal)| {
            case(what, "/emails", email_with(to, changes).to_string(), refusal)
        };
        cases.map(single).collect()
    })
    .await;
}

/// A description, changes to a valid email, and the resulting refusal.
type Bad = (String, Value, Refusal);

fn bad_fields(to: &str) -> Vec<Bad> {
    let mut cases: Vec<Bad> = Vec::new();
    let mut add = |changes: Value, refusal: Refusal| {
        let text = changes.to_string();
        cases.push((text.chars().take(100).collect(), changes, refusal));
    };

    for field in ["from", "to", "subject"] {
        add(json!({ field: null }), missing(field));
    }
    add(json!({"text": null}), missing("html"));
    add(json!({"text": "", "html": ""}), bad("html"));
    add(json!({"subject": ""}), bad("subject"));
    add(json!({"subject": " "}), bad("subject"));
    add(json!({"subject": "x".repeat(2000)}), bad("subject"));
    add(json!({"to": []}), bad("to"));

    // Unknown and misspelled fields, and values for later versions.
    for (field, value) in [
        ("form", json!("x")),
        ("ReplyTo", json!("a@example.com")),
        ("ScheduledAt", json!("2030-01-01T00:00:00Z")),
        ("scheduled_at", json!("tomorrow")),
        ("scheduled_at", json!("2020-01-01T00:00:00Z")),
        ("scheduled_at", json!("2099-01-01T00:00:00Z")),
        ("scheduled_at", json!("2030-01-01T00:00:00")),
        ("scheduled_at", json!("in 1 month")),
        ("scheduled_at", json!(1_900_000_000)),
        ("expires_at", json!("soon")),
        ("expires_at", json!("2020-01-01T00:00:00Z")),
        ("expires_at", json!(["2030-01-01T00:00:00Z"])),
        ("expires_in_seconds", json!(60)),
        ("on_uncertain", json!("never")),
        ("on_uncertain", json!(true)),
        ("priority", json!("highest")),
        ("priority", json!(1)),
        ("tracking", json!("true")),
        ("queue", json!("no-such-queue")),
        ("queue", json!("Not a name")),
        ("template", json!({"id": "x"})),
        ("topic_id", json!("x")),
    ] {
        add(json!({ field: value }), bad(field));
    }

    add(
        json!({"scheduled_at": "in 2 hours", "expires_at": "in 1 hour"}),
        bad("expires_at"),
    );

    // Wrong types.
    for field in ["from", "subject", "html", "text"] {
        for value in [json!(1), json!(true), json!(["x"]), json!({})] {
            add(json!({ field: value }), bad(field));
        }
    }
    for field in ["to", "cc", "bcc", "reply_to"] {
        for value in [json!(1), json!(true), json!({})] {
            add(json!({ field: value }), bad(field));
        }
        add(json!({ field: [to, 1] }), bad(format!("{field}[1]")));
        add(json!({ field: [to, [to]] }), bad(format!("{field}[1]")));
        add(json!({ field: vec![to; 51] }), bad(field));
    }
    add(
        json!({"to": vec![to; 30], "cc": vec![to; 15], "bcc": vec![to; 6]}),
        bad("to"),
    );

    // Line breaks and NUL: in every field where they could end a header. NUL in a content is dropped.
    for control in ["\r\nBcc: evil@example.com", "\n", "\r", "\0"] {
        add(json!({"from": format!("a{control}@example.com")}), bad_from());
        add(json!({"from": format!("A{control} <a@example.com>")}), bad_from());
        for field in ["to", "cc", "bcc", "reply_to"] {
            add(json!({ field: format!("a@example.com{control}") }), bad(field));
            add(
                json!({ field: [to, format!("A{control} <a@example.com>")] }),
                bad(format!("{field}[1]")),
            );
        }
        // Spaces and line breaks at the ends of a subject are dropped.
        add(json!({"subject": format!("Hi{control}Ann")}), bad("subject"));
    }

    for address in bad_addresses() {
        add(json!({"from": address}), bad_from());
        add(json!({"to": address}), bad("to"));
        for field in ["to", "cc", "bcc", "reply_to"] {
            // A blank entry of another list names nobody.
            if field == "to" || !address.trim().is_empty() {
                add(json!({ field: [to, address] }), bad(format!("{field}[1]")));
            }
        }
    }
    cases
}

fn bad_addresses() -> Vec<String> {
    let long_local = format!("{}@example.com", "a".repeat(65));
    let long_label = format!("a@{}.com", "b".repeat(64));
    let long_domain = format!("a@{}com", "b.".repeat(126));
    let long_address = format!("{}@{}com", "a".repeat(64), "b.".repeat(95));
    let long_name = format!("{} <a@example.com>", "x".repeat(1000));
    let fixed = [
        "",
        " ",
        "nobody",
        "@example.com",
        "a@",
        "a@@example.com",
        "a@b@example.com",
        "a b@example.com",
        ".a@example.com",
        "a..b@example.com",
        "a@localhost",
        "a@example..com",
        "a@-example.com",
        "a@ex_ample.com",
        "a@example.com.",
        "a@[192.0.2.1]",
        "a@192.0.2.1",
        "ä@example.com",
        "Ä <ä@example.com>",
        "\"a@b.co\"@example.com",
        "a@example.com, b@example.com",
        "a@example.com;b@example.com",
        "<a@example.com>, <b@example.com>",
        "group: a@example.com;",
        "group:;",
        "a(comment)@example.com",
        "<@relay.example:a@example.com>",
        "@relay.example:a@example.com",
        "Ada <a@example.com",
        "Ada a@example.com>",
        "<<a@example.com>>",
        "Ada <a@example.com> x",
        "Ada, b@example.com <a@example.com>",
    ];
    fixed
        .map(str::to_owned)
        .into_iter()
        .chain([long_local, long_label, long_domain, long_address, long_name])
        .collect()
}

fn bad_headers() -> Vec<Bad> {
    let mut cases: Vec<Bad> = Vec::new();
    let mut add = |headers: Value, path: String| {
        cases.push((
            headers.to_string().chars().take(100).collect(),
            json!({ "headers": headers }),
            bad(path),
        ));
    };
    add(json!("X-A: 1"), "headers".to_owned());
    add(json!([{"key": "X-A"}]), "headers[0].key".to_owned());
    add(json!({"X-A": true}), "headers.X-A".to_owned());
    add(json!({"X-A": ""}), "headers.X-A".to_owned());
    add(json!({"X-A": "x".repeat(871)}), "headers.X-A".to_owned());
    add(json!({"X-A": "ü".repeat(500)}), "headers.X-A".to_owned());
    add(json!({"X-A": "1", "x-a": "2"}), "headers.x-a".to_owned());
    let many: serde_json::Map<String, Value> = (0..15).map(|at| (format!("X-{at}"), json!("1"))).collect();
    add(Value::Object(many), "headers".to_owned());
    // The message does not repeat an invalid name.
    for name in [
        "",
        "X A",
        "X-Ä",
        &"X".repeat(127),
        "X-A\r\nBcc",
        "X-A\n",
        "X-A\r",
        "X-A\0",
        "\tX",
    ] {
        add(json!({ name: "1" }), "headers".to_owned());
    }
    add(json!({"X:A": "1"}), "headers.X:A".to_owned());
    for control in ["\r\nBcc: evil@example.com", "\n", "\r", "\0", "\u{1b}"] {
        add(json!({"X-A": format!("1{control}")}), "headers.X-A".to_owned());
    }
    for name in [
        "From",
        "To",
        "CC",
        "bcc",
        "Reply-To",
        "SUBJECT",
        "Received",
        "X-Email-Id",
        "Content-Type",
        "content-transfer-encoding",
        "DKIM-Signature",
        "X-SES-CONFIGURATION-SET",
        "x-ses-message-tags",
        "ARC-Seal",
        "Resent-To",
    ] {
        add(json!({ name: "1" }), format!("headers.{name}"));
    }
    cases
}

fn bad_tags() -> Vec<Bad> {
    let tag = |name: &str, value: &str| json!({"name": name, "value": value});
    let long = "x".repeat(257);
    let mut cases = vec![
        (json!({"a": "b"}), bad("tags")),
        (json!(["a"]), bad("tags[0]")),
        (json!([{"name": "a"}]), missing("tags[0].value")),
        (json!([{"value": "a"}]), missing("tags[0].name")),
        (json!([{"name": "a", "value": true}]), bad("tags[0].value")),
        (json!([{"name": "a", "value": "b", "c": "d"}]), bad("tags[0].c")),
        (json!([tag("a", "1"), tag("a", "2")]), bad("tags[1].name")),
        (json!(vec![tag("a", "1"); 47]), bad("tags")),
    ];
    for name in ["", "a b", "ä", "a.b", "a\r\nb", "a\0", "mq_id", "MQ_born", &long] {
        cases.push((json!([tag("good", "1"), tag(name, "1")]), bad("tags[1].name")));
    }
    for value in ["", "a b", "ä", "a.b", "a\r\nb", "a\0", &long] {
        cases.push((json!([tag("a", value)]), bad("tags[0].value")));
    }
    let named = |(tags, refusal): (Value, Refusal)| {
        (
            tags.to_string().chars().take(100).collect(),
            json!({"tags": tags}),
            refusal,
        )
    };
    cases.into_iter().map(named).collect()
}
