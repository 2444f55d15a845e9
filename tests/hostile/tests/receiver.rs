//! Reads a message as a receiver does, with mail-parser, which shares no code with the writer.

use mail_parser::decoders::base64::base64_decode;
use mail_parser::{Address, Message, MessageParser, MessagePart, MimeHeaders as _, PartType};

/// A name and an address.
pub(crate) type Person = (Option<String>, String);

/// A received message.
#[derive(Debug)]
pub(crate) struct Received {
    pub(crate) from: Vec<Person>,
    pub(crate) to: Vec<Person>,
    pub(crate) cc: Vec<Person>,
    pub(crate) reply_to: Vec<Person>,
    pub(crate) subject: String,
    /// Every header of the message in lower case, with its value, in order.
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) text: Option<String>,
    pub(crate) html: Option<String>,
    pub(crate) files: Vec<File>,
}

/// A file.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct File {
    pub(crate) name: Option<String>,
    pub(crate) content_type: String,
    pub(crate) content_id: Option<String>,
    pub(crate) shown_inside: bool,
    pub(crate) content: Vec<u8>,
}

/// Reads a message.
pub(crate) fn read(bytes: &[u8]) -> Received {
    let message = MessageParser::default().parse(bytes).expect("a message");
    let (files, texts): (Vec<_>, Vec<_>) = message
        .parts
        .iter()
        .filter(|part| !matches!(part.body, PartType::Multipart(_)))
        .partition(|part| part.content_disposition().is_some());
    let only = |wanted: fn(&PartType) -> Option<String>| {
        let found: Vec<_> = texts.iter().filter_map(|part| wanted(&part.body)).collect();
        assert!(found.len() <= 1, "at most one text of each kind");
        found.into_iter().next()
    };
    Received {
        from: people(message.from()),
        to: people(message.to()),
        cc: people(message.cc()),
        reply_to: people(message.reply_to()),
        subject: message.subject().unwrap_or_default().to_owned(),
        headers: message
            .headers_raw()
            .map(|(name, value)| (name.to_ascii_lowercase(), unstructured(value)))
            .collect(),
        text: only(|body| {
            let PartType::Text(text) = body else { return None };
            Some(text.to_string())
        }),
        html: only(|body| {
            let PartType::Html(html) = body else { return None };
            Some(html.to_string())
        }),
        files: files.into_iter().map(|part| file(&message, part)).collect(),
    }
}

fn people(list: Option<&Address<'_>>) -> Vec<Person> {
    let list = list.map(|list| list.as_list().expect("no groups")).unwrap_or_default();
    let person = |address: &mail_parser::Addr<'_>| {
        let name = address.name().map(str::to_owned);
        (name, address.address().unwrap_or_default().to_owned())
    };
    list.iter().map(person).collect()
}

/// Returns a header's value as readers show it, whether or not this library knows the header.
fn unstructured(value: &str) -> String {
    let message = format!("Subject:{}\r\n\r\n", value.trim_end_matches(['\r', '\n']));
    let parsed = MessageParser::default().parse(message.as_bytes()).expect("a message");
    parsed.subject().unwrap_or_default().to_owned()
}

fn file(message: &Message<'_>, part: &MessagePart<'_>) -> File {
    let kind = part.content_type().expect("a type");
    let disposition = part.content_disposition().expect("a disposition");
    // The bytes of the message: this library would convert the charset of a text.
    let (start, end) = (part.offset_body as usize, part.offset_end as usize);
    File {
        name: disposition.attribute("filename").map(str::to_owned),
        content_type: format!("{}/{}", kind.ctype(), kind.subtype().unwrap_or_default()).to_ascii_lowercase(),
        content_id: part.content_id().map(str::to_owned),
        shown_inside: disposition.is_inline(),
        content: base64_decode(&message.raw_message[start..end]).expect("base64"),
    }
}
