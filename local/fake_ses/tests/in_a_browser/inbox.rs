//! The inbox shows every message of the corpus, and none does any harm.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::browser::{Browser, Signs, Tab, reached};
use crate::canary::Canary;
use crate::fake::Fake;
use crate::hostile::{self, Hostile};

/// The time that each message has; on an unprotected page the corpus does its harm within it.
const CHANCE: Duration = Duration::from_millis(40);

/// The limit of every wait; longer than any step here takes, even on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);

/// A reader's actions in the page: opening a row, finding the frame, visiting the tabs.
const READER: &str = r"
    window.loaded = 0;
    document.addEventListener('load', () => { loaded += 1; }, true);
    window.open_row = (id) => {
        loaded = 0;
        const row = document.querySelector(`.row[data-id='${id}']`);
        row.click();
        return row.querySelector('.subject').textContent;
    };
    window.middle_of_frame = () => {
        const { x, y, width, height } = document.querySelector('iframe').getBoundingClientRect();
        return [x + width / 2, y + height / 2].map(Math.floor);
    };
    window.through_tabs = () => {
        let filled = true;
        for (const button of [...document.querySelectorAll('.tabs button')].reverse()) {
            button.click();
            filled &&= document.querySelector('.panel').children.length === 1;
        }
        const strangers = document.querySelectorAll('#message, #list').length - 2
            + document.querySelectorAll('img, svg, style, [onerror], [onload]').length;
        const [title, id] = [document.title, location.hash.slice(1)];
        return { title, id, filled, scripts: document.scripts.length, strangers };
    };
";

/// An accepted message.
struct Accepted {
    message: Hostile,
    id: String,
    /// The subject that the page must show.
    subject: String,
    submission: Value,
}

async fn submit(fake: &Fake, port: u16) -> Vec<Accepted> {
    let mut all = Vec::new();
    for message in hostile::all() {
        let submission = message.submission(port);
        all.push(Accepted {
            id: fake.send(&submission).await,
            subject: with_hidden_shown(&message.subject(port)),
            message,
            submission,
        });
    }
    all
}

/// The page shows hidden and direction-changing characters by their numbers.
fn with_hidden_shown(text: &str) -> String {
    text.chars()
        .map(|character| match character {
            '\u{0}'..='\u{8}' | '\u{a}'..='\u{1f}' | '\u{7f}'..='\u{9f}' | '\u{202a}'..='\u{202e}' => {
                format!("\u{27e8}U+{:04X}\u{27e9}", u32::from(character))
            }
            other => other.to_string(),
        })
        .collect()
}

#[tokio::test]
async fn no_message_runs_a_script_or_fetches() {
    let Some(mut browser) = crate::browser("inbox").await else {
        return;
    };
    let canary = Canary::start().await;
    let fake = Fake::start().await;
    let all = submit(&fake, canary.address.port()).await;
    assert!(all.len() >= 100, "{} messages", all.len());

    let tab = open_inbox(&mut browser, &fake, all.len()).await;
    for accepted in &all {
        read(&mut browser, &tab, accepted, &format!("Inbox ({})", all.len())).await;
    }

    let inbox = format!("http://{}/", fake.address);
    for accepted in all.iter().filter(|accepted| accepted.message.has_hostile_html()) {
        read_alone(&mut browser, &tab, accepted, &inbox).await;
    }
    browser.wait(Duration::from_secs(1)).await;
    assert_eq!(browser.take_signs(), Signs::default());
    let record = browser.end().await;
    assert!(record.contains(&inbox), "the network log is empty");
    let reaching: Vec<&str> = all
        .iter()
        .filter(|accepted| !accepted.message.is_link())
        .map(|accepted| accepted.message.name)
        .filter(|name| reached(&record, name))
        .collect();
    assert!(
        reaching.is_empty(),
        "these messages contacted their hosts: {reaching:?}"
    );
    let heads: Vec<String> = canary.heads().into_iter().filter(|head| !head.is_empty()).collect();
    assert_eq!(heads, Vec::<String>::new());
    assert_eq!(fake.kept().await, all.len());
}

/// Opens a tab with the inbox and waits until it lists all messages.
pub(crate) async fn open_inbox(browser: &mut Browser, fake: &Fake, messages: usize) -> Tab {
    let tab = browser.open().await;
    browser.go(&tab, &format!("http://{}/", fake.address)).await;
    browser
        .until(&tab, "document.querySelectorAll('.row').length", &json!(messages))
        .await;
    browser.value(&tab, READER).await;
    tab
}

/// Opens a message from the list, and waits until its HTML has loaded.
pub(crate) async fn open_message(browser: &mut Browser, tab: &Tab, id: &str, subject: &str) {
    let listed = browser.value(tab, &format!("open_row('{id}')")).await;
    assert_eq!(listed, subject, "the subject in the list");
    let shown = "document.querySelector('#message h2')?.textContent";
    browser.until(tab, shown, &json!(subject)).await;
    let loaded = "loaded > 0 || !document.querySelector('iframe')";
    browser.until(tab, loaded, &json!(true)).await;
}

/// Clicks into the middle of the open message's HTML.
pub(crate) async fn click_message(browser: &mut Browser, tab: &Tab) {
    let place = browser.value(tab, "middle_of_frame()").await;
    let (x, y) = (place[0].as_u64().unwrap(), place[1].as_u64().unwrap());
    click(browser, tab, x, y).await;
}

/// Opens a message from the list, visits each of its tabs, and downloads each of its files.
async fn read(browser: &mut Browser, tab: &Tab, accepted: &Accepted, title: &str) {
    let name = accepted.message.name;
    open_message(browser, tab, &accepted.id, &accepted.subject).await;
    browser.wait(CHANCE).await;
    if accepted.message.is_clicked() {
        click_message(browser, tab).await;
    }
    let page = browser.value(tab, "through_tabs()").await;
    let expected = json!({"title": title, "id": accepted.id, "filled": true, "scripts": 1, "strangers": 0});
    assert_eq!(page, expected, "{name}");
    assert_eq!(browser.take_signs(), Signs::default(), "{name}");
    take_files(browser, tab, accepted).await;
}

/// Clicks until the click arrives: a page ignores clicks before its first paint.
async fn click(browser: &mut Browser, tab: &Tab, x: u64, y: u64) {
    let nothing_has_the_focus = "document.activeElement === document.body";
    browser.value(tab, "document.activeElement?.blur()").await;
    let end = Instant::now() + PATIENCE;
    while browser.value(tab, nothing_has_the_focus).await == json!(true) {
        assert!(Instant::now() < end, "no click arrives: {}", browser.address(tab).await);
        browser.click(tab, x, y).await;
        browser.wait(CHANCE).await;
    }
}

/// A file is saved under its own name, as far as the disk allows it, and never shown.
async fn take_files(browser: &mut Browser, tab: &Tab, accepted: &Accepted) {
    let name = accepted.message.name;
    let links = browser
        .value(tab, "document.querySelectorAll('.files a').length")
        .await
        .as_u64()
        .unwrap();
    let submitted = accepted.submission["Content"]["Simple"]["Attachments"]
        .as_array()
        .map_or(0, Vec::len);
    assert!(links >= u64::try_from(submitted).unwrap(), "{name} has {links} files");
    for number in 0..links {
        let click = format!("document.querySelectorAll('.files a')[{number}].click()");
        browser.value(tab, &click).await;
        browser.wait_for(|signs| !signs.downloads.is_empty()).await;
        let signs = browser.take_signs();
        let [file] = signs.downloads.as_slice() else {
            panic!("{name}: file {number}: {signs:?}");
        };
        let bad = |character| matches!(character, '/' | '\\' | '"' | '<' | '>' | '\u{202e}' | '\0'..='\u{1f}');
        assert!(!file.contains(bad) && !file.starts_with('.'), "{name}: {file:?}");
        assert_eq!((signs.scripts.len(), signs.popups.len()), (0, 0), "{name}: {signs:?}");
    }
}

/// Opens a message's HTML without the frame.
async fn read_alone(browser: &mut Browser, tab: &Tab, accepted: &Accepted, inbox: &str) {
    let url = format!("{inbox}messages/{}/html", accepted.id);
    browser.go(tab, &url).await;
    browser.wait(CHANCE).await;
    // A link may open another site in its own tab: the click asks for that.
    if accepted.message.is_clicked() && !accepted.message.is_link() {
        click(browser, tab, 100, 100).await;
    }
    assert_eq!(browser.address(tab).await, url, "{}", accepted.message.name);
    assert_eq!(browser.take_signs(), Signs::default(), "{}", accepted.message.name);
}
