//! Sending domains, their registry, and the list of lost ones in the queue `default`.

use domain::id::{DomainId, EmailId, QueueKey, QueueName, TenantId};
use domain::ports::domains::Domains;
use domain::ports::{QueueChange, Queues};
use domain::queue::job::follow_tenant;
use domain::queue::lost_verifications::LostVerifications;
use domain::queue::{Common, Queue};
use domain::tenant::domains::identity::IdentityStatus;
use domain::tenant::domains::name::DomainName;
use domain::tenant::domains::{Registry, SendingDomain, Verification};
use serde_json::Value;

use super::items::GoldenTable;
use super::{Golden, written_items};
use crate::runtime::replay::{CannedResponse, Replay};
use crate::storage::records::samples::at;

fn domain(name: &str, number: u8) -> SendingDomain {
    let id = DomainId::of(EmailId::from_random([number; 16]));
    let name = DomainName::parse(name).unwrap();
    SendingDomain::new(id, TenantId::main(), name, "send".to_owned(), at(1_000))
}

/// Returns an adopted domain that SES sends for.
fn verified() -> SendingDomain {
    SendingDomain {
        is_adopted: true,
        tokens: ["a", "b", "c"].map(str::to_owned).to_vec(),
        status: IdentityStatus::Verified,
        verification: Verification::Now,
        version: 2,
        ..domain("shop.example.com", 7)
    }
}

/// Returns the domain after its loss, without a further question to SES.
fn lost() -> SendingDomain {
    SendingDomain {
        status: IdentityStatus::Failed,
        verification: Verification::Lost,
        waits_since: at(7_000),
        next_check: None,
        version: 3,
        ..verified()
    }
}

fn lead() -> QueueKey {
    QueueKey {
        tenant: TenantId::main(),
        name: QueueName::default(),
    }
}

/// Returns the change by which the tenant's queues hold the emails of the lost domain.
fn hold() -> QueueChange {
    let common = Common {
        lost_verifications: LostVerifications::default().with(&lost(), &[]),
        ..Common::default()
    };
    let queue = Queue::plain(lead(), at(500));
    let (queue, job) = follow_tenant(&queue, &common, EmailId::from_random([9; 16]), at(7_000)).unwrap();
    QueueChange { queue, job }
}

/// Returns the items after two registrations, and after the first verification of one of the domains.
async fn registered() -> [GoldenTable; 2] {
    let (new, other) = (domain("shop.example.com", 7), domain("other.example", 8));
    let again = Registry {
        version: 1,
        ..Registry::default()
    };
    let register = async |replay: &Replay| {
        let table = replay.table(16);
        assert!(table.register_domain(&new, &Registry::default()).await.unwrap());
        assert!(table.register_domain(&other, &again).await.unwrap());
    };
    let verify = async |replay: &Replay| {
        register(replay).await;
        let saved = replay.table(16).save_domain(&new, &verified(), None).await;
        assert!(saved.unwrap());
    };
    [written_items(&register).await, written_items(verify).await]
}

#[tokio::test]
async fn domains_are_read_and_written() {
    let mut golden = Golden::of("domain");
    let [registered, first_verified] = registered().await;
    let after_loss = written_items(async |replay| {
        let saved = replay.table(16).save_domain(&verified(), &lost(), Some(&hold())).await;
        assert!(saved.unwrap());
    });
    let after_loss = after_loss.await;
    let own = "com.example.shop";
    for (name, stored, domain) in [
        ("new", &registered, domain("shop.example.com", 7)),
        ("verified", &first_verified, verified()),
        ("lost", &after_loss, lost()),
    ] {
        golden.check(name, &stored.of(own));
        let table = golden.today(name).table(16);
        assert_eq!(table.domain_named(&domain.name).await.unwrap(), Some(domain), "{name}");
    }
    let new = domain("shop.example.com", 7);
    golden.check("name", &registered.of(&format!("id#{}", new.id)));
    let read = |item: &Value| CannedResponse::ok(&serde_json::json!({"Item": item}));
    let replay = Replay::new([read(&golden.today["name"]), read(&golden.today["new"])]);
    assert_eq!(replay.table(16).domain(new.id).await.unwrap(), Some(new));
    golden.assert_complete();
}

#[tokio::test]
async fn the_registry_is_read_and_written() {
    let mut golden = Golden::of("domain_registry");
    let [registered, first_verified] = registered().await;
    for (name, stored, unverified) in [
        ("two", &registered, &["other.example", "shop.example.com"][..]),
        ("one", &first_verified, &["other.example"]),
    ] {
        golden.check(name, &stored.of("registry#"));
        let registry = golden.today(name).table(16).registry().await.unwrap();
        let expected = unverified.iter().map(|name| (*name).to_owned()).collect();
        assert_eq!((registry.version, registry.unverified), (2, expected), "{name}");
    }
    golden.assert_complete();
}

#[tokio::test]
async fn the_list_of_lost_domains_is_read_and_written() {
    let mut golden = Golden::of("lost_domains");
    let stored = written_items(async |replay| {
        let saved = replay.table(16).save_domain(&verified(), &lost(), Some(&hold())).await;
        assert!(saved.unwrap());
    });
    golden.check("queue", &stored.await.of("queue#default"));
    let queue = golden.today("queue").table(16).queue(&lead()).await.unwrap().unwrap();
    assert_eq!(queue, hold().queue);
    assert_eq!(
        queue.lost_verifications.domains().collect::<Vec<_>>(),
        ["shop.example.com"]
    );
    golden.assert_complete();
}
