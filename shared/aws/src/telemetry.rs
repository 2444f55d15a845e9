//! What a function logs: JSON, one line per invocation, ids and never addresses or contents.

use std::error::Error;
use std::fmt::Write;

use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::layer::{Layer, SubscriberExt};
use tracing_subscriber::util::SubscriberInitExt;

/// Starts logging to the standard output, from where Lambda takes it: what this project says,
/// and what others warn of.
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
        // CloudWatch has the time of every line.
        .without_time();
    tracing_subscriber::registry().with(lines.with_filter(wanted)).init();
}

/// An error and everything that caused it, in one line.
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

    #[derive(Debug, thiserror::Error)]
    #[error("the outer thing")]
    struct Outer(#[source] std::num::ParseIntError);

    #[test]
    fn the_whole_chain_is_told_once() {
        let cause = || "x".parse::<u8>().unwrap_err();
        assert_eq!(chain(&Outer(cause())), "the outer thing: invalid digit found in string");
        // Its words are those of its cause, as with many errors that only wrap one.
        assert_eq!(
            chain(&std::io::Error::other(Outer(cause()))),
            "the outer thing: invalid digit found in string"
        );
    }
}
