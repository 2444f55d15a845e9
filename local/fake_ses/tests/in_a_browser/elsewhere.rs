//! The inbox and other sites: a link leads away, and the opened page cannot reach back. `over_the_wire` shows that a
//! request from another site's page is refused; it sends the headers of a browser.

use serde_json::{Value, json};

use crate::canary::Canary;
use crate::fake::Fake;
use crate::inbox::{click_message, open_inbox, open_message};

fn email(html: &str) -> Value {
    json!({
        "FromEmailAddress": "ann@example.com",
        "Destination": {"ToAddresses": ["bob@example.com"]},
        "Content": {"Simple": {"Subject": {"Data": "Private"}, "Body": {"Html": {"Data": html}}}},
    })
}

#[tokio::test]
async fn a_linked_page_learns_nothing_of_the_inbox() {
    let Some(mut browser) = crate::browser("link").await else {
        return;
    };
    let canary = Canary::start().await;
    let fake = Fake::start().await;
    let url = format!("http://link.localhost:{}/", canary.address.port());
    let html = format!(r#"<a style="position:fixed;inset:0" rel=opener href={url}>a</a>"#);
    let id = fake.send(&email(&html)).await;
    let tab = open_inbox(&mut browser, &fake, 1).await;
    open_message(&mut browser, &tab, &id, "Private").await;
    click_message(&mut browser, &tab).await;
    browser.wait_for(|signs| !signs.popups.is_empty()).await;
    let opened = browser.newest();
    browser.until(&opened, "document.title", &json!("Outside")).await;
    assert_eq!(browser.value(&opened, "location.href").await, url);
    assert_eq!(
        browser.value(&opened, "[opener, document.referrer]").await,
        json!([null, ""])
    );
    let heads = canary.heads();
    let request = heads.iter().find(|head| head.starts_with("GET / ")).unwrap();
    assert!(!request.to_ascii_lowercase().contains("\nreferer:"), "{request}");
    assert_eq!(browser.value(&tab, "location.hash").await, format!("#{id}"));
    browser.end().await;
}
