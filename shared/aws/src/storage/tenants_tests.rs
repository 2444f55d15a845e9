use domain::tenant::quota::Limit;
use domain::tenant::sender::FromDomain;
use serde_json::json;

use super::*;
use crate::runtime::replay::{CannedResponse, Replay, dynamodb_json};
use crate::runtime::telemetry::chain;
use crate::storage::attributes::{n, s};
use crate::storage::records::samples::at;

fn acme() -> Tenant {
    Tenant {
        id: TenantId::parse("acme").unwrap(),
        from_domains: vec![FromDomain::parse("acme.example").unwrap()],
        daily_cap: Some(1_000),
        rate: Some(3),
        suspended: true,
        suspended_at: Some(at(5_000)),
        created_at: at(1_000),
        version: 0,
    }
}

#[tokio::test]
async fn a_tenant_is_read_back_unchanged() {
    let plain = Tenant {
        daily_cap: None,
        rate: None,
        suspended: false,
        suspended_at: None,
        ..acme()
    };
    for tenant in [acme(), plain] {
        let stored = dynamodb_json(&from_tenant(&tenant).unwrap());
        let replay = Replay::new([
            CannedResponse::ok(&json!({})),
            CannedResponse::ok(&json!({"Item": stored})),
        ]);
        let table = replay.table(16);
        assert!(table.save_tenant(&tenant).await.unwrap());
        assert_eq!(table.tenant(&tenant.id).await.unwrap(), Some(tenant));
        let [put, get] = replay.requests().try_into().unwrap();
        assert_eq!(
            (&put["Item"], &put["ConditionExpression"]),
            (&stored, &json!("attribute_not_exists(pk)"))
        );
        assert_eq!(get["Key"], json!({"pk": {"S": "acme#tenant"}, "sk": {"S": "tenant"}}));
    }
}

#[tokio::test]
async fn a_tenant_change_requires_the_previous_version() {
    let changed = Tenant { version: 3, ..acme() };
    let other = Tenant {
        rate: None,
        ..changed.clone()
    };
    for (stored, written) in [(changed.clone(), true), (other, false)] {
        let replay = Replay::new([CannedResponse::condition_failed(Some(&from_tenant(&stored).unwrap()))]);
        assert_eq!(replay.table(16).save_tenant(&changed).await.unwrap(), written);
        assert_eq!(
            replay.only().json()["ExpressionAttributeValues"],
            json!({":before": {"N": "2"}})
        );
    }
}

#[tokio::test]
async fn all_tenants_are_listed() {
    let other = Tenant {
        id: TenantId::parse("b").unwrap(),
        created_at: at(2_000),
        ..acme()
    };
    let replay = Replay::listing(&[from_tenant(&acme()).unwrap(), from_tenant(&other).unwrap()]);
    assert_eq!(replay.table(16).tenants().await.unwrap(), [other, acme()]);
    assert_eq!(
        replay.requests()[0]["ExpressionAttributeValues"],
        json!({":pk": {"S": "tenants"}})
    );
}

#[tokio::test]
async fn a_garbled_tenant_hides_no_other() {
    let mut garbled = from_tenant(&Tenant {
        id: TenantId::parse("b").unwrap(),
        ..acme()
    })
    .unwrap();
    garbled.extend([s("created_at", "x".to_owned())]);
    let replay = Replay::listing(&[garbled, from_tenant(&acme()).unwrap()]);
    assert_eq!(replay.table(16).tenants().await.unwrap(), [acme()]);
}

#[tokio::test]
async fn a_suspension_without_a_time_is_read() {
    let mut item = from_tenant(&acme()).unwrap();
    item.remove("suspended_at");
    let read = to_tenant(&item).unwrap().unwrap();
    assert_eq!((read.suspended, read.suspended_at), (true, None));
}

#[tokio::test]
async fn a_deleted_tenant_is_a_tombstone_and_unlisted() {
    let replay = Replay::new([CannedResponse::ok(&json!({}))]);
    assert!(replay.table(16).delete_tenant(&acme(), at(9_000)).await.unwrap());
    let put = replay.only().json();
    assert_eq!(put["ConditionExpression"], "attribute_not_exists(pk) OR #no = :before");
    let stored = &put["Item"];
    assert_eq!(
        (&stored["deleted_at"], &stored["no"], &stored["suspended"]),
        (&json!({"N": "9000"}), &json!({"N": "1"}), &json!({"BOOL": true}))
    );
    assert!(stored["tenant_shard"].is_null() && stored["created_sk"].is_null() && stored["ttl"].is_null());

    let tombstone = tombstone(&acme(), at(9_000)).unwrap();
    let found = || CannedResponse::ok(&json!({"Item": dynamodb_json(&tombstone)}));
    let replay = Replay::new([found(), found(), CannedResponse::ok(&json!({}))]);
    let table = replay.table(16);
    assert_eq!(table.tenant(&acme().id).await.unwrap(), None);
    assert_eq!(table.deleted_at(&acme().id).await.unwrap(), Some(at(9_000)));
    assert_eq!(table.deleted_at(&acme().id).await.unwrap(), None);
}

#[tokio::test]
async fn a_deleted_tenants_name_stays_reserved() {
    let tombstone = tombstone(&acme(), at(9_000)).unwrap();
    let replay = Replay::new([CannedResponse::condition_failed(Some(&tombstone))]);
    assert!(!replay.table(16).save_tenant(&acme()).await.unwrap());
}

async fn lease(answer: CannedResponse, ask: u64) -> (Result<QuotaOutcome, String>, Replay) {
    let replay = Replay::new([answer]);
    let now = Timestamp::from_millis(86_400_000);
    let window = Window::of(&acme(), Limit::Day, now).unwrap();
    let drawn = replay.table(16).lease_quota(&acme().id, &window, ask).await;
    (drawn.map_err(|error| chain(&error)), replay)
}

#[tokio::test]
async fn a_block_is_leased_if_available() {
    let (drawn, replay) = lease(CannedResponse::ok(&json!({"Attributes": {"drawn": {"N": "150"}}})), 50).await;
    assert_eq!(drawn, Ok(QuotaOutcome::Granted(150)));
    assert_eq!(
        replay.only().json(),
        json!({
            "TableName": "T",
            "Key": {"pk": {"S": "acme#allowance"}, "sk": {"S": "day#000000086400000"}},
            "UpdateExpression": "SET #ttl = :ttl ADD drawn :ask",
            "ConditionExpression": "attribute_not_exists(drawn) OR drawn <= :still",
            "ExpressionAttributeNames": {"#ttl": "ttl"},
            "ExpressionAttributeValues": {":ttl": {"N": "259200"}, ":ask": {"N": "50"}, ":still": {"N": "950"}},
            "ReturnValues": "UPDATED_NEW",
            "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
        })
    );
    let spent = Item::from([n("drawn", 980)]);
    let (refused, _) = lease(CannedResponse::condition_failed(Some(&spent)), 50).await;
    assert_eq!(refused, Ok(QuotaOutcome::Refused(980)));
    let (garbage, _) = lease(CannedResponse::ok(&json!({})), 50).await;
    assert_eq!(
        garbage,
        Err("drawing from a tenant's quota: attribute drawn is missing".to_owned())
    );
}

#[tokio::test]
async fn no_lease_exceeds_the_limit() {
    let window = Window::of(&acme(), Limit::Day, at(0)).unwrap();
    let drawn = Replay::expecting_none()
        .table(16)
        .lease_quota(&acme().id, &window, 1_001)
        .await;
    assert_eq!(drawn.unwrap(), QuotaOutcome::Refused(0));
}
