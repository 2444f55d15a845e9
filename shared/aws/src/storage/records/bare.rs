//! Reads of `access` before it deletes a tenant: bare records, and jobs that revive emails. A bare record is a record
//! without the attributes that no decision reads.
//!
//! **Invariant:** no attribute of an email outside [`item::BARE`] is requested, so that IAM can refuse all
//! others. The function that creates keys cannot read contents, which are in the same partitions.

use domain::delivery::record::EmailRecord;
use domain::id::{EmailKey, TenantId};
use domain::ports::PortError;
use domain::ports::access::Work;
use domain::timestamp::Timestamp;

use super::{Table, item, record};
use crate::storage::attributes;
use crate::storage::mapping::attribute;
use crate::storage::queues;
use crate::storage::table::keys;

impl Work for Table {
    async fn bare_records(&self, keys: &[EmailKey], now: Timestamp) -> Result<Vec<Option<EmailRecord>>, PortError> {
        const WHAT: &str = "reading bare records";
        let mut distinct: Vec<_> = keys.iter().collect();
        distinct.sort_unstable();
        distinct.dedup();
        let wanted = distinct.into_iter().map(keys::email).collect();
        let mut records = Vec::new();
        for mut found in self.get_many_of(wanted, &item::BARE, WHAT).await? {
            // Size of the content, which is not requested.
            if found.contains_key("h") {
                found.extend([attributes::n("z", 0)]);
            }
            match record(&found, now) {
                Ok(Some(record)) => records.push(Some(*record)),
                Ok(None) => {}
                Err(error) => {
                    let pk = attribute::<String>(&found, "pk").unwrap_or_default();
                    tracing::error!(pk, %error, "a stored record cannot be read");
                    records.push(None);
                }
            }
        }
        Ok(records)
    }

    async fn reviving_jobs(&self, tenant: &TenantId) -> Result<usize, PortError> {
        queues::reviving_jobs(self, tenant).await
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use domain::delivery::record::BodyRef;
    use domain::id::{EmailId, QueueKey, QueueName};
    use domain::queue::Queue;
    use domain::queue::job::{Job, Task};
    use serde_json::json;

    use super::*;
    use crate::runtime::replay::{CannedResponse, Replay, dynamodb_json};
    use crate::storage::records::samples::{at, full};

    /// A new attribute of a record must be listed here and in the template, or be excluded by name.
    #[test]
    fn a_bare_record_has_all_that_decisions_read() {
        let whole: BTreeSet<String> = item::from_record(&full(), 16).into_keys().collect();
        let hooks = crate::storage::records::hook::ALL;
        let left_out = ["tenant_shard", "created_sk", "da", "oa", "ca", "z"];
        for name in &whole {
            let expected = !item::PAST.contains(&name.as_str())
                && !left_out.contains(&name.as_str())
                && !hooks.contains(&name.as_str());
            assert_eq!(item::BARE.contains(&name.as_str()), expected, "{name}");
        }
    }

    #[test]
    fn access_may_read_only_a_bare_record() {
        let template = include_str!("../../../../../template.yaml");
        let list = format!("{{\"dynamodb:Attributes\": [{}]}}", item::BARE.join(", "));
        assert!(template.contains(&list), "{list}");
    }

    #[tokio::test]
    async fn an_unreadable_record_is_an_error() {
        let (good, mut bad) = (full(), full());
        bad.id = EmailId::from_random([9; 16]);
        let mut items = [&good, &bad].map(|record| {
            let mut item = item::from_record(record, 16);
            item.retain(|name, _| item::BARE.contains(&name.as_str()));
            dynamodb_json(&item)
        });
        items[1]["s"] = json!({"S": "asleep"});
        let replay = Replay::new([CannedResponse::ok(&json!({"Responses": {"T": items}}))]);
        let keys = [&good, &bad].map(EmailRecord::email_key);
        let mut read = replay.table(16).bare_records(&keys, at(1_000)).await.unwrap();
        read.sort_by_key(Option::is_none);
        let bare = EmailRecord {
            detail: None,
            delivery_statuses: [].into(),
            outcomes: Vec::new(),
            diagnostics: [].into(),
            facts: [].into(),
            delivered_at: None,
            opened_at: None,
            clicked_at: None,
            hook: None,
            body: BodyRef { bytes: 0, ..good.body },
            ..good
        };
        assert_eq!(read, [Some(bare), None]);
        let request = &replay.only().json()["RequestItems"]["T"];
        let sent_request = request["ExpressionAttributeNames"].as_object().unwrap();
        let sent_request: BTreeSet<_> = sent_request.values().filter_map(|name| name.as_str()).collect();
        assert_eq!(sent_request, item::BARE.into_iter().collect());
        assert_eq!(request["ConsistentRead"], true);
    }

    #[tokio::test]
    async fn jobs_that_revive_emails_are_counted() {
        let name = QueueName::default();
        let queue = Queue::plain(
            QueueKey {
                tenant: TenantId::main(),
                name,
            },
            at(0),
        );
        let job = |id, task, done| {
            let job = Job::new(&queue, EmailId::from_random([id; 16]), task, at(1));
            dynamodb_json(&queues::from_job(&Job { done, ..job }).unwrap())
        };
        let next = json!({"pk": {"S": "a"}, "sk": {"S": "b"}});
        let mut unreadable = job(5, Task::Purge, false);
        unreadable["task"] = json!({"S": "{}"});
        let replay = Replay::new([
            CannedResponse::ok(
                &json!({"Items": [job(1, Task::Restore, true), job(2, Task::Restore, false)], "LastEvaluatedKey": next}),
            ),
            CannedResponse::ok(
                &json!({"Items": [job(3, Task::Purge, false), job(4, Task::Release, false), unreadable]}),
            ),
        ]);
        assert_eq!(replay.table(16).reviving_jobs(&TenantId::main()).await.unwrap(), 2);
        let [first, second] = replay.requests().try_into().unwrap();
        assert_eq!(
            (&first["ConsistentRead"], &second["ExclusiveStartKey"]),
            (&json!(true), &next)
        );
        assert_eq!(first["ExpressionAttributeValues"][":pk"]["S"], "main#queues");
    }
}
