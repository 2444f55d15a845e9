//! A receiver's parser for headers: `mail-parser`, which shares no code with the rendering.
//!
//! **Differences by design:**
//! - A reader treats spaces and tabs at the ends of an unstructured value as folding; for a caller they belong to the
//!   value.
//! - A caller's encoded words (`=?UTF-8?B?...?=`) are ASCII and are sent unchanged. The reader decodes them, and sees
//!   more than the caller wrote. The oracles skip values with `=?`.
//! - In a display name a reader joins several spaces unless they are quoted; mailqueue quotes such names.

use mail_parser::{Address, MessageParser};

/// Returns a receiver's reading of an unstructured header.
pub(crate) fn text(value: &str) -> Option<String> {
    let message = format!("Subject: {value}\r\n\r\n");
    let parsed = MessageParser::default().parse(message.as_bytes())?;
    parsed.subject().map(str::to_owned)
}

/// Returns a receiver's reading of a list of mailboxes: the name and address of each.
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

/// Tells whether the text contains an encoded word, or the beginning of one.
pub(crate) fn looks_encoded(text: &str) -> bool {
    text.contains("=?")
}
