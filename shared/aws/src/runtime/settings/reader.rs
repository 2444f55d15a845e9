//! Reads single settings.
//!
//! **Invariant:** a missing or malformed value becomes a problem and a placeholder. [`super::read`] returns no
//! settings while there is a problem, so that no placeholder leaves it.

use std::fmt::Display;
use std::net::SocketAddr;
use std::ops::RangeInclusive;
use std::str::FromStr;
use std::time::Duration;

use domain::delivery::policy::{Policy, Turn};
use domain::delivery::retry::RetryPolicy;
use domain::reporting::cost::{Prices, Usd};
use domain::tenant::domains::Tls;
use domain::timestamp::Timestamp;

use super::{
    AwsSettings, BucketSettings, Environment, IdentitySettings, KeySettings, PriorityQueueSettings, SesSettings,
    TableSettings,
};

/// Reads parts of the environment and collects the problems.
#[derive(Debug)]
pub struct Reader<'a> {
    environment: &'a Environment,
    problems: Vec<String>,
}

impl Reader<'_> {
    /// AWS: `AWS_REGION`, `AWS_ACCESS_KEY_ID`, `AWS_SECRET_ACCESS_KEY`; optionally `AWS_SESSION_TOKEN`,
    /// `AWS_ENDPOINT_URL`, `AWS_ENDPOINT_URL_SESV2`.
    pub fn aws(&mut self) -> AwsSettings {
        AwsSettings {
            region: self.region(),
            access_key_id: self.text("AWS_ACCESS_KEY_ID"),
            secret_access_key: self.text("AWS_SECRET_ACCESS_KEY"),
            session_token: self.optional("AWS_SESSION_TOKEN"),
            endpoint: self.optional("AWS_ENDPOINT_URL"),
            ses_endpoint: self.optional("AWS_ENDPOINT_URL_SESV2"),
        }
    }

    /// The region: `AWS_REGION`, which Lambda provides.
    pub fn region(&mut self) -> String {
        self.text("AWS_REGION")
    }

    /// The table: `MAILQUEUE_TABLE`, `MAILQUEUE_INDEX_SHARDS`, `MAILQUEUE_RETENTION_DAYS`.
    pub fn table(&mut self) -> TableSettings {
        TableSettings {
            table: self.text("MAILQUEUE_TABLE"),
            shards: self.number("MAILQUEUE_INDEX_SHARDS", 1..=99),
            retention: self.days("MAILQUEUE_RETENTION_DAYS"),
        }
    }

    /// The name of the table of signing secrets: `MAILQUEUE_SECRET_TABLE`.
    pub fn secret_table(&mut self) -> String {
        self.text("MAILQUEUE_SECRET_TABLE")
    }

    /// The bucket: `MAILQUEUE_BUCKET`.
    pub fn bucket(&mut self) -> BucketSettings {
        BucketSettings {
            bucket: self.text("MAILQUEUE_BUCKET"),
        }
    }

    /// The priority queues: `MAILQUEUE_LANE_HIGH_URL`, `..._NORMAL_URL`, `..._LOW_URL`.
    pub fn priority_queues(&mut self) -> PriorityQueueSettings {
        PriorityQueueSettings {
            high: self.url("MAILQUEUE_LANE_HIGH_URL"),
            normal: self.url("MAILQUEUE_LANE_NORMAL_URL"),
            low: self.url("MAILQUEUE_LANE_LOW_URL"),
        }
    }

    /// The dead-letter queue: `MAILQUEUE_DEAD_LETTER_URL`.
    pub fn dead_letter_url(&mut self) -> String {
        self.url("MAILQUEUE_DEAD_LETTER_URL")
    }

    /// The queue of SES's events: `MAILQUEUE_FEEDBACK_URL`.
    pub fn feedback_url(&mut self) -> String {
        self.url("MAILQUEUE_FEEDBACK_URL")
    }

    /// The queue of deliveries to webhooks: `MAILQUEUE_HOOK_URL`.
    pub fn hook_url(&mut self) -> String {
        self.url("MAILQUEUE_HOOK_URL")
    }

    /// Concurrent executions of `deliver`: `MAILQUEUE_DELIVER_CONCURRENCY`.
    pub fn deliver_concurrency(&mut self) -> usize {
        self.number("MAILQUEUE_DELIVER_CONCURRENCY", 2..=1000)
    }

    /// The URLs that webhooks may have: `MAILQUEUE_WEBHOOK_TARGETS`, `public` or `any`. The policy is that of the crate
    /// for outgoing calls, which this crate does not use.
    pub fn webhook_targets<T: FromStr + Default>(&mut self) -> T {
        let targets = self.parse("MAILQUEUE_WEBHOOK_TARGETS", "public or any", |text| text.parse().ok());
        targets.unwrap_or_default()
    }

    /// The KMS key of the signing secrets of webhooks: `MAILQUEUE_WEBHOOK_KEY_ARN`, an ARN or `none`.
    pub fn webhook_key_arn(&mut self) -> Option<String> {
        let key = self.parse(
            "MAILQUEUE_WEBHOOK_KEY_ARN",
            "none, or the ARN of a key",
            |text| match text {
                "none" => Some(None),
                arn => arn.starts_with("arn:").then(|| Some(arn.to_owned())),
            },
        );
        key.flatten()
    }

    /// The part of SES's rate that this deployment uses: `MAILQUEUE_SES_RATE_SHARE`, from 0.05 to 1.
    pub fn rate_share(&mut self) -> f64 {
        let share = self.parse("MAILQUEUE_SES_RATE_SHARE", "a number from 0.05 to 1", |text| {
            text.parse().ok().filter(|share| (0.05..=1.0).contains(share))
        });
        share.unwrap_or(1.0)
    }

    /// SES: `MAILQUEUE_CONFIGURATION_SET`, `MAILQUEUE_TRACKED_CONFIGURATION_SET`, `MAILQUEUE_TRACK_BY_DEFAULT`,
    /// `MAILQUEUE_ATTEMPT_TIMEOUT_MS`. SES tenants: `MAILQUEUE_SES_TENANTS`, which is a prefix of their names and `*`,
    /// or `none`.
    pub fn ses(&mut self) -> SesSettings {
        let tenants = self.parse("MAILQUEUE_SES_TENANTS", "none, or a prefix and *", |text| match text {
            "none" => Some(None),
            names => names.strip_suffix('*').map(|prefix| Some(prefix.to_owned())),
        });
        SesSettings {
            configuration_set: self.text("MAILQUEUE_CONFIGURATION_SET"),
            tracked_configuration_set: self.text("MAILQUEUE_TRACKED_CONFIGURATION_SET"),
            tracks_by_default: self.flag("MAILQUEUE_TRACK_BY_DEFAULT"),
            tenant_prefix: tenants.flatten(),
            attempt_timeout: Duration::from_millis(self.number("MAILQUEUE_ATTEMPT_TIMEOUT_MS", 100..=900_000)),
        }
    }

    /// Identities in SES: `MAILQUEUE_STACK_NAME`, `MAILQUEUE_IDENTITY_ARN`, `MAILQUEUE_CONFIGURATION_SET`.
    pub fn identities(&mut self) -> IdentitySettings {
        IdentitySettings {
            stack: self.text("MAILQUEUE_STACK_NAME"),
            arn_prefix: self.text("MAILQUEUE_IDENTITY_ARN"),
            configuration_set: self.text("MAILQUEUE_CONFIGURATION_SET"),
        }
    }

    /// TLS of the configuration sets: `MAILQUEUE_TLS_POLICY`, `OPTIONAL` or `REQUIRE` as in SES.
    pub fn tls(&mut self) -> Tls {
        let tls = self.parse("MAILQUEUE_TLS_POLICY", "OPTIONAL or REQUIRE", |text| match text {
            "OPTIONAL" => Some(Tls::Opportunistic),
            "REQUIRE" => Some(Tls::Enforced),
            _ => None,
        });
        tls.unwrap_or_default()
    }

    /// DNS server of a local stack: `MAILQUEUE_DNS`, an address with a port. Without it the system's servers are used.
    pub fn dns_server(&mut self) -> Option<SocketAddr> {
        const NAME: &str = "MAILQUEUE_DNS";
        self.optional(NAME)?;
        self.parse(NAME, "an address with a port, such as 127.0.0.1:53", |text| {
            text.parse().ok()
        })
    }

    /// Whether emails need a From of a registered domain: `MAILQUEUE_REQUIRE_DOMAINS`, `true` or `false`.
    pub fn requires_domains(&mut self) -> bool {
        let given = self.parse("MAILQUEUE_REQUIRE_DOMAINS", "true or false", |text| text.parse().ok());
        given.unwrap_or_default()
    }

    /// Hashes of the secrets of a proxy: `MAILQUEUE_ORIGIN_SHA256`, one, two with a comma, or `none`.
    pub fn origins(&mut self) -> Vec<[u8; 32]> {
        let origins = self.parse(
            "MAILQUEUE_ORIGIN_SHA256",
            "none, or one or two hashes of 64 hex digits",
            |text| match text {
                "none" => Some(Vec::new()),
                hashes => hashes.split(',').map(hex32).collect(),
            },
        );
        origins.unwrap_or_default()
    }

    /// Hash of the deployer's key: `MAILQUEUE_API_KEY_SHA256`, 64 hex digits. With the hashes of a proxy's secrets.
    pub fn key(&mut self) -> KeySettings {
        let sha256 = self.parse("MAILQUEUE_API_KEY_SHA256", "64 hex digits", hex32);
        KeySettings {
            sha256: sha256.unwrap_or_default(),
            origins: self.origins(),
        }
    }

    /// The guard, after which `promote` checks an enqueued email that has not changed: `MAILQUEUE_GUARD_SECONDS`.
    pub fn guard(&mut self) -> Duration {
        self.seconds("MAILQUEUE_GUARD_SECONDS")
    }

    /// Time after its due time that an email may still be sent: `MAILQUEUE_EXPIRES_DAYS`.
    pub fn expires(&mut self) -> Duration {
        self.days("MAILQUEUE_EXPIRES_DAYS")
    }

    /// Prices of SES: `MAILQUEUE_SES_USD_PER_1000_RECIPIENTS`, `MAILQUEUE_SES_USD_PER_ATTACHMENT_GB`.
    pub fn prices(&mut self) -> Prices {
        Prices {
            thousand_recipients: self.usd("MAILQUEUE_SES_USD_PER_1000_RECIPIENTS"),
            attachment_gigabyte: self.usd("MAILQUEUE_SES_USD_PER_ATTACHMENT_GB"),
        }
    }

    /// Whether a release also removes an address from SES's list after a complaint:
    /// `MAILQUEUE_RELEASE_COMPLAINTS`, `true` or `false`.
    pub fn releases_complaints(&mut self) -> bool {
        self.flag("MAILQUEUE_RELEASE_COMPLAINTS")
    }

    /// The time of the last restore of the table: `MAILQUEUE_RESTORE_EPOCH`. A malformed one must not count as none.
    pub fn restore_epoch(&mut self) -> Option<Timestamp> {
        const NAME: &str = "MAILQUEUE_RESTORE_EPOCH";
        self.optional(NAME)?;
        self.parse(NAME, "a time, such as 2026-11-24T09:30:00Z", Timestamp::parse_rfc3339)
    }

    /// The timings: `MAILQUEUE_GUARD_SECONDS`, `..._LEASE_SECONDS`,
    /// `..._EVIDENCE_WINDOW_SECONDS`, `..._RETRY_WAIT_SECONDS`; optionally `..._RESTORE_EPOCH`.
    ///
    /// The setting is the first retry wait. The other waits keep their standard proportions to it, so that a local
    /// stack runs through the whole schedule quickly.
    pub fn policy(&mut self) -> Policy {
        Policy {
            guard: self.guard(),
            lease: self.seconds("MAILQUEUE_LEASE_SECONDS"),
            evidence_window: self.seconds("MAILQUEUE_EVIDENCE_WINDOW_SECONDS"),
            retry: RetryPolicy::beginning_with(self.seconds("MAILQUEUE_RETRY_WAIT_SECONDS")),
            turn: Turn::Free,
            restore_epoch: self.restore_epoch(),
        }
    }
}

impl<'a> Reader<'a> {
    pub(super) const fn new(environment: &'a Environment) -> Self {
        Self {
            environment,
            problems: Vec::new(),
        }
    }

    pub(super) fn into_problems(self) -> Vec<String> {
        self.problems
    }

    fn optional(&self, name: &str) -> Option<String> {
        let value = self.environment.get(name)?.trim();
        (!value.is_empty()).then(|| value.to_owned())
    }

    /// Reads a value of a form; `None` after a problem.
    fn parse<T>(&mut self, name: &str, form: &str, parse: impl FnOnce(&str) -> Option<T>) -> Option<T> {
        let given = self.optional(name);
        let parsed = given.as_deref().and_then(parse);
        if parsed.is_none() {
            self.problems.push(match given {
                Some(_) => format!("{name} must be {form}"),
                None => format!("{name} is missing"),
            });
        }
        parsed
    }

    fn text(&mut self, name: &str) -> String {
        let text = self.parse(name, "a text", |text| Some(text.to_owned()));
        text.unwrap_or_default()
    }

    fn flag(&mut self, name: &str) -> bool {
        self.parse(name, "true or false", |text| text.parse().ok())
            .unwrap_or_default()
    }

    fn url(&mut self, name: &str) -> String {
        let is_url = |text: &&str| text.starts_with("https://") || text.starts_with("http://");
        let url = self.parse(name, "a URL", |text| Some(text).filter(is_url).map(str::to_owned));
        url.unwrap_or_default()
    }

    fn number<T: FromStr + PartialOrd + Display + Copy>(&mut self, name: &str, range: RangeInclusive<T>) -> T {
        let form = format!("a whole number from {} to {}", range.start(), range.end());
        let number = self.parse(name, &form, |text| {
            text.parse().ok().filter(|number| range.contains(number))
        });
        number.unwrap_or(*range.start())
    }

    fn usd(&mut self, name: &str) -> Usd {
        let usd = self.parse(name, "dollars, such as 0.10", Usd::parse);
        usd.unwrap_or_default()
    }

    fn seconds(&mut self, name: &str) -> Duration {
        Duration::from_secs(self.number(name, 1..=30 * 86_400))
    }

    fn days(&mut self, name: &str) -> Duration {
        Duration::from_secs(self.number::<u64>(name, 1..=36_500).saturating_mul(86_400))
    }
}

/// Reads 64 hex digits.
pub(super) fn hex32(text: &str) -> Option<[u8; 32]> {
    let digits = text
        .chars()
        .map(|c| c.to_digit(16).and_then(|digit| u8::try_from(digit).ok()))
        .collect::<Option<Vec<u8>>>()?;
    let (pairs, []) = digits.as_chunks::<2>() else {
        return None;
    };
    let bytes: Vec<u8> = pairs.iter().map(|[high, low]| high << 4 | low).collect();
    bytes.try_into().ok()
}
