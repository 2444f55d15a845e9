//! Settings of a deployment, read from the environment once and validated before anything runs.
//!
//! **Role:** [`from_env`] builds a function's `Settings` from the parts that it needs.
//! **Invariant:** one error lists every missing or malformed key, and no key has a fallback: a misconfigured
//! deployment does not start.
//!
//! ```
//! use aws::runtime::settings::{self, PriorityQueueSettings, TableSettings};
//! struct Settings { table: TableSettings, priority_queues: PriorityQueueSettings }
//! let problems = settings::read(&Default::default(), |read| Settings {
//!     table: read.table(),
//!     priority_queues: read.priority_queues(),
//! });
//! assert!(problems.is_err_and(|error| error.to_string().contains("MAILQUEUE_LANE_LOW_URL is missing")));
//! ```

mod reader;
#[cfg(test)]
#[path = "settings_tests.rs"]
mod tests;

use std::collections::HashMap;
use std::fmt;
use std::time::Duration;

use domain::tenant::token;

pub use self::reader::Reader;

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
    /// Configuration set whose opens and clicks SES counts.
    pub tracked_configuration_set: String,
    /// The default for an email without a choice about tracking: true counts opens and clicks.
    pub tracks_by_default: bool,
    /// Prefix of the names of SES tenants; without it emails name no SES tenant.
    pub tenant_prefix: Option<String>,
    /// Timeout of one call for a small email.
    pub attempt_timeout: Duration,
}

/// Settings of the identities in SES.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IdentitySettings {
    /// Name of the stack, which is a tag of each of its identities.
    pub stack: String,
    /// Beginning of the ARN of each identity.
    pub arn_prefix: String,
    /// Configuration set of new identities.
    pub configuration_set: String,
}

/// Hashes of the deployer's key, and of the secrets of a proxy in front of the API.
#[derive(Clone, PartialEq, Eq)]
pub struct KeySettings {
    /// SHA-256 of the key.
    pub sha256: [u8; 32],
    /// SHA-256 of each valid secret of the proxy; empty without a proxy.
    pub origins: Vec<[u8; 32]>,
}

impl KeySettings {
    /// Returns the settings for a key, without a proxy.
    #[must_use]
    pub fn of(key: &str) -> Self {
        let (sha256, origins) = (token::hash(key.as_bytes()), Vec::new());
        Self { sha256, origins }
    }
}

impl fmt::Debug for KeySettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("KeySettings")
    }
}

/// Reads the process's environment. A value that is not Unicode counts as missing.
#[must_use]
pub fn of_process() -> Environment {
    std::env::vars_os()
        .filter_map(|(key, value)| Some((key.into_string().ok()?, value.into_string().ok()?)))
        .collect()
}

/// Builds settings from the process's environment.
///
/// # Errors
/// See [`read`].
pub fn from_env<T>(make: impl FnOnce(&mut Reader<'_>) -> T) -> Result<T, SettingsError> {
    read(&of_process(), make)
}

/// Builds settings from an environment.
///
/// # Errors
/// Everything that `make` found missing or malformed, together.
pub fn read<T>(environment: &Environment, make: impl FnOnce(&mut Reader<'_>) -> T) -> Result<T, SettingsError> {
    let mut reader = Reader::new(environment);
    let settings = make(&mut reader);
    let problems = reader.into_problems();
    if problems.is_empty() {
        Ok(settings)
    } else {
        Err(SettingsError { problems })
    }
}
