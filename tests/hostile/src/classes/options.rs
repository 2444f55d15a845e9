//! The options of an email beside its content, and the headers of the request.

use serde_json::json;

use crate::answer::{Expectation, bad, bad_key};
use crate::class::{Class, Endpoint, carried, refused};
use crate::request::with;
use crate::rule::Rule;

pub(super) fn classes() -> Vec<Class> {
    let scheduled = |at: &str| with(json!({ "scheduled_at": at }));
    let time = || bad("scheduled_at: must be a time with its offset");
    let queue = |queue: &str| with(json!({ "queue": queue }));
    let queue_name = || bad("queue: must be 1 to 64 lower-case letters");
    let key = |count: usize| "\u{e9}".repeat(count);
    let validation = || {
        Expectation::Refused(
            422,
            "validation_error",
            "x-batch-validation: must be strict or permissive".to_owned(),
        )
    };
    vec![
        refused(
            Rule::TimeGrammar,
            "a wait without a fixed length",
            "RFC 3339, 5.6",
            scheduled("in 1 month"),
            time(),
            scheduled("in 30 days"),
        ),
        refused(
            Rule::TimeGrammar,
            "a time without an offset",
            "RFC 3339, 4.4",
            scheduled("2030-01-01T00:00:00"),
            time(),
            scheduled("2030-01-01T00:00:00Z"),
        ),
        refused(
            Rule::TimeGrammar,
            "a wait that overflows",
            "CWE-190",
            scheduled("in 99999999999999999999 days"),
            time(),
            scheduled("in 999 days"),
        ),
        refused(
            Rule::TimeLength,
            "a time with excessive padding",
            "CWE-770",
            scheduled(&format!("in 1 min{}", " ".repeat(100_000))),
            time(),
            scheduled(&format!("in 1 min{}", " ".repeat(56))),
        ),
        refused(
            Rule::OnUncertain,
            "an unknown value of on_uncertain",
            "mailqueue's API",
            with(json!({"on_uncertain": "Resend"})),
            bad("on_uncertain: must be resend or hold"),
            with(json!({"on_uncertain": "resend"})),
        ),
        refused(
            Rule::Tracking,
            "a choice about tracking as a string",
            "mailqueue's API",
            with(json!({"tracking": "true"})),
            bad("tracking: must be a boolean, not a string"),
            with(json!({"tracking": true})),
        ),
        refused(
            Rule::QueueName,
            "a path as a queue name",
            "CWE-22",
            queue("../default"),
            queue_name(),
            queue("default"),
        ),
        refused(
            Rule::QueueName,
            "a queue name with a separator of table keys",
            "CWE-74",
            queue("a#b"),
            queue_name(),
            queue("a-b"),
        ),
        refused(
            Rule::QueueName,
            "a queue name of 65 characters",
            "CWE-770",
            queue(&"q".repeat(65)),
            queue_name(),
            queue(&"q".repeat(64)),
        ),
        refused(
            Rule::Priority,
            "an unknown priority",
            "mailqueue's API",
            with(json!({"priority": "highest"})),
            bad("priority: must be high, normal or low"),
            with(json!({"priority": "high"})),
        ),
        refused(
            Rule::KeyControls,
            "a line break in an idempotency key",
            "CWE-117",
            "a\r\nb",
            bad_key(),
            "a b",
        )
        .through(Endpoint::Key),
        refused(
            Rule::KeyLength,
            "an idempotency key of 257 characters",
            "Resend's API, idempotency keys",
            key(257),
            bad_key(),
            key(256),
        )
        .through(Endpoint::Key),
        refused(
            Rule::KeyLength,
            "an empty idempotency key",
            "Resend's API, idempotency keys",
            "",
            bad_key(),
            "0",
        )
        .through(Endpoint::Key),
        refused(
            Rule::Validation,
            "an unknown validation mode",
            "Resend's API",
            "lax",
            validation(),
            "Permissive",
        )
        .through(Endpoint::Validation),
        carried(
            Rule::KeyControls,
            "an idempotency key that looks like a table key",
            "CWE-74",
            "email#01#../x",
        )
        .through(Endpoint::Key),
    ]
}
