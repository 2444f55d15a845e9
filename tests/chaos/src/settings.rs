//! The settings, read and checked once from the environment.
//!
//! **Invariant:** all faults are reported together.

use std::path::PathBuf;
use std::str::FromStr;

use aws::runtime::settings::Environment;

use crate::Trouble;

/// The settings of the run.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Emails to post.
    pub emails: usize,
    /// Processes to kill during an invocation.
    pub kills: usize,
    /// The seed of all randomness.
    pub seed: u64,
    /// The API key.
    pub key: String,
    /// The fault proxy's address.
    pub proxy: String,
    /// The fake SES's address.
    pub ses: String,
    /// The address of the AWS emulator.
    pub aws: String,
    /// The stack's name.
    pub stack: String,
    /// The table's name.
    pub table: String,
    /// The path of the result.
    pub result: PathBuf,
    /// The path of the proxy's log of calls.
    pub calls: PathBuf,
}

impl Settings {
    /// Reads the settings.
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
        let (key, proxy) = (text("MAILQUEUE_API_KEY"), text("FAULT_PROXY_URL"));
        let (ses, aws) = (text("INBOX_URL"), text("AWS_ENDPOINT_URL"));
        let (stack, table) = (text("MAILQUEUE_STACK"), text("MAILQUEUE_TABLE"));
        let (result, calls) = (text("CHAOS_RESULT").into(), text("CHAOS_CALLS").into());
        let settings = Self {
            emails: number("EMAILS", &emails, &mut wrong),
            kills: number("KILLS", &kills, &mut wrong),
            seed: number("SEED", &seed, &mut wrong),
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
    fn all_problems_are_reported_together() {
        let environment = Environment::from([("EMAILS".to_owned(), "many".to_owned())]);
        let trouble = Settings::read(&environment).unwrap_err().to_string();
        for part in ["EMAILS must", "KILLS is not set", "FAULT_PROXY_URL", "MAILQUEUE_TABLE"] {
            assert!(trouble.contains(part), "{trouble}");
        }
    }
}
