//! The cancellation of the emails of a key or a From domain.

use domain::delivery::record::{Due, DueKind, EmailRecord, RecordStatus};
use domain::id::TenantId;
use manage::bulk::{CHANGED_MAX, LOOKED_AT_MAX};
use memory::Fault;
use memory::samples;
use serde_json::json;

use super::{backend, call_as, cancel, email, key, plant};

#[tokio::test]
async fn emails_of_a_key_are_canceled_page_by_page() {
    let (backend, main) = (backend(), TenantId::main());
    let all = u16::try_from(CHANGED_MAX).unwrap() + 300;
    for n in 0..all {
        let record = email(&main, n, key(1));
        // One is held, the other waits for its time.
        let due = record.due.map(|due| Due {
            kind: if n % 2 == 0 { DueKind::Held } else { DueKind::Wake },
            ..due
        });
        plant(&backend, EmailRecord { due, ..record });
    }
    plant(&backend, email(&main, 9_000, key(2)));
    let (mut canceled, mut rounds, mut after) = (0, 0, None);
    loop {
        let (status, answer) = cancel(&backend, 1, after.as_deref()).await;
        assert_eq!(status, 200, "{answer}");
        let one = answer["canceled"].as_u64().unwrap();
        assert!(one <= CHANGED_MAX + 250, "{answer}");
        canceled += one;
        rounds += 1;
        assert_eq!(answer["has_more"], !answer["next"].is_null());
        match answer["next"].as_str() {
            Some(next) => after = Some(next.to_owned()),
            None => break,
        }
    }
    assert_eq!((canceled, rounds), (u64::from(all), 2));
    let of = |status| {
        backend
            .state()
            .records
            .values()
            .filter(|record| record.status == status)
            .count()
    };
    assert_eq!(
        (of(RecordStatus::Canceled), of(RecordStatus::Queued)),
        (usize::from(all), 1),
        "the email of another key stays"
    );
    let (_, again) = cancel(&backend, 1, None).await;
    assert_eq!((&again["canceled"], &again["left"]), (&json!(0), &json!(0)));
}

#[tokio::test]
async fn emails_of_a_lost_domain_are_listed_and_canceled() {
    let (backend, main) = (backend(), TenantId::main());
    let emails = [
        (1, 1, Some("bad.example")),
        (2, 2, Some("bad.example")),
        (3, 1, Some("sub.bad.example")),
        (4, 1, Some("good.example")),
        (5, 1, None),
    ];
    for (n, with, from) in emails {
        let from_domain = from.map(str::to_owned);
        plant(
            &backend,
            EmailRecord {
                from_domain,
                ..email(&main, n, key(with))
            },
        );
    }
    let of_deployer = async |method: &str, query: &str| {
        let path = match method {
            "GET" => format!("/emails?{query}"),
            _ => format!("/emails/cancel?{query}"),
        };
        call_as(&backend, samples::DEPLOYER_KEY, (method, &path), Some("main")).await
    };
    for (query, expected) in [
        ("from_domain=bad.example".to_owned(), 2),
        ("from_domain=*.bad.example".to_owned(), 1),
        ("from_domain=*".to_owned(), 4),
        ("from_domain=other.example".to_owned(), 0),
        (format!("from_domain=bad.example&key={}", key(2)), 1),
    ] {
        let (status, answer) = of_deployer("GET", &query).await;
        let shown = answer["data"].as_array().map(Vec::len);
        assert_eq!((status, shown), (200, Some(expected)), "{query}: {answer}");
    }
    for (query, canceled) in [
        (format!("from_domain=bad.example&key={}", key(2)), 1),
        ("from_domain=bad.example".to_owned(), 1),
        ("from_domain=*.bad.example".to_owned(), 1),
    ] {
        let (status, answer) = of_deployer("POST", &query).await;
        assert_eq!(
            (status, &answer["canceled"]),
            (200, &json!(canceled)),
            "{query}: {answer}"
        );
    }
    let left: Vec<_> = backend
        .state()
        .records
        .values()
        .filter(|record| record.status == RecordStatus::Queued)
        .map(|record| record.from_domain.clone())
        .collect();
    assert_eq!(left, [Some("good.example".to_owned()), None]);
}

#[tokio::test]
async fn a_cancellation_reads_a_bounded_number() {
    let (backend, main) = (backend(), TenantId::main());
    let all = u16::try_from(LOOKED_AT_MAX).unwrap() + 10;
    for n in 0..all {
        plant(&backend, email(&main, n, key(2)));
    }
    let (_, answer) = cancel(&backend, 1, None).await;
    assert_eq!((&answer["canceled"], &answer["has_more"]), (&json!(0), &json!(true)));
    let (_, answer) = cancel(&backend, 1, answer["next"].as_str()).await;
    assert_eq!(answer["has_more"], false);
}

#[tokio::test]
async fn an_email_being_sent_is_not_canceled() {
    let (backend, main) = (backend(), TenantId::main());
    for (n, status, maybe_duplicate) in [
        (1, RecordStatus::Sending, false),
        (2, RecordStatus::Uncertain, false),
        (3, RecordStatus::Queued, true),
        (4, RecordStatus::Sent, false),
        (5, RecordStatus::Queued, false),
    ] {
        plant(
            &backend,
            EmailRecord {
                status,
                maybe_duplicate,
                ..email(&main, n, key(1))
            },
        );
    }
    let (status, answer) = cancel(&backend, 1, None).await;
    assert_eq!(
        (status, &answer["canceled"], &answer["left"]),
        (200, &json!(1), &json!(3)),
        "{answer}"
    );
}

#[tokio::test]
async fn a_failed_cancellation_is_repeated() {
    for fault in [Fault::Before, Fault::After] {
        let (backend, main) = (backend(), TenantId::main());
        for n in 0..3 {
            plant(&backend, email(&main, n, key(1)));
        }
        backend.state().faults_of.insert("write", [fault].into());
        let (status, answer) = cancel(&backend, 1, None).await;
        assert_eq!(status, 200, "{fault:?}");
        assert_eq!(
            (&answer["canceled"], &answer["failed"]),
            (&json!(2), &json!(1)),
            "{fault:?}: one failure stops no other email"
        );
        let (_, answer) = cancel(&backend, 1, None).await;
        assert_eq!(answer["failed"], 0, "{fault:?}");
        let state = backend.state();
        assert!(
            state
                .records
                .values()
                .all(|record| record.status == RecordStatus::Canceled),
            "{fault:?}"
        );
    }
}
