//! The messages of log lines.
//!
//! One subscriber serves all threads. With one for each thread, tracing may remember that nobody reads a line: the
//! thread that reaches the line first decides it, and another test's thread has no subscriber.

use std::cell::RefCell;
use std::fmt::{Debug, Write};
use std::sync::Once;

use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Metadata, Subscriber};

thread_local! {
    static LINES: RefCell<Vec<String>> = const { RefCell::new(Vec::new()) };
}

static SUBSCRIBED: Once = Once::new();

/// The messages of this thread since the beginning.
#[derive(Debug)]
pub(crate) struct Logs;

impl Logs {
    /// Collects the lines of this thread from now on.
    pub(crate) fn collect() -> Self {
        SUBSCRIBED.call_once(|| tracing::subscriber::set_global_default(ByThread).unwrap());
        LINES.with_borrow_mut(Vec::clear);
        Self
    }

    /// Number of lines with this message.
    #[expect(clippy::unused_self, reason = "only who collects lines may count them")]
    pub(crate) fn count(&self, message: &str) -> usize {
        LINES.with_borrow(|lines| lines.iter().filter(|line| *line == message).count())
    }
}

struct Message(String);

impl Visit for Message {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        if field.name() == "message" {
            // Writing into a string cannot fail.
            write!(self.0, "{value:?}").ok();
        }
    }
}

/// Keeps each line for the thread that writes it.
struct ByThread;

impl Subscriber for ByThread {
    fn enabled(&self, _: &Metadata<'_>) -> bool {
        true
    }

    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn event(&self, event: &Event<'_>) {
        let mut message = Message(String::new());
        event.record(&mut message);
        LINES.with_borrow_mut(|lines| lines.push(message.0));
    }

    fn enter(&self, _: &Id) {}

    fn exit(&self, _: &Id) {}
}
