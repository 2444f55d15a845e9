//! The reader of a program's environment.
//!
//! **Invariant:** all faults are reported together, as sentences.

use std::fmt;
use std::str::FromStr;

use thiserror::Error;

/// The list of faults in an environment.
#[derive(Debug, Error, PartialEq, Eq)]
#[error("The {program} cannot start: {}.", .wrong.join("; "))]
pub struct SettingsError {
    program: &'static str,
    wrong: Vec<String>,
}

type Lookup<'a> = dyn Fn(&str) -> Option<String> + 'a;

/// The settings of a program by name, and the faults found so far. An empty setting counts as missing.
pub struct Environment<'a> {
    lookup: Box<Lookup<'a>>,
    wrong: Vec<String>,
}

impl fmt::Debug for Environment<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Environment")
            .field("wrong", &self.wrong)
            .finish_non_exhaustive()
    }
}

impl<'a> Environment<'a> {
    /// The environment of the process.
    #[must_use]
    #[expect(clippy::disallowed_methods, reason = "this is the settings module")]
    pub fn of_process() -> Self {
        Self::new(|name| std::env::var(name).ok())
    }

    /// Any source of names and values.
    pub fn new(lookup: impl Fn(&str) -> Option<String> + 'a) -> Self {
        Self {
            lookup: Box::new(lookup),
            wrong: Vec::new(),
        }
    }

    /// Reads a setting; `None` when it is missing.
    #[must_use]
    pub fn text(&self, name: &str) -> Option<String> {
        (self.lookup)(name).filter(|value| !value.is_empty())
    }

    /// Reads a port, or takes the default. Without a default the port must be set.
    pub fn port(&mut self, name: &str, default: Option<u16>) -> u16 {
        let port = self.text(name).map_or(default, |text| text.parse().ok());
        port.unwrap_or_else(|| {
            self.wrong(format!("{name} must be a number from 0 to 65535"));
            0
        })
    }

    /// Reads a whole number; `None` when it is missing.
    pub fn number<T: FromStr>(&mut self, name: &str) -> Option<T> {
        let number = self.text(name)?.parse().ok();
        if number.is_none() {
            self.wrong(format!("{name} must be a whole number"));
        }
        number
    }

    /// Adds a fault, as a sentence without its full stop.
    pub fn wrong(&mut self, sentence: String) {
        self.wrong.push(sentence);
    }

    /// Returns the settings if no fault was found.
    ///
    /// # Errors
    /// [`SettingsError`] names every setting that is missing or wrong.
    pub fn check<T>(self, program: &'static str, settings: T) -> Result<T, SettingsError> {
        let wrong = self.wrong;
        if wrong.is_empty() {
            Ok(settings)
        } else {
            Err(SettingsError { program, wrong })
        }
    }
}
