//! Logging: JSON, one line per invocation, with ids and never with addresses or contents.

use std::error::Error;
use std::fmt::Write;
use std::time::Instant;

use domain::delivery::breaker::OpenBreaker;
use tracing::Subscriber;
use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::layer::{Layer, SubscriberExt};
use tracing_subscriber::util::SubscriberInitExt;

/// Starts logging to the standard output, where Lambda collects it: this project's messages, and warnings of
/// others.
pub fn start() {
    subscriber(std::io::stdout).init();
}

/// The subscriber that writes log lines as JSON.
fn subscriber<W>(writer: W) -> impl Subscriber + Send + Sync
where
    W: for<'w> MakeWriter<'w> + Send + Sync + 'static,
{
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
        .without_time()
        .with_writer(writer);
    tracing_subscriber::registry().with(lines.with_filter(wanted))
}

/// Logs that the breaker has opened. The template's metric filters match these words.
pub fn sending_stops(open: &OpenBreaker) {
    tracing::warn!(target: "mailqueue", cause = open.cause.as_str(), until = %open.until, "sending stops");
}

/// Returns the milliseconds since `began`, for the field `duration_ms`.
#[must_use]
pub fn elapsed_ms(began: Instant) -> u64 {
    u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX)
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
    use std::io;
    use std::sync::{Arc, Mutex};

    use domain::delivery::cause::Cause;
    use domain::timestamp::Timestamp;
    use serde_json::Value;

    use super::*;

    /// A writer into shared memory.
    #[derive(Clone, Default)]
    struct Buffer(Arc<Mutex<Vec<u8>>>);

    impl io::Write for Buffer {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    /// The lines that an action logs.
    fn log_lines(action: impl FnOnce()) -> Vec<Value> {
        let buffer = Buffer::default();
        let writer = buffer.clone();
        tracing::subscriber::with_default(subscriber(move || writer.clone()), action);
        let text = String::from_utf8(buffer.0.lock().unwrap().clone()).unwrap();
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    /// The parts of a pattern between an operator, outside parentheses.
    fn split<'a>(pattern: &'a str, operator: &str) -> Vec<&'a str> {
        let (mut parts, mut start, mut depth) = (Vec::new(), 0, 0);
        for (at, c) in pattern.char_indices() {
            depth += i32::from(c == '(') - i32::from(c == ')');
            if depth == 0 && pattern[at..].starts_with(operator) {
                parts.push(&pattern[start..at]);
                start = at + operator.len();
            }
        }
        parts.push(&pattern[start..]);
        parts
    }

    /// Whether a line matches a filter pattern of comparisons, `&&`, `||` and parentheses.
    ///
    /// Source: Amazon CloudWatch Logs User Guide, "Filter pattern syntax for metric filters".
    fn matches(pattern: &str, line: &Value) -> bool {
        let (any, all) = (split(pattern, "||"), split(pattern, "&&"));
        if any.len() > 1 {
            return any.into_iter().any(|part| matches(part, line));
        }
        if all.len() > 1 {
            return all.into_iter().all(|part| matches(part, line));
        }
        let pattern = pattern.trim();
        if let Some(inner) = pattern.strip_prefix('(').and_then(|rest| rest.strip_suffix(')')) {
            return matches(inner, line);
        }
        let (field, value) = pattern.split_once(" = ").unwrap();
        line[field.strip_prefix("$.").unwrap()] == value.trim_matches('"')
    }

    /// A filter without a matching line would keep its alarm silent.
    #[test]
    fn each_log_filter_matches_a_written_line() {
        let template = include_str!("../../../../template.yaml");
        let filters: Vec<_> = template
            .lines()
            .filter_map(|line| line.trim().strip_prefix("FilterPattern: '{ "))
            .map(|rest| rest.strip_suffix(" }'").unwrap())
            .collect();
        assert_eq!(filters.len(), template.matches("FilterPattern").count());
        assert!(!filters.is_empty());
        let stops = |cause| {
            let open = OpenBreaker {
                cause,
                until: Timestamp::from_millis(0),
                times: 1,
            };
            log_lines(|| sending_stops(&open)).remove(0)
        };
        for filter in filters {
            assert!(matches(filter, &stops(Cause::QuotaExceeded)), "{filter}");
            assert!(matches(filter, &stops(Cause::AccountPaused)), "{filter}");
            assert!(!matches(filter, &stops(Cause::Throttled)), "{filter}");
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
