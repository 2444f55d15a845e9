//! A good client: it repeats a request with the same key until it gets an answer.
//!
//! **Invariant:** without a key a request is made once. With one it is repeated for ever same, and
//! every answer of 2xx must name the same ids.
//! **Start reading at** [`post`].

use std::time::Duration;

use reqwest::Method;
use serde_json::{Value, json};
use tokio::time::Instant;

use crate::oracle::Accepted;
use crate::requests::{Afterwards, Email, Request};
use crate::stack::{Answer, Stack};

/// The wait before the first repetition; it doubles.
const FIRST_WAIT: Duration = Duration::from_millis(100);

/// The longest wait.
const LONGEST_WAIT: Duration = Duration::from_secs(2);

/// A client gives up when it had no answer for so long: by then something else is broken.
const PATIENCE: Duration = Duration::from_secs(180);

/// How a request ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Posted {
    /// With 2xx.
    Accepted(Vec<Accepted>),
    /// It had no key and no answer of 2xx: nothing was promised.
    Unanswered,
    /// As no request may end, in one sentence.
    Wrong(String),
}

/// Posts a request, and sends the client's next commands for its emails.
pub async fn post(stack: &Stack, request: &Request) -> Posted {
    let ids = match ids(stack, request).await {
        Ok(Some(ids)) => ids,
        Ok(None) => return Posted::Unanswered,
        Err(sentence) => return Posted::Wrong(sentence),
    };
    if request.repeated
        && let Err(sentence) = repeat(stack, request, &ids).await
    {
        return Posted::Wrong(sentence);
    }
    let mut accepted = Vec::new();
    for (id, email) in ids.into_iter().zip(&request.emails) {
        match afterwards(stack, &id, email).await {
            Ok(canceled) => accepted.push(Accepted {
                id,
                hold: email.hold,
                canceled,
            }),
            Err(sentence) => return Posted::Wrong(sentence),
        }
    }
    Posted::Accepted(accepted)
}

/// Makes a request that was answered once more: it must be answered the same.
///
/// # Errors
/// The other answer.
pub async fn repeat(stack: &Stack, request: &Request, ids_before: &[String]) -> Result<(), String> {
    match ids(stack, request).await? {
        Some(again) if again == ids_before => Ok(()),
        again => Err(format!(
            "The same request with key {:?} was answered first {ids_before:?} and then {again:?}.",
            request.key
        )),
    }
}

/// The ids that a request is answered with, if it is.
async fn ids(stack: &Stack, request: &Request) -> Result<Option<Vec<String>>, String> {
    let (path, body) = (request.path(), request.body());
    let answer = if request.key.is_some() {
        insist(stack, Method::POST, path, request.key.as_deref(), &body).await?
    } else {
        match stack.api(Method::POST, path, None, &body).await {
            Ok(answer) if !is_passing(answer.status) => answer,
            Ok(_) | Err(_) => return Ok(None),
        }
    };
    let ids = read(request, &answer);
    ids.map(Some).ok_or_else(|| {
        format!(
            "A good request to {path} was answered {}: {}",
            answer.status, answer.body
        )
    })
}

fn read(request: &Request, answer: &Answer) -> Option<Vec<String>> {
    if answer.status != 200 {
        return None;
    }
    let id = |item: &Value| Some(item.get("id")?.as_str()?.to_owned());
    let ids: Option<Vec<_>> = if request.batch {
        answer.body.get("data")?.as_array()?.iter().map(id).collect()
    } else {
        id(&answer.body).map(|id| vec![id])
    };
    ids.filter(|ids| ids.len() == request.emails.len())
}

/// Cancels or reschedules, as it was to be; says whether it is canceled.
async fn afterwards(stack: &Stack, id: &str, email: &Email) -> Result<bool, String> {
    let (method, path, body) = match email.afterwards {
        Afterwards::Nothing => return Ok(false),
        Afterwards::Cancel => (Method::POST, format!("/emails/{id}/cancel"), json!({})),
        Afterwards::Reschedule => (
            Method::PATCH,
            format!("/emails/{id}"),
            json!({"scheduled_at": "in 3 seconds"}),
        ),
    };
    let answer = insist(stack, method, &path, None, &body).await?;
    match (answer.status, email.afterwards) {
        (200, afterwards) => Ok(afterwards == Afterwards::Cancel),
        // It was too late.
        (409, _) => Ok(false),
        (status, _) => Err(format!("{path} was answered {status}: {}", answer.body)),
    }
}

/// Repeats a request until it is answered for good.
async fn insist(stack: &Stack, method: Method, path: &str, key: Option<&str>, body: &Value) -> Result<Answer, String> {
    let deadline = Instant::now() + PATIENCE;
    let mut wait = FIRST_WAIT;
    loop {
        let last = match stack.api(method.clone(), path, key, body).await {
            Ok(answer) if !is_passing(answer.status) => return Ok(answer),
            Ok(answer) => format!("{} {}", answer.status, answer.body),
            Err(error) => error.to_string(),
        };
        if Instant::now() > deadline {
            return Err(format!(
                "{path} was not answered in {} s; last: {last}",
                PATIENCE.as_secs()
            ));
        }
        tokio::time::sleep(wait).await;
        wait = wait.saturating_mul(2).min(LONGEST_WAIT);
    }
}

/// Whether the same request may fare better later.
fn is_passing(status: u16) -> bool {
    status >= 500 || status == 429
}
