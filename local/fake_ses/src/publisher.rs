//! The publisher of events to the SNS topic; it retries without limit.
//!
//! **Role:** requests enqueue their events and go on; one task publishes.
//! **Invariant:** the events of one message are published in order; messages overtake each other, as with SES.
//! **Deliberately absent:** a disk. Events that are unpublished at the end of the process are lost.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use aws_sdk_sns::Client;
use aws_sdk_sns::config::retry::RetryConfig;
use aws_sdk_sns::config::{BehaviorVersion, Region};
use aws_sdk_sns::error::DisplayErrorContext;
use aws_smithy_http_client::tls::{self, rustls_provider::CryptoMode};
use serde_json::Value;
use tokio::sync::mpsc::{self, UnboundedReceiver, UnboundedSender};
use tokio::task::JoinSet;

use crate::settings::EventSettings;

/// Maximum number of messages whose events are published at the same time.
const IN_FLIGHT: usize = 8;
/// The wait after the first failure; each failure doubles it.
const FIRST_WAIT: Duration = Duration::from_millis(200);
/// The longest wait.
const LONGEST_WAIT: Duration = Duration::from_secs(5);

/// The message that SES publishes, in place of an event, once a topic becomes its destination.
///
/// Source: SES's messages recorded in LocalStack's snapshots and by django-anymail, read 2026-11-24.
const GREETING: &str = "Successfully validated SNS topic for Amazon SES event publishing.";

/// The publisher of events; cheap to clone.
#[derive(Debug, Clone)]
pub struct Publisher {
    queue: UnboundedSender<Vec<Value>>,
    counts: Arc<Counts>,
}

#[derive(Debug, Default)]
struct Counts {
    taken: AtomicU64,
    published: AtomicU64,
    failed_tries: AtomicU64,
}

/// The progress of publishing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
pub struct Progress {
    /// Events published to the topic.
    pub published: u64,
    /// Events that still wait.
    pub waiting: u64,
    /// Failed tries; each is or will be repeated.
    pub failed_tries: u64,
}

impl Publisher {
    /// Enqueues the events of one message.
    pub fn publish(&self, events: Vec<Value>) {
        let count = u64::try_from(events.len()).unwrap_or(u64::MAX);
        if count == 0 {
            return;
        }
        self.counts.taken.fetch_add(count, Ordering::Relaxed);
        if self.queue.send(events).is_err() {
            tracing::error!("the publisher has ended; events are lost");
        }
    }

    /// Returns the progress of publishing.
    pub fn progress(&self) -> Progress {
        let published = self.counts.published.load(Ordering::Relaxed);
        let taken = self.counts.taken.load(Ordering::Relaxed);
        Progress {
            published,
            waiting: taken.saturating_sub(published),
            failed_tries: self.counts.failed_tries.load(Ordering::Relaxed),
        }
    }
}

/// Starts the publishing task.
pub fn start(settings: &EventSettings) -> Publisher {
    let http = aws_smithy_http_client::Builder::new()
        .tls_provider(tls::Provider::Rustls(CryptoMode::Ring))
        .build_https();
    let config = aws_sdk_sns::Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .endpoint_url(&settings.endpoint)
        .region(Region::new(settings.region.clone()))
        .credentials_provider(settings.credentials.clone())
        .http_client(http)
        // The loop in `publish` repeats without limit by itself.
        .retry_config(RetryConfig::disabled())
        .build();
    let counts = Arc::new(Counts::default());
    let (queue, work) = mpsc::unbounded_channel();
    let topic = Topic {
        client: Client::from_conf(config),
        arn: settings.topic_arn.clone(),
        counts: Arc::clone(&counts),
    };
    tokio::spawn(run(topic, work));
    Publisher { queue, counts }
}

#[derive(Debug, Clone)]
struct Topic {
    client: Client,
    arn: String,
    counts: Arc<Counts>,
}

async fn run(topic: Topic, mut work: UnboundedReceiver<Vec<Value>>) {
    let mut under_way = JoinSet::new();
    let greeter = topic.clone();
    under_way.spawn(async move { greeter.publish(GREETING.to_owned()).await });
    while let Some(events) = work.recv().await {
        while under_way.len() >= IN_FLIGHT {
            under_way.join_next().await;
        }
        let topic = topic.clone();
        under_way.spawn(async move {
            for event in events {
                // SES ends each event with a line break.
                topic.publish(format!("{event}\n")).await;
                topic.counts.published.fetch_add(1, Ordering::Relaxed);
            }
        });
        while under_way.try_join_next().is_some() {}
    }
}

impl Topic {
    /// Retries until it succeeds: the topic may be created after the fake SES starts.
    async fn publish(&self, event: String) {
        let mut wait = FIRST_WAIT;
        loop {
            let request = self
                .client
                .publish()
                .topic_arn(&self.arn)
                .subject("Amazon SES Email Event Notification");
            match request.message(&event).send().await {
                Ok(_) => return,
                Err(error) => {
                    self.counts.failed_tries.fetch_add(1, Ordering::Relaxed);
                    tracing::warn!(error = %DisplayErrorContext(&error), "an event could not be published yet");
                    tokio::time::sleep(wait).await;
                    wait = wait.saturating_mul(2).min(LONGEST_WAIT);
                }
            }
        }
    }
}
