//! Authentication, with the records of keys and tenants in memory.

use std::sync::atomic::Ordering;

use domain::id::EmailId;
use domain::tenant::key::{Action, Actor, Permission};
use domain::tenant::sender::FromDomain;
use domain::tenant::token::{SECRET_BYTES, Token};

use super::test_records::*;
use super::*;
use crate::storage::records::samples::at;

#[tokio::test]
async fn a_key_is_missing_invalid_or_valid() {
    let (authenticator, records, token) = (authenticator(), records(Permission::FullAccess), token());
    let good = token.as_str();
    let status = async |values: &[&str]| match authenticator
        .authenticate(&with(values), Network::default(), &records, at(0))
        .await
    {
        Ok(_) => 200,
        Err(Denied::Refused(error)) => error.status(),
        Err(Denied::Port(_)) => 500,
    };
    for missing in [&[][..], &[""], &["Bearer "], &["Bearer"], &["Basic x"], &[good]] {
        assert_eq!(status(missing).await, 401, "{missing:?}");
    }
    let twice = format!("Bearer {good}");
    assert_eq!(status(&[&twice, &twice]).await, 401, "two headers");
    let long = "x".repeat(KEY_MAX + 1);
    let other_secret = Token::new(key(&TenantId::main(), Permission::FullAccess).id, [8; SECRET_BYTES]);
    for wrong in ["x", &good[1..], &good.to_uppercase(), &long, other_secret.as_str()] {
        assert_eq!(status(&[&format!("Bearer {wrong}")]).await, 403, "{wrong}");
    }
    for scheme in ["Bearer", "bearer", "BEARER  "] {
        assert_eq!(status(&[&format!("{scheme} {good} ")]).await, 200, "{scheme}");
    }
}

#[tokio::test]
async fn a_guess_costs_no_call() {
    let (authenticator, records) = (authenticator(), records(Permission::FullAccess));
    for guess in ["x", "mq_secret", &format!("{}0", token().as_str())] {
        assert_eq!(comes_in(&authenticator, &records, guess, at(0)).await, Err(403));
    }
    assert_eq!(comes_in(&authenticator, &records, DEPLOYER, at(0)).await, Ok(()));
    assert_eq!(records.reads.load(Ordering::Relaxed), 0);
}

#[tokio::test]
async fn a_key_of_resend_is_named() {
    let headers = with(&["Bearer re_123456789"]);
    let refused = authenticator()
        .authenticate(&headers, Network::default(), &EmailRecords::default(), at(0))
        .await;
    let Err(Denied::Refused(error)) = refused else {
        panic!("it is no key of ours")
    };
    assert_eq!((error.status(), error.name().as_str()), (403, "invalid_api_key"));
    assert!(
        error
            .message()
            .ends_with("this is a key of Resend; create one here with POST /api-keys.")
    );
}

/// Anybody can compute a checksum: a forged key with a correct one costs a read, and evicts no real key.
#[tokio::test]
async fn forged_keys_do_not_evict_real_ones() {
    let (authenticator, records, token) = (authenticator(), records(Permission::FullAccess), token());
    assert_eq!(comes_in(&authenticator, &records, token.as_str(), at(0)).await, Ok(()));
    for forged in 0..4_000_u64 {
        let guess = self::forged(forged);
        // Twenty in each second cost a read; the others have to wait.
        let expected = if forged % 1_000 < 20 { Err(403) } else { Err(429) };
        let now = at(i64::try_from(forged).unwrap());
        assert_eq!(
            comes_in(&authenticator, &records, guess.as_str(), now).await,
            expected,
            "{forged}"
        );
    }
    let reads = records.reads.load(Ordering::Relaxed);
    assert_eq!(reads, 1 + 4 * 20);
    // A cached key is never throttled.
    assert_eq!(
        comes_in(&authenticator, &records, token.as_str(), at(5_000)).await,
        Ok(())
    );
    assert_eq!(
        records.reads.load(Ordering::Relaxed),
        reads,
        "the real key is still remembered"
    );
    let cached = &authenticator.keys;
    assert!(cached.known.len() == 1 && cached.unknown.len() <= MOST_UNKNOWN);
}

/// Returns a key with a correct checksum that nobody created.
fn forged(number: u64) -> Token {
    let id = EmailId::from_random((u128::from(number) << 64 | 2).to_be_bytes());
    Token::new(KeyId::of(id), [9; SECRET_BYTES])
}

#[tokio::test]
async fn forged_keys_do_not_lock_out_real_ones() {
    let (authenticator, records, token) = (authenticator(), records(Permission::FullAccess), token());
    let (flood, client) = (Network::of("192.0.2.1"), Network::of("192.0.2.2"));
    let comes = async |key: &Token, network, now| {
        let headers = with(&[&format!("Bearer {}", key.as_str())]);
        let principal = authenticator.authenticate(&headers, network, &records, now).await;
        principal.map(drop).map_err(|denied| match denied {
            Denied::Refused(error) => error.status(),
            Denied::Port(_) => 500,
        })
    };
    let flooded = async |now: i64| {
        let mut last = Ok(());
        for number in 0..50 {
            last = comes(&forged(number + u64::try_from(now).unwrap()), flood, at(now)).await;
        }
        assert_eq!(last, Err(429));
    };
    // A key that the environment never saw is looked up for a client of another network.
    flooded(0).await;
    assert_eq!(comes(&token, flood, at(1)).await, Err(429));
    assert_eq!(comes(&token, client, at(2)).await, Ok(()));
    // The cached key is too old, so it is looked up again, from every network.
    flooded(60_000).await;
    assert_eq!(comes(&token, flood, at(60_001)).await, Ok(()));
    // A revoked key is no longer known, so it is throttled like any other unknown key.
    *records.key.lock().unwrap() = None;
    assert_eq!(comes(&token, client, at(120_000)).await, Err(403));
    flooded(160_000).await;
    assert_eq!(comes(&token, flood, at(160_001)).await, Err(429));
}

#[tokio::test]
async fn a_deployers_key_needs_the_right_form() {
    let records = records(Permission::FullAccess);
    // The first one has the form of an old README. Its hash is correct, but its form is not.
    for wrong in [&"0f".repeat(32), "the deployer's", "", &DEPLOYER.to_uppercase()] {
        let authenticator = Authenticator::new(KeySettings::of(wrong));
        assert!(
            comes_in(&authenticator, &records, wrong, at(0)).await.is_err(),
            "{wrong}"
        );
    }
    assert_eq!(records.reads.load(Ordering::Relaxed), 0);
}

#[tokio::test]
async fn known_and_unknown_keys_are_cached_for_30_seconds() {
    let token = token();
    for known in [true, false] {
        let (authenticator, records) = (authenticator(), records(Permission::FullAccess));
        if !known {
            *records.key.lock().unwrap() = None;
        }
        for (now, reads) in [(0, 1), (29_999, 1), (30_000, 2), (59_999, 2), (60_000, 3)] {
            assert_eq!(
                comes_in(&authenticator, &records, token.as_str(), at(now))
                    .await
                    .is_ok(),
                known
            );
            assert_eq!(records.reads.load(Ordering::Relaxed), reads, "{now}");
        }
    }
}

#[tokio::test]
async fn a_revocation_takes_effect_within_a_minute() {
    let (authenticator, records, token) = (authenticator(), records(Permission::FullAccess), token());
    assert_eq!(comes_in(&authenticator, &records, token.as_str(), at(0)).await, Ok(()));
    records.change(|key| key.revoked = Some((at(1), Actor::Deployer)));
    assert_eq!(
        comes_in(&authenticator, &records, token.as_str(), at(29_999)).await,
        Ok(())
    );
    assert_eq!(
        comes_in(&authenticator, &records, token.as_str(), at(30_000)).await,
        Err(403)
    );
    // A known expiry takes effect at once.
    records.change(|key| (key.revoked, key.expires_at) = (None, Some(at(70_000))));
    assert_eq!(
        comes_in(&authenticator, &records, token.as_str(), at(69_999)).await,
        Ok(())
    );
    assert_eq!(
        comes_in(&authenticator, &records, token.as_str(), at(70_000)).await,
        Err(403)
    );
}

#[tokio::test]
async fn the_hour_of_use_is_recorded_for_valid_keys() {
    let (hour, token) = (3_600_000, token());
    let (authenticator, records) = (authenticator(), records(Permission::FullAccess));
    assert_eq!(
        comes_in(&authenticator, &records, token.as_str(), at(2 * hour + 5)).await,
        Ok(())
    );
    assert_eq!(*records.noted.lock().unwrap(), [at(2 * hour)]);
    records.change(|key| key.last_used_at = Some(at(2 * hour)));
    assert_eq!(
        comes_in(&authenticator, &records, token.as_str(), at(2 * hour + 40_000)).await,
        Ok(())
    );
    records.change(|key| key.revoked = Some((at(0), Actor::Deployer)));
    assert_eq!(
        comes_in(&authenticator, &records, token.as_str(), at(4 * hour)).await,
        Err(403)
    );
    assert_eq!(records.noted.lock().unwrap().len(), 1);
}

#[tokio::test]
async fn the_key_decides_the_tenant() {
    let acme = Tenant {
        id: TenantId::parse("acme").unwrap(),
        from_domains: vec![FromDomain::parse("acme.example").unwrap()],
        ..Tenant::main()
    };
    let (authenticator, records, token) = (authenticator(), EmailRecords::default(), token());
    *records.key.lock().unwrap() = Some(key(&acme.id, Permission::FullAccess));
    // A key of a missing tenant.
    assert_eq!(
        comes_in(&authenticator, &records, token.as_str(), at(0)).await,
        Err(403)
    );
    *records.tenant.lock().unwrap() = Some(acme.clone());
    let principal = at_the_door(&authenticator, &records, token.as_str(), at(30_000))
        .await
        .unwrap();
    let caller = principal.to_do(Action::Manage).unwrap();
    assert_eq!((caller.tenant(), caller.limits()), (&acme.id, &acme));
    *records.tenant.lock().unwrap() = Some(Tenant {
        suspended: true,
        ..acme
    });
    assert_eq!(
        comes_in(&authenticator, &records, token.as_str(), at(60_000)).await,
        Err(403)
    );
}

#[tokio::test]
async fn an_unreadable_table_authenticates_no_key() {
    let records = EmailRecords {
        broken: true,
        ..records(Permission::FullAccess)
    };
    assert_eq!(
        comes_in(&authenticator(), &records, token().as_str(), at(0)).await,
        Err(500)
    );
}

/// A request that comes later than the lifetime of a key must know a new webhook.
#[tokio::test]
async fn the_flag_of_webhooks_is_as_old_as_the_key() {
    let (authenticator, mut records) = (authenticator(), records(Permission::FullAccess));
    let headers = with(&[&format!("Bearer {}", token().as_str())]);
    let flag = async |records: &EmailRecords, now| {
        let principal = authenticator
            .authenticate(&headers, Network::default(), records, now)
            .await;
        match principal {
            Ok(Principal::Tenant(caller)) => caller.has_webhooks(),
            Ok(_) | Err(_) => panic!("a tenant's key"),
        }
    };
    assert!(!flag(&records, at(0)).await);
    records.has_webhooks = true;
    assert!(!flag(&records, at(29_999)).await);
    assert!(flag(&records, at(30_000)).await);
}
