//! Recovery jobs, against the answers of DynamoDB.

use serde_json::json;

use super::*;
use crate::runtime::replay::{CannedResponse, Replay};
use crate::storage::attributes::s;
use crate::storage::records::samples::at;

fn due() -> DueJob {
    DueJob {
        tenant: TenantId::main(),
        id: EmailId::from_random([3; 16]),
        cursor: DueCursor("000000000005000#x".to_owned()),
    }
}

#[tokio::test]
async fn a_wake_moves_only_the_entry_that_was_read() {
    let next = sortable(at(9_000), due().id);
    let holding = |text: &str| Item::from([s("due_sk", text.to_owned())]);
    for (answer, expected) in [
        (CannedResponse::ok(&json!({})), true),
        (CannedResponse::condition_failed(Some(&holding(&next))), true),
        (
            CannedResponse::condition_failed(Some(&holding("000000000007000#x"))),
            false,
        ),
        (CannedResponse::condition_failed(None), false),
    ] {
        let replay = Replay::new([answer]);
        assert_eq!(
            replay.table(16).wake_recover_job(&due(), at(9_000)).await.unwrap(),
            expected
        );
        let request = replay.only().json();
        assert_eq!(request["UpdateExpression"], "SET #sk = :next");
        assert_eq!(
            request["ExpressionAttributeValues"][":seen"],
            json!({"S": due().cursor.0})
        );
    }
}

#[tokio::test]
async fn due_jobs_are_found_by_their_keys() {
    let entry = json!({
        "pk": {"S": "main#hooks"}, "sk": {"S": format!("hookjob#{}", due().id)}, "due_sk": {"S": due().cursor.0},
    });
    let bad = json!({"pk": {"S": "main#hooks"}, "sk": {"S": "hookjob#x"}, "due_sk": {"S": "0"}});
    let replay = Replay::new([CannedResponse::ok(&json!({"Items": [bad, entry], "Count": 2}))]);
    let found = replay.table(16).due_recover_jobs(at(9_000), 5).await.unwrap();
    assert_eq!(found, [due()]);
    let request = replay.only().json();
    assert_eq!(request["ExpressionAttributeValues"][":pk"], json!({"S": "hookjob"}));
    assert_eq!(request["Limit"], 5);
}
