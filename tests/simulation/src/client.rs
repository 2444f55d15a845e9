//! Who calls the API: repeats until there is an answer, and does this and that with what was accepted.
//!
//! **Invariant:** a caller tells the judge what it asks for before it asks, and what it was answered.

use std::sync::Arc;
use std::time::Duration;

use domain::email::Email;
use domain::id::{EmailId, TenantId};
use domain::row::OnUncertain;
use domain::timestamp::Timestamp;
use domain::wire::api::parse_email;
use lambda_http::http::Method;
use lambda_http::{Body, Request};
use serde_json::{Value, json};

use crate::judge::Judge;
use crate::scenario::{Deed, Order, Scenario};
use crate::system::{API_KEY, Answer, System};

/// How often a caller tries until it gives up. What it was never answered was never promised.
const TRIES: u32 = 12;

/// How long a caller waits for an answer that does not come. Source: Amazon API Gateway quotas for HTTP
/// APIs, "Maximum integration timeout".
const PATIENCE: Duration = Duration::from_secs(30);

/// What was accepted.
pub(crate) type Accepted = Vec<EmailId>;

/// A caller with one order.
#[derive(Debug, Clone)]
pub(crate) struct Client {
    pub(crate) system: Arc<System>,
    pub(crate) judge: Judge,
    pub(crate) number: usize,
    pub(crate) order: Order,
    /// Another request with the same key.
    pub(crate) is_rival: bool,
    /// Its emails, when they are there from the beginning.
    pub(crate) accepted: Option<Accepted>,
}

impl Client {
    fn key(&self) -> Option<String> {
        self.order.key.then(|| format!("order-{}", self.number))
    }

    pub(crate) fn name(&self) -> String {
        let rival = if self.is_rival { " of a rival" } else { "" };
        format!("request {}{rival}", self.number)
    }

    /// To whom an item goes.
    fn recipient(&self, item: usize) -> String {
        format!("r{}-{item}@example.com", self.number)
    }

    /// The emails that are asked for, as JSON.
    fn emails(&self) -> Vec<Value> {
        let order = &self.order;
        let wish = |wait: Duration| format!("in {} ms", wait.as_millis());
        let email = |item: usize| {
            let text = if order.large {
                "x".repeat(1_200)
            } else {
                "Hi".to_owned()
            };
            let mut email = json!({
                "from": "a@example.com",
                "to": [self.recipient(item)],
                "subject": Scenario::subject(self.number, item),
                "text": if self.is_rival { format!("{text} from a rival") } else { text },
            });
            if order.hold {
                email["on_uncertain"] = json!("hold");
            }
            if let Some(wait) = order.scheduled_in.filter(|wait| !wait.is_zero()) {
                email["scheduled_at"] = json!(wish(wait));
            }
            if let Some(wait) = order.expires_in {
                email["expires_at"] = json!(wish(wait));
            }
            email
        };
        (0..order.emails).map(email).collect()
    }

    /// What identifies each email's content when it arrives at SES.
    pub(crate) fn contents(&self) -> Vec<String> {
        let hash = |email: &Value| parse_email(email.to_string().as_bytes()).map(|request| request.email.hash());
        self.emails()
            .iter()
            .map(|email| hash(email).unwrap_or_default())
            .collect()
    }

    /// The first email, parsed.
    pub(crate) fn first_email(&self) -> Option<Email> {
        let email = self.emails().into_iter().next()?.to_string();
        Some(parse_email(email.as_bytes()).ok()?.email)
    }

    /// The ids that the emails will have, where a key says so.
    fn ids(&self) -> Vec<EmailId> {
        let (tenant, order) = (TenantId::main(), &self.order);
        let Some(key) = self.key() else { return Vec::new() };
        (0..order.emails)
            .map(|item| {
                if order.batch {
                    EmailId::from_batch_key(&tenant, &key, item)
                } else {
                    EmailId::from_key(&tenant, &key)
                }
            })
            .collect()
    }

    fn request(&self) -> Request {
        let emails = self.emails();
        let (path, body) = if self.order.batch {
            ("/emails/batch", Value::Array(emails))
        } else {
            ("/emails", emails.into_iter().next().unwrap_or_default())
        };
        let mut request = request(Method::POST, path, &body);
        if let Some(key) = self.key()
            && let Ok(key) = key.parse()
        {
            request.headers_mut().insert("idempotency-key", key);
        }
        request
    }

    /// Makes the request, and does what there is to do afterwards.
    pub(crate) async fn run(self) {
        tokio::time::sleep(self.order.at).await;
        let ids = match &self.accepted {
            Some(ids) => ids.clone(),
            None => match self.post().await {
                Some(ids) => ids,
                None => return,
            },
        };
        let mut deeds = self.order.deeds.clone();
        deeds.sort_by_key(|(at, _)| *at);
        let mut doing = Vec::new();
        for (at, deed) in deeds {
            let pick = self.system.rng().usize(0..ids.len().max(1));
            let Some(id) = ids.get(pick).copied() else { continue };
            let client = self.clone();
            let act = async move {
                tokio::time::sleep(at).await;
                client.act(id, deed).await;
            };
            doing.push(tokio::spawn(act));
        }
        for deed in doing {
            deed.await.ok();
        }
    }

    /// Makes the request until it is answered, or patience is over.
    async fn post(&self) -> Option<Accepted> {
        let (contents, name, key) = (self.contents(), self.name(), self.key());
        let ids = self.ids();
        for (item, content) in contents.iter().enumerate() {
            self.judge.requested(ids.get(item).copied(), content.clone());
        }
        // Without a key nobody repeats, who does not want two.
        let tries = if key.is_some() { TRIES } else { 1 };
        for attempt in 1..=tries {
            let answer = self.ask(|| self.system.enqueue(self.request()), attempt).await;
            match answer {
                Some(Answer { status: 200, json }) => {
                    let ids = ids_of(&json);
                    self.judge
                        .answered(&self.system.world, key.as_deref(), &name, &ids, &contents);
                    return Some(ids);
                }
                Some(Answer { status, json }) if status < 500 => {
                    let has_rival = self.order.rival.is_some();
                    self.judge
                        .refused(key.as_deref(), has_rival, &name, status, &json.to_string());
                    return None;
                }
                Some(_) | None => {}
            }
        }
        None
    }

    /// Asks once; waits for a while when there is no answer.
    async fn ask<F: Future<Output = Option<Answer>>>(&self, ask: impl Fn() -> F, attempt: u32) -> Option<Answer> {
        let answer = tokio::time::timeout(PATIENCE, ask()).await.ok().flatten();
        if answer.as_ref().is_none_or(|answer| answer.status >= 500) {
            let longest = 500_u64.saturating_mul(u64::from(attempt));
            let wait = self.system.rng().u64(50..=longest.max(51));
            tokio::time::sleep(Duration::from_millis(wait)).await;
        }
        answer
    }

    async fn act(&self, id: EmailId, deed: Deed) {
        let path = format!("/emails/{id}");
        for attempt in 1..=TRIES {
            let begun = match deed {
                Deed::Cancel => self.judge.cancel_begins(id, self.now()),
                Deed::Retry { force } => {
                    self.judge.retry_begins(id, force);
                    None
                }
                Deed::Reschedule(_) => self.judge.reschedule_begins(id, self.now()),
                Deed::Read | Deed::Repeat | Deed::Suppress | Deed::Release => None,
            };
            let asked_at = self.now();
            if deed == Deed::Repeat {
                if self.order.key && self.accepted.is_none() {
                    self.post().await;
                }
                return;
            }
            let ask = || {
                let request = match deed {
                    Deed::Cancel => request(Method::POST, &format!("{path}/cancel"), &json!({})),
                    Deed::Retry { force } => request(Method::POST, &format!("{path}/retry"), &json!({"force": force})),
                    Deed::Reschedule(wait) => {
                        let when = format!("in {} ms", wait.as_millis().max(1));
                        request(Method::PATCH, &path, &json!({"scheduled_at": when}))
                    }
                    Deed::Read | Deed::Repeat => request(Method::GET, &path, &Value::Null),
                    Deed::Suppress => request(Method::POST, "/suppressions", &json!({"email": self.recipient(0)})),
                    Deed::Release => {
                        let path = format!("/suppressions/{}", self.recipient(0));
                        request(Method::DELETE, &path, &Value::Null)
                    }
                };
                self.system.manage(request)
            };
            let answer = self.ask(ask, attempt).await;
            if let Deed::Retry { .. } = deed {
                let answered = answer.as_ref().is_some_and(|answer| answer.status < 500);
                self.judge.retry_ends(id, answered, self.now());
            }
            match answer {
                Some(Answer { status: 200, .. }) => {
                    match (deed, begun) {
                        (Deed::Cancel, begun) => self.judge.canceled(id, begun),
                        (Deed::Reschedule(wait), begun) => {
                            self.judge.rescheduled(id, begun, asked_at.after(wait));
                        }
                        (Deed::Retry { .. } | Deed::Read | Deed::Repeat | Deed::Suppress | Deed::Release, _) => {}
                    }
                    return;
                }
                Some(Answer { status: 404, .. }) if deed != Deed::Release => {
                    let what = "an email that was accepted is not found".to_owned();
                    return self.judge.object(1, Some(id), what);
                }
                Some(Answer { status, .. }) if status < 500 => return,
                Some(_) | None => {}
            }
        }
    }

    fn now(&self) -> Timestamp {
        self.system.world.state().now()
    }

    /// What to do in doubt.
    pub(crate) fn on_uncertain(&self) -> OnUncertain {
        if self.order.hold {
            OnUncertain::Hold
        } else {
            OnUncertain::Resend
        }
    }
}

fn ids_of(json: &Value) -> Vec<EmailId> {
    let id = |value: &Value| value.get("id").and_then(Value::as_str).and_then(EmailId::parse);
    match json.get("data").and_then(Value::as_array) {
        Some(emails) => emails.iter().filter_map(id).collect(),
        None => id(json).into_iter().collect(),
    }
}

fn request(method: Method, path: &str, body: &Value) -> Request {
    let body = if body.is_null() {
        Body::Empty
    } else {
        Body::Text(body.to_string())
    };
    let mut request = Request::new(body);
    *request.method_mut() = method;
    *request.uri_mut() = path.parse().unwrap_or_default();
    if let Ok(key) = format!("Bearer {API_KEY}").parse() {
        request.headers_mut().insert("authorization", key);
    }
    request
}
