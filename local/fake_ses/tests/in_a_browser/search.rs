//! The tools of the inbox: the filter, the state of an email at the API, the buttons and the deletion of one message.

use serde_json::{Value, json};

use crate::browser::Signs;
use crate::fake::Fake;
use crate::inbox::{open_inbox, open_message};

/// A reader's actions in the page: typing into a field, and pressing a button.
const READER: &str = r"
    window.fill = (id, text) => {
        const field = document.getElementById(id);
        field.value = text;
        field.dispatchEvent(new Event('input', { bubbles: true }));
    };
    window.press = (label) => {
        [...document.querySelectorAll('#message button')].find((button) => button.textContent === label).click();
    };
    window.subjects = () => [...document.querySelectorAll('.row .subject')].map((subject) => subject.textContent);
";

fn email(to: &str, subject: &str) -> Value {
    json!({
        "FromEmailAddress": "shop@example.com",
        "Destination": {"ToAddresses": [to]},
        "Content": {"Simple": {"Subject": {"Data": subject}, "Body": {"Text": {"Data": "Hello"}}}},
    })
}

#[tokio::test]
async fn the_list_is_filtered_and_one_message_is_deleted() {
    let Some(mut browser) = crate::browser("search").await else {
        return;
    };
    let fake = Fake::start().await;
    let id = fake.send(&email("ann@example.com", "First")).await;
    fake.send(&email("bob@example.com", "Second")).await;
    let tab = open_inbox(&mut browser, &fake, 2).await;
    browser.value(&tab, READER).await;

    browser.value(&tab, "fill('recipient', 'ann@')").await;
    browser.until(&tab, "subjects()", &json!(["First"])).await;
    assert_eq!(browser.value(&tab, "location.search").await, "?recipient=ann%40");
    let count = "document.getElementById('count').textContent";
    assert_eq!(browser.value(&tab, count).await, "1 of 2 messages");

    open_message(&mut browser, &tab, &id, "First").await;
    browser.value(&tab, "press('Delete')").await;
    browser.until(&tab, "subjects()", &json!([])).await;
    browser.value(&tab, "fill('recipient', '')").await;
    browser.until(&tab, "subjects()", &json!(["Second"])).await;
    assert_eq!(fake.kept().await, 1);
    assert_eq!(browser.take_signs(), Signs::default());
    browser.end().await;
}

#[tokio::test]
async fn a_message_without_an_api_says_so() {
    let Some(mut browser) = crate::browser("state").await else {
        return;
    };
    let fake = Fake::start().await;
    let id = fake.send(&email("ann@example.com", "First")).await;
    let tab = open_inbox(&mut browser, &fake, 1).await;
    browser.value(&tab, READER).await;
    open_message(&mut browser, &tab, &id, "First").await;

    let said = fake.get(&format!("/messages/{id}/email")).await;
    browser.value(&tab, "press('Delivery')").await;
    let shown = "document.querySelector('.panel p')?.textContent";
    browser.until(&tab, shown, &said["message"]).await;

    // Without a topic, nothing would hear the event.
    browser.value(&tab, "press('Bounce')").await;
    let refusals = "document.querySelectorAll('.toast-bad').length";
    browser.until(&tab, refusals, &json!(1)).await;
    browser.end().await;
}
