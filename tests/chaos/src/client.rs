//! A well-behaved client: it repeats an unanswered request with the same key until it is answered.
//!
//! **Invariant:** a request without a key is made once. A request with a key is repeated unchanged, and every answer
//! of 2xx must name the same ids.
//! **Start reading at** [`post`].

use std::time::Duration;

use reqwest::Method;
use serde_json::{Value, json};
use tokio::time::Instant;

use crate::oracle::Accepted;
use crate::requests::{Afterwards, Email, Request};
use crate::stack::{HttpResponse, Stack};

/// The wait before the first repetition; each repetition doubles it.
const FIRST_WAIT: Duration = Duration::from_millis(100);

/// The longest wait.
const LONGEST_WAIT: Duration = Duration::from_secs(2);

/// The time without an answer after which a client gives up: by then something else is broken.
const PATIENCE: Duration = Duration::from_secs(180);

/// The end of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Posted {
    /// The answer was 2xx.
    Accepted(Vec<Accepted>),
    /// The request had no key and no answer of 2xx, so that nothing is guaranteed.
    Unanswered,
    /// An end that no request may have, in one sentence.
    Wrong(String),
}

/// Posts a request, and then performs its client's next steps.
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
        match act_afterwards(stack, &id, email).await {
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

/// Repeats an answered request: the answer must be the same.
///
/// # Errors
/// The different answer.
pub async fn repeat(stack: &Stack, request: &Request, ids_before: &[String]) -> Result<(), String> {
    match ids(stack, request).await? {
        Some(again) if again == ids_before => Ok(()),
        again => Err(format!(
            "The same request with key {:?} was answered first {ids_before:?} and then {again:?}.",
            request.key
        )),
    }
}

/// Returns the ids in the answer to a request, if there is an answer.
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

fn read(request: &Request, answer: &HttpResponse) -> Option<Vec<String>> {
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

/// Cancels or reschedules the email as planned; returns whether it is canceled.
async fn act_afterwards(stack: &Stack, id: &str, email: &Email) -> Result<bool, String> {
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
        // The command came too late.
        (409, _) => Ok(false),
        (status, _) => Err(format!("{path} was answered {status}: {}", answer.body)),
    }
}

/// Repeats a request until its answer is final.
///
/// # Errors
/// In one sentence, when there is no such answer for too long.
pub async fn insist(
    stack: &Stack,
    method: Method,
    path: &str,
    key: Option<&str>,
    body: &Value,
) -> Result<HttpResponse, String> {
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

/// Tells whether the same request may succeed later.
fn is_passing(status: u16) -> bool {
    status >= 500 || status == 429
}
