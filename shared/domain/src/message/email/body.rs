//! The canonical form of an email: its stored body, whose hash identifies equal requests.
//!
//! **Invariant:** the same email always has the same bytes, even after changes of the structs, because the bytes name
//! the body.
//! **Start reading at** [`EmailContent::to_body`].

use serde::Deserialize;
use sha2::{Digest, Sha256};

use super::{Addresses, Draft, EmailContent};
use crate::message::attachment::{self, Attachment};
use crate::message::problem::EmailError;

/// The version of an email without attachments and without its own choice about tracking.
const BODY_VERSION: u32 = 1;

/// The version of an email with attachments. Readers that know only version 1 must not take it for a broken one.
const BODY_VERSION_WITH_ATTACHMENTS: u32 = 2;

/// The version of an email with its own choice about tracking. Older readers would send it with the default.
const BODY_VERSION_WITH_TRACKING: u32 = 3;

impl EmailContent {
    /// The email as canonical JSON: versioned, fields in a fixed order, empty ones left out.
    #[must_use]
    pub fn to_body(&self) -> Vec<u8> {
        // Built by hand: the bytes name the body. Neither the order of a struct's fields nor a feature of the JSON
        // library may change them.
        let version = match self.tracking {
            Some(_) => BODY_VERSION_WITH_TRACKING,
            None if self.attachments.is_empty() => BODY_VERSION,
            None => BODY_VERSION_WITH_ATTACHMENTS,
        };
        let mut json = format!("{{\"v\":{version},\"from\":{}", quoted(&self.from));
        for (field, list) in [
            ("to", &self.to),
            ("cc", &self.cc),
            ("bcc", &self.bcc),
            ("reply_to", &self.reply_to),
        ] {
            push_list(&mut json, field, list.iter().map(quoted));
        }
        json.push_str(",\"subject\":");
        json.push_str(&quoted(&self.subject));
        for (field, content) in [("html", &self.html), ("text", &self.text)] {
            if let Some(content) = content {
                json.push_str(&format!(",\"{field}\":"));
                json.push_str(&quoted(content));
            }
        }
        let pair = |name: &str, value: &str| format!("[{},{}]", quoted(name), quoted(value));
        let headers = self.headers.iter().map(|h| pair(h.name().as_str(), h.value()));
        push_list(&mut json, "headers", headers);
        let tags = self.tags.iter().map(|tag| pair(tag.name(), tag.value()));
        push_list(&mut json, "tags", tags);
        push_list(
            &mut json,
            "attachments",
            self.attachments.iter().map(Attachment::to_json),
        );
        if let Some(tracking) = self.tracking {
            json.push_str(&format!(",\"tracking\":{tracking}"));
        }
        json.push('}');
        json.into_bytes()
    }

    /// The stored form of a canonical body: the body, with an empty text if the caller forbade a generated one.
    ///
    /// The empty text is not a part of the canonical body. Before texts were generated, a request with it had the
    /// same hash as one without it, and a repeated request must keep its hash. Older readers skip it.
    #[must_use]
    pub fn stored(&self, mut body: Vec<u8>) -> Vec<u8> {
        if self.is_html_only && body.pop() == Some(b'}') {
            body.extend_from_slice(b",\"text\":\"\"}");
        }
        body
    }

    /// Reads the JSON of [`EmailContent::stored`], and checks it like a new request.
    ///
    /// # Errors
    /// [`BodyError`] when it is no such JSON, of a later version, or no longer valid.
    pub fn from_body(body: &[u8]) -> Result<Self, BodyError> {
        let Version { v } = serde_json::from_slice(body).map_err(BodyError::Json)?;
        if !(BODY_VERSION..=BODY_VERSION_WITH_TRACKING).contains(&v) {
            return Err(BodyError::Version(v));
        }
        let stored: StoredV3 = serde_json::from_slice(body).map_err(BodyError::Json)?;
        Ok(stored.into_draft()?.check()?)
    }

    /// The SHA-256 of [`EmailContent::to_body`] in lower-case hex: the body's name, equal for equal requests.
    #[must_use]
    pub fn hash(&self) -> String {
        sha256_hex(&self.to_body())
    }
}

/// The SHA-256 of some bytes in lower-case hex.
#[must_use]
pub fn sha256_hex(bytes: &[u8]) -> String {
    Sha256::digest(bytes)
        .iter()
        .flat_map(|byte| [byte >> 4, byte & 15])
        .filter_map(|digit| char::from_digit(u32::from(digit), 16))
        .collect()
}

fn quoted(text: &(impl ToString + ?Sized)) -> String {
    serde_json::Value::from(text.to_string()).to_string()
}

fn push_list(json: &mut String, field: &str, items: impl Iterator<Item = String>) {
    let items: Vec<String> = items.collect();
    if !items.is_empty() {
        json.push_str(&format!(",\"{field}\":[{}]", items.join(",")));
    }
}

/// The reason why a stored body cannot be read. `Display` holds no content.
#[derive(Debug, thiserror::Error)]
pub enum BodyError {
    /// The JSON has another form.
    #[error("the stored body cannot be decoded")]
    Json(#[source] serde_json::Error),
    /// Written by a later version of this program.
    #[error("the stored body has version {0}, which this version cannot read")]
    Version(u32),
    /// A limit was lowered, or somebody wrote it by hand.
    #[error("the stored body is not a valid email")]
    Invalid(#[from] EmailError),
}

#[derive(Deserialize)]
struct Version {
    v: u32,
}

/// Versions 1 to 3: version 1 has no attachments, and only version 3 has `tracking`. An unknown field is an error:
/// ignoring it would send half an email.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct StoredV3 {
    #[serde(rename = "v")]
    _v: u32,
    from: String,
    to: Vec<String>,
    #[serde(default)]
    cc: Vec<String>,
    #[serde(default)]
    bcc: Vec<String>,
    #[serde(default)]
    reply_to: Vec<String>,
    subject: String,
    html: Option<String>,
    text: Option<String>,
    #[serde(default)]
    headers: Vec<(String, String)>,
    #[serde(default)]
    tags: Vec<(String, String)>,
    #[serde(default)]
    attachments: Vec<attachment::StoredAttachment>,
    tracking: Option<bool>,
}

impl StoredV3 {
    fn into_draft(self) -> Result<Draft, EmailError> {
        let stored = self.attachments.into_iter().enumerate();
        let attachments = stored.map(|(index, stored)| stored.check(&format!("attachments[{index}]")));
        Ok(Draft {
            attachments: attachments.collect::<Result<_, _>>()?,
            from: Some(self.from),
            to: Addresses::Many(self.to),
            cc: Addresses::Many(self.cc),
            bcc: Addresses::Many(self.bcc),
            reply_to: Addresses::Many(self.reply_to),
            subject: Some(self.subject),
            html: self.html,
            text: self.text,
            headers: self.headers,
            tags: self.tags,
            tracking: self.tracking,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::draft;
    use super::*;

    const GOLDEN: &str = "{\"v\":1,\"from\":\"\\\"Ada, Inc.\\\" <ada@example.com>\",\"to\":[\"Grüße <b@xn--bcher-kva.example>\",\"c@d.example\"],\"reply_to\":[\"r@example.com\"],\"subject\":\"Hällo \\\"you\\\"\",\"html\":\"<p>\\r\\n\\thi \u{2028}</p>\",\"headers\":[[\"X-A\",\"1\"],[\"X-b\",\"ä\"]],\"tags\":[[\"k\",\"v\"]]}";

    #[test]
    fn a_body_is_canonical_and_reads_back() {
        let email = draft().check().unwrap();
        assert_eq!(String::from_utf8(email.to_body()).unwrap(), GOLDEN);
        let stored = String::from_utf8(email.stored(email.to_body())).unwrap();
        assert_eq!(stored, GOLDEN.replace("]]}", "]],\"text\":\"\"}"));
        let again = EmailContent::from_body(stored.as_bytes()).unwrap();
        assert_eq!(again, email);
        let canonical = EmailContent::from_body(GOLDEN.as_bytes()).unwrap();
        assert_eq!(canonical.to_body(), email.to_body());
        assert_eq!(again.hash(), email.hash());
        assert_eq!(email.hash(), sha256_hex(GOLDEN.as_bytes()));
        assert_eq!(email.recipients(), 2);
        assert!(email.bytes() > 80 && email.bytes() < GOLDEN.len());
        assert_eq!(email.headers().last().unwrap().to_header(), "=?UTF-8?B?w6Q=?=");
    }

    #[test]
    fn a_text_is_generated_unless_it_is_given_or_empty() {
        let text = |text: Option<&str>, html: &str| {
            let (text, html) = (text.map(str::to_owned), Some(html.to_owned()));
            let email = super::super::Draft { text, html, ..draft() }.check().unwrap();
            let stored = email.stored(email.to_body());
            let again = EmailContent::from_body(&stored).unwrap();
            assert_eq!((again.generated_text(), &again), (email.generated_text(), &email));
            email.generated_text()
        };
        assert_eq!(text(None, "<p>Hi <b>Ann</b>").as_deref(), Some("Hi Ann"));
        assert_eq!(text(Some(""), "<p>Hi"), None);
        assert_eq!(text(Some("Hello"), "<p>Hi"), None);
        assert_eq!(text(Some("Hello"), ""), None);
        assert_eq!(text(None, "<p> </p>"), None);
    }

    #[test]
    fn a_choice_about_tracking_is_a_part_of_the_body() {
        for tracking in [true, false] {
            let chosen = Some(tracking);
            let email = Draft {
                tracking: chosen,
                ..draft()
            }
            .check()
            .unwrap();
            let body = String::from_utf8(email.to_body()).unwrap();
            let golden = GOLDEN.replace("{\"v\":1", "{\"v\":3");
            assert_eq!(body, golden.replace("]]}", &format!("]],\"tracking\":{tracking}}}")));
            let again = EmailContent::from_body(&email.stored(email.to_body())).unwrap();
            assert_eq!((again.tracking(), &again), (chosen, &email));
        }
    }

    #[test]
    fn header_order_does_not_change_the_hash() {
        let mut other = draft();
        other.headers.reverse();
        assert_eq!(other.check().unwrap().hash(), draft().check().unwrap().hash());
    }

    #[test]
    fn sha256_has_the_published_value() {
        assert_eq!(
            sha256_hex(b"abc"),
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
        );
    }

    #[test]
    fn unreadable_bodies_have_a_reason() {
        let read = |body: &str| EmailContent::from_body(body.as_bytes()).unwrap_err();
        assert!(matches!(read("{"), BodyError::Json(_)));
        assert!(matches!(read("{\"v\":4,\"new\":1}"), BodyError::Version(4)));
        let unknown = GOLDEN.replace("\"tags\"", "\"files\"");
        assert!(matches!(read(&unknown), BodyError::Json(_)));
        let invalid = GOLDEN.replace("c@d.example", "c@d");
        assert!(matches!(read(&invalid), BodyError::Invalid(error) if error.path == "to[1]"));
    }
}
