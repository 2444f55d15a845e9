//! The environment, read in one place, once, into checked settings.
//!
//! **Invariant:** what is wrong is reported all together.

use std::path::PathBuf;
use std::str::FromStr;

use aws::settings::Environment;

use crate::Trouble;

/// Everything the run is told from outside.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Emails to post.
    pub emails: usize,
    /// Processes to kill in mid-invocation.
    pub kills: usize,
    /// What chance starts from.
    pub seed: u64,
    /// The API.
    pub api: String,
    /// Its key.
    pub key: String,
    /// The fault proxy.
    pub proxy: String,
    /// The fake SES.
    pub ses: String,
    /// The emulator of AWS itself.
    pub aws: String,
    /// The stack's name.
    pub stack: String,
    /// The table's name.
    pub table: String,
    /// Where the result goes.
    pub result: PathBuf,
    /// Where the proxy writes its calls.
    pub calls: PathBuf,
}

impl Settings {
    /// Reads them.
    ///
    /// # Errors
    /// Names everything that is missing or wrong.
    pub fn read(environment: &Environment) -> Result<Self, Trouble> {
        let mut wrong = Vec::new();
        let mut text = |name: &str| {
            environment.get(name).cloned().unwrap_or_else(|| {
                wrong.push(format!("{name} is not set"));
                String::new()
            })
        };
        let (emails, kills, seed) = (text("EMAILS"), text("KILLS"), text("SEED"));
        let (api, key, proxy) = (
            text("MAILQUEUE_URL"),
            text("MAILQUEUE_API_KEY"),
            text("FAULT_PROXY_URL"),
        );
        let (ses, aws) = (text("INBOX_URL"), text("AWS_ENDPOINT_URL"));
        let (stack, table) = (text("MAILQUEUE_STACK"), text("MAILQUEUE_TABLE"));
        let (result, calls) = (text("CHAOS_RESULT").into(), text("CHAOS_CALLS").into());
        let settings = Self {
            emails: number("EMAILS", &emails, &mut wrong),
            kills: number("KILLS", &kills, &mut wrong),
            seed: number("SEED", &seed, &mut wrong),
            api,
            key,
            proxy,
            ses,
            aws,
            stack,
            table,
            result,
            calls,
        };
        if wrong.is_empty() {
            Ok(settings)
        } else {
            Err(Trouble(format!(
                "This needs a stack of its own, run `make chaos`: {}.",
                wrong.join("; ")
            )))
        }
    }
}

fn number<T: FromStr + Default>(name: &str, text: &str, wrong: &mut Vec<String>) -> T {
    text.parse().unwrap_or_else(|_| {
        wrong.push(format!("{name} must be a whole number"));
        T::default()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everything_wrong_is_reported_together() {
        let environment = Environment::from([("EMAILS".to_owned(), "many".to_owned())]);
        let trouble = Settings::read(&environment).unwrap_err().to_string();
        for part in ["EMAILS must", "KILLS is not set", "FAULT_PROXY_URL", "MAILQUEUE_TABLE"] {
            assert!(trouble.contains(part), "{trouble}");
        }
    }
}
