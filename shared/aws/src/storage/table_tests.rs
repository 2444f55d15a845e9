//! Operations of the table, against DynamoDB's answers: refusals, conflicts, throttling, lost answers.

use domain::ports::FailureKind;
use serde_json::{Value, json};
use tokio::time::Instant;

use super::*;
use crate::runtime::replay::{CannedResponse, Replay, SentRequest, dynamodb_json};
use crate::storage::table::retry::PATIENCE;

const WHAT: &str = "writing";

fn item(no: u64) -> Item {
    let mut item = keys::of("a", "b");
    item.extend([crate::storage::attributes::n("no", no)]);
    item
}

fn writes() -> Vec<Write> {
    vec![
        Write::Put {
            item: item(3),
            when: Expression::if_version_before(3),
        },
        Write::Update {
            key: keys::of("c", "d"),
            change: Expression::condition("attribute_exists(pk)"),
        },
    ]
}

fn canceled(codes: [&str; 2]) -> CannedResponse {
    let reasons = codes.map(|code| json!({"Code": code}));
    CannedResponse::canceled(&reasons)
}

fn done() -> CannedResponse {
    CannedResponse::ok(&json!({}))
}

fn tokens(replay: &Replay) -> Vec<Value> {
    let requests = replay.requests();
    requests
        .iter()
        .map(|request| request["ClientRequestToken"].clone())
        .collect()
}

#[tokio::test(start_paused = true)]
async fn a_conflict_is_repeated_with_a_new_token() {
    let conflict = canceled(["TransactionConflict", "None"]);
    let throttled = canceled(["None", "ThrottlingError"]);
    let replay = Replay::new([conflict, throttled, done()]);
    let transacted = replay.table(1).transact(writes(), WHAT).await;
    assert_eq!(transacted.unwrap(), Transacted::Done);
    let tokens = tokens(&replay);
    assert!(tokens[0] != tokens[1] && tokens[1] != tokens[2], "{tokens:?}");
    let mut requests = replay.requests();
    for request in &mut requests {
        request["ClientRequestToken"] = Value::Null;
    }
    assert!(requests[0] == requests[1] && requests[1] == requests[2]);
}

#[tokio::test(start_paused = true)]
async fn an_unknown_outcome_is_repeated_with_the_same_token() {
    let in_progress = CannedResponse::dynamodb_error(400, "TransactionInProgressException", "in progress");
    for unknown in [
        CannedResponse::Lost,
        CannedResponse::dynamodb_error(500, "InternalServerError", "failed"),
        in_progress,
    ] {
        let replay = Replay::new([unknown, done()]);
        let transacted = replay.table(1).transact(writes(), WHAT).await;
        assert_eq!(transacted.unwrap(), Transacted::Done);
        let tokens = tokens(&replay);
        assert_eq!(tokens[0], tokens[1]);
    }
}

#[tokio::test]
async fn a_refused_transaction_says_which_condition_failed() {
    let stored = json!({"Code": "ConditionalCheckFailed", "Item": dynamodb_json(&item(7))});
    let reasons = [stored, json!({"Code": "TransactionConflict"})];
    let replay = Replay::new([CannedResponse::canceled(&reasons)]);
    let transacted = replay.table(1).transact(writes(), WHAT).await.unwrap();
    assert_eq!(
        transacted,
        Transacted::Refused(vec![Check::Failed(Some(item(7))), Check::Held])
    );
    let [put, check] = replay.only().json()["TransactItems"]
        .as_array()
        .unwrap()
        .clone()
        .try_into()
        .unwrap();
    assert_eq!(put["Put"]["ConditionExpression"], "#no = :before");
    assert_eq!(put["Put"]["ReturnValuesOnConditionCheckFailure"], "ALL_OLD");
    assert_eq!(check["ConditionCheck"]["ConditionExpression"], "attribute_exists(pk)");
}

#[tokio::test(start_paused = true)]
async fn a_failed_transaction_reports_its_kind() {
    for (answer, kind) in [
        (canceled(["TransactionConflict", "None"]), FailureKind::Conflict),
        (
            canceled(["ProvisionedThroughputExceeded", "None"]),
            FailureKind::Throttled,
        ),
        (
            canceled(["ValidationError", "TransactionConflict"]),
            FailureKind::Permanent,
        ),
        (
            canceled(["TransactionConflict", "ValidationError"]),
            FailureKind::Permanent,
        ),
        (canceled(["None", "None"]), FailureKind::Permanent),
        (CannedResponse::Lost, FailureKind::Unknown),
    ] {
        let began = Instant::now();
        let replay = Replay::by(move |_| answer.clone());
        let error = replay.table(1).transact(writes(), WHAT).await.unwrap_err();
        assert_eq!(error.kind, kind);
        assert!(began.elapsed() <= PATIENCE, "{:?}", began.elapsed());
        let tried = replay.sent_requests().len();
        match kind {
            FailureKind::Conflict | FailureKind::Throttled => assert!(tried > 30, "{tried}"),
            FailureKind::Unknown => assert_eq!(tried, 3),
            FailureKind::Permanent | FailureKind::Incomplete => assert_eq!(tried, 1),
        }
    }
}

/// Answers of DynamoDB to a plain write and to a read that meet a transaction or a throttle.
#[tokio::test(start_paused = true)]
async fn every_operation_waits_out_transient_errors() {
    for name in [
        "TransactionConflictException",
        "ProvisionedThroughputExceededException",
        "ThrottlingException",
        "RequestLimitExceeded",
    ] {
        let refused = CannedResponse::dynamodb_error(400, name, "later");
        for verb in 0..5 {
            let replay = Replay::new([refused.clone(), refused.clone(), done()]);
            let table = replay.table(1);
            let (key, when) = (keys::of("a", "b"), Expression::update("SET x = y"));
            let done = match verb {
                0 => table.get(key, WHAT).await.map(drop),
                1 => table.get_many(vec![key], WHAT).await.map(drop),
                2 => table.query(Query::beginning("a".into(), "b"), WHAT).await.map(drop),
                3 => table
                    .put_if(item(1), Expression::if_version_before(1), WHAT)
                    .await
                    .map(drop),
                _ => table.update_if(key, when, None, WHAT).await.map(drop),
            };
            assert!(done.is_ok(), "{name} of verb {verb}: {done:?}");
            assert_eq!(replay.sent_requests().len(), 3);
        }
    }
}

#[tokio::test]
async fn no_empty_expression_is_sent() {
    let replay = Replay::new([done(), done()]);
    let table = replay.table(1);
    table.put_if(item(1), Expression::default(), WHAT).await.unwrap();
    table
        .update_if(keys::of("a", "b"), Expression::default(), None, WHAT)
        .await
        .unwrap();
    for request in replay.requests() {
        let fields: Vec<_> = request.as_object().unwrap().keys().cloned().collect();
        let allowed = ["Item", "Key", "TableName"];
        assert!(
            fields.iter().all(|field| allowed.contains(&field.as_str())),
            "{fields:?}"
        );
    }
}

/// The rule of this module: only it calls DynamoDB. Types of the SDK's items are everywhere.
#[test]
fn only_the_table_calls_dynamodb() {
    fn rust_files(directory: &std::path::Path, found: &mut Vec<std::path::PathBuf>) {
        for entry in std::fs::read_dir(directory).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                rust_files(&path, found);
            } else if path.extension().is_some_and(|end| end == "rs") {
                found.push(path);
            }
        }
    }
    let source = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut files = Vec::new();
    rust_files(&source.join("src"), &mut files);
    rust_files(&source.join("../../functions"), &mut files);
    assert!(files.len() > 80, "{}", files.len());
    let calls = [
        "aws_sdk_dynamodb::operation",
        "aws_sdk_dynamodb::Client",
        "aws_sdk_dynamodb::client",
    ];
    let allowed = ["table.rs", "transaction.rs", "table_tests.rs", "clients.rs"];
    for file in files {
        let name = file.file_name().unwrap().to_str().unwrap().to_owned();
        let code = std::fs::read_to_string(&file).unwrap();
        if !allowed.contains(&name.as_str()) {
            assert!(!calls.iter().any(|call| code.contains(call)), "{}", file.display());
        }
    }
}

/// Other tests compare the requests; this one only checks the operations.
#[tokio::test]
async fn each_method_is_one_operation() {
    let replay = Replay::by(|_| done());
    let table = replay.table(1);
    let key = || keys::of("a", "b");
    table.get(key(), WHAT).await.unwrap();
    table.get_many(vec![key()], WHAT).await.unwrap();
    table.query(Query::beginning("a".into(), "b"), WHAT).await.unwrap();
    table
        .put_if(item(0), Expression::if_version_before(0), WHAT)
        .await
        .unwrap();
    table.update_if(key(), Expression::default(), None, WHAT).await.unwrap();
    table.delete(key(), WHAT).await.unwrap();
    table.transact(writes(), WHAT).await.unwrap();
    let sent_request = replay.sent_requests();
    let operations: Vec<_> = sent_request.iter().map(SentRequest::operation).collect();
    assert_eq!(
        operations,
        [
            "GetItem",
            "BatchGetItem",
            "Query",
            "PutItem",
            "UpdateItem",
            "DeleteItem",
            "TransactWriteItems"
        ]
    );
}
