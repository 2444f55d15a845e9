//! Webhooks with endpoints that would end a request line, and with secrets that prove nothing.
//!
//! The addresses that are never called are those of the guard of outgoing calls (docs/adr/0049).

use domain::limits;
use serde_json::{Value, json};

use crate::answer::bad;
use crate::class::{Class, Endpoint, refused};
use crate::rule::Rule;

fn with(fields: Value) -> String {
    let mut webhook = json!({"endpoint": "https://example.com/hook", "events": ["email.sent"]});
    if let (Value::Object(webhook), Value::Object(fields)) = (&mut webhook, fields) {
        webhook.extend(fields);
    }
    webhook.to_string()
}

fn endpoint(text: &str) -> String {
    with(json!({ "endpoint": text }))
}

fn events(names: &[&str]) -> String {
    with(json!({ "events": names }))
}

fn secret(text: &str) -> String {
    with(json!({ "signing_secret": text }))
}

pub(super) fn classes() -> Vec<Class> {
    let no_url = || bad("endpoint: must be a URL such as https://example.com/webhooks");
    let no_secret = || bad("signing_secret: must be whsec_ followed by 24 to 64 bytes");
    let long = |bytes: usize| {
        let begin = "https://example.com/";
        endpoint(&format!("{begin}{}", "x".repeat(bytes - begin.len())))
    };
    let good = || with(json!({}));
    let classes = vec![
        refused(
            Rule::EndpointForm,
            "a second header in an endpoint",
            "CWE-113",
            endpoint("https://example.com/\r\nX-Admin: 1"),
            no_url(),
            endpoint("https://example.com/%0D%0AX-Admin:1"),
        ),
        refused(
            Rule::EndpointForm,
            "a second request in an endpoint",
            "CWE-93",
            endpoint("https://example.com/ HTTP/1.1"),
            no_url(),
            endpoint("https://example.com/HTTP/1.1"),
        ),
        refused(
            Rule::EndpointForm,
            "full-width digits, which some parsers read as 127.0.0.1",
            "Unicode, UTS #46",
            endpoint("https://\u{ff11}\u{ff12}\u{ff17}.0.0.1/"),
            no_url(),
            good(),
        ),
        refused(
            Rule::EndpointForm,
            "an empty endpoint",
            "RFC 3986, 3",
            endpoint(""),
            no_url(),
            good(),
        ),
        refused(
            Rule::EndpointLength,
            "an endpoint of more than 2,048 bytes",
            "our limit",
            long(limits::ENDPOINT_MAX + 1),
            bad("endpoint: is too long"),
            long(limits::ENDPOINT_MAX),
        ),
        refused(
            Rule::EndpointPulled,
            "an endpoint that would never be called",
            "our rule",
            with(json!({"delivery": "pull"})),
            bad("endpoint: leave it out"),
            with(json!({"delivery": "pull", "endpoint": null})),
        ),
        refused(
            Rule::EventKnown,
            "a misspelt event, which would never come",
            "Resend's API reference, webhooks",
            events(&["email.deliverd"]),
            bad("events[0]: unknown event; did you mean email.delivered?"),
            events(&["email.delivered"]),
        ),
        refused(
            Rule::EventKnown,
            "a pattern in place of an event",
            "Resend's API reference, webhooks",
            events(&["email.*"]),
            bad("events[0]: unknown event"),
            events(&["email.sent"]),
        ),
        refused(
            Rule::EventsCount,
            "one event thousands of times",
            "our limit",
            events(&["email.sent"; 5_000]),
            bad("events: has 5000 entries"),
            events(&["email.sent"; limits::WEBHOOK_EVENTS_MAX]),
        ),
        refused(
            Rule::SigningSecret,
            "a secret of one byte, which can be guessed",
            "Standard Webhooks, Signature scheme",
            secret("whsec_eA=="),
            no_secret(),
            secret("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"),
        ),
        refused(
            Rule::SigningSecret,
            "a secret with the base64 of URLs",
            "RFC 4648, 5",
            secret("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2La-_Sw"),
            no_secret(),
            secret("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2La+/Sw"),
        ),
    ];
    let through = |class: Class| class.through(Endpoint::Webhook);
    classes.into_iter().map(through).collect()
}
