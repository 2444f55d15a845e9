//! Reads the parts of a raw message that the inbox shows.
//!
//! **Deliberately absent:** a MIME parser. A body of one part is shown; a multipart message is kept whole as the
//! attachment `message.eml`.

use crate::mailbox::{Attachment, Pair, Submission};

/// Fills in the fields that the request omitted from the message's own headers.
pub fn fill(submission: &mut Submission, message: Vec<u8>) {
    let text = String::from_utf8_lossy(&message).replace("\r\n", "\n");
    let (head, body) = text.split_once("\n\n").unwrap_or((&text, ""));
    submission.headers = headers(head);
    let find = |name: &str| {
        submission
            .headers
            .iter()
            .find(|pair| pair.name.eq_ignore_ascii_case(name))
            .map(|pair| pair.value.clone())
    };
    let list = |name: &str| {
        let value = find(name).unwrap_or_default();
        value
            .split(',')
            .map(str::trim)
            .filter(|part| !part.is_empty())
            .map(str::to_owned)
            .collect::<Vec<_>>()
    };
    let media_type = find("content-type")
        .unwrap_or_else(|| "text/plain".to_owned())
        .to_ascii_lowercase();
    let encoded = find("content-transfer-encoding")
        .is_some_and(|encoding| !["7bit", "8bit", "binary"].contains(&encoding.to_ascii_lowercase().as_str()));
    let from = find("from").unwrap_or_default();
    let subject = find("subject").unwrap_or_default();
    let (to, cc, bcc, reply_to) = (list("to"), list("cc"), list("bcc"), list("reply-to"));

    submission.subject = subject;
    if submission.from.is_empty() {
        submission.from = from;
    }
    if submission.recipients().is_empty() {
        (submission.to, submission.cc, submission.bcc) = (to, cc, bcc);
    }
    if submission.reply_to.is_empty() {
        submission.reply_to = reply_to;
    }
    if media_type.starts_with("text/plain") && !encoded {
        submission.text = Some(body.to_owned());
    } else if media_type.starts_with("text/html") && !encoded {
        submission.html = Some(body.to_owned());
    } else {
        let media_type = Some("message/rfc822".to_owned());
        submission
            .attachments
            .push(Attachment::new("message.eml".to_owned(), media_type, None, message));
    }
}

/// Headers, unfolded.
fn headers(head: &str) -> Vec<Pair> {
    let mut headers: Vec<Pair> = Vec::new();
    for line in head.lines() {
        match (line.starts_with([' ', '\t']), headers.last_mut(), line.split_once(':')) {
            (true, Some(last), _) => {
                last.value.push(' ');
                last.value.push_str(line.trim());
            }
            (false, _, Some((name, value))) => {
                headers.push(Pair {
                    name: name.to_owned(),
                    value: value.trim().to_owned(),
                });
            }
            (true, None, _) | (false, _, None) => {}
        }
    }
    headers
}
