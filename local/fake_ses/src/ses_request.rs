//! `SendEmail`'s body as the AWS SDKs write it, and its conversion to a [`Submission`].
//!
//! **Invariant:** pure; only an unreadable body is refused here.
//!
//! Names: `SendEmail` of SES's API v2; the tests let the official SDK write a request.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;

use crate::mailbox::{Attachment, Pair, Submission};
use crate::raw;
use crate::ses_error::SesError;

/// The body of `SendEmail`; fields of SES that the fake SES does not use are skipped.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct SendEmail {
    from_email_address: Option<String>,
    #[serde(default)]
    destination: Destination,
    #[serde(default)]
    reply_to_addresses: Vec<String>,
    content: Content,
    #[serde(default)]
    email_tags: Vec<NameValue>,
    configuration_set_name: Option<String>,
    tenant_name: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Destination {
    #[serde(default)]
    to_addresses: Vec<String>,
    #[serde(default)]
    cc_addresses: Vec<String>,
    #[serde(default)]
    bcc_addresses: Vec<String>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Content {
    simple: Option<Simple>,
    raw: Option<Raw>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Raw {
    data: String,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Simple {
    subject: Data,
    body: Body,
    #[serde(default)]
    headers: Vec<NameValue>,
    #[serde(default)]
    attachments: Vec<WireAttachment>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Body {
    text: Option<Data>,
    html: Option<Data>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Data {
    data: String,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct NameValue {
    name: String,
    value: String,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct WireAttachment {
    raw_content: String,
    file_name: String,
    content_type: Option<String>,
    content_id: Option<String>,
}

impl From<NameValue> for Pair {
    fn from(wire: NameValue) -> Self {
        Self {
            name: wire.name,
            value: wire.value,
        }
    }
}

/// Reads a body; the second value tells whether the content is raw.
///
/// # Errors
/// `BadRequestException` when it is not a `SendEmail` with simple or raw content.
pub fn parse(body: &[u8]) -> Result<(Submission, bool), SesError> {
    let request: SendEmail = serde_json::from_slice(body)
        .map_err(|error| SesError::bad_request(format!("The request body cannot be read: {error}.")))?;
    let mut submission = Submission {
        from: request.from_email_address.unwrap_or_default(),
        to: request.destination.to_addresses,
        cc: request.destination.cc_addresses,
        bcc: request.destination.bcc_addresses,
        reply_to: request.reply_to_addresses,
        subject: String::new(),
        text: None,
        html: None,
        headers: Vec::new(),
        tags: request.email_tags.into_iter().map(Pair::from).collect(),
        attachments: Vec::new(),
        configuration_set: request.configuration_set_name,
        tenant: request.tenant_name,
        raw: None,
    };
    let raw = request.content.raw.is_some();
    match (request.content.simple, request.content.raw) {
        (Some(simple), None) => {
            submission.subject = simple.subject.data;
            submission.text = simple.body.text.map(|part| part.data);
            submission.html = simple.body.html.map(|part| part.data);
            submission.headers = simple.headers.into_iter().map(Pair::from).collect();
            for wire in simple.attachments {
                let content = decode(&wire.raw_content)?;
                submission.attachments.push(Attachment::new(
                    wire.file_name,
                    wire.content_type,
                    wire.content_id,
                    content,
                ));
            }
        }
        (None, Some(raw)) => {
            let message = decode(&raw.data)?;
            submission.raw = Some(message.clone());
            raw::fill(&mut submission, message);
        }
        (None, None) | (Some(_), Some(_)) => {
            return Err(SesError::bad_request("Content must have exactly one of Simple, Raw."));
        }
    }
    Ok((submission, raw))
}

fn decode(text: &str) -> Result<Vec<u8>, SesError> {
    STANDARD
        .decode(text)
        .map_err(|_| SesError::bad_request("A blob of the request is not valid base64."))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_simple_message_is_read_whole() {
        let (submission, _) = parse(
            br#"{"FromEmailAddress": "a@example.com", "Destination": {"ToAddresses": ["b@example.com"]},
            "Content": {"Simple": {"Subject": {"Data": "Hi", "Charset": "UTF-8"}, "Body": {"Text": {"Data": "t"}, "Html": {"Data": "h"}},
            "Headers": [{"Name": "X-A", "Value": "1"}], "Attachments": [{"RawContent": "aGk=", "FileName": "f.txt", "ContentType": "text/plain"}]}},
            "EmailTags": [{"Name": "n", "Value": "v"}], "ConfigurationSetName": "set"}"#,
        )
        .unwrap();
        assert_eq!(submission.text.as_deref(), Some("t"));
        assert_eq!(submission.attachments[0].size, 2);
        assert_eq!(
            submission.attachments[0].sha256,
            "8f434346648f6b96df89dda901c5176b10a6d83961dd3c1ac88b59b2dc327aa4"
        );
        assert_eq!(submission.configuration_set.as_deref(), Some("set"));
    }

    #[test]
    fn a_raw_message_supplies_headers_and_recipients() {
        let data =
            STANDARD.encode("From: a@example.com\r\nTo: b@example.com,\r\n c@example.com\r\nSubject: Hi\r\n\r\nBody");
        let (submission, _) = parse(format!(r#"{{"Content": {{"Raw": {{"Data": "{data}"}}}}}}"#).as_bytes()).unwrap();
        assert_eq!(submission.from, "a@example.com");
        assert_eq!(submission.to, ["b@example.com", "c@example.com"]);
        assert_eq!(
            (submission.subject.as_str(), submission.text.as_deref()),
            ("Hi", Some("Body"))
        );
    }

    #[test]
    fn an_unreadable_body_is_a_bad_request() {
        for body in ["", "{}", r#"{"Content": {}}"#, r#"{"Content": {"Raw": {"Data": "%"}}}"#] {
            assert_eq!(
                parse(body.as_bytes()).unwrap_err().name,
                "BadRequestException",
                "{body}"
            );
        }
    }
}
