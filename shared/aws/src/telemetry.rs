//! Logging: JSON, one line per invocation, with ids and never with addresses or contents.

use std::error::Error;
use std::fmt::Write;

use domain::account_rate::OpenBreaker;
use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::layer::{Layer, SubscriberExt};
use tracing_subscriber::util::SubscriberInitExt;

/// Starts logging to the standard output, where Lambda collects it: this project's messages, and warnings of
/// others.
pub fn start() {
    let wanted = Targets::new()
        .with_default(LevelFilter::WARN)
        .with_target("mailqueue", LevelFilter::INFO);
    let lines = tracing_subscriber::fmt::layer()
        .json()
        .flatten_event(true)
        .with_target(false)
        .with_current_span(false)
        .with_span_list(false)
        // CloudWatch adds the time of every line.
        .without_time();
    tracing_subscriber::registry().with(lines.with_filter(wanted)).init();
}

/// Logs that the breaker has opened. The template's metric filters match these words.
pub fn sending_stops(open: &OpenBreaker) {
    tracing::warn!(target: "mailqueue", cause = open.cause.as_str(), until = %open.until, "sending stops");
}

/// Returns an error and its chain of causes, in one line.
#[must_use]
pub fn chain(error: &(dyn Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        // Some errors repeat their cause: once is enough.
        let cause_text = cause.to_string();
        if !text.ends_with(&cause_text) {
            // Writing into a string cannot fail.
            write!(text, ": {cause_text}").ok();
        }
        next = cause.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    /// With other words the alarm would never fire.
    #[test]
    fn the_template_knows_the_words_by_which_sending_stops() {
        let code = include_str!("telemetry.rs");
        let (_, behind) = code.split_once("pub fn sending_stops").unwrap();
        let words = behind.split('"').find(|text| text.contains("stops")).unwrap();
        let pattern = format!(r#"$.message = "{words}" && ($.cause = "quota_exceeded" || $.cause = "account_paused")"#);
        let template = include_str!("../../../template.yaml");
        assert_eq!(template.matches(&pattern).count(), 2);
        for cause in [domain::cause::Cause::QuotaExceeded, domain::cause::Cause::AccountPaused] {
            assert!(pattern.contains(cause.as_str()), "{cause:?}");
        }
    }

    #[derive(Debug, thiserror::Error)]
    #[error("the outer thing")]
    struct Outer(#[source] std::num::ParseIntError);

    #[test]
    fn the_chain_names_each_cause_once() {
        let cause = || "x".parse::<u8>().unwrap_err();
        assert_eq!(chain(&Outer(cause())), "the outer thing: invalid digit found in string");
        // Its message is that of its cause, as in many wrapping errors.
        assert_eq!(
            chain(&std::io::Error::other(Outer(cause()))),
            "the outer thing: invalid digit found in string"
        );
    }
}
