//! A queue that changes while a thousand of its emails are parked. DynamoDB refuses writes of a busy item.
//!
//! Source: Amazon DynamoDB Developer Guide, "Managing complex workflows with DynamoDB transactions", "Transaction
//! conflict handling".

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};

use domain::id::EmailId;
use domain::ports::{EmailRecords, Queues};
use domain::queue::job::{Job, Task};
use domain::queue::{Pause, Queue};
use serde_json::{Value, json};
use tokio::time::{Duration, Instant};

use super::super::samples::at;
use super::tests::{done, held};
use super::*;
use crate::runtime::replay::{CannedResponse, Replay, SentRequest};

/// Time for which an item of a transaction stays busy.
const WINDOW: Duration = Duration::from_millis(8);

const EMAILS: u16 = 1_000;

/// A table with one queue. Of its emails it stores only the keys.
#[derive(Debug, Default)]
struct Busy {
    until: BTreeMap<String, Instant>,
    queue: Option<Value>,
    held: BTreeSet<String>,
    /// Number of transactions that wrote emails.
    groups: usize,
    conflicts: usize,
}

fn key(write: &Value) -> String {
    let key = if write["Item"].is_null() {
        &write["Key"]
    } else {
        &write["Item"]
    };
    format!("{} {}", key["pk"]["S"], key["sk"]["S"])
}

/// Returns the number of changes that a condition names, if it names one.
fn number(write: &Value) -> Option<&Value> {
    let values = &write["ExpressionAttributeValues"];
    [":before", ":no"].into_iter().find_map(|name| values.get(name))
}

impl Busy {
    fn is_busy(&self, write: &Value) -> bool {
        self.until.get(&key(write)).is_some_and(|until| Instant::now() < *until)
    }

    fn holds(&self, write: &Value) -> bool {
        let stored = self.queue.as_ref().map(|queue| &queue["no"]);
        number(write).is_none_or(|number| Some(number) == stored)
    }

    fn put(&mut self, write: &Value) {
        let sk = write["Item"]["sk"]["S"].as_str().unwrap_or_default();
        if sk.starts_with(keys::QUEUE) {
            self.queue = Some(write["Item"].clone());
        }
    }

    fn answer(&mut self, sent_request: &SentRequest) -> CannedResponse {
        let request = sent_request.json();
        let Some(writes) = request["TransactItems"].as_array() else {
            return self.answer_put(&request);
        };
        let writes: Vec<_> = writes
            .iter()
            .flat_map(|write| write.as_object().unwrap().values())
            .collect();
        let reason = |code: Option<&str>| json!({"Code": code.unwrap_or("None")});
        if writes.iter().any(|write| self.is_busy(write)) {
            self.conflicts += 1;
            let busy = |write: &&Value| reason(self.is_busy(write).then_some("TransactionConflict"));
            return CannedResponse::canceled(&writes.iter().map(busy).collect::<Vec<_>>());
        }
        let refused = |write: &&Value| !write["Item"].is_null() || write["ConditionExpression"] == "#no = :no";
        let refused = |write: &&Value| refused(write) && !self.holds(write);
        if writes.iter().any(refused) {
            let failed = |write: &&Value| reason(refused(write).then_some("ConditionalCheckFailed"));
            return CannedResponse::canceled(&writes.iter().map(failed).collect::<Vec<_>>());
        }
        for write in &writes {
            self.until.insert(key(write), Instant::now() + WINDOW);
            self.put(write);
        }
        let emails = writes.iter().filter(|write| write["UpdateExpression"].is_string());
        let emails: Vec<_> = emails.map(|write| key(write)).collect();
        self.groups += usize::from(!emails.is_empty());
        self.held.extend(emails);
        done()
    }

    fn answer_put(&mut self, put: &Value) -> CannedResponse {
        if self.is_busy(put) {
            self.conflicts += 1;
            return CannedResponse::dynamodb_error(
                400,
                "TransactionConflictException",
                "Transaction is ongoing for the item",
            );
        }
        if !self.holds(put) {
            return CannedResponse::condition_failed(None);
        }
        self.put(put);
        done()
    }
}

fn nth(n: u16) -> EmailId {
    EmailId::from_random([n.to_be_bytes(); 8].concat().try_into().unwrap())
}

fn paused() -> Queue {
    let plain = Queue::plain(held(1, 0).before.queue_key(), at(0));
    plain.after_pause(Pause {
        since: at(0),
        reason: None,
        until: None,
    })
}

/// An environment parks emails until all are parked or the queue is resumed. It reads the queue again after
/// each change, as `promote` and `send` do. Returns the number of parked emails.
async fn park(table: Table, state: Arc<Mutex<Queue>>, emails: std::ops::Range<u16>) -> usize {
    let mut left: Vec<u16> = emails.collect();
    let mut done = 0;
    while !left.is_empty() {
        let queue = state.lock().unwrap().clone();
        if !queue.is_paused(at(3_000)) {
            break;
        }
        let write = |n: &u16| {
            let mut write = held(0, queue.version);
            write.before.id = nth(*n);
            write.transition.record.id = nth(*n);
            write
        };
        let writes: Vec<_> = left.iter().map(write).collect();
        let written = table.write_many(&writes, at(3_000)).await;
        let mut moved = Vec::new();
        for (n, written) in left.into_iter().zip(written) {
            match written.expect("a conflict passes") {
                Written::Done => done += 1,
                Written::QueueMoved => moved.push(n),
                Written::Moved(other) => panic!("email {n}: {other:?}"),
            }
        }
        left = moved;
        // Read the queue again.
        tokio::task::yield_now().await;
    }
    done
}

/// Two environments park a thousand emails; a third one changes the queue after the first group.
async fn changed_meanwhile(change: impl Fn(&Queue) -> (Queue, Option<Job>)) -> (usize, Busy) {
    let busy = Arc::new(Mutex::new(Busy::default()));
    let model = Arc::clone(&busy);
    let replay = Replay::by(move |sent_request| model.lock().unwrap().answer(sent_request));
    let state = Arc::new(Mutex::new(paused()));
    let made = Queue::plain(paused().key, at(0));
    assert!(replay.table(16).save_queue(None, &made, None).await.unwrap());
    assert!(replay.table(16).save_queue(Some(&made), &paused(), None).await.unwrap());
    let change = async {
        while busy.lock().unwrap().groups == 0 {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        let before = state.lock().unwrap().clone();
        let (changed, job) = change(&before);
        let saved = replay.table(16).save_queue(Some(&before), &changed, job.as_ref()).await;
        assert!(saved.expect("a conflict passes"), "no other writer changes the queue");
        *state.lock().unwrap() = changed;
    };
    let half = EMAILS / 2;
    let first = park(replay.table(16), Arc::clone(&state), 0..half);
    let second = park(replay.table(16), Arc::clone(&state), half..EMAILS);
    let (first, second, ()) = tokio::join!(first, second, change);
    drop(replay);
    let busy = std::mem::take(&mut *busy.lock().unwrap());
    (first + second, busy)
}

#[tokio::test(start_paused = true)]
async fn a_queue_changes_while_its_emails_are_parked() {
    let (park, busy) = changed_meanwhile(|queue| {
        let changed = Queue {
            rate_per_second: Some(5),
            version: queue.version + 1,
            ..queue.clone()
        };
        (changed, None)
    })
    .await;
    assert_eq!((park, busy.held.len()), (EMAILS.into(), EMAILS.into()));
    assert!(busy.conflicts > 0, "no write was refused");
    // Six of each environment, and one more of each after the change.
    assert!(busy.groups <= 14, "{}", busy.groups);
    assert_eq!(busy.queue.unwrap()["rate"], json!({"N": "5"}));
}

#[tokio::test(start_paused = true)]
async fn a_queue_is_resumed_while_emails_are_parked() {
    let (park, busy) = changed_meanwhile(|queue| {
        let resumed = queue.after_resume();
        let job = Job::new(&resumed, nth(9), Task::Release, at(3_000));
        (resumed, Some(job))
    })
    .await;
    assert_eq!(busy.held.len(), park, "each email is reported as it is stored");
    assert!(park >= 99, "the group before the change is parked: {park}");
    assert!(busy.conflicts > 0, "no write was refused");
    assert_eq!(busy.queue.unwrap()["paused_since"], Value::Null);
}
