//! The settings, read and checked once from the environment.
//!
//! **Invariant:** all faults are reported together, as sentences.

use aws_sdk_sns::config::Credentials;
use thiserror::Error;

/// The inbox's port unless `INBOX_PORT` sets another.
const DEFAULT_PORT: u16 = 8025;

/// The settings of the fake SES.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The port on 127.0.0.1; 0 takes any free one.
    pub port: u16,
    /// The region that SES's own sentences name.
    pub region: String,
    /// The seed of the faults' dice; absent: a new seed at every start.
    pub seed: Option<u64>,
    /// The destination of events; absent: none are published.
    pub events: Option<EventSettings>,
}

/// The destination of SES's events.
#[derive(Debug, Clone)]
pub struct EventSettings {
    /// The SNS topic; it may be created after the start.
    pub topic_arn: String,
    /// The endpoint of the emulator that has the topic. Without it the events would go to Amazon.
    pub endpoint: String,
    /// The topic's region.
    pub region: String,
    /// The publisher's credentials.
    pub credentials: Credentials,
}

/// The list of faults in the environment.
#[derive(Debug, Error, PartialEq, Eq)]
#[error("The fake SES cannot start: {}.", .0.join("; "))]
pub struct SettingsError(Vec<String>);

impl Settings {
    /// Reads the process's environment.
    ///
    /// # Errors
    /// [`SettingsError`] names every setting that is missing or wrong.
    #[expect(clippy::disallowed_methods, reason = "this is the settings module")]
    pub fn from_env() -> Result<Self, SettingsError> {
        Self::from_lookup(|name| std::env::var(name).ok().filter(|value| !value.is_empty()))
    }

    /// Reads settings from any source of names and values.
    ///
    /// # Errors
    /// [`SettingsError`] names every setting that is missing or wrong.
    pub fn from_lookup(lookup: impl Fn(&str) -> Option<String>) -> Result<Self, SettingsError> {
        let mut wrong = Vec::new();
        let port = match lookup("INBOX_PORT").map(|text| text.parse::<u16>()) {
            None => DEFAULT_PORT,
            Some(Ok(port)) => port,
            Some(Err(_)) => {
                wrong.push("INBOX_PORT must be a number from 0 to 65535".to_owned());
                DEFAULT_PORT
            }
        };
        let seed = match lookup("FAKE_SES_SEED").map(|text| text.parse::<u64>()) {
            None => None,
            Some(Ok(seed)) => Some(seed),
            Some(Err(_)) => {
                wrong.push("FAKE_SES_SEED must be a whole number".to_owned());
                None
            }
        };
        let events = lookup("FAKE_SES_TOPIC_ARN").map(|topic_arn| {
            if !topic_arn.starts_with("arn:") || topic_arn.split(':').count() != 6 {
                wrong.push("FAKE_SES_TOPIC_ARN must be the ARN of an SNS topic".to_owned());
            }
            let mut needed = |name: &str| {
                lookup(name).unwrap_or_else(|| {
                    wrong.push(format!("FAKE_SES_TOPIC_ARN needs {name}, which is not set"));
                    String::new()
                })
            };
            EventSettings {
                topic_arn,
                endpoint: needed("AWS_ENDPOINT_URL"),
                region: needed("AWS_REGION"),
                credentials: Credentials::new(
                    needed("AWS_ACCESS_KEY_ID"),
                    needed("AWS_SECRET_ACCESS_KEY"),
                    lookup("AWS_SESSION_TOKEN"),
                    None,
                    "settings",
                ),
            }
        });
        if !wrong.is_empty() {
            return Err(SettingsError(wrong));
        }
        let region = lookup("AWS_REGION").unwrap_or_else(|| "us-east-1".to_owned());
        Ok(Self {
            port,
            region,
            seed,
            events,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_empty_environment_is_enough() {
        let settings = Settings::from_lookup(|_| None).unwrap();
        assert_eq!(settings.port, 8025);
        assert!(settings.events.is_none());
    }

    #[test]
    fn everything_wrong_is_reported_together() {
        let error = Settings::from_lookup(|name| match name {
            "INBOX_PORT" => Some("many".to_owned()),
            "FAKE_SES_TOPIC_ARN" => Some("arn:aws:sns:us-east-1:000000000000:events".to_owned()),
            "AWS_REGION" => Some("us-east-1".to_owned()),
            _ => None,
        })
        .unwrap_err()
        .to_string();
        for part in [
            "INBOX_PORT",
            "AWS_ENDPOINT_URL",
            "AWS_ACCESS_KEY_ID",
            "AWS_SECRET_ACCESS_KEY",
        ] {
            assert!(error.contains(part), "{error}");
        }
        assert!(!error.contains("AWS_REGION"), "{error}");
    }
}
