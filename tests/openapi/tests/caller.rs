//! A caller of the API's functions, with the in-memory backend.

use std::net::IpAddr;
use std::time::Duration;

use access::AccessFunction;
use aws::http::auth::Authenticator;
use aws::http::{endpoint, gateway};
use aws::runtime::settings::KeySettings;
use domain::api::open_metrics::OPEN_METRICS;
use domain::delivery::policy::Policy as RetryPolicy;
use domain::reporting::cost::Prices;
use domain::tenant::domains::Tls;
use domains::DomainsFunction;
use enqueue::queues::QueueCache;
use enqueue::quota::QuotaLeases;
use enqueue::senders::KnownSenders;
use enqueue::{EnqueueFunction, EnqueueSettings};
use lambda_http::{Body, Response};
use manage::{ManageFunction, ManageSettings};
use memory::{MemoryBackend, samples};
use openapi::operation::Operation;
use outgoing::Policy;
use outgoing::failure::DnsError;
use outgoing::resolve::Resolve;
use reports::ReportsFunction;
use reports::throttles::RecentThrottles;
use serde_json::{Value, json};
use suppressions::SuppressionsFunction;
use webhooks::WebhooksFunction;

/// The media type of a preview.
pub(crate) const HTML: &str = "text/html; charset=utf-8";

/// The function that answers an operation, by the template's routes; `routes` compares both.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Function {
    Enqueue,
    Access,
    Suppressions,
    Domains,
    Webhooks,
    Reports,
    Manage,
}

impl Function {
    pub(crate) fn of(operation: &Operation) -> Self {
        match operation.path.split('/').nth(1) {
            _ if operation.name.starts_with("send_") => Self::Enqueue,
            _ if operation.name == "metrics" => Self::Reports,
            Some("api-keys" | "console-codes" | "tenants") => Self::Access,
            Some("suppressions") => Self::Suppressions,
            Some("domains") => Self::Domains,
            Some("webhooks") => Self::Webhooks,
            Some("failures" | "usage" | "account" | "metrics" | "openapi.json") => Self::Reports,
            _ => Self::Manage,
        }
    }
}

/// A call of an operation.
#[derive(Clone)]
pub(crate) struct Call {
    pub(crate) name: &'static str,
    pub(crate) path: String,
    pub(crate) query: &'static str,
    pub(crate) headers: Value,
    pub(crate) body: Option<String>,
}

impl Call {
    /// Creates a call with a valid key and nothing else.
    pub(crate) fn new(name: &'static str, path: &str) -> Self {
        Self {
            name,
            path: path.to_owned(),
            query: "",
            headers: json!({"authorization": samples::bearer()}),
            body: None,
        }
    }

    pub(crate) fn query(self, query: &'static str) -> Self {
        Self { query, ..self }
    }

    pub(crate) fn header(mut self, name: &str, value: &str) -> Self {
        self.headers[name] = value.into();
        self
    }

    pub(crate) fn body(self, body: impl Into<String>) -> Self {
        let body = Some(body.into());
        Self { body, ..self }
    }

    /// Makes the call; returns the status, and the JSON or the text of the answer.
    pub(crate) async fn ask(&self, backend: &MemoryBackend, operation: &Operation) -> (u16, Value) {
        let request = gateway::request(
            serde_json::from_value(json!({
                "rawPath": self.path,
                "rawQueryString": self.query,
                "headers": self.headers,
                "body": self.body,
                "requestContext": {"http": {"method": operation.method.to_uppercase()}},
                "isBase64Encoded": false,
            }))
            .expect("an event has API Gateway's form"),
        )
        .expect("a request");
        let authenticator = Authenticator::new(KeySettings::of(samples::DEPLOYER_KEY));
        let response = match Function::of(operation) {
            Function::Enqueue => endpoint::handle(&enqueue(backend), &authenticator, request).await,
            Function::Access => endpoint::handle(&access(backend), &authenticator, request).await,
            Function::Suppressions => endpoint::handle(&suppressions(backend), &authenticator, request).await,
            Function::Domains => endpoint::handle(&domains(backend), &authenticator, request).await,
            Function::Webhooks => endpoint::handle(&webhooks(backend), &authenticator, request).await,
            Function::Reports => endpoint::handle(&reports(backend), &authenticator, request).await,
            Function::Manage => endpoint::handle(&manage(backend), &authenticator, request).await,
        };
        read(&response)
    }
}

fn read(response: &Response<Body>) -> (u16, Value) {
    let (body, media_type) = (
        response.body().as_ref(),
        response.headers().get("content-type").unwrap(),
    );
    let answer = if media_type == OPEN_METRICS || media_type == HTML {
        Value::from(str::from_utf8(body).expect("an answer is UTF-8"))
    } else {
        assert_eq!(media_type, "application/json");
        serde_json::from_slice(body).expect("an answer is JSON")
    };
    (response.status().as_u16(), answer)
}

const DAY: Duration = Duration::from_secs(86_400);

fn enqueue(backend: &MemoryBackend) -> EnqueueFunction<MemoryBackend> {
    EnqueueFunction {
        records: backend.clone(),
        bodies: backend.clone(),
        priority_queues: backend.clone(),
        system: backend.clone(),
        with: EnqueueSettings {
            guard: Duration::from_secs(900),
            expires_after: 14 * DAY,
            retention: 30 * DAY,
            prices: Prices::standard(),
            requires_domains: false,
        },
        queues: QueueCache::default(),
        quota_leases: QuotaLeases::default(),
        senders: KnownSenders::default(),
    }
}

fn manage(backend: &MemoryBackend) -> ManageFunction<MemoryBackend> {
    ManageFunction {
        records: backend.clone(),
        bodies: backend.clone(),
        priority_queues: backend.clone(),
        system: backend.clone(),
        with: ManageSettings {
            policy: RetryPolicy::standard(),
            expires_after: 14 * DAY,
            retention: 30 * DAY,
            region: "us-east-1".to_owned(),
            binds_after: std::time::Duration::ZERO,
        },
    }
}

fn reports(backend: &MemoryBackend) -> ReportsFunction<MemoryBackend> {
    ReportsFunction {
        records: backend.clone(),
        account: backend.clone(),
        monitoring: backend.clone(),
        throttles: RecentThrottles::default(),
        system: backend.clone(),
        prices: Prices::standard(),
    }
}

fn access(backend: &MemoryBackend) -> AccessFunction<MemoryBackend> {
    AccessFunction {
        records: backend.clone(),
        system: backend.clone(),
    }
}

fn domains(backend: &MemoryBackend) -> DomainsFunction<MemoryBackend> {
    DomainsFunction {
        records: backend.clone(),
        identities: backend.clone(),
        dns: backend.clone(),
        system: backend.clone(),
        region: "us-east-1".to_owned(),
        tls: Tls::Opportunistic,
    }
}

/// A DNS without names: an endpoint gets a warning.
pub(crate) struct NoNames;

impl Resolve for NoNames {
    async fn resolve(&self, _: &str) -> Result<Vec<IpAddr>, DnsError> {
        Err(DnsError::NoAddress)
    }
}

fn webhooks(backend: &MemoryBackend) -> WebhooksFunction<(MemoryBackend, NoNames)> {
    WebhooksFunction {
        records: backend.clone(),
        endpoints: backend.clone(),
        tasks: backend.clone(),
        system: backend.clone(),
        hosts: NoNames,
        policy: Policy::Public,
        region: "us-east-1".to_owned(),
    }
}

fn suppressions(backend: &MemoryBackend) -> SuppressionsFunction<MemoryBackend> {
    SuppressionsFunction {
        records: backend.clone(),
        system: backend.clone(),
        account_list: backend.clone(),
        releases_complaints: false,
    }
}
