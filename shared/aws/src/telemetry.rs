//! What a function logs: JSON, one line per invocation, ids and never addresses or contents.

use std::error::Error;
use std::fmt::Write;

use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::format::FmtSpan;

/// Starts logging to the standard output, from where Lambda takes it. `RUST_LOG` asks for more.
pub fn start() {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("warn,mailqueue=info"));
    tracing_subscriber::fmt()
        .json()
        .flatten_event(true)
        .with_target(false)
        .with_current_span(false)
        .with_span_list(false)
        .with_span_events(FmtSpan::NONE)
        // CloudWatch has the time of every line.
        .without_time()
        .with_env_filter(filter)
        .init();
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
        let cause = "x".parse::<u8>().unwrap_err();
        assert_eq!(chain(&Outer(cause)), "the outer thing: invalid digit found in string");
    }
}
