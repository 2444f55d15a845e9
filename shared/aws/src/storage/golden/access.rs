//! Tenants, their used quotas, API keys, temporary tokens, and the idempotency keys of batches.

use std::time::Duration;

use domain::delivery::batch::{BatchId, BatchRecord, BatchStart};
use domain::id::{EmailId, EmailKey, KeyId, TenantId};
use domain::ports::Batches;
use domain::ports::access::{Keys, QuotaOutcome, Quotas, Tenants};
use domain::ports::temporary::{ConsoleCodes, Previews};
use domain::tenant::Tenant;
use domain::tenant::console_code::ConsoleCode;
use domain::tenant::key::{Actor, ApiKey, Permission};
use domain::tenant::quota::{Limit, Window};
use domain::tenant::sender::FromDomain;
use domain::tenant::temporary::Preview;
use domain::tenant::token::{SECRET_BYTES, Token};
use serde_json::json;

use super::{Golden, written_items};
use crate::runtime::replay::{CannedResponse, Replay};
use crate::storage::records::samples::at;

fn acme() -> Tenant {
    Tenant {
        id: TenantId::parse("acme").unwrap(),
        created_at: at(1_000),
        ..Tenant::main()
    }
}

fn limited() -> Tenant {
    Tenant {
        from_domains: ["acme.example", "*.acme.example"]
            .map(|domain| FromDomain::parse(domain).unwrap())
            .to_vec(),
        daily_cap: Some(1_000),
        rate: Some(3),
        suspended: true,
        version: 2,
        ..acme()
    }
}

#[tokio::test]
async fn tenants_are_read_and_written() {
    let mut golden = Golden::of("tenant");
    let everything = Tenant {
        suspended_at: Some(at(5_000)),
        ..limited()
    };
    for (name, tenant, old) in [("plain", acme(), acme()), ("everything", everything.clone(), limited())] {
        let stored = written_items(async |replay| {
            assert!(replay.table(16).save_tenant(&tenant).await.unwrap());
        });
        golden.check(name, &stored.await.only());
        let load = async |replay: Replay| {
            let table = replay.table(16);
            let loaded = table.tenant(&tenant.id).await.unwrap().unwrap();
            assert_eq!(table.tenants().await.unwrap(), std::slice::from_ref(&loaded));
            loaded
        };
        assert_eq!(load(golden.today(name)).await, tenant, "{name}");
        assert_eq!(load(golden.old(name)).await, old, "{name}");
    }
    let stored = written_items(async |replay| {
        assert!(replay.table(16).delete_tenant(&everything, at(90_000)).await.unwrap());
    });
    golden.check("deleted", &stored.await.only());
    let table = golden.today("deleted").table(16);
    assert_eq!(table.tenant(&everything.id).await.unwrap(), None);
    assert_eq!(table.deleted_at(&everything.id).await.unwrap(), Some(at(90_000)));
    golden.assert_complete();
}

#[tokio::test]
async fn quotas_are_read_and_written() {
    let mut golden = Golden::of("allowance");
    for (name, limit) in [("day", Limit::Day), ("rate", Limit::Rate)] {
        let window = Window::of(&limited(), limit, at(86_400_000 + 12_345)).unwrap();
        let stored = written_items(async |replay| {
            let drawn = replay.table(16).lease_quota(&acme().id, &window, 5).await;
            assert_eq!(drawn.unwrap(), QuotaOutcome::Granted(5));
        });
        golden.check(name, &stored.await.only());
        for replay in [golden.today(name), golden.old(name)] {
            assert_eq!(replay.table(16).leased_quota(&acme().id, &window).await.unwrap(), 5);
        }
    }
    golden.assert_complete();
}

#[tokio::test]
async fn api_keys_are_read_and_written() {
    let mut golden = Golden::of("api_key");
    let id = KeyId::of(EmailId::from_random([1; 16]));
    let plain = ApiKey {
        id,
        tenant: TenantId::main(),
        name: "shop".to_owned(),
        sha256: [7; 32],
        permission: Permission::FullAccess,
        from_domains: Vec::new(),
        created_at: at(1_000),
        created_by: Actor::Deployer,
        expires_at: None,
        revoked: None,
        last_used_at: None,
    };
    let narrow = ApiKey {
        permission: Permission::SendingAccess,
        from_domains: vec![FromDomain::parse("*.example.com").unwrap(), FromDomain::Any],
        created_by: Actor::Key(id),
        expires_at: Some(at(9_000)),
        ..plain.clone()
    };
    let used = ApiKey {
        last_used_at: Some(at(3_600_000)),
        ..narrow.clone()
    };
    let revoked = ApiKey {
        revoked: Some((at(4_000_000), Actor::Deployer)),
        ..used.clone()
    };
    for (name, added, key) in [
        ("plain", &plain, &plain),
        ("everything", &narrow, &used),
        ("revoked", &narrow, &revoked),
    ] {
        let stored = written_items(async |replay| {
            let table = replay.table(16);
            table.add_key(added).await.unwrap();
            if let Some(hour) = key.last_used_at {
                table.record_use(id, hour).await.unwrap();
            }
            if let Some((now, by)) = key.revoked {
                assert!(table.revoke(None, id, by, now).await.unwrap());
            }
        });
        golden.check(name, &stored.await.only());
        for replay in [golden.today(name), golden.old(name)] {
            assert!(replay.table(16).key(id).await.unwrap().as_ref() == Some(key), "{name}");
        }
    }
    golden.assert_complete();
}

#[tokio::test]
async fn previews_are_read_and_written() {
    let mut golden = Golden::of("preview");
    let preview = Preview {
        email: EmailKey {
            tenant: acme().id,
            id: EmailId::from_random([1; 16]),
        },
        expires_at: at(61_000),
    };
    let stored = written_items(async |replay| replay.table(16).add_preview([7; 32], &preview).await.unwrap());
    golden.check("plain", &stored.await.only());
    let read = golden.today("plain").table(16).preview([7; 32], at(1_000)).await;
    assert_eq!(read.unwrap(), Some(preview));
    golden.assert_complete();
}

#[tokio::test]
async fn codes_and_keys_of_the_console_are_read_and_written() {
    let mut golden = Golden::of("console_code");
    let id = KeyId::of(EmailId::from_random([1; 16]));
    let code = ConsoleCode {
        tenant: acme().id,
        asked_by: Actor::Key(id),
        expires_at: at(61_000),
    };
    let stored = written_items(async |replay| replay.table(16).add_code([7; 32], &code).await.unwrap());
    golden.check("plain", &stored.await.only());
    let item = golden.today["plain"].clone();
    let table = Replay::by(move |_| CannedResponse::ok(&json!({"Attributes": item}))).table(16);
    assert_eq!(
        table.use_code([7; 32], id, at(1_000)).await.unwrap(),
        Some(code.clone())
    );
    golden.assert_complete();

    let mut golden = Golden::of("console_key");
    let asking = ApiKey {
        id,
        tenant: acme().id,
        name: "shop".to_owned(),
        sha256: [7; 32],
        permission: Permission::ReadAccess,
        from_domains: Vec::new(),
        created_at: at(0),
        created_by: Actor::Deployer,
        expires_at: None,
        revoked: None,
        last_used_at: None,
    };
    let own = KeyId::of(EmailId::from_random([2; 16]));
    let key = code.key(Some(&asking), own, &Token::new(own, [9; SECRET_BYTES]), at(1_000));
    let key = key.unwrap();
    let stored = written_items(async |replay| replay.table(16).add_console_key(&key).await.unwrap());
    golden.check("plain", &stored.await.only());
    assert_eq!(golden.today("plain").table(16).key(own).await.unwrap(), Some(key));
    golden.assert_complete();
}

#[tokio::test]
async fn batches_are_read_and_written() {
    let mut golden = Golden::of("batch");
    let id = BatchId::of("order-1042");
    let record = BatchRecord {
        hash: "ab".repeat(32),
        errors: serde_json::from_str(r#"[{"index":3,"message":"to: is no address"}]"#).unwrap(),
        begun: Some(BatchStart {
            at: at(1_999),
            retention: Duration::from_secs(60),
            in_ids: false,
        }),
    };
    let in_ids = BatchRecord {
        begun: record.begun.map(|begun| BatchStart { in_ids: true, ..begun }),
        ..record.clone()
    };
    let tenant = TenantId::main();
    let recall = async |replay: Replay| replay.table(16).recall(&tenant, &id, at(2_000)).await.unwrap();
    for (name, record) in [("one_refused", &record), ("start_in_ids", &in_ids)] {
        let stored = written_items(async |replay| {
            let remembered = replay
                .table(16)
                .remember(&tenant, &id, record, at(9_000), at(1_999))
                .await;
            assert_eq!(remembered.unwrap(), *record);
        });
        golden.check(name, &stored.await.only());
        assert_eq!(recall(golden.today(name)).await.as_ref(), Some(record));
    }
    let old = BatchRecord { begun: None, ..record };
    assert_eq!(recall(golden.old("one_refused")).await, Some(old));
    golden.assert_complete();
}
