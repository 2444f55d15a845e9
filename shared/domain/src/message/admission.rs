//! Rules for new requests: valid texts that have no honest use, and that a later reader misinterprets.
//!
//! **Role:** called by [`crate::api`], after all other checks.
//! **Invariant:** applies to new requests only. Stored emails are read back by their grammar alone
//! ([`Draft::check`]). A new rule therefore never makes an accepted email unreadable.
//! **Start reading at** [`email`]. The inputs behind the rules: docs/HOSTILE_INPUT.md.

mod domain;
mod encoded_word;
mod file;
mod one_click;
mod text;

pub(crate) use file::{file_name, media_type};

use crate::message::address::AddressError;
use crate::message::email::{Addresses, Draft, EmailContent, Header};
use crate::message::mailbox::Mailbox;
use crate::message::problem::{EmailError, Problem};
use crate::message::test_address;

/// Checks a new email.
///
/// # Errors
/// The first problem with its path; problems of [`Draft::check`] come first.
pub(crate) fn email(draft: Draft) -> Result<EmailContent, EmailError> {
    let given = [
        ("to", &draft.to),
        ("cc", &draft.cc),
        ("bcc", &draft.bcc),
        ("reply_to", &draft.reply_to),
    ];
    let paths = given.map(|(field, list)| paths(field, list));
    let email = draft.check()?;
    let from = |why| EmailError::at("from", Problem::From(why));
    mailbox(email.from()).map_err(from)?;
    if email.from().address().quotes_specials() {
        return Err(from(AddressError::QuotedSender));
    }
    if test_address::is_of_resend(email.from().address()) {
        return Err(from(AddressError::ResendSender));
    }
    let lists = [email.to(), email.cc(), email.bcc(), email.reply_to()];
    for (entry, path) in lists.into_iter().flatten().zip(paths.into_iter().flatten()) {
        mailbox(entry).map_err(|why| EmailError::at(path, Problem::Address(why)))?;
    }
    line(email.subject()).map_err(|problem| EmailError::at("subject", problem))?;
    for given in email.headers() {
        header(given).map_err(|problem| EmailError::at(format!("headers.{}", given.name()), problem))?;
    }
    one_click::check(email.headers())?;
    Ok(email)
}

/// The paths of the addresses of a list.
fn paths(field: &str, list: &Addresses) -> Vec<String> {
    list.named(field).into_iter().map(|(path, _)| path).collect()
}

/// The domain's owner interprets the local part, but these characters are routes to other servers.
///
/// Source: RFC 5321, appendix F.2 (source routes and similar forms are obsolete); the default configuration of Exim
/// refuses such addresses, read 2026-11-27.
const ROUTES: [char; 2] = ['!', '%'];

fn mailbox(mailbox: &Mailbox) -> Result<(), AddressError> {
    let address = mailbox.address();
    let local = address.local();
    // RFC 2047, 5: encoded words are not allowed in an address. Some parsers decode them and find another address.
    if local.contains("=?") {
        return Err(AddressError::LocalEncoded);
    }
    if local.contains(ROUTES) {
        return Err(AddressError::LocalRoute);
    }
    if hides_address(local) {
        return Err(AddressError::QuotedAddress);
    }
    if test_address::has_long_label(address) {
        return Err(AddressError::TestLabelTooLong);
    }
    if domain::mixes_scripts(address.domain()) {
        return Err(AddressError::MixedScripts);
    }
    let name = mailbox.name().unwrap_or_default();
    if name.chars().any(text::misleads) {
        return Err(AddressError::NameMisleads);
    }
    if encoded_word::hides_control(name) {
        return Err(AddressError::NameHides);
    }
    Ok(())
}

/// True if a parser that ignores quotes could find an address: an `@`, and behind it a domain or an IP address.
fn hides_address(quoted: &str) -> bool {
    quoted
        .split_once('@')
        .is_some_and(|(_, host)| host.contains(['.', '[']))
}

/// Checks a text that is shown on one line.
fn line(text: &str) -> Result<(), Problem> {
    if text.chars().any(text::misleads) {
        return Err(Problem::Bad(
            "characters that reverse the text or break its line (U+202D, U+202E, U+2028, U+2029) are not allowed",
        ));
    }
    if encoded_word::hides_control(text) {
        return Err(Problem::Bad("an encoded word (=?...?=) hides a control character"));
    }
    Ok(())
}

/// Headers of forwarders, signers and receivers. A sender that writes one forges it, or makes the email look like a
/// loop.
///
/// Source: RFC 8601, 5; RFC 7208, 9.1; RFC 4870; RFC 9228, 4; read 2026-11-27.
const TRACE_HEADERS: [&str; 4] = [
    "authentication-results",
    "delivered-to",
    "domainkey-signature",
    "received-spf",
];

fn header(header: &Header) -> Result<(), Problem> {
    let key = header.name().as_str().to_ascii_lowercase();
    // RFC 2045, 9 reserves this prefix for MIME.
    if key.starts_with("mime-") {
        return Err(Problem::Bad("Amazon SES writes the MIME headers"));
    }
    if TRACE_HEADERS.contains(&key.as_str()) {
        return Err(Problem::Bad(
            "only the signer or the receiver of an email writes this header",
        ));
    }
    let value = header.value();
    line(value)?;
    if header.takes_no_encoded_word() && encoded_word::is_in(value) {
        return Err(Problem::Bad(
            "encoded words (=?...?=) are not allowed in this header: write the value itself",
        ));
    }
    // Other ASCII that follows no grammar is sent as it is.
    if value.is_ascii() && !header.has_uris() {
        return Ok(());
    }
    header.check_grammar()
}

#[cfg(test)]
#[path = "admission/tests.rs"]
mod tests;
