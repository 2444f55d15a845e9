//! Refusals: the status, the name, and the field of each.
//!
//! Every refused request carries an idempotency key and names one recipient. At the end a valid request with each key
//! is new, and only these requests sent anything. Thus a refused request stores nothing and sends nothing.

mod bodies;
mod fields;
mod http;

use e2e::{Stack, unique};
use reqwest::Method;

use super::emails::{address, email_to};

/// A refusal: the status, the name, and the beginning of the message.
type Refusal = (u16, &'static str, String);

/// A request, and its refusal.
struct Case {
    what: String,
    path: &'static str,
    body: Vec<u8>,
    refusal: Refusal,
}

fn case(what: impl Into<String>, path: &'static str, body: impl Into<Vec<u8>>, refusal: Refusal) -> Case {
    Case {
        what: what.into(),
        path,
        body: body.into(),
        refusal,
    }
}

fn bad(field: impl AsRef<str>) -> Refusal {
    (422, "validation_error", format!("{}: ", field.as_ref()))
}

fn missing(field: &str) -> Refusal {
    (422, "missing_required_field", format!("{field}: "))
}

/// Sends every case and reports all wrong answers together; then checks that nothing was stored or sent.
async fn refuse_all(cases: impl FnOnce(&str) -> Vec<Case>) {
    let stack = Stack::shared().await;
    let name = unique("refused");
    let cases = cases(&address(&name));
    let mut wrong = Vec::new();
    for (
        at,
        Case {
            what,
            path,
            body,
            refusal: (status, error, begins),
        },
    ) in cases.iter().enumerate()
    {
        // Without a content type the gateway passes the bytes on unchanged.
        let request = stack
            .api
            .request(Method::POST, path)
            .header("idempotency-key", format!("{name}-{at}"));
        let answer = stack.api.answer(request.body(body.clone())).await;
        if let Err(difference) = answer.refused(*status, error, begins) {
            wrong.push(format!("{what}: {difference}"));
        }
    }
    assert!(
        wrong.is_empty(),
        "{} of {} cases:\n{}",
        wrong.len(),
        cases.len(),
        wrong.join("\n")
    );

    let good = email_to(&address(&format!("good-{name}")));
    let mut accepted = Vec::new();
    for (at, case) in cases.iter().enumerate() {
        let answer = stack.api.post_once("/emails", &format!("{name}-{at}"), &good).await;
        assert!(!answer.replayed, "{}: was stored", case.what);
        accepted.push(answer.id());
    }
    for id in &accepted {
        stack.api.wait_for_delivery(id).await;
    }
    assert_eq!(
        stack.inbox.to(&name).await.len(),
        accepted.len(),
        "only the accepted emails are sent"
    );
}
