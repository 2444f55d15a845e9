use aws_sdk_dynamodb::types::AttributeValue;
use domain::delivery::cause::Cause;
use domain::id::QueueName;
use domain::queue::job::Task;
use domain::tenant::sender::{FromDomain, Scope};
use serde_json::json;

use super::*;
use crate::runtime::replay::{CannedResponse, Replay, dynamodb_json};
use crate::storage::attributes::s;
use crate::storage::golden;
use crate::storage::records::samples::at;

fn key() -> QueueKey {
    QueueKey {
        tenant: TenantId::main(),
        name: QueueName::parse("news").unwrap(),
    }
}

fn full() -> Queue {
    Queue {
        suspended: true,
        holds: golden::queues::holds(),
        generation: 3,
        purged_below: 2,
        ..golden::queues::known_before()
    }
}

fn job() -> Job {
    let task = Task::Retry {
        cause: Some(Cause::Rejected),
        since: Some(at(50)),
        scope: Scope::new(&[FromDomain::Any], &[FromDomain::Exactly("a.example".to_owned())]),
    };
    Job {
        cursor: Some(DueCursor("c".to_owned())),
        emails: 8,
        version: 2,
        ..Job::new(&full(), EmailId::from_random([2; 16]), task, at(2_000))
    }
}

#[test]
fn queues_and_jobs_are_read_back_unchanged() {
    for queue in [Queue::plain(key(), at(100)), full()] {
        assert_eq!(to_queue(&from_queue(&queue).unwrap()), Ok(queue));
    }
    for job in [
        job(),
        job().after_giving_up(),
        Job {
            done: true,
            late_sweeps: 2,
            ..job()
        },
        Job::new(&full(), job().id, Task::Release, at(1)),
    ] {
        assert_eq!(to_job(&from_job(&job).unwrap()), Ok(job));
    }
}

#[test]
fn a_malformed_attribute_is_named_in_the_error() {
    let whole = from_queue(&full()).unwrap();
    for attribute in whole
        .keys()
        .filter(|name| !["paused_reason", "deleted"].contains(&name.as_str()))
    {
        let mut item = whole.clone();
        item.insert(attribute.clone(), AttributeValue::Null(true));
        assert!(to_queue(&item).is_err(), "{attribute}");
    }
    let whole = from_job(&job()).unwrap();
    let indexed = ["due_pk", "due_sk", "done"];
    for attribute in whole.keys().filter(|name| !indexed.contains(&name.as_str())) {
        let mut item = whole.clone();
        item.insert(attribute.clone(), AttributeValue::Null(true));
        assert!(to_job(&item).is_err(), "{attribute}");
    }
}

#[tokio::test]
async fn a_garbled_queue_hides_no_other() {
    let mut garbled = from_queue(&full()).unwrap();
    garbled.extend([s("created_at", "x".to_owned())]);
    let items = [garbled, from_queue(&full()).unwrap()].map(|item| dynamodb_json(&item));
    let replay = Replay::new([CannedResponse::ok(&json!({"Items": items}))]);
    assert_eq!(replay.table(16).queues(&TenantId::main()).await.unwrap(), [full()]);
}

#[test]
fn a_job_waits_in_the_index_until_it_is_done() {
    let item = from_job(&job()).unwrap();
    assert_eq!(attribute::<String>(&item, "due_pk").unwrap(), "job");
    assert_eq!(
        attribute::<String>(&item, "due_sk").unwrap(),
        format!("000000000002000#{}", job().id)
    );
    let done = from_job(&job().after_giving_up()).unwrap();
    assert!(!done.contains_key("due_pk") && done.contains_key("ttl"));
}

#[tokio::test]
async fn a_queue_overwrites_only_the_version_read() {
    let replay = Replay::new([CannedResponse::ok(&json!({}))]);
    let before = Queue { version: 2, ..full() };
    assert!(replay.table(16).save_queue(Some(&before), &full(), None).await.unwrap());
    let request = replay.only().json();
    assert_eq!(request["ConditionExpression"], "#no = :before");
    assert_eq!(request["ExpressionAttributeValues"], json!({":before": {"N": "2"}}));

    let other = from_queue(&Queue { version: 9, ..full() }).unwrap();
    for (there, saved) in [(other, false), (from_queue(&full()).unwrap(), true)] {
        let replay = Replay::new([CannedResponse::condition_failed(Some(&there))]);
        let answer = replay.table(16).save_queue(Some(&before), &full(), None).await.unwrap();
        assert_eq!(answer, saved, "its own write, repeated, is a success");
    }
}

#[tokio::test]
async fn a_new_queue_replaces_none() {
    let replay = Replay::new([CannedResponse::ok(&json!({}))]);
    let new = Queue::plain(key(), at(100));
    assert!(replay.table(16).save_queue(None, &new, None).await.unwrap());
    let request = replay.only().json();
    assert_eq!(request["ConditionExpression"], "attribute_not_exists(pk)");

    let replay = Replay::new([CannedResponse::ok(&json!({}))]);
    let paused = new.after_resume();
    assert!(replay.table(16).save_queue(Some(&new), &paused, None).await.unwrap());
    let request = replay.only().json();
    assert_eq!(
        request["ConditionExpression"],
        "attribute_not_exists(pk) OR #no = :before"
    );
}

#[tokio::test]
async fn a_queue_and_its_job_are_one_transaction() {
    let replay = Replay::new([CannedResponse::ok(&json!({}))]);
    let (before, job) = (
        Queue { version: 2, ..full() },
        Job::new(&full(), job().id, Task::Release, at(1)),
    );
    assert!(
        replay
            .table(16)
            .save_queue(Some(&before), &full(), Some(&job))
            .await
            .unwrap()
    );
    let request = replay.only().json();
    let items = request["TransactItems"].as_array().unwrap();
    assert_eq!(items.len(), 2);
    assert_eq!(items[0]["Put"]["Item"]["sk"], json!({"S": "queue#news"}));
    assert_eq!(items[1]["Put"]["Item"]["task"], json!({"S": r#"{"kind":"release"}"#}));
}
