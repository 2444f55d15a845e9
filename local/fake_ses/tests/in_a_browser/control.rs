//! The corpus does its documented harm on an unprotected page: the checks of the inbox can fail.

use std::time::{Duration, Instant};

use crate::browser::{Signs, reached};
use crate::canary::Canary;
use crate::careless;
use crate::hostile::{self, Harm, Hostile};

/// The time that a message has before each look. A shorter time fails: a dialog that opens while the browser
/// leaves its page would stay open.
const CHANCE: Duration = Duration::from_millis(60);

/// The limit of all looks together, even on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);

#[tokio::test]
async fn hostile_messages_do_harm_on_an_unprotected_page() {
    let Some(mut browser) = crate::browser("control").await else {
        return;
    };
    let canary = Canary::start().await;
    let corpus = hostile::all();
    let page = careless::serve(&corpus, canary.address.port()).await;
    let tab = browser.open().await;
    let mut downloads = Vec::new();
    for message in &corpus {
        browser.go(&tab, &format!("http://{page}/{}", message.name)).await;
        let before = browser.signs().downloads.len();
        let seen = |signs: &Signs| match message.harm {
            Harm::Runs => signs.ran(message.name),
            Harm::Downloads => signs.downloads.len() > before,
            Harm::Fetches => canary.was_asked_as(message.name),
            Harm::Hints | Harm::Nothing => true,
        };
        let end = Instant::now() + PATIENCE;
        loop {
            // A page ignores clicks before its first paint.
            if message.is_clicked() {
                browser.click(&tab, 100, 100).await;
            }
            browser.wait(CHANCE).await;
            if seen(browser.signs()) || Instant::now() > end {
                break;
            }
        }
        if browser.signs().downloads.len() > before {
            downloads.push(message.name);
        }
    }
    let signs = browser.take_signs();
    let record = browser.end().await;

    let does = |Hostile { name, .. }: &Hostile| {
        if signs.ran(name) {
            Harm::Runs
        } else if downloads.contains(name) {
            Harm::Downloads
        } else if canary.was_asked_as(name) {
            Harm::Fetches
        } else if reached(&record, name) {
            Harm::Hints
        } else {
            Harm::Nothing
        }
    };
    let wrong: Vec<String> = corpus
        .iter()
        .filter(|message| does(message) != message.harm)
        .map(|message| format!("{} does {:?}, not {:?}", message.name, does(message), message.harm))
        .collect();
    assert!(wrong.is_empty(), "{wrong:#?}");
}
