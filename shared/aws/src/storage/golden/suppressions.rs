//! Suppressed addresses, addresses on SES's list, and hash prefixes.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, Ordering};

use domain::delivery::suppression::{Listed, Origin, Suppression, SuppressionFilter};
use domain::id::{EmailId, TenantId};
use domain::message::address::EmailAddress;
use domain::ports::Suppressions;
use serde_json::json;

use super::items::GoldenTable;
use super::{Golden, written_items};
use crate::runtime::replay::{CannedResponse, Replay};
use crate::storage::records::samples::at;

fn manual() -> Suppression {
    let ann = EmailAddress::parse("Ann@example.com").unwrap();
    Suppression::manual(TenantId::main(), &ann, at(5_000))
}

fn caused(origin: Origin) -> Suppression {
    Suppression {
        origin,
        source: Some(EmailId::from_random([0; 16])),
        ..manual()
    }
}

#[tokio::test]
async fn suppressions_are_read_and_written() {
    let mut golden = Golden::of("suppression");
    let (tenant, id, bounce) = (TenantId::main(), manual().id(), caused(Origin::Bounce));
    let again = Suppression {
        created_at: at(7_000),
        ..bounce.clone()
    };
    let ends = Suppression {
        until: Some(at(9_000)),
        ..caused(Origin::Complaint)
    };
    // The written suppressions, with a release before the second one and after the first.
    for (name, first, released, second, is_old) in [
        ("manual", &manual(), false, None, true),
        ("bounce", &bounce, false, None, true),
        ("complaint", &caused(Origin::Complaint), false, None, true),
        ("ends", &ends, false, None, false),
        ("released", &bounce, true, None, true),
        ("again", &bounce, true, Some(&again), true),
    ] {
        let stored = written_items(async |replay| {
            let table = replay.table(16);
            table.suppress(first, false).await.unwrap();
            if released {
                assert!(table.release(&tenant, id, false, at(6_000)).await.unwrap());
            }
            if let Some(second) = second {
                table.suppress(second, false).await.unwrap();
            }
        });
        golden.check(name, &stored.await.of("suppression"));
        let expected = match (released, second) {
            (true, None) => Vec::new(),
            (_, second) => vec![second.unwrap_or(first).clone()],
        };
        let load = async |replay: Replay| replay.table(16).suppressions(&tenant, &[id], at(8_000)).await;
        assert_eq!(load(golden.today(name)).await.unwrap(), expected, "{name}");
        if is_old {
            assert_eq!(load(golden.old(name)).await.unwrap(), expected, "{name}");
        }
    }
    golden.assert_complete();
}

#[tokio::test]
async fn addresses_on_the_list_of_ses_are_read_and_written() {
    let mut golden = Golden::of("listed");
    let listed = Listed {
        tenant: TenantId::main(),
        address: EmailAddress::parse("Ann@example.com").unwrap(),
        at: at(5_000),
    };
    let stored = written_items(async |replay| {
        replay.table(16).remember_listed(&listed).await.unwrap();
    });
    golden.check("refused", &stored.await.only());
    let read = golden
        .today("refused")
        .table(16)
        .find_listed(&listed.tenant, &[listed.id()])
        .await;
    assert_eq!(read.unwrap(), [listed]);
    golden.assert_complete();
}

/// Returns the items that are written when the prefixes are full and miss the address.
async fn written_over_full_marks() -> GoldenTable {
    let refused = AtomicBool::new(false);
    let replay = Replay::by(move |request| {
        if request.operation() == "TransactWriteItems" && !refused.swap(true, Ordering::Relaxed) {
            let reasons = ["None", "ConditionalCheckFailed"].map(|code| json!({"Code": code}));
            return CannedResponse::canceled(&reasons);
        }
        CannedResponse::ok(&json!({}))
    });
    replay.table(16).suppress(&manual(), false).await.unwrap();
    GoldenTable::after(&replay.requests()[1..])
}

#[tokio::test]
async fn hash_prefixes_are_read_and_written() {
    let mut golden = Golden::of("marks");
    let tenant = TenantId::main();
    let prefix = manual().id().hash_prefix();
    let one = written_items(async |replay| {
        replay.table(16).suppress(&manual(), false).await.unwrap();
    });
    let none = written_items(async |replay| {
        let table = replay.table(16);
        table.suppress(&manual(), false).await.unwrap();
        assert!(table.release(&tenant, manual().id(), false, at(6_000)).await.unwrap());
    });
    for (name, stored, prefixes) in [
        ("one", one.await, SuppressionFilter::These(BTreeSet::from([prefix]))),
        ("none", none.await, SuppressionFilter::default()),
        ("too_many", written_over_full_marks().await, SuppressionFilter::TooMany),
    ] {
        golden.check(name, &stored.of("marks"));
        for replay in [golden.today(name), golden.old(name)] {
            assert_eq!(
                replay.table(16).suppression_filter(&tenant).await.unwrap(),
                prefixes,
                "{name}"
            );
        }
    }
    golden.assert_complete();
}
