//! SQS queues that we send to, against complete and partial answers of SQS.
//!
//! **Long, because** all its tests share the answers of SQS and their helpers.

use domain::delivery::send_task::SendTask;
use serde_json::{Value, json};

use super::*;
use crate::runtime::replay::{CannedResponse, Replay, SentRequest};
use crate::runtime::telemetry::chain;
use crate::storage::records::samples::record;

fn priority_queues(replay: &Replay) -> SqsPriorityQueues {
    let url = |name: &str| format!("https://sqs.us-east-1.amazonaws.com/123456789012/{name}");
    let settings = PriorityQueueSettings {
        high: url("high"),
        normal: url("normal"),
        low: url("low"),
    };
    SqsPriorityQueues::new(&replay.clients().sqs(), &settings)
}

/// Returns a send task that its size identifies.
fn request(bytes: u64, priority: Priority, delay: Duration) -> SendTaskRequest {
    SendTaskRequest {
        priority,
        send_task: SendTask {
            bytes,
            ..SendTask::of(&record())
        },
        delay,
    }
}

fn requests(count: u64) -> Vec<SendTaskRequest> {
    (0..count)
        .map(|bytes| request(bytes, Priority::Normal, Duration::ZERO))
        .collect()
}

async fn send(replay: &Replay, requests: &[SendTaskRequest]) -> Vec<Result<(), String>> {
    let results = priority_queues(replay).enqueue(requests).await;
    results
        .into_iter()
        .map(|result| result.map_err(|error| chain(&error)))
        .collect()
}

fn entries(request: &SentRequest) -> Vec<Value> {
    request.json()["Entries"].as_array().unwrap().clone()
}

/// Returns the last part of a queue's address.
fn queue(request: &SentRequest) -> String {
    request.json()["QueueUrl"]
        .as_str()
        .unwrap()
        .rsplit('/')
        .next()
        .unwrap()
        .to_owned()
}

/// Returns the send tasks of a call, by their size.
fn carried(request: &SentRequest) -> Vec<u64> {
    let bodies = entries(request);
    bodies
        .iter()
        .map(|entry| SendTask::parse(entry["MessageBody"].as_str().unwrap()).unwrap().bytes)
        .collect()
}

fn sent(id: &str) -> Value {
    json!({"Id": id, "MessageId": "219f8380-5770-4cc2-8c3e-5c715e145f5e", "MD5OfMessageBody": "e4e68fb7bd0e697a0ae8f1bb342846b3"})
}

fn failed(id: &str, sender_fault: bool) -> Value {
    json!({"Id": id, "SenderFault": sender_fault, "Code": "InternalError", "Message": "try again"})
}

fn partly(successful: &[Value], failed: &[Value]) -> CannedResponse {
    CannedResponse::ok(&json!({"Successful": successful, "Failed": failed}))
}

/// Accepts every message.
fn all_sent(request: &SentRequest) -> CannedResponse {
    let ids = entries(request);
    partly(
        &ids.iter()
            .map(|entry| sent(entry["Id"].as_str().unwrap()))
            .collect::<Vec<_>>(),
        &[],
    )
}

#[tokio::test]
async fn each_queue_gets_its_messages_ten_per_call() {
    let replay = Replay::by(all_sent);
    let priority_queues = [
        Priority::Normal,
        Priority::High,
        Priority::Normal,
        Priority::Normal,
        Priority::Low,
    ];
    let requests: Vec<_> = (0..)
        .zip(priority_queues.repeat(5))
        .map(|(at, priority)| request(at, priority, Duration::ZERO))
        .collect();
    assert_eq!(send(&replay, &requests).await, vec![Ok(()); 25]);

    let mut calls: Vec<_> = replay
        .sent_requests()
        .iter()
        .map(|request| (queue(request), carried(request)))
        .collect();
    calls.sort();
    assert_eq!(
        calls,
        [
            ("high".to_owned(), vec![1, 6, 11, 16, 21]),
            ("low".to_owned(), vec![4, 9, 14, 19, 24]),
            ("normal".to_owned(), vec![0, 2, 3, 5, 7, 8, 10, 12, 13, 15]),
            ("normal".to_owned(), vec![17, 18, 20, 22, 23]),
        ]
    );
}

#[tokio::test]
async fn no_send_tasks_is_no_call() {
    assert_eq!(send(&Replay::expecting_none(), &[]).await, []);
}

#[tokio::test]
async fn a_delay_is_sent_in_whole_seconds() {
    let replay = Replay::by(all_sent);
    let millis = [0, 1, 1_000, 1_001, 899_001, 900_000, 900_001, u64::MAX];
    let requests = millis.map(|millis| request(7, Priority::Low, Duration::from_millis(millis)));
    assert!(send(&replay, &requests).await.iter().all(Result::is_ok));
    let request = replay.only();
    assert_eq!(request.operation(), "SendMessageBatch");
    let entries = entries(&request);
    assert_eq!(entries[0]["MessageBody"], requests[0].send_task.to_json());
    assert!(entries.iter().all(|entry| entry["MessageGroupId"] == "main/default"));
    let delays: Vec<_> = entries.iter().map(|entry| &entry["DelaySeconds"]).collect();
    assert_eq!(delays, [0, 1, 1, 2, 900, 900, 900, 900]);
}

#[tokio::test]
async fn a_partial_failure_is_retried_once_then_reported() {
    let replay = Replay::new([
        partly(&[sent("3"), sent("0")], &[failed("2", false), failed("1", false)]),
        partly(&[sent("1")], &[failed("0", false)]),
    ]);
    let refused = Err("enqueueing send tasks: InternalError: try again".to_owned());
    assert_eq!(send(&replay, &requests(4)).await, [Ok(()), refused, Ok(()), Ok(())]);
    assert_eq!(
        replay.sent_requests().iter().map(carried).collect::<Vec<_>>(),
        [vec![0, 1, 2, 3], vec![1, 2]]
    );
}

#[tokio::test]
async fn a_single_message_is_retried_too() {
    let replay = Replay::new([partly(&[], &[failed("0", false)]), partly(&[sent("0")], &[])]);
    assert_eq!(send(&replay, &requests(1)).await, [Ok(())]);
}

#[tokio::test]
async fn a_malformed_message_is_not_retried() {
    let replay = Replay::new([partly(&[sent("0")], &[failed("1", true)])]);
    let results = send(&replay, &requests(2)).await;
    assert_eq!(
        results,
        [
            Ok(()),
            Err("enqueueing send tasks: InternalError: try again".to_owned())
        ]
    );
}

#[tokio::test]
async fn a_message_missing_in_the_answer_is_not_sent() {
    let replay = Replay::new([partly(&[sent("1")], &[]), partly(&[], &[])]);
    let results = send(&replay, &requests(2)).await;
    assert_eq!(
        results,
        [
            Err("enqueueing send tasks: SQS returned no result for the message".to_owned()),
            Ok(())
        ]
    );
    assert_eq!(
        replay.sent_requests().iter().map(carried).collect::<Vec<_>>(),
        [vec![0, 1], vec![0]]
    );
}

#[tokio::test(start_paused = true)]
async fn a_failed_call_fails_only_its_own_messages() {
    let gone =
        json!({"__type": "com.amazonaws.sqs#QueueDoesNotExist", "message": "The specified queue does not exist."});
    let replay = Replay::by(move |request| match queue(request).as_str() {
        "high" => CannedResponse::says(400, &gone),
        "low" => CannedResponse::Lost,
        _ => all_sent(request),
    });
    let priority_queues = [Priority::High, Priority::Normal, Priority::Low, Priority::High];
    let results = send(
        &replay,
        &priority_queues.map(|priority| request(1, priority, Duration::ZERO)),
    )
    .await;
    assert_eq!(
        results.iter().map(Result::is_ok).collect::<Vec<_>>(),
        [false, true, false, false]
    );
    assert!(
        results[0]
            .as_ref()
            .is_err_and(|error| error.contains("The specified queue does not exist."))
    );
    let mut queues: Vec<_> = replay.sent_requests().iter().map(queue).collect();
    queues.sort();
    assert_eq!(
        queues,
        ["high", "low", "low", "low", "normal"],
        "the SDK repeats a call that may succeed"
    );
}

#[tokio::test]
async fn a_failed_retry_keeps_the_first_answer() {
    let refused = json!({"__type": "AccessDeniedException", "message": "no"});
    let replay = Replay::new([
        partly(&[sent("0")], &[failed("1", false)]),
        CannedResponse::says(403, &refused),
    ]);
    let results = send(&replay, &requests(2)).await;
    assert_eq!(
        results,
        [
            Ok(()),
            Err("enqueueing send tasks: InternalError: try again".to_owned())
        ]
    );
}

fn message(receipt: &str, queue: &str) -> ReceivedMessage {
    ReceivedMessage {
        message_id: receipt.to_owned(),
        receipt: receipt.to_owned(),
        body: String::new(),
        queue_arn: format!("arn:aws:sqs:us-east-1:123456789012:{queue}"),
        receives: 1,
    }
}

async fn put_back(replay: &Replay, messages: &[(ReceivedMessage, Duration)]) -> usize {
    let messages: Vec<_> = messages.iter().map(|(message, delay)| (message, *delay)).collect();
    priority_queues(replay).put_back(&messages).await
}

#[tokio::test]
async fn a_batch_returns_to_its_queue_with_one_call() {
    let replay = Replay::by(|request| {
        let entries = entries(request);
        partly(
            &entries
                .iter()
                .map(|entry| json!({"Id": entry["Id"]}))
                .collect::<Vec<_>>(),
            &[],
        )
    });
    let seconds = [1, 0, 60, 3_600, 5, 6, 7, 8, 9, 10];
    let messages = seconds.map(|seconds| (message(&format!("r{seconds}"), "low"), Duration::from_secs(seconds)));
    assert_eq!(put_back(&replay, &messages).await, 0);
    let request = replay.only();
    assert_eq!(
        (request.operation(), queue(&request).as_str()),
        ("ChangeMessageVisibilityBatch", "low")
    );
    let entries = entries(&request);
    let put_back: Vec<_> = entries
        .iter()
        .map(|entry| (&entry["ReceiptHandle"], &entry["VisibilityTimeout"]))
        .collect();
    assert_eq!(put_back[0], (&json!("r1"), &json!(1)));
    assert_eq!(put_back[3], (&json!("r3600"), &json!(900)), "SQS's longest delay");
    assert_eq!(entries.len(), 10);
}

#[tokio::test]
async fn a_shared_queue_gets_each_message_back_once() {
    let replay = Replay::by(|_| partly(&[json!({"Id": "0"})], &[]));
    let url = || "https://sqs.us-east-1.amazonaws.com/123456789012/normal".to_owned();
    let settings = PriorityQueueSettings {
        high: url(),
        normal: url(),
        low: url(),
    };
    let shared = SqsPriorityQueues::new(&replay.clients().sqs(), &settings);
    let message = message("1", "normal");
    assert_eq!(shared.priority_of(&message.queue_arn), Some(Priority::Normal));
    assert_eq!(shared.put_back(&[(&message, Duration::from_secs(1))]).await, 0);
    assert_eq!(replay.sent_requests().len(), 1);
}

#[tokio::test]
async fn messages_that_cannot_return_are_counted() {
    let two = [1, 2].map(|n| (message(&n.to_string(), "high"), Duration::from_secs(n)));
    let answers = [
        partly(&[json!({"Id": "1"})], &[failed("0", false)]),
        partly(&[json!({"Id": "0"})], &[]),
        partly(&[], &[]),
        CannedResponse::says(
            400,
            &json!({"__type": "com.amazonaws.sqs#QueueDoesNotExist", "message": "gone"}),
        ),
    ];
    let replay = Replay::new(answers);
    for expected in [1, 1, 2, 2] {
        assert_eq!(put_back(&replay, &two).await, expected);
    }
    let strangers = [
        (message("1", "somebody-elses"), Duration::ZERO),
        (message("2", ""), Duration::ZERO),
    ];
    assert_eq!(
        put_back(&replay, &strangers).await,
        2,
        "a foreign queue: no call, and a counted failure"
    );
}

#[tokio::test]
async fn each_queue_of_each_tenant_is_a_fair_queue_group() {
    let longest = "a".repeat(64);
    let of = |tenant: &str, queue: &str| {
        let record = domain::delivery::record::EmailRecord {
            tenant: TenantId::parse(tenant).unwrap(),
            queue: QueueName::parse(queue).unwrap(),
            ..record()
        };
        (SendTask::of(&record), DeadLetterMessage::of(&record))
    };
    let all = [
        of("main", "default"),
        of("main", "news"),
        of("shop", "news"),
        of(&longest, &longest[1..]),
        of(&longest, &longest),
        of(&longest, &longest.replace('a', "b")),
    ];
    let replay = Replay::by(all_sent);
    let requests = all.iter().map(|(send_task, _)| SendTaskRequest {
        priority: Priority::Low,
        send_task: send_task.clone(),
        delay: Duration::ZERO,
    });
    let requests: Vec<_> = requests.collect();
    assert!(send(&replay, &requests).await.iter().all(Result::is_ok));
    let dead_letters: Vec<_> = all
        .iter()
        .map(|(_, dead_letter_message)| dead_letter_message.clone())
        .collect();
    let queue = DeadLetterQueue::new(&replay.clients().sqs(), "https://sqs.us-east-1.amazonaws.com/1/d");
    assert!(queue.move_to_dead_letter(&dead_letters).await.iter().all(Result::is_ok));

    let groups = |request: &SentRequest| -> Vec<String> {
        let group = |entry: &Value| entry["MessageGroupId"].as_str().unwrap().to_owned();
        entries(request).iter().map(group).collect()
    };
    let request = replay.sent_requests();
    let [send_tasks, dead_letters] = request.as_slice() else {
        panic!("two calls");
    };
    assert_eq!(groups(send_tasks), groups(dead_letters));
    let groups = groups(send_tasks);
    assert_eq!(groups[..3], ["main/default", "main/news", "shop/news"]);
    assert_eq!(groups[3].len(), 128, "the longest that is written out");
    let allowed = |group: &String| (1..=128).contains(&group.len()) && group.bytes().all(|b| b.is_ascii_graphic());
    assert!(groups.iter().all(allowed), "{groups:?}");
    let different: std::collections::BTreeSet<_> = groups.iter().collect();
    assert_eq!(different.len(), groups.len());
}

#[tokio::test]
async fn dead_letter_messages_go_ten_per_call() {
    let replay = Replay::by(|request| match carried_claims(request).contains(&10) {
        true => partly(&[sent("1")], &[failed("0", true)]),
        false => all_sent(request),
    });
    let url = "https://sqs.us-east-1.amazonaws.com/123456789012/dead-letters";
    let queue = DeadLetterQueue::new(&replay.clients().sqs(), url);
    let emails: Vec<_> = (0..12)
        .map(|claim_no| DeadLetterMessage {
            claim_no,
            ..DeadLetterMessage::of(&record())
        })
        .collect();
    let results = queue.move_to_dead_letter(&emails).await;
    let failed: Vec<_> = (0..)
        .zip(&results)
        .filter(|(_, result)| result.is_err())
        .map(|(at, _)| at)
        .collect();
    assert_eq!((results.len(), failed), (12, vec![10]));
    let mut calls: Vec<_> = replay.sent_requests().iter().map(carried_claims).collect();
    calls.sort();
    assert_eq!(calls, [(0..10).collect::<Vec<_>>(), vec![10, 11]]);
    for request in replay.sent_requests() {
        assert_eq!(request.json()["QueueUrl"], url);
        assert!(entries(&request).iter().all(|entry| entry["DelaySeconds"] == 0));
    }
}

fn carried_claims(request: &SentRequest) -> Vec<u32> {
    let bodies = entries(request);
    bodies
        .iter()
        .map(|entry| {
            DeadLetterMessage::parse(entry["MessageBody"].as_str().unwrap())
                .unwrap()
                .claim_no
        })
        .collect()
}

#[tokio::test]
async fn the_arn_of_a_message_names_its_priority() {
    let priority_queues = priority_queues(&Replay::expecting_none());
    let of = |arn: &str| priority_queues.priority_of(arn);
    assert_eq!(of("arn:aws:sqs:us-east-1:123456789012:high"), Some(Priority::High));
    assert_eq!(of("arn:aws:sqs:us-east-1:123456789012:low"), Some(Priority::Low));
    assert_eq!(of("arn:aws:sqs:us-east-1:123456789012:other"), None);
    assert_eq!(of(""), None);
}

#[tokio::test]
async fn visible_hidden_and_delayed_messages_are_counted() {
    let replay = Replay::by(move |request| {
        let waiting = match queue(request).as_str() {
            "high" => "0",
            "normal" => "7",
            _ => "1",
        };
        CannedResponse::ok(&json!({"Attributes": {
            "ApproximateNumberOfMessages": waiting,
            "ApproximateNumberOfMessagesNotVisible": "61000",
            "ApproximateNumberOfMessagesDelayed": "300",
        }}))
    });
    let waiting = priority_queues(&replay).waiting().await.unwrap();
    let messages = |visible| Messages {
        visible,
        in_flight: 61_000,
        delayed: 300,
    };
    assert_eq!(
        [waiting.high, waiting.normal, waiting.low],
        [messages(0), messages(7), messages(1)]
    );
    assert_eq!(replay.sent_requests().len(), 3, "one call per priority queue");

    // A missing count means neither an empty nor a full queue.
    for silent in [
        json!({}),
        json!({"Attributes": {"ApproximateNumberOfMessages": "many"}}),
        json!({"Attributes": {"ApproximateNumberOfMessages": "1", "ApproximateNumberOfMessagesDelayed": "1"}}),
    ] {
        let replay = Replay::by(move |_| CannedResponse::ok(&silent));
        let error = priority_queues(&replay).waiting().await.unwrap_err();
        assert_eq!(
            chain(&error),
            "reading the length of a priority queue: SQS did not return the count"
        );
    }
}
