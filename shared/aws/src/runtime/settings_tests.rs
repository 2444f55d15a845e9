//! Reading of settings, compared with the template.

use domain::delivery::policy::Policy;
use domain::delivery::retry::RetryPolicy;
use domain::reporting::cost::Prices;

use super::reader::hex32;
use super::*;

fn environment(pairs: &[(&str, &str)]) -> Environment {
    pairs.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect()
}

#[test]
fn all_problems_are_reported_together() {
    let environment = environment(&[
        ("MAILQUEUE_TABLE", " "),
        ("MAILQUEUE_INDEX_SHARDS", "100"),
        ("MAILQUEUE_LANE_HIGH_URL", "queue"),
        ("MAILQUEUE_LANE_NORMAL_URL", "http://127.0.0.1/q"),
        ("MAILQUEUE_API_KEY_SHA256", "secret"),
        ("MAILQUEUE_ORIGIN_SHA256", "secret,"),
        ("MAILQUEUE_SES_USD_PER_1000_RECIPIENTS", "10 cents"),
        ("MAILQUEUE_SES_USD_PER_ATTACHMENT_GB", "0.12"),
    ]);
    let error = read(&environment, |read| {
        (read.table(), read.priority_queues(), read.key(), read.prices())
    })
    .unwrap_err();
    assert_eq!(
        error.problems,
        [
            "MAILQUEUE_TABLE is missing",
            "MAILQUEUE_INDEX_SHARDS must be a whole number from 1 to 99",
            "MAILQUEUE_RETENTION_DAYS is missing",
            "MAILQUEUE_LANE_HIGH_URL must be a URL",
            "MAILQUEUE_LANE_LOW_URL is missing",
            "MAILQUEUE_API_KEY_SHA256 must be 64 hex digits",
            "MAILQUEUE_ORIGIN_SHA256 must be none, or one or two hashes of 64 hex digits",
            "MAILQUEUE_SES_USD_PER_1000_RECIPIENTS must be dollars, such as 0.10",
        ]
    );
    assert!(!error.to_string().contains("secret"));
}

/// A key that the template does not set stops every function that reads it.
#[test]
fn the_template_sets_every_key() {
    let error = read(&Environment::new(), |read| {
        let deployed = (
            read.table(),
            read.bucket(),
            read.priority_queues(),
            read.ses(),
            read.key(),
        );
        let urls = (read.dead_letter_url(), read.feedback_url(), read.hook_url());
        let webhooks = (
            read.deliver_concurrency(),
            read.webhook_targets::<String>(),
            read.webhook_key_arn(),
        );
        (deployed, urls, webhooks, read.expires(), read.policy(), read.prices())
    });
    let template = include_str!("../../../../template.yaml");
    let problems = error.unwrap_err().problems;
    assert_eq!(problems.len(), 27);
    for problem in problems {
        let key = problem.strip_suffix(" is missing").unwrap();
        assert!(template.contains(&format!(" {key}: ")), "{key}");
    }
}

#[test]
fn lambdas_variables_are_read_and_secrets_are_hidden() {
    let said = [
        ("AWS_REGION", "eu-west-1"),
        ("AWS_ACCESS_KEY_ID", "AKID"),
        ("AWS_SECRET_ACCESS_KEY", "hidden"),
        ("AWS_SESSION_TOKEN", "hidden"),
        ("AWS_ENDPOINT_URL", ""),
    ];
    let aws = read(&environment(&said), |read| read.aws()).unwrap();
    assert_eq!((aws.region.as_str(), &aws.endpoint), ("eu-west-1", &None));
    assert_eq!(aws.session_token.as_deref(), Some("hidden"));
    assert!(!format!("{aws:?}").contains("hidden"));
    let nothing = read(&Environment::new(), |read| read.aws()).unwrap_err();
    assert_eq!(nothing.problems.len(), 3, "{nothing}");
}

/// Default of a parameter of the template.
fn default_of(parameter: &str) -> &'static str {
    let template = include_str!("../../../../template.yaml");
    let (_, behind) = template.split_once(&format!("\n  {parameter}:\n")).unwrap();
    let (_, value) = behind.split_once("Default: ").unwrap();
    value.lines().next().unwrap()
}

#[test]
fn the_tls_policy_has_the_words_of_ses() {
    use domain::tenant::domains::Tls;
    for (given, expected) in [
        (default_of("TlsPolicy"), Some(Tls::Opportunistic)),
        ("REQUIRE", Some(Tls::Enforced)),
        ("require", None),
        ("", None),
    ] {
        let environment = environment(&[("MAILQUEUE_TLS_POLICY", given)]);
        assert_eq!(read(&environment, |read| read.tls()).ok(), expected, "{given}");
    }
}

#[test]
fn production_defaults_are_the_standard_policy() {
    let mut environment = environment(&[
        ("MAILQUEUE_GUARD_SECONDS", default_of("GuardSeconds")),
        ("MAILQUEUE_LEASE_SECONDS", default_of("LeaseSeconds")),
        ("MAILQUEUE_EVIDENCE_WINDOW_SECONDS", default_of("EvidenceWindowSeconds")),
        ("MAILQUEUE_RETRY_WAIT_SECONDS", default_of("RetryWaitSeconds")),
    ]);
    let policy = read(&environment, |read| read.policy()).unwrap();
    assert_eq!(policy, Policy::standard());

    environment.insert("MAILQUEUE_RETRY_WAIT_SECONDS".to_owned(), "2".to_owned());
    let policy = read(&environment, |read| read.policy()).unwrap();
    assert_eq!(policy.retry, RetryPolicy::beginning_with(Duration::from_secs(2)));
}

#[test]
fn a_restore_epoch_is_a_time_or_empty() {
    let read_with = |epoch| {
        let environment = environment(&[
            ("MAILQUEUE_GUARD_SECONDS", "900"),
            ("MAILQUEUE_LEASE_SECONDS", "180"),
            ("MAILQUEUE_EVIDENCE_WINDOW_SECONDS", "300"),
            ("MAILQUEUE_RETRY_WAIT_SECONDS", "60"),
            ("MAILQUEUE_RESTORE_EPOCH", epoch),
        ]);
        read(&environment, |read| read.policy()).map(|policy| policy.restore_epoch)
    };
    assert_eq!(read_with(""), Ok(None));
    assert_eq!(
        read_with("1970-01-01T00:00:05Z"),
        Ok(Some(domain::timestamp::Timestamp::from_millis(5_000)))
    );
    let problem = "MAILQUEUE_RESTORE_EPOCH must be a time, such as 2026-11-24T09:30:00Z";
    assert_eq!(read_with("yesterday").unwrap_err().problems, [problem]);
    let template = include_str!("../../../../template.yaml");
    let variable = "MAILQUEUE_RESTORE_EPOCH: !Ref RestoreEpoch";
    assert_eq!(template.matches(variable).count(), 3, "send, promote and manage");
}

#[test]
fn default_prices_are_the_standard_ones() {
    let environment = environment(&[
        (
            "MAILQUEUE_SES_USD_PER_1000_RECIPIENTS",
            default_of("SesUsdPer1000Recipients").trim_matches('"'),
        ),
        (
            "MAILQUEUE_SES_USD_PER_ATTACHMENT_GB",
            default_of("SesUsdPerAttachmentGb").trim_matches('"'),
        ),
    ]);
    assert_eq!(read(&environment, |read| read.prices()), Ok(Prices::standard()));
}

#[test]
fn ses_tenants_have_a_prefix_or_are_off() {
    for (given, expected) in [
        ("none", Ok(None)),
        ("mail-*", Ok(Some("mail-".to_owned()))),
        ("none*", Ok(Some("none".to_owned()))),
        ("mail-", Err("MAILQUEUE_SES_TENANTS must be none, or a prefix and *")),
    ] {
        let environment = environment(&[
            ("MAILQUEUE_CONFIGURATION_SET", "events"),
            ("MAILQUEUE_TRACKED_CONFIGURATION_SET", "events-tracked"),
            ("MAILQUEUE_TRACK_BY_DEFAULT", "false"),
            ("MAILQUEUE_ATTEMPT_TIMEOUT_MS", "1000"),
            ("MAILQUEUE_SES_TENANTS", given),
        ]);
        let read = read(&environment, |read| read.ses().tenant_prefix);
        assert_eq!(
            read.map_err(|error| error.problems),
            expected.map_err(|problem| vec![problem.to_owned()])
        );
    }
}

#[test]
fn secrets_of_webhooks_have_a_key_or_none() {
    let arn = "arn:aws:kms:us-east-1:123456789012:key/1";
    let problem = "MAILQUEUE_WEBHOOK_KEY_ARN must be none, or the ARN of a key";
    for (given, expected) in [
        ("none", Ok(None)),
        (arn, Ok(Some(arn.to_owned()))),
        ("alias/webhooks", Err(vec![problem.to_owned()])),
    ] {
        let environment = environment(&[("MAILQUEUE_WEBHOOK_KEY_ARN", given)]);
        let read = read(&environment, |read| read.webhook_key_arn());
        assert_eq!(read.map_err(|error| error.problems), expected);
    }
}

#[test]
fn the_hash_is_read_in_either_case() {
    let (key, other) = ("aF".repeat(32), "0b".repeat(32));
    for (origins, expected) in [
        ("none".to_owned(), vec![]),
        (other.clone(), vec![[0x0b; 32]]),
        (format!("{key},{other}"), vec![[0xaf; 32], [0x0b; 32]]),
    ] {
        let environment = environment(&[
            ("MAILQUEUE_API_KEY_SHA256", &key),
            ("MAILQUEUE_ORIGIN_SHA256", &origins),
        ]);
        let read = read(&environment, |read| read.key()).unwrap();
        assert_eq!((read.sha256, read.origins), ([0xaf; 32], expected));
    }
    assert_eq!(hex32(&"a".repeat(63)), None);
    assert_eq!(hex32(&"a".repeat(66)), None);
}
