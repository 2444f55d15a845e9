//! The inbox in a real browser: hostile messages run nothing there and fetch nothing from outside.
//!
//! **Role:** opens every message of a corpus as a person would, in Chromium without a window. Where
//! Chromium is missing that is said, past the test runner's capture.
//! **Start reading at** [`inbox`]; [`hostile`] is the corpus, and [`careless`] shows what it would do.

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

use std::io::Write as _;

use browser::Browser;

/// A browser, or a loud word that there is none.
async fn browser(purpose: &str) -> Option<Browser> {
    let browser = Browser::start(purpose).await;
    if browser.is_none() {
        // Past the test runner's capture: it must be seen.
        let mut seen = std::io::stderr();
        writeln!(seen, "SKIPPED: {purpose}: chromium is not installed").unwrap();
    }
    browser
}
