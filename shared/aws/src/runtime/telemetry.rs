//! Logging: JSON, one line per invocation, with ids and never with addresses or contents.

use std::error::Error;
use std::fmt::Write;
use std::time::Instant;

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
///
/// Each line has `timestamp` in RFC 3339 and `level`. Lambda takes a line without a valid timestamp for INFO.
///
/// Source: AWS Lambda Developer Guide, "Log-level filtering", read 2026-11-29.
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
        .with_writer(writer);
    tracing_subscriber::registry().with(lines.with_filter(wanted))
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
pub(super) mod tests {
    use std::io;
    use std::sync::{Arc, Mutex};

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
    pub(in crate::runtime) fn log_lines(action: impl FnOnce()) -> Vec<Value> {
        let buffer = Buffer::default();
        let writer = buffer.clone();
        tracing::subscriber::with_default(subscriber(move || writer.clone()), action);
        let text = String::from_utf8(buffer.0.lock().unwrap().clone()).unwrap();
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    #[test]
    fn lines_have_a_level_and_a_time_that_lambda_reads() {
        let lines = log_lines(|| {
            tracing::info!(target: "mailqueue", "fine");
            tracing::warn!("a library warns");
            tracing::info!("a library chats");
            tracing::error!(target: "mailqueue", "broken");
        });
        let levels: Vec<_> = lines.iter().map(|line| line["level"].as_str().unwrap()).collect();
        assert_eq!(levels, ["INFO", "WARN", "ERROR"]);
        for line in &lines {
            let time = line["timestamp"].as_str().unwrap();
            assert!(
                domain::timestamp::Timestamp::parse_rfc3339(time).is_some() && time.ends_with('Z'),
                "{time} is not RFC 3339"
            );
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
