//! The settings, read and checked once from the environment.
//!
//! **Invariant:** all faults are reported together, as sentences.

use std::path::PathBuf;

use thiserror::Error;

/// The settings of the proxy.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The port on 127.0.0.1; 0 takes any free one.
    pub port: u16,
    /// AWS's address, without a trailing slash.
    pub aws: String,
    /// SES's address, without a trailing slash.
    pub ses: String,
    /// The seed of the faults' randomness; absent: a new seed at every start.
    pub seed: Option<u64>,
    /// The log file, with one line of JSON for each call; absent: no log.
    pub log: Option<PathBuf>,
}

/// The list of faults in the environment.
#[derive(Debug, Error, PartialEq, Eq)]
#[error("The fault proxy cannot start: {}.", .0.join("; "))]
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
        let port = lookup("FAULT_PROXY_PORT").and_then(|text| text.parse().ok());
        if port.is_none() {
            wrong.push("FAULT_PROXY_PORT must be a number from 0 to 65535".to_owned());
        }
        let seed = lookup("FAULT_PROXY_SEED").map(|text| text.parse());
        if seed.as_ref().is_some_and(Result::is_err) {
            wrong.push("FAULT_PROXY_SEED must be a whole number".to_owned());
        }
        let mut upstream = |name: &str| {
            let url = lookup(name).filter(|url| url.starts_with("http://"));
            if url.is_none() {
                wrong.push(format!("{name} must be a URL that starts with http://"));
            }
            url.map(|url| url.trim_end_matches('/').to_owned())
        };
        let (aws, ses) = (upstream("FAULT_PROXY_AWS_URL"), upstream("FAULT_PROXY_SES_URL"));
        match (port, aws, ses) {
            (Some(port), Some(aws), Some(ses)) if wrong.is_empty() => Ok(Self {
                port,
                aws,
                ses,
                seed: seed.and_then(Result::ok),
                log: lookup("FAULT_PROXY_LOG").map(PathBuf::from),
            }),
            _ => Err(SettingsError(wrong)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(given: &[(&str, &str)]) -> Result<Settings, SettingsError> {
        Settings::from_lookup(|name| given.iter().find(|(key, _)| *key == name).map(|(_, v)| (*v).to_owned()))
    }

    #[test]
    fn settings_are_read_without_a_trailing_slash() {
        let settings = read(&[
            ("FAULT_PROXY_PORT", "4600"),
            ("FAULT_PROXY_AWS_URL", "http://127.0.0.1:1/"),
            ("FAULT_PROXY_SES_URL", "http://127.0.0.1:2"),
            ("FAULT_PROXY_SEED", "7"),
        ])
        .unwrap();
        assert_eq!((settings.port, settings.seed), (4600, Some(7)));
        assert_eq!((settings.aws.as_str(), settings.log), ("http://127.0.0.1:1", None));
    }

    #[test]
    fn everything_wrong_is_reported_together() {
        let error = read(&[("FAULT_PROXY_SEED", "x"), ("FAULT_PROXY_SES_URL", "https://a")]);
        let error = error.unwrap_err().to_string();
        for part in ["_PORT", "_SEED", "_AWS_URL", "_SES_URL"] {
            assert!(error.contains(part), "{error}");
        }
    }
}
