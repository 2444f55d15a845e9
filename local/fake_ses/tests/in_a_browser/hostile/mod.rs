//! The corpus: messages that try to run a script in their reader's browser, or to have it fetch.
//!
//! **Invariant:** each has one hostile part, and says what that part does where nothing protects the
//! reader; the rest of it is an ordinary message. In a part, `{run}` is a script, written so that it
//! stands in an attribute without quotes, `{call}` a shorter one, and `{out}` a host of the message's own.

pub(crate) mod bodies;
pub(crate) mod fetching;
pub(crate) mod heads;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

/// What a part does in a page that takes no care.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Harm {
    /// It runs a script.
    Runs,
    /// It fetches from another host.
    Fetches,
    /// It has another host's name looked up, or connects there, and fetches nothing.
    Hints,
    /// It puts a file on the disk.
    Downloads,
    /// Nothing in this browser; it does in others, did in older ones, or is only meant to deceive.
    Nothing,
}

/// The part of a message that is hostile.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Part {
    /// The HTML.
    Body(&'static str),
    /// The HTML, which does its worst when the reader clicks into it.
    Click(&'static str),
    /// The HTML, which is one link that would take the page away from under its reader.
    Link(&'static str),
    /// The HTML, and a picture that it shows by its content id.
    Picture(&'static str, File),
    /// The plain text.
    Text(&'static str),
    /// The subject as it is.
    Subject(&'static str),
    /// The subject as an encoded word.
    EncodedSubject(&'static str),
    /// The sender's display name.
    From(&'static str),
    /// A recipient's display name.
    To(&'static str),
    /// A header's name and value.
    Header(&'static str, &'static str),
    /// An attachment.
    Attachment(File),
    /// A whole raw message.
    Raw(&'static str),
}

/// A file beside a message.
#[derive(Debug, Clone, Copy)]
pub(crate) struct File {
    pub(crate) name: &'static str,
    pub(crate) media_type: &'static str,
    pub(crate) content_id: &'static str,
    pub(crate) content: &'static str,
}

/// A message of the corpus.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Hostile {
    /// Its name, which is also the first label of its host's.
    pub(crate) name: &'static str,
    pub(crate) harm: Harm,
    pub(crate) part: Part,
}

/// Every message there is.
pub(crate) fn all() -> Vec<Hostile> {
    [bodies::RUNNING, fetching::FETCHING, heads::HEADS]
        .concat()
        .into_iter()
        .map(|(name, harm, part)| Hostile { name, harm, part })
        .collect()
}

impl Hostile {
    /// A part with its script and its host put in; the host is where `port` is listened on.
    pub(crate) fn armed(&self, text: &str, port: u16) -> String {
        text.replace(
            "{run}",
            "alert(`{name}`),{call},document.title=1,fetch(`http://{out}/ran`)",
        )
        .replace("{call}", "canary(`{name}`)")
        .replace("{out}", &format!("{{name}}.localhost:{port}"))
        .replace("{name}", self.name)
    }

    /// The subject that is submitted; most messages have a plain one.
    pub(crate) fn subject(&self, port: u16) -> String {
        if let Part::Subject(text) | Part::EncodedSubject(text) = self.part {
            return self.armed(text, port);
        }
        format!("About {}", self.name)
    }

    /// Whether its HTML is the hostile part.
    pub(crate) fn has_hostile_html(&self) -> bool {
        matches!(
            self.part,
            Part::Body(_) | Part::Click(_) | Part::Link(_) | Part::Picture(..) | Part::Raw(_)
        )
    }

    /// Whether a click into the HTML is part of it.
    pub(crate) fn is_clicked(&self) -> bool {
        matches!(self.part, Part::Click(_) | Part::Link(_))
    }

    /// Whether it is a link to elsewhere: the browser connects there when it is pressed.
    pub(crate) fn is_link(&self) -> bool {
        matches!(self.part, Part::Link(_))
    }

    /// The body of SES's `SendEmail`.
    pub(crate) fn submission(&self, port: u16) -> Value {
        if let Part::Raw(text) = self.part {
            let head = format!(
                "From: ann@example.com\r\nTo: bob@example.com\r\nSubject: {}\r\n",
                self.subject(port)
            );
            let message = head + &self.armed(text, port);
            return json!({"Content": {"Raw": {"Data": STANDARD.encode(message)}}});
        }
        let mut from = "Ann <ann@example.com>".to_owned();
        let mut to = "bob@example.com".to_owned();
        let mut subject = self.subject(port);
        let mut html = "<p>Hello</p>".to_owned();
        let mut text = "Hello".to_owned();
        let (mut headers, mut files) = (vec![], vec![]);
        let armed = |text| self.armed(text, port);
        match self.part {
            Part::Body(body) | Part::Click(body) | Part::Link(body) => html = armed(body),
            Part::Picture(body, file) => {
                html = armed(body);
                files.push(file);
            }
            Part::Text(body) => text = armed(body),
            Part::Subject(_) | Part::Raw(_) => {}
            Part::EncodedSubject(_) => subject = format!("=?utf-8?b?{}?=", STANDARD.encode(&subject)),
            Part::From(name) => from = format!("{} <ann@example.com>", armed(name)),
            Part::To(name) => to = format!("{} <bob@example.com>", armed(name)),
            Part::Header(name, value) => headers.push(json!({"Name": armed(name), "Value": armed(value)})),
            Part::Attachment(file) => files.push(file),
        }
        let files: Vec<Value> = files
            .iter()
            .map(|file| {
                json!({
                    "RawContent": STANDARD.encode(armed(file.content)),
                    "FileName": armed(file.name),
                    "ContentType": armed(file.media_type),
                    "ContentId": armed(file.content_id),
                })
            })
            .collect();
        json!({
            "FromEmailAddress": from,
            "Destination": {"ToAddresses": [to]},
            "Content": {"Simple": {
                "Subject": {"Data": subject},
                "Body": {"Text": {"Data": text}, "Html": {"Data": html}},
                "Headers": headers,
                "Attachments": files,
            }},
        })
    }
}
