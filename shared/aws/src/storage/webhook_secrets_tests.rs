//! Signing secrets, against the answers of DynamoDB and KMS.

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use domain::id::EmailId;
use domain::webhook::secret::SECRET_BYTES;
use serde_json::json;

use super::*;
use crate::runtime::replay::{CannedResponse, Replay, dynamodb_json};
use crate::storage::attributes::{b, s};
use crate::storage::records::samples::at;

const KEY: &str = "arn:aws:kms:us-east-1:123456789012:key/k";

fn key() -> WebhookKey {
    WebhookKey {
        tenant: TenantId::main(),
        id: WebhookId::of(EmailId::from_random([2; 16])),
    }
}

fn secret(byte: u8) -> SigningSecret {
    SigningSecret::new([byte; SECRET_BYTES])
}

fn table(replay: &Replay, kms_key: Option<&str>) -> SecretTable {
    SecretTable::new(
        replay.table(16),
        "S",
        replay.clients().kms(),
        kms_key.map(str::to_owned),
    )
}

fn encrypted(bytes: &[u8]) -> Item {
    let mut item = keys::secrets(&key());
    item.extend([b("c", bytes), s("k", KEY.to_owned())]);
    item
}

#[tokio::test]
async fn a_key_encrypts_each_secret_for_its_webhook() {
    let encrypted = json!({"CiphertextBlob": BASE64_STANDARD.encode([9, 9]), "KeyId": KEY});
    let replay = Replay::new([CannedResponse::ok(&encrypted), CannedResponse::ok(&json!({}))]);
    let saved = table(&replay, Some(KEY))
        .save_secrets(&key(), None, &Secrets::new(secret(1)))
        .await;
    assert!(saved.unwrap());
    let [to_kms, to_table] = &replay.requests()[..] else {
        panic!("two calls")
    };
    assert_eq!(to_kms["KeyId"], KEY);
    assert_eq!(
        to_kms["EncryptionContext"],
        json!({"tenant": "main", "webhook": key().id.to_string()})
    );
    assert_eq!(to_table["Item"]["c"]["B"], BASE64_STANDARD.encode([9, 9]));
    assert_eq!(to_table["Item"]["k"]["S"], KEY);
}

/// Also without the parameter: a secret names its own key.
#[tokio::test]
async fn a_secret_is_decrypted_once_by_an_environment() {
    let stored = json!({"Item": dynamodb_json(&encrypted(&[9, 9]))});
    let plain = json!({"Plaintext": BASE64_STANDARD.encode([1; SECRET_BYTES]), "KeyId": KEY});
    let replay = Replay::new([stored.clone(), plain, stored].map(|answer| CannedResponse::ok(&answer)));
    let secrets = table(&replay, None);
    for _ in 0..2 {
        let read = secrets.secrets(&key()).await.unwrap();
        assert_eq!(read, Some(StoredSecrets::Readable(Secrets::new(secret(1)))));
    }
}

#[tokio::test]
async fn a_rotation_needs_the_secrets_that_were_read() {
    let plain = |byte: u8| {
        let mut item = keys::secrets(&key());
        item.extend([b("c", &[byte; SECRET_BYTES])]);
        json!({"Item": dynamodb_json(&item)})
    };
    let before = Secrets::new(secret(1));
    let next = before.rotated(secret(2), at(1_000));
    let replay = Replay::new([CannedResponse::ok(&plain(1)), CannedResponse::ok(&json!({}))]);
    assert!(
        table(&replay, None)
            .save_secrets(&key(), Some(&before), &next)
            .await
            .unwrap()
    );
    assert_eq!(replay.requests()[1]["ConditionExpression"], "#c = :c");
    let replay = Replay::new([CannedResponse::ok(&plain(3))]);
    assert!(
        !table(&replay, None)
            .save_secrets(&key(), Some(&before), &next)
            .await
            .unwrap()
    );
}

fn refused(code: &str) -> CannedResponse {
    CannedResponse::says(400, &json!({"__type": code, "message": "no"}))
}

/// The stored secret names another key than the parameter.
#[tokio::test]
async fn an_unreadable_secret_can_be_replaced() {
    const OTHER: &str = "arn:aws:kms:us-east-1:123456789012:key/other";
    let stored = json!({"Item": dynamodb_json(&encrypted(&[9, 9]))});
    for code in UNREADABLE {
        let replay = Replay::new([
            CannedResponse::ok(&stored),
            refused(code),
            CannedResponse::ok(&json!({"CiphertextBlob": BASE64_STANDARD.encode([8, 8]), "KeyId": OTHER})),
            CannedResponse::ok(&json!({})),
        ]);
        let table = table(&replay, Some(OTHER));
        let Some(StoredSecrets::Unreadable(before)) = table.secrets(&key()).await.unwrap() else {
            panic!("{code}: readable")
        };
        let next = Secrets::new(secret(2));
        assert!(table.replace_unreadable(&key(), &before, &next).await.unwrap());
        let put = &replay.requests()[3];
        assert_eq!(
            (&put["Item"]["k"]["S"], &put["Item"]["p"]),
            (&json!(OTHER), &json!(null))
        );
        assert_eq!(put["ConditionExpression"], "#c = :c");
        let values = &put["ExpressionAttributeValues"];
        assert_eq!(values[":c"]["B"], BASE64_STANDARD.encode([9, 9]));
    }
}

#[tokio::test]
async fn a_secret_that_was_replaced_meanwhile_stays() {
    let mut stored = keys::secrets(&key());
    stored.extend([b("c", &[3; SECRET_BYTES])]);
    let replay = Replay::new([CannedResponse::condition_failed(Some(&stored))]);
    let (before, next) = (Ciphertext(vec![9, 9]), Secrets::new(secret(2)));
    let replaced = table(&replay, None).replace_unreadable(&key(), &before, &next).await;
    assert!(!replaced.unwrap());
}

/// A rotation would end a good secret.
#[tokio::test(start_paused = true)]
async fn a_busy_key_makes_no_secret_unreadable() {
    let stored = json!({"Item": dynamodb_json(&encrypted(&[9, 9]))});
    let replay = Replay::by(move |request| {
        if request.operation() == "GetItem" {
            CannedResponse::ok(&stored)
        } else {
            CannedResponse::says(500, &json!({"__type": "KMSInternalException", "message": "later"}))
        }
    });
    let failed = table(&replay, None).secrets(&key()).await.unwrap_err();
    assert!(failed.kind.is_passing());
}

/// So `deliver` gives its tasks back, and the events wait.
#[tokio::test]
async fn an_endpoint_with_an_unreadable_secret_is_an_error() {
    let stored = json!({"Item": dynamodb_json(&encrypted(&[9, 9]))});
    let replay = Replay::by(move |request| match request.operation() {
        "GetItem" => CannedResponse::ok(&stored),
        "BatchGetItem" => CannedResponse::ok(&json!({"Responses": {"T": []}})),
        _ => refused("AccessDeniedException"),
    });
    let failed = table(&replay, None).endpoint(&key(), at(1)).await.unwrap_err();
    assert!(failed.source.to_string().contains("PreviousWebhookKeyArn"));
}

#[tokio::test]
async fn an_endpoint_is_read_from_both_tables() {
    let mut health = keys::health(&key());
    health.extend([crate::storage::attributes::n("f", 3)]);
    let mut permits = keys::slow_permits();
    permits.extend([("l1", 60_000), ("n1", 7)].map(|(name, number)| crate::storage::attributes::n(name, number)));
    let items = [dynamodb_json(&health), dynamodb_json(&permits)];
    let mut stored = keys::secrets(&key());
    stored.extend([b("c", &[1; SECRET_BYTES])]);
    let stored = json!({"Item": dynamodb_json(&stored)});
    let replay = Replay::by(move |request| match request.operation() {
        "GetItem" => CannedResponse::ok(&stored),
        _ => CannedResponse::ok(&json!({"Responses": {"T": items}})),
    });
    let endpoint = table(&replay, None).endpoint(&key(), at(1)).await.unwrap();
    assert_eq!(
        (endpoint.webhook, endpoint.secrets, endpoint.health.failures),
        (None, Some(Secrets::new(secret(1))), 3)
    );
    assert!(endpoint.slow_permits.has(7));
    let requests = replay.requests();
    assert_eq!(requests.len(), 2);
    for request in requests {
        assert!(
            request["TableName"] == "S" || request["RequestItems"]["T"].is_object(),
            "{request}"
        );
    }
}

/// A webhook and its secrets go together, though they are in two tables.
#[tokio::test]
async fn a_removal_is_one_transaction_of_both_tables() {
    let replay = Replay::new([CannedResponse::ok(&json!({}))]);
    let removed = table(&replay, None)
        .remove_webhook(&WebhookList::default(), key().id, &key().tenant)
        .await;
    assert!(removed.unwrap());
    let writes = replay.only().json()["TransactItems"].clone();
    let tables = writes.as_array().unwrap().iter().map(|write| {
        let write = write.get("Put").or_else(|| write.get("Delete")).unwrap();
        let key = write.get("Item").or_else(|| write.get("Key")).unwrap();
        (write["TableName"].as_str().unwrap(), key["sk"]["S"].as_str().unwrap())
    });
    let settings = format!("hook#{}", key().id);
    let expected = [
        ("T", "hooks"),
        ("T", settings.as_str()),
        ("T", "state"),
        ("S", "secret"),
    ];
    assert_eq!(tables.collect::<Vec<_>>(), expected);
}
