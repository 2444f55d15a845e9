//! A call's way: what strikes it, when it takes effect, what is answered.
//!
//! **Role:** every request that is not for [`crate::control`].
//! **Invariant:** what a fault does not change passes as it is. A call that is passed on is passed
//! on once, unless a fault doubles it, and to its end, whatever its caller does meanwhile.
//! **Start reading at** [`Proxy::pass`].

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::http::header::{CONNECTION, CONTENT_LENGTH, CONTENT_TYPE, TRANSFER_ENCODING};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, Request, Response};
use hyper::body::Incoming;
use jiff::Timestamp;
use reqwest::Client;
use reqwest::redirect::Policy;
use thiserror::Error;

use crate::call::{Call, SES};
use crate::caller::{Caller, Callers};
use crate::form;
use crate::partial::{self, Rest};
use crate::plan::{Chosen, Kind, Plan, Rule};
use crate::record::{Outcome, Record};
use crate::refusal;
use crate::schema::Schema;
use crate::settings::Settings;

/// No call of AWS's is larger here: SES's 40 MB with base64 and JSON around it.
const BODY_LIMIT_BYTES: usize = 80 * 1024 * 1024;

/// A connection that was idle for longer may have been closed by the other side, and a call that
/// fails for that would be a fault that nobody has asked for.
const IDLE: Duration = Duration::from_secs(1);

/// The connection is closed, and nothing is answered.
#[derive(Debug, Error, PartialEq, Eq)]
#[error("closed without an answer")]
pub struct Closed;

/// How a call ended.
enum End {
    Answer(Response<Body>),
    Dropped,
    Unanswered,
}

/// Everything that is known between calls.
#[derive(Debug)]
pub struct Proxy {
    http: Client,
    aws: String,
    ses: String,
    callers: Callers,
    plan: Mutex<(Plan, fastrand::Rng, u64)>,
    record: Mutex<Record>,
    /// The tables that were asked for; `None` for one that could not be described.
    schemas: Mutex<HashMap<String, Option<Arc<Schema>>>>,
}

impl Proxy {
    /// A proxy without faults.
    ///
    /// # Errors
    /// When no HTTP client can be made.
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

    /// Who tells callers apart.
    pub fn callers(&self) -> &Callers {
        &self.callers
    }

    /// The record of calls.
    pub fn record(&self) -> MutexGuard<'_, Record> {
        self.record.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The rules in force, with what is left of their counts and what they have struck.
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

    /// Adds a rule; rules that are used up make room.
    pub fn add(&self, mut rule: Rule) -> Rule {
        let (plan, _, newest) = &mut *self.rules();
        *newest += 1;
        (rule.id, rule.struck) = (*newest, 0);
        plan.faults.retain(|rule| rule.count != Some(0));
        plan.faults.push(rule.clone());
        rule
    }

    /// Takes a rule away.
    pub fn remove(&self, id: u64) {
        self.rules().0.faults.retain(|rule| rule.id != id);
    }

    fn choose(&self, call: &Call, caller: &Caller, body: &[u8]) -> Chosen {
        let (plan, chance, _) = &mut *self.rules();
        plan.choose(call, &caller.name, body, chance)
    }

    /// Takes a call and answers it, if it is to be answered.
    ///
    /// # Errors
    /// [`Closed`] when its connection is to be closed instead.
    pub async fn pass(self: Arc<Self>, caller: &Caller, request: Request<Incoming>) -> Result<Response<Body>, Closed> {
        let (parts, body) = request.into_parts();
        let body = axum::body::to_bytes(Body::new(body), BODY_LIMIT_BYTES).await;
        // Who does not say to the end what is wanted gets no answer at AWS either.
        let body = body.map_err(|_| Closed)?;
        let call = Call::read(&parts, &body);
        let chosen = self.choose(&call, caller, &body);
        let number = self
            .record()
            .begin(call.clone(), caller, &chosen.struck, Timestamp::now());
        let mut noted = Noted {
            proxy: Arc::clone(&self),
            number,
            end: (Outcome::Gone, None),
        };
        // On its own task: who hangs up must not undo what AWS would have done.
        let handling = tokio::spawn(self.handle(number, call, parts, body, chosen));
        let end = handling.await.unwrap_or_else(|error| {
            tracing::error!(%error, "a call could not be handled");
            End::Unanswered
        });
        match end {
            End::Answer(response) => {
                noted.end = (Outcome::Answered, Some(response.status().as_u16()));
                Ok(response)
            }
            End::Dropped => {
                noted.end = (Outcome::Dropped, None);
                Err(Closed)
            }
            End::Unanswered => {
                noted.end = (Outcome::Unanswered, None);
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

    /// The refusal of a call that AWS would refuse for its form.
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

    /// Keys and indexes of a table, asked for once in the name of the caller.
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
        let asked = self.http.post(&self.aws).headers(headers).body(body).send().await;
        let answer = asked.and_then(reqwest::Response::error_for_status).ok()?;
        let schema = Schema::read(&answer.bytes().await.ok()?).map(Arc::new);
        known().insert(table.to_owned(), schema.clone());
        schema
    }

    /// Passes a call on, and its answer back.
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
        let asked = self
            .http
            .request(parts.method.clone(), format!("{upstream}{path}"))
            .headers(headers)
            .body(body)
            .send()
            .await;
        match read(asked).await {
            Ok(response) => End::Answer(response),
            Err(error) => {
                tracing::debug!(%error, "a call was not answered");
                End::Unanswered
            }
        }
    }

    async fn forward_rest(&self, call: &Call, parts: &Parts, rest: Rest) -> End {
        let Some(body) = rest.body.clone() else {
            let mut answer = Response::new(Body::from(rest.nothing_done()));
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
                // The checksum of the answer that was is none of this one.
                parts.headers.remove("x-amz-crc32");
                End::Answer(Response::from_parts(parts, Body::from(rest.answer(&body))))
            }
            other @ (End::Answer(_) | End::Dropped | End::Unanswered) => other,
        }
    }
}

async fn read(asked: Result<reqwest::Response, reqwest::Error>) -> Result<Response<Body>, reqwest::Error> {
    let answer = asked?;
    let (status, mut headers) = (answer.status(), answer.headers().clone());
    let body = answer.bytes().await?;
    let length = headers.get(CONTENT_LENGTH).cloned();
    remove_per_connection(&mut headers);
    // To HEAD it is said how long a body would be.
    if let (Some(length), true) = (length, body.is_empty()) {
        headers.insert(CONTENT_LENGTH, length);
    }
    let mut response = Response::new(Body::from(body));
    *response.status_mut() = status;
    *response.headers_mut() = headers;
    Ok(response)
}

/// What is said of a connection is not said of the next one; lengths are counted anew. The host
/// stays: the emulator names its queues by it.
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

/// Notes a call's end when it is dropped: also when its caller hangs up, which drops everything
/// that was to answer it.
struct Noted {
    proxy: Arc<Proxy>,
    number: u64,
    end: (Outcome, Option<u16>),
}

impl Drop for Noted {
    fn drop(&mut self) {
        let (outcome, status) = self.end;
        self.proxy.record().end(self.number, outcome, status, Timestamp::now());
    }
}
