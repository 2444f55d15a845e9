//! The SDK's clients: one configuration, one set of connections, made at a function's start.
//!
//! **Why not the defaults:** a cold start is TLS. Of a small function's first second, most
//! goes into aws-lc's first handshake and into parsing the system's certificates. Here `ring`
//! does the cryptography and the five roots of Amazon Trust Services are embedded: the
//! system's certificates are never read. AWS's regions in China chain to other roots and are
//! not reachable with these.
//!
//! **Why SES has connections of its own:** a connection that SES has closed while the function
//! was frozen fails on its first write, and that is an ambiguous answer: the email would wait
//! for evidence. So an idle connection to SES is used for [`SES_IDLE`] only.

use std::time::Duration;

use aws_config::environment::{EnvironmentVariableCredentialsProvider, EnvironmentVariableRegionProvider};
use aws_config::retry::RetryConfig;
use aws_config::timeout::TimeoutConfig;
use aws_config::{BehaviorVersion, ConfigLoader, SdkConfig};
use aws_sdk_s3::primitives::ByteStream;
use aws_smithy_http_client::tls::rustls_provider::CryptoMode;
use aws_smithy_http_client::tls::{Provider, TlsContext, TrustStore};
use aws_smithy_http_client::{Connector, HttpClientError};
use aws_smithy_runtime_api::client::http::{
    HttpConnector, HttpConnectorSettings, SharedHttpClient, SharedHttpConnector, http_client_fn,
};
use aws_smithy_runtime_api::client::orchestrator::HttpRequest;

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

impl Clients {
    /// Reads the SDK's own environment: region, credentials, endpoints. Asks nobody.
    ///
    /// # Errors
    /// When the embedded roots cannot be used.
    pub async fn connect() -> Result<Self, HttpClientError> {
        let environment = aws_config::defaults(BehaviorVersion::latest())
            .region(EnvironmentVariableRegionProvider::new())
            .credentials_provider(EnvironmentVariableCredentialsProvider::new());
        Ok(Self::over(environment, connector(IDLE)?, connector(SES_IDLE)?).await)
    }

    /// Says how often and how long, to a configuration that says where AWS is and who asks.
    pub(crate) async fn over(
        environment: ConfigLoader,
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
            .load()
            .await;
        Self {
            config,
            connector,
            ses_connector,
        }
    }

    /// The client for the table.
    #[must_use]
    pub fn dynamodb(&self) -> aws_sdk_dynamodb::Client {
        aws_sdk_dynamodb::Client::new(&self.config)
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
        let config = aws_sdk_sesv2::config::Builder::from(&self.config)
            .http_client(shared(&self.ses_connector))
            .retry_config(RetryConfig::disabled())
            .build();
        aws_sdk_sesv2::Client::from_conf(config)
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

    #[tokio::test]
    async fn the_embedded_roots_are_good_and_nothing_is_asked_to_connect() {
        assert_eq!(ROOTS.matches("BEGIN CERTIFICATE").count(), 5);
        let clients = Clients::connect().await.unwrap();
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
            Some(ATTEMPTS)
        );
    }
}
