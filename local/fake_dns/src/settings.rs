//! The settings, read and checked once from the environment.

use local_server::settings::{Environment, SettingsError};

/// The setting of the DNS port.
pub(crate) const DNS_PORT: &str = "FAKE_DNS_PORT";

/// The setting of the control port.
pub(crate) const CONTROL_PORT: &str = "FAKE_DNS_CONTROL_PORT";

/// The settings of the fake DNS server.
#[derive(Debug, Clone, Copy)]
pub struct Settings {
    /// The port for queries on 127.0.0.1, UDP and TCP; 0 takes any free one.
    pub dns_port: u16,
    /// The port of the HTTP control on 127.0.0.1; 0 takes any free one.
    pub control_port: u16,
}

impl Settings {
    /// Reads the process's environment.
    ///
    /// # Errors
    /// [`SettingsError`] names every setting that is wrong.
    pub fn from_env() -> Result<Self, SettingsError> {
        Self::read(Environment::of_process())
    }

    /// Reads any environment.
    ///
    /// # Errors
    /// [`SettingsError`] names every setting that is wrong.
    pub fn read(mut environment: Environment<'_>) -> Result<Self, SettingsError> {
        let settings = Self {
            dns_port: environment.port(DNS_PORT, Some(0)),
            control_port: environment.port(CONTROL_PORT, Some(0)),
        };
        environment.check("fake DNS", settings)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ports_are_free_ones_unless_they_are_set() {
        let settings = Settings::read(Environment::new(|_| None)).unwrap();
        assert_eq!((settings.dns_port, settings.control_port), (0, 0));
        let error = Settings::read(Environment::new(|_| Some("x".to_owned()))).unwrap_err();
        for name in [DNS_PORT, CONTROL_PORT] {
            assert!(error.to_string().contains(name), "{error}");
        }
    }
}
