//! Events on their way to the topic, played by a small server here.

use std::collections::HashMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex};

use aws_sdk_sns::config::Credentials;
use axum::Router;
use axum::extract::{Query, State};
use axum::http::{StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use fake_ses::settings::EventSettings;
use serde_json::{Value, json};
use tokio::net::TcpListener;

use crate::fake::{Fake, SEND, email, eventually};

const TOPIC: &str = "arn:aws:sns:us-east-1:000000000000:events";

/// The beginning of the text that SES publishes to a new topic.
const GREETING: &str = "Successfully validated SNS topic";

/// The published messages, and the number of tries that still fail.
#[derive(Default)]
pub(crate) struct Topic {
    published: Vec<HashMap<String, String>>,
    failures: usize,
}

/// A server of SNS that keeps the published messages.
#[derive(Clone)]
pub(crate) struct Sns(Arc<Mutex<Topic>>, SocketAddr);

impl Sns {
    pub(crate) async fn start(failures: usize) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let topic = Topic {
            failures,
            ..Topic::default()
        };
        let sns = Self(Arc::new(Mutex::new(topic)), listener.local_addr().unwrap());
        let routes = Router::new().route("/", post(publish)).with_state(sns.clone());
        tokio::spawn(axum::serve(listener, routes).into_future());
        sns
    }

    pub(crate) fn settings(&self) -> EventSettings {
        EventSettings {
            topic_arn: TOPIC.to_owned(),
            endpoint: format!("http://{}", self.1),
            region: "us-east-1".to_owned(),
            credentials: Credentials::new("test", "test", None, None, "test"),
        }
    }

    fn messages(&self) -> Vec<String> {
        let topic = self.0.lock().unwrap();
        topic.published.iter().map(|call| call["Message"].clone()).collect()
    }

    /// All messages except the greeting, which is text.
    pub(crate) fn events(&self) -> Vec<Value> {
        let messages = self.messages().into_iter();
        let events = messages.filter(|message| !message.starts_with(GREETING));
        events.map(|event| serde_json::from_str(&event).unwrap()).collect()
    }
}

async fn publish(State(Sns(topic, _)): State<Sns>, form: String) -> Response {
    let mut topic = topic.lock().unwrap();
    if topic.failures > 0 {
        topic.failures -= 1;
        return StatusCode::INTERNAL_SERVER_ERROR.into_response();
    }
    let form = format!("/?{form}").parse::<Uri>().unwrap();
    topic.published.push(Query::try_from_uri(&form).unwrap().0);
    r#"<PublishResponse xmlns="http://sns.amazonaws.com/doc/2010-03-31/"><PublishResult>
        <MessageId>1</MessageId></PublishResult></PublishResponse>"#
        .into_response()
}

/// Each event's type and recipient.
fn kinds_of(events: &[Value]) -> Vec<(&str, &str)> {
    let recipients = ["/delivery/recipients/0", "/bounce/bouncedRecipients/0/emailAddress"];
    events
        .iter()
        .map(|event| {
            let recipient = recipients.into_iter().find_map(|path| event.pointer(path)?.as_str());
            (
                event.pointer("/eventType").unwrap().as_str().unwrap(),
                recipient.unwrap_or_default(),
            )
        })
        .collect()
}

#[tokio::test]
async fn events_reach_a_topic_that_fails_at_first_in_order() {
    let sns = Sns::start(1).await;
    let fake = Fake::start_with(Some(sns.settings())).await;
    let (_, _, answer) = fake.send(&email("bounce@simulator.amazonses.com")).await;
    eventually(async || sns.events().len() == 4).await;

    let events = sns.events();
    assert_eq!(
        kinds_of(&events),
        [
            ("Send", ""),
            ("Bounce", "bounce@simulator.amazonses.com"),
            ("Delivery", "cc@example.com"),
            ("Delivery", "bcc@example.com"),
        ]
    );
    for event in &events {
        assert_eq!(event["mail"]["messageId"], answer["MessageId"]);
        assert_eq!(event["mail"]["tags"]["mq_id"], json!(["7"]));
    }
    assert_eq!(sns.0.lock().unwrap().published[0]["TopicArn"], TOPIC);
    // The count increases when the topic's answer has arrived.
    let progress = json!({"published": 4, "waiting": 0, "failed_tries": 1});
    eventually(async || fake.get("/stats").await["events"] == progress).await;
}

#[tokio::test]
async fn a_lost_answer_has_events_and_a_lost_request_none() {
    let sns = Sns::start(0).await;
    let fake = Fake::start_with(Some(sns.settings())).await;
    fake.faults(json!([{"kind": "drop_before", "to": "before"}, {"kind": "drop_after", "to": "after"}]))
        .await;
    for to in ["before@example.com", "after@example.com"] {
        assert_eq!(fake.raw("POST", SEND, &email(to).to_string()).await, "");
    }
    eventually(async || sns.events().len() == 4).await;
    for event in sns.events() {
        assert_eq!(event["mail"]["destination"][0], "after@example.com");
    }
}

#[tokio::test]
async fn a_new_topic_is_greeted_once_without_an_event() {
    let sns = Sns::start(0).await;
    let fake = Fake::start_with(Some(sns.settings())).await;
    eventually(async || sns.messages().len() == 1).await;
    assert!(sns.messages()[0].starts_with(GREETING));
    fake.send(&email("a@example.com")).await;
    eventually(async || sns.events().len() == 4).await;
    assert_eq!(sns.messages().len(), 5);
    let progress = json!({"published": 4, "waiting": 0, "failed_tries": 0});
    eventually(async || fake.get("/stats").await["events"] == progress).await;
}
