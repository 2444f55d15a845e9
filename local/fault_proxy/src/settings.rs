//! The settings, read and checked once from the environment.

use std::path::PathBuf;

use local_server::settings::{Environment, SettingsError};

/// The setting of the port.
pub(crate) const PORT: &str = "FAULT_PROXY_PORT";

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

impl Settings {
    /// Reads the process's environment.
    ///
    /// # Errors
    /// [`SettingsError`] names every setting that is missing or wrong.
    pub fn from_env() -> Result<Self, SettingsError> {
        Self::read(Environment::of_process())
    }

    /// Reads any environment.
    ///
    /// # Errors
    /// [`SettingsError`] names every setting that is missing or wrong.
    pub fn read(mut environment: Environment<'_>) -> Result<Self, SettingsError> {
        let settings = Self {
            port: environment.port(PORT, None),
            aws: upstream(&mut environment, "FAULT_PROXY_AWS_URL"),
            ses: upstream(&mut environment, "FAULT_PROXY_SES_URL"),
            seed: environment.number("FAULT_PROXY_SEED"),
            log: environment.text("FAULT_PROXY_LOG").map(PathBuf::from),
        };
        environment.check("fault proxy", settings)
    }
}

fn upstream(environment: &mut Environment<'_>, name: &str) -> String {
    let url = environment.text(name).filter(|url| url.starts_with("http://"));
    if url.is_none() {
        environment.wrong(format!("{name} must be a URL that starts with http://"));
    }
    url.unwrap_or_default().trim_end_matches('/').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(given: &[(&str, &str)]) -> Result<Settings, SettingsError> {
        let lookup = |name: &str| given.iter().find(|(key, _)| *key == name).map(|(_, v)| (*v).to_owned());
        Settings::read(Environment::new(lookup))
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
    fn all_problems_are_reported_together() {
        let error = read(&[("FAULT_PROXY_SEED", "x"), ("FAULT_PROXY_SES_URL", "https://a")]);
        let error = error.unwrap_err().to_string();
        for part in ["_PORT", "_SEED", "_AWS_URL", "_SES_URL"] {
            assert!(error.contains(part), "{error}");
        }
    }
}
