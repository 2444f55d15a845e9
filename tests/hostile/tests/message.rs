//! Writes a message as SES does from the input that mailqueue passes to it.
//!
//! SES copies addresses and headers into the message unchanged, and a caller could attack through them. It encodes
//! the subject, the texts and the files; lettre does this here.

use aws_sdk_sesv2::Client;
use aws_sdk_sesv2::config::{BehaviorVersion, Config, Region};
use aws_sdk_sesv2::operation::send_email::SendEmailInput;
use aws_sdk_sesv2::types::{Attachment, AttachmentContentDisposition, Content};
use domain::delivery::record::{BodyPlace, BodyRef, EmailRecord};
use domain::id::{EmailId, TenantId};
use domain::message::email::EmailContent;
use domain::timestamp::Timestamp;
use email_encoding::headers::writer::EmailWriter;
use lettre::message::header::{ContentDisposition, ContentTransferEncoding, Header, HeaderName, HeaderValue};
use lettre::message::{Body, MultiPart, SinglePart};

/// Returns the input of `SendEmail` for an email.
pub(crate) fn given_to_ses(email: &EmailContent) -> SendEmailInput {
    let config = Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::from_static("us-east-1"));
    // This client has no real endpoint and is never used for a call.
    let client = Client::from_conf(config.build());
    let body = BodyRef {
        sha256: email.hash(),
        place: BodyPlace::Table,
        bytes: 1,
    };
    let born = Timestamp::from_millis(1_795_512_600_000);
    let record = EmailRecord::new(TenantId::main(), EmailId::from_random([7; 16]), body, 1, born);
    aws::probe::given_to_ses(&client, &record, email).unwrap()
}

/// Returns the message that SES sends.
pub(crate) fn written(input: &SendEmailInput) -> Vec<u8> {
    let message = input.content().unwrap().simple().unwrap();
    let destination = input.destination().unwrap();
    let mut head = format!("From: {}\r\n", input.from_email_address().unwrap());
    for (name, list) in [
        ("To", destination.to_addresses()),
        ("Cc", destination.cc_addresses()),
        ("Reply-To", input.reply_to_addresses()),
    ] {
        if !list.is_empty() {
            head.push_str(&format!("{name}: {}\r\n", list.join(",\r\n ")));
        }
    }
    head.push_str(&format!("Subject: {}\r\n", encoded(&data(message.subject().unwrap()))));
    for header in message.headers() {
        head.push_str(&format!("{}: {}\r\n", header.name(), header.value()));
    }
    head.push_str("MIME-Version: 1.0\r\n");
    let body = message.body().unwrap();
    let texts = (body.text().map(data), body.html().map(data));
    [head.into_bytes(), parts(texts, message.attachments())].concat()
}

/// Returns a text as encoded words, if it needs them. It encodes the whole text, because lettre's own headers lose
/// spaces between words.
fn encoded(text: &str) -> String {
    if text.is_ascii() {
        return text.to_owned();
    }
    let mut encoded = String::new();
    let mut writer = EmailWriter::new(&mut encoded, "Subject: ".len(), 0, false);
    email_encoding::headers::rfc2047::encode(text, &mut writer).unwrap();
    drop(writer);
    encoded
}

fn data(content: &Content) -> String {
    assert_eq!(content.charset(), Some("UTF-8"));
    content.data().to_owned()
}

/// Returns the headers of the content, and the content.
fn parts(texts: (Option<String>, Option<String>), files: &[Attachment]) -> Vec<u8> {
    let content = match texts {
        (Some(text), Some(html)) => Ok(MultiPart::alternative_plain_html(text, html)),
        (Some(text), None) => Err(SinglePart::plain(text)),
        (None, html) => Err(SinglePart::html(html.unwrap())),
    };
    if files.is_empty() {
        return content.map_or_else(|single| single.formatted(), |several| several.formatted());
    }
    let mixed = match content {
        Ok(several) => MultiPart::mixed().multipart(several),
        Err(single) => MultiPart::mixed().singlepart(single),
    };
    files
        .iter()
        .fold(mixed, |mixed, attached| mixed.singlepart(file(attached)))
        .formatted()
}

fn file(attached: &Attachment) -> SinglePart {
    let disposition = match attached.content_disposition() {
        Some(AttachmentContentDisposition::Inline) => ContentDisposition::inline_with_name(attached.file_name()),
        _ => ContentDisposition::attachment(attached.file_name()),
    };
    let content = attached.raw_content().clone().into_inner();
    let content = Body::new_with_encoding(content, ContentTransferEncoding::Base64).unwrap();
    let part = SinglePart::builder()
        .header(ContentType(attached.content_type().unwrap().to_owned()))
        .header(disposition);
    match attached.content_id() {
        Some(id) => part.header(ContentId(format!("<{id}>"))).body(content),
        None => part.body(content),
    }
}

/// A media type, unchanged: lettre's own type has another grammar.
#[derive(Clone)]
struct ContentType(String);

impl Header for ContentType {
    fn name() -> HeaderName {
        HeaderName::new_from_ascii_str("Content-Type")
    }

    fn parse(text: &str) -> Result<Self, Box<dyn std::error::Error + Send + Sync>> {
        Ok(Self(text.to_owned()))
    }

    fn display(&self) -> HeaderValue {
        HeaderValue::dangerous_new_pre_encoded(Self::name(), self.0.clone(), self.0.clone())
    }
}

/// A Content-ID, unchanged.
#[derive(Clone)]
struct ContentId(String);

impl Header for ContentId {
    fn name() -> HeaderName {
        HeaderName::new_from_ascii_str("Content-ID")
    }

    fn parse(text: &str) -> Result<Self, Box<dyn std::error::Error + Send + Sync>> {
        Ok(Self(text.to_owned()))
    }

    fn display(&self) -> HeaderValue {
        HeaderValue::dangerous_new_pre_encoded(Self::name(), self.0.clone(), self.0.clone())
    }
}
