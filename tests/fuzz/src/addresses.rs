//! Addresses, alone and with a display name.

use domain::message::address::EmailAddress;
use domain::message::mailbox::Mailbox;

use crate::check::{check, check_eq};
use crate::oracle;

/// Reads the bytes as an address.
pub(crate) fn run(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else {
        return;
    };
    let alone = EmailAddress::parse(text);
    if let Ok(address) = &alone {
        oracle::address(address.as_str());
        check_eq!(
            Content,
            EmailAddress::parse(address.as_str()).as_ref(),
            Ok(address),
            "read again"
        );
        check!(Refusal, address.as_str().ends_with(&format!("@{}", address.domain())));
        let (local, _) = text.rsplit_once('@').unwrap_or_default();
        let plain = |text: &str| text.replace(['"', '\\'], "");
        check!(
            Content,
            plain(address.as_str()).starts_with(&format!("{}@", plain(local))),
            "the local part is unchanged"
        );
        check_eq!(
            Refusal,
            format!("{address:?}"),
            format!("***@{}", address.domain()),
            "a log shows no local part"
        );
    }
    let mailbox = Mailbox::parse(text);
    if let Ok(mailbox) = &mailbox {
        oracle::mailbox(mailbox);
        loses_nobody(text, mailbox.name().unwrap_or_default());
    }
    if let (Ok(alone), mailbox) = (&alone, &mailbox) {
        let found = mailbox.as_ref().map(|mailbox| (mailbox.name(), mailbox.address()));
        check_eq!(
            Refusal,
            found,
            Ok((None, alone)),
            "an address is a mailbox without a name"
        );
    }
    for error in [alone.err(), mailbox.err()].into_iter().flatten() {
        let sentence = error.to_string();
        check!(
            Refusal,
            !sentence.contains(oracle::CANARY),
            "an error repeats its input"
        );
    }
    named(text);
}

/// Checks that no part of the text before the bracket is a second address, unless it is quoted. The same holds for the
/// name as it was `read`.
fn loses_nobody(accepted: &str, read: &str) {
    let Some((name, behind)) = accepted.split_once('<').filter(|_| !accepted.trim().starts_with('"')) else {
        return;
    };
    let own = behind.trim_end().trim_end_matches('>').trim();
    for part in name.split([',', ';']).chain(read.split([',', ';'])).map(str::trim) {
        let has_host = part.split_once('@').is_some_and(|(_, host)| host.contains('.'));
        let is_address = has_host && email_address::EmailAddress::is_valid(part);
        let bare = part.rsplit('<').next().unwrap_or_default().trim_end_matches('>');
        check!(
            Refusal,
            !is_address || bare.eq_ignore_ascii_case(own),
            "{part:?} loses its email"
        );
    }
}

/// Reads the bytes as a display name: every name that can be quoted is accepted.
fn named(name: &str) {
    let escaped = name.replace('\\', "\\\\").replace('"', "\\\"");
    let given = format!("\"{escaped}\" <a@example.com>");
    if let Ok(mailbox) = Mailbox::parse(&given) {
        oracle::mailbox(&mailbox);
        let trimmed = Some(name.trim()).filter(|name| !name.is_empty());
        check_eq!(Content, mailbox.name(), trimmed, "the name as it was given");
    } else {
        let refused = name.chars().any(char::is_control) || name.len() > 300;
        check!(Refusal, refused, "this name can be quoted: {name:?}");
    }
}
