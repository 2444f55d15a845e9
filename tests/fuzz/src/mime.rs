//! How a receiver reads a header: by `mail-parser`, which shares no code with what renders them.
//!
//! **Where it and this queue differ by design:**
//! - Spaces and tabs at the ends of an unstructured value are folding to a reader, and part of the value
//!   to a caller.
//! - What a caller gave as encoded words (`=?UTF-8?B?...?=`) is ASCII and goes out as it is: the reader
//!   decodes it, and sees more than the caller wrote. The oracles leave out what holds `=?`.
//! - In a display name several spaces are one to a reader unless they are quoted; and this queue
//!   quotes such names.

use mail_parser::{Address, MessageParser};

/// What a receiver reads of an unstructured header's value.
pub(crate) fn text(value: &str) -> Option<String> {
    let message = format!("Subject: {value}\r\n\r\n");
    let parsed = MessageParser::default().parse(message.as_bytes())?;
    parsed.subject().map(str::to_owned)
}

/// What a receiver reads of a list of mailboxes: name and address of each.
pub(crate) fn mailboxes(value: &str) -> Vec<(Option<String>, String)> {
    let message = format!("From: {value}\r\n\r\n");
    let parsed = MessageParser::default().parse(message.as_bytes());
    let list = parsed.as_ref().and_then(|message| message.from());
    let list = list.and_then(Address::as_list).unwrap_or_default();
    let pair = |address: &mail_parser::Addr<'_>| {
        (
            address.name().map(str::to_owned),
            address.address().unwrap_or_default().to_owned(),
        )
    };
    list.iter().map(pair).collect()
}

/// Whether a caller gave encoded words, or something that looks like the beginning of one.
pub(crate) fn looks_encoded(text: &str) -> bool {
    text.contains("=?")
}
