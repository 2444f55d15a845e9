//! The queue of deliveries, against complete and partial answers of SQS.

use domain::id::{EmailId, TenantId};
use domain::webhook::identity::EventId;
use domain::webhook::settings::WebhookId;
use serde_json::{Value, json};

use super::*;
use crate::runtime::replay::{CannedResponse, Replay, SentRequest};
use crate::runtime::telemetry::chain;

const URL: &str = "https://sqs.us-east-1.amazonaws.com/123456789012/hooks";

fn queue(replay: &Replay) -> DeliveryQueue {
    DeliveryQueue::new(&replay.clients().sqs(), URL)
}

fn request(tenant: &str, webhook: u8, event: u8, delay: Duration) -> DeliveryTaskRequest {
    let tenant = TenantId::parse(tenant).unwrap();
    let webhook = WebhookId::of(EmailId::from_random([webhook; 16]));
    DeliveryTaskRequest {
        task: DeliveryTask::new(tenant, webhook, EventId::from_bytes([event; 20])),
        delay,
    }
}

fn entries(request: &SentRequest) -> Vec<Value> {
    request.json()["Entries"].as_array().unwrap().clone()
}

/// Accepts every message except the given one, which stays refused.
fn refusing(refused: Option<&str>, request: &SentRequest) -> CannedResponse {
    let ids: Vec<_> = entries(request).iter().map(|entry| entry["Id"].clone()).collect();
    let (failed, sent): (Vec<_>, Vec<_>) = ids.into_iter().partition(|id| Some(id.as_str().unwrap()) == refused);
    let sent: Vec<_> = sent
        .into_iter()
        .map(|id| json!({"Id": id, "MessageId": "m", "MD5OfMessageBody": "e4e68fb7bd0e697a0ae8f1bb342846b3"}))
        .collect();
    let failed: Vec<_> = failed
        .into_iter()
        .map(|id| json!({"Id": id, "SenderFault": true, "Code": "InternalError", "Message": "no"}))
        .collect();
    CannedResponse::ok(&json!({"Successful": sent, "Failed": failed}))
}

#[tokio::test]
async fn tasks_carry_their_delay_ten_per_call() {
    let replay = Replay::by(|request| refusing(None, request));
    let requests: Vec<_> = (0..12)
        .map(|n| request("main", 1, n, Duration::from_secs(u64::from(n) * 100)))
        .collect();
    let results = queue(&replay).send_deliveries(&requests).await;
    assert!(results.len() == 12 && results.iter().all(Result::is_ok));
    let sent = replay.sent_requests();
    assert_eq!(sent.len(), 2);
    assert!(sent.iter().all(|request| request.operation() == "SendMessageBatch"));
    assert!(sent.iter().all(|request| request.json()["QueueUrl"] == URL));
    let mut all: Vec<_> = sent.iter().flat_map(entries).collect();
    all.sort_by_key(|entry| entry["DelaySeconds"].as_i64());
    let bodies: Vec<_> = all
        .iter()
        .map(|entry| entry["MessageBody"].as_str().unwrap().to_owned())
        .collect();
    let delays: Vec<_> = all
        .iter()
        .map(|entry| entry["DelaySeconds"].as_i64().unwrap())
        .collect();
    assert_eq!(delays, [0, 100, 200, 300, 400, 500, 600, 700, 800, 900, 900, 900]);
    let first = requests.first().unwrap().task.to_json();
    assert_eq!(bodies.first(), Some(&first));
}

#[tokio::test]
async fn each_webhook_is_a_fair_queue_group() {
    let replay = Replay::by(|request| refusing(None, request));
    let longest = "a".repeat(64);
    let requests = [
        request("main", 1, 1, Duration::ZERO),
        request("main", 1, 2, Duration::ZERO),
        request("main", 2, 1, Duration::ZERO),
        request(&longest, 1, 1, Duration::ZERO),
    ];
    let results = queue(&replay).send_deliveries(&requests).await;
    assert!(results.iter().all(Result::is_ok));
    let sent = entries(&replay.only());
    let groups: Vec<_> = sent
        .iter()
        .map(|entry| entry["MessageGroupId"].as_str().unwrap())
        .collect();
    assert_eq!(groups[0], groups[1]);
    assert!(groups[0] != groups[2] && groups[0] != groups[3]);
    assert!(groups.iter().all(|group| group.len() <= 128), "{groups:?}");
}

#[tokio::test]
async fn a_refused_task_fails_alone() {
    let replay = Replay::by(|request| refusing(Some("1"), request));
    let requests: Vec<_> = (0..3).map(|n| request("main", 1, n, Duration::ZERO)).collect();
    let results = queue(&replay).send_deliveries(&requests).await;
    let errors: Vec<_> = results
        .iter()
        .map(|result| result.as_ref().err().map(|error| chain(error)))
        .collect();
    let refused = "sending tasks of webhooks: InternalError: no".to_owned();
    assert_eq!(errors, [None, Some(refused), None]);
}

#[tokio::test]
async fn messages_without_a_permit_return_after_their_delay() {
    let message = |receipt: &str| ReceivedMessage {
        message_id: receipt.to_owned(),
        receipt: receipt.to_owned(),
        body: String::new(),
        queue_arn: String::new(),
        receives: 1,
    };
    let messages: Vec<_> = (0..11).map(|n| message(&format!("r{n}"))).collect();
    let delayed: Vec<_> = messages.iter().zip((2..).map(Duration::from_secs)).collect();
    let replay = Replay::by(|request| {
        let ids: Vec<_> = entries(request)
            .iter()
            .map(|entry| json!({"Id": entry["Id"]}))
            .collect();
        // The second call loses its message.
        let sent = if ids.len() == 10 { ids } else { Vec::new() };
        CannedResponse::ok(&json!({"Successful": sent, "Failed": []}))
    });
    assert_eq!(queue(&replay).put_back(&delayed).await, 1);
    let sent = replay.sent_requests();
    assert!(
        sent.iter()
            .all(|request| request.operation() == "ChangeMessageVisibilityBatch")
    );
    let first = entries(sent.first().unwrap());
    assert_eq!(
        (&first[3]["ReceiptHandle"], &first[3]["VisibilityTimeout"]),
        (&json!("r3"), &json!(5))
    );
}
