//! The inbox in a real browser: hostile messages and events run no script and fetch nothing from outside.
//!
//! **Role:** opens every message of a corpus as a person would, in headless Chromium. Without Chromium the tests
//! skip, and say so on standard error past the test runner's capture.
//! **Start reading at** [`inbox`] and [`webhooks`]; [`hostile`] is the corpus, and [`careless`] shows its harm.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "the helpers beside the tests may fail a test too"
)]
#![expect(clippy::indexing_slicing, reason = "answers of the browser are looked at as JSON")]

mod browser;
mod canary;
mod careless;
mod control;
mod elsewhere;
mod fake;
mod hostile;
mod inbox;
mod search;
mod webhooks;

use std::io::Write as _;

use browser::Browser;

/// Starts a browser, or reports loudly that there is none.
async fn browser(purpose: &str) -> Option<Browser> {
    let browser = Browser::start(purpose).await;
    if browser.is_none() {
        // This bypasses the test runner's capture, so that the skip is visible.
        let mut seen = std::io::stderr();
        writeln!(seen, "SKIPPED: {purpose}: chromium is not installed").unwrap();
    }
    browser
}
