//! Mostly valid requests, each with at most one fault.

use arbitrary::{Result, Unstructured};
use serde_json::{Map, Value, json};

use super::texts;

/// An email in a caller's format. Its fields have any order, and one may occur twice.
pub(crate) fn email(u: &mut Unstructured<'_>) -> Result<String> {
    let mut fields = vec![
        ("from", Value::from(texts::mailbox(u)?)),
        ("to", recipients(u)?),
        ("subject", Value::from(texts::word(u, &["Hello", "Grüße", "canary"])?)),
        (
            "text",
            Value::from(texts::word(u, &["Hi", "line\r\nline", "canary", ""])?),
        ),
    ];
    for _ in 0..u.int_in_range(0..=5)? {
        fields.push(match u.int_in_range(0..=11)? {
            0 => ("cc", recipients(u)?),
            1 => ("bcc", recipients(u)?),
            2 => (*u.choose(&["reply_to", "replyTo"])?, recipients(u)?),
            3 => ("html", Value::from(texts::word(u, &["<p>Hi</p>", ""])?)),
            4 | 5 => ("headers", headers(u)?),
            6 | 7 => ("tags", tags(u)?),
            8 => (*u.choose(&["scheduled_at", "scheduledAt"])?, time(u)?),
            9 => ("expires_at", time(u)?),
            10 => ("on_uncertain", Value::from(texts::word(u, &["hold", "resend"])?)),
            _ => match *u.choose(&["attachments", "queue", "priority", "tracking", "x"])? {
                "attachments" => ("attachments", attachments(u)?),
                name => (name, other(u)?),
            },
        });
    }
    if u.ratio(1, 16)? {
        let index = u.choose_index(fields.len())?;
        fields.remove(index);
    }
    if u.ratio(1, 16)? {
        let index = u.choose_index(fields.len())?;
        if let Some((_, value)) = fields.get_mut(index) {
            *value = other(u)?;
        }
    }
    let fields: Vec<String> = fields
        .iter()
        .map(|(name, value)| format!("\"{name}\":{value}"))
        .collect();
    Ok(format!("{{{}}}", fields.join(",")))
}

/// A count: mostly small, otherwise around the limit.
fn count(u: &mut Unstructured<'_>, limit: usize) -> Result<usize> {
    if u.ratio(1, 8)? {
        u.int_in_range(limit.saturating_sub(2)..=limit + 2)
    } else {
        u.int_in_range(0..=3)
    }
}

fn recipients(u: &mut Unstructured<'_>) -> Result<Value> {
    if u.ratio(1, 3)? {
        return Ok(Value::from(texts::mailbox(u)?));
    }
    let first = texts::mailbox(u)?;
    let mut list = vec![first.clone()];
    for _ in 1..count(u, 50)? {
        // A long list repeats its first entry: only its length matters.
        list.push(if u.is_empty() {
            first.clone()
        } else {
            texts::mailbox(u)?
        });
    }
    Ok(json!(list))
}

fn headers(u: &mut Unstructured<'_>) -> Result<Value> {
    const NAMES: [&str; 13] = [
        "X-Order",
        "List-Unsubscribe",
        "References",
        "X-Email-Id",
        "Reply-To",
        "Content-Type",
        "x-ses-configuration-set",
        "Bcc",
        "Sender",
        "From",
        "Resent-To",
        "x-order",
        "In-Reply-To",
    ];
    let mut headers = Map::new();
    for index in 0..count(u, 14)? {
        let name = if u.ratio(1, 3)? {
            texts::word(u, &NAMES)?
        } else {
            format!("X-{index}")
        };
        let values = ["7", "Grüße", "<a@example.com>", "<https://bücher.example/für Ann>"];
        headers.insert(name, Value::from(texts::word(u, &values)?));
    }
    if u.ratio(1, 8)? {
        let pair = |(name, value)| json!({"name": name, "value": value});
        return Ok(headers.into_iter().map(pair).collect());
    }
    Ok(Value::Object(headers))
}

fn tags(u: &mut Unstructured<'_>) -> Result<Value> {
    let mut tags = Vec::new();
    for index in 0..count(u, 46)? {
        let name = if u.ratio(1, 3)? {
            texts::word(u, &["kind", "mq_id", "MQ_claim", "kind-2"])?
        } else {
            format!("t{index}")
        };
        tags.push(json!({"name": name, "value": texts::word(u, &["receipt", "1"])?}));
    }
    Ok(Value::from(tags))
}

fn attachments(u: &mut Unstructured<'_>) -> Result<Value> {
    const NAMES: [&str; 6] = ["a.pdf", "Ä 1.txt", "canary.exe", "a\r\nb", ".", "logo"];
    const TYPES: [&str; 5] = ["image/png", "text/plain; a=\"b;c\"", "multipart/mixed", "x/", "a/b;"];
    const IDS: [&str; 5] = [
        "logo",
        "<logo@example.com>",
        "a b",
        "",
        "01010101-0101-4101-8101-010101010101",
    ];
    let mut files = Vec::new();
    for _ in 0..count(u, 50)? {
        let mut file = json!({"filename": texts::word(u, &NAMES)?});
        for _ in 0..u.int_in_range(0..=3)? {
            let (name, value) = match u.int_in_range(0..=6)? {
                0 | 1 => ("content", Value::from(texts::word(u, &["aGk=", "aGk", "canary!", ""])?)),
                2 => ("content", json!(u.arbitrary::<Vec<u8>>()?)),
                3 => ("content", json!({"type": "Buffer", "data": u.arbitrary::<Vec<u8>>()?})),
                4 => ("content_type", Value::from(texts::word(u, &TYPES)?)),
                5 => (
                    *u.choose(&["content_id", "inline_content_id", "id"])?,
                    Value::from(texts::word(u, &IDS)?),
                ),
                _ => (*u.choose(&["path", "content", "x"])?, other(u)?),
            };
            file[name] = value;
        }
        files.push(file);
    }
    Ok(Value::from(files))
}

fn time(u: &mut Unstructured<'_>) -> Result<Value> {
    const TIMES: [&str; 8] = [
        "in 5 minutes",
        "2026-11-24T09:30:00Z",
        "in 3 days",
        "2036-11-24T09:30:00+01:00",
        "in 9223372036854775807 milliseconds",
        "-009999-01-01T00:00:00Z",
        "9999-12-30T22:00:00Z",
        "in 1 month",
    ];
    Ok(Value::from(texts::word(u, &TIMES)?))
}

fn other(u: &mut Unstructured<'_>) -> Result<Value> {
    Ok(match u.int_in_range(0..=5)? {
        0 => Value::Null,
        1 => Value::from(u.arbitrary::<bool>()?),
        2 => Value::from(u.arbitrary::<i64>()?),
        3 => json!([]),
        4 => json!([{"name": null}]),
        _ => json!({"x": "canary"}),
    })
}
