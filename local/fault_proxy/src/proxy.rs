//! The path of a call: its faults, the time of its effect, its answer.
//!
//! **Role:** handles every request that is not for [`crate::control`].
//! **Invariant:** a call without faults passes unchanged. A call is forwarded once, unless a fault doubles it, and it
//! completes even if its caller hangs up.
//! **Start reading at** [`Proxy::pass`].

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::http::header::{CONNECTION, CONTENT_LENGTH, CONTENT_TYPE, TRANSFER_ENCODING};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, Request, Response};
use hyper::body::Incoming;
use jiff::Timestamp;
use local_server::server::{Closed, Ends, Program};
use reqwest::Client;
use reqwest::redirect::Policy;
use tower::ServiceExt;

use crate::call::{Call, SES};
use crate::caller::{Caller, Callers};
use crate::control;
use crate::form;
use crate::partial::{self, Rest};
use crate::plan::{Chosen, Kind, Plan, Rule};
use crate::record::{CallOutcome, Record};
use crate::refusal;
use crate::schema::Schema;
use crate::settings::Settings;

/// The limit of a body. No call to AWS is larger here: SES's 40 MB with base64 and JSON around it.
const BODY_LIMIT_BYTES: usize = 80 * 1024 * 1024;

/// The longest idle time of a connection that is used again. The other side may have closed an older one, and the
/// failed call would be a fault that no test requested.
const IDLE: Duration = Duration::from_secs(1);

/// The proxy behind its server.
#[derive(Debug)]
pub struct FaultProxy {
    proxy: Arc<Proxy>,
    control: Router,
}

impl FaultProxy {
    /// Adds the routes for tests to a proxy.
    pub fn new(proxy: Proxy) -> Self {
        let proxy = Arc::new(proxy);
        let control = control::routes(Arc::clone(&proxy));
        Self { proxy, control }
    }
}

impl Program for FaultProxy {
    type Client = Caller;

    /// No time to finish: a shutdown cuts off open calls.
    const GRACE: Duration = Duration::ZERO;

    async fn client(&self, ends: Ends) -> Caller {
        let proxy = Arc::clone(&self.proxy);
        let found = tokio::task::spawn_blocking(move || proxy.callers().find(ends.theirs, ends.ours)).await;
        found.unwrap_or_else(|_| Caller::unknown())
    }

    async fn answer(&self, caller: &Caller, request: Request<Incoming>) -> Result<Response<Body>, Closed> {
        if request.uri().path().starts_with(control::PATH) {
            let Ok(answer) = self.control.clone().oneshot(request.map(Body::new)).await;
            return Ok(answer);
        }
        Arc::clone(&self.proxy).pass(caller, request).await
    }
}

/// The end of a call.
enum End {
    Answer(Response<Body>),
    Dropped,
    Unanswered,
}

/// The state kept between calls.
#[derive(Debug)]
pub struct Proxy {
    http: Client,
    aws: String,
    ses: String,
    callers: Callers,
    plan: Mutex<(Plan, fastrand::Rng, u64)>,
    record: Mutex<Record>,
    /// The tables described so far; `None` for a table whose description failed.
    schemas: Mutex<HashMap<String, Option<Arc<Schema>>>>,
}

impl Proxy {
    /// Creates a proxy without faults.
    ///
    /// # Errors
    /// When no HTTP client can be created.
    pub fn new(settings: &Settings, record: Record) -> Result<Self, reqwest::Error> {
        let http = Client::builder()
            .no_proxy()
            .redirect(Policy::none())
            .retry(reqwest::retry::never())
            .tcp_nodelay(true)
            .pool_idle_timeout(IDLE)
            .build()?;
        let chance = settings.seed.map_or_else(fastrand::Rng::new, fastrand::Rng::with_seed);
        Ok(Self {
            http,
            aws: settings.aws.clone(),
            ses: settings.ses.clone(),
            callers: Callers::default(),
            plan: Mutex::new((Plan::default(), chance, 0)),
            record: Mutex::new(record),
            schemas: Mutex::default(),
        })
    }

    fn rules(&self) -> MutexGuard<'_, (Plan, fastrand::Rng, u64)> {
        self.plan.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The finder of callers.
    pub fn callers(&self) -> &Callers {
        &self.callers
    }

    /// The record of calls.
    pub fn record(&self) -> MutexGuard<'_, Record> {
        self.record.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns the active rules, with their remaining counts and the number of calls struck.
    pub fn plan(&self) -> Plan {
        self.rules().0.clone()
    }

    /// Replaces all rules.
    pub fn put(&self, mut plan: Plan) -> Plan {
        let (old, _, newest) = &mut *self.rules();
        for rule in &mut plan.faults {
            *newest += 1;
            (rule.id, rule.struck) = (*newest, 0);
        }
        old.clone_from(&plan);
        plan
    }

    /// Adds a rule, and removes exhausted rules.
    pub fn add(&self, mut rule: Rule) -> Rule {
        let (plan, _, newest) = &mut *self.rules();
        *newest += 1;
        (rule.id, rule.struck) = (*newest, 0);
        plan.faults.retain(|rule| rule.count != Some(0));
        plan.faults.push(rule.clone());
        rule
    }

    /// Removes a rule.
    pub fn remove(&self, id: u64) {
        self.rules().0.faults.retain(|rule| rule.id != id);
    }

    fn choose(&self, call: &Call, caller: &Caller, body: &[u8]) -> Chosen {
        let (plan, chance, _) = &mut *self.rules();
        plan.choose(call, &caller.name, body, chance)
    }

    /// Handles a call and returns its answer.
    ///
    /// # Errors
    /// [`Closed`] when its connection must close instead.
    pub async fn pass(self: Arc<Self>, caller: &Caller, request: Request<Incoming>) -> Result<Response<Body>, Closed> {
        let (parts, body) = request.into_parts();
        let body = axum::body::to_bytes(Body::new(body), BODY_LIMIT_BYTES).await;
        // AWS does not answer an incomplete request either.
        let body = body.map_err(|_| Closed)?;
        let call = Call::read(&parts, &body);
        let chosen = self.choose(&call, caller, &body);
        let number = self
            .record()
            .begin(call.clone(), caller, &chosen.struck, Timestamp::now());
        let mut noted = Noted {
            proxy: Arc::clone(&self),
            number,
            end: (CallOutcome::Gone, None),
        };
        // Handling runs on its own task: at AWS, a caller that hangs up does not cancel it either.
        let handling = tokio::spawn(self.handle(number, call, parts, body, chosen));
        let end = handling.await.unwrap_or_else(|error| {
            tracing::error!(%error, "a call could not be handled");
            End::Unanswered
        });
        match end {
            End::Answer(response) => {
                noted.end = (CallOutcome::Answered, Some(response.status().as_u16()));
                Ok(response)
            }
            End::Dropped => {
                noted.end = (CallOutcome::Dropped, None);
                Err(Closed)
            }
            End::Unanswered => {
                noted.end = (CallOutcome::Unanswered, None);
                Err(Closed)
            }
        }
    }

    async fn handle(self: Arc<Self>, number: u64, call: Call, parts: Parts, body: Bytes, chosen: Chosen) -> End {
        wait(chosen.before_ms).await;
        let end = match chosen.effect {
            Some(Kind::DropBefore) => return End::Dropped,
            Some(kind @ (Kind::Throttle | Kind::Fail)) => match refusal::answer(&call, kind, &body, number) {
                Some(answer) => End::Answer(answer),
                None => self.forward(&call, &parts, body).await,
            },
            Some(Kind::Conflict) => match refusal::conflict(&call, &body, number) {
                Some(answer) => End::Answer(answer),
                None => self.forward(&call, &parts, body).await,
            },
            Some(Kind::Lose) => End::Answer(refusal::as_if_published(number)),
            Some(Kind::Partial) => match partial::without_last(&call, &body) {
                Some(rest) => self.forward_rest(&call, &parts, rest).await,
                None => self.forward(&call, &parts, body).await,
            },
            Some(Kind::Double) => {
                let first = self.forward(&call, &parts, body.clone()).await;
                self.forward(&call, &parts, body).await;
                first
            }
            Some(Kind::DropAfter) => {
                self.forward(&call, &parts, body).await;
                End::Dropped
            }
            Some(Kind::DelayBefore | Kind::DelayAfter) | None => self.forward(&call, &parts, body).await,
        };
        wait(chosen.after_ms).await;
        end
    }

    /// Returns AWS's refusal of a malformed call, if there is one.
    async fn refused(&self, call: &Call, parts: &Parts, body: &[u8]) -> Option<Response<Body>> {
        let schema = match form::table_in_question(call, body) {
            Some(table) => self.schema(&table, &parts.headers).await,
            None => None,
        };
        let refusal = form::refused(call, parts, body, schema.as_deref())?;
        tracing::warn!(
            service = call.service,
            operation = call.operation,
            refusal.name,
            refusal.message,
            "AWS would refuse this request"
        );
        refusal::of_form(call, &refusal)
    }

    /// Returns the keys and indexes of a table, read once with the caller's credentials.
    async fn schema(&self, table: &str, headers: &HeaderMap) -> Option<Arc<Schema>> {
        let known = || self.schemas.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(schema) = known().get(table) {
            return schema.clone();
        }
        let mut headers = headers.clone();
        remove_per_connection(&mut headers);
        headers.insert(
            "x-amz-target",
            HeaderValue::from_static("DynamoDB_20120810.DescribeTable"),
        );
        let body = serde_json::json!({"TableName": table}).to_string();
        let answered = self.http.post(&self.aws).headers(headers).body(body).send().await;
        let answer = answered.and_then(reqwest::Response::error_for_status).ok()?;
        let schema = Schema::read(&answer.bytes().await.ok()?).map(Arc::new);
        known().insert(table.to_owned(), schema.clone());
        schema
    }

    /// Forwards a call, and returns its answer.
    async fn forward(&self, call: &Call, parts: &Parts, body: Bytes) -> End {
        if let Some(refusal) = self.refused(call, parts, &body).await {
            return End::Answer(refusal);
        }
        let upstream = if parts.uri.path().starts_with(SES) {
            &self.ses
        } else {
            &self.aws
        };
        let path = parts.uri.path_and_query().map_or("/", |path| path.as_str());
        let mut headers = parts.headers.clone();
        remove_per_connection(&mut headers);
        let answered = self
            .http
            .request(parts.method.clone(), format!("{upstream}{path}"))
            .headers(headers)
            .body(body)
            .send()
            .await;
        match read(answered).await {
            Ok(response) => End::Answer(response),
            Err(error) => {
                tracing::debug!(%error, "a call was not answered");
                End::Unanswered
            }
        }
    }

    async fn forward_rest(&self, call: &Call, parts: &Parts, rest: Rest) -> End {
        let Some(body) = rest.body.clone() else {
            let mut answer = Response::new(Body::from(rest.empty_answer()));
            let media_type = HeaderValue::from_static("application/x-amz-json-1.0");
            answer.headers_mut().insert(CONTENT_TYPE, media_type);
            return End::Answer(answer);
        };
        match self.forward(call, parts, body).await {
            End::Answer(response) if response.status().is_success() => {
                let (mut parts, body) = response.into_parts();
                let Ok(body) = axum::body::to_bytes(body, BODY_LIMIT_BYTES).await else {
                    return End::Unanswered;
                };
                // The checksum of the original answer does not fit the changed one.
                parts.headers.remove("x-amz-crc32");
                End::Answer(Response::from_parts(parts, Body::from(rest.answer(&body))))
            }
            other @ (End::Answer(_) | End::Dropped | End::Unanswered) => other,
        }
    }
}

async fn read(answered: Result<reqwest::Response, reqwest::Error>) -> Result<Response<Body>, reqwest::Error> {
    let answer = answered?;
    let (status, mut headers) = (answer.status(), answer.headers().clone());
    let body = answer.bytes().await?;
    let length = headers.get(CONTENT_LENGTH).cloned();
    remove_per_connection(&mut headers);
    // The answer to HEAD states the length of the body that GET would return.
    if let (Some(length), true) = (length, body.is_empty()) {
        headers.insert(CONTENT_LENGTH, length);
    }
    let mut response = Response::new(Body::from(body));
    *response.status_mut() = status;
    *response.headers_mut() = headers;
    Ok(response)
}

/// Removes the headers of one connection; lengths are computed again. The host stays: the emulator derives the names
/// of its queues from it.
fn remove_per_connection(headers: &mut HeaderMap) {
    for name in [CONNECTION, TRANSFER_ENCODING, CONTENT_LENGTH] {
        headers.remove(name);
    }
}

async fn wait(millis: u64) {
    if millis > 0 {
        tokio::time::sleep(Duration::from_millis(millis)).await;
    }
}

/// The part of an answer that records the end of its call when it is dropped. A caller that hangs up drops the whole
/// answer, and this part with it.
struct Noted {
    proxy: Arc<Proxy>,
    number: u64,
    end: (CallOutcome, Option<u16>),
}

impl Drop for Noted {
    fn drop(&mut self) {
        let (outcome, status) = self.end;
        self.proxy.record().end(self.number, outcome, status, Timestamp::now());
    }
}
