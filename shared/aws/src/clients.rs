//! The SDK's clients: one configuration, one set of connections, made at a function's start.
//!
//! **Why not the defaults:** a cold start is TLS. Of a small function's first second, most
//! goes into aws-lc's first handshake and into parsing the system's certificates. Here `ring`
//! does the cryptography and the five roots of Amazon Trust Services are embedded: the
//! system's certificates are never read. AWS's regions in China chain to other roots and are
//! not reachable with these.
//!
//! **Deliberately absent:** `aws-config`. Lambda says where AWS is and who asks in six variables;
//! profiles, instance metadata, SSO and web identities would only make the function larger.
//!
//! **Why SES has connections of its own:** a connection that SES has closed while the function
//! was frozen fails on its first write, and that is an ambiguous answer: the email would wait
//! for evidence. So an idle connection to SES is used for [`SES_IDLE`] only.

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

use crate::settings::{self, AwsSettings, SettingsError};

/// Amazon Trust Services' roots.
const ROOTS: &str = include_str!("roots/amazon.pem");

/// Patience with the setting up of a connection. Our choice: ten times what a far region
/// takes, and no email is worse off for it: nothing was sent yet.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);

/// How long an idle connection is kept, but to SES.
const IDLE: Duration = Duration::from_secs(60);

/// How long an idle connection to SES is used again.
pub const SES_IDLE: Duration = Duration::from_secs(10);

/// Patience with one try of a call that may be repeated; such calls are small.
const ATTEMPT_TIMEOUT: Duration = Duration::from_secs(4);

/// Tries of a call that may be repeated, the first one included.
pub(crate) const ATTEMPTS: u32 = 3;

/// The wait before a call is repeated, doubled each time.
const BACKOFF: Duration = Duration::from_millis(50);

/// No wait is longer.
const LONGEST_BACKOFF: Duration = Duration::from_millis(500);

/// What all clients share.
#[derive(Debug, Clone)]
pub struct Clients {
    config: SdkConfig,
    connector: SharedHttpConnector,
    ses_connector: SharedHttpConnector,
    /// Where SES is, if that is elsewhere than all else.
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

/// Every client that is given this uses the same connections.
fn shared(connector: &SharedHttpConnector) -> SharedHttpClient {
    let connector = connector.clone();
    http_client_fn(move |_, _| connector.clone())
}

/// Why a function cannot speak to AWS.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    /// Where AWS is, or who asks, is not said.
    #[error(transparent)]
    Settings(#[from] SettingsError),
    /// The embedded roots cannot be used.
    #[error("the HTTP client could not be made")]
    Http(#[from] HttpClientError),
}

/// Where AWS is and who asks.
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
    /// Reads what Lambda says of AWS. Asks nobody.
    ///
    /// # Errors
    /// See [`ConnectError`].
    pub fn connect() -> Result<Self, ConnectError> {
        let settings = settings::read(&settings::of_process(), |read| read.aws())?;
        let mut clients = Self::over(environment(&settings), connector(IDLE)?, connector(SES_IDLE)?);
        clients.ses_endpoint = settings.ses_endpoint;
        Ok(clients)
    }

    /// Says how often and how long, to a configuration that says where AWS is and who asks.
    pub(crate) fn over(
        environment: Builder,
        connector: SharedHttpConnector,
        ses_connector: SharedHttpConnector,
    ) -> Self {
        let config = environment
            .http_client(shared(&connector))
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

    /// The client for the table. It repeats no call: [`crate::table`] does, which tells a conflict from
    /// throttling and from an unknown outcome.
    #[must_use]
    pub fn dynamodb(&self) -> aws_sdk_dynamodb::Client {
        let config = aws_sdk_dynamodb::config::Builder::from(&self.config).retry_config(RetryConfig::disabled());
        aws_sdk_dynamodb::Client::from_conf(config.build())
    }

    /// The client for the queues.
    #[must_use]
    pub fn sqs(&self) -> aws_sdk_sqs::Client {
        aws_sdk_sqs::Client::new(&self.config)
    }

    /// The client for the bucket. An endpoint that is not AWS's has no names for buckets, and
    /// a body of megabytes is given more time.
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

    /// The client for SES. It never repeats a call: SES has no token by which it would know a
    /// repetition, so that each one may be another copy of the email.
    #[must_use]
    pub fn ses(&self) -> aws_sdk_sesv2::Client {
        let mut config = aws_sdk_sesv2::config::Builder::from(&self.config)
            .http_client(shared(&self.ses_connector))
            .retry_config(RetryConfig::disabled());
        if self.ses_endpoint.is_some() {
            config.set_endpoint_url(self.ses_endpoint.clone());
        }
        aws_sdk_sesv2::Client::from_conf(config.build())
    }

    /// The client for SES's lists of the account, whose calls may be repeated.
    #[must_use]
    pub fn ses_account(&self) -> aws_sdk_sesv2::Client {
        let mut config = aws_sdk_sesv2::config::Builder::from(&self.config);
        if self.ses_endpoint.is_some() {
            config.set_endpoint_url(self.ses_endpoint.clone());
        }
        aws_sdk_sesv2::Client::from_conf(config.build())
    }

    /// Sets up connections to services while the function starts, when it has a whole CPU.
    ///
    /// An unsigned `GET /` is sent to each and its refusal ignored: nothing is billed, and no
    /// permission is needed. Where an endpoint is configured, it is not AWS and near: nobody is
    /// asked. Never fails: it only saves time.
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
            // A connection whose answer was not read to its end is not used again.
            Some(async move { ByteStream::new(answer.await.ok()?.into_body()).collect().await.ok() })
        });
        let all = futures::future::join_all(calls);
        if tokio::time::timeout(CONNECT_TIMEOUT, all).await.is_err() {
            tracing::debug!("connections were not all set up at the start");
        }
    }
}

/// What [`Clients::warm`] can be told. The table is warmed by a call of its own, which also
/// makes what the SDK makes once; the bucket is asked too rarely.
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
    use crate::replay::{Answer, Asked, Replay, environment};

    /// A frozen function finds its connections closed: the longer one is used again, the more answers are ambiguous.
    #[test]
    fn an_idle_connection_to_ses_is_used_for_seconds_only() {
        assert!((Duration::from_secs(5)..=Duration::from_secs(15)).contains(&SES_IDLE));
    }

    #[tokio::test]
    async fn the_embedded_roots_are_good_and_nothing_is_asked_to_connect() {
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

    /// Clients of an endpoint that is not AWS's.
    fn local(replay: &Replay) -> Clients {
        let connector = SharedHttpConnector::new(replay.clone());
        let environment = environment().endpoint_url("http://localhost:4566");
        Clients::over(environment, connector.clone(), connector)
    }

    #[tokio::test]
    async fn only_ses_is_where_only_ses_is_said_to_be() {
        let replay = Replay::new([(200, "{}".to_owned()), (200, "{}".to_owned())]);
        let clients = Clients {
            ses_endpoint: Some("http://localhost:8025".to_owned()),
            ..local(&replay)
        };
        assert!(clients.ses().get_account().send().await.is_ok());
        assert!(clients.sqs().list_queues().send().await.is_ok());
        let lines: Vec<_> = replay.asked().iter().map(Asked::line).collect();
        assert_eq!(
            lines,
            [
                "GET http://localhost:8025/v2/email/account",
                "POST http://localhost:4566/"
            ]
        );
    }

    #[tokio::test(start_paused = true)]
    async fn warming_makes_connections_and_waits_for_no_answer() {
        let services = [Service::Sqs, Service::Ses];
        let replay = Replay::new([Answer::Lost, Answer::Lost]);
        replay.clients().warm(&services).await;
        let lines: Vec<_> = replay.asked().iter().map(Asked::line).collect();
        assert_eq!(
            lines,
            [
                "GET https://sqs.us-east-1.amazonaws.com/",
                "GET https://email.us-east-1.amazonaws.com/"
            ]
        );

        let replay = Replay::unasked();
        local(&replay).warm(&services).await;
    }

    /// `contents.localhost` is nobody's name.
    #[tokio::test]
    async fn a_bucket_of_a_local_endpoint_is_in_the_path() {
        let replay = Replay::new([(200, String::new())]);
        let asked = local(&replay)
            .s3()
            .get_object()
            .bucket("contents")
            .key("k")
            .send()
            .await;
        assert!(asked.is_ok(), "{asked:?}");
        assert_eq!(
            replay.only().line(),
            "GET http://localhost:4566/contents/k?x-id=GetObject"
        );
    }
}
