//! The rules by which SES refuses a message before accepting it.
//!
//! **Invariant:** pure: the same submission gets the same answer.
//!
//! Source: documentation of `Destination`, `MessageHeader`, `MessageTag` and `SendEmail` in aws-sdk-sesv2 1.145; the
//! sentences on addresses, from the SES emulator Floci, whose authors compared it with SES; the other sentences from
//! answers that users of SES reported. Read 2026-11-24.
//!
//! One rule is stricter than SES: a display name outside ASCII must be an encoded word. SES's documentation forbids
//! it, yet SES accepts it.

use crate::address::{self, Parts};
use crate::mailbox::{Attachment, Pair, Submission};
use crate::ses_error::SesError;

/// Recipients of one message.
const MAX_RECIPIENTS: usize = 50;
/// Custom headers of one message with simple content.
const MAX_HEADERS: usize = 15;
/// Characters of a header's name.
const MAX_HEADER_NAME: usize = 126;
/// Characters of a header's value.
const MAX_HEADER_VALUE: usize = 995;
/// Characters of a header's name and value together.
const MAX_HEADER_TOTAL: usize = 996;
/// Tags of one message.
const MAX_TAGS: usize = 50;
/// Characters of a tag's name, and of its value.
const MAX_TAG: usize = 256;
/// Bytes of a message as it goes out, base64 included.
const MAX_MESSAGE_BYTES: usize = 40 * 1024 * 1024;
/// Characters of an attachment's file name.
const MAX_FILE_NAME: usize = 255;
/// Characters of an attachment's content type, and of its content id.
const MAX_CONTENT_LABEL: usize = 78;
/// The file extensions that SES refuses.
///
/// Source: Amazon SES developer guide, "Amazon SES unsupported attachment types"; the refusal's sentence, from
/// answers that users of SES reported. Read 2026-11-24.
const FORBIDDEN_EXTENSIONS: &str = "ade adp app asp bas bat cer chm cmd com cpl crt csh der exe fxp gadget hlp hta inf \
    ins isp its js jse ksh lib lnk mad maf mag mam maq mar mas mat mau mav maw mda mdb mde mdt mdw mdz msc msh msh1 \
    msh2 mshxml msh1xml msh2xml msi msp mst ops pcd pif plg prf prg reg scf scr sct shb shs sys ps1 ps1xml ps2 ps2xml \
    psc1 psc2 tmp url vb vbe vbs vps vsmacros vss vst vsw vxd ws wsc wsf wsh xnk";
/// Characters of an address with its display name.
const MAX_ADDRESS: usize = 320;
/// Accepts a submission, or refuses it as SES does.
///
/// # Errors
/// `BadRequestException` for a malformed submission, `MessageRejected` for a forbidden file.
pub fn check(submission: &Submission, raw: bool) -> Result<(), SesError> {
    address_of(&submission.from)?;
    let recipients = submission.recipients();
    if recipients.is_empty() {
        return Err(SesError::bad_request("Must have at least one recipient."));
    }
    if recipients.len() > MAX_RECIPIENTS {
        return Err(SesError::bad_request(format!(
            "Recipient count exceeds {MAX_RECIPIENTS}."
        )));
    }
    for recipient in recipients
        .into_iter()
        .chain(submission.reply_to.iter().map(String::as_str))
    {
        address_of(recipient)?;
    }
    if submission.subject.contains(is_line_break) {
        return Err(SesError::bad_request("Subject contains a control character."));
    }
    // A raw message brings all of its headers; SES limits only the custom headers of simple content.
    if !raw {
        check_headers(&submission.headers)?;
    }
    // The parts of a raw message are not examined.
    if !raw {
        check_attachments(&submission.attachments)?;
    }
    check_tags(&submission.tags)?;
    let bytes = message_bytes(submission);
    if bytes > MAX_MESSAGE_BYTES {
        let message = format!("Message length is more than {MAX_MESSAGE_BYTES} bytes long: '{bytes}'.");
        return Err(SesError::bad_request(message));
    }
    Ok(())
}

fn address_of(text: &str) -> Result<Parts<'_>, SesError> {
    let Some(parts) = address::split(text) else {
        return Err(SesError::bad_request("Missing final '@domain'"));
    };
    let bad = |character: char| character.is_control() || character.is_whitespace() || !character.is_ascii();
    // Spaces are allowed in quotes: SES's message is that of Jakarta Mail, which checks like this.
    let is_quoted = parts.local.len() > 2 && parts.local.starts_with('"') && parts.local.ends_with('"');
    if parts
        .local
        .contains(|character| bad(character) && !(is_quoted && character == ' '))
    {
        return Err(SesError::bad_request("Local address contains control or whitespace"));
    }
    if parts.domain.contains(bad) {
        return Err(SesError::bad_request("Domain contains control or whitespace"));
    }
    if parts.domain.contains(['<', '>', '(', ')', ',', ';', '"']) {
        return Err(SesError::bad_request("Domain contains illegal character"));
    }
    if parts
        .display
        .contains(|character: char| character.is_control() || !character.is_ascii())
    {
        return Err(SesError::bad_request(
            "Display name contains control or non-ASCII characters",
        ));
    }
    if text.chars().count() > MAX_ADDRESS {
        return Err(SesError::bad_request(format!(
            "Address length is more than {MAX_ADDRESS} characters long: '{text}'."
        )));
    }
    Ok(parts)
}

fn check_headers(headers: &[Pair]) -> Result<(), SesError> {
    if headers.len() > MAX_HEADERS {
        return Err(SesError::bad_request(format!(
            "Too many headers: at most {MAX_HEADERS} are allowed."
        )));
    }
    for Pair { name, value } in headers {
        let printable = name.bytes().all(|byte| byte.is_ascii_graphic() && byte != b':');
        if name.is_empty() || name.len() > MAX_HEADER_NAME || !printable {
            return Err(SesError::bad_request("Header name is invalid."));
        }
        let printable = value.bytes().all(|byte| byte.is_ascii_graphic() || byte == b' ');
        let total = name.len().saturating_add(value.len());
        if value.is_empty() || value.len() > MAX_HEADER_VALUE || total > MAX_HEADER_TOTAL || !printable {
            return Err(SesError::bad_request(format!("Header value is invalid: {name}.")));
        }
    }
    Ok(())
}

fn check_attachments(files: &[Attachment]) -> Result<(), SesError> {
    for file in files {
        let name = &file.filename;
        if name.is_empty() || name.chars().count() > MAX_FILE_NAME || name.contains(is_line_break) {
            return Err(SesError::bad_request("Attachment file name is invalid."));
        }
        let extension = name.rsplit_once('.').map(|(_, end)| end.to_ascii_lowercase());
        if extension.is_some_and(|end| FORBIDDEN_EXTENSIONS.split_whitespace().any(|known| known == end)) {
            return Err(SesError::rejected("Illegal filename"));
        }
        let texts = [("type", &file.content_type), ("id", &file.content_id)];
        for (what, text) in texts {
            let bad = |text: &str| {
                let printable = text.bytes().all(|byte| byte.is_ascii_graphic() || byte == b' ');
                text.is_empty() || text.len() > MAX_CONTENT_LABEL || !printable
            };
            if text.as_deref().is_some_and(bad) {
                return Err(SesError::bad_request(format!("Attachment content {what} is invalid.")));
            }
        }
    }
    Ok(())
}

fn check_tags(tags: &[Pair]) -> Result<(), SesError> {
    if tags.len() > MAX_TAGS {
        return Err(SesError::bad_request(format!(
            "Too many tags: at most {MAX_TAGS} are allowed."
        )));
    }
    for Pair { name, value } in tags {
        for (what, text) in [("name", name), ("value", value)] {
            let plain = text
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || b"_-".contains(&byte));
            if text.is_empty() || text.len() > MAX_TAG || !plain {
                return Err(SesError::bad_request(format!(
                    "Invalid tag {what} <{text}>: only alphanumeric ASCII characters, '_', and '-' are allowed."
                )));
            }
        }
    }
    Ok(())
}

fn is_line_break(character: char) -> bool {
    matches!(character, '\r' | '\n' | '\0')
}

/// The approximate size of the outgoing message: bodies, headers, attachments in base64.
fn message_bytes(submission: &Submission) -> usize {
    let bodies = [&submission.text, &submission.html]
        .into_iter()
        .flatten()
        .map(String::len)
        .sum::<usize>();
    let headers = submission
        .headers
        .iter()
        .map(|pair| pair.name.len() + pair.value.len() + 4)
        .sum::<usize>();
    let files = submission
        .attachments
        .iter()
        .map(|file| file.size.div_ceil(3) * 4)
        .sum::<usize>();
    bodies + headers + files + submission.subject.len()
}

#[cfg(test)]
#[path = "ses_rules_tests.rs"]
mod tests;
