//! The settings, read and checked once from the environment.

use std::net::SocketAddr;
use std::path::PathBuf;

use aws_sdk_sns::config::Credentials;
use local_server::settings::{Environment, SettingsError};

/// The setting of the inbox's port.
pub(crate) const PORT: &str = "INBOX_PORT";

/// The inbox's port unless [`PORT`] sets another.
const DEFAULT_PORT: u16 = 8025;

/// The verified domain unless a setting names others.
const VERIFIED: &str = "example.com";

/// The settings of the fake SES.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The port on 127.0.0.1; 0 takes any free one.
    pub port: u16,
    /// The region that SES's own sentences name.
    pub region: String,
    /// The seed of the faults' dice; absent: a new seed at every start.
    pub seed: Option<u64>,
    /// The domains and addresses that are verified at the start.
    pub verified: Vec<String>,
    /// The server that knows the records of domains; absent: new domains stay unverified.
    pub dns: Option<SocketAddr>,
    /// The destination of events; absent: none are published.
    pub events: Option<EventSettings>,
    /// The API whose emails the inbox shows; absent: the inbox shows no state.
    pub api: Option<ApiSettings>,
}

/// The API whose emails arrive here.
#[derive(Debug, Clone)]
pub struct ApiSettings {
    /// The base URL, without a trailing slash.
    pub url: String,
    /// The file with an API key. It may be written after the start.
    pub key_file: PathBuf,
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
            port: environment.port(PORT, Some(DEFAULT_PORT)),
            region: environment.text("AWS_REGION").unwrap_or_else(|| "us-east-1".to_owned()),
            seed: environment.number("FAKE_SES_SEED"),
            verified: words(environment.text("FAKE_SES_VERIFIED").as_deref().unwrap_or(VERIFIED)),
            dns: address(&mut environment, "FAKE_SES_DNS"),
            events: EventSettings::read(&mut environment),
            api: ApiSettings::read(&mut environment),
        };
        environment.check("fake SES", settings)
    }
}

fn words(text: &str) -> Vec<String> {
    text.split_whitespace().map(str::to_owned).collect()
}

fn address(environment: &mut Environment<'_>, name: &str) -> Option<SocketAddr> {
    let address = environment.text(name)?.parse().ok();
    if address.is_none() {
        environment.wrong(format!("{name} must be an address such as 127.0.0.1:5353"));
    }
    address
}

impl ApiSettings {
    /// Without a key file there is no API: other programs of the stack use `MAILQUEUE_URL` too.
    fn read(environment: &mut Environment<'_>) -> Option<Self> {
        let key_file = environment.text("MAILQUEUE_API_KEY_FILE")?;
        let url = environment.text("MAILQUEUE_URL").unwrap_or_default();
        if !url.starts_with("http://") {
            environment.wrong("MAILQUEUE_API_KEY_FILE needs MAILQUEUE_URL, which begins with http://".to_owned());
        }
        Some(Self {
            url: url.trim_end_matches('/').to_owned(),
            key_file: key_file.into(),
        })
    }
}

impl EventSettings {
    fn read(environment: &mut Environment<'_>) -> Option<Self> {
        let topic_arn = environment.text("FAKE_SES_TOPIC_ARN")?;
        if !topic_arn.starts_with("arn:") || topic_arn.split(':').count() != 6 {
            environment.wrong("FAKE_SES_TOPIC_ARN must be the ARN of an SNS topic".to_owned());
        }
        let mut needed = |name: &str| {
            environment.text(name).unwrap_or_else(|| {
                environment.wrong(format!("FAKE_SES_TOPIC_ARN needs {name}, which is not set"));
                String::new()
            })
        };
        let (endpoint, region) = (needed("AWS_ENDPOINT_URL"), needed("AWS_REGION"));
        let (id, secret) = (needed("AWS_ACCESS_KEY_ID"), needed("AWS_SECRET_ACCESS_KEY"));
        Some(Self {
            topic_arn,
            endpoint,
            region,
            credentials: Credentials::new(id, secret, environment.text("AWS_SESSION_TOKEN"), None, "settings"),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_empty_environment_is_enough() {
        let settings = Settings::read(Environment::new(|_| None)).unwrap();
        assert_eq!(settings.port, 8025);
        assert_eq!(settings.verified, ["example.com"]);
        assert!(settings.events.is_none() && settings.dns.is_none() && settings.api.is_none());
    }

    #[test]
    fn the_api_needs_its_url_and_a_file() {
        let api = |url: Option<&'static str>| {
            Settings::read(Environment::new(move |name| match name {
                "MAILQUEUE_API_KEY_FILE" => Some("/run/key".to_owned()),
                "MAILQUEUE_URL" => url.map(str::to_owned),
                _ => None,
            }))
        };
        let settings = api(Some("http://127.0.0.1:8080/")).unwrap().api.unwrap();
        assert_eq!(settings.url, "http://127.0.0.1:8080");
        for wrong in [None, Some("127.0.0.1:8080"), Some("https://mail.example.com")] {
            let error = api(wrong).unwrap_err().to_string();
            assert!(error.contains("MAILQUEUE_URL"), "{error}");
        }
    }

    #[test]
    fn all_problems_are_reported_together() {
        let error = Settings::read(Environment::new(|name| match name {
            "INBOX_PORT" => Some("many".to_owned()),
            "FAKE_SES_DNS" => Some("localhost".to_owned()),
            "FAKE_SES_TOPIC_ARN" => Some("arn:aws:sns:us-east-1:000000000000:events".to_owned()),
            "AWS_REGION" => Some("us-east-1".to_owned()),
            _ => None,
        }))
        .unwrap_err()
        .to_string();
        for part in [
            "INBOX_PORT",
            "FAKE_SES_DNS",
            "AWS_ENDPOINT_URL",
            "AWS_ACCESS_KEY_ID",
            "AWS_SECRET_ACCESS_KEY",
        ] {
            assert!(error.contains(part), "{error}");
        }
        assert!(!error.contains("AWS_REGION"), "{error}");
    }
}
