//! Settings of a deployment, read from the environment once and validated before anything runs.
//!
//! **Role:** [`read`] builds a function's `Settings` from the parts that it needs.
//! **Invariant:** one error lists every missing or malformed key, and no key has a fallback: a misconfigured
//! deployment does not start.
//!
//! ```
//! use aws::runtime::settings::{self, PriorityQueueSettings, TableSettings};
//! struct Settings { table: TableSettings, priority_queues: PriorityQueueSettings }
//! let problems = settings::read(&Default::default(), |read| {
//!     // First read every part, then check: so that the error lists all missing keys.
//!     let (table, priority_queues) = (read.table(), read.priority_queues());
//!     Some(Settings { table: table?, priority_queues: priority_queues? })
//! });
//! assert!(problems.is_err_and(|error| error.to_string().contains("MAILQUEUE_LANE_LOW_URL is missing")));
//! ```

use std::collections::HashMap;
use std::fmt;
use std::time::Duration;

use domain::delivery::policy::{Policy, Turn};
use domain::delivery::retry::RetryPolicy;
use domain::reporting::cost::{Prices, Usd};
use domain::tenant::token;

/// Names and values of an environment.
pub type Environment = HashMap<String, String>;

/// All problems of the environment.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub struct SettingsError {
    /// One sentence per key, in the order of reading. Values are not repeated.
    pub problems: Vec<String>,
}

impl fmt::Display for SettingsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "invalid settings: {}", self.problems.join("; "))
    }
}

/// Region, endpoints and credentials, as Lambda provides them.
#[derive(Clone, PartialEq, Eq)]
pub struct AwsSettings {
    /// Region.
    pub region: String,
    /// The function's credentials, constant for the lifetime of an environment.
    pub access_key_id: String,
    /// Secret of the credentials.
    pub secret_access_key: String,
    /// Session token; long-lived credentials have none.
    pub session_token: Option<String>,
    /// Endpoint that replaces all of AWS.
    pub endpoint: Option<String>,
    /// Endpoint that replaces SES.
    pub ses_endpoint: Option<String>,
}

impl fmt::Debug for AwsSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AwsSettings")
            .field("region", &self.region)
            .finish_non_exhaustive()
    }
}

/// Settings of the table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TableSettings {
    /// Name of the table.
    pub table: String,
    /// Number of partitions of each kind in the indexes.
    pub shards: u16,
    /// Retention of finished records.
    pub retention: Duration,
}

/// Settings of the bucket for large contents.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BucketSettings {
    /// Name of the bucket.
    pub bucket: String,
}

/// URLs of the priority queues.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PriorityQueueSettings {
    /// High priority.
    pub high: String,
    /// Normal priority.
    pub normal: String,
    /// Low priority.
    pub low: String,
}

/// Settings of SES.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SesSettings {
    /// Configuration set, without which no event returns.
    pub configuration_set: String,
    /// Timeout of one call for a small email.
    pub attempt_timeout: Duration,
}

/// Hash of the deployer's key.
#[derive(Clone, PartialEq, Eq)]
pub struct KeySettings {
    /// SHA-256 of the key.
    pub sha256: [u8; 32],
}

impl KeySettings {
    /// Hashes a key.
    #[must_use]
    pub fn of(key: &str) -> Self {
        let sha256 = token::hash(key.as_bytes());
        Self { sha256 }
    }
}

impl fmt::Debug for KeySettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("KeySettings")
    }
}

/// Reads parts of the environment and collects the problems.
#[derive(Debug)]
pub struct Reader<'a> {
    environment: &'a Environment,
    problems: Vec<String>,
}

/// Reads the process's environment. A value that is not Unicode counts as missing.
#[must_use]
pub fn of_process() -> Environment {
    std::env::vars_os()
        .filter_map(|(key, value)| Some((key.into_string().ok()?, value.into_string().ok()?)))
        .collect()
}

/// Builds settings from an environment.
///
/// # Errors
/// Everything that `make` found missing or malformed, together.
pub fn read<T>(environment: &Environment, make: impl FnOnce(&mut Reader<'_>) -> Option<T>) -> Result<T, SettingsError> {
    let mut reader = Reader {
        environment,
        problems: Vec::new(),
    };
    let made = make(&mut reader);
    match made {
        Some(settings) if reader.problems.is_empty() => Ok(settings),
        Some(_) | None => Err(SettingsError {
            problems: reader.problems,
        }),
    }
}

impl Reader<'_> {
    /// AWS: `AWS_REGION`, `AWS_ACCESS_KEY_ID`, `AWS_SECRET_ACCESS_KEY`; optionally `AWS_SESSION_TOKEN`,
    /// `AWS_ENDPOINT_URL`, `AWS_ENDPOINT_URL_SESV2`.
    pub fn aws(&mut self) -> Option<AwsSettings> {
        let region = self.text("AWS_REGION");
        let access_key_id = self.text("AWS_ACCESS_KEY_ID");
        let secret_access_key = self.text("AWS_SECRET_ACCESS_KEY");
        Some(AwsSettings {
            region: region?,
            access_key_id: access_key_id?,
            secret_access_key: secret_access_key?,
            session_token: self.given("AWS_SESSION_TOKEN"),
            endpoint: self.given("AWS_ENDPOINT_URL"),
            ses_endpoint: self.given("AWS_ENDPOINT_URL_SESV2"),
        })
    }

    /// The table: `MAILQUEUE_TABLE`, `MAILQUEUE_INDEX_SHARDS`, `MAILQUEUE_RETENTION_DAYS`.
    pub fn table(&mut self) -> Option<TableSettings> {
        let table = self.text("MAILQUEUE_TABLE");
        let shards = self.number("MAILQUEUE_INDEX_SHARDS", 1, 99);
        let retention = self.days("MAILQUEUE_RETENTION_DAYS");
        Some(TableSettings {
            table: table?,
            shards: u16::try_from(shards?).ok()?,
            retention: retention?,
        })
    }

    /// The bucket: `MAILQUEUE_BUCKET`.
    pub fn bucket(&mut self) -> Option<BucketSettings> {
        let bucket = self.text("MAILQUEUE_BUCKET")?;
        Some(BucketSettings { bucket })
    }

    /// The priority queues: `MAILQUEUE_LANE_HIGH_URL`, `..._NORMAL_URL`, `..._LOW_URL`.
    pub fn priority_queues(&mut self) -> Option<PriorityQueueSettings> {
        let high = self.url("MAILQUEUE_LANE_HIGH_URL");
        let normal = self.url("MAILQUEUE_LANE_NORMAL_URL");
        let low = self.url("MAILQUEUE_LANE_LOW_URL");
        Some(PriorityQueueSettings {
            high: high?,
            normal: normal?,
            low: low?,
        })
    }

    /// The dead-letter queue: `MAILQUEUE_DEAD_LETTER_URL`.
    pub fn dead_letter_url(&mut self) -> Option<String> {
        self.url("MAILQUEUE_DEAD_LETTER_URL")
    }

    /// The queue of SES's events: `MAILQUEUE_FEEDBACK_URL`.
    pub fn feedback_url(&mut self) -> Option<String> {
        self.url("MAILQUEUE_FEEDBACK_URL")
    }

    /// SES: `MAILQUEUE_CONFIGURATION_SET`, `MAILQUEUE_ATTEMPT_TIMEOUT_MS`.
    pub fn ses(&mut self) -> Option<SesSettings> {
        let configuration_set = self.text("MAILQUEUE_CONFIGURATION_SET");
        let attempt_timeout = self.number("MAILQUEUE_ATTEMPT_TIMEOUT_MS", 100, 900_000);
        Some(SesSettings {
            configuration_set: configuration_set?,
            attempt_timeout: Duration::from_millis(attempt_timeout?),
        })
    }

    /// Hash of the deployer's key: `MAILQUEUE_API_KEY_SHA256`, 64 hex digits.
    pub fn key(&mut self) -> Option<KeySettings> {
        const NAME: &str = "MAILQUEUE_API_KEY_SHA256";
        let text = self.text(NAME)?;
        let sha256 = hex32(&text);
        if sha256.is_none() {
            self.problems.push(format!("{NAME} must be 64 hex digits"));
        }
        Some(KeySettings { sha256: sha256? })
    }

    /// Guard interval, the longest silence of an enqueued email: `MAILQUEUE_GUARD_SECONDS`.
    pub fn guard(&mut self) -> Option<Duration> {
        self.seconds("MAILQUEUE_GUARD_SECONDS")
    }

    /// Time after its due time that an email may still be sent: `MAILQUEUE_EXPIRES_DAYS`.
    pub fn expires(&mut self) -> Option<Duration> {
        self.days("MAILQUEUE_EXPIRES_DAYS")
    }

    /// Prices of SES: `MAILQUEUE_SES_USD_PER_1000_RECIPIENTS`, `MAILQUEUE_SES_USD_PER_ATTACHMENT_GB`.
    pub fn prices(&mut self) -> Option<Prices> {
        let thousand_recipients = self.usd("MAILQUEUE_SES_USD_PER_1000_RECIPIENTS");
        let attachment_gigabyte = self.usd("MAILQUEUE_SES_USD_PER_ATTACHMENT_GB");
        Some(Prices {
            thousand_recipients: thousand_recipients?,
            attachment_gigabyte: attachment_gigabyte?,
        })
    }

    /// Whether a release also removes an address from SES's list after a complaint:
    /// `MAILQUEUE_RELEASE_COMPLAINTS`, `true` or `false`.
    pub fn releases_complaints(&mut self) -> Option<bool> {
        const NAME: &str = "MAILQUEUE_RELEASE_COMPLAINTS";
        let given = self.text(NAME)?.parse().ok();
        if given.is_none() {
            self.problems.push(format!("{NAME} must be true or false"));
        }
        given
    }

    /// The timings: `MAILQUEUE_GUARD_SECONDS`, `..._LEASE_SECONDS`,
    /// `..._EVIDENCE_WINDOW_SECONDS`, `..._RETRY_WAIT_SECONDS`.
    ///
    /// The retry wait is the first one; the others keep the standard proportions, so that a local stack runs
    /// through the whole schedule quickly.
    pub fn policy(&mut self) -> Option<Policy> {
        let guard = self.guard();
        let lease = self.seconds("MAILQUEUE_LEASE_SECONDS");
        let evidence_window = self.seconds("MAILQUEUE_EVIDENCE_WINDOW_SECONDS");
        let first_wait = self.seconds("MAILQUEUE_RETRY_WAIT_SECONDS");
        Some(Policy {
            guard: guard?,
            lease: lease?,
            evidence_window: evidence_window?,
            retry: RetryPolicy::beginning_with(first_wait?),
            turn: Turn::Free,
        })
    }

    fn given(&self, name: &str) -> Option<String> {
        let value = self.environment.get(name)?.trim();
        (!value.is_empty()).then(|| value.to_owned())
    }

    fn text(&mut self, name: &str) -> Option<String> {
        let value = self.given(name);
        if value.is_none() {
            self.problems.push(format!("{name} is missing"));
        }
        value
    }

    fn url(&mut self, name: &str) -> Option<String> {
        let url = self.text(name)?;
        if url.starts_with("https://") || url.starts_with("http://") {
            return Some(url);
        }
        self.problems.push(format!("{name} must be a URL"));
        None
    }

    fn number(&mut self, name: &str, min: u64, max: u64) -> Option<u64> {
        let text = self.text(name)?;
        let number = text.parse::<u64>().ok().filter(|number| (min..=max).contains(number));
        if number.is_none() {
            self.problems
                .push(format!("{name} must be a whole number from {min} to {max}"));
        }
        number
    }

    fn usd(&mut self, name: &str) -> Option<Usd> {
        let text = self.text(name)?;
        let usd = Usd::parse(&text);
        if usd.is_none() {
            self.problems.push(format!("{name} must be dollars, such as 0.10"));
        }
        usd
    }

    fn seconds(&mut self, name: &str) -> Option<Duration> {
        self.number(name, 1, 30 * 86_400).map(Duration::from_secs)
    }

    fn days(&mut self, name: &str) -> Option<Duration> {
        self.number(name, 1, 36_500)
            .map(|days| Duration::from_secs(days.saturating_mul(86_400)))
    }
}

/// Reads 64 hex digits.
fn hex32(text: &str) -> Option<[u8; 32]> {
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

#[cfg(test)]
mod tests {
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
            ("MAILQUEUE_SES_USD_PER_1000_RECIPIENTS", "10 cents"),
            ("MAILQUEUE_SES_USD_PER_ATTACHMENT_GB", "0.12"),
        ]);
        let error = read(&environment, |read| {
            let (table, priority_queues, key, prices) =
                (read.table(), read.priority_queues(), read.key(), read.prices());
            Some((table?, priority_queues?, key?, prices?))
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
                "MAILQUEUE_SES_USD_PER_1000_RECIPIENTS must be dollars, such as 0.10",
            ]
        );
        assert!(!error.to_string().contains("secret"));
    }

    /// A key that the template does not set stops every function that reads it.
    #[test]
    fn the_template_sets_every_key() {
        let error = read(&Environment::new(), |read| {
            let (table, bucket, priority_queues, ses, key) = (
                read.table(),
                read.bucket(),
                read.priority_queues(),
                read.ses(),
                read.key(),
            );
            let (dead_letters, feedback, expires, policy, prices) = (
                read.dead_letter_url(),
                read.feedback_url(),
                read.expires(),
                read.policy(),
                read.prices(),
            );
            Some((
                table?,
                bucket?,
                priority_queues?,
                ses?,
                key?,
                dead_letters?,
                feedback?,
                expires?,
                policy?,
                prices?,
            ))
        });
        let template = include_str!("../../../../template.yaml");
        let problems = error.unwrap_err().problems;
        assert_eq!(problems.len(), 19);
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
    fn the_hash_is_read_in_either_case() {
        let environment = environment(&[("MAILQUEUE_API_KEY_SHA256", &"aF".repeat(32))]);
        assert_eq!(read(&environment, |read| read.key()).unwrap().sha256, [0xaf; 32]);
        assert_eq!(hex32(&"a".repeat(63)), None);
        assert_eq!(hex32(&"a".repeat(66)), None);
    }
}
