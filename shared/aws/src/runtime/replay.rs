//! AWS for tests: prepared answers, and a record of the requests.
//!
//! **Role:** the tests of the adapters use the SDK's own clients, with the retries and timeouts of
//! [`crate::runtime::clients`]; only the network is missing.
//! **Time:** with `start_paused`, a wait or a timeout of the SDK takes no time.

use std::collections::VecDeque;
use std::fmt;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use aws_sdk_dynamodb::config::{BehaviorVersion, Credentials, Region, SharedCredentialsProvider};
use aws_sdk_dynamodb::types::AttributeValue;
use aws_sdk_s3::primitives::SdkBody;
use aws_smithy_runtime_api::client::http::{HttpConnector, HttpConnectorFuture, SharedHttpConnector};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::http::StatusCode;
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use serde_json::{Value, json};

use crate::runtime::clients::Clients;
use crate::runtime::settings::TableSettings;
use crate::storage::attributes::Item;
use crate::storage::records::Table;

/// Configuration of a function in a region, without the process's environment.
pub(crate) fn environment() -> aws_types::sdk_config::Builder {
    let credentials = Credentials::new("AKIDEXAMPLE", "secret", None, None, "test");
    aws_types::SdkConfig::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::from_static("us-east-1"))
        .credentials_provider(SharedCredentialsProvider::new(credentials))
}

/// Behaviour of AWS for one request.
#[derive(Debug, Clone)]
pub(crate) enum CannedResponse {
    /// The service answers.
    Says {
        status: u16,
        headers: Vec<(&'static str, &'static str)>,
        body: Vec<u8>,
    },
    /// The service may carry out the request; its answer never arrives.
    Lost,
}

impl CannedResponse {
    /// Success of a service that uses JSON.
    pub(crate) fn ok(body: &Value) -> Self {
        Self::says(200, body)
    }

    /// An answer with a JSON body.
    pub(crate) fn says(status: u16, body: &Value) -> Self {
        Self::from((status, body.to_string()))
    }

    /// An error of DynamoDB.
    pub(crate) fn dynamodb_error(status: u16, name: &str, message: &str) -> Self {
        let name = format!("com.amazonaws.dynamodb.v20120810#{name}");
        Self::says(status, &json!({"__type": name, "message": message}))
    }

    /// DynamoDB's answer when a condition fails, with the stored item if there is one.
    pub(crate) fn condition_failed(stored: Option<&Item>) -> Self {
        let mut body = json!({
            "__type": "com.amazonaws.dynamodb.v20120810#ConditionalCheckFailedException",
            "message": "The conditional request failed",
        });
        if let Some(stored) = stored {
            body["Item"] = dynamodb_json(stored);
        }
        Self::says(400, &body)
    }

    /// DynamoDB's answer when a transaction fails, with a reason for each write.
    pub(crate) fn canceled(reasons: &[Value]) -> Self {
        Self::says(
            400,
            &json!({
                "__type": "com.amazonaws.dynamodb.v20120810#TransactionCanceledException",
                "Message": "Transaction cancelled",
                "CancellationReasons": reasons,
            }),
        )
    }
}

/// Status and body.
impl From<(u16, String)> for CannedResponse {
    fn from((status, body): (u16, String)) -> Self {
        let headers = vec![("content-type", "application/x-amz-json-1.0")];
        Self::Says {
            status,
            headers,
            body: body.into_bytes(),
        }
    }
}

/// An item in DynamoDB's JSON, with the types that are stored.
pub(crate) fn dynamodb_json(item: &Item) -> Value {
    #[expect(clippy::wildcard_enum_match_arm, reason = "the SDK's enum is open")]
    fn value(attribute: &AttributeValue) -> Value {
        match attribute {
            AttributeValue::S(text) => json!({"S": text}),
            AttributeValue::N(digits) => json!({"N": digits}),
            AttributeValue::Bool(flag) => json!({"BOOL": flag}),
            AttributeValue::B(bytes) => json!({"B": BASE64_STANDARD.encode(bytes)}),
            AttributeValue::M(item) => json!({"M": dynamodb_json(item)}),
            AttributeValue::L(values) => json!({"L": values.iter().map(value).collect::<Vec<_>>()}),
            other => panic!("nothing stores a {other:?}"),
        }
    }
    item.iter()
        .map(|(name, attribute)| (name.clone(), value(attribute)))
        .collect()
}

/// A request to AWS.
#[derive(Clone)]
pub(crate) struct SentRequest(Arc<HttpRequest>);

impl SentRequest {
    /// HTTP method and address.
    pub(crate) fn line(&self) -> String {
        format!("{} {}", self.0.method(), self.0.uri())
    }

    /// Operation, for services that name it in a header.
    pub(crate) fn operation(&self) -> &str {
        self.header("x-amz-target").rsplit('.').next().unwrap_or_default()
    }

    pub(crate) fn header(&self, name: &str) -> &str {
        self.0.headers().get(name).unwrap_or_default()
    }

    pub(crate) fn body(&self) -> &[u8] {
        self.0.body().bytes().expect("the body is in memory")
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(self.body()).expect("the body is JSON")
    }
}

impl fmt::Debug for SentRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.line(), String::from_utf8_lossy(self.body()))
    }
}

type Answerer = dyn Fn(&SentRequest) -> CannedResponse + Send + Sync;

/// The network, and AWS behind it.
#[derive(Clone)]
pub(crate) struct Replay {
    answer: Arc<Answerer>,
    sent_request: Arc<Mutex<Vec<SentRequest>>>,
}

impl Replay {
    /// Answers one request after the other; one request too many fails the test.
    pub(crate) fn new(answers: impl IntoIterator<Item = impl Into<CannedResponse>>) -> Self {
        let answers = Mutex::new(answers.into_iter().map(Into::into).collect::<VecDeque<_>>());
        Self::by(move |sent_request| {
            let next = answers.lock().unwrap().pop_front();
            next.unwrap_or_else(|| panic!("no answer is left for {sent_request:?}"))
        })
    }

    /// Answers a query of an index with the keys of these items, and then the read of the items.
    pub(crate) fn listing(items: &[Item]) -> Self {
        let items: Vec<_> = items.iter().map(dynamodb_json).collect();
        let keys: Vec<_> = items.iter().map(|item| json!({"pk": item["pk"]})).collect();
        Self::new([
            CannedResponse::ok(&json!({"Items": keys})),
            CannedResponse::ok(&json!({"Responses": {"T": items}})),
        ])
    }

    /// Fails the test at the first request.
    pub(crate) fn expecting_none() -> Self {
        Self::by(|sent_request| panic!("unexpected request: {sent_request:?}"))
    }

    /// Answers each request by its content.
    pub(crate) fn by(answer: impl Fn(&SentRequest) -> CannedResponse + Send + Sync + 'static) -> Self {
        Self {
            answer: Arc::new(answer),
            sent_request: Arc::default(),
        }
    }

    /// Clients of a function.
    pub(crate) fn clients(&self) -> Clients {
        let connector = SharedHttpConnector::new(self.clone());
        Clients::over(environment(), connector.clone(), connector)
    }

    /// Table `T`, which keeps finished records for a day.
    pub(crate) fn table(&self, shards: u16) -> Table {
        let retention = Duration::from_secs(86_400);
        let settings = TableSettings {
            table: "T".to_owned(),
            shards,
            retention,
        };
        Table::new(self.clients().dynamodb(), &settings)
    }

    /// All requests so far.
    pub(crate) fn sent_requests(&self) -> Vec<SentRequest> {
        self.sent_request.lock().unwrap().clone()
    }

    /// All requests, for services that use JSON.
    pub(crate) fn requests(&self) -> Vec<Value> {
        self.sent_requests().iter().map(SentRequest::json).collect()
    }

    /// The only request.
    pub(crate) fn only(&self) -> SentRequest {
        let sent_request = self.sent_requests();
        let [only] = sent_request.as_slice() else {
            panic!("expected one request: {sent_request:?}")
        };
        only.clone()
    }
}

impl fmt::Debug for Replay {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Replay").field(&self.sent_requests()).finish()
    }
}

impl HttpConnector for Replay {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let sent_request = SentRequest(Arc::new(request));
        self.sent_request.lock().unwrap().push(sent_request.clone());
        match (self.answer)(&sent_request) {
            CannedResponse::Says { status, headers, body } => {
                let mut response = HttpResponse::new(StatusCode::try_from(status).unwrap(), SdkBody::from(body));
                for (name, value) in headers {
                    response.headers_mut().insert(name, value);
                }
                HttpConnectorFuture::ready(Ok(response))
            }
            CannedResponse::Lost => HttpConnectorFuture::new(std::future::pending()),
        }
    }
}
