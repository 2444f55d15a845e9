//! Facts of emails, against the answers of DynamoDB.

use domain::delivery::ses_event::Agent;
use domain::webhook::fact::FactKind;
use serde_json::json;

use super::*;
use crate::runtime::replay::{CannedResponse, Replay, dynamodb_json};
use crate::storage::records::samples::{at, record};

fn stored(born: i64) -> StoredFact {
    StoredFact {
        born: at(born),
        fact: EmailFact {
            v: EmailFact::VERSION,
            claim_no: 1,
            message_id: "m".to_owned(),
            at: at(6_000),
            kind: FactKind::Opened(Agent::default()),
        },
    }
}

#[tokio::test]
async fn a_repeated_fact_is_no_failure() {
    let replay = Replay::new([CannedResponse::condition_failed(Some(&Item::new()))]);
    let put = replay.table(16).put_fact(&record().email_key(), &stored(1_000)).await;
    assert!(put.is_ok());
    assert_eq!(replay.only().json()["ConditionExpression"], "attribute_not_exists(pk)");
}

#[tokio::test]
async fn facts_of_another_birth_and_unreadable_ones_are_left_out() {
    let item = |born| {
        let fact = stored(born);
        let item = StoredItem {
            b: fact.born,
            j: fact.fact.to_json().unwrap(),
            ttl: 9,
        };
        let key = webhooks::fact(&record().email_key(), fact.fact.number());
        dynamodb_json(&encode(key, &item, "testing").unwrap())
    };
    let bad = json!({"b": {"N": "1000"}, "j": {"S": "{}"}, "ttl": {"N": "9"}});
    let items = json!({"Items": [item(1_000), item(2_000), bad], "Count": 3});
    let replay = Replay::new([CannedResponse::ok(&items)]);
    let facts = replay.table(16).facts_of(&record().email_key(), at(1_000)).await;
    assert_eq!(facts.unwrap(), [stored(1_000).fact]);
}
