//! The callers of the API: each repeats its request until it is answered, and then acts on its emails.
//!
//! **Invariant:** a caller tells the oracle about each request before it makes it, and about each answer.

use std::sync::Arc;
use std::time::Duration;

use domain::api::requests::{EmailRequest, parse_email};
use domain::delivery::batch::BatchId;
use domain::id::{EmailId, TenantId};
use domain::timestamp::Timestamp;
use invariants::Invariant;
use lambda_http::Request;
use lambda_http::http::Method;
use serde_json::{Value, json};

use crate::oracle::Oracle;
use crate::scenario::{EmailCommand, Order, QueueCommand, Scenario};
use crate::system::{ApiResponse, System};
use crate::tenants::request;

/// The number of tries before a caller gives up. Nothing is guaranteed for a request without an answer.
const TRIES: u32 = 12;

/// The time for which a caller waits for a missing answer. Source: Amazon API Gateway quotas for HTTP APIs, "Maximum
/// integration timeout".
const PATIENCE: Duration = Duration::from_secs(30);

/// The ids of accepted emails.
pub(crate) type Accepted = Vec<EmailId>;

/// A caller with one order.
#[derive(Debug, Clone)]
pub(crate) struct Client {
    pub(crate) system: Arc<System>,
    pub(crate) oracle: Oracle,
    pub(crate) number: usize,
    pub(crate) order: Order,
    /// Whether it makes another request with the same key.
    pub(crate) is_concurrent: bool,
}

impl Client {
    fn key(&self) -> Option<String> {
        self.order.key.then(|| format!("order-{}", self.number))
    }

    pub(crate) fn name(&self) -> String {
        let writer = if self.is_concurrent { ", concurrent" } else { "" };
        format!("request {}{writer}", self.number)
    }

    /// The recipient of an item.
    fn recipient(&self, item: usize) -> String {
        format!("r{}-{item}@example.com", self.number)
    }

    /// The requested emails, as JSON.
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
                "text": if self.is_concurrent { format!("{text} from a concurrent client") } else { text },
            });
            if order.hold {
                email["on_uncertain"] = json!("hold");
            }
            if let Some(queue) = order.queue {
                email["queue"] = json!(queue);
            }
            if let Some(priority) = order.priority {
                email["priority"] = json!(priority);
            }
            let is_last = item + 1 == order.emails;
            let scheduled_in = order.last_scheduled_in.filter(|_| is_last).or(order.scheduled_in);
            if let Some(wait) = scheduled_in.filter(|wait| !wait.is_zero()) {
                email["scheduled_at"] = json!(wish(wait));
            }
            if let Some(wait) = order.expires_in {
                email["expires_at"] = json!(wish(wait));
            }
            email
        };
        (0..order.emails).map(email).collect()
    }

    /// The hashes that identify each email's content at SES.
    pub(crate) fn contents(&self) -> Vec<String> {
        self.of_each(|request| request.email.hash())
    }

    /// The hashes under which each email is stored.
    fn hashes(&self) -> Vec<String> {
        self.of_each(|request| request.hash())
    }

    fn of_each(&self, hash: fn(EmailRequest) -> String) -> Vec<String> {
        let parse = |email: &Value| parse_email(email.to_string().as_bytes());
        let emails = self.emails();
        let hashes = emails.iter().map(|email| parse(email).map(hash).unwrap_or_default());
        hashes.collect()
    }

    /// The ids of the emails, if a key determines them. Those of a batch also depend on the record with its start.
    fn ids(&self) -> Vec<EmailId> {
        let (tenant, order) = (&self.order.tenant, &self.order);
        let Some(key) = self.key() else { return Vec::new() };
        if !order.batch {
            return vec![EmailId::from_key(tenant, &key)];
        }
        let state = self.system.backend.state();
        let Some((record, _)) = state.batches.get(&(tenant.clone(), BatchId::of(&key))) else {
            return Vec::new();
        };
        (0..order.emails)
            .map(|item| record.email_id(tenant, &key, item))
            .collect()
    }

    fn request(&self) -> Request {
        let emails = self.emails();
        let (path, body) = if self.order.batch {
            ("/emails/batch", Value::Array(emails))
        } else {
            ("/emails", emails.into_iter().next().unwrap_or_default())
        };
        let mut request = request(&self.order.tenant, Method::POST, path, &body);
        if let Some(key) = self.key()
            && let Ok(key) = key.parse()
        {
            request.headers_mut().insert("idempotency-key", key);
        }
        request
    }

    /// Makes the request, and then performs the caller's actions.
    pub(crate) async fn run(self) {
        tokio::time::sleep(self.order.at).await;
        let Some(ids) = self.post().await else { return };
        let mut commands = self.order.commands.clone();
        commands.sort_by_key(|(at, _)| *at);
        let mut doing = Vec::new();
        for (at, command) in commands {
            let pick = self.system.rng().usize(0..ids.len().max(1));
            let Some(id) = ids.get(pick).copied() else { continue };
            let client = self.clone();
            let act = async move {
                tokio::time::sleep(at).await;
                client.act(id, command).await;
            };
            doing.push(tokio::spawn(act));
        }
        for command in doing {
            command.await.ok();
        }
    }

    /// Makes the request until it is answered, or the tries are used up.
    async fn post(&self) -> Option<Accepted> {
        let (contents, name, key) = (self.contents(), self.name(), self.key());
        let ids_before = self.ids();
        for (item, content) in contents.iter().enumerate() {
            self.oracle
                .record_request(ids_before.get(item).copied(), content.clone());
        }
        // Without a key a caller does not repeat, because it would create two emails.
        let tries = if key.is_some() { TRIES } else { 1 };
        for attempt in 1..=tries {
            self.oracle.record_post(&self.ids(), self.now());
            let answer = ask_once(&self.system, || self.system.enqueue(self.request()), attempt).await;
            let ids = self.ids();
            self.oracle.record_post(&ids, self.now());
            match answer {
                Some(ApiResponse { status: 200, json }) => {
                    let ids = ids_of(&json);
                    self.oracle.record_answer(
                        &self.system.backend,
                        key.as_deref(),
                        &name,
                        (&ids, &contents),
                        self.now(),
                    );
                    return Some(ids);
                }
                Some(ApiResponse { status, json }) if status < 500 => {
                    // A deleted queue accepts no email.
                    if status == 422 && self.oracle.may_be_deleted(self.queue()) {
                        return None;
                    }
                    let has_concurrent_client = self.order.writer.is_some();
                    let request = (key.as_deref(), has_concurrent_client, name.as_str());
                    let wanted: Vec<_> = ids.iter().copied().zip(self.hashes()).collect();
                    let answer = (status, &*json.to_string());
                    self.oracle
                        .record_refusal(&self.system.backend, request, &wanted, answer);
                    return None;
                }
                Some(_) | None => {}
            }
        }
        None
    }

    /// The name of its queue.
    fn queue(&self) -> &'static str {
        self.order.queue.unwrap_or("default")
    }

    async fn act(&self, id: EmailId, command: EmailCommand) {
        if let EmailCommand::Queue(command) = command {
            return self.act_on_queue(command).await;
        }
        let path = format!("/emails/{id}");
        for attempt in 1..=TRIES {
            let begun = match command {
                EmailCommand::Cancel => self.oracle.cancel_begins(id, self.now()),
                EmailCommand::Retry { force } => {
                    self.oracle.retry_begins(id, force);
                    None
                }
                EmailCommand::Reschedule(_) => self.oracle.reschedule_begins(id, self.now()),
                EmailCommand::Erase => {
                    self.oracle.erase_begins(id);
                    None
                }
                EmailCommand::Read
                | EmailCommand::Repeat
                | EmailCommand::Suppress
                | EmailCommand::Release
                | EmailCommand::Queue(_) => None,
            };
            let requested_at = self.now();
            if command == EmailCommand::Repeat {
                if self.order.key {
                    self.post().await;
                }
                return;
            }
            let by = |method, path: &str, body: &Value| request(&self.order.tenant, method, path, body);
            let ask = || {
                let request = match command {
                    EmailCommand::Cancel => by(Method::POST, &format!("{path}/cancel"), &json!({})),
                    EmailCommand::Retry { force } => {
                        by(Method::POST, &format!("{path}/retry"), &json!({"force": force}))
                    }
                    EmailCommand::Reschedule(wait) => {
                        let when = format!("in {} ms", wait.as_millis().max(1));
                        by(Method::PATCH, &path, &json!({"scheduled_at": when}))
                    }
                    EmailCommand::Read | EmailCommand::Repeat | EmailCommand::Queue(_) => {
                        by(Method::GET, &path, &Value::Null)
                    }
                    EmailCommand::Erase => by(Method::DELETE, &path, &Value::Null),
                    EmailCommand::Suppress => by(Method::POST, "/suppressions", &json!({"email": self.recipient(0)})),
                    EmailCommand::Release => {
                        let path = format!("/suppressions/{}", self.recipient(0));
                        by(Method::DELETE, &path, &Value::Null)
                    }
                };
                self.system.request(request)
            };
            let answer = ask_once(&self.system, ask, attempt).await;
            if let EmailCommand::Retry { .. } = command {
                let answered = answer.as_ref().is_some_and(|answer| answer.status < 500);
                self.oracle.retry_ends(id, answered, self.now());
            }
            match answer {
                Some(ApiResponse { status: 200, json }) => {
                    match (command, begun) {
                        (EmailCommand::Cancel, begun) => self.oracle.record_cancel(id, begun),
                        (EmailCommand::Reschedule(wait), begun) => {
                            self.oracle.record_reschedule(id, begun, requested_at.after(wait));
                        }
                        (EmailCommand::Read, _) => self.oracle.read(&self.system.backend, id, &json, requested_at),
                        (EmailCommand::Erase, _) => self.oracle.record_erasure(id, self.now()),
                        (
                            EmailCommand::Retry { .. }
                            | EmailCommand::Repeat
                            | EmailCommand::Suppress
                            | EmailCommand::Release
                            | EmailCommand::Queue(_),
                            _,
                        ) => {}
                    }
                    return;
                }
                Some(ApiResponse { status: 404, .. }) if command != EmailCommand::Release => {
                    // An expired record does not exist, whether or not TTL has deleted it.
                    self.system.backend.state().expire();
                    if !self.oracle.may_be_erased(id) {
                        let what = "an email that was accepted is not found".to_owned();
                        self.oracle.report(Invariant::Durability, Some(id), what);
                    }
                    return;
                }
                Some(ApiResponse { status, .. }) if status < 500 => return,
                Some(_) | None => {}
            }
        }
    }

    async fn act_on_queue(&self, command: QueueCommand) {
        let name = self.queue();
        for attempt in 1..=TRIES {
            if change_queue(&self.system, &self.oracle, name, command, attempt).await {
                return;
            }
        }
    }

    fn now(&self) -> Timestamp {
        self.system.backend.state().now()
    }
}

/// Requests a change of a queue once, and tells the oracle; returns whether there was an answer.
pub(crate) async fn change_queue(
    system: &System,
    oracle: &Oracle,
    name: &str,
    command: QueueCommand,
    attempt: u32,
) -> bool {
    let now = || system.backend.state().now();
    let requested_at = now();
    let begun = oracle.queue_begins(name, command, requested_at);
    let path = |end: &str| format!("/queues/{name}{end}");
    let ask = || {
        let empty = json!({});
        // Only the tenant `main` gives commands to queues.
        let by = |method, path: &str, body: &Value| request(&TenantId::main(), method, path, body);
        let request = match command {
            QueueCommand::Pause => by(Method::POST, &path("/pause"), &empty),
            QueueCommand::PauseFor(span) => {
                let until = format!("in {} ms", span.as_millis().max(1));
                by(Method::POST, &path("/pause"), &json!({"until": until}))
            }
            QueueCommand::Resume => by(Method::POST, &path("/resume"), &empty),
            QueueCommand::Purge => by(Method::POST, &path("/purge"), &empty),
            QueueCommand::Restore => by(Method::POST, &path("/restore"), &empty),
            QueueCommand::Redrive => by(Method::POST, &path("/retry"), &empty),
            QueueCommand::Delete => by(Method::DELETE, &path("?cancel=true"), &Value::Null),
            QueueCommand::Make => by(Method::POST, "/queues", &json!({"name": name})),
        };
        system.request(request)
    };
    let answer = ask_once(system, ask, attempt).await;
    let answered = answer.filter(|answer| answer.status < 500);
    let done = answered.as_ref().is_some_and(|answer| answer.status < 300);
    oracle.queue_ends(name, command, begun, (answered.is_some(), done), (requested_at, now()));
    answered.is_some()
}

/// Makes a request once; without an answer it waits for a while.
pub(crate) async fn ask_once<F: Future<Output = Option<ApiResponse>>>(
    system: &System,
    ask: impl Fn() -> F,
    attempt: u32,
) -> Option<ApiResponse> {
    let answer = tokio::time::timeout(PATIENCE, ask()).await.ok().flatten();
    if answer.as_ref().is_none_or(|answer| answer.status >= 500) {
        let longest = 500_u64.saturating_mul(u64::from(attempt));
        let wait = system.rng().u64(50..=longest.max(51));
        tokio::time::sleep(Duration::from_millis(wait)).await;
    }
    answer
}

fn ids_of(json: &Value) -> Vec<EmailId> {
    let id = |value: &Value| value.get("id").and_then(Value::as_str).and_then(EmailId::parse);
    match json.get("data").and_then(Value::as_array) {
        Some(emails) => emails.iter().filter_map(id).collect(),
        None => id(json).into_iter().collect(),
    }
}
