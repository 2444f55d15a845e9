//! The input of `SendEmail`, derived from mostly valid requests.

use std::cell::OnceCell;

use arbitrary::Unstructured;
use aws_sdk_sesv2::Client;
use aws_sdk_sesv2::config::{BehaviorVersion, Config, Region};
use aws_sdk_sesv2::operation::send_email::SendEmailInput;
use aws_sdk_sesv2::types::Content;
use domain::delivery::record::{BodyPlace, BodyRef, EmailRecord};
use domain::id::{EmailId, TenantId};
use domain::message::email::EmailContent;
use domain::message::mailbox::Mailbox;
use domain::timestamp::Timestamp;

use crate::check::{check, check_eq, violated};
use crate::generators::records::NOW;
use crate::generators::requests;
use crate::requests::single;
use crate::{oracle, poison};

thread_local! {
    static CLIENT: OnceCell<Client> = const { OnceCell::new() };
}

/// Derives a request from the bytes, and checks the input of `SendEmail`.
pub(crate) fn run(data: &[u8]) {
    let Ok(text) = requests::email(&mut Unstructured::new(data)) else {
        return;
    };
    let Some(request) = single(text.as_bytes()) else {
        return;
    };
    poison::everywhere(&text);
    let record = record(&request.email);
    let input = CLIENT.with(|client| {
        let client = client.get_or_init(nobody);
        aws::probe::given_to_ses(client, &record, &request.email)
    });
    match input {
        Ok(input) => check_message(&input, &request.email, &record),
        Err(error) => violated!(Content, "SES's request cannot be built: {error}"),
    }
}

/// This client has no real endpoint and is never used for a call.
fn nobody() -> Client {
    let config = Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::from_static("us-east-1"));
    Client::from_conf(config.build())
}

fn record(email: &EmailContent) -> EmailRecord {
    let body = BodyRef {
        sha256: email.hash(),
        place: BodyPlace::Table,
        bytes: 1,
    };
    let born = Timestamp::from_millis(NOW);
    EmailRecord {
        claim_no: 3,
        ..EmailRecord::new(TenantId::main(), EmailId::from_random([7; 16]), body, 1, born)
    }
}

fn check_message(input: &SendEmailInput, email: &EmailContent, record: &EmailRecord) {
    addresses(input, email);
    let simple = input.content().and_then(|content| content.simple());
    let Some(message) = simple else {
        violated!(Content, "the message is not Simple, so SES does not build it");
    };
    check_eq!(Content, data(message.subject()), Some(email.subject()), "the subject");
    let body = message.body();
    check_eq!(
        Content,
        data(body.and_then(|body| body.html())),
        email.html(),
        "the HTML part"
    );
    check_eq!(
        Content,
        data(body.and_then(|body| body.text())).map(str::to_owned),
        email.text().map(str::to_owned).or(email.generated_text()),
        "the text part"
    );
    check!(Content, message.headers().len() <= 15, "more headers than SES takes");
    let mut lines = 0;
    for header in message.headers() {
        let (name, value) = (header.name(), header.value());
        check!(
            Content,
            name.bytes().all(|b| (33..=126).contains(&b) && b != b':'),
            "{name:?}"
        );
        check!(Content, value.bytes().all(|b| (32..=126).contains(&b)), "{value:?}");
        check!(
            Content,
            name.len() + ": ".len() + value.len() <= 998,
            "a line of {name}"
        );
        let is_encoded = value.contains("=?UTF-8?B?");
        check!(
            Content,
            !is_encoded || !oracle::takes_no_encoded_word(&name.to_ascii_lowercase()),
            "an encoded word in {name}"
        );
        lines += usize::from(name.eq_ignore_ascii_case("x-email-id"));
    }
    check_eq!(Truth, lines, 1, "X-Email-Id, once");
    let id = message.headers().iter().find(|header| header.name() == "X-Email-Id");
    check_eq!(
        Truth,
        id.map(|header| header.value().to_owned()),
        Some(record.id.to_string())
    );
    check_eq!(
        Content,
        message.headers().len(),
        email.headers().len() + 1,
        "every header"
    );
    tags(input, email, record);
    check_eq!(
        Truth,
        input.configuration_set_name(),
        Some("mailqueue-events"),
        "the configuration set, without which no event comes"
    );
}

fn data(content: Option<&Content>) -> Option<&str> {
    let content = content?;
    check_eq!(Content, content.charset(), Some("UTF-8"));
    check!(Content, !content.data().contains('\0'), "NUL");
    Some(content.data())
}

fn addresses(input: &SendEmailInput, email: &EmailContent) {
    let destination = input.destination();
    let empty: &[String] = &[];
    let to = destination.map_or(empty, |destination| destination.to_addresses());
    let cc = destination.map_or(empty, |destination| destination.cc_addresses());
    let bcc = destination.map_or(empty, |destination| destination.bcc_addresses());
    let from: Vec<String> = input.from_email_address().map(str::to_owned).into_iter().collect();
    for (given, wanted) in [
        (from.as_slice(), std::slice::from_ref(email.from())),
        (to, email.to()),
        (cc, email.cc()),
        (bcc, email.bcc()),
        (input.reply_to_addresses(), email.reply_to()),
    ] {
        // Each address was checked when the request was accepted; this checks that it is present.
        let wanted: Vec<String> = wanted.iter().map(Mailbox::to_header).collect();
        check_eq!(Content, given, wanted, "the addresses of a field");
    }
}

fn tags(input: &SendEmailInput, email: &EmailContent, record: &EmailRecord) {
    let mut wanted = vec![
        ("mq_tenant".to_owned(), record.tenant.to_string()),
        ("mq_id".to_owned(), record.id.to_string()),
        ("mq_claim".to_owned(), record.claim_no.to_string()),
        ("mq_born".to_owned(), record.born.as_millis().to_string()),
    ];
    wanted.extend(
        email
            .tags()
            .iter()
            .map(|tag| (tag.name().to_owned(), tag.value().to_owned())),
    );
    let given: Vec<_> = input
        .email_tags()
        .iter()
        .map(|tag| (tag.name().to_owned(), tag.value().to_owned()))
        .collect();
    check!(Content, given.len() <= 50, "more tags than SES takes");
    check_eq!(Truth, given, wanted, "our tags, then those of the caller");
}
