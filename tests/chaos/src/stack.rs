//! Access to the stack.
//!
//! **Role:** makes the calls and reads their answers; decides nothing.
//! **Invariant:** the client's requests go through the fault proxy, like those of the functions. The run's own reads
//! and controls bypass it.

mod emails;
mod hooks;

use std::time::Duration;

use aws::runtime::clients::Clients;
use aws_sdk_dynamodb::config::timeout::TimeoutConfig;
use aws_sdk_sqs::types::QueueAttributeName;
use reqwest::{Client, Method, RequestBuilder};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use crate::Trouble;
use crate::settings::Settings;

/// The path of the API on the emulator. The fault proxy passes it on, so that it can drop a caller's request or answer.
/// The id is the tag `ms-custom-id` in `template.yaml`.
const HTTP_API: &str = "/_aws/execute-api/mailqueue/$default";

/// The limit of one answer: more than a function's longest run.
const PATIENCE: Duration = Duration::from_secs(70);

/// Calls of AWS at the same time.
const AT_ONCE: usize = 16;

/// An answer of the API.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HttpResponse {
    /// The status.
    pub status: u16,
    /// The body; null if it is not JSON.
    pub body: Value,
}

/// A call in the proxy's record.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Call {
    /// The number of the call.
    pub number: u64,
    /// The caller.
    pub caller: String,
    /// The caller's process.
    pub process: Option<u32>,
    /// The service.
    pub service: String,
    /// The operation.
    pub operation: String,
    /// The emails that it names.
    #[serde(default)]
    pub emails: Vec<String>,
    /// The rules that struck it.
    pub rules: Vec<u64>,
    /// The outcome.
    pub outcome: String,
}

/// A stack.
#[derive(Debug, Clone)]
pub struct Stack {
    http: Client,
    dynamodb: aws_sdk_dynamodb::Client,
    sqs: aws_sdk_sqs::Client,
    settings: Settings,
    /// The address of the API through the proxy.
    api: String,
}

fn trouble(what: &str) -> impl FnOnce(reqwest::Error) -> Trouble + '_ {
    move |error| Trouble(format!("{what}: {error}."))
}

impl Stack {
    /// Creates the clients; calls nothing.
    ///
    /// # Errors
    /// When a client cannot be created.
    pub fn connect(settings: &Settings) -> Result<Self, Trouble> {
        let http = Client::builder().no_proxy().timeout(PATIENCE).build();
        let clients = Clients::connect().map_err(|error| Trouble(format!("No client of AWS can be made: {error}.")))?;
        // The functions give up after seconds. The run's own reads wait, because a busy emulator is no result.
        let patient = TimeoutConfig::builder()
            .operation_timeout(PATIENCE)
            .operation_attempt_timeout(PATIENCE)
            .read_timeout(PATIENCE)
            .build();
        let dynamodb = clients.dynamodb().config().to_builder().timeout_config(patient.clone());
        let sqs = clients.sqs().config().to_builder().timeout_config(patient);
        Ok(Self {
            http: http.map_err(trouble("No HTTP client can be made"))?,
            dynamodb: aws_sdk_dynamodb::Client::from_conf(dynamodb.build()),
            sqs: aws_sdk_sqs::Client::from_conf(sqs.build()),
            api: format!("{}{HTTP_API}", settings.proxy),
            settings: settings.clone(),
        })
    }

    /// Returns the full name of a function.
    #[must_use]
    pub fn function(&self, name: &str) -> String {
        format!("{}-{name}", self.settings.stack)
    }

    /// Calls the API once.
    ///
    /// # Errors
    /// When there is no answer.
    pub async fn api(
        &self,
        method: Method,
        path: &str,
        key: Option<&str>,
        body: &Value,
    ) -> Result<HttpResponse, reqwest::Error> {
        let mut request = self.http.request(method, format!("{}{path}", self.api));
        if let Some(key) = key {
            request = request.header("idempotency-key", key);
        }
        let response = request.bearer_auth(&self.settings.key).json(body).send().await?;
        let (status, body) = (response.status().as_u16(), response.bytes().await?);
        Ok(HttpResponse {
            status,
            body: serde_json::from_slice(&body).unwrap_or_default(),
        })
    }

    async fn read<T: DeserializeOwned>(&self, what: &str, request: RequestBuilder) -> Result<T, Trouble> {
        let answer = request.send().await.and_then(reqwest::Response::error_for_status);
        answer.map_err(trouble(what))?.json().await.map_err(trouble(what))
    }

    async fn send_request(&self, what: &str, request: RequestBuilder) -> Result<(), Trouble> {
        let answer = request.send().await.and_then(reqwest::Response::error_for_status);
        answer.map(drop).map_err(trouble(what))
    }

    fn proxy(&self, method: Method, path: &str) -> RequestBuilder {
        self.http
            .request(method, format!("{}/_fault_proxy/{path}", self.settings.proxy))
    }

    fn ses(&self, method: Method, path: &str) -> RequestBuilder {
        self.http.request(method, format!("{}/{path}", self.settings.ses))
    }

    /// Replaces all faults at the proxy and at SES.
    ///
    /// # Errors
    /// When one of them does not accept the faults.
    pub async fn strike(&self, at_aws: &Value, at_ses: &Value) -> Result<(), Trouble> {
        let aws = self.proxy(Method::PUT, "faults").json(&json!({"faults": at_aws}));
        self.send_request("The fault proxy does not take its faults", aws)
            .await?;
        let ses = self.ses(Method::PUT, "faults").json(&json!({"faults": at_ses}));
        self.send_request("The fake SES does not take its faults", ses).await
    }

    /// Adds a rule at the proxy; returns its id.
    ///
    /// # Errors
    /// When the proxy does not accept it.
    pub async fn add_rule(&self, rule: &Value) -> Result<u64, Trouble> {
        let added: Value = self
            .read(
                "The fault proxy does not take a rule",
                self.proxy(Method::POST, "faults").json(rule),
            )
            .await?;
        let id = added.get("id").and_then(Value::as_u64);
        id.ok_or_else(|| Trouble("The fault proxy gave a rule no id.".to_owned()))
    }

    /// Removes a rule from the proxy.
    ///
    /// # Errors
    /// When the proxy does not remove it.
    pub async fn remove_rule(&self, id: u64) -> Result<(), Trouble> {
        self.send_request(
            "The fault proxy keeps a rule",
            self.proxy(Method::DELETE, &format!("faults/{id}")),
        )
        .await
    }

    /// Returns the open calls.
    ///
    /// # Errors
    /// When the proxy does not answer.
    pub async fn calls_under_way(&self) -> Result<Vec<Call>, Trouble> {
        self.read(
            "The fault proxy does not list its calls",
            self.proxy(Method::GET, "calls/open"),
        )
        .await
    }

    /// Returns one call.
    ///
    /// # Errors
    /// When the proxy does not answer.
    pub async fn call(&self, number: u64) -> Result<Call, Trouble> {
        let request = self.proxy(Method::GET, &format!("calls/{number}"));
        self.read("The fault proxy does not show a call", request).await
    }

    /// Returns the counters of the proxy and of the fake SES.
    ///
    /// # Errors
    /// When one of them does not answer.
    pub async fn counters(&self) -> Result<(Value, Value), Trouble> {
        let aws = self.read("The fault proxy has no counters", self.proxy(Method::GET, "stats"));
        let ses = self.read("The fake SES has no counters", self.ses(Method::GET, "stats"));
        Ok((aws.await?, ses.await?))
    }

    /// Raises the account's limits beyond the speed of this machine.
    ///
    /// # Errors
    /// When the fake SES does not accept the limits.
    pub async fn unlimited_account(&self) -> Result<(), Trouble> {
        let limits = json!({"max_send_rate": 1000, "max_24_hour_send": null});
        self.send_request(
            "The fake SES does not take its limits",
            self.ses(Method::PUT, "account").json(&limits),
        )
        .await
    }

    /// Runs `promote` now, as its schedule does every minute; returns whether it succeeded.
    ///
    /// # Errors
    /// When Lambda does not answer.
    pub async fn promote(&self) -> Result<bool, Trouble> {
        let function = self.function("promote");
        let url = format!("{}/2015-03-31/functions/{function}/invocations", self.settings.aws);
        let answer = self.http.post(url).json(&json!({})).send().await;
        let answer = answer.map_err(trouble("Lambda does not answer"))?;
        Ok(answer.status().is_success() && !answer.headers().contains_key("x-amz-function-error"))
    }

    /// Returns the URLs of the stack's queues whose names contain one of these.
    ///
    /// # Errors
    /// When they cannot be listed, or one is missing.
    pub async fn queues(&self, names: &[&str]) -> Result<Vec<String>, Trouble> {
        let listed = self
            .sqs
            .list_queues()
            .queue_name_prefix(&self.settings.stack)
            .send()
            .await;
        let listed = listed.map_err(|error| Trouble(format!("The queues cannot be listed: {error:?}.")))?;
        let urls = listed.queue_urls.unwrap_or_default();
        let found: Vec<_> = urls
            .into_iter()
            .filter(|url| names.iter().any(|name| url.contains(&format!("-{name}-"))))
            .collect();
        if found.len() == names.len() {
            Ok(found)
        } else {
            Err(Trouble(format!(
                "Of the queues {names:?} only these were found: {found:?}."
            )))
        }
    }

    /// Returns the number of all messages: waiting, hidden, and delayed.
    ///
    /// # Errors
    /// When a queue does not answer.
    pub async fn depth(&self, queues: &[String]) -> Result<u64, Trouble> {
        const COUNTS: [QueueAttributeName; 3] = [
            QueueAttributeName::ApproximateNumberOfMessages,
            QueueAttributeName::ApproximateNumberOfMessagesNotVisible,
            QueueAttributeName::ApproximateNumberOfMessagesDelayed,
        ];
        let mut all = 0;
        for queue in queues {
            let query = self.sqs.get_queue_attributes().queue_url(queue);
            let answer = query.set_attribute_names(Some(COUNTS.to_vec())).send().await;
            let answer = answer.map_err(|error| Trouble(format!("A queue does not report its depth: {error:?}.")))?;
            let counts = answer.attributes.unwrap_or_default();
            all += COUNTS
                .iter()
                .filter_map(|name| counts.get(name)?.parse::<u64>().ok())
                .sum::<u64>();
        }
        Ok(all)
    }

    /// Sets the visibility timeout of these queues.
    ///
    /// # Errors
    /// When a queue does not accept it.
    pub async fn hide_for(&self, queues: &[String], seconds: u32) -> Result<(), Trouble> {
        for queue in queues {
            let set = self.sqs.set_queue_attributes().queue_url(queue);
            set.attributes(QueueAttributeName::VisibilityTimeout, seconds.to_string())
                .send()
                .await
                .map_err(|error| Trouble(format!("A queue does not take its visibility timeout: {error:?}.")))?;
        }
        Ok(())
    }
}
