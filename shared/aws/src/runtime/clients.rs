//! Clients of the SDK: one configuration and one set of connections, created at a function's start.
//!
//! **Why not the defaults:** TLS dominates a cold start. The first handshake of aws-lc and the parsing of the
//! system's certificates take most of a small function's first second. Here `ring` does the cryptography, and
//! the five roots of Amazon Trust Services are embedded: the system's certificates are never read. AWS's
//! regions in China use other roots, and are unreachable with these.
//!
//! **Deliberately absent:** `aws-config`. Lambda passes region and credentials in six variables. Profiles,
//! instance metadata, SSO and web identities would only make the function larger.
//!
//! **Why SES has its own connections:** SES may close a connection while the function is frozen. The first
//! write then fails with an ambiguous outcome, and the email would wait for evidence. So an idle connection to
//! SES is reused only within [`SES_IDLE`].

use std::time::Duration;

use aws_sdk_dynamodb::config::retry::RetryConfig;
use aws_sdk_dynamodb::config::timeout::TimeoutConfig;
use aws_sdk_dynamodb::config::{BehaviorVersion, Credentials, Region, SharedCredentialsProvider};
use aws_sdk_s3::primitives::ByteStream;
use aws_smithy_http_client::tls::rustls_provider::CryptoMode;
use aws_smithy_http_client::tls::{Provider, TlsContext, TrustStore};
use aws_smithy_http_client::{Connector, HttpClientError};
use aws_smithy_runtime_api::client::http::{
    HttpConnector, HttpConnectorSettings, SharedHttpClient, SharedHttpConnector, http_client_fn,
};
use aws_smithy_runtime_api::client::orchestrator::HttpRequest;
use aws_types::SdkConfig;
use aws_types::sdk_config::Builder;

use crate::runtime::settings::{self, AwsSettings, SettingsError};

/// Roots of Amazon Trust Services.
const ROOTS: &str = include_str!("roots/amazon.pem");

/// Timeout of connecting. Our choice: ten times the time for a distant region. Nothing was sent yet, so that a
/// timeout harms no email.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);

/// Time that an idle connection is kept, except to SES.
const IDLE: Duration = Duration::from_secs(60);

/// Time that an idle connection to SES is reused.
pub const SES_IDLE: Duration = Duration::from_secs(10);

/// Timeout of one attempt of a repeatable call; such calls are small.
const ATTEMPT_TIMEOUT: Duration = Duration::from_secs(4);

/// Attempts of a repeatable call, including the first.
pub(crate) const ATTEMPTS: u32 = 3;

/// Wait before the first repetition, doubled each time.
const BACKOFF: Duration = Duration::from_millis(50);

/// Longest wait.
const LONGEST_BACKOFF: Duration = Duration::from_millis(500);

/// Shared configuration of all clients.
#[derive(Debug, Clone)]
pub struct Clients {
    config: SdkConfig,
    connector: SharedHttpConnector,
    ses_connector: SharedHttpConnector,
    /// Endpoint of SES, if it differs from the others.
    ses_endpoint: Option<String>,
}

pub(crate) fn connector(idle: Duration) -> Result<SharedHttpConnector, HttpClientError> {
    let roots = TrustStore::empty().with_pem_certificate(ROOTS);
    let tls = TlsContext::builder().with_trust_store(roots).build()?;
    let connector = Connector::builder()
        .connector_settings(
            HttpConnectorSettings::builder()
                .connect_timeout(CONNECT_TIMEOUT)
                .build(),
        )
        .pool_idle_timeout(idle)
        .tls_provider(Provider::Rustls(CryptoMode::Ring))
        .tls_context(tls)
        .build();
    Ok(SharedHttpConnector::new(connector))
}

/// Every client with this HTTP client shares the same connections.
fn share_connections(connector: &SharedHttpConnector) -> SharedHttpClient {
    let connector = connector.clone();
    http_client_fn(move |_, _| connector.clone())
}

/// Reason why a function cannot connect to AWS.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    /// Region, endpoint or credentials are missing or malformed.
    #[error(transparent)]
    Settings(#[from] SettingsError),
    /// The embedded roots are unusable.
    #[error("the HTTP client could not be created")]
    Http(#[from] HttpClientError),
}

/// Region and credentials.
fn environment(settings: &AwsSettings) -> Builder {
    let credentials = Credentials::new(
        &settings.access_key_id,
        &settings.secret_access_key,
        settings.session_token.clone(),
        None,
        "environment",
    );
    let mut environment = SdkConfig::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new(settings.region.clone()))
        .credentials_provider(SharedCredentialsProvider::new(credentials));
    environment.set_endpoint_url(settings.endpoint.clone());
    environment
}

impl Clients {
    /// Creates the clients from Lambda's environment variables. Makes no call.
    ///
    /// # Errors
    /// See [`ConnectError`].
    pub fn connect() -> Result<Self, ConnectError> {
        let settings = settings::from_env(|read| read.aws())?;
        let mut clients = Self::over(environment(&settings), connector(IDLE)?, connector(SES_IDLE)?);
        clients.ses_endpoint = settings.ses_endpoint;
        Ok(clients)
    }

    /// Adds retries and timeouts to a configuration of region and credentials.
    pub(crate) fn over(
        environment: Builder,
        connector: SharedHttpConnector,
        ses_connector: SharedHttpConnector,
    ) -> Self {
        let config = environment
            .http_client(share_connections(&connector))
            .retry_config(
                RetryConfig::standard()
                    .with_max_attempts(ATTEMPTS)
                    .with_initial_backoff(BACKOFF)
                    .with_max_backoff(LONGEST_BACKOFF),
            )
            .timeout_config(
                TimeoutConfig::builder()
                    .operation_attempt_timeout(ATTEMPT_TIMEOUT)
                    .build(),
            )
            .build();
        Self {
            config,
            connector,
            ses_connector,
            ses_endpoint: None,
        }
    }

    /// Returns the client of the table. It repeats no call: [`crate::storage::table`] does, because it distinguishes a
    /// conflict from throttling and from an unknown outcome.
    #[must_use]
    pub fn dynamodb(&self) -> aws_sdk_dynamodb::Client {
        let config = aws_sdk_dynamodb::config::Builder::from(&self.config).retry_config(RetryConfig::disabled());
        aws_sdk_dynamodb::Client::from_conf(config.build())
    }

    /// Returns the client of the queues.
    #[must_use]
    pub fn sqs(&self) -> aws_sdk_sqs::Client {
        aws_sdk_sqs::Client::new(&self.config)
    }

    /// Returns the client of the keys that encrypt signing secrets.
    #[must_use]
    pub fn kms(&self) -> aws_sdk_kms::Client {
        aws_sdk_kms::Client::new(&self.config)
    }

    /// Returns the client of the bucket. An endpoint outside AWS has no host names for buckets, and a body of
    /// megabytes gets more time.
    #[must_use]
    pub fn s3(&self) -> aws_sdk_s3::Client {
        let config = aws_sdk_s3::config::Builder::from(&self.config)
            .force_path_style(self.config.endpoint_url().is_some())
            .timeout_config(
                TimeoutConfig::builder()
                    .operation_attempt_timeout(ATTEMPT_TIMEOUT.saturating_mul(3))
                    .build(),
            )
            .build();
        aws_sdk_s3::Client::from_conf(config)
    }

    /// Returns the client of SES. It never repeats a call: SES has no token that identifies a repetition, so
    /// that each one may send another copy of the email.
    #[must_use]
    pub fn ses(&self) -> aws_sdk_sesv2::Client {
        let mut config = aws_sdk_sesv2::config::Builder::from(&self.config)
            .http_client(share_connections(&self.ses_connector))
            .retry_config(RetryConfig::disabled());
        if self.ses_endpoint.is_some() {
            config.set_endpoint_url(self.ses_endpoint.clone());
        }
        aws_sdk_sesv2::Client::from_conf(config.build())
    }

    /// Returns the client of the account at SES, whose calls may be repeated.
    #[must_use]
    pub fn ses_account(&self) -> aws_sdk_sesv2::Client {
        let mut config = aws_sdk_sesv2::config::Builder::from(&self.config);
        if self.ses_endpoint.is_some() {
            config.set_endpoint_url(self.ses_endpoint.clone());
        }
        aws_sdk_sesv2::Client::from_conf(config.build())
    }

    /// Returns the client of CloudWatch. It repeats no call: its figures are asked for again soon.
    #[must_use]
    pub fn cloudwatch(&self) -> aws_sdk_cloudwatch::Client {
        let config = aws_sdk_cloudwatch::config::Builder::from(&self.config).retry_config(RetryConfig::disabled());
        aws_sdk_cloudwatch::Client::from_conf(config.build())
    }

    /// Connects to services while the function starts, when it has a whole CPU.
    ///
    /// It sends an unsigned `GET /` to each and ignores the refusal: nothing is billed, and no permission is
    /// needed. With a configured endpoint it makes no call, because that endpoint is near and not AWS. It never fails:
    /// it only saves time.
    pub async fn warm(&self, services: &[Service]) {
        let (Some(region), None) = (self.config.region(), self.config.endpoint_url()) else {
            return;
        };
        let calls = services.iter().filter_map(|service| {
            let (host, connector) = match service {
                Service::Sqs => ("sqs", &self.connector),
                Service::Ses => ("email", &self.ses_connector),
            };
            let mut request = HttpRequest::empty();
            request
                .set_uri(format!("https://{host}.{region}.amazonaws.com/"))
                .ok()?;
            let answer = connector.call(request);
            // A connection is reused only after its response was read to the end.
            Some(async move { ByteStream::new(answer.await.ok()?.into_body()).collect().await.ok() })
        });
        let all = futures::future::join_all(calls);
        if tokio::time::timeout(CONNECT_TIMEOUT, all).await.is_err() {
            tracing::debug!("not all connections could be opened at the start");
        }
    }
}

/// Services that [`Clients::warm`] can connect to. The table has a call of its own, which also initialises the
/// SDK. The bucket is used too rarely.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Service {
    /// Amazon SQS.
    Sqs,
    /// Amazon SES.
    Ses,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::runtime::replay::{CannedResponse, Replay, SentRequest, environment};

    /// A frozen function finds its connections closed: longer reuse means more ambiguous answers.
    #[test]
    fn an_idle_connection_to_ses_is_used_for_seconds_only() {
        assert!((Duration::from_secs(5)..=Duration::from_secs(15)).contains(&SES_IDLE));
    }

    #[tokio::test]
    async fn embedded_roots_load_without_a_call() {
        assert_eq!(ROOTS.matches("BEGIN CERTIFICATE").count(), 5);
        let connectors = (connector(IDLE).unwrap(), connector(SES_IDLE).unwrap());
        let clients = Clients::over(environment(), connectors.0, connectors.1);
        assert_eq!(
            clients.ses().config().retry_config().map(RetryConfig::max_attempts),
            Some(1)
        );
        assert_eq!(
            clients
                .dynamodb()
                .config()
                .retry_config()
                .map(RetryConfig::max_attempts),
            Some(1)
        );
    }

    /// Clients of an endpoint outside AWS.
    fn local(replay: &Replay) -> Clients {
        let connector = SharedHttpConnector::new(replay.clone());
        let environment = environment().endpoint_url("http://localhost:4566");
        Clients::over(environment, connector.clone(), connector)
    }

    #[tokio::test]
    async fn the_endpoint_of_ses_applies_to_ses_alone() {
        let replay = Replay::new([(200, "{}".to_owned()), (200, "{}".to_owned())]);
        let clients = Clients {
            ses_endpoint: Some("http://localhost:8025".to_owned()),
            ..local(&replay)
        };
        assert!(clients.ses().get_account().send().await.is_ok());
        assert!(clients.sqs().list_queues().send().await.is_ok());
        let lines: Vec<_> = replay.sent_requests().iter().map(SentRequest::line).collect();
        assert_eq!(
            lines,
            [
                "GET http://localhost:8025/v2/email/account",
                "POST http://localhost:4566/"
            ]
        );
    }

    #[tokio::test(start_paused = true)]
    async fn warming_connects_and_waits_for_no_answer() {
        let services = [Service::Sqs, Service::Ses];
        let replay = Replay::new([CannedResponse::Lost, CannedResponse::Lost]);
        replay.clients().warm(&services).await;
        let lines: Vec<_> = replay.sent_requests().iter().map(SentRequest::line).collect();
        assert_eq!(
            lines,
            [
                "GET https://sqs.us-east-1.amazonaws.com/",
                "GET https://email.us-east-1.amazonaws.com/"
            ]
        );

        let replay = Replay::expecting_none();
        local(&replay).warm(&services).await;
    }

    /// `contents.localhost` does not resolve.
    #[tokio::test]
    async fn a_bucket_of_a_local_endpoint_is_in_the_path() {
        let replay = Replay::new([(200, String::new())]);
        let warmed = local(&replay)
            .s3()
            .get_object()
            .bucket("contents")
            .key("k")
            .send()
            .await;
        assert!(warmed.is_ok(), "{warmed:?}");
        assert_eq!(
            replay.only().line(),
            "GET http://localhost:4566/contents/k?x-id=GetObject"
        );
    }
}
